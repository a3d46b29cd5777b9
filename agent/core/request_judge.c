/* The steps that policy decides. One ch_judging serves all requests, so what it holds is the request's only as long as
 * nothing waits: who has waited is judged anew, or goes by what its reservation keeps. */
#include "agent/core/request_impl.h"

#include "agent/core/clockwatch.h"
#include "base/clock.h"
#include "policy/decide.h"
#include "policy/passing.h"
#include "policy/policy.h"
#include "policy/question.h"
#include "policy/states.h"
#include "wire/frames.h"

#define FRESH_NS 250000000ULL /* what was judged longer ago is judged again */

/* How much later than now the time is that an SDK's string names. */
static uint64_t later_ns(const ch_job *job, uint64_t now_ns)
{
    return job->text_time_ns > now_ns ? job->text_time_ns - now_ns : 0;
}

/* A copy, since the question is looked at after the approval may be gone. */
static const ch_given *find_given(ch_requests *requests, const ch_job *job)
{
    const ch_approvals *approvals = ch_ledger_approvals(requests->context.ledger);
    const ch_approval *approval = job->approval == 0 ? NULL : ch_approvals_find(approvals, job->approval);
    if (approval == NULL)
        return NULL;
    requests->given = approval->given;
    return &requests->given;
}

ch_status ch_request_read_intent(ch_requests *requests, ch_job *job, ch_error *err)
{
    uint64_t now_ns = ch_clockwatch_time_ns(requests->context.clock);
    const ch_asked asked = {.policy = job->policy,
                            .key = job->key,
                            .callers = &job->callers,
                            .endpoint = job->endpoint,
                            .request = &job->request,
                            .window_ms = job->window_ms,
                            .later_ns = later_ns(job, now_ns),
                            .now_ns = now_ns,
                            .is_relayed = ch_job_is_relayed(job)};
    requests->judging_number = job->number;
    requests->is_judged = false;
    CH_TRY(ch_judging_read(&requests->judging, &asked, err));
    requests->judging.question.given = find_given(requests, job);
    requests->judging.question.stoppable = &job->stoppable;
    job->validity_ns = requests->judging.question.validity_ns;
    return CH_OK;
}

static ch_status ask_policy(ch_requests *requests, ch_job *job, ch_error *err)
{
    ch_judging *judging = &requests->judging;
    ch_ledger *ledger = requests->context.ledger;
    ch_ledger_prepare(ledger, &judging->question);
    job->judged_ns = judging->question.now_ns;
    job->generation = ch_ledger_generation(ledger);
    requests->is_judged = true;
    if (ch_job_is_of_person(job))
        return ch_request_judge_prepared(requests, job, err);
    return ch_policy_judge(&judging->question, &judging->judgement, err);
}

static ch_status say_typed(ch_error *err)
{
    const ch_error said = *err;
    return ch_fail_rule(err, said.status, said.rule,
                        "%.900s; people can approve it if the request itself is sent, not its string", said.message);
}

/* A request that only lacks people's approval goes on to the step that asks for it. It must be typed: people are shown
 * what is signed, not one reading of a string. */
ch_status ch_request_judge(ch_requests *requests, ch_job *job, ch_error *err)
{
    if (job->is_check)
        return ch_request_answer_check(requests, job, err);
    if (ask_policy(requests, job, err) == CH_OK)
        return CH_OK;
    if (!requests->judging.judgement.refusal.needs_people)
        return err->status;
    if (job->form != CH_FORM_TYPED)
        return say_typed(err);
    job->needs_people = true;
    *err = (ch_error)CH_ERROR_INIT;
    return CH_OK;
}

static ch_record_facts facts_of(const ch_requests *requests, const ch_job *job)
{
    const ch_judging *judging = &requests->judging;
    bool is_asked = requests->judging_number == job->number;
    return (ch_record_facts){
        .job = job,
        .question = is_asked ? &judging->question : NULL,
        .judgement = is_asked && requests->is_judged ? &judging->judgement : NULL,
        .levels = ch_ledger_levels(requests->context.ledger),
        .approval =
            job->approval == 0 ? NULL : ch_approvals_find(ch_ledger_approvals(requests->context.ledger), job->approval),
        .now_ns = job->judged_ns};
}

static ch_status take(ch_requests *requests, ch_job *job, ch_error *err)
{
    ch_judging *judging = &requests->judging;
    ch_ledger *ledger = requests->context.ledger;
    bool is_of_person = ch_job_is_of_person(job);
    if (is_of_person)
        job->reservation = ch_ledger_reserve_nothing(ledger, &judging->question, job->caller.uid);
    else
        CH_TRY(ch_ledger_reserve(ledger, &judging->judgement, &judging->question, job->caller.uid, &job->reservation,
                                 err));
    job->reservation->approval = job->approval;
    CH_TRY(ch_ledger_check(ledger, err));
    ch_record_facts facts = facts_of(requests, job);
    if (!is_of_person)
        facts.shadow = ch_shadow_judge(requests->context.shadow, job, &judging->question);
    ch_record_begin(&facts, &job->reservation->record);
    return CH_OK;
}

