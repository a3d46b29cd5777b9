/* The one struct with everything in it, which no other room sees: each gets what it needs as arguments. */
#include "agent/core/core.h"

#include "base/memory.h"
#include "agent/core/clockwatch.h"
#include "agent/core/config.h"
#include "agent/core/confinement.h"
#include "agent/core/connections.h"
#include "agent/core/front_link.h"
#include "agent/core/fronts.h"
#include "agent/core/listen.h"
#include "agent/core/nonce_counters.h"
#include "agent/core/notices.h"
#include "agent/core/notify.h"
#include "agent/core/operators.h"
#include "agent/core/request.h"
#include "agent/core/status.h"
#include "agent/core/timekeeper.h"
#include "agent/core/token_link.h"
#include "agent/harden.h"
#include "agent/loop.h"
#include "agent/spawn.h"
#include "base/clock.h"
#include "base/close.h"
#include "base/log.h"
#include "exchange/profile.h"
#include "exchange/scratch.h"
#include "policy/load.h"
#include "policy/policy.h"
#include "state/nonces.h"
#include "state/seen_time.h"
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
#define AWAKE_NS 60000 /* for a lone request's answer */

typedef struct core_link {
    ch_link_config config;
    ch_link_key *keys;
} core_link;

typedef struct core {
    ch_config config;
    ch_policy policy;
    ch_store *store;
    ch_nonces *nonces;
    size_t *nonce_counters; /* by the key's index */
    ch_clockwatch *clock;
    ch_timekeeper timekeeper;
    ch_writer *writer;
    ch_source written; /* the writer has something */
    ch_scratch *scratch;
    ch_loop *loop;
    ch_notify *notify;
    ch_confinement *confinement;
    ch_source signals;
    bool is_stopping;
    ch_listener *bots_socket;
    ch_listener *operators_socket;
    ch_connections *connections;
    ch_fronts *fronts;
    core_link link_configs[CH_TOKENS_MAX];
    ch_token_link *links[CH_TOKENS_MAX];
    size_t link_count;
    ch_requests *requests;
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
        bool is_known = ch_fronts_died(self->fronts, pid);
        for (size_t i = 0; i < self->link_count && !is_known; i++)
            is_known = ch_token_link_died(self->links[i], pid);
    }
}

