/* The request that the agent would have been asked for, so that it makes the one of a vector. */
#ifndef CH_CLI_VECTOR_REQUEST_H
#define CH_CLI_VECTOR_REQUEST_H

#include "exchange/profile.h"

#include <jansson.h>

#define CH_ASKED_TEXTS_MAX (2 * CH_PARAMS_MAX)

typedef struct ch_asked {
    ch_param params[CH_PARAMS_MAX];
    size_t count;
    char *owned[CH_ASKED_TEXTS_MAX]; /* texts behind the params */
    size_t owned_count;
} ch_asked;

/* Fills `out`, which may hold anything before; free with ch_asked_free. */
void ch_vector_ask(const json_t *vector, const ch_endpoint *endpoint, const ch_scheme *scheme, ch_asked *out);
void ch_asked_free(ch_asked *asked);

#endif
