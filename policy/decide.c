/* A new rule that needs no entry is a row in the table below, and a function that says no. The order of the rows
 * decides only which rule a refusal names, if several say no. */
#include "policy/decide.h"

#include "base/memory.h"
#include "exchange/intent.h"
#include "policy/decide_impl.h"
#include "policy/key_dates.h"

#include <stdlib.h>

/* ---- what needs no request ---- */

/* True if one of the entries for the caller is an allow for the key. */
static bool has_allow(const ch_policy *policy, const uint64_t *of_caller, const uint64_t *of_key)
{
    size_t end = policy->first[CH_VERB_ALLOW + 1]; /* allows come first */
    for (size_t word = 0; 64 * word < end; word++) {
        uint64_t allows = end - 64 * word >= 64 ? UINT64_MAX : ~(UINT64_MAX << (end % 64));
        if ((of_caller[word] & of_key[word] & allows) != 0)
            return true;
    }
    return false;
}

bool ch_policy_may_see(const ch_policy *policy, const ch_key *key, const ch_caller_set *callers)
{
    const uint64_t *of_key = policy->by_key + ch_policy_key_index(policy, key) * policy->entry_words;
    bool is_named = false;
    for (size_t word = 0; word < CH_CALLER_WORDS; word++) {
        for (uint64_t left = callers->bits[word]; left != 0; left &= left - 1) {
            size_t caller = 64 * word + (size_t)__builtin_ctzll(left);
            is_named = true;
            if (has_allow(policy, policy->by_caller + caller * policy->entry_words, of_key))
                return true;
        }
    }
    return !is_named && has_allow(policy, policy->any_caller, of_key);
}

ch_status ch_policy_refuse_key(ch_slice key, ch_error *err)
{
    return ch_fail_rule(err, CH_REFUSED, "grant", "no allow is for this caller and key '%.*s'", CH_SLICE_ARGS(key));
}

ch_status ch_policy_admit(const ch_policy *policy, const ch_key *key, const ch_caller_set *callers, ch_error *err)
{
    return ch_policy_may_see(policy, key, callers) ? CH_OK : ch_policy_refuse_key(ch_slice_of(key->name), err);
}

/* ---- rules ---- */

static ch_status need_grant(ch_judge *judge)
{
    if (ch_judge_count(judge, CH_VERB_ALLOW) > 0)
        return CH_OK;
    return ch_policy_refuse_key(ch_slice_of(judge->question->key->name), judge->to.err);
}

static ch_status need_relay(ch_judge *judge)
{
    const ch_key *key = judge->question->key;
    if (!key->is_relay_only || judge->question->is_relayed)
        return CH_OK;
    return ch_object(&judge->to, CH_REFUSED, "relay", NULL,
                     "key '%s' signs for relays only ('relay: only'); send the request through the relay, not to the "
                     "agent",
                     key->name);
}

static ch_status need_life(ch_judge *judge)
{
    return ch_key_check_expiry(judge->question->key, judge->question->now_ns, judge->to.err);
}

static ch_status need_kind(ch_judge *judge)
{
    const char *kind = judge->question->missing_kind;
    if (kind == NULL)
        return CH_OK;
    return ch_object(&judge->to, CH_REFUSED, "kind", NULL,
                     "only keys of kind '%s' can make this call, and the policy of key '%s' does not list that kind",
                     kind, judge->question->key->name);
}

static bool judge_reading(ch_judge *judge, const ch_reading_at *reading)
{
    if (!ch_judge_goes_on(judge, ch_judge_classes(judge, reading)) ||
        !ch_judge_goes_on(judge, ch_passing_reading(judge->question, &judge->passing, reading, &judge->to)))
        return false;
    for (size_t i = 0; i < ch_intent_count(reading->intent); i++) {
        ch_subject_read(&judge->subject, judge->question, reading, ch_intent_item(reading->intent, i));
        if (!ch_judge_item(judge, reading))
            return false;
    }
    ch_judge_end_reading(judge);
    return true;
}

static ch_status judge_readings(ch_judge *judge)
{
    for (size_t i = 0; i < judge->question->reading_count; i++) {
        if (!judge_reading(judge, &judge->question->readings[i]))
            break;
    }
    return judge->status;
}

