/* The recipe interpreter: from a checked request to the payloads that are signed, and from their signatures to the
 * finished request.
 *
 * It is small and total: a fixed number of steps that the profile lists, no loops over input that a profile controls,
 * no recursion. It knows no exchange by name. Not thread-safe: one ch_draft is one request of one thread. */
#ifndef CH_EXCHANGE_RECIPE_H
#define CH_EXCHANGE_RECIPE_H

#include "base/error.h"
#include "exchange/environments.h"
#include "exchange/profile.h"
#include "exchange/request.h"
#include "exchange/scratch.h"

/* What the agent itself puts in a request. */
typedef struct ch_recipe_input {
    const ch_profile *profile;
    const ch_scheme *scheme;
    const ch_environment *environment; /* the key's; the endpoint exists there */
    const ch_endpoint *endpoint;
    const ch_request *request; /* checked; needed only by ch_recipe_build */
    ch_slice key_id;
    ch_slice passphrase;
    uint64_t now_ns; /* wall clock since 1970, UTC */
    uint32_t
        window_ms_max;  /* the most that the receive window may be, and its default if that is more; 0: the profile's */
    uint64_t nonce;     /* strictly increasing for each key */
    uint8_t random[32]; /* fresh for each request, if ch_endpoint_uses_random says so */
} ch_recipe_input;

typedef struct ch_header {
    ch_slice name;
    ch_slice value;
} ch_header;

/* True if a header can hold `value`: printable ASCII. */
bool ch_header_may_hold(ch_slice value);

#define CH_HEADERS_MAX 16
#define CH_PAYLOADS_MAX 3

/* The finished request; views into the draft. */
typedef struct ch_finished {
    ch_slice method;
    ch_slice url;
    ch_slice body;
    ch_header headers[CH_HEADERS_MAX];
    size_t header_count;
} ch_finished;

/* What the token must sign: the request's own payload first, then what the recipe also signs. */
typedef struct ch_payloads {
    ch_slice items[CH_PAYLOADS_MAX];
    size_t count;
} ch_payloads;

/* A request half way: everything but the signatures. Owned by the caller, reused from request to request. It borrows
 * `scratch`, which many drafts of one thread may share and which must outlive them. */
typedef struct ch_draft ch_draft;
ch_draft *ch_draft_new(ch_scratch *scratch);
void ch_draft_free(ch_draft *draft);

/* Runs the recipe up to its payloads. `out` are views into the draft, valid until the next build. The draft holds
 * copies of all that it needs of the request; profile (with scheme, environment and endpoint), key id and pass phrase
 * must outlive it.
 * CH_BAD_INPUT and CH_TOO_LARGE say what is wrong with the request. */
CH_CHECKED ch_status ch_recipe_build(const ch_recipe_input *input, ch_draft *draft, ch_payloads *out, ch_error *err);

/* The receive window that the checked request will have; 0: it has none. CH_REFUSED, rule `receive_window`: the bot
 * asks for more than `input->window_ms_max`. */
CH_CHECKED ch_status ch_recipe_find_window(const ch_recipe_input *input, uint32_t *window_ms, ch_error *err);
/* The receive window of the request that was built; 0 if it has none. */
uint32_t ch_draft_window_ms(const ch_draft *draft);

/* Puts the raw signatures, one for each payload, in place. `out` are views into the draft, valid until its next build.
 */
CH_CHECKED ch_status ch_recipe_finish(ch_draft *draft, const ch_payloads *signatures, ch_finished *out, ch_error *err);

#endif
