/* Signals come through the loop, so that nothing is interrupted; libcurl's threads have them blocked. */
#include "relay/relay.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/memory.h"
#include "relay/agent.h"
#include "relay/bots.h"
#include "relay/config.h"
#include "relay/confine.h"
#include "relay/inlet.h"
#include "relay/requests.h"
#include "relay/sender.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ACCEPTED_TOGETHER 16
#define DESCRIPTORS 4096
#define AWAKE_NS 500000 /* how long it waits awake for what may come soon */

typedef struct relay {
    ch_relay_config config;
    ch_loop *loop;
    ch_agent *agent;
    ch_sender *sender;
    ch_requests *requests;
    ch_bots *bots;
    ch_inlet *inlets;
    size_t inlet_count;
    ch_source signals;
    ch_timer patience; /* set when it is to stop: for what is in flight */
    bool is_stopping;
    bool is_over;
} relay;

/* An inlet in the loop. */
typedef struct entrance {
    relay *self;
    ch_inlet *inlet;
} entrance;

/* ---- what bots do ---- */

static void on_request(void *context, ch_bot *bot, ch_inlet *inlet, const ch_bot_head *head, ch_slice body)
{
    relay *self = context;
    ch_requests_take(self->requests, bot, inlet, head, body);
}

static ch_status check_head(void *context, const ch_inlet *inlet, const ch_bot_head *head, ch_error *err)
{
    (void)context;
    return ch_inlet_check(inlet, head, err);
}

static void on_room(void *context, void *request)
{
    (void)context;
    ch_way_has_room(request);
}

static void on_gone(void *context, void *request)
{
    (void)context;
    ch_way_is_gone(request);
}

static void on_knock(void *context)
{
    entrance *at = context;
    for (int i = 0; i < ACCEPTED_TOGETHER; i++) {
        int fd = ch_inlet_accept(at->inlet);
        if (fd < 0)
            return;
        ch_bots_take(at->self->bots, at->inlet, fd);
    }
}

/* ---- the end ---- */

static void stop(relay *self)
{
    if (self->is_stopping)
        return;
    self->is_stopping = true;
    ch_log("stopping: %zu requests are on their way", ch_requests_count(self->requests));
    ch_loop_set_timer(self->loop, &self->patience, ch_clock_ms() + (uint64_t)self->config.times.stop * 1000);
    for (size_t i = 0; i < self->inlet_count; i++)
        ch_inlet_shut(&self->inlets[i], self->loop);
    ch_bots_stop(self->bots);
}

static void on_signal(void *context)
{
    relay *self = context;
    struct signalfd_siginfo signal;
    if (read(self->signals.fd, &signal, sizeof signal) == (ssize_t)sizeof signal)
        stop(self);
}

static void on_late(void *context)
{
    relay *self = context;
    self->is_over = true;
}

static bool is_at_its_end(const relay *self)
{
    bool has_work =
        ch_requests_count(self->requests) > 0 || ch_agent_telling(self->agent) > 0 || ch_bots_count(self->bots) > 0;
    return self->is_over || (self->is_stopping && !has_work);
}

/* ---- the start ---- */

static ch_status prepare(relay *self, const char *config_path, ch_error *err)
{
    CH_TRY(ch_relay_config_load(config_path, &self->config, err));
    self->inlets = ch_alloc(self->config.listener_count * sizeof *self->inlets);
    for (size_t i = 0; i < self->config.listener_count; i++) {
        self->inlet_count = i + 1;
        CH_TRY(ch_inlet_prepare(&self->inlets[i], &self->config.listeners[i], err));
    }
    if (access(self->config.ca_path, R_OK) != 0)
        return ch_fail(err, CH_CONFIG, "the certificates of authorities in %s cannot be read ('ca' of relay.yaml)",
                       self->config.ca_path);
    return CH_OK;
}

static ch_status watch_signals(relay *self, ch_error *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    self->signals =
        (ch_source){.fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), .on_ready = on_signal, .context = self};
    if (self->signals.fd < 0)
        return ch_fail_errno(err, "watching signals");
    return ch_loop_watch(self->loop, &self->signals, EPOLLIN, err);
}

