/* Differences: what one policy lets pass that another does not, in words. Pure.
 *
 * Entries are compared by what they mean after loading, not by their text: patterns are lists of symbols, the order in
 * the file and a new name change nothing. An entry is the other's by its name, or else by saying the same. An allow
 * that is new, and that another allow covers already, is no difference. */
#ifndef CH_POLICY_DIFFERENCES_H
#define CH_POLICY_DIFFERENCES_H

#include "policy/policy.h"

typedef enum ch_change {
    CH_WIDER,
    CH_NARROWER,
    CH_CHANGED, /* nobody can say which of the two without a request */
} ch_change;

typedef struct ch_difference {
    ch_change direction;
    const char *text;            /* "allow 'quotes' now takes symbols SOLUSDT" */
    const char *about;           /* "allow", "limit", "key", ... */
    const char *name;            /* of it; "" */
    const ch_text_list *callers; /* whom it is about, by name; NULL: all */
} ch_difference;

typedef struct ch_difference_reader {
    void *context;
    void (*take)(void *context, const ch_difference *difference);
} ch_difference_reader;

/* Calls `reader` for each; how many there are is returned. */
size_t ch_policy_compare(const ch_policy *old_policy, const ch_policy *new_policy, const ch_difference_reader *reader);

const char *ch_change_name(ch_change direction); /* "wider" */

#endif
