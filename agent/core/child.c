#include "agent/core/child.h"

#include "agent/spawn.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <sys/epoll.h>

#define LAST_PACKETS_MAX 256 /* of a child that has died; its helpers may still write */

static void on_ready(void *context);
static void on_restart(void *context);

void ch_child_init(ch_child *child, ch_loop *loop, const char *role, const char *name, const ch_child_owner *owner)
{
    *child = (ch_child){
        .loop = loop,
        .owner = *owner,
        .role = role,
        .channel = CH_CHANNEL_CLOSED,
        .source = {.fd = -1, .on_ready = on_ready, .context = child},
        .restart = {.on_due = on_restart,        .context = child        }
    };
    snprintf(child->name, sizeof child->name, "%s", name);
    ch_child_output_init(&child->output, loop, child->name);
}

bool ch_child_is_up(const ch_child *child)
{
    return child->pid != 0;
}

static void close_channel(ch_child *child)
{
    ch_loop_forget(child->loop, &child->source);
    child->source.fd = -1;
    ch_channel_close(&child->channel);
    ch_child_output_close(&child->output);
    if (child->pid != 0 && !child->is_reaped)
        ch_spawn_kill(child->pid);
    child->pid = 0;
}

static uint64_t pause_ms(const ch_child *child)
{
    uint64_t wait_ms = CH_RESTART_MIN_MS;
    for (unsigned i = 1; i < child->quick_deaths && wait_ms < CH_RESTART_MAX_MS; i++)
        wait_ms *= 2;
    return wait_ms < CH_RESTART_MAX_MS ? wait_ms : CH_RESTART_MAX_MS;
}

static void log_end(const ch_child *child, const char *why)
{
    if (child->pid != 0)
        ch_log("%s: process %d ended (%s); starting it again", child->name, (int)child->pid, why);
    else
        ch_log("%s: its process could not be started (%s); trying again", child->name, why);
}

void ch_child_end(ch_child *child, const char *why)
{
    uint64_t now_ms = ch_clock_ms();
    bool is_quick = now_ms - child->started_ms < CH_QUICK_DEATH_MS;
    child->quick_deaths = is_quick ? child->quick_deaths + 1 : 1;
    ch_child_output_close(&child->output); /* its last words, before the line about its end */
    log_end(child, why);
    close_channel(child);
    ch_loop_set_timer(child->loop, &child->restart, now_ms + pause_ms(child));
    child->owner.on_down(child->owner.self, why);
}

void ch_child_stop(ch_child *child)
{
    ch_loop_cancel_timer(child->loop, &child->restart);
    close_channel(child);
}

static ch_status spawn(ch_child *child, ch_error *err)
{
    ch_spawned spawned;
    CH_TRY(ch_spawn(child->role, &spawned, err));
    child->pid = spawned.pid;
    child->is_reaped = false;
    child->source.fd = spawned.channel_fd;
    ch_channel_open(&child->channel, spawned.channel_fd);
    CH_TRY(ch_child_output_open(&child->output, spawned.output_fd, err));
    CH_TRY(ch_loop_watch(child->loop, &child->source, EPOLLIN, err));
    CH_TRY(child->owner.on_up(child->owner.self, err));
    return ch_channel_flush(&child->channel, err);
}

void ch_child_start(ch_child *child)
{
    ch_error err = CH_ERROR_INIT;
    child->started_ms = ch_clock_ms();
    if (spawn(child, &err) != CH_OK)
        ch_child_end(child, err.message);
    else
        ch_child_flush(child);
}

static void on_restart(void *context)
{
    ch_child *child = context;
    if (!ch_child_is_up(child))
        ch_child_start(child);
}

static bool may_read(const ch_child *child)
{
    return child->owner.may_read == NULL || child->owner.may_read(child->owner.self);
}

void ch_child_flush(ch_child *child)
{
    ch_error err = CH_ERROR_INIT;
    if (!ch_child_is_up(child))
        return;
    ch_status st = ch_channel_flush(&child->channel, &err);
    uint32_t events = (may_read(child) ? EPOLLIN : 0U) | (ch_channel_pending(&child->channel) > 0 ? EPOLLOUT : 0U);
    if (st == CH_OK)
        st = ch_loop_watch(child->loop, &child->source, events, &err);
    if (st != CH_OK)
        ch_child_end(child, err.message);
}

/* Returns false if nothing was there. */
static bool take_packet(ch_child *child)
{
    ch_error err = CH_ERROR_INIT;
    ch_packet packet;
    ch_status st = ch_channel_receive(&child->channel, &packet, &err);
    bool is_there = packet.bytes.size > 0;
    if (st == CH_UNAVAILABLE)
        ch_error_set(&err, st, "", "it closed its channel");
    if (st == CH_OK)
        st = ch_packet_take(&packet, child->owner.receiver, child->owner.self, &err);
    if (st != CH_OK && ch_child_is_up(child))
        ch_child_end(child, err.message);
    return is_there;
}

static void on_ready(void *context)
{
    ch_child *child = context;
    if ((child->source.events & EPOLLOUT) != 0)
        ch_child_flush(child);
    for (size_t i = 0; i < child->owner.packets_a_turn && ch_child_is_up(child) && may_read(child); i++) {
        if (!take_packet(child))
            return;
    }
}

/* What it said before it died still counts: answers, and why it could not go on. */
bool ch_child_died(ch_child *child, pid_t pid)
{
    if (pid != child->pid || pid == 0)
        return false;
    child->is_reaped = true;
    for (size_t i = 0; i < LAST_PACKETS_MAX && ch_child_is_up(child) && may_read(child); i++) {
        if (!take_packet(child))
            break;
    }
    if (ch_child_is_up(child))
        ch_child_end(child, "it died");
    return true;
}
