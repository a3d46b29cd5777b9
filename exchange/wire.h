/* A request as an SDK would have sent it, undone: what is left is what the bot asks for, a typed request like any
 * other, which is judged and built anew.
 *
 * What the agent itself fills in (exchange/fillings.h) is dropped at its place, whatever value it has: an SDK may sign
 * with a dummy secret, by any of the profile's schemes. So are the headers of the transport and what the profile lists
 * under `sdk:`. The rest becomes parameters, from query, body or header; what is left unexplained is refused with its
 * name. Host and headers must be those of the environment, so that a live order never becomes a demo one, or the other
 * way round; and the request's own time must be of now.
 *
 * Pure and bounded. Not thread-safe: one reading belongs to one thread. */
#ifndef CH_EXCHANGE_WIRE_H
#define CH_EXCHANGE_WIRE_H

#include "exchange/fillings.h"
#include "exchange/wire_fit.h"

#define CH_WIRE_BYTES_MAX 65536 /* of URL, headers and body */
#define CH_WIRE_HEADERS_MAX 64

typedef struct ch_wire_request {
    ch_slice method;
    ch_slice url;    /* or only path and query, which must then be at one host alone */
    ch_slice origin; /* the profile's name of the host; empty: whichever has the path */
    ch_slice body;
    ch_header headers[CH_WIRE_HEADERS_MAX];
    size_t header_count;
} ch_wire_request;

typedef struct ch_wire_input {
    const ch_profile *profile;
    const ch_environment *environment; /* the key's */
    uint64_t now_ns;                   /* wall clock */
    uint64_t started_ns;               /* when the agent started */
    uint64_t signed_ns;                /* as in ch_wire_clock */
    ch_draft *draft;                   /* to try in */
} ch_wire_input;

/* What was read. Large; the caller zeroes it before the first read and calls ch_wire_free after the last. */
typedef struct ch_wire_reading {
    ch_request request; /* views into the input, this, and the profile */
    const ch_endpoint *endpoint;
    uint64_t until_ns; /* when the request will be too old; 0: it says no time */
    uint64_t own_ns;   /* the newest time that it says, or its nonce if it says none; 0: neither */
    ch_buffer text;    /* decoded values; never moves while one request is read */
    ch_param params[CH_PARAMS_MAX];

    ch_param read[CH_PARAMS_MAX]; /* as they were sent, the agent's among them */
    ch_wire_given given[CH_PARAMS_MAX];
    size_t given_count;
    ch_fillings fillings;
} ch_wire_reading;

/* CH_BAD_INPUT, CH_TOO_LARGE, CH_NOT_FOUND and CH_BAD_METHOD say what is wrong, and name it. What is read is not
 * checked against the endpoint's definitions yet. */
CH_CHECKED ch_status ch_wire_read(const ch_wire_input *input, const ch_wire_request *request, ch_wire_reading *out,
                                  ch_error *err);
void ch_wire_free(ch_wire_reading *reading);

#endif
