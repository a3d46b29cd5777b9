/* Errors as the exchange would write them, for a relay to pass on to bots: beside a signature, or in its place. So a
 * relay needs to know nothing of exchanges. */
#ifndef CH_AGENT_CORE_RELAY_ANSWER_H
#define CH_AGENT_CORE_RELAY_ANSWER_H

#include "exchange/profile.h"
#include "wire/frame.h"

/* Stands for a request's id in the shapes of errors. The relay puts the id in its place. */
#define CH_RELAY_NO_ID "00000000000000000000000000000000"

/* Appends two answers to a bot: for a request that was not sent, and for one of which nobody knows how it ended. They
 * hold for every request with the key: the relay keeps them, and shows their tag when it asks again. */
void ch_relay_errors_add(const ch_profile *profile, ch_records *list, ch_buffer *records);
/* Appends the agent's failure. `id` is of the request, or of its approval. */
void ch_exchange_error_add(const ch_profile *profile, ch_status status, ch_slice message, ch_slice id, ch_records *list,
                           ch_buffer *records);
/* True if such an answer to a request to `endpoint` means that nothing was placed. */
bool ch_relay_is_rejection(const ch_endpoint *endpoint, unsigned status, ch_slice body);

#endif
