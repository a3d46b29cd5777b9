/* The operators' socket: unlock and lock, people's seeds, reload, nonces and time, trading states,
 * held prices, and what was decided. A session is one request and its answer: an
 * operator's CLI connects, asks, is answered, and is gone. Core's thread only. */
#ifndef CH_AGENT_CORE_OPERATORS_H
#define CH_AGENT_CORE_OPERATORS_H

#include "agent/core/codes.h"
#include "agent/core/freeze_file.h"
#include "agent/core/ledger.h"
#include "agent/core/links.h"
#include "agent/core/reload.h"
#include "agent/core/request.h"
#include "agent/core/timekeeper.h"
#include "base/loop.h"
#include "policy/policy.h"

#define CH_OPERATORS_MAX 16 /* sessions at once */
#define CH_OPERATOR_SHARE 6 /* of one user */

typedef struct ch_operators ch_operators;

/* What operators may see and change; all of it must outlive the room. */
typedef struct ch_operator_context {
    const ch_policy *policy;
    ch_links *links;
    ch_timekeeper *keeper;
    ch_reload *reload;
    ch_ledger *ledger;
    ch_requests *requests;
    const ch_freeze_file *freeze_file; /* NULL: none is watched */
    ch_codes *codes;
} ch_operator_context;

/* Takes over `listen_fd`, a listening SOCK_SEQPACKET socket. */
ch_operators *ch_operators_new(ch_loop *loop, int listen_fd, const ch_operator_context *context);
void ch_operators_free(ch_operators *operators);
CH_CHECKED ch_status ch_operators_start(ch_operators *operators, ch_error *err);

#endif
