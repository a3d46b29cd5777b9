#include "agent/core/operators_impl.h"

#include "base/loop.h"
#include "base/memory.h"
#include "base/clock.h"
#include "policy/policy.h"
#include "state/prints.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define ACCEPT_SHARE 10 /* percent of core's time, for accepting and refusing */
#define CHECK_EVERY_MS 500
#define ASK_WITHIN_MS 120000 /* a session that has not asked by then is closed: a person types the PIN meanwhile */

/* ---- answers ---- */

/* A link, or the state's writer, may still hold on to a session whose operator has left. */
static void close_session(ch_session *self)
{
    ch_operators *operators = self->operators;
    ch_links_forget_waiter(operators->context.links, self);
    ch_codes_forget(operators->context.codes, self);
    ch_timekeeper_forget(operators->context.keeper, self);
    ch_reload_forget(operators->context.reload, self);
    ch_ledger_forget(operators->context.ledger, self);
    if (self->flattening.is_asked) /* else no job is the session's, and all would be looked at for nothing */
        ch_requests_forget_person(operators->context.requests, self);
    ch_prints_forget(operators->context.links->prints, self);
    ch_loop_forget(operators->loop, &self->source);
    ch_channel_close(&self->channel);
    ch_buffer_free(&self->asked);
    ch_buffer_free(&self->flattening.asked);
    self->left = 0;
}

static void send_answer(ch_session *self)
{
    ch_error err = CH_ERROR_INIT;
    ch_operator_done_frame done = {.outcome = self->answer};
    ch_status st = ch_operator_done_frame_put(ch_channel_out(&self->channel), 0, &done, &err);
    if (st == CH_OK)
        st = ch_channel_flush(&self->channel, &err);
    if (st != CH_OK)
        ch_log_limited(&self->operators->log_limit, "answering an operator: %s", err.message);
    close_session(self);
}

/* A link has done, or failed, what the session waits for. */
void ch_session_on_outcome(void *context, const ch_error *outcome)
{
    ch_session *self = context;
    if (self->left == 0)
        return;
    if (self->answer.status == CH_OK && (outcome->status != CH_OK || outcome->message[0] != '\0'))
        self->answer = *outcome;
    if (--self->left == 0)
        send_answer(self);
}

/* Who does not read gets no more of it. */
void ch_session_on_progress(void *context, uint32_t done, uint32_t total)
{
    ch_session *self = context;
    ch_error err = CH_ERROR_INIT;
    const ch_unlock_progress_frame progress = {.done = done, .total = total};
    if (ch_channel_pending(&self->channel) > 0)
        return;
    ch_status st = ch_unlock_progress_frame_put(ch_channel_out(&self->channel), 0, &progress, &err);
    if (st == CH_OK)
        st = ch_channel_flush(&self->channel, &err);
    if (st != CH_OK)
        ch_log_limited(&self->operators->log_limit, "answering an operator: %s", err.message);
}

/* ---- requests ---- */

void ch_session_name(const ch_session *self, ch_buffer *out)
{
    ch_policy_name_user(self->operators->context.policy, &self->peer, out);
}

static ch_status check_right(const ch_operators *operators, const ch_peer *peer, unsigned roles, ch_error *err)
{
    const ch_policy *policy = operators->context.policy;
    bool needs_admin = roles == CH_ROLE_ADMIN;
    ch_autobuffer who = CH_BUFFER_INIT;
    if ((ch_policy_roles(policy, peer) & roles) != 0)
        return CH_OK;
    ch_policy_name_user(policy, peer, &who);
    return ch_fail_rule(err, CH_REFUSED, needs_admin ? "admin" : "operator", "%s is not %s in the policy",
                        ch_buffer_text(&who),
                        needs_admin                       ? "an admin"
                        : (roles & CH_ROLE_OPERATOR) != 0 ? "an operator"
                                                          : "an approver");
}

/* The policy may have changed since the session was opened. */
ch_status ch_session_check_right(const ch_session *self, unsigned roles, ch_error *err)
{
    return check_right(self->operators, &self->peer, roles, err);
}

