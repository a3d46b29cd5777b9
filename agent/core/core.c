/* The loop. Handlers only read and queue; all that they queued leaves at the end of a turn, in the order token, front,
 * so that the token is at work while the front's answers are written. A descriptor that is full is tried again after a
 * millisecond: between processes of one machine that is rare and short. */
#include "agent/core/core.h"

#include "agent/harden.h"
#include "base/log.h"
#include "base/memory.h"
#include "policy/load.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 500
#define EVENTS_MAX 32
#define AWAKE_NS 60000

ch_status ch_core_watch(ch_core *core, int fd, uint64_t tag, ch_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = tag}};
    if (epoll_ctl(core->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return ch_fail_errno(err, "watching a descriptor");
    return CH_OK;
}

static ch_status catch_signals(ch_core *core, ch_error *err)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGCHLD);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return ch_fail_errno(err, "blocking signals");
    core->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return core->signal_fd < 0 ? ch_fail_errno(err, "making a signal descriptor") : CH_OK;
}

static void find_nonce_counters(ch_core *core)
{
    core->nonce_counters = ch_alloc(core->policy.key_count * sizeof *core->nonce_counters);
    for (size_t i = 0; i < core->policy.key_count; i++) {
        uint64_t unit_ns;
        if (ch_profile_uses_nonce(core->policy.keys[i].profile, &unit_ns))
            core->nonce_counters[i] = ch_nonces_counter(core->nonces, core->policy.keys[i].name);
    }
}

static ch_status open_sockets(ch_core *core, ch_error *err)
{
    ch_status st = ch_listen(core->config.socket_path, SOCK_STREAM, &core->listen_fd, err);
    if (st == CH_OK)
        st = ch_listen(core->config.operator_socket_path, SOCK_SEQPACKET, &core->operator_listen_fd, err);
    if (st == CH_OK)
        st = ch_core_watch(core, core->operator_listen_fd, CH_TAG(CH_TAG_OPERATOR_LISTEN, 0), err);
    if (st == CH_OK)
        st = ch_core_watch(core, core->signal_fd, CH_TAG(CH_TAG_SIGNAL, 0), err);
    return st;
}

static ch_status load_policy(ch_core *core, ch_error *err)
{
    ch_policy_source source = ch_config_policy_source(&core->config);
    return ch_policy_load(&source, &core->policy, err);
}

static ch_status set_up(ch_core *core, const char *config_path, ch_error *err)
{
    ch_process_schedule(CH_SLICE_NS);
    ch_status st = ch_harden_process(err);
    if (st == CH_OK)
        st = ch_config_load(config_path, &core->config, err);
    if (st == CH_OK)
        st = load_policy(core, err);
    if (st == CH_OK)
        st = ch_store_open(core->config.state_folder, &core->store, err);
    if (st == CH_OK)
        st = ch_nonces_open(core->store, &core->nonces, err);
    if (st == CH_OK)
        st = catch_signals(core, err);
    if (st != CH_OK)
        return st;
    core->scratch = ch_scratch_new();
    find_nonce_counters(core);
    ch_jobs_init(core);
    ch_operators_init(core);
    ch_process_init(&core->front, "front");
    core->link_count = core->config.token_count;
    for (size_t i = 0; i < core->link_count; i++)
        ch_link_init(core, i);
    core->started_ms = ch_clock_ms();
    core->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return core->epoll_fd < 0 ? ch_fail_errno(err, "making an epoll descriptor") : open_sockets(core, err);
}

/* ---- signals ---- */

static void log_death(pid_t pid, int wait_status)
{
    if (WIFSIGNALED(wait_status))
        ch_log("process %d was ended by signal %d (%s)", (int)pid, WTERMSIG(wait_status),
               strsignal(WTERMSIG(wait_status)));
    else
        ch_log("process %d ended with status %d", (int)pid, WEXITSTATUS(wait_status));
}

static void reap(ch_core *core)
{
    int wait_status;
    pid_t pid;
    while ((pid = ch_process_reap(&wait_status)) != 0) {
        log_death(pid, wait_status);
        if (core->front.pid == pid) {
            core->front.pid = 0;
            ch_front_down(core, "it died");
        }
        for (size_t i = 0; i < core->link_count; i++) {
            if (core->links[i].process.pid == pid) {
                core->links[i].process.pid = 0;
                ch_link_down(&core->links[i], "it died");
            }
        }
    }
}

static void on_signal(ch_core *core)
{
    struct signalfd_siginfo signal_info;
    while (read(core->signal_fd, &signal_info, sizeof signal_info) == (ssize_t)sizeof signal_info) {
        if (signal_info.ssi_signo == SIGCHLD) {
            reap(core);
        } else {
            ch_log("stopping on signal %u", signal_info.ssi_signo);
            core->is_stopping = true;
        }
    }
}

