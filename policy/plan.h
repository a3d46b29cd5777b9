/* A plan: in which ways a request could be signed, and what each takes of which windows.
 *
 * Each item of each reading is a place, and each allow that covers it is an option of that place, with its charges; in
 * the order of the allows' names. A request may be signed if there is an option for each place with which all windows
 * have room. Of those choices the first is taken, in the order of the places and of the names. So one more allow can
 * never refuse what was allowed: the choices without it are still there. (The search gives up after CH_PLAN_TRIES
 * tries, which only a batch can reach that no choice lets through, or hardly any.)
 *
 * A window is charged the sum over the items of a reading, and of that the largest over the readings; if each endpoint
 * takes the signature once, the sum over the readings. Not thread-safe; used again and again. */
#ifndef CH_POLICY_PLAN_H
#define CH_POLICY_PLAN_H

#include "policy/charges.h"
#include "policy/levels.h"
#include "policy/verdict.h"

#define CH_PLAN_TRIES 1000

typedef struct ch_plan ch_plan;

ch_plan *ch_plan_new(void);
/* NULL is fine. */
void ch_plan_free(ch_plan *plan);
void ch_plan_clear(ch_plan *plan);

/* Begins the next place, which has no option yet. */
void ch_plan_add_place(ch_plan *plan, size_t reading);
/* Begins the next option of the last place; `allow` is NULL for raw bytes. */
void ch_plan_add_option(ch_plan *plan, const ch_entry_rule *allow);
/* Takes the last option away again; the first of the last place. */
void ch_plan_drop_option(ch_plan *plan);
void ch_plan_drop_first_option(ch_plan *plan);
/* The options of the last place; the charges of its last option. */
size_t ch_plan_options(const ch_plan *plan);
size_t ch_plan_charges(const ch_plan *plan);

/* Adds what `subject` (NULL: nothing is known of it) costs to the last option: a charge for each scope. False if the
 * scope is not known, and then `to` has the refusal. */
CH_CHECKED bool ch_plan_charge(ch_plan *plan, const ch_question *question, const ch_entry_rule *limit,
                               const ch_cost *cost, const ch_subject *subject, const ch_objection *to);

/* Chooses, and fills in what each window is charged; `*count` has room for `room` charges. Their scopes live until the
 * plan is cleared. `*allow` is the first place's. Refuses, if no choice fits, by the limit that was first in the way.
 */
CH_CHECKED ch_status ch_plan_choose(ch_plan *plan, const ch_question *question, const ch_levels *levels,
                                    ch_charge *charges, size_t room, size_t *count, const ch_entry_rule **allow,
                                    const ch_objection *to);

#endif
