/* Timers are a list without order, and each turn looks at all of them: a few hundred in the agent, and some two
 * thousand at most in a relay, which has one for each connection and request. */
#include "base/loop.h"

#include "base/awake.h"
#include "base/clock.h"
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define SLEEP_MAX_MS 60000

struct ch_loop {
    int epoll_fd;
    ch_timer *timers;                      /* those that are set */
    ch_timer *next_timer;                  /* of the walk in call_timers */
    struct epoll_event events[EVENTS_MAX]; /* of this turn */
    int event_count;
    ch_awake awake;
};

ch_status ch_loop_new(ch_loop **out, ch_error *err)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return ch_fail_errno(err, "making an epoll descriptor");
    *out = ch_alloc(sizeof **out);
    (*out)->epoll_fd = fd;
    return CH_OK;
}

void ch_loop_free(ch_loop *loop)
{
    if (loop == NULL)
        return;
    close(loop->epoll_fd);
    free(loop);
}

/* ---- sources ---- */

ch_status ch_loop_watch(ch_loop *loop, ch_source *source, uint32_t events, ch_error *err)
{
    assert(source->fd >= 0 && source->on_ready != NULL);
    if (source->is_watched && source->events == events)
        return CH_OK;
    struct epoll_event event = {.events = events, .data = {.ptr = source}};
    int operation = source->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(loop->epoll_fd, operation, source->fd, &event) != 0)
        return ch_fail_errno(err, "watching a descriptor");
    source->is_watched = true;
    source->events = events;
    return CH_OK;
}

void ch_loop_forget(ch_loop *loop, ch_source *source)
{
    if (!source->is_watched)
        return;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    source->is_watched = false;
    source->events = 0;
    for (int i = 0; i < loop->event_count; i++) {
        if (loop->events[i].data.ptr == source)
            loop->events[i].data.ptr = NULL;
    }
}

/* ---- timers ---- */

static void unlink_timer(ch_loop *loop, ch_timer *timer)
{
    if (timer->previous == NULL)
        loop->timers = timer->next;
    else
        timer->previous->next = timer->next;
    if (timer->next != NULL)
        timer->next->previous = timer->previous;
    if (loop->next_timer == timer)
        loop->next_timer = timer->next;
    timer->previous = timer->next = NULL;
    timer->due_ms = 0;
}

void ch_loop_set_timer(ch_loop *loop, ch_timer *timer, uint64_t due_ms)
{
    bool is_set = timer->due_ms != 0;
    timer->due_ms = due_ms == 0 ? 1 : due_ms;
    if (is_set)
        return;
    timer->next = loop->timers;
    if (loop->timers != NULL)
        loop->timers->previous = timer;
    loop->timers = timer;
}

void ch_loop_cancel_timer(ch_loop *loop, ch_timer *timer)
{
    if (timer->due_ms != 0)
        unlink_timer(loop, timer);
}

static int time_to_sleep(const ch_loop *loop)
{
    uint64_t now_ms = ch_clock_ms();
    uint64_t sleep_ms = SLEEP_MAX_MS;
    for (const ch_timer *timer = loop->timers; timer != NULL; timer = timer->next) {
        uint64_t left_ms = timer->due_ms > now_ms ? timer->due_ms - now_ms : 0;
        if (left_ms < sleep_ms)
            sleep_ms = left_ms;
    }
    return (int)sleep_ms;
}

/* A callback may set and cancel any timer. One that was not set goes to the list's beginning, and so waits for the next
 * turn. */
static void call_timers(ch_loop *loop)
{
    uint64_t now_ms = ch_clock_ms();
    for (ch_timer *timer = loop->timers; timer != NULL; timer = loop->next_timer) {
        loop->next_timer = timer->next;
        if (timer->due_ms > now_ms)
            continue;
        unlink_timer(loop, timer);
        timer->on_due(timer->context);
    }
}

/* ---- a turn ---- */

static bool poll_events(void *context)
{
    ch_loop *loop = context;
    loop->event_count = epoll_wait(loop->epoll_fd, loop->events, EVENTS_MAX, 0);
    return loop->event_count != 0;
}

void ch_loop_turn(ch_loop *loop, uint64_t awake_ns)
{
    if (!ch_stay_awake(&loop->awake, awake_ns, poll_events, loop))
        loop->event_count = epoll_wait(loop->epoll_fd, loop->events, EVENTS_MAX, time_to_sleep(loop));
    for (int i = 0; i < loop->event_count; i++) {
        ch_source *source = loop->events[i].data.ptr;
        if (source == NULL)
            continue;
        source->ready = loop->events[i].events;
        source->on_ready(source->context);
    }
    loop->event_count = 0;
    call_timers(loop);
}