/* ---- the loop ---- */

static void on_event(ch_core *core, uint64_t tag)
{
    size_t index = (size_t)(tag & 0xffffffff);
    switch (tag >> 32) {
    case CH_TAG_SIGNAL:
        on_signal(core);
        break;
    case CH_TAG_LISTEN:
        ch_clients_accept(core);
        break;
    case CH_TAG_OPERATOR_LISTEN:
        ch_operators_accept(core);
        break;
    case CH_TAG_FRONT:
        ch_front_receive(core);
        break;
    case CH_TAG_LINK:
        ch_link_receive(&core->links[index]);
        break;
    case CH_TAG_OPERATOR:
        ch_operator_receive(core, index);
        break;
    default:
        break;
    }
}

static uint64_t keep_children_up(ch_core *core)
{
    uint64_t now_ms = ch_clock_ms();
    ch_front_keep_up(core, now_ms);
    for (size_t i = 0; i < core->link_count; i++)
        ch_link_keep_up(&core->links[i], now_ms);
    return now_ms;
}

static int until_restart(const ch_process *process, uint64_t now_ms, int wait_ms)
{
    if (ch_process_is_up(process))
        return ch_channel_is_blocked(&process->channel) ? 1 : wait_ms;
    uint64_t left = process->restart_at_ms > now_ms ? process->restart_at_ms - now_ms : 0;
    return left < (uint64_t)wait_ms ? (int)left : wait_ms;
}

static int wait_time(const ch_core *core, uint64_t now_ms)
{
    int wait_ms = until_restart(&core->front, now_ms, TICK_MS);
    for (size_t i = 0; i < core->link_count; i++)
        wait_ms = until_restart(&core->links[i].process, now_ms, wait_ms);
    return wait_ms;
}

/* A lone request is answered by the token sooner than a sleeping process is woken, so it is worth waiting for awake:
 * the answer is looked for between yields, for a few tens of microseconds. With more requests in flight there is always
 * work at hand, and with none nothing to wait for. */
static int wait_awake(const ch_core *core, struct epoll_event *events)
{
    size_t in_flight = 0;
    for (size_t i = 0; i < core->link_count; i++)
        in_flight += core->links[i].in_flight;
    if (in_flight != 1)
        return 0;
    uint64_t end_ns = ch_clock_ns() + AWAKE_NS;
    int count = 0;
    do {
        (void)sched_yield();
        count = epoll_wait(core->epoll_fd, events, EVENTS_MAX, 0);
    } while (count == 0 && ch_clock_ns() < end_ns);
    return count;
}

static void run(ch_core *core)
{
    uint64_t checked_ms = 0;
    while (!core->is_stopping) {
        struct epoll_event events[EVENTS_MAX];
        uint64_t now_ms = keep_children_up(core);
        ch_front_flush(core);
        int count = wait_awake(core, events);
        if (count == 0)
            count = epoll_wait(core->epoll_fd, events, EVENTS_MAX, wait_time(core, now_ms));
        for (int i = 0; i < count; i++)
            on_event(core, events[i].data.u64);
        now_ms = ch_clock_ms();
        for (size_t i = 0; i < core->link_count; i++)
            ch_link_dispatch(&core->links[i], now_ms);
        if (now_ms - checked_ms >= TICK_MS) {
            checked_ms = now_ms;
            for (size_t i = 0; i < core->link_count; i++)
                ch_link_check_time(&core->links[i], now_ms);
        }
    }
}

static void tear_down(ch_core *core)
{
    (void)unlink(core->config.socket_path);
    (void)unlink(core->config.operator_socket_path);
    ch_process_end(&core->front, ch_clock_ms());
    for (size_t i = 0; i < core->link_count; i++) {
        ch_process_end(&core->links[i].process, ch_clock_ms());
        ch_secret_wipe(&core->links[i].pin);
        ch_secret_wipe(&core->links[i].trial);
    }
    ch_nonces_close(core->nonces);
    ch_store_close(core->store);
}

int ch_core_main(const char *config_path)
{
    static ch_core core;
    ch_error err = CH_ERROR_INIT;
    ch_status st = set_up(&core, config_path, &err);
    if (st != CH_OK) {
        ch_log("%s", err.message);
        return ch_status_exit(st);
    }
    ch_log("version %s, %zu keys, %zu tokens; bots: %s; operators: %s", CH_VERSION, core.policy.key_count,
           core.link_count, core.config.socket_path, core.config.operator_socket_path);
    run(&core);
    tear_down(&core);
    return 0;
}
