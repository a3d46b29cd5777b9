/* A child process and its channel in the loop: started, fed, listened to, ended, and started again.
 *
 * What the child says goes to a receiver (wire/channel.h); a frame that its state does not accept, or a failing
 * handler, ends the child with a line in the log. After its end it is started again, at once or, if it dies soon after
 * each start, after a growing pause. Core's thread only. */
#ifndef CH_AGENT_CORE_CHILD_H
#define CH_AGENT_CORE_CHILD_H

#include "agent/core/child_output.h"
#include "agent/core/dying.h"
#include "base/loop.h"
#include "wire/channel.h"

#include <sys/types.h>

#define CH_QUICK_DEATH_MS 5000 /* a child that dies sooner after its start is not started again at once */
#define CH_RESTART_MIN_MS 50
#define CH_RESTART_MAX_MS 5000

typedef struct ch_child_owner {
    const ch_receiver *receiver;
    void *self; /* the receiver's, and the callbacks' */
    /* Packets that are received in a turn, so that no child keeps the others waiting. More than one is worth it only if
     * several are usually there, because the last look, which finds nothing, is a system call as well. */
    unsigned packets_a_turn;
    /* Takes the process when it is ended here: its channel is closed, which it sees, and it may finish what it does.
     * NULL: it is killed at once. */
    ch_dying *dying;
    /* What its environment has beside ours (agent/spawn.h). NULL: nothing. They stay the owner's. */
    char *const *variables;
    /* It was started: write its first frames. A failure ends it. */
    ch_status (*on_up)(void *self, ch_error *err);
    /* It has ended, for the reason that `why` says; its channel is closed. */
    void (*on_down)(void *self, const char *why);
    /* False: nothing is read from it for now. NULL: always. ch_child_flush asks. */
    bool (*may_read)(void *self);
    /* Some of what it sent has been taken, since `begun_ns`. NULL: nobody asks. */
    void (*on_taken)(void *self, uint64_t begun_ns);
} ch_child_owner;

typedef struct ch_child {
    ch_loop *loop;
    ch_child_owner owner;
    const char *role;
    char name[80];  /* for the log */
    pid_t pid;      /* 0: not running */
    bool is_reaped; /* it is dead, and its id may be another's by now: never to be killed */
    ch_channel channel;
    ch_source source;
    ch_child_output output;
    ch_packet packet; /* what is left of it is taken next */
    ch_timer more;    /* to take it */
    ch_timer restart;
    uint64_t started_ms;
    unsigned quick_deaths; /* in a row */
} ch_child;

/* Starts nothing yet. The child must stay where it is. */
void ch_child_init(ch_child *child, ch_loop *loop, const char *role, const char *name, const ch_child_owner *owner);
/* Starts it. If that fails, it is tried again after a pause; the reason goes to on_down. */
void ch_child_start(ch_child *child);
bool ch_child_is_up(const ch_child *child);
/* Sends what is pending; what the socket does not take follows when it can. */
void ch_child_flush(ch_child *child);
/* Ends it, if it runs, calls on_down, and has it started again. */
void ch_child_end(ch_child *child, const char *why);
/* The same, but it has done nothing wrong: the next one is started without a pause. */
void ch_child_replace(ch_child *child, const char *why);
/* True if `pid`, a process that has been reaped, was the child: takes what it has sent before, calls on_down, and has
 * it started again. */
bool ch_child_died(ch_child *child, pid_t pid);
/* Ends it for good, without on_down. */
void ch_child_stop(ch_child *child);

#endif