/* What is judged again is metered once. */
ch_status ch_request_reserve(ch_requests *requests, ch_job *job, ch_error *err)
{
    if (!job->is_counted)
        ch_meter_count(requests->context.meter, job->caller.uid);
    job->is_counted = true;
    return take(requests, job, err);
}

/* What people gave may have been lost on its way to the disk, so a fetch is always judged again. */
ch_status ch_request_judge_again(ch_requests *requests, ch_job *job, ch_error *err)
{
    uint64_t now_ns = ch_clockwatch_time_ns(requests->context.clock);
    bool is_fresh = job->approval == 0 && now_ns >= job->judged_ns && now_ns - job->judged_ns < FRESH_NS &&
                    job->generation == ch_ledger_generation(requests->context.ledger);
    if (is_fresh)
        return CH_OK;
    CH_TRY(ch_request_read_intent(requests, job, err));
    CH_TRY(ask_policy(requests, job, err));
    ch_ledger_return(requests->context.ledger, job->reservation);
    job->reservation = NULL;
    return take(requests, job, err);
}

void ch_request_settle(ch_requests *requests, ch_job *job)
{
    if (job->reservation != NULL)
        ch_ledger_keep(requests->context.ledger, job->reservation);
    job->reservation = NULL;
}

/* A job that was handed over may be signed, unless the token's process says that it is not. */
void ch_request_unreserve(ch_requests *requests, ch_job *job)
{
    if (job->is_handed_over && !job->ticket.is_unsigned)
        ch_request_settle(requests, job);
    ch_ledger_return(requests->context.ledger, job->reservation);
    job->reservation = NULL;
}

/* By the states of now. The record of orders is kept by the accounts of the policy that holds, so what was judged by an
 * older one goes without. */
static ch_status may_pass(ch_requests *requests, ch_job *job, ch_error *err)
{
    const ch_ledger *ledger = requests->context.ledger;
    ch_question *question = &requests->judging.question;
    CH_TRY(ch_request_read_intent(requests, job, err));
    if (job->is_old)
        question->states = ch_ledger_states(ledger);
    else
        ch_ledger_prepare(ledger, question);
    return ch_passing_check(question, err);
}

ch_status ch_request_check_halt(ch_requests *requests, ch_job *job, ch_error *err)
{
    ch_state_row why;
    ch_autobuffer whose = CH_BUFFER_INIT;
    ch_error unread = CH_ERROR_INIT;
    uint64_t now_ns = ch_clockwatch_time_ns(requests->context.clock);
    const ch_states *states = ch_ledger_states(requests->context.ledger);
    if (ch_states_is_revoked(states, job->key, &why))
        return ch_fail_rule(err, CH_REFUSED, "revoked",
                            "key '%s' (%s) was revoked while this was being signed, so it is withheld: %.*s",
                            job->key->name, job->key->key_id, CH_SLICE_ARGS(why.why));
    if (ch_job_is_of_person(job))
        return CH_OK; /* it is for what must be signed while trading is frozen */
    ch_trading state = ch_states_find(states, job->policy, &job->stoppable, job->key, now_ns, &why);
    bool was_judged_so = job->generation == ch_ledger_generation(requests->context.ledger);
    if (state == CH_TRADING_ACTIVE || was_judged_so || may_pass(requests, job, &unread) == CH_OK)
        return CH_OK;
    ch_state_row_whose(&why, &whose);
    return ch_fail_rule(err, CH_REFUSED, "state", "%s was %s while this was being signed, so it is withheld: %.*s",
                        ch_buffer_text(&whose), state == CH_TRADING_HALTED ? "halted" : "set to reducing",
                        CH_SLICE_ARGS(why.why));
}

const ch_refusal *ch_request_refusal(const ch_requests *requests, const ch_job *job)
{
    bool is_its = requests->judging_number == job->number && requests->is_judged;
    return is_its ? &requests->judging.judgement.refusal : NULL;
}

void ch_request_note_refusal(ch_requests *requests, const ch_job *job, const char *step, const ch_error *why)
{
    ch_moment now;
    bool is_known = job->key != NULL && ch_status_http(why->status) < 500;
    if (job->is_check || !is_known || !ch_moment_now(&now) || ch_ledger_trouble(requests->context.ledger) != NULL)
        return;
    ch_record_facts facts = facts_of(requests, job);
    facts.now_ns = now.wall_ns;
    if (facts.judgement != NULL && !ch_job_is_of_person(job))
        facts.shadow = ch_shadow_judge(requests->context.shadow, job, facts.question);
    ch_refusals_note(requests->refusals, &facts, step, why);
}