ch_status ch_session_check(const ch_session *self, uint32_t version, unsigned roles, ch_error *err)
{
    CH_TRY(ch_session_check_right(self, roles, err));
    return version == CH_FRAMES_VERSION
               ? CH_OK
               : ch_fail(err, CH_BAD_INPUT,
                         "this chancery and this agent are of different versions; run the chancery that was installed "
                         "with the agent, or restart the agent if a newer one was installed");
}

void ch_session_answer_failure(ch_session *self, ch_status st, const ch_error *err)
{
    if (st != CH_OK)
        ch_session_on_outcome(self, err);
}

static unsigned state_of(const void *context)
{
    const ch_session *self = context;
    return self->channel.fd >= 0 ? self->state : 0;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame                   taken by */
    { CH_FRAME_UNLOCK,         ch_session_on_unlock },
    { CH_FRAME_UNLOCK_NEEDS,   ch_session_on_unlock_needs },
    { CH_FRAME_LOCK,           ch_session_on_lock },
    { CH_FRAME_TOTP_LIST,      ch_session_on_totp_list },
    { CH_FRAME_TOTP_ENROLL,    ch_session_on_totp_enroll },
    { CH_FRAME_TOTP_REVOKE,    ch_session_on_totp_revoke },
    { CH_FRAME_RELOAD,         ch_session_on_reload },
    { CH_FRAME_NONCE_LIST,     ch_session_on_nonce_list },
    { CH_FRAME_NONCE_SET,      ch_session_on_nonce_set },
    { CH_FRAME_CLOCK_CONFIRM,  ch_session_on_clock_confirm },
    { CH_FRAME_KEY_CONFIRM,    ch_session_on_key_confirm },
    { CH_FRAME_FREEZE,         ch_session_on_freeze },
    { CH_FRAME_THAW,           ch_session_on_thaw },
    { CH_FRAME_FLATTEN,        ch_session_on_flatten },
    { CH_FRAME_TRADING_LIST,   ch_session_on_trading_list },
    { CH_FRAME_PRICE_CONFIRM,  ch_session_on_price_confirm },
    { CH_FRAME_STATE_ACCEPT,   ch_session_on_state_accept },
    { CH_FRAME_DECISION_LIST,  ch_session_on_decision_list },
    { CH_FRAME_KEY_REVOKE,     ch_session_on_key_revoke },
    { CH_FRAME_APPROVAL_LIST,  ch_session_on_approval_list },
    { CH_FRAME_APPROVAL_SHOW,  ch_session_on_approval_show },
    { CH_FRAME_APPROVAL_GIVE,  ch_session_on_approval_give },
    { CH_FRAME_APPROVAL_DENY,  ch_session_on_approval_deny },
};
/* clang-format on */

static const ch_receiver receiver = {
    .direction = CH_OPERATOR_TO_CORE,
    .handlers = handlers,
    .handler_count = sizeof handlers / sizeof *handlers,
    .state = state_of,
};

static void on_ready(void *context)
{
    ch_session *self = context;
    ch_error err = CH_ERROR_INIT;
    ch_packet packet;
    ch_status st = ch_channel_receive(&self->channel, &packet, &err);
    if (st == CH_OK && packet.bytes.size > 0)
        st = ch_packet_take(&packet, &receiver, self, &err);
    if (st == CH_OK || self->channel.fd < 0)
        return;
    if (st != CH_UNAVAILABLE)
        ch_log_limited(&self->operators->log_limit, "an operator's session ended: %s", err.message);
    close_session(self);
}

/* ---- sessions ---- */

static void on_check(void *context)
{
    ch_operators *operators = context;
    uint64_t now_ms = ch_clock_ms();
    ch_loop_set_timer(operators->loop, &operators->check, now_ms + CHECK_EVERY_MS);
    for (size_t i = 0; i < CH_OPERATORS_MAX; i++) {
        ch_session *self = &operators->sessions[i];
        if (self->channel.fd >= 0 && self->state == CH_WHILE_ASKING && now_ms - self->began_ms > ASK_WITHIN_MS)
            close_session(self);
        else if (self->channel.fd >= 0 && self->kept_by_ms != 0 && now_ms >= self->kept_by_ms)
            ch_session_on_late(self);
    }
}

