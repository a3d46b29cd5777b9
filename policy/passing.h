/* What a trading state lets pass. Reducing: reads, cancels, and orders that can only make a position smaller. Halted:
 * reads and cancels. Policy may narrow that, never widen it. Pure. */
#ifndef CH_POLICY_PASSING_H
#define CH_POLICY_PASSING_H

#include "exchange/readings.h"
#include "policy/match.h"
#include "policy/verdict.h"

/* The state that counts. */
typedef struct ch_passing {
    ch_trading state;
    ch_state_row why;
} ch_passing;

ch_passing ch_passing_of(const ch_question *question);
/* Of what is signed without being read, too: `reading` is NULL. Rule `state`. */
CH_CHECKED ch_status ch_passing_reading(const ch_question *question, const ch_passing *passing,
                                        const ch_reading_at *reading, const ch_objection *to);
CH_CHECKED ch_status ch_passing_item(const ch_question *question, const ch_passing *passing, const ch_subject *subject,
                                     const ch_objection *to);

/* Refuses unless the trading state that counts now lets the request pass. It asks nothing else of the policy: it is for
 * what was judged before the state was set. */
CH_CHECKED ch_status ch_passing_check(const ch_question *question, ch_error *err);

/* Refuses unless the request only cancels, or reduces positions, and nothing that its signature can be besides does
 * more than a reducing state lets pass at most. Looks neither at trading states nor at what policy makes of them, since
 * it is for what must be signed while they hold. Rule `flatten`. */
CH_CHECKED ch_status ch_passing_flattens(const ch_question *question, ch_error *err);

#endif
