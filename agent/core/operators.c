#include "agent/core/operators.h"

#include "agent/core/acceptor.h"
#include "base/memory.h"
#include "base/clock.h"
#include "base/log.h"
#include "policy/decide.h"
#include "state/prints.h"
#include "wire/channel.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define ACCEPT_SHARE 10 /* percent of core's time, for accepting and refusing */
#define CHECK_EVERY_MS 500
#define ASK_WITHIN_MS 120000 /* a session that has not asked by then is closed: a person types the PIN meanwhile */

typedef struct session {
    ch_operators *operators;
    ch_channel channel; /* fd -1: free */
    ch_source source;
    ch_receiving state;
    ch_peer peer;
    uint64_t began_ms;
    size_t left;     /* answers that are still to come */
    ch_error answer; /* the first failure */
} session;

struct ch_operators {
    ch_loop *loop;
    ch_operator_context context;
    ch_acceptor acceptor;
    ch_timer check;
    ch_log_limit log_limit;
    session sessions[CH_OPERATORS_MAX];
};

/* ---- answers ---- */

/* A link, or the state's writer, may still hold on to a session whose operator has left. */
static void close_session(session *self)
{
    ch_operators *operators = self->operators;
    ch_links_forget_waiter(operators->context.links, self);
    ch_timekeeper_forget(operators->context.keeper, self);
    ch_reload_forget(operators->context.reload, self);
    ch_prints_forget(operators->context.links->prints, self);
    ch_loop_forget(operators->loop, &self->source);
    ch_channel_close(&self->channel);
    self->left = 0;
}

static void send_answer(session *self)
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
static void on_outcome(void *context, const ch_error *outcome)
{
    session *self = context;
    if (self->left == 0)
        return;
    if (self->answer.status == CH_OK && (outcome->status != CH_OK || outcome->message[0] != '\0'))
        self->answer = *outcome;
    if (--self->left == 0)
        send_answer(self);
}

