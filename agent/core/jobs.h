/* The table of jobs. A job is one request for a signature on its way through the steps of agent/core/request.c.
 *
 * A job that has left the table keeps its buffers for the next request. Core's thread only. */
#ifndef CH_AGENT_CORE_JOBS_H
#define CH_AGENT_CORE_JOBS_H

#include "agent/core/intake.h"
#include "agent/core/repeats.h"
#include "agent/core/reservations.h"
#include "agent/core/sent.h"
#include "agent/core/token_jobs.h"
#include "agent/core/token_link.h"
#include "base/clock.h"
#include "exchange/receive_window.h"
#include "exchange/recipe.h"
#include "policy/policy.h"
#include "state/nonces.h"
#include "wire/frames.h"

/* What became of a prepared request. Holds views, which are valid during the call. */
typedef struct ch_person_answer {
    const ch_finished *request; /* NULL: it was not signed */
    const char *key_id;         /* of the version that signed */
    ch_slice meaning;           /* in words; empty if it was not signed */
    uint64_t valid_ns;          /* for how long the exchange accepts it from now on; 0: nobody knows */
    const ch_error *why;        /* it was not signed; CH_OK: it was */
} ch_person_answer;

/* A person on the people's socket who asks for a request that policy has prepared. */
typedef struct ch_person_asker {
    void *context; /* NULL: the asker is a caller of a front */
    ch_peer peer;
    bool has_left;
    uint8_t policy[CH_POLICY_HASH_SIZE]; /* the one that has prepared it */
    /* Called once with the outcome, unless the person has left. */
    void (*answer)(void *context, const ch_person_answer *answer);
    /* Called when the job is over, so that another may begin; not if the person has left. */
    void (*ended)(void *context);
} ch_person_asker;

typedef struct ch_job {
    uint64_t id;      /* in the table; logs name it */
    size_t step;      /* of the table in request.c */
    bool is_held;     /* the step waits, and is entered again when what it waits for is there */
    bool is_old;      /* it is at the token, and was judged by rules that no longer hold: what it points to is theirs */
    bool is_counted;  /* by the meter */
    bool is_check;    /* it is only to be judged */
    bool is_answered; /* with what was signed before: nothing is left to do */
    bool is_again;    /* it takes its steps again, because of what the token did */
    uint64_t returned_ms; /* when the token first gave it back untried; 0: it has not */
    uint64_t number;      /* in the order in which requests came */

    /* What was asked; views into `bytes`. */
    ch_asker asker;
    uint64_t connection;
    ch_person_asker person; /* the asker, if it is a person and not a connection of a front */
    ch_form form;
    ch_request asked;
    ch_slice key_name;
    ch_slice text; /* CH_FORM_STRING, CH_FORM_RAW */
    ch_records values;
    ch_slice url; /* this and the next three: CH_FORM_WIRE */
    ch_slice origin;
    ch_records headers;
    ch_slice body;
    ch_slice repeat_key;                 /* the Idempotency-Key; empty: none */
    ch_slice key_id;                     /* of the version that is to sign; empty: any */
    ch_slice relay_id;                   /* by which a relay knows it; empty: no relay brings it */
    ch_slice relay_for;                  /* whose request it brings */
    uint64_t errors_tag;                 /* to send to the relay with the shapes of errors; 0: it has them */
    uint8_t digest[CH_SENT_DIGEST_SIZE]; /* by which it is the same; if a relay brings it */
    uint64_t approval;                   /* the approval that is fetched; 0: this is not a fetch */
    ch_buffer bytes;

    /* What the steps found. */
    ch_peer caller;
    const ch_policy *policy; /* that `callers` and `key` are of */
    ch_caller_set callers;
    ch_caller_set stoppable; /* whose trading states count: the callers', and the relay's */
    const ch_caller *relay;  /* that brings it; NULL: none does */
    const ch_key *key;
    ch_token_link *link; /* of the key's token */
    ch_request request;
    ch_param *params; /* what request.params points to */
    size_t param_capacity;
    ch_buffer decoded; /* CH_FORM_STRING, CH_FORM_WIRE: what values in `params` point to that do not stand in `bytes` */
    uint64_t text_time_ns;       /* CH_FORM_STRING: the time that the string names; 0: none */
    uint64_t until_ns;           /* CH_FORM_WIRE: when the request is too old to be made anew; 0: it names no time */
    uint64_t own_ns;             /* CH_FORM_WIRE: the newest time that it names itself; 0: none */
    const ch_endpoint *endpoint; /* NULL for CH_FORM_RAW */
    uint32_t window_ms;          /* the receive window; 0: none, or a parameter says it */
    bool is_window_added;        /* the last parameter says it, and is not the bot's */
    char window_text[CH_RECEIVE_WINDOW_TEXT_MAX];
    bool needs_people;                  /* nothing is in its way but that people must approve it */
    uint64_t judged_ns;                 /* wall clock */
    uint64_t generation;                /* of states and prices, then */
    ch_reservation *reservation;        /* until it is settled */
    uint64_t row;                       /* of the journal, when it is recorded */
    ch_repeat repeat;                   /* if the request has a repeat_key */
    ch_sent_entry *sent;                /* if a relay brings it */
    char first_id[CH_SENT_ID_TEXT + 1]; /* under which it was signed before; empty: it was not, or nobody looked */
    uint64_t validity_ns;               /* how long what is signed is good; 0: nobody knows */
    ch_ticket ticket;                   /* at the token */
    ch_nonce_claim claim;               /* of the nonce, if the request needs one */
    uint64_t held_ms;                   /* since when it waits for that */
    ch_moment now;                      /* when it is built */
    struct ch_job *recording_previous;  /* among those that wait for their records */
    struct ch_job *recording_next;
    bool is_recording; /* it is one of them */
    bool is_recorded;
    bool is_handed_over; /* to the token */
    ch_draft *draft;
    ch_payloads payloads;          /* views into the draft or into `bytes` */
    const ch_payloads *signatures; /* NULL until the token has answered; valid while the answer is taken */
    ch_finished finished;          /* of a request that the agent builds */
    ch_buffer signature;           /* the others: as the exchange writes it */
} ch_job;

typedef struct ch_jobs ch_jobs;

/* For as many held jobs as the tokens take together. There is one place more, so that a request can always be judged,
 * and is refused for want of a place only when it would wait. `scratch` is borrowed by every job's draft and must
 * outlive the table. */
ch_jobs *ch_jobs_new(size_t held_max, ch_scratch *scratch);
void ch_jobs_free(ch_jobs *jobs);

/* A fresh job. No more than `held_max` may be held. */
ch_job *ch_jobs_take(ch_jobs *jobs);
/* Keeps a copy of what was asked, for the frame is gone when the job is entered again. */
void ch_job_keep_asked(ch_job *job, const ch_sign_frame *sign);
/* Forgets what the steps found; they have given back what they took. What was asked stays. */
void ch_job_begin_again(ch_job *job);
/* The jobs that are taken, in no order: the first one after `job`, or of all if it is NULL; NULL at the end. */
ch_job *ch_jobs_next(ch_jobs *jobs, const ch_job *job);
/* Puts a job back, which must be out of its token. */
void ch_jobs_release(ch_jobs *jobs, ch_job *job);
size_t ch_jobs_count(const ch_jobs *jobs);

static inline bool ch_job_is_relayed(const ch_job *job)
{
    return job->relay_id.size > 0;
}

static inline bool ch_job_is_of_person(const ch_job *job)
{
    return job->person.context != NULL;
}

/* Makes room for `count` params. */
void ch_job_reserve_params(ch_job *job, size_t count);

#endif