/* clang-format off */
static const struct {
    ch_status (*check)(ch_judge *judge);
    bool is_of_raw; /* and of what can be read */
    bool is_of_read;
} rules[] = {
    /* refuses unless it holds   raw    read */
    { need_grant,                true,  true },
    { need_relay,                true,  true },
    { need_life,                 true,  true },
    { ch_judge_raw,              true,  false },
    { need_kind,                 false, true },
    { judge_readings,            false, true },
    { ch_judge_requirements,     false, true },
};
/* clang-format on */

/* ---- decisions ---- */

void ch_judgement_free(ch_judgement *judgement)
{
    ch_judge *judge = judgement->judge;
    if (judge != NULL) {
        free(judge->entries);
        free(judge->covering);
        free(judge->aboves);
        free(judge->is_required);
        free(judge->set);
        ch_plan_free(judge->plan);
    }
    free(judge);
    judgement->judge = NULL;
}

bool ch_judge_goes_on(ch_judge *judge, ch_status said)
{
    if (said == CH_OK)
        return true;
    if (judge->status == CH_OK) {
        judge->status = said;
        judge->to = (ch_objection){&judge->spare_err, &judge->spare_refusal};
    }
    return judge->question->trace != NULL;
}

static void begin(ch_judge *judge, const ch_question *question, const ch_objection *to)
{
    judge->question = question;
    judge->policy = question->policy;
    judge->to = *to;
    judge->status = CH_OK;
    ch_plan_clear(judge->plan);
    ch_judge_find_entries(judge);
    judge->passing = ch_passing_of(question);
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_REQUIRE); i++) {
        judge->aboves[i] = (ch_above){0};
        judge->is_required[i] = false;
    }
}

ch_status ch_policy_judge(const ch_question *question, ch_judgement *out, ch_error *err)
{
    ch_objection to = {err, &out->refusal};
    if (out->judge == NULL) {
        out->judge = ch_alloc(sizeof *out->judge);
        out->judge->plan = ch_plan_new();
    }
    out->refusal = (ch_refusal){0};
    out->charge_count = 0;
    out->allowed_by = NULL;
    begin(out->judge, question, &to);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        bool is_asked = question->is_raw ? rules[i].is_of_raw : rules[i].is_of_read;
        if (is_asked && !ch_judge_goes_on(out->judge, rules[i].check(out->judge)))
            break;
    }
    return out->judge->status;
}

static ch_status take_all(ch_judgement *judgement, ch_levels *levels, uint64_t now_ns, ch_taken *taken, ch_error *err)
{
    for (size_t i = 0; i < judgement->charge_count; i++) {
        ch_status st = ch_levels_take(levels, &judgement->charges[i], now_ns, &taken[i], err);
        if (st == CH_OK)
            continue;
        judgement->charge_count = 0;
        while (i-- > 0)
            ch_levels_return(levels, &taken[i]);
        return st;
    }
    return CH_OK;
}

ch_status ch_judgement_try(ch_judgement *judgement, const ch_question *question, const ch_levels *levels, ch_error *err)
{
    const ch_objection to = {err, &judgement->refusal};
    judgement->charge_count = 0;
    return ch_plan_choose(judgement->judge->plan, question, levels, judgement->charges, CH_CHARGES_MAX,
                          &judgement->charge_count, &judgement->allowed_by, &to);
}

ch_status ch_judgement_take(ch_judgement *judgement, const ch_question *question, ch_levels *levels, bool is_dry,
                            ch_taken *taken, ch_error *err)
{
    ch_judge *judge = judgement->judge;
    judgement->charge_count = 0;
    if (judge->status != CH_OK) {
        const ch_objection spare = {&judge->spare_err, &judge->spare_refusal};
        ch_ignore(ch_plan_choose(judge->plan, question, levels, judgement->charges, CH_CHARGES_MAX,
                                 &judgement->charge_count, &judgement->allowed_by, &spare));
        judgement->charge_count = 0;
        judgement->allowed_by = NULL;
        return judge->status;
    }
    CH_TRY(ch_judgement_try(judgement, question, levels, err));
    return is_dry ? CH_OK : take_all(judgement, levels, question->now_ns, taken, err);
}
