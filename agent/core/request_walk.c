/* How a job goes through the steps: forward, back, and once more when the policy is another. */
#include "agent/core/request_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "exchange/recipe.h"
#include "policy/policy.h"
#include "state/nonces.h"
#include "wire/frames.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NS_A_S 1000000000
#define SWEEP_EVERY_MS 500
#define DISK_WAIT_MS 3000
#define RETURNS_MAX_MS 3000 /* as a token gives it back that becomes slow now and then */

/* ---- the walk ---- */

static void count_failure(ch_requests *requests, const ch_error *err)
{
    if (ch_status_http(err->status) < 500)
        requests->counts.refused_count++;
    else
        requests->counts.failed_count++;
}

static void end(ch_requests *requests, ch_job *job)
{
    void *person = job->person.has_left ? NULL : job->person.context;
    void (*ended)(void *context) = job->person.ended;
    requests->old_count -= job->is_old;
    ch_connections_serve_end(requests->context.connections, job->asker.intake, job->connection);
    ch_jobs_release(requests->jobs, job);
    if (person != NULL)
        ended(person);
}

/* Every step so far gives back what it took, the last one first. */
static void give_back(ch_requests *requests, ch_job *job)
{
    for (size_t i = job->step + 1; i-- > 0;) {
        if (ch_steps[i].undo != NULL)
            ch_steps[i].undo(requests, job);
    }
}

static ch_slice text_of(const char *text)
{
    return ch_slice_of(text == NULL ? "" : text);
}

static uint32_t seconds(uint64_t ns)
{
    uint64_t whole = ns / NS_A_S + (ns % NS_A_S != 0);
    return ns == UINT64_MAX || whole > UINT32_MAX ? 0 : (uint32_t)whole;
}

/* With the figures of the limit that refused, if one did. */
static void describe(const ch_requests *requests, const ch_job *job, const char *step, const ch_error *why,
                     ch_failed_frame *out)
{
    const ch_refusal *refusal = ch_request_refusal(requests, job);
    *out = (ch_failed_frame){.why = *why, .step = ch_slice_of(step), .relay_id = ch_slice_of(job->first_id)};
    if (refusal == NULL || why->rule[0] == '\0')
        return;
    out->control = text_of(refusal->control);
    out->limit = ch_slice_of(refusal->limit);
    out->asked = ch_slice_of(refusal->asked);
    out->left = ch_slice_of(refusal->left);
    out->fact = text_of(refusal->fact);
    out->retry_after_s = seconds(refusal->retry_after_ns);
    out->approvals = refusal->approvals;
    out->needs_code = refusal->needs_code;
    out->delay_s = seconds(refusal->delay_ns);
}

/* A step refused or failed. */
void ch_request_turn_back(ch_requests *requests, ch_job *job, const ch_error *why)
{
    const char *step = ch_steps[job->step].name;
    ch_failed_frame failed;
    ch_autobuffer shapes = CH_BUFFER_INIT;
    ch_log_debug("request %llx: %s at '%s': %s%s%s", (unsigned long long)job->id, ch_status_name(why->status), step,
                 why->rule, why->rule[0] == '\0' ? "" : ": ", why->message);
    ch_request_note_refusal(requests, job, step, why);
    describe(requests, job, step, why, &failed);
    ch_request_add_exchange_error(job, why->status, ch_slice_of(why->message), job->relay_id, &failed.exchange_error,
                                  &shapes);
    give_back(requests, job);
    count_failure(requests, why);
    if (ch_job_is_of_person(job))
        ch_request_fail_person(job, why);
    else
        ch_asker_fail(job->asker, &failed);
    end(requests, job);
}

/* Takes a job as far as it goes: to its end, or to a step that waits. */
static void walk(ch_requests *requests, ch_job *job)
{
    ch_error err = CH_ERROR_INIT;
    job->is_held = false;
    for (; job->step < ch_step_count; job->step++) {
        const ch_step *step = &ch_steps[job->step];
        if (job->form == CH_FORM_RAW && !step->is_for_raw)
            continue;
        if (step->run(requests, job, &err) != CH_OK) {
            ch_request_turn_back(requests, job, &err);
            return;
        }
        assert(!job->is_held || step->may_wait);
        if (job->is_held)
            return;
        if (job->is_answered) {
            ch_log_debug("request %llx: answered, and not signed anew", (unsigned long long)job->id);
            end(requests, job);
            return;
        }
    }
    if (job->approval != 0)
        ch_log("request %llu with key '%s' is signed", (unsigned long long)job->approval, job->key->name);
    ch_log_debug("request %llx: signed with key '%s'", (unsigned long long)job->id, job->key->name);
    requests->counts.signed_count++;
    end(requests, job);
}

