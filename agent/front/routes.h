/* What can be asked over HTTP: a table of paths. */
#ifndef CH_AGENT_FRONT_ROUTES_H
#define CH_AGENT_FRONT_ROUTES_H

#include "base/error.h"
#include "base/slice.h"

typedef enum ch_question {
    CH_ASK_SIGN,
    CH_ASK_KEYS,
    CH_ASK_STATUS,
    CH_ASK_METRICS, /* the same answer of core's, in another form */
    CH_ASK_TIME,
    CH_ASK_READY,  /* the answer is in the HTTP status */
    CH_ASK_HEALTH, /* likewise; answered without core */
} ch_question;

typedef struct ch_route {
    const char *method;
    const char *path;
    const char *suffix; /* NULL: `path` is all; otherwise a key's name stands between the two */
    ch_question question;
    bool takes_query;
} ch_route;

/* Finds the route of `path`, and the key's name in it. Returns CH_NOT_FOUND, or CH_BAD_METHOD with the route of the
 * path in `*out`. */
CH_CHECKED ch_status ch_route_find(ch_slice method, ch_slice path, const ch_route **out, ch_slice *key, ch_error *err);

/* True if the route of `path`, whatever its method, takes a query. */
bool ch_route_takes_query(ch_slice path);

/* What a query may say. */
typedef struct ch_query {
    uint16_t limit; /* of a page: how many keys */
    ch_slice after; /* the name after which it begins; empty: at the beginning */
    ch_slice key;   /* the only one that is asked about; empty: all */
} ch_query;

/* Reads what a query to `question` may say: "limit=N&after=NAME" or "key=NAME"; each may stand once. CH_BAD_INPUT says
 * what is wrong. `out` holds views into `text`. */
CH_CHECKED ch_status ch_query_read(ch_slice text, ch_question question, ch_query *out, ch_error *err);

#endif
