/* The desk where bots ask about requests that people must approve. It takes the frames GET_REQUEST, which asks how a
 * request stands, now or when that changes, and WITHDRAW. A fetch is a request for a signature (agent/core/request.h).
 *
 * A bot that waits takes a place until it is answered; each user has a share of the places. The answer comes when the
 * request changes, when the time is over, or when the policy is replaced. A bot that leaves loses its place; its front
 * gets an answer all the same. Core's thread only. */
#ifndef CH_AGENT_CORE_APPROVAL_DESK_H
#define CH_AGENT_CORE_APPROVAL_DESK_H

#include "agent/core/callers.h"
#include "agent/core/clockwatch.h"
#include "agent/core/connections.h"
#include "agent/core/intake.h"
#include "agent/core/ledger.h"
#include "base/loop.h"
#include "policy/policy.h"
#include "wire/frames.h"

#define CH_LONG_WAITS_MAX 128
#define CH_LONG_WAITS_SHARE 8 /* of one user; above it, only while RESERVE are left */
#define CH_LONG_WAITS_RESERVE 96
#define CH_LONG_WAITS_FIRST 1 /* that each user may have even when all are taken */
#define CH_LONG_WAIT_S_MAX 60

typedef struct ch_approval_desk ch_approval_desk;

/* Everything must outlive the desk. */
typedef struct ch_approval_desk_context {
    ch_loop *loop;
    const ch_policy *policy;
    ch_connections *connections;
    ch_callers *callers;
    ch_ledger *ledger;
    const ch_clockwatch *clock;
} ch_approval_desk_context;

ch_approval_desk *ch_approval_desk_new(const ch_approval_desk_context *context);
void ch_approval_desk_free(ch_approval_desk *desk);

/* Answers how a request stands, at once or when that changes. */
void ch_approval_desk_tell(ch_approval_desk *desk, ch_asker asker, const ch_get_request_frame *get);
/* Withdraws a request, and answers when that is on the disk. */
void ch_approval_desk_withdraw(ch_approval_desk *desk, ch_asker asker, const ch_withdraw_frame *withdraw);

/* Answers those whose wait is over. Call it in each turn. */
void ch_approval_desk_turn(ch_approval_desk *desk);
/* Answers all who wait for a change. Call it before the policy is replaced. */
void ch_approval_desk_recall(ch_approval_desk *desk);

#endif
