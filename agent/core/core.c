/* The one struct with everything in it, which no other room sees: each gets what it needs as arguments. */
#include "agent/core/core.h"

#include "agent/core/clockwatch.h"
#include "agent/core/confinement.h"
#include "agent/core/connections.h"
#include "agent/core/dying.h"
#include "agent/core/farewell.h"
#include "agent/core/front_link.h"
#include "agent/core/fronts.h"
#include "agent/core/links.h"
#include "agent/core/listen.h"
#include "agent/core/nonce_counters.h"
#include "agent/core/notices.h"
#include "agent/core/notify.h"
#include "agent/core/meter.h"
#include "agent/core/operators.h"
#include "agent/core/reload.h"
#include "agent/core/request.h"
#include "agent/core/rules.h"
#include "agent/core/status.h"
#include "agent/core/timekeeper.h"
#include "agent/core/tolerance.h"
#include "agent/harden.h"
#include "agent/loop.h"
#include "agent/spawn.h"
#include "base/clock.h"
#include "base/close.h"
#include "base/log.h"
#include "exchange/scratch.h"
#include "policy/policy.h"
#include "state/nonces.h"
#include "state/prints.h"
#include "state/seen_time.h"
#include "state/tries.h"
#include "state/store.h"
#include "state/writer.h"
#include "wire/frames.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 65536
#define AWAKE_NS 60000 /* for a lone request's answer, and then for the next request */
#define HELD_MS 1
#define RETRY_MS 2000

typedef struct core {
    ch_rules rules;
    ch_rules retired; /* of before, while requests go by them */
    ch_store *store;
    ch_nonces *nonces;
    ch_prints *prints;
    ch_clockwatch *clock;
    ch_timekeeper timekeeper;
    ch_tries *tries;
    ch_writer *writer;
    ch_source written; /* the writer has something */
    ch_scratch *scratch;
    ch_loop *loop;
    ch_notify *notify;
    ch_confinement *confinement;
    ch_source signals;
    ch_timer retry; /* of what could not be written */
    bool is_stopping;
    ch_listener *bots_socket;
    ch_listener *operators_socket;
    ch_meter *meter;
    size_t most_sent; /* how many jobs tokens had at once, since they had none */
    ch_timer held;    /* the next turn, while callers wait because of what they cost */
    ch_connections *connections;
    ch_fronts *fronts;
    ch_dying *dying;
    ch_links links;
    ch_requests *requests;
    ch_reload *reload;
    bool is_reloaded; /* the rules are new, and keys are still looked for */
    ch_operators *operators;
    ch_notices *notices;
    ch_status_context status;
} core;

/* ---- signals ---- */

static void log_death(pid_t pid, int wait_status)
{
    if (WIFSIGNALED(wait_status))
        ch_log("process %d was ended by signal %d (%s)", (int)pid, WTERMSIG(wait_status),
               strsignal(WTERMSIG(wait_status)));
    else
        ch_log("process %d ended with status %d", (int)pid, WEXITSTATUS(wait_status));
}

static void reap(core *self)
{
    int wait_status;
    pid_t pid;
    while ((pid = ch_spawn_reap(&wait_status)) != 0) {
        log_death(pid, wait_status);
        if (!ch_dying_died(self->dying, pid) && !ch_fronts_died(self->fronts, pid))
            ch_links_died(&self->links, pid);
    }
}

static void begin_reload(core *self)
{
    ch_error err = CH_ERROR_INIT;
    if (ch_reload_begin(self->reload, NULL, &err) != CH_OK)
        ch_log("%s", err.message);
}

static void on_signal(void *context)
{
    core *self = context;
    struct signalfd_siginfo received;
    while (read(self->signals.fd, &received, sizeof received) == (ssize_t)sizeof received) {
        if (received.ssi_signo == SIGCHLD) {
            reap(self);
        } else if (received.ssi_signo == SIGHUP) {
            begin_reload(self);
        } else {
            ch_log("stopping on signal %u", received.ssi_signo);
            self->is_stopping = true;
        }
    }
}

static ch_status catch_signals(core *self, ch_error *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return ch_fail_errno(err, "blocking signals");
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return ch_fail_errno(err, "making a signal descriptor");
    self->signals = (ch_source){.fd = fd, .on_ready = on_signal, .context = self};
    return ch_loop_watch(self->loop, &self->signals, EPOLLIN, err);
}

/* ---- start ---- */

static void on_held(void *context)
{
    (void)context; /* that the loop turned is enough */
}

