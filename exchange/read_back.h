/* The recipe read backwards: from an SDK's own string to sign to the parameters it is made of.
 *
 * What is read is a guess and proves nothing. The caller judges the parameters like any request's, builds the string
 * again from them, and signs only if both are the same bytes. Strings can be read that consist of literals, times, what
 * is known of the key and the request, and lists in a form or JSON style. Digests can't be read; nor can nonces, which
 * the agent keeps itself. */
#ifndef CH_EXCHANGE_READ_BACK_H
#define CH_EXCHANGE_READ_BACK_H

#include "exchange/recipe.h"

typedef struct ch_reading {
    ch_param params[CH_PARAMS_MAX]; /* placeholders where the agent's fields stand */
    size_t param_count;
    uint64_t in_form[CH_PARAMS_MAX / 64]; /* set of positions: those that stood in a form, where all values are text */
    ch_buffer text;  /* decoded values; never moves: a value is decoded twice at most, and never gets longer */
    uint64_t now_ns; /* the time in the string; 0 if it has none */
} ch_reading;

/* Reads `text` as the payload of a request to `input->endpoint` by `input->scheme`; `input->request` need only hold
 * method, host and path. `out` holds views into `text` and itself, valid until the next read; the caller zeroes it
 * before the first read and frees its buffer after the last. CH_BAD_INPUT says at which byte the string stops fitting.
 */
CH_CHECKED ch_status ch_recipe_read(const ch_recipe_input *input, ch_scratch *scratch, ch_slice text, ch_reading *out,
                                    ch_error *err);

/* The same, but a list or object that a form holds stays the text that it is: what is read depends on the recipe only,
 * not on the endpoint. */
CH_CHECKED ch_status ch_recipe_read_flat(const ch_recipe_input *input, ch_scratch *scratch, ch_slice text,
                                         ch_reading *out, ch_error *err);

/* Reads that text of the parameter `name` into a reading of its own. False if it is not the JSON that the agent writes.
 */
bool ch_recipe_read_value(ch_slice name, ch_slice value, ch_reading *out);

/* True if the string to sign holds nothing of the request but its parameters. */
bool ch_recipe_is_anonymous(const ch_endpoint *endpoint, const ch_scheme *scheme);

#endif
