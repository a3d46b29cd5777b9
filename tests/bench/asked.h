/* Orders that the agent signs for a bot, which then sends them itself: what bots do without a relay. */
#ifndef CH_TESTS_BENCH_ASKED_H
#define CH_TESTS_BENCH_ASKED_H

#include <stddef.h>

/* Connects to the agent's socket. Ends the program if that fails. */
int asked_connect(const char *socket);

/* Has the agent sign the order with that key, as an SDK's request, and puts what is to be sent in the order's place.
 * Returns its size. Waits for the answer. Ends the program if the agent refuses, or the answer does not fit. */
size_t asked_sign(int agent, const char *key, char *order, size_t capacity);

#endif