/* Who does not read gets no more of it. */
static void on_progress(void *context, uint32_t done, uint32_t total)
{
    session *self = context;
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

/* Refuses a PIN for a token that takes none: the operator has made a mistake. */
static ch_status read_no_pin(const ch_token_link *link, int fd, ch_secret *pin, ch_error *err)
{
    ch_autosecret given = CH_SECRET_INIT;
    ch_error ignored = CH_ERROR_INIT;
    ch_ignore(ch_secret_read(&given, fd, CH_PIN_SIZE_MAX, &ignored));
    if (given.data != NULL)
        return ch_fail(err, CH_BAD_INPUT,
                       "token '%s' takes no PIN from here; unlock it with: chancery unlock --no-pin %s",
                       ch_token_link_name(link), ch_token_link_name(link));
    return ch_secret_alloc_empty(pin, err);
}

/* A pipe and nothing else: a file or socket could keep core waiting, and so could fstat of a file. */
static ch_status read_pin(const ch_token_link *link, int fd, ch_secret *pin, ch_error *err)
{
    if (fd < 0 || fcntl(fd, F_GETPIPE_SZ) < 0)
        return ch_fail(err, CH_BAD_INPUT, "an unlock must bring the PIN in a pipe");
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return ch_fail_errno(err, "preparing the PIN's pipe");
    if (ch_token_link_login(link) != CH_LOGIN_PIN)
        return read_no_pin(link, fd, pin, err);
    if (ch_secret_read(pin, fd, CH_PIN_SIZE_MAX, err) != CH_OK)
        return ch_error_wrap(err, "the PIN of token '%s'", ch_token_link_name(link));
    return CH_OK;
}

static ch_status check_right(const ch_operators *operators, const ch_peer *peer, ch_error *err)
{
    return ch_policy_is_operator(operators->context.policy, peer)
               ? CH_OK
               : ch_fail_rule(err, CH_REFUSED, "operator", "user %u is not an operator in the policy",
                              (unsigned)peer->uid);
}

/* The policy may have changed since the session was opened. */
static ch_status check_request(const session *self, uint32_t version, ch_error *err)
{
    CH_TRY(check_right(self->operators, &self->peer, err));
    return version == CH_FRAMES_VERSION
               ? CH_OK
               : ch_fail(err, CH_BAD_INPUT,
                         "this chancery and this agent are of different versions; run the chancery that was installed "
                         "with the agent, or restart the agent if a newer one was installed");
}

static ch_status unlock(session *self, const ch_unlock_frame *unlock, int fd, ch_error *err)
{
    ch_autosecret pin = CH_SECRET_INIT;
    ch_token_link *link = NULL;
    CH_TRY(check_request(self, unlock->version, err));
    CH_TRY(ch_links_find(self->operators->context.links, unlock->token, &link, err));
    CH_TRY(read_pin(link, fd, &pin, err));
    const ch_link_waiter waiter = {.tell = on_progress, .answer = on_outcome, .context = self};
    ch_token_link_unlock(link, &pin, unlock->is_last_try, waiter);
    return CH_OK;
}

static ch_status lock(session *self, const ch_lock_frame *lock, ch_error *err)
{
    const ch_operators *operators = self->operators;
    ch_link_waiter waiter = {.answer = on_outcome, .context = self};
    ch_token_link *link = NULL;
    CH_TRY(check_request(self, lock->version, err));
    if (lock->token.size > 0) {
        CH_TRY(ch_links_find(operators->context.links, lock->token, &link, err));
        ch_token_link_lock(link, waiter);
        return CH_OK;
    }
    self->left = operators->context.links->count;
    for (size_t i = 0; i < operators->context.links->count; i++)
        ch_token_link_lock(operators->context.links->links[i], waiter);
    return CH_OK;
}

/* A request that fails is answered; it does not end the session's protocol. */
static void answer_failure(session *self, ch_status st, const ch_error *err)
{
    if (st != CH_OK)
        on_outcome(self, err);
}

static ch_status on_unlock(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_unlock_frame request;
    CH_TRY(ch_unlock_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    answer_failure(self, unlock(self, &request, *fd, &why), &why);
    return CH_OK;
}

static ch_status on_lock(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_lock_frame request;
    CH_TRY(ch_lock_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    answer_failure(self, lock(self, &request, &why), &why);
    return CH_OK;
}

/* The list goes first; the outcome ends it. */
static ch_status list_nonces(session *self, const ch_nonce_list_frame *ask, ch_error *err)
{
    CH_TRY(check_request(self, ask->version, err));
    CH_TRY(ch_timekeeper_list(self->operators->context.keeper, ask, ch_channel_out(&self->channel), err));
    on_outcome(self, &(ch_error)CH_ERROR_INIT);
    return CH_OK;
}

static ch_time_waiter waiter_of(session *self)
{
    return (ch_time_waiter){.context = self, .answer = on_outcome, .uid = self->peer.uid};
}

static ch_status set_nonce(session *self, const ch_nonce_set_frame *set, ch_error *err)
{
    const ch_time_waiter waiter = waiter_of(self);
    CH_TRY(check_request(self, set->version, err));
    return ch_timekeeper_set(self->operators->context.keeper, set, &waiter, err);
}

static ch_status confirm_clock(session *self, const ch_clock_confirm_frame *confirm, ch_error *err)
{
    const ch_time_waiter waiter = waiter_of(self);
    CH_TRY(check_request(self, confirm->version, err));
    return ch_timekeeper_confirm(self->operators->context.keeper, &waiter, err);
}

static void on_confirmed(void *context, const ch_error *outcome)
{
    session *self = context;
    if (outcome->status == CH_OK)
        ch_links_hurry(self->operators->context.links);
    on_outcome(self, outcome);
}

static ch_status confirm_key(session *self, const ch_key_confirm_frame *confirm, ch_error *err)
{
    const ch_operator_context *context = &self->operators->context;
    CH_TRY(check_request(self, confirm->version, err));
    const ch_key *key = ch_policy_find_key(context->policy, confirm->key);
    if (key == NULL)
        return ch_fail(err, CH_NOT_FOUND, "there is no key '%.*s' in the policy", CH_SLICE_ARGS(confirm->key));
    const ch_link_waiter waiter = {.answer = on_confirmed, .context = self};
    CH_TRY(ch_token_link_confirm_key(context->links->links[key->token], key->token_key, waiter, err));
    ch_log("user %u accepts the object that key '%s' has now, in the place of the one that it had",
           (unsigned)self->peer.uid, key->name);
    return CH_OK;
}

static ch_status reload(session *self, const ch_reload_frame *reload, ch_error *err)
{
    const ch_reload_waiter waiter = {.context = self, .answer = on_outcome};
    CH_TRY(check_request(self, reload->version, err));
    ch_log("user %u asks for a reload", (unsigned)self->peer.uid);
    return ch_reload_begin(self->operators->context.reload, &waiter, err);
}

static ch_status on_reload(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_reload_frame request;
    CH_TRY(ch_reload_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    answer_failure(self, reload(self, &request, &why), &why);
    return CH_OK;
}

static ch_status on_nonce_list(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_nonce_list_frame request;
    CH_TRY(ch_nonce_list_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    answer_failure(self, list_nonces(self, &request, &why), &why);
    return CH_OK;
}

static ch_status on_nonce_set(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_nonce_set_frame request;
    CH_TRY(ch_nonce_set_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    answer_failure(self, set_nonce(self, &request, &why), &why);
    return CH_OK;
}

static ch_status on_clock_confirm(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_clock_confirm_frame request;
    CH_TRY(ch_clock_confirm_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    answer_failure(self, confirm_clock(self, &request, &why), &why);
    return CH_OK;
}

static ch_status on_key_confirm(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_key_confirm_frame request;
    CH_TRY(ch_key_confirm_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    answer_failure(self, confirm_key(self, &request, &why), &why);
    return CH_OK;
}

static unsigned state_of(const void *context)
{
    const session *self = context;
    return self->channel.fd >= 0 ? self->state : 0;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame                   taken by */
    { CH_FRAME_UNLOCK,         on_unlock },
    { CH_FRAME_LOCK,           on_lock },
    { CH_FRAME_RELOAD,         on_reload },
    { CH_FRAME_NONCE_LIST,     on_nonce_list },
    { CH_FRAME_NONCE_SET,      on_nonce_set },
    { CH_FRAME_CLOCK_CONFIRM,  on_clock_confirm },
    { CH_FRAME_KEY_CONFIRM,    on_key_confirm },
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
    session *self = context;
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
        session *self = &operators->sessions[i];
        if (self->channel.fd >= 0 && self->state == CH_WHILE_ASKING && now_ms - self->began_ms > ASK_WITHIN_MS)
            close_session(self);
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
static bool goes_before(const session *self, const session *other)
{
    bool is_silent = self->state == CH_WHILE_ASKING;
    if (other == NULL || is_silent != (other->state == CH_WHILE_ASKING))
        return other == NULL || is_silent;
    return self->began_ms < other->began_ms;
}

/* Returns a free session, and makes one free if it must: one of the user's own if the user has its share, else
 * anybody's. So nobody can keep a lock out. */
static session *find_session(ch_operators *operators, uid_t uid)
{
    bool has_share = count_sessions(operators, uid) >= CH_OPERATOR_SHARE;
    session *victim = NULL;
    for (size_t i = 0; i < CH_OPERATORS_MAX; i++) {
        session *self = &operators->sessions[i];
        bool is_free = self->channel.fd < 0;
        if (is_free && !has_share)
            return self;
        if (!is_free && (!has_share || self->peer.uid == uid) && goes_before(self, victim))
            victim = self;
    }
    close_session(victim);
    return victim;
}

static void open_session(ch_operators *operators, session *self, const ch_peer *peer, int fd)
{
    *self = (session){
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
    session passing;
    ch_log_limited(&operators->log_limit, "turned an operator away: %s", why->message);
    open_session(operators, &passing, &nobody, fd);
    on_outcome(&passing, why);
}

static ch_status admit(ch_operators *operators, const ch_peer *peer, int fd, ch_error *err)
{
    CH_TRY(ch_peer_check_user(peer, err));
    CH_TRY(check_right(operators, peer, err));
    session *self = find_session(operators, peer->uid);
    open_session(operators, self, peer, fd);
    if (ch_loop_watch(operators->loop, &self->source, EPOLLIN, err) != CH_OK)
        on_outcome(self, err);
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
        operators->sessions[i] = (session){.operators = operators, .channel = CH_CHANNEL_CLOSED};
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