static void on_signal(void *context)
{
    core *self = context;
    struct signalfd_siginfo received;
    while (read(self->signals.fd, &received, sizeof received) == (ssize_t)sizeof received) {
        if (received.ssi_signo == SIGCHLD) {
            reap(self);
        } else if (received.ssi_signo == SIGHUP) {
            ch_log("SIGHUP is ignored: files are read at the start only; restart the agent to read them again");
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
    CH_TRY(ch_store_open(self->config.state_folder, &self->store, err));
    CH_TRY(ch_nonces_open(self->store, &self->nonces, err));
    self->nonce_counters = ch_nonce_counters_find(&self->policy, self->nonces);
    CH_TRY(ch_nonce_counters_adopt(&self->policy, self->nonce_counters, self->nonces, err));
    CH_TRY(ch_seen_time_load(self->store, &seen, err));
    ch_clockwatch_read_boot_id(boot_id);
    self->clock = ch_clockwatch_new(&seen, boot_id);
    return CH_OK;
}

static ch_status load(core *self, const char *config_path, ch_error *err)
{
    CH_TRY(ch_config_load(config_path, &self->config, err));
    ch_policy_source source = ch_config_policy_source(&self->config);
    CH_TRY(ch_policy_load(&source, &self->policy, err));
    CH_TRY(ch_config_check_modules(&self->config, err));
    return load_state(self, err);
}

static void on_written(void *context)
{
    core *self = context;
    ch_writer_collect(self->writer);
}

/* From here on the state belongs to the writer's thread. */
static ch_status start_writer(core *self, ch_error *err)
{
    ch_nonce_owner owner = ch_requests_nonce_owner(self->requests);
    CH_TRY(ch_writer_start(self->store, &self->writer, err));
    self->written = (ch_source){.fd = ch_writer_fd(self->writer), .on_ready = on_written, .context = self};
    CH_TRY(ch_loop_watch(self->loop, &self->written, EPOLLIN, err));
    ch_nonces_start(self->nonces, self->writer, &owner);
    ch_clockwatch_start(self->clock, self->loop, self->writer);
    return CH_OK;
}

static void find_link_keys(core *self, size_t index)
{
    core_link *link = &self->link_configs[index];
    const ch_token_config *token = &self->config.tokens[index];
    link->keys = ch_alloc(self->policy.key_count * sizeof *link->keys);
    link->config = (ch_link_config){.name = token->name,
                                    .module = token->module,
                                    .uri = token->uri,
                                    .workers = token->workers,
                                    .may_relogin = token->may_relogin,
                                    .keys = link->keys,
                                    .confinement = self->confinement};
    for (size_t i = 0; i < self->policy.key_count; i++) {
        const ch_key *key = &self->policy.keys[i];
        if (key->token != index)
            continue;
        link->keys[key->token_key] =
            (ch_link_key){.name = key->name, .uri = key->object_uri, .mechanism = ch_scheme_mechanism(key->scheme)};
        link->config.key_count++;
    }
}

static void make_links(core *self)
{
    ch_link_owner owner = ch_requests_link_owner(self->requests);
    self->link_count = self->config.token_count;
    for (size_t i = 0; i < self->link_count; i++) {
        find_link_keys(self, i);
        self->links[i] = ch_token_link_new(self->loop, &self->link_configs[i].config, &owner);
    }
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

/* In the order in which the rooms need each other. */
static void make_rooms(core *self, int listen_fd, int operator_fd)
{
    ch_front_owner owner = {.context = self,
                            .confinement = self->confinement,
                            .on_sign = on_sign,
                            .on_list_keys = on_list_keys,
                            .on_get_status = on_get_status,
                            .on_get_time = on_get_time};
    self->timekeeper = (ch_timekeeper){
        .policy = &self->policy, .nonces = self->nonces, .nonce_counters = self->nonce_counters, .clock = self->clock};
    self->connections = ch_connections_new();
    self->fronts =
        ch_fronts_new(self->loop, listen_fd, self->connections, &self->policy, &owner, self->config.is_front_shared);
    ch_request_context context = {.policy = &self->policy,
                                  .connections = self->connections,
                                  .clock = self->clock,
                                  .nonces = self->nonces,
                                  .nonce_counters = self->nonce_counters,
                                  .scratch = self->scratch,
                                  .links = self->links,
                                  .link_count = self->config.token_count};
    self->requests = ch_requests_new(&context);
    make_links(self);
    self->operators =
        ch_operators_new(self->loop, operator_fd, &self->policy, self->links, self->link_count, &self->timekeeper);
    self->status = (ch_status_context){.connections = self->connections,
                                       .policy = &self->policy,
                                       .links = self->links,
                                       .link_count = self->link_count,
                                       .requests = self->requests,
                                       .notices = self->notices,
                                       .confinement = self->confinement,
                                       .timekeeper = &self->timekeeper,
                                       .started_ms = ch_clock_ms()};
}

static ch_status report_gaps(core *self, ch_gaps *gaps, ch_error *err)
{
    self->confinement = ch_confinement_new(self->config.is_confinement_required);
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
    CH_TRY(load(self, config_path, err));
    CH_TRY(report_gaps(self, &gaps, err));
    CH_TRY(ch_loop_new(&self->loop, err));
    self->notify = ch_notify_new(self->loop);
    CH_TRY(catch_signals(self, err));
    CH_TRY(ch_listen(self->config.socket_path, SOCK_STREAM, &self->bots_socket, &listen_fd, err));
    CH_TRY(ch_listen(self->config.operator_socket_path, SOCK_SEQPACKET, &self->operators_socket, &operator_fd, err));
    self->scratch = ch_scratch_new();
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

/* ---- the loop ---- */

/* A lone request's answer is worth waiting for awake. With more requests in flight there is always work at hand, and
 * with none nothing to wait for. */
static uint64_t time_awake(const core *self)
{
    size_t sent = 0;
    for (size_t i = 0; i < self->link_count; i++)
        sent += ch_token_link_sent(self->links[i]);
    return sent == 1 ? AWAKE_NS : 0;
}

/* Handlers only read and queue. What they queued leaves at the end of the turn: the token's work first, so that it is
 * done while the front's answers are written. */
static void run(core *self)
{
    for (size_t i = 0; i < self->link_count; i++)
        ch_token_link_start(self->links[i]);
    while (!self->is_stopping && !ch_confinement_has_failed(self->confinement)) {
        ch_loop_turn(self->loop, time_awake(self));
        ch_requests_resume(self->requests);
        for (size_t i = 0; i < self->link_count; i++)
            ch_token_link_dispatch(self->links[i]);
        ch_fronts_flush(self->fronts);
    }
}

static ch_status serve(core *self, ch_error *err)
{
    CH_TRY(await_front(self, err));
    CH_TRY(ch_operators_start(self->operators, err));
    ch_log("version %s, %zu keys, %zu tokens; bots: %s; operators: %s", CH_VERSION, self->policy.key_count,
           self->link_count, self->config.socket_path, self->config.operator_socket_path);
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

static void tear_down(core *self)
{
    remove_sockets(self);
    ch_operators_free(self->operators);
    for (size_t i = 0; i < self->link_count; i++)
        ch_token_link_free(self->links[i]);
    ch_fronts_free(self->fronts);
    ch_loop_forget(self->loop, &self->written);
    ch_writer_stop(self->writer);
    ch_clockwatch_stop(self->clock, self->store);
    ch_clockwatch_free(self->clock);
    ch_notify_free(self->notify);
    ch_confinement_free(self->confinement);
    ch_nonces_close(self->nonces);
    ch_store_close(self->store);
    ch_notices_free(self->notices);
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
    tear_down(&self);
    return ch_status_exit(st);
}
