/* Strings to sign that hold nothing of the request but its parameters: which endpoint is such a string for?
 *
 * A string is read once for each recipe, whatever the number of endpoints, and each value is looked at once for each
 * definition of its name; endpoints are then compared by sets of names. So the work does not grow with the product of
 * the string and the profile: docs/threats.md states the bound. Core's thread only. */
#ifndef CH_EXCHANGE_ANONYMOUS_H
#define CH_EXCHANGE_ANONYMOUS_H

#include "exchange/recipe.h"

/* What a search took. */
typedef struct ch_anonymous_work {
    size_t readings; /* of the whole string */
    size_t checks;   /* of one value by one definition */
} ch_anonymous_work;

/* Returns the first endpoint, in the order of their paths, of which `text` may be the string; NULL if there is none.
 * What the string means is for ch_recipe_read to say. `input` needs no endpoint, and a request without a path. */
const ch_endpoint *ch_anonymous_find(const ch_recipe_input *input, unsigned kinds, ch_scratch *scratch, ch_slice text,
                                     ch_anonymous_work *work);

#endif
