/* A policy beside the live one, which only says what it would have decided. It has levels of its own, so that what it
 * lets through counts as if it were live; it goes by the ledger's prices
 * and trading states, and knows no order of before. Its verdict stands in
 * the record and changes nothing. Core's thread only. */
#ifndef CH_AGENT_CORE_SHADOW_H
#define CH_AGENT_CORE_SHADOW_H

#include "agent/core/jobs.h"
#include "policy/question.h"
#include "policy/policy.h"

typedef struct ch_shadow ch_shadow;

ch_shadow *ch_shadow_new(void);
void ch_shadow_free(ch_shadow *shadow);
/* Judges by `policy` from now on, which must outlive the room or the next call; NULL ends it. */
void ch_shadow_set_policy(ch_shadow *shadow, const ch_policy *policy, uint64_t now_ns);
/* What it says of a request that the live policy judged by `live`: "allowed", or "refused by RULE: why". NULL: there is
 * no shadow policy. Valid until the next call. */
const char *ch_shadow_judge(ch_shadow *shadow, const ch_job *job, const ch_question *live);

#endif
