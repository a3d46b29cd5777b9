/* The shadow policy has profiles of its own, so the request is matched and checked once more, with a copy of its
 * parameters: those of the job point into the live profile. */
#include "agent/core/shadow.h"

#include "base/bits.h"
#include "base/memory.h"
#include "policy/judging.h"
#include "exchange/check.h"
#include "exchange/match.h"
#include "policy/decide.h"
#include "policy/key_dates.h"
#include "policy/levels.h"
#include "policy/policy.h"
#include "policy/question.h"
#include "wire/frames.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_EVERY_NS 10000000000ULL

struct ch_shadow {
    const ch_policy *policy; /* NULL: none */
    ch_levels *levels;
    uint64_t swept_ns;
    ch_judging judging;
    ch_param params[CH_PARAMS_MAX];
    char window_text[CH_RECEIVE_WINDOW_TEXT_MAX];
    ch_taken taken[CH_CHARGES_MAX];
    ch_buffer verdict;
};

ch_shadow *ch_shadow_new(void)
{
    ch_shadow *shadow = ch_alloc(sizeof *shadow);
    ch_judging_init(&shadow->judging);
    return shadow;
}

void ch_shadow_free(ch_shadow *shadow)
{
    if (shadow == NULL)
        return;
    ch_judging_free(&shadow->judging);
    ch_levels_free(shadow->levels);
    ch_buffer_free(&shadow->verdict);
    free(shadow);
}

void ch_shadow_set_policy(ch_shadow *shadow, const ch_policy *policy, uint64_t now_ns)
{
    shadow->policy = policy;
    if (policy == NULL) {
        ch_levels_free(shadow->levels);
        shadow->levels = NULL;
        return;
    }
    if (shadow->levels == NULL)
        shadow->levels = ch_levels_new();
    ch_ignore(ch_levels_set_policy(shadow->levels, policy, now_ns)); /* nothing is recorded */
}

/* Finds the call in the shadow's own profile. */
static ch_status find_call(ch_shadow *shadow, const ch_job *job, const ch_key *key, ch_request *request,
                           const ch_endpoint **endpoint, ch_error *err)
{
    *request = job->request;
    request->param_count -= job->is_window_added; /* the shadow's key may have another */
    *endpoint = NULL;
    if (job->form == CH_FORM_RAW)
        return CH_OK;
    if (request->param_count > 0)
        memcpy(shadow->params, request->params, request->param_count * sizeof *request->params);
    request->params = shadow->params;
    CH_TRY(ch_environment_match(key->traits.environment, request, endpoint, err));
    if (ch_form_is_built(job->form))
        (void)ch_receive_window_add(*endpoint, key->scheme, key->receive_window_ms, shadow->window_text, request);
    return ch_endpoint_check(*endpoint, key->scheme, request, err);
}

/* Who asks, by the shadow's callers. */
static ch_caller_set find_callers(const ch_shadow *shadow, const ch_job *job)
{
    ch_caller_set callers = {0};
    const ch_policy *policy = shadow->policy;
    if (job->relay == NULL)
        return ch_policy_identify(policy, &job->caller, &callers) ? callers : (ch_caller_set){0};
    size_t relay = ch_policy_caller(policy, ch_slice_of(job->relay->name));
    size_t whom = ch_policy_caller(policy, job->relay_for);
    if (ch_policy_speaks_for(policy, relay, whom))
        ch_set_add(callers.bits, whom);
    return callers;
}

static ch_status judge(ch_shadow *shadow, const ch_job *job, const ch_question *live, ch_error *err)
{
    ch_request request;
    const ch_caller_set callers = find_callers(shadow, job);
    const ch_key *key = ch_policy_find_key(shadow->policy, job->key_name);
    if (key == NULL)
        return ch_policy_refuse_key(job->key_name, err);
    ch_asked asked = {.policy = shadow->policy,
                      .key = ch_key_version_by_date(key, live->now_ns),
                      .callers = &callers,
                      .request = &request,
                      .window_ms = job->window_ms,
                      .now_ns = live->now_ns,
                      .is_relayed = live->is_relayed};
    CH_TRY(find_call(shadow, job, key, &request, &asked.endpoint, err));
    CH_TRY(ch_judging_read(&shadow->judging, &asked, err));
    ch_question *question = &shadow->judging.question;
    question->prices = live->prices;
    question->states = live->states;
    question->given = live->given;
    CH_TRY(ch_policy_judge(question, &shadow->judging.judgement, err));
    return ch_judgement_take(&shadow->judging.judgement, question, shadow->levels, false, shadow->taken, err);
}

const char *ch_shadow_judge(ch_shadow *shadow, const ch_job *job, const ch_question *live)
{
    ch_error why = CH_ERROR_INIT;
    if (shadow->policy == NULL)
        return NULL;
    if (live->now_ns - shadow->swept_ns > SWEEP_EVERY_NS) {
        shadow->swept_ns = live->now_ns;
        ch_levels_sweep(shadow->levels, live->now_ns);
    }
    if (judge(shadow, job, live, &why) == CH_OK)
        return "allowed";
    ch_buffer_clear(&shadow->verdict);
    ch_buffer_add_format(&shadow->verdict, "refused by %s: %s", why.rule, why.message);
    return ch_buffer_text(&shadow->verdict);
}
