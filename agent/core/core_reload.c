/* How core.h takes new rules. */
#include "agent/core/core_impl.h"

#include "agent/core/nonce_counters.h"
#include "agent/core/tolerance.h"
#include "base/log.h"
#include "policy/differences.h"
#include "policy/policy.h"
#include "policy/states.h"

/* A socket that cannot be made is no reason to go by the old rules: who would come by it is nobody. */
static void follow_policy(core *self)
{
    ch_error err = CH_ERROR_INIT;
    ch_callers_forget(self->callers);
    ch_ledger_set_policy(self->kept.ledger, &self->rules.policy, ch_clockwatch_time_ns(self->kept.clock));
    ch_core_follow_shadow(self);
    if (ch_doors_follow(self->doors, &self->rules.policy, &err) != CH_OK)
        ch_log("%s", err.message);
}

/* Comparing takes time, and the loop waits for it; and nobody reads a thousand lines. */
#define COMPARED_MAX 2000
#define SAID_MAX 100

static void say_difference(void *context, const ch_difference *difference)
{
    size_t *said = context;
    if ((*said)++ < SAID_MAX)
        ch_log("policy: %s: %s", ch_change_name(difference->direction), difference->text);
}

static void say_differences(const ch_policy *before, const ch_policy *now)
{
    size_t said = 0;
    const ch_difference_reader reader = {.context = &said, .take = say_difference};
    if (now->entry_count + now->key_count > COMPARED_MAX || before->entry_count + before->key_count > COMPARED_MAX) {
        ch_log("policy: too large to be compared here; see chancery policy diff");
        return;
    }
    if (ch_policy_compare(before, now, &reader) == 0)
        ch_log("policy: the same as before");
    if (said > SAID_MAX)
        ch_log("policy: and %zu more differences; see chancery policy diff", said - SAID_MAX);
}

static bool has_name(const ch_policy *policy, const ch_state_row *row)
{
    if (row->of == CH_STATE_OF_KEY)
        return ch_policy_find_key(policy, row->name) != NULL;
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (ch_slice_is(row->name, policy->callers[i].name))
            return true;
    }
    return row->of != CH_STATE_OF_CALLER;
}

/* States go by name, so who is halted and gets another name may trade. */
static void say_lost_states(const core *self, const ch_policy *before, const ch_policy *now)
{
    const ch_states *states = ch_ledger_states(self->kept.ledger);
    uint64_t now_ns = ch_clockwatch_time_ns(self->kept.clock);
    ch_state_row row;
    for (size_t i = 0; ch_states_at(states, i, &row); i++) {
        ch_autobuffer whose = CH_BUFFER_INIT;
        bool counts = ch_states_get(states, row.of, row.name, now_ns, &row);
        if (!counts || !has_name(before, &row) || has_name(now, &row))
            continue;
        ch_state_row_whose(&row, &whose);
        ch_log("%s is %s (%.*s), and the policy has that name no more; if it has another name now, that one is not: "
               "chancery freeze",
               ch_buffer_text(&whose), ch_trading_name(row.state), CH_SLICE_ARGS(row.why));
    }
}

/* Between two turns, so nobody sees a part of it. */
static ch_status take_rules(core *self, ch_rules *fresh, ch_error *err)
{
    CH_TRY(ch_rules_may_follow(&self->rules, fresh, err));
    ch_requests_recall(self->requests, &self->retired.policy);
    ch_approval_desk_recall(self->approval_desk);
    self->retired = self->rules;
    self->rules = *fresh;
    *fresh = (ch_rules){0};
    ch_nonce_counters_find(&self->rules.policy, self->kept.nonces);
    follow_policy(self);
    ch_links_apply(&self->links, &self->rules.config, &self->rules.policy);
    ch_links_start(&self->links);
    ch_requests_judge_again(self->requests);
    ch_log("reloaded: %zu keys, %zu tokens", self->rules.policy.key_count, self->links.count);
    say_differences(&self->retired.policy, &self->rules.policy);
    say_lost_states(self, &self->retired.policy, &self->rules.policy);
    ch_tolerance_say(&self->rules.policy, ch_tolerance_log);
    ch_key_watch_follow(self->key_watch);
    return CH_OK;
}

static void take_reload(core *self)
{
    ch_error outcome = CH_ERROR_INIT;
    ch_rules fresh = {0};
    ch_status st = ch_reload_take(self->reload, &fresh, &outcome);
    if (st == CH_OK)
        st = take_rules(self, &fresh, &outcome);
    ch_rules_free(&fresh);
    self->is_reloaded = st == CH_OK;
    if (st == CH_OK)
        return;
    ch_log("the reload failed, so the agent goes by what it read before: %s", outcome.message);
    ch_reload_end(self->reload, &outcome);
}

/* The rules of before are kept while a request goes by them, which is not longer than a token may take. Whoever asked
 * for the reload is answered when the keys have been found. */
void ch_core_go_on_with_reload(core *self)
{
    const ch_error done = CH_ERROR_INIT;
    if (ch_requests_old(self->requests) > 0)
        return;
    if (self->retired.config.socket_path != NULL)
        ch_rules_free(&self->retired);
    if (!ch_reload_is_done(self->reload))
        return;
    if (!self->is_reloaded) {
        take_reload(self);
    } else if (!ch_links_are_finding(&self->links)) {
        self->is_reloaded = false;
        ch_reload_end(self->reload, &done);
    }
}
