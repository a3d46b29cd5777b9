/* What an amendment leaves unsaid, from the agent's own record of the order. Pure.
 *
 * Only what nothing in the request speaks of is taken from the record; what a parameter hides stays unknown. And only
 * if the request names the order by the id that its bot gave it: the bot chooses that id, so it could choose the number
 * that the exchange gave to another order, whose amendment would then be judged by the wrong record. So the parameter
 * that names the order must be called as the one that gave the id, but for "orig", "new" and the like before it. */
#ifndef CH_POLICY_AMEND_H
#define CH_POLICY_AMEND_H

#include "exchange/intent.h"
#include "policy/question.h"

/* The record of the order that `item` names; NULL: there is none, or `item` does not name it by its client id. */
const ch_item *ch_record_of(const ch_question *question, const ch_item *item);

/* Fills `*out` with the amendment `item` and what `recorded` adds to it; NULL: there is no record. */
void ch_amend_complete(const ch_item *item, const ch_item *recorded, ch_item *out);

#endif
