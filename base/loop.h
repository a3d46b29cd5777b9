/* The event loop of a process: descriptors with callbacks, and timers. Sleeps in one place.
 *
 * One thread. Callbacks may add, change and remove sources and timers, their own too; a source that is removed gets no
 * further call, not even for an event that was already seen. Sources and timers are the caller's memory and must stay
 * where they are while they are in the loop. */
#ifndef CH_BASE_LOOP_H
#define CH_BASE_LOOP_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_loop ch_loop;

/* Set `fd`, `on_ready` and `context`; the rest is the loop's. Zeroed, with fd -1, when it is in no loop. */
typedef struct ch_source {
    int fd;
    void (*on_ready)(void *context);
    void *context;
    uint32_t events; /* EPOLLIN, EPOLLOUT; 0: nothing is waited for */
    uint32_t ready;  /* why on_ready was called: EPOLLIN, EPOLLRDHUP, ... */
    bool is_watched;
} ch_source;

/* Set `on_due` and `context`, and zero the rest. It is in the loop from when it is set until it is due or cancelled. */
typedef struct ch_timer {
    void (*on_due)(void *context);
    void *context;
    uint64_t due_ms; /* monotonic; 0: not set */
    struct ch_timer *previous;
    struct ch_timer *next;
} ch_timer;

CH_CHECKED ch_status ch_loop_new(ch_loop **out, ch_error *err);
void ch_loop_free(ch_loop *loop);

/* Watches `source` for `events`, or changes what it is watched for. Hang-ups and errors are always reported. */
CH_CHECKED ch_status ch_loop_watch(ch_loop *loop, ch_source *source, uint32_t events, ch_error *err);
/* Before its descriptor is closed. Harmless if it is not watched. */
void ch_loop_forget(ch_loop *loop, ch_source *source);

/* Calls `on_due` once, at `due_ms` of the monotonic clock or soon after; set again, the earlier time is forgotten. */
void ch_loop_set_timer(ch_loop *loop, ch_timer *timer, uint64_t due_ms);
/* Takes the timer out of the loop. Harmless if it is not set. */
void ch_loop_cancel_timer(ch_loop *loop, ch_timer *timer);

/* Waits until something is ready or due and calls everyone concerned. Before it sleeps it stays awake for up to
 * `awake_ns`, in which an answer may come sooner than a sleeping process is woken. */
void ch_loop_turn(ch_loop *loop, uint64_t awake_ns);

#endif
