/* A request half way, for the parts that make it: build.c runs the recipe up to its payloads, known.c sets what the
 * agent knows, lists.c puts the lists of parameters together, finish.c puts the signatures in place.
 *
 * `inputs` are the values that templates name, in the positions of ch_names. After a build the bot's request is gone,
 * so they point into the draft's own buffers or into the profile. A buffer may move while it grows, so a slice into one
 * is taken when it is complete. */
#ifndef CH_EXCHANGE_DRAFT_H
#define CH_EXCHANGE_DRAFT_H

#include "exchange/environments_impl.h"
#include "exchange/profile_impl.h"
#include "exchange/recipe.h"

#define CH_LIST_ITEMS_MAX (64 + CH_LIST_FIELDS_MAX) /* what lists and objects hold does not count */
#define CH_TIME_TEXT_MAX 40

struct ch_draft {
    ch_scratch *scratch;
    const ch_recipe *recipe;
    const ch_endpoint *endpoint;
    const ch_scheme *scheme;
    const ch_environment *environment;
    ch_slice inputs[CH_RECIPE_INPUTS_MAX];
    char times[CH_BUILTIN_NEWLINE - CH_BUILTIN_TIME_S][CH_TIME_TEXT_MAX]; /* times, nonce, uuid */
    char window[CH_WINDOW_DIGITS_MAX + 1];
    ch_buffer path;
    ch_buffer digits;                      /* of what is random, in hex */
    ch_buffer fields[CH_RECIPE_LISTS_MAX]; /* values of each list's fields */
    ch_list_item items[CH_RECIPE_LISTS_MAX][CH_LIST_ITEMS_MAX];
    ch_list lists[CH_RECIPE_LISTS_MAX];
    ch_buffer values[CH_RECIPE_VALUES_MAX];
    ch_buffer payloads[CH_PAYLOADS_MAX];
    ch_buffer signatures[CH_PAYLOADS_MAX];
    ch_buffer sent; /* url, body, headers, one after the other */
};

/* Asserts what holds from the beginning of a build on. */
void ch_draft_assert(const ch_draft *draft);

/* Appends what the template makes of the draft's inputs and lists. */
CH_CHECKED ch_status ch_draft_run(ch_draft *draft, const ch_template *text, ch_buffer *out, ch_error *err);

/* Sets the values that are known of a request before anything is computed, in the positions of ch_builtin; the others
 * stay as they are. Views into `input` and the profile. */
void ch_known_set(const ch_recipe_input *input, ch_slice *values);
/* Sets all inputs that are builtins and not signatures, as far as the recipe uses them. */
void ch_draft_set_known(ch_draft *draft, const ch_recipe_input *input);

/* Makes the recipe's lists of the request's parameters and the agent's fields. CH_BAD_INPUT if there are too many. */
CH_CHECKED ch_status ch_draft_make_lists(ch_draft *draft, const ch_request *request, ch_error *err);
/* Puts something that does not end in a digit last in each list whose order is free. Returns false if nothing moved. */
bool ch_draft_put_words_last(ch_draft *draft);

#endif
