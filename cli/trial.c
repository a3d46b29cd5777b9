#include "cli/trial.h"

#include "base/bits.h"
#include "base/memory.h"
#include "cli/parameters.h"
#include "exchange/check.h"
#include "exchange/match.h"
#include "exchange/recipe.h"
#include "policy/key_dates.h"

#include <stdio.h>
#include <string.h>

void ch_trial_init(ch_trial *trial, const ch_policy *policy, uint64_t now_ns)
{
    *trial = (ch_trial){.policy = policy,
                        .prices = ch_prices_new(),
                        .states = ch_states_new(),
                        .levels = ch_levels_new(),
                        .now_ns = now_ns};
    ch_judging_init(&trial->judging);
    ch_prices_set_rules(trial->prices, &policy->prices);
    ch_ignore(ch_levels_set_policy(trial->levels, policy, now_ns)); /* nothing is recorded */
}

void ch_trial_free(ch_trial *trial)
{
    if (trial->levels == NULL)
        return;
    ch_judging_free(&trial->judging);
    ch_levels_free(trial->levels);
    ch_states_free(trial->states);
    ch_prices_free(trial->prices);
}

/* ---- prices ---- */

/* A price that is given is meant, however far it moves: what was known is dropped first. */
ch_status ch_trial_set_price(ch_trial *trial, const char *pair, ch_decimal price, uint64_t age_ns, ch_error *err)
{
    const ch_price_rules *rules = &trial->policy->prices;
    if (rules->source_count == 0)
        return ch_fail(err, CH_BAD_INPUT, "the policy has no 'prices' with sources, so no price counts");
    for (size_t i = 0; i < rules->source_count; i++) {
        ch_quote_outcome outcome = CH_QUOTE_TAKEN;
        const ch_quote quote = {.source = ch_slice_of(rules->sources[i]),
                                .pair = ch_slice_of(pair),
                                .price = price,
                                .quoted_ns = trial->now_ns - age_ns};
        CH_TRY(ch_prices_put(trial->prices, &quote, trial->now_ns, &outcome, err));
        if (outcome == CH_QUOTE_HELD)
            CH_TRY(ch_prices_confirm(trial->prices, quote.source, quote.pair, quote.price, trial->now_ns, err));
    }
    return CH_OK;
}

static ch_status set_one(ch_trial *trial, const char *text, ch_error *err)
{
    ch_decimal price = CH_DECIMAL_ZERO;
    const char *equals = strchr(text, '=');
    if (equals == NULL || !ch_decimal_read(ch_slice_of(equals + 1), &price))
        return ch_fail(err, CH_BAD_INPUT, "a price is written as in BTC/USDT=29880");
    ch_autofree char *pair = ch_slice_strdup((ch_slice){(const uint8_t *)text, (size_t)(equals - text)});
    return ch_trial_set_price(trial, pair, price, 0, err);
}

ch_status ch_trial_set_prices(ch_trial *trial, const char *list, ch_error *err)
{
    while (*list != '\0') {
        size_t size = strcspn(list, ",");
        ch_autofree char *one = ch_slice_strdup((ch_slice){(const uint8_t *)list, size});
        CH_TRY(set_one(trial, one, err));
        list += size + (list[size] == ',');
    }
    return CH_OK;
}

/* ---- judging ---- */

/* Refuses as core does, unless the relay speaks for each caller. */
static ch_status find_relay(ch_trial *trial, const ch_trial_call *call, ch_error *err)
{
    const ch_policy *policy = trial->policy;
    trial->stoppable = call->callers;
    if (call->relay == NULL)
        return CH_OK;
    size_t relay = ch_policy_caller(policy, ch_slice_of(call->relay));
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (ch_caller_set_has(&call->callers, i) && !ch_policy_speaks_for(policy, relay, i))
            return ch_fail_rule(err, CH_REFUSED, "relay", "'%s' does not speak for caller '%s'", call->relay,
                                policy->callers[i].name);
    }
    if (relay < policy->caller_count)
        ch_set_add(trial->stoppable.bits, relay);
    return CH_OK;
}

/* What core does before it asks policy. */
static ch_status read_call(ch_trial *trial, const ch_trial_call *call, ch_request *request, ch_asked *asked,
                           ch_error *err)
{
    const ch_key *key = call->key;
    CH_TRY(find_relay(trial, call, err));
    CH_TRY(ch_policy_admit(trial->policy, key, &call->callers, err));
    if (call->is_raw)
        return CH_OK;
    CH_TRY(ch_environment_match(key->traits.environment, request, &asked->endpoint, err));
    CH_TRY(ch_endpoint_check(asked->endpoint, key->scheme, request, err));
    const ch_recipe_input input = {.profile = key->profile,
                                   .scheme = key->scheme,
                                   .environment = key->traits.environment,
                                   .endpoint = asked->endpoint,
                                   .request = request,
                                   .window_ms_max = key->receive_window_ms};
    return ch_recipe_find_window(&input, &asked->window_ms, err);
}

static ch_status judge(ch_trial *trial, bool is_dry, ch_error *err)
{
    ch_judging *judging = &trial->judging;
    CH_TRY(ch_policy_judge(&judging->question, &judging->judgement, err));
    return ch_judgement_take(&judging->judgement, &judging->question, trial->levels, is_dry, trial->taken, err);
}

ch_status ch_trial_judge(ch_trial *trial, const ch_trial_call *call, bool is_dry, const ch_trial_reader *reader,
                         ch_error *err)
{
    ch_autofree ch_parameters *params = ch_alloc(sizeof *params);
    trial->judging.judgement.refusal = (ch_refusal){0};
    CH_TRY(ch_parameters_enter(call->params, params, err));
    ch_request request = {ch_slice_of(call->method), ch_slice_of(call->host), ch_slice_of(call->path), params->params,
                          params->count};
    ch_asked asked = {.policy = trial->policy,
                      .key = ch_key_version_by_date(call->key, trial->now_ns),
                      .callers = &call->callers,
                      .request = &request,
                      .now_ns = trial->now_ns,
                      .is_relayed = call->relay != NULL};
    CH_TRY(read_call(trial, call, &request, &asked, err));
    CH_TRY(ch_judging_read(&trial->judging, &asked, err));
    ch_question *question = &trial->judging.question;
    question->prices = trial->prices;
    question->states = trial->states;
    question->given = call->given;
    question->stoppable = &trial->stoppable;
    question->trace = trial->trace;
    question->trace_context = trial->trace_context;
    ch_status st = judge(trial, is_dry, err);
    if (reader != NULL)
        reader->use(reader->context, question);
    return st;
}
