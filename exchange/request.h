/* A typed request, as a bot asks for it: method, host, path, and parameters in the bot's order.
 *
 * All slices are views into memory of whoever made the request. That memory must outlive it. Not thread-safe. */
#ifndef CH_EXCHANGE_REQUEST_H
#define CH_EXCHANGE_REQUEST_H

#include "base/slice.h"

#define CH_PARAMS_MAX 512 /* entries of a request, including those in lists and objects */
#define CH_PARAM_DEPTH_MAX 4

/* What a parameter was in the JSON of the request. A list or object is followed by what it holds, each an entry of its
 * own (in a list without a name), and then by CH_PARAM_END. */
typedef enum ch_param_kind {
    CH_PARAM_TEXT,        /* a JSON string */
    CH_PARAM_INTEGER,     /* a JSON integer, as its decimal digits */
    CH_PARAM_BOOLEAN,     /* "true" or "false" */
    CH_PARAM_PLACEHOLDER, /* JSON null: "the agent fills this in, and here is where it goes" */
    CH_PARAM_LIST,
    CH_PARAM_OBJECT,
    CH_PARAM_END,
    CH_PARAM_KIND_COUNT
} ch_param_kind;

typedef struct ch_param_def ch_param_def;

typedef struct ch_param {
    ch_param_kind kind;
    ch_slice name;
    ch_slice value;
    const ch_param_def *def; /* NULL until ch_endpoint_check has found it */
} ch_param;

typedef struct ch_request {
    ch_slice method;
    ch_slice host; /* empty: not given */
    ch_slice path;
    ch_param *params; /* in the bot's order; ch_endpoint_check fills in each one's def */
    size_t param_count;
} ch_request;

/* Index of the entry after the list or object at params[at] and its END. */
size_t ch_param_after_held(const ch_param *params, size_t count, size_t at);

/* Index of the entry after params[at]. For a list or object, that is the one after its END. */
static inline size_t ch_param_after(const ch_param *params, size_t count, size_t at)
{
    ch_param_kind kind = params[at].kind;
    return kind == CH_PARAM_LIST || kind == CH_PARAM_OBJECT ? ch_param_after_held(params, count, at) : at + 1;
}

#endif
