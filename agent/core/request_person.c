/* Requests that policy has prepared and a person asks for, to flatten a key. They take every step that a bot's request
 * takes; what differs is here. The asker comes by the people's socket, not by a connection of a front. Policy's entries
 * are for callers and do not decide: policy must have prepared this very request, and it may only cancel or reduce. So
 * no trading state stops it, and it takes nothing of limits. */
#include "agent/core/request_impl.h"

#include "base/log.h"
#include "exchange/intent.h"
#include "exchange/request.h"
#include "policy/key_dates.h"
#include "policy/passing.h"
#include "policy/policy.h"
#include "policy/question.h"
#include "wire/frames.h"

#include <string.h>

#define MAY_FLATTEN (CH_ROLE_OPERATOR | CH_ROLE_ADMIN)

static void keep_asked(ch_job *job, const ch_key *key, const ch_prepared *prepared)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_sign_frame sign = {.key = ch_slice_of(key->name),
                          .form = CH_FORM_TYPED,
                          .method = ch_slice_of(prepared->method),
                          .host = ch_slice_of(prepared->host == NULL ? "" : prepared->host),
                          .path = ch_slice_of(prepared->path)};
    for (size_t i = 0; i < prepared->param_count; i++) {
        const ch_param *param = &prepared->params[i];
        const ch_value_record value = {.kind = (uint8_t)param->kind, .name = param->name, .value = param->value};
        ch_value_record_put(&sign.values, &records, &value);
    }
    ch_job_keep_asked(job, &sign);
}

void ch_requests_begin_prepared(ch_requests *requests, const ch_person_asker *asker, const ch_key *key,
                                const ch_prepared *prepared)
{
    ch_job *job = ch_jobs_take(requests->jobs);
    job->person = *asker;
    job->caller = asker->peer;
    job->is_counted = true; /* the meter counts what bots ask for */
    job->number = ++requests->begun;
    keep_asked(job, key, prepared);
    ch_log_debug("request %llx: for key '%s', to flatten it", (unsigned long long)job->id, key->name);
    ch_request_walk_on(requests, job);
}

void ch_requests_forget_person(ch_requests *requests, const void *context)
{
    for (ch_job *job = NULL; requests != NULL && (job = ch_jobs_next(requests->jobs, job)) != NULL;)
        job->person.has_left = job->person.has_left || job->person.context == context;
}

/* ---- what differs in the steps ---- */

ch_status ch_request_find_person(const ch_requests *requests, ch_job *job, ch_error *err)
{
    const ch_policy *policy = requests->context.policy;
    job->caller = job->person.peer;
    job->ticket.caller = job->caller.uid;
    job->policy = policy;
    job->callers = (ch_caller_set){0};
    job->stoppable = job->callers;
    if (memcmp(policy->hash, job->person.policy, sizeof policy->hash) != 0)
        return ch_fail(err, CH_CONFLICT, "the policy is another now, and may have prepared something else; ask again");
    return (ch_policy_roles(policy, &job->caller) & MAY_FLATTEN) != 0
               ? CH_OK
               : ch_fail_rule(err, CH_REFUSED, "operator", "you are neither an operator nor an admin any more");
}

ch_status ch_request_judge_prepared(ch_requests *requests, const ch_job *job, ch_error *err)
{
    ch_judging *judging = &requests->judging;
    const ch_question *question = &judging->question;
    judging->judgement.refusal = (ch_refusal){0};
    judging->judgement.charge_count = 0;
    judging->judgement.allowed_by = NULL;
    CH_TRY(ch_key_check_expiry(job->key, question->now_ns, err));
    if (question->missing_kind != NULL)
        return ch_fail_rule(err, CH_REFUSED, "kind", "only keys of kind '%s' can make this call",
                            question->missing_kind);
    return ch_passing_flattens(question, err);
}

bool ch_request_is_forsaken(const ch_requests *requests, const ch_job *job)
{
    if (ch_job_is_of_person(job))
        return job->person.has_left;
    return !ch_connections_is_there(requests->context.connections, job->asker.intake, job->connection);
}

/* ---- answers ---- */

/* Reads once more what the request means, because others have been judged while it waited. */
ch_status ch_request_answer_person(ch_requests *requests, ch_job *job, ch_error *err)
{
    const ch_error none = CH_ERROR_INIT;
    ch_autobuffer meaning = CH_BUFFER_INIT;
    const ch_question *question = &requests->judging.question;
    if (job->person.has_left)
        return CH_OK;
    CH_TRY(ch_request_read_intent(requests, job, err));
    ch_intent_print(question->readings[0].intent, &meaning);
    const ch_person_answer answer = {.request = &job->finished,
                                     .key_id = job->key->key_id,
                                     .meaning = ch_buffer_slice(&meaning),
                                     .valid_ns = question->validity_ns,
                                     .why = &none};
    job->person.answer(job->person.context, &answer);
    return CH_OK;
}

void ch_request_fail_person(const ch_job *job, const ch_error *why)
{
    const ch_person_answer answer = {.key_id = job->key == NULL ? "" : job->key->key_id, .why = why};
    if (!job->person.has_left)
        job->person.answer(job->person.context, &answer);
}
