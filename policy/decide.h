/* What policy decides. Pure: everything that a decision rests on is an argument; no clock, no I/O, no database.
 *
 * A decision has two parts. ch_policy_judge says whether some `allow` covers each item, no `deny` does, each order is
 * within what limits say of one order, and which requirements apply; and it plans what the request takes of which
 * windows. ch_judgement_take then looks whether the windows have it, and takes it. docs/policy.md has the meanings.
 *
 * Which allow, if several cover an item? Limits that an allow names apply if the item passes by that allow; limits that
 * no allow names always apply. The request may be signed if for each item of each reading one covering allow can be
 * chosen so that all limits hold, of one order and of windows. Of these choices the first counts, item by item, in the
 * order of the allows' names, and its windows are charged. What follows:
 *
 *   - One more allow never refuses what was allowed, one more deny, limit or requirement never allows what was refused.
 *     That holds for the same levels: what more is signed uses up more.
 *   - The order of a file's entries changes nothing. If several entries refuse, the refusal names an allow's fault
 * before a deny, a deny before a limit, that before a window, and of a verb the first by name.
 *   - Collars count for the value of an order without a price, and for the age of references, only for items that pass
 *     by an allow that names them (policy/value.h).
 *
 * policy/match.h says when an entry applies, policy/value.h what things are worth, policy/charges.h what a limit says,
 * policy/plan.h how allows are chosen. Thread-safe, as far as the arguments are. */
#ifndef CH_POLICY_DECIDE_H
#define CH_POLICY_DECIDE_H

#include "policy/levels.h"
#include "policy/policy.h"
#include "policy/question.h"

#define CH_CHARGES_MAX 256 /* of one request; one that would need more is refused */

typedef struct ch_judgement {
    const ch_entry_rule *allowed_by;   /* of the first item, once it is taken; for the record. Raw bytes: NULL */
    ch_charge charges[CH_CHARGES_MAX]; /* what was taken. Their scopes live until the judgement is used again */
    size_t charge_count;
    ch_refusal refusal;     /* if it is refused */
    struct ch_judge *judge; /* what is only of use in between */
} ch_judgement;

#define CH_JUDGEMENT_INIT                                                                                              \
    {                                                                                                                  \
        0                                                                                                              \
    }
void ch_judgement_free(ch_judgement *judgement);

/* Judges the request. CH_OK: it may be signed if its windows have room. CH_REFUSED: the rule says no, and
 * `out->refusal` has the figures. `out` is used again and again; what it held is gone. */
CH_CHECKED ch_status ch_policy_judge(const ch_question *question, ch_judgement *out, ch_error *err);

/* Takes what the judgement needs from the windows, all or nothing; `taken` has room for CH_CHARGES_MAX, and has as many
 * as `judgement->charges` afterwards. The question is that of ch_policy_judge. CH_REFUSED, CH_TOO_OFTEN: a window has
 * no room, and `judgement->refusal` has the figures. With `is_dry`, nothing is taken, and `taken` may be NULL.
 *
 * If ch_policy_judge refused, nothing is taken either; the answer is the same again, and `err` and the refusal are left
 * as they are. It is of use for who asks why: the trace then shows the windows too. */
CH_CHECKED ch_status ch_judgement_take(ch_judgement *judgement, const ch_question *question, ch_levels *levels,
                                       bool is_dry, ch_taken *taken, ch_error *err);

/* Asks the windows whether they would have room for a request that is refused for want of people alone
 * (`refusal.needs_people`), and takes nothing. Returns CH_OK if they would, with what it would take in
 * `judgement->charges`; CH_REFUSED or CH_TOO_OFTEN by the window that `err` names, with its figures in the refusal. */
CH_CHECKED ch_status ch_judgement_try(ch_judgement *judgement, const ch_question *question, const ch_levels *levels,
                                      ch_error *err);

/* Returns the entry of `require` at that index among those that applied to what was judged last, or NULL if there are
 * fewer. */
const ch_entry_rule *ch_judgement_requirement(const ch_judgement *judgement, size_t index);

/* ---- what needs no request ---- */

/* Has `callers` any allow for `key`? Refuses with the rule `grant`: a caller does not find out which keys others have.
 * So for a key that there is not, the same is said by ch_policy_refuse_key. */
CH_CHECKED ch_status ch_policy_admit(const ch_policy *policy, const ch_key *key, const ch_caller_set *callers,
                                     ch_error *err);
ch_status ch_policy_refuse_key(ch_slice key, ch_error *err);
bool ch_policy_may_see(const ch_policy *policy, const ch_key *key, const ch_caller_set *callers);

#endif