/* Enters a job that has waited, at its caller's cost. */
void ch_request_walk_on(ch_requests *requests, ch_job *job)
{
    uint64_t begun_ns = ch_clock_ns();
    uid_t caller = job->caller.uid; /* the job may be gone afterwards */
    walk(requests, job);
    ch_meter_spend_since(requests->context.meter, caller, begun_ns);
}

/* ---- beginnings ---- */

void ch_request_begin(ch_requests *requests, ch_asker asker, const ch_sign_frame *sign, uint64_t approval)
{
    ch_job *job = ch_jobs_take(requests->jobs);
    job->asker = asker;
    job->approval = approval;
    job->number = ++requests->begun;
    ch_job_keep_asked(job, sign);
    job->errors_tag = sign->errors_tag == requests->errors_tag ? 0 : requests->errors_tag;
    ch_connections_serve_begin(requests->context.connections, asker.intake, job->connection);
    ch_log_debug("request %llx: for key '%.*s' by connection %llx", (unsigned long long)job->id,
                 CH_SLICE_ARGS(job->key_name), (unsigned long long)job->connection);
    walk(requests, job);
}

void ch_requests_begin(ch_requests *requests, ch_asker asker, const ch_sign_frame *sign)
{
    ch_request_begin(requests, asker, sign, 0);
}

void ch_requests_resume(ch_requests *requests)
{
    ch_repeat *repeat;
    while ((repeat = ch_repeats_next(requests->repeats)) != NULL) {
        ch_job_begin_again(repeat->owner); /* it is judged anew: it may be the first now */
        ch_request_walk_on(requests, repeat->owner);
    }
}

/* ---- those that wait in vain ---- */

static ch_status check_waiting(const ch_requests *requests, const ch_job *job, uint64_t now_ms, ch_error *err)
{
    if (ch_request_is_forsaken(requests, job))
        return ch_fail(err, CH_UNAVAILABLE, "the caller has left");
    bool is_late = now_ms - job->held_ms > DISK_WAIT_MS;
    if (job->claim.place == CH_CLAIM_WAITING && is_late)
        return ch_fail(err, CH_UNAVAILABLE,
                       "the disk of the agent's state does not answer, so there is no nonce; try again");
    if (job->is_recording && is_late)
        return ch_fail(err, CH_UNAVAILABLE,
                       "the disk of the agent's state does not answer, so the decision cannot be recorded; try again");
    return CH_OK;
}

void ch_requests_sweep(ch_requests *requests, uint64_t now_ms)
{
    ch_job *next;
    (void)ch_request_started_ns(requests, ch_clockwatch_time_ns(requests->context.clock)); /* before a request comes */
    if (now_ms - requests->swept_ms < SWEEP_EVERY_MS)
        return;
    requests->swept_ms = now_ms;
    for (ch_job *job = ch_jobs_next(requests->jobs, NULL); job != NULL; job = next) {
        ch_error err = CH_ERROR_INIT;
        next = ch_jobs_next(requests->jobs, job);
        bool is_waiting = job->is_held && job->ticket.place != CH_TICKET_SENT;
        if (is_waiting && check_waiting(requests, job, now_ms, &err) != CH_OK)
            ch_request_turn_back(requests, job, &err);
    }
}

/* ---- another policy ---- */

static void recall(ch_requests *requests, ch_job *job)
{
    give_back(requests, job);
    ch_job_begin_again(job);
    requests->recalled[requests->recalled_count++] = job;
}

/* Those that wait for the first of their Idempotency-Key leave before it does, so that none is sent on. */
static void recall_waiting(ch_requests *requests, ch_repeat_place place)
{
    for (ch_job *job = NULL; (job = ch_jobs_next(requests->jobs, job)) != NULL;) {
        if (job->is_held && job->repeat.place == place && job->ticket.place != CH_TICKET_SENT)
            recall(requests, job);
    }
}

void ch_requests_recall(ch_requests *requests, const ch_policy *old)
{
    assert(requests->old_count == 0 && requests->recalled == NULL);
    ch_requests_resume(requests);
    requests->errors_tag = ch_clockwatch_time_ns(requests->context.clock);
    requests->recalled = ch_alloc(ch_jobs_count(requests->jobs) * sizeof(ch_job *));
    recall_waiting(requests, CH_REPEAT_WAITING);
    recall_waiting(requests, CH_REPEAT_FIRST);
    recall_waiting(requests, CH_REPEAT_OUT);
    for (ch_job *job = NULL; (job = ch_jobs_next(requests->jobs, job)) != NULL;) {
        job->is_old = job->ticket.place == CH_TICKET_SENT;
        requests->old_count += job->is_old;
        if (job->is_old)
            job->policy = old;
    }
}