/* Shells and service managers set the soft limit low for the sake of select(), which nobody here uses. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < 2 * CH_CONNECTIONS_MAX)
        ch_log("at most %llu files can be open, so fewer than %d bots can be connected; raise the limit of open files",
               (unsigned long long)limit.rlim_cur, CH_CONNECTIONS_MAX);
}

static ch_status load_state(core *self, ch_error *err)
{
    ch_seen_time seen;
    char boot_id[CH_BOOT_ID_SIZE];
    CH_TRY(ch_store_open(self->rules.config.state_folder, &self->store, err));
    CH_TRY(ch_nonces_open(self->store, &self->nonces, err));
    CH_TRY(ch_prints_open(self->store, &self->prints, err));
    ch_nonce_counters_find(&self->rules.policy, self->nonces);
    CH_TRY(ch_nonce_counters_save_adopted(self->nonces, err));
    CH_TRY(ch_tries_open(self->store, &self->tries, err));
    CH_TRY(ch_seen_time_load(self->store, &seen, err));
    ch_clockwatch_read_boot_id(boot_id);
    self->clock = ch_clockwatch_new(&seen, boot_id);
    return CH_OK;
}

static void on_written(void *context)
{
    core *self = context;
    ch_writer_collect(self->writer);
    if (ch_writer_trouble(self->writer) != NULL && self->retry.due_ms == 0)
        ch_loop_set_timer(self->loop, &self->retry, ch_clock_ms() + RETRY_MS);
}

static void on_retry(void *context)
{
    core *self = context;
    ch_nonces_try_again(self->nonces);
    ch_prints_try_again(self->prints);
    ch_tries_try_again(self->tries);
}

/* From here on the state belongs to the writer's thread. */
static ch_status start_writer(core *self, ch_error *err)
{
    ch_nonce_owner owner = ch_requests_nonce_owner(self->requests);
    CH_TRY(ch_writer_start(self->store, &self->writer, err));
    self->written = (ch_source){.fd = ch_writer_fd(self->writer), .on_ready = on_written, .context = self};
    CH_TRY(ch_loop_watch(self->loop, &self->written, EPOLLIN, err));
    ch_nonces_start(self->nonces, self->writer, &owner);
    ch_prints_start(self->prints, self->writer);
    ch_tries_start(self->tries, self->writer);
    ch_clockwatch_start(self->clock, self->loop, self->writer);
    return CH_OK;
}

static void on_sign(void *context, ch_asker asker, const ch_sign_frame *sign)
{
    core *self = context;
    ch_requests_begin(self->requests, asker, sign);
}

static void on_list_keys(void *context, ch_asker asker, const ch_list_keys_frame *list)
{
    core *self = context;
    ch_status_list_keys(&self->status, asker, list);
}

static void on_get_status(void *context, ch_asker asker, const ch_get_status_frame *get)
{
    core *self = context;
    ch_status_report(&self->status, asker, get);
}

static void on_get_time(void *context, ch_asker asker)
{
    core *self = context;
    ch_timekeeper_tell(&self->timekeeper, asker);
}

static ch_front_owner front_owner(core *self)
{
    return (ch_front_owner){.context = self,
                            .confinement = self->confinement,
                            .meter = self->meter,
                            .on_sign = on_sign,
                            .on_list_keys = on_list_keys,
                            .on_get_status = on_get_status,
                            .on_get_time = on_get_time};
}

/* In the order in which the rooms need each other. */
static void make_rooms(core *self, int listen_fd, int operator_fd)
{
    self->meter = ch_meter_new((unsigned)sysconf(_SC_NPROCESSORS_ONLN));
    const ch_front_owner owner = front_owner(self);
    const ch_policy *policy = &self->rules.policy;
    self->timekeeper = (ch_timekeeper){.policy = policy, .nonces = self->nonces, .clock = self->clock};
    self->connections = ch_connections_new(ch_fronts_descriptors() / 4 * 3);
    self->fronts =
        ch_fronts_new(self->loop, listen_fd, self->connections, policy, &owner, self->rules.config.is_front_shared);
    ch_request_context context = {.policy = policy,
                                  .connections = self->connections,
                                  .clock = self->clock,
                                  .nonces = self->nonces,
                                  .scratch = self->scratch,
                                  .links = &self->links,
                                  .meter = self->meter};
    self->requests = ch_requests_new(&context);
    self->dying = ch_dying_new(self->loop);
    self->links = (ch_links){.loop = self->loop,
                             .tries = self->tries,
                             .confinement = self->confinement,
                             .dying = self->dying,
                             .prints = self->prints,
                             .owner = ch_requests_link_owner(self->requests)};
    ch_links_apply(&self->links, &self->rules.config, &self->rules.policy);
    ch_operator_context operator_context = {
        .policy = policy, .links = &self->links, .keeper = &self->timekeeper, .reload = self->reload};
    self->operators = ch_operators_new(self->loop, operator_fd, &operator_context);
    self->status = (ch_status_context){.connections = self->connections,
                                       .policy = policy,
                                       .links = &self->links,
                                       .requests = self->requests,
                                       .notices = self->notices,
                                       .reload = self->reload,
                                       .confinement = self->confinement,
                                       .timekeeper = &self->timekeeper,
                                       .meter = self->meter,
                                       .started_ms = ch_clock_ms()};
}

