/* What the files of core.h share, and nobody else sees: the one struct with everything in it. Every other room gets
 * what it needs as arguments. */
#ifndef CH_AGENT_CORE_CORE_IMPL_H
#define CH_AGENT_CORE_CORE_IMPL_H

#include "agent/core/approval_desk.h"
#include "agent/core/callers.h"
#include "agent/core/codes.h"
#include "agent/core/confinement.h"
#include "agent/core/connections.h"
#include "agent/core/desk.h"
#include "agent/core/doors.h"
#include "agent/core/dying.h"
#include "agent/core/freeze_file.h"
#include "agent/core/fronts.h"
#include "agent/core/kept.h"
#include "agent/core/key_watch.h"
#include "agent/core/links.h"
#include "agent/core/listen.h"
#include "agent/core/meter.h"
#include "agent/core/notices.h"
#include "agent/core/notify.h"
#include "agent/core/operators.h"
#include "agent/core/relay_links.h"
#include "agent/core/reload.h"
#include "agent/core/request.h"
#include "agent/core/rules.h"
#include "agent/core/shadow.h"
#include "agent/core/status.h"
#include "agent/core/timekeeper.h"
#include "agent/core/unattended.h"
#include "base/loop.h"
#include "exchange/scratch.h"

typedef struct core {
    ch_rules rules;
    ch_rules retired; /* of before, while requests go by them */
    ch_kept kept;
    ch_timekeeper timekeeper;
    ch_callers *callers;
    ch_key_watch *key_watch;
    ch_shadow *shadow;
    ch_desk desk;
    ch_approval_desk *approval_desk;
    ch_doors *doors;
    ch_scratch *scratch;
    ch_loop *loop;
    ch_notify *notify;
    ch_confinement *confinement;
    ch_source signals;
    bool is_stopping;
    ch_listener *bots_socket;
    ch_listener *operators_socket;
    ch_meter *meter;
    size_t most_sent; /* how many jobs tokens had at once, since they had none */
    ch_timer held;    /* the next turn, while callers wait because of what they cost */
    ch_connections *connections;
    ch_relay_links *relays;
    ch_fronts *fronts;
    ch_dying *dying;
    ch_links links;
    ch_unattended *unattended;
    ch_requests *requests;
    ch_reload *reload;
    bool is_reloaded; /* the rules are new, and keys are still looked for */
    ch_codes *codes;
    ch_operators *operators;
    ch_freeze_file *freeze_file; /* NULL: none is watched */
    ch_notices *notices;
    ch_status_context status;
} core;

/* ---- core_rooms.c ---- */

/* Makes the rooms, in the order in which they need each other. Takes both sockets over. */
void ch_core_make_rooms(core *self, int listen_fd, int operator_fd);
/* From here on the state is written. */
CH_CHECKED ch_status ch_core_start_state(core *self, ch_error *err);
/* The shadow policy is that of the rules. */
void ch_core_follow_shadow(core *self);

/* ---- core_freeze.c ---- */

/* From here on SIGUSR1 does not end the agent; it is taken when the loop turns. */
void ch_core_hold_freezes(void);
/* SIGUSR1 came from that process. */
void ch_core_freeze_by_signal(core *self, pid_t pid, uid_t uid);
/* If agent.yaml names one. */
CH_CHECKED ch_status ch_core_watch_freeze_file(core *self, ch_error *err);

/* ---- core_reload.c ---- */

/* In each turn: takes rules that were read, frees those of before, and answers who waits. */
void ch_core_go_on_with_reload(core *self);

#endif