static size_t count_sessions(const ch_operators *operators, uid_t uid)
{
    size_t count = 0;
    for (size_t i = 0; i < CH_OPERATORS_MAX; i++)
        count += operators->sessions[i].channel.fd >= 0 && operators->sessions[i].peer.uid == uid;
    return count;
}

/* Who has not asked goes before who waits for an answer, and among them whoever came first. */
static bool goes_before(const ch_session *self, const ch_session *other)
{
    bool is_silent = self->state == CH_WHILE_ASKING;
    if (other == NULL || is_silent != (other->state == CH_WHILE_ASKING))
        return other == NULL || is_silent;
    return self->began_ms < other->began_ms;
}

/* Returns a free session, and makes one free if it must: one of the user's own if the user has its share, else
 * anybody's. So nobody can keep a lock out. */
static ch_session *find_session(ch_operators *operators, uid_t uid)
{
    bool has_share = count_sessions(operators, uid) >= CH_OPERATOR_SHARE;
    ch_session *victim = NULL;
    for (size_t i = 0; i < CH_OPERATORS_MAX; i++) {
        ch_session *self = &operators->sessions[i];
        bool is_free = self->channel.fd < 0;
        if (is_free && !has_share)
            return self;
        if (!is_free && (!has_share || self->peer.uid == uid) && goes_before(self, victim))
            victim = self;
    }
    close_session(victim);
    return victim;
}

static void open_session(ch_operators *operators, ch_session *self, const ch_peer *peer, int fd)
{
    *self = (ch_session){
        .operators = operators,
        .source = {.fd = fd, .on_ready = on_ready, .context = self},
        .state = CH_WHILE_ASKING,
        .peer = *peer,
        .began_ms = ch_clock_ms(),
        .left = 1
    };
    ch_channel_open(&self->channel, fd);
}

/* Answers somebody who gets no session, and takes `fd` over. */
static void turn_away(ch_operators *operators, int fd, const ch_error *why)
{
    const ch_peer nobody = {0};
    ch_session passing;
    ch_log_limited(&operators->log_limit, "turned an operator away: %s", why->message);
    open_session(operators, &passing, &nobody, fd);
    ch_session_on_outcome(&passing, why);
}

static ch_status admit(ch_operators *operators, const ch_peer *peer, int fd, ch_error *err)
{
    CH_TRY(ch_peer_check_user(peer, err));
    CH_TRY(check_right(operators, peer, CH_EVERY_ROLE, err));
    ch_session *self = find_session(operators, peer->uid);
    open_session(operators, self, peer, fd);
    if (ch_loop_watch(operators->loop, &self->source, EPOLLIN, err) != CH_OK)
        ch_session_on_outcome(self, err);
    return CH_OK;
}

static void on_connect(void *context, int fd)
{
    ch_operators *operators = context;
    ch_error err = CH_ERROR_INIT;
    ch_peer peer;
    ch_status st = ch_peer_identify(fd, &peer, &err);
    if (st == CH_OK)
        st = admit(operators, &peer, fd, &err);
    if (st != CH_OK)
        turn_away(operators, fd, &err);
}

ch_operators *ch_operators_new(ch_loop *loop, int listen_fd, const ch_operator_context *context)
{
    ch_operators *operators = ch_alloc(sizeof *operators);
    operators->loop = loop;
    operators->context = *context;
    ch_acceptor_init(&operators->acceptor, loop, listen_fd, ACCEPT_SHARE, INT_MAX, on_connect, operators);
    operators->check = (ch_timer){.on_due = on_check, .context = operators};
    for (size_t i = 0; i < CH_OPERATORS_MAX; i++)
        operators->sessions[i] = (ch_session){.operators = operators, .channel = CH_CHANNEL_CLOSED};
    return operators;
}

void ch_operators_free(ch_operators *operators)
{
    if (operators == NULL)
        return;
    for (size_t i = 0; i < CH_OPERATORS_MAX; i++)
        close_session(&operators->sessions[i]);
    ch_loop_cancel_timer(operators->loop, &operators->check);
    ch_acceptor_close(&operators->acceptor);
    free(operators);
}

ch_status ch_operators_start(ch_operators *operators, ch_error *err)
{
    ch_loop_set_timer(operators->loop, &operators->check, ch_clock_ms() + CHECK_EVERY_MS);
    return ch_acceptor_open(&operators->acceptor, err);
}
