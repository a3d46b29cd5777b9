/* What one token has to do: the jobs that wait for it, and those that its process has.
 *
 * Jobs wait here, not in the token process: so cancels overtake, the bound holds, and a process that dies loses only
 * what it was given. It is given a little ahead, so that no worker is without work while core and the front have their
 * turn. A job is known by its ticket, which stands in the caller's memory and must stay there until the job has left.
 * Core's thread only. */
#ifndef CH_AGENT_CORE_TOKEN_JOBS_H
#define CH_AGENT_CORE_TOKEN_JOBS_H

#include "agent/core/meter.h"
#include "base/share.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Of cancels, and as many of all other jobs. */
#define CH_TOKEN_JOBS_MAX 512    /* waiting and at the token together */
#define CH_TOKEN_CALLER_SHARE 64 /* of a caller; above it, only while RESERVE places are left */
#define CH_TOKEN_RESERVE 128
#define CH_TOKEN_FIRST 4 /* a caller has besides, when all is taken */

#define CH_TOKEN_TICKETS_MAX (2 * CH_SHARE_MOST(CH_TOKEN_JOBS_MAX, CH_TOKEN_FIRST))

typedef enum ch_ticket_place {
    CH_TICKET_OUT,      /* in no queue */
    CH_TICKET_ADMITTED, /* a place is kept for it */
    CH_TICKET_WAITING,  /* for its turn */
    CH_TICKET_CALLED,   /* its turn has come, and it is sent as soon as the decision is recorded */
    CH_TICKET_SENT,     /* at the token process */
} ch_ticket_place;

/* Zero it, and set `owner`, `caller`, `key` and `is_urgent`; the rest is ours. */
typedef struct ch_ticket {
    void *owner;
    uid_t caller;
    size_t key;     /* index among the token's keys */
    bool is_urgent; /* a cancel: overtakes */
    ch_ticket_place place;
    struct lane *lane; /* the caller's, while it is in */
    struct ch_ticket *previous;
    struct ch_ticket *next;
    uint64_t id;      /* while it is at the token */
    uint64_t sent_ms; /* monotonic */
    uint32_t cost_ns; /* what it is expected to take */
    bool is_slow;     /* or nothing is known of its key yet */
    size_t payload_count;
    bool has_pin;     /* the PIN has gone with it */
    bool is_unsigned; /* the token process says that it did not sign it */
} ch_ticket;

typedef struct ch_token_jobs ch_token_jobs;

/* For a token with `worker_count` workers, and no key yet. */
ch_token_jobs *ch_token_jobs_new(size_t worker_count);
/* The token has as many keys from now on, which are not fewer than before. */
void ch_token_jobs_set_keys(ch_token_jobs *jobs, size_t key_count);
void ch_token_jobs_free(ch_token_jobs *jobs);
/* From now on jobs of callers who must wait wait, and what is sent counts. `meter` must outlive the jobs. */
void ch_token_jobs_set_meter(ch_token_jobs *jobs, ch_meter *meter);

/* How many jobs of the caller are here, of cancels or of all others. */
size_t ch_token_jobs_held(const ch_token_jobs *jobs, uid_t caller, bool is_urgent);
/* May this caller have one more job here? Cancels have places of their own, and so has each caller. */
bool ch_token_jobs_admits(const ch_token_jobs *jobs, uid_t caller, bool is_urgent);
/* Keeps a place for a job that is out; ch_token_jobs_admits must say so. */
void ch_token_jobs_admit(ch_token_jobs *jobs, ch_ticket *ticket);
/* Puts a job at the end of its caller's queue. If it is out, it is admitted first. */
void ch_token_jobs_add(ch_token_jobs *jobs, ch_ticket *ticket);
/* Takes a job out, wherever it is. Harmless if it is out already. */
void ch_token_jobs_leave(ch_token_jobs *jobs, ch_ticket *ticket);

/* True if the token should be given more: a worker may be without a job, or the work ahead is short. False while it is
 * late, and while it has all the slow jobs that it gains from: so a cancel is next. */
bool ch_token_jobs_has_room(const ch_token_jobs *jobs, uint64_t now_ms);
/* True if it has not got on with its oldest job for so long that it must be stuck. */
bool ch_token_jobs_is_stuck(const ch_token_jobs *jobs, uint64_t now_ms);
/* It is ended for that. If the same key's next job takes as long, it has more time. */
void ch_token_jobs_note_stuck(ch_token_jobs *jobs);
/* The next job whose turn it is, urgent ones first, callers in turn; NULL if none may go now. It is called: send it
 * soon, or let it leave. It is part of the work ahead already. */
ch_ticket *ch_token_jobs_call(ch_token_jobs *jobs);
/* Notes that the called job goes to the token process now. Its id is ticket->id. */
void ch_token_jobs_send(ch_token_jobs *jobs, ch_ticket *ticket, uint64_t now_ms);
/* The job at the token whose id this is; NULL if the process was not given it. */
ch_ticket *ch_token_jobs_find(const ch_token_jobs *jobs, uint64_t id);
/* Notes that a job was answered, whatever the answer; it is still at the token. */
void ch_token_jobs_note_answer(ch_token_jobs *jobs, const ch_ticket *ticket, uint64_t now_ns);
/* The token does not keep up with what was expected of it. */
void ch_token_jobs_note_surprise(ch_token_jobs *jobs);
/* Notes what a job with that key takes, as measured by the token process. */
void ch_token_jobs_set_cost(ch_token_jobs *jobs, size_t key, uint32_t cost_ns);

size_t ch_token_jobs_waiting(const ch_token_jobs *jobs);
/* Jobs that are called and not sent. */
size_t ch_token_jobs_called(const ch_token_jobs *jobs);
size_t ch_token_jobs_sent(const ch_token_jobs *jobs);
/* What the jobs at the token, and those that are called, are expected to take, one after the other. */
uint64_t ch_token_jobs_work_ns(const ch_token_jobs *jobs);
/* Since when the token could be at its oldest job: it was sent, or the one before it was answered. 0 if no job is
 * there.
 */
uint64_t ch_token_jobs_oldest_ms(const ch_token_jobs *jobs);
/* A job that waits or is sent, as `place` says; NULL if there is none. */
ch_ticket *ch_token_jobs_any(const ch_token_jobs *jobs, ch_ticket_place place);

#endif