static ch_status report_gaps(core *self, ch_gaps *gaps, ch_error *err)
{
    self->confinement = ch_confinement_new(self->rules.config.is_confinement_required);
    ch_status st = ch_confinement_report(self->confinement, "core", gaps->list, err);
    ch_buffer_free(&gaps->bytes);
    return st;
}

/* Rights are given up before any file is read, and while there is one thread: others would keep theirs. */
static ch_status set_up(core *self, const char *config_path, ch_error *err)
{
    int listen_fd = -1;
    int operator_fd = -1;
    ch_gaps gaps = {0};
    self->notices = ch_notices_new();
    ch_notices_add_users(self->notices);
    ch_spawn_schedule(CH_SLICE_NS);
    ch_close_prepare();
    raise_descriptor_limit();
    CH_TRY(ch_harden_process(err));
    ch_harden_core(&gaps);
    CH_TRY(ch_spawn_check("front", err));
    CH_TRY(ch_spawn_check("token", err));
    CH_TRY(ch_rules_load(config_path, &self->rules, err));
    CH_TRY(load_state(self, err));
    CH_TRY(report_gaps(self, &gaps, err));
    CH_TRY(ch_loop_new(&self->loop, err));
    self->notify = ch_notify_new(self->loop);
    CH_TRY(catch_signals(self, err));
    CH_TRY(ch_listen(self->rules.config.socket_path, SOCK_STREAM, &self->bots_socket, &listen_fd, err));
    CH_TRY(
        ch_listen(self->rules.config.operator_socket_path, SOCK_SEQPACKET, &self->operators_socket, &operator_fd, err));
    self->scratch = ch_scratch_new();
    CH_TRY(ch_reload_new(self->loop, config_path, &self->reload, err));
    self->retry = (ch_timer){.on_due = on_retry, .context = self};
    self->held = (ch_timer){.on_due = on_held, .context = self};
    make_rooms(self, listen_fd, operator_fd);
    return start_writer(self, err);
}

/* An agent that cannot serve bots must not look alive: nobody is answered before the first front is ready. */
static ch_status await_front(core *self, ch_error *err)
{
    ch_fronts_start(self->fronts);
    while (!ch_fronts_were_ready(self->fronts) && !self->is_stopping) {
        if (ch_fronts_have_failed(self->fronts))
            return ch_fail(err, CH_IO, "the front cannot start, so bots cannot be served; the lines above say why");
        ch_loop_turn(self->loop, 0);
        ch_fronts_flush(self->fronts);
    }
    return CH_OK;
}

/* ---- reload ---- */

/* Between two turns, so nobody sees a part of it. */
static ch_status take_rules(core *self, ch_rules *fresh, ch_error *err)
{
    CH_TRY(ch_rules_may_follow(&self->rules, fresh, err));
    ch_requests_recall(self->requests);
    self->retired = self->rules;
    self->rules = *fresh;
    *fresh = (ch_rules){0};
    ch_nonce_counters_find(&self->rules.policy, self->nonces);
    ch_links_apply(&self->links, &self->rules.config, &self->rules.policy);
    ch_links_start(&self->links);
    ch_requests_judge_again(self->requests);
    ch_log("reloaded: %zu keys, %zu tokens", self->rules.policy.key_count, self->links.count);
    ch_tolerance_say(&self->rules.policy, ch_tolerance_log);
    return CH_OK;
}

static void take_reload(core *self)
{
    ch_error outcome = CH_ERROR_INIT;
    ch_rules fresh = {0};
    ch_status st = ch_reload_take(self->reload, &fresh, &outcome);
    if (st == CH_OK)
        st = take_rules(self, &fresh, &outcome);
    ch_rules_free(&fresh);
    self->is_reloaded = st == CH_OK;
    if (st == CH_OK)
        return;
    ch_log("the reload failed, so the agent goes by what it read before: %s", outcome.message);
    ch_reload_end(self->reload, &outcome);
}

