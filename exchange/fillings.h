/* What the agent itself fills in of the requests to an endpoint (key id, time, nonce, pass phrase, signature, token),
 * by name and place, whichever scheme of the profile signs; and where the bot's parameters stand.
 *
 * It is learned by building a request of known texts and looking where they are, so whatever a recipe can write can be
 * undone without a word about how. Pure. Not thread-safe: one ch_fillings belongs to one thread. */
#ifndef CH_EXCHANGE_FILLINGS_H
#define CH_EXCHANGE_FILLINGS_H

#include "exchange/recipe.h"
#include "exchange/wire_values.h"

#define CH_FILLINGS_MAX 160
#define CH_HOLDERS_MAX 4

typedef enum ch_wire_place {
    CH_WIRE_QUERY,
    CH_WIRE_BODY,
    CH_WIRE_HELD, /* among the parameters, where something in body or header holds them */
    CH_WIRE_HEADER,
} ch_wire_place;

typedef enum ch_filling_kind {
    CH_FILLING_ANY,           /* whatever it is, the agent writes it anew */
    CH_FILLING_PATH,          /* the path of the request, maybe with a query */
    CH_FILLING_CALL,          /* the end of the path, which is `before` */
    CH_FILLING_WINDOW,        /* the receive window, which a bot may set */
    CH_FILLING_NONCE,         /* the nonce */
    CH_FILLING_NONCE_AFTER,   /* the same, after the text `before` */
    CH_FILLING_TIME,          /* the time of the request */
    CH_FILLING_TIME_AFTER,    /* the same, after the text `before` */
    CH_FILLING_TIME_IN_TOKEN, /* the same, as the member `before` of a JSON Web Token's claims */
} ch_filling_kind;

typedef struct ch_filling {
    ch_wire_place place;
    ch_filling_kind kind;
    ch_slice name;
    ch_slice before;
    int64_t ahead_s; /* of a time: how much later than that of the request it is */
} ch_filling;

/* What holds the parameters, instead of query or body itself: a member of the body or a header, as an object, as JSON
 * in a text, or as that in base64. */
typedef struct ch_holder {
    ch_wire_place place;
    ch_slice name;
} ch_holder;

typedef struct ch_fillings {
    ch_filling items[CH_FILLINGS_MAX];
    size_t count;
    ch_holder holders[CH_HOLDERS_MAX];
    size_t holder_count;
    bool has_copies; /* parameters stand both in the query and in the body, or also in a header */
    bool joins_body; /* query and body are one to the exchange */
    bool has_time;   /* the request says when it was made, whichever scheme signs it */
    bool sees_time;  /* the recipe that is looked at says it */
    ch_buffer text;  /* what the slices are of; never moves */
    ch_param seen[CH_PARAMS_MAX];
} ch_fillings;

/* The endpoint whose requests are looked at, by a path that it has. */
typedef struct ch_fillings_input {
    const ch_profile *profile;
    const ch_environment *environment;
    const ch_endpoint *endpoint;
    ch_slice path;
    ch_draft *draft; /* to build in */
} ch_fillings_input;

/* Fills in `out`, which the caller zeroes once, and frees the buffer of. CH_BAD_INPUT: no request to that path can be
 * built. */
CH_CHECKED ch_status ch_fillings_learn(const ch_fillings_input *input, ch_fillings *out, ch_error *err);

/* Returns the next filling of that place and name after `last` (NULL: the first), or NULL if there is no more. The case
 * of headers' names does not matter. */
const ch_filling *ch_fillings_find(const ch_fillings *fillings, ch_wire_place place, ch_slice name,
                                   const ch_filling *last);
/* True if what stands there under that name holds the parameters. */
bool ch_fillings_is_holder(const ch_fillings *fillings, ch_wire_place place, ch_slice name);

/* Reads what a holder holds, as entries under the holder's name: JSON, or JSON in base64. Returns false, and adds
 * nothing, if it is neither. */
bool ch_fillings_open(ch_slice text, ch_slice name, ch_wire_values *out);

/* Reads the claims of the JSON Web Token in a header, as entries of an object. Returns false if it has no token. */
bool ch_fillings_open_token(ch_slice value, ch_wire_values *out);

#endif
