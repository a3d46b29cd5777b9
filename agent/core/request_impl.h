/* What the two files of the requests share, and nobody else sees. */
#ifndef CH_AGENT_CORE_REQUEST_IMPL_H
#define CH_AGENT_CORE_REQUEST_IMPL_H

#include "agent/core/jobs.h"
#include "agent/core/limiter.h"
#include "agent/core/repeats.h"
#include "agent/core/request.h"

struct ch_requests {
    ch_request_context context;
    ch_jobs *jobs;
    ch_repeats *repeats;
    ch_limiter *limiter;
    ch_request_counts counts;
    uint64_t begun;    /* requests so far */
    uint64_t swept_ms; /* the last sweep */
    size_t old_count;  /* requests that go by the policy of before */
    ch_job **recalled; /* while the policy is replaced */
    size_t recalled_count;
};

typedef struct ch_step {
    const char *name; /* in logs and answers */
    ch_status (*run)(ch_requests *requests, ch_job *job, ch_error *err);
    void (*undo)(ch_requests *requests, ch_job *job); /* gives back what `run` took; harmless if it took nothing */
    bool may_wait;                                    /* by setting job->is_held; then it is entered again */
    bool is_for_raw;                                  /* raw bytes name no call, and skip the other steps */
} ch_step;

/* request.c has them, in order; request_walk.c takes every job through them. */
extern const ch_step ch_steps[];
extern const size_t ch_step_count;

#endif
