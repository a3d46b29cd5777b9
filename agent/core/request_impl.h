/* What the files of the requests share, and nobody else sees. */
#ifndef CH_AGENT_CORE_REQUEST_IMPL_H
#define CH_AGENT_CORE_REQUEST_IMPL_H

#include "agent/core/form_wire.h"
#include "agent/core/jobs.h"
#include "policy/judging.h"
#include "agent/core/refusals.h"
#include "agent/core/repeats.h"
#include "agent/core/request.h"

struct ch_requests {
    ch_request_context context;
    ch_jobs *jobs;
    ch_repeats *repeats;
    ch_sent *sent;
    ch_request_counts counts;
    uint64_t begun;      /* requests so far */
    uint64_t started_ns; /* when the agent started, by the wall clock */
    uint64_t errors_tag; /* changes with the policy, and so may the shapes of errors */
    uint64_t swept_ms;   /* the last sweep */
    size_t old_count;    /* requests that go by the policy of before */
    ch_job **recalled;   /* while the policy is replaced */
    size_t recalled_count;
    ch_judging judging;      /* of one request after the other */
    uint64_t judging_number; /* the request's */
    ch_given given;          /* what people gave for it, if it is a fetch */
    bool is_judged;          /* policy has been asked, not only the question set */
    ch_refusals *refusals;
    ch_job *first_recording; /* those that wait for their records, in the order of these */
    ch_job *last_recording;
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

/* ---- request_judge.c: what policy says ---- */

CH_CHECKED ch_status ch_request_read_intent(ch_requests *requests, ch_job *job, ch_error *err);
CH_CHECKED ch_status ch_request_judge(ch_requests *requests, ch_job *job, ch_error *err);
CH_CHECKED ch_status ch_request_reserve(ch_requests *requests, ch_job *job, ch_error *err);
/* Once more, if anything that it was judged by may have changed. */
CH_CHECKED ch_status ch_request_judge_again(ch_requests *requests, ch_job *job, ch_error *err);
/* Nothing will be signed for what was reserved; or something was, or may have been, and it counts. */
void ch_request_unreserve(ch_requests *requests, ch_job *job);
void ch_request_settle(ch_requests *requests, ch_job *job);
/* CH_REFUSED if the request must not be signed, or what was signed must not leave, because trading states were set
 * meanwhile that would not let it pass. */
CH_CHECKED ch_status ch_request_check_halt(ch_requests *requests, ch_job *job, ch_error *err);
/* The figures of the last refusal. Returns NULL if that was another job's. */
const ch_refusal *ch_request_refusal(const ch_requests *requests, const ch_job *job);
/* Puts a refusal on record. */
void ch_request_note_refusal(ch_requests *requests, const ch_job *job, const char *step, const ch_error *why);

/* ---- request_record.c: nothing is signed that is not on the disk ---- */

CH_CHECKED ch_status ch_request_record(ch_requests *requests, ch_job *job, ch_error *err);
void ch_request_unrecord(ch_requests *requests, ch_job *job);

/* Holds a job until that row is on the disk. */
void ch_request_await_row(ch_requests *requests, ch_job *job, uint64_t row);

/* ---- request_approval.c: what people must agree to ---- */

/* How many jobs may wait until the approval that they ask for is on the disk, of all users and of each. */
#define CH_ASKING_MAX 128
#define CH_ASKING_SHARE 8
#define CH_ASKING_RESERVE 96
#define CH_ASKING_FIRST 1
/* A fetch has this in place of an Idempotency-Key. No bot can send it, for it has a control character. */
#define CH_FETCHED_REPEAT_KEY "\001fetched"

/* Keeps a request that people must approve, and answers with its number once that is on the disk. Lets a fetch pass if
 * its approvals meet the policy. */
CH_CHECKED ch_status ch_request_seek_approval(ch_requests *requests, ch_job *job, ch_error *err);
/* Returns CH_CONFLICT if the job is a fetch of an approval that is not open. */
CH_CHECKED ch_status ch_request_check_approval(const ch_requests *requests, const ch_job *job, ch_error *err);

/* ---- request_relay.c: requests that a relay brings ---- */

/* Makes it the request of the caller for whom the relay speaks, if policy lets it. Refuses what a relay asks for
 * itself. */
CH_CHECKED ch_status ch_request_find_relayed(ch_job *job, ch_error *err);
/* Refuses what was signed before, or is being signed. */
CH_CHECKED ch_status ch_request_look_for_sent(ch_requests *requests, ch_job *job, ch_error *err);
/* Enters it among these; refuses also an id that was drawn before. */
CH_CHECKED ch_status ch_request_enter_sent(ch_requests *requests, ch_job *job, ch_error *err);
void ch_request_leave_sent(ch_requests *requests, ch_job *job);
/* When the agent started; or, if the clock was set back to before that, when that was noticed, as if the agent had
 * started then: or else everybody is refused until the clock shows the start again. */
uint64_t ch_request_started_ns(ch_requests *requests, uint64_t now_ns);
/* The newest own time, ahead of the clock, that was signed for this caller and key before the agent's start; 0: none.
 */
uint64_t ch_request_signed_ns(const ch_requests *requests, const ch_job *job);
/* The row that follows says its own time, if that is still to come. */
void ch_request_note_own_time(ch_requests *requests, ch_job *job);
/* It was signed, and is answered. */
void ch_request_keep_sent(ch_job *job);
/* Add to the answer; nothing if no relay brings it, or who asked may not see the key. `records` holds what they add. */
void ch_request_add_relay_answer(const ch_job *job, ch_signed_frame *out, ch_buffer *records);
void ch_request_add_exchange_error(const ch_job *job, ch_status status, ch_slice message, ch_slice id, ch_records *list,
                                   ch_buffer *records);

/* ---- request_public.c: calls that need no signature ---- */

/* Answers an SDK's request with what to send, if it is such a call; nothing is judged, counted or recorded. */
CH_CHECKED ch_status ch_request_answer_public(ch_job *job, const ch_form_clock *clock, ch_error *err);

/* ---- request_check.c: requests that are only judged ---- */

/* Answers with what policy says. */
CH_CHECKED ch_status ch_request_answer_check(ch_requests *requests, ch_job *job, ch_error *err);

/* ---- request_person.c: requests that policy has prepared, for people ---- */

/* Refuses unless this person may still ask for it, by the policy of now. */
CH_CHECKED ch_status ch_request_find_person(const ch_requests *requests, ch_job *job, ch_error *err);
/* Judges it in place of policy's entries, which are for callers. */
CH_CHECKED ch_status ch_request_judge_prepared(ch_requests *requests, const ch_job *job, ch_error *err);
CH_CHECKED ch_status ch_request_answer_person(ch_requests *requests, ch_job *job, ch_error *err);
void ch_request_fail_person(const ch_job *job, const ch_error *why);
/* Returns true if the asker has left, be it a caller or a person. */
bool ch_request_is_forsaken(const ch_requests *requests, const ch_job *job);

/* ---- request_walk.c ---- */

/* Makes a job of what was asked, and takes it as far as it goes now. `approval` is 0 if it is not a fetch. */
void ch_request_begin(ch_requests *requests, ch_asker asker, const ch_sign_frame *sign, uint64_t approval);
/* Enters a job that has waited, at its caller's cost. */
void ch_request_walk_on(ch_requests *requests, ch_job *job);
/* It goes through all steps again. */
void ch_request_begin_again(ch_requests *requests, ch_job *job);
/* Its step failed, while it waited. */
void ch_request_turn_back(ch_requests *requests, ch_job *job, const ch_error *why);

#endif
