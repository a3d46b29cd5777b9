/* What core says of itself to bots: the state of the tokens, and the keys that a caller may use. Core's thread only. */
#ifndef CH_AGENT_CORE_STATUS_H
#define CH_AGENT_CORE_STATUS_H

#include "agent/core/callers.h"
#include "agent/core/connections.h"
#include "agent/core/intake.h"
#include "agent/core/ledger.h"
#include "agent/core/links.h"
#include "agent/core/notices.h"
#include "agent/core/reload.h"
#include "agent/core/request.h"
#include "agent/core/timekeeper.h"
#include "policy/policy.h"
#include "wire/frames.h"

/* What there is to speak of. */
typedef struct ch_status_context {
    const ch_connections *connections;
    const ch_policy *policy;
    ch_callers *callers;
    const ch_ledger *ledger;
    const ch_links *links;
    const ch_requests *requests;
    const ch_notices *notices;
    const ch_reload *reload; /* may be NULL */
    const ch_confinement *confinement;
    const ch_timekeeper *timekeeper;
    const ch_meter *meter; /* NULL: none */
    uint64_t started_ms;   /* monotonic */
} ch_status_context;

/* Answers LIST_KEYS with the keys that policy allows the caller something with. */
void ch_status_list_keys(const ch_status_context *context, ch_asker asker, const ch_list_keys_frame *list);
/* Answers GET_STATUS: whether every key can sign and the clock is trusted, and, for callers whom policy names, the
 * tokens, the notices, and why keys that they may use cannot sign. A stranger learns only whether the agent is ready,
 * and only an operator what each caller asks and costs. */
void ch_status_report(const ch_status_context *context, ch_asker asker, const ch_get_status_frame *get);

#endif
