/* The start, the loop and the end. */
#include "agent/core/core.h"

#include "agent/core/core_impl.h"
#include "agent/core/farewell.h"
#include "agent/core/tolerance.h"
#include "agent/harden.h"
#include "agent/spawn.h"
#include "base/clock.h"
#include "base/close.h"
#include "base/log.h"

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
#define PEOPLE_FOLDER_MODE 0750

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
        } else if (received.ssi_signo == SIGUSR1) {
            ch_core_freeze_by_signal(self, (pid_t)received.ssi_pid, (uid_t)received.ssi_uid);
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
    sigaddset(&signals, SIGUSR1);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow fails as a full disk does, and the agent goes on */
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

static ch_status report_gaps(core *self, ch_gaps *gaps, ch_error *err)
{
    self->confinement = ch_confinement_new(self->rules.config.is_confinement_required);
    ch_status st = ch_confinement_report(self->confinement, "core", gaps->list, err);
    ch_buffer_free(&gaps->bytes);
    return st;
}

/* Only the agent's group gets as far as to connect, if the folder is made here; what each person may do, policy says.
 */
static ch_status listen_to_people(core *self, int *fd, ch_error *err)
{
    const char *path = self->rules.config.operator_socket_path;
    CH_TRY(ch_listen_make_folder(path, PEOPLE_FOLDER_MODE, err));
    return ch_listen(path, SOCK_SEQPACKET, &self->operators_socket, fd, err);
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
    CH_TRY(ch_kept_open(&self->kept, &self->rules, err));
    CH_TRY(report_gaps(self, &gaps, err));
    CH_TRY(ch_loop_new(&self->loop, err));
    self->notify = ch_notify_new(self->loop);
    CH_TRY(catch_signals(self, err));
    CH_TRY(ch_core_watch_freeze_file(self, err));
    CH_TRY(ch_listen(self->rules.config.socket_path, SOCK_STREAM, &self->bots_socket, &listen_fd, err));
    CH_TRY(listen_to_people(self, &operator_fd, err));
    self->scratch = ch_scratch_new();
    CH_TRY(ch_reload_new(self->loop, config_path, &self->reload, err));
    self->held = (ch_timer){.on_due = on_held, .context = self};
    ch_core_make_rooms(self, listen_fd, operator_fd);
    CH_TRY(ch_doors_follow(self->doors, &self->rules.policy, err));
    return ch_core_start_state(self, err);
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

/* A lone request's answer is worth waiting for awake, and so is the next request of a bot that asks one by one. With
 * more requests in flight there is always work at hand. The disk is not waited for awake: its thread is, and two who
 * are would only take the processor from each other. */
static uint64_t time_awake(core *self)
{
    size_t sent = ch_links_sent(&self->links);
    size_t most = sent > self->most_sent ? sent : self->most_sent;
    self->most_sent = sent == 0 ? 0 : most;
    return most == 1 ? AWAKE_NS : 0;
}

/* What the turn decided goes to the disk together. */
static void keep(core *self)
{
    ch_requests_note(self->requests);
    ch_ledger_turn(self->kept.ledger, ch_clockwatch_time_ns(self->kept.clock));
}

/* Handlers only read and queue. What they queued leaves at the end of the turn: the token's work first, so that it is
 * done while the front's answers are written. */
static void run(core *self)
{
    ch_links_start(&self->links);
    ch_unattended_start(self->unattended);
    while (!self->is_stopping && !ch_confinement_has_failed(self->confinement)) {
        ch_loop_turn(self->loop, time_awake(self));
        uint64_t now_ns = ch_clock_ns();
        ch_links_look_at_ends(&self->links);
        ch_meter_turn(self->meter, now_ns);
        ch_requests_resume(self->requests);
        ch_core_go_on_with_reload(self);
        ch_connections_look(self->connections);
        ch_requests_sweep(self->requests, now_ns / 1000000);
        ch_links_dispatch(&self->links);
        ch_approval_desk_turn(self->approval_desk);
        keep(self);
        ch_relay_links_flush(self->relays);
        ch_fronts_flush(self->fronts);
        if (ch_meter_holds_somebody(self->meter))
            ch_loop_set_timer(self->loop, &self->held, ch_clock_ms() + HELD_MS);
    }
}

static ch_status serve(core *self, ch_error *err)
{
    CH_TRY(await_front(self, err));
    CH_TRY(ch_operators_start(self->operators, err));
    CH_TRY(ch_doors_accept(self->doors, err));
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
    ch_doors_close(self->doors);
    self->doors = NULL;
    ch_listener_close(self->bots_socket);
    ch_listener_close(self->operators_socket);
}

/* Returns the exit status. */
static int tear_down(core *self, ch_status st)
{
    remove_sockets(self);
    ch_operators_free(self->operators);
    ch_codes_free(self->codes);
    ch_reload_free(self->reload);
    ch_approval_desk_free(self->approval_desk);
    ch_unattended_free(self->unattended);
    ch_links_free(&self->links);
    ch_fronts_free(self->fronts);
    ch_relay_links_free(self->relays);
    ch_loop_forget(self->loop, &self->kept.written);
    ch_freeze_file_free(self->freeze_file);
    ch_farewell farewell = {.writer = self->kept.writer,
                            .clock = self->kept.clock,
                            .nonces = self->kept.nonces,
                            .prints = self->kept.prints,
                            .tries = self->kept.tries,
                            .people = self->kept.people,
                            .ledger = self->kept.ledger,
                            .store = self->kept.store,
                            .dying = self->dying};
    if (!ch_farewell_end(&farewell)) {
        ch_log("the disk of the state does not answer; the agent ends without waiting for it");
        _exit(ch_status_exit(CH_IO)); /* a thread still uses what would be freed */
    }
    ch_clockwatch_free(self->kept.clock);
    ch_notify_free(self->notify);
    ch_confinement_free(self->confinement);
    ch_meter_free(self->meter);
    ch_notices_free(self->notices);
    ch_callers_free(self->callers);
    ch_key_watch_free(self->key_watch);
    ch_shadow_free(self->shadow);
    ch_dying_free(self->dying);
    return ch_status_exit(st);
}

int ch_core_run(const char *config_path)
{
    static core self;
    ch_error err = CH_ERROR_INIT;
    ch_core_hold_freezes();
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
