/* Frames that bots, feeds and relays with good intentions send, for the keys and limits of tests/fuzz/core.c. */
#ifndef CH_TESTS_FUZZ_REQUESTS_H
#define CH_TESTS_FUZZ_REQUESTS_H

#include "base/buffer.h"
#include "tests/support/dice.h"

/* Once, before the first. */
void fuzz_requests_init(void);

/* Appends a SIGN frame in one of the four forms, most often one that core takes. */
void fuzz_add_request(dice *chance, ch_buffer *packet);

/* Appends prices, a release, or a question about limits, prices, or a request that waits for people. */
void fuzz_add_report(dice *chance, ch_buffer *packet);

/* Appends what a relay says: most often a SIGN frame for a bot, else how requests ended, seldom anything of a front's.
 */
void fuzz_add_relay_frame(dice *chance, ch_buffer *packet);

/* Appends reports of a price that moves further than policy lets it. */
void fuzz_add_held_price(ch_buffer *packet);

#endif
