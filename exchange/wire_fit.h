/* Gives what an SDK sent the shape that the endpoint's definitions have: lists that are spelled as pairs, as JSON or
 * with commas, and numbers with an exponent. It guesses nothing: what does not fit stays as it is, and the endpoint's
 * check refuses it. */
#ifndef CH_EXCHANGE_WIRE_FIT_H
#define CH_EXCHANGE_WIRE_FIT_H

#include "exchange/fillings.h"

/* One parameter as it was sent, with all that it holds. */
typedef struct ch_wire_given {
    size_t at; /* among the values that were read */
    ch_wire_place place;
    uint32_t hash; /* of the name, so that many can be compared */
    bool is_pair;  /* of a form, where several of one name may be a list; in JSON only one of them counts */
    bool is_done;  /* it is fitted, or left out */
} ch_wire_given;

/* What is fitted: the parameters at `given` among `from`. */
typedef struct ch_wire_fit {
    const ch_endpoint *endpoint;
    const ch_wire_values *from;
    ch_wire_given *given;
    size_t given_count;
} ch_wire_fit;

/* True if a pair of that name is a part of a list that the endpoint takes. */
bool ch_wire_is_of_list(const ch_endpoint *endpoint, ch_slice name);

/* Appends all that is not done to `out`, whose text is that of `from`. CH_BAD_INPUT names the parameter. */
CH_CHECKED ch_status ch_wire_fit_all(const ch_wire_fit *fit, ch_wire_values *out, ch_error *err);

#endif
