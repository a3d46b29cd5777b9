/* What can be asked over HTTP: a table of paths. */
#ifndef CH_AGENT_FRONT_ROUTES_H
#define CH_AGENT_FRONT_ROUTES_H

#include "base/buffer.h"

typedef enum ch_question {
    CH_ASK_SIGN,
    CH_ASK_CHECK, /* as to sign, but nothing is signed */
    CH_ASK_LIMITS,
    CH_ASK_KEYS,
    CH_ASK_PUT_PRICES,
    CH_ASK_PRICES,
    CH_ASK_RELEASE,
    CH_ASK_REQUEST, /* that people were asked about */
    CH_ASK_FETCH,   /* to sign it */
    CH_ASK_WITHDRAW,
    CH_ASK_STATUS,
    CH_ASK_METRICS, /* the same answer of core's, in another form */
    CH_ASK_TIME,
    CH_ASK_READY,  /* the answer is in the HTTP status */
    CH_ASK_HEALTH, /* likewise; answered without core */
    CH_ASK_COUNT,
} ch_question;

/* What stands in a path between its two fixed parts. */
typedef enum ch_route_part {
    CH_PART_NONE, /* `path` is all */
    CH_PART_NAME, /* a key's */
    CH_PART_ID,   /* a reservation's or a request's: a decimal number from 1 to 2^64 - 1, in its one spelling */
} ch_route_part;

typedef struct ch_route {
    const char *method;
    const char *path;
    ch_route_part part;
    const char *suffix;
    ch_question question;
    bool takes_query;
} ch_route;

/* The part of a path that varies. */
typedef struct ch_route_what {
    ch_slice name; /* a key's; empty if there is none */
    uint64_t id;   /* 0 if there is none */
} ch_route_what;

/* Finds the route of `path` for `method`, and what the path names. Returns CH_NOT_FOUND, or CH_BAD_METHOD, for which
 * ch_route_add_methods knows more. */
CH_CHECKED ch_status ch_route_find(ch_slice method, ch_slice path, const ch_route **out, ch_route_what *what,
                                   ch_error *err);

/* Appends the methods that `path` takes, as the header Allow has them: "GET, PUT". */
void ch_route_add_methods(ch_slice path, ch_buffer *out);

/* True if `path` takes a query with `method`; with a method that it does not have, if any of its own does. */
bool ch_route_takes_query(ch_slice method, ch_slice path);

/* Returns true if a request with `method` to `path` may come without a body. */
bool ch_route_needs_no_body(ch_slice method, ch_slice path);

/* What a query may say. */
typedef struct ch_query {
    uint16_t limit;  /* of a page: how many rows */
    ch_slice after;  /* the row after which it begins, as it was sent; empty: at the beginning */
    ch_slice key;    /* the only one that is asked about; empty: all */
    uint16_t wait_s; /* how long the answer may wait for a change; 0: not at all */
} ch_query;

/* Reads what a query to `question` may say: "limit=N&after=ROW", "key=NAME" or "wait_s=N"; each may stand once.
 * CH_BAD_INPUT says what is wrong. `out` holds views into `text`. */
CH_CHECKED ch_status ch_query_read(ch_slice text, ch_question question, ch_query *out, ch_error *err);

#endif
