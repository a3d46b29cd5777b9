/* What a relay is told besides the signature, and instead of it, so that it needs to know nothing of exchanges: shapes
 * of errors, each as the exchange would say it. */
#ifndef CH_AGENT_CORE_RELAY_ANSWER_H
#define CH_AGENT_CORE_RELAY_ANSWER_H

#include "exchange/profile.h"
#include "wire/frame.h"

/* Stands for a request's id in the shapes of errors. The relay puts the id in its place. */
#define CH_RELAY_NO_ID "00000000000000000000000000000000"

/* Appends with what a bot is to be answered if a request is not sent, and if nobody knows how it ended. They hold for
 * every request with the key: the relay keeps them, and shows their tag when it asks again. */
void ch_relay_errors_add(const ch_profile *profile, ch_records *list, ch_buffer *records);
/* Appends the agent's failure. `id` is of the request, or of its approval. */
void ch_exchange_error_add(const ch_profile *profile, ch_status status, ch_slice message, ch_slice id, ch_records *list,
                           ch_buffer *records);
/* True if such an answer to a request to `endpoint` means that nothing was placed. */
bool ch_relay_is_rejection(const ch_endpoint *endpoint, unsigned status, ch_slice body);

#endif
