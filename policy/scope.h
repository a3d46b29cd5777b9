/* Scopes: whom or what a limit counts by, as text: "caller=maker;account=desk;symbol=BTCUSDT". Pure. */
#ifndef CH_POLICY_SCOPE_H
#define CH_POLICY_SCOPE_H

#include "exchange/facts.h"
#include "policy/match.h"

#define CH_NO_CALLER SIZE_MAX /* a peer that policy does not name: all of those share one scope */

/* Appends the scope of `entry` for one caller and one item; `subject` is NULL if nothing is known of the request. False
 * if it is not known: then `*unknown` is the fact. What the kind of item does not have is "-". */
bool ch_scope_add(const ch_question *question, const ch_entry_rule *entry, size_t caller, const ch_subject *subject,
                  ch_buffer *out, ch_fact_name *unknown);

/* The callers of the question that the entry counts each by itself, from `*at` on, which begins at 0. False: there is
 * no more, or the limit does not count by callers. */
bool ch_scope_caller(const ch_question *question, const ch_entry_rule *entry, size_t *at, size_t *caller);

#endif
