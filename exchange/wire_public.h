/* Calls that need no signature, as a profile's `public` lists them: market data, the time, listen keys. An SDK that has
 * one address for everything sends them to the agent too. They go on as they are, with the credentials removed, so that
 * no bot's dummy reaches the exchange; where the call says whose it is, by the key's own id. Nothing is judged, for
 * nothing is signed. Pure. */
#ifndef CH_EXCHANGE_WIRE_PUBLIC_H
#define CH_EXCHANGE_WIRE_PUBLIC_H

#include "exchange/wire.h"

/* The request to send. */
typedef struct ch_wire_public {
    ch_slice method;
    ch_slice url; /* in `text` */
    ch_slice body;
    ch_header headers[CH_WIRE_HEADERS_MAX + CH_HEADERS_MAX];
    size_t header_count;
    ch_buffer text;
} ch_wire_public;

/* True if `request` is no endpoint's, and public; or an endpoint's that is public by name, and has no credentials. Then
 * `out` is it, for the caller to free the text of; or `*status` is CH_BAD_INPUT, with the reason in `err`. `reading` is
 * working memory, of ch_wire_read's. */
bool ch_wire_public_read(const ch_wire_input *input, const ch_wire_request *request, ch_slice key_id,
                         ch_wire_reading *reading, ch_wire_public *out, ch_status *status, ch_error *err);

#endif