static int compare_numbers(const void *a, const void *b)
{
    const ch_job *const *first = a;
    const ch_job *const *second = b;
    return (*first)->number < (*second)->number ? -1 : 1;
}

void ch_requests_judge_again(ch_requests *requests)
{
    ch_job **jobs = requests->recalled;
    qsort(jobs, requests->recalled_count, sizeof *jobs, compare_numbers);
    for (size_t i = 0; i < requests->recalled_count; i++)
        ch_request_walk_on(requests, jobs[i]);
    free(jobs);
    requests->recalled = NULL;
    requests->recalled_count = 0;
}

void ch_requests_note(ch_requests *requests)
{
    ch_moment now;
    if (ch_moment_now(&now))
        ch_refusals_turn(requests->refusals, now.wall_ns);
}

size_t ch_requests_old(const ch_requests *requests)
{
    return requests->old_count;
}

/* ---- answers ---- */

static void on_turn(void *context, ch_ticket *ticket)
{
    ch_request_walk_on(context, ticket->owner);
}

static void on_signed(void *context, ch_ticket *ticket, const ch_slice *signatures, size_t count)
{
    ch_job *job = ticket->owner;
    ch_payloads answer = {.count = count};
    for (size_t i = 0; i < count; i++)
        answer.items[i] = signatures[i];
    job->signatures = &answer;
    ch_request_walk_on(context, job);
}

/* It goes through all steps again, since time has passed, and others may go first now. */
void ch_request_begin_again(ch_requests *requests, ch_job *job)
{
    job->is_again = true;
    give_back(requests, job);
    requests->old_count -= job->is_old;
    job->is_old = false;
    ch_job_begin_again(job);
    ch_request_walk_on(requests, job);
}

static void on_returned(void *context, ch_ticket *ticket)
{
    ch_requests *requests = context;
    ch_job *job = ticket->owner;
    ch_error tired = CH_ERROR_INIT;
    uint64_t now_ms = ch_clock_ms();
    if (job->returned_ms == 0)
        job->returned_ms = now_ms;
    if (now_ms - job->returned_ms > RETURNS_MAX_MS) {
        ch_error_set(&tired, CH_UNAVAILABLE, "", "the token has become slow; try again");
        ch_request_turn_back(requests, job, &tired);
        return;
    }
    ch_request_begin_again(requests, job);
}

/* Another program has ended the login, so nothing was signed, and the token is being logged in again. */
static bool is_login_lost(const ch_error *why)
{
    return why->status == CH_UNAVAILABLE && strcmp(why->rule, "CKR_USER_NOT_LOGGED_IN") == 0;
}

static void on_failed(void *context, ch_ticket *ticket, const ch_error *why)
{
    ch_job *job = ticket->owner;
    if (is_login_lost(why) && !job->is_again)
        ch_request_begin_again(context, job);
    else
        ch_request_turn_back(context, job, why);
}

static void on_claimed(void *context, ch_nonce_claim *claim, const ch_error *outcome)
{
    if (outcome->status == CH_OK)
        ch_request_walk_on(context, claim->owner);
    else
        ch_request_turn_back(context, claim->owner, outcome);
}

ch_nonce_owner ch_requests_nonce_owner(ch_requests *requests)
{
    return (ch_nonce_owner){.context = requests, .on_claimed = on_claimed};
}

ch_link_owner ch_requests_link_owner(ch_requests *requests)
{
    return (ch_link_owner){.context = requests,
                           .meter = requests->context.meter,
                           .on_turn = on_turn,
                           .on_signed = on_signed,
                           .on_returned = on_returned,
                           .on_failed = on_failed};
}

ch_requests *ch_requests_new(const ch_request_context *context)
{
    ch_requests *requests = ch_alloc(sizeof *requests);
    requests->context = *context;
    requests->jobs = ch_jobs_new(CH_TOKENS_MAX * CH_TOKEN_TICKETS_MAX + CH_REPEATS_WAITERS_MAX +
                                     CH_SHARE_MOST(CH_ASKING_MAX, CH_ASKING_FIRST),
                                 context->scratch);
    requests->repeats = ch_repeats_new();
    requests->sent = ch_sent_new();
    requests->refusals = ch_refusals_new(context->ledger);
    requests->started_ns = ch_clockwatch_time_ns(context->clock);
    requests->errors_tag = requests->started_ns;
    ch_judging_init(&requests->judging);
    return requests;
}

void ch_requests_free(ch_requests *requests)
{
    if (requests == NULL)
        return;
    ch_jobs_free(requests->jobs);
    ch_repeats_free(requests->repeats);
    ch_sent_free(requests->sent);
    ch_refusals_free(requests->refusals);
    ch_judging_free(&requests->judging);
    free(requests);
}

ch_request_counts ch_requests_counts(const ch_requests *requests)
{
    return requests->counts;
}
