/* What a limit says of one item: it holds, it refuses, or it is a charge to the windows that it counts in. Pure.
 *
 * A charge of value, volume, loss, amount or orders counts for as often as the signature can be used. */
#ifndef CH_POLICY_CHARGES_H
#define CH_POLICY_CHARGES_H

#include "policy/value.h"
#include "policy/verdict.h"

typedef enum ch_limit_answer {
    CH_LIMIT_SKIPS, /* it does not count such items */
    CH_LIMIT_HOLDS,
    CH_LIMIT_CHARGES,
    CH_LIMIT_REFUSES,
    CH_LIMIT_OTHER_ASSET, /* it counts such items, of another asset */
} ch_limit_answer;

/* What an item takes of a limit's windows. */
typedef struct ch_cost {
    ch_decimal amount; /* never zero */
    bool is_closing;
    bool is_per_request; /* however many items the request has */
    bool may_use_reserve;
} ch_cost;

/* Asks `entry`, a limit that applies to the item of `pricing`. What refuses is in `to`. */
ch_limit_answer ch_limit_ask(const ch_question *question, const ch_entry_rule *entry, ch_pricing *pricing,
                             ch_cost *cost, const ch_objection *to);

/* What one message costs; for raw bytes too. */
ch_cost ch_message_cost(const ch_question *question);

/* How often a signature counts; 0: nobody knows. */
uint32_t ch_uses_of(const ch_question *question);
/* True if it counts at each endpoint that it opens, because each takes it once. */
bool ch_uses_add_up(const ch_question *question);

#endif
