/* What a relay is told besides the signature, and instead of it: so that it needs to know nothing of exchanges. All of
 * it is JSON, ready for the answer. */
#ifndef CH_AGENT_CORE_RELAY_ANSWER_H
#define CH_AGENT_CORE_RELAY_ANSWER_H

#include "base/buffer.h"
#include "exchange/profile.h"

typedef struct ch_relay_told {
    const ch_profile *profile;
    uint64_t errors_tag; /* 0: the relay has the shapes */
    bool has_effects;    /* the request can change something at the exchange */
    bool is_serial;      /* the key has nonces, so one request after the other */
} ch_relay_told;

/* Stands for a request's id in the shapes of errors. The relay puts the id in its place. */
#define CH_RELAY_NO_ID "00000000000000000000000000000000"

/* Appends {"effects","serial"}, and unless the relay has them, the shapes of errors under "errors": with what a bot is
 * to be answered if a request with this key is not sent, or nobody knows how it ended, each as the exchange would say
 * it. The relay keeps them, fills in the request's id, and shows their tag when it asks again. */
void ch_relay_answer_add(const ch_relay_told *told, ch_buffer *out);
/* True if the relay has shown that tag, so that it has the shapes already. */
bool ch_relay_has_errors(ch_slice shown, uint64_t tag);
/* Appends {"status","headers","body"}: the agent's failure as the exchange would say it. `id` is of the request, or of
 * its approval. */
void ch_exchange_error_add(const ch_profile *profile, ch_status status, ch_slice message, ch_slice id, ch_buffer *out);
/* True if such an answer to a request to `endpoint` means that nothing was placed. */
bool ch_relay_is_rejection(const ch_endpoint *endpoint, unsigned status, ch_slice body);

#endif
