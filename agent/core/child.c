#include "agent/core/child.h"

#include "agent/spawn.h"
#include "base/clock.h"
#include "base/log.h"

#include <limits.h>
#include <stdio.h>
#include <sys/epoll.h>

#define NS_A_TURN 200000    /* a packet may hold thousands of frames */
#define NS_AT_LAST 20000000 /* for what a child has said before it died; its helpers may still write */

static void on_ready(void *context);
static void on_restart(void *context);
static void take_some(void *context);

void ch_child_init(ch_child *child, ch_loop *loop, const char *role, const char *name, const ch_child_owner *owner)
{
    *child = (ch_child){
        .loop = loop,
        .owner = *owner,
        .role = role,
        .channel = CH_CHANNEL_CLOSED,
        .source = {.fd = -1,             .on_ready = on_ready, .context = child},
        .packet = {.fd = -1                   },
        .restart = {.on_due = on_restart, .context = child                                },
        .more = {.on_due = take_some,  .context = child    }
    };
    snprintf(child->name, sizeof child->name, "%s", name);
    ch_child_output_init(&child->output, loop, child->name);
}

bool ch_child_is_up(const ch_child *child)
{
    return child->pid != 0;
}

static void part(ch_child *child)
{
    bool is_alive = child->pid != 0 && !child->is_reaped;
    if (is_alive && child->owner.dying != NULL)
        ch_dying_add(child->owner.dying, child->pid);
    else if (is_alive)
        ch_spawn_kill(child->pid);
    child->pid = 0;
}

static void close_channel(ch_child *child)
{
    ch_loop_forget(child->loop, &child->source);
    ch_loop_cancel_timer(child->loop, &child->more);
    ch_packet_close(&child->packet);
    child->packet.bytes.size = 0;
    child->source.fd = -1;
    ch_channel_close(&child->channel);
    ch_child_output_close(&child->output);
    part(child);
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

static void end(ch_child *child, const char *why, uint64_t restart_ms)
{
    ch_child_output_close(&child->output); /* its last words, before the line about its end */
    log_end(child, why);
    close_channel(child);
    ch_loop_set_timer(child->loop, &child->restart, restart_ms);
    child->owner.on_down(child->owner.self, why);
}

void ch_child_end(ch_child *child, const char *why)
{
    uint64_t now_ms = ch_clock_ms();
    bool is_quick = now_ms - child->started_ms < CH_QUICK_DEATH_MS;
    child->quick_deaths = is_quick ? child->quick_deaths + 1 : 1;
    end(child, why, now_ms + pause_ms(child));
}

void ch_child_replace(ch_child *child, const char *why)
{
    end(child, why, ch_clock_ms());
}

void ch_child_stop(ch_child *child)
{
    ch_loop_cancel_timer(child->loop, &child->restart);
    close_channel(child);
}

static ch_status spawn(ch_child *child, ch_error *err)
{
    ch_spawned spawned;
    CH_TRY(ch_spawn(child->role, child->owner.variables, &spawned, err));
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
    bool is_read = may_read(child);
    uint32_t events = (is_read ? EPOLLIN : 0U) | (ch_channel_pending(&child->channel) > 0 ? EPOLLOUT : 0U);
    if (st == CH_OK)
        st = ch_loop_watch(child->loop, &child->source, events, &err);
    if (st != CH_OK)
        ch_child_end(child, err.message);
    else if (is_read && child->packet.bytes.size > 0)
        ch_loop_set_timer(child->loop, &child->more, ch_clock_ms());
}

/* Returns false if nothing was there. */
static bool receive(ch_child *child)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_channel_receive(&child->channel, &child->packet, &err);
    if (st == CH_UNAVAILABLE)
        ch_error_set(&err, st, "", "it closed its channel");
    if (st != CH_OK)
        ch_child_end(child, err.message);
    return st == CH_OK && child->packet.bytes.size > 0;
}

static void take_frame(ch_child *child)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_packet_take_frame(&child->packet, child->owner.receiver, child->owner.self, &err);
    if (st != CH_OK && ch_child_is_up(child))
        ch_child_end(child, err.message);
}

/* Takes frames of at most `packets` packets, until `end_ns`. What is left of a packet is taken in the next turn. */
static void take_until(ch_child *child, unsigned packets, uint64_t end_ns)
{
    while (ch_child_is_up(child) && may_read(child)) {
        if (child->packet.bytes.size == 0 && (packets-- == 0 || !receive(child)))
            return;
        take_frame(child);
        if (ch_clock_ns() >= end_ns)
            break;
    }
    if (ch_child_is_up(child) && child->packet.bytes.size > 0 && may_read(child))
        ch_loop_set_timer(child->loop, &child->more, ch_clock_ms());
}

/* A few packets a turn, and no more time than a share, so that no child keeps the others waiting. */
static void take_some(void *context)
{
    ch_child *child = context;
    uint64_t begun_ns = ch_clock_ns();
    take_until(child, child->owner.packets_a_turn, begun_ns + NS_A_TURN);
    if (child->owner.on_taken != NULL)
        child->owner.on_taken(child->owner.self, begun_ns);
}

static void on_ready(void *context)
{
    ch_child *child = context;
    if ((child->source.events & EPOLLOUT) != 0)
        ch_child_flush(child);
    take_some(child);
}

/* What it said before it died still counts: answers, and why it could not go on. */
bool ch_child_died(ch_child *child, pid_t pid)
{
    if (pid != child->pid || pid == 0)
        return false;
    child->is_reaped = true;
    take_until(child, UINT_MAX, ch_clock_ns() + NS_AT_LAST);
    if (ch_child_is_up(child))
        ch_child_end(child, "it died");
    return true;
}