/* The rules of before are kept while a request goes by them, which is not longer than a token may take. Whoever asked
 * for the reload is answered when the keys have been found. */
static void go_on_with_reload(core *self)
{
    const ch_error done = CH_ERROR_INIT;
    if (ch_requests_old(self->requests) > 0)
        return;
    if (self->retired.config.socket_path != NULL)
        ch_rules_free(&self->retired);
    if (!ch_reload_is_done(self->reload))
        return;
    if (!self->is_reloaded) {
        take_reload(self);
    } else if (!ch_links_are_finding(&self->links)) {
        self->is_reloaded = false;
        ch_reload_end(self->reload, &done);
    }
}

/* ---- the loop ---- */

/* A lone request's answer is worth waiting for awake, and so is the next request of a bot that asks one by one. With
 * more requests in flight there is always work at hand. */
static uint64_t time_awake(core *self)
{
    size_t sent = ch_links_sent(&self->links);
    size_t most = sent > self->most_sent ? sent : self->most_sent;
    self->most_sent = sent == 0 ? 0 : most;
    return most == 1 ? AWAKE_NS : 0;
}

/* Handlers only read and queue. What they queued leaves at the end of the turn: the token's work first, so that it is
 * done while the front's answers are written. */
static void run(core *self)
{
    ch_links_start(&self->links);
    while (!self->is_stopping && !ch_confinement_has_failed(self->confinement)) {
        ch_loop_turn(self->loop, time_awake(self));
        uint64_t now_ns = ch_clock_ns();
        ch_meter_turn(self->meter, now_ns);
        ch_requests_resume(self->requests);
        go_on_with_reload(self);
        ch_connections_look(self->connections);
        ch_requests_sweep(self->requests, now_ns / 1000000);
        ch_links_dispatch(&self->links);
        ch_fronts_flush(self->fronts);
        if (ch_meter_holds_somebody(self->meter))
            ch_loop_set_timer(self->loop, &self->held, ch_clock_ms() + HELD_MS);
    }
}

static ch_status serve(core *self, ch_error *err)
{
    CH_TRY(await_front(self, err));
    CH_TRY(ch_operators_start(self->operators, err));
    ch_log("version %s, %zu keys, %zu tokens; bots: %s; operators: %s", CH_VERSION, self->rules.policy.key_count,
           self->links.count, self->rules.config.socket_path, self->rules.config.operator_socket_path);
    ch_tolerance_say(&self->rules.policy, ch_tolerance_log);
    ch_notify_ready(self->notify);
    run(self);
    ch_notify_stopping(self->notify);
    return ch_confinement_has_failed(self->confinement)
               ? ch_fail(err, CH_IO,
                         "agent.yaml requires confinement, which a token's process cannot have; the lines "
                         "above say why")
               : CH_OK;
}

static void remove_sockets(core *self)
{
    ch_listener_close(self->bots_socket);
    ch_listener_close(self->operators_socket);
}

/* Returns the exit status. */
static int tear_down(core *self, ch_status st)
{
    remove_sockets(self);
    ch_operators_free(self->operators);
    ch_reload_free(self->reload);
    ch_links_free(&self->links);
    ch_fronts_free(self->fronts);
    ch_loop_forget(self->loop, &self->written);
    ch_farewell farewell = {.writer = self->writer,
                            .clock = self->clock,
                            .nonces = self->nonces,
                            .prints = self->prints,
                            .tries = self->tries,
                            .store = self->store,
                            .dying = self->dying};
    if (!ch_farewell_end(&farewell)) {
        ch_log("the disk of the state does not answer; the agent ends without waiting for it");
        _exit(ch_status_exit(CH_IO)); /* a thread still uses what would be freed */
    }
    ch_clockwatch_free(self->clock);
    ch_notify_free(self->notify);
    ch_confinement_free(self->confinement);
    ch_meter_free(self->meter);
    ch_notices_free(self->notices);
    ch_dying_free(self->dying);
    return ch_status_exit(st);
}

int ch_core_run(const char *config_path)
{
    static core self;
    ch_error err = CH_ERROR_INIT;
    ch_status st = set_up(&self, config_path, &err);
    if (st != CH_OK) {
        ch_log("%s", err.message);
        remove_sockets(&self);
        return ch_status_exit(st);
    }
    st = serve(&self, &err);
    if (st != CH_OK)
        ch_log("%s", err.message);
    return tear_down(&self, st);
}