static ch_status open_inlets(relay *self, entrance *entrances, ch_error *err)
{
    for (size_t i = 0; i < self->inlet_count; i++) {
        ch_inlet *inlet = &self->inlets[i];
        entrances[i] = (entrance){self, inlet};
        CH_TRY(ch_inlet_open(inlet, err));
        inlet->source = (ch_source){.fd = inlet->fd, .on_ready = on_knock, .context = &entrances[i]};
        CH_TRY(ch_loop_watch(self->loop, &inlet->source, EPOLLIN, err));
    }
    return CH_OK;
}

/* How many connections bots may have: a third of the descriptors, so that there is one for each to an exchange, and
 * some are left. */
static size_t raise_descriptors(void)
{
    struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
    ch_ignore(getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_cur < DESCRIPTORS) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
        ch_ignore(setrlimit(RLIMIT_NOFILE, &limit)); /* if it is not raised, fewer bots are served */
    }
    return limit.rlim_cur / 3 < CH_BOTS_MAX ? limit.rlim_cur / 3 : CH_BOTS_MAX;
}

static ch_status start(relay *self, entrance *entrances, ch_error *err)
{
    const ch_bots_owner owner = {
        .context = self, .on_request = on_request, .check_head = check_head, .on_room = on_room, .on_gone = on_gone};
    size_t most = raise_descriptors();
    (void)unsetenv("SSLKEYLOGFILE"); /* libcurl would write the keys of each connection there */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return ch_fail(err, CH_INTERNAL, "libcurl does not start");
    CH_TRY(ch_loop_new(&self->loop, err));
    CH_TRY(watch_signals(self, err));
    self->agent = ch_agent_new(self->loop, self->config.agent_socket, self->config.times.agent);
    CH_TRY(ch_sender_new(self->loop, &self->config, &self->sender, err));
    self->requests = ch_requests_new(self->loop, &self->config, self->agent, self->sender);
    self->bots = ch_bots_new(self->loop, &self->config.times, most, self->inlet_count, &owner);
    CH_TRY(open_inlets(self, entrances, err));
    return ch_relay_confine(err);
}

static void free_relay(relay *self)
{
    for (size_t i = 0; i < self->inlet_count; i++)
        ch_inlet_close(&self->inlets[i], self->loop);
    ch_bots_free(self->bots);
    ch_requests_free(self->requests);
    ch_sender_free(self->sender);
    ch_agent_free(self->agent);
    if (self->signals.fd > 0)
        close(self->signals.fd);
    ch_loop_free(self->loop);
    free(self->inlets);
    ch_relay_config_free(&self->config);
}

ch_status ch_relay_check(const char *config_path, ch_error *err)
{
    relay self = {.signals = {.fd = -1}};
    ch_status st = prepare(&self, config_path, err);
    free_relay(&self);
    return st;
}

/* The agent's answer to a lone request, and the next request of a bot that asks one by one, are worth waiting for
 * awake. With more requests on their way there is always work at hand. */
static uint64_t time_awake(const relay *self)
{
    return ch_requests_count(self->requests) <= 1 ? AWAKE_NS : 0;
}

int ch_relay_run(const char *config_path)
{
    relay self = {
        .signals = {.fd = -1         },
          .patience = { .on_due = on_late, .context = &self}
    };
    ch_error err = CH_ERROR_INIT;
    entrance *entrances = NULL;
    ch_status st = prepare(&self, config_path, &err);
    if (st == CH_OK) {
        entrances = ch_alloc(self.inlet_count * sizeof *entrances);
        st = start(&self, entrances, &err);
    }
    if (st == CH_OK)
        ch_log("ready: %zu listeners, agent at %s", self.inlet_count, self.config.agent_socket);
    else
        ch_log("%s", err.message);
    while (st == CH_OK && !is_at_its_end(&self))
        ch_loop_turn(self.loop, time_awake(&self));
    free_relay(&self);
    free(entrances);
    return ch_status_exit(st);
}
