/* agent.yaml and policy.yaml, each input as both: refused with file and line, or what is loaded keeps what
 * policy/policy.h promises. Default deny: who is allowed nothing sees no key, and may do nothing with it. */
#include "tests/fuzz/files.h"
#include "tests/fuzz/fuzz.h"

#include "agent/core/config.h"
#include "policy/decide.h"
#include "policy/load.h"

#include <string.h>

static const ch_peer peers[] = {
    {.uid = 0,       .gid = 0        },
    {.uid = 1000,    .gid = 1000,      .socket = "maker"},
    {.uid = 1001,              .gid = 100,                    .groups = {7}, .group_count = 1, .unit = "a.service"},
    {.uid = 65534, .gid = 65534},
};

/* ---- entries ---- */

static void check_texts(const ch_text_list *list)
{
    for (size_t i = 1; i < list->count; i++)
        FUZZ_CHECK(strcmp(list->items[i - 1], list->items[i]) < 0);
}

static void check_selector(const ch_policy *policy, const ch_selector *selector)
{
    check_texts(&selector->symbols);
    check_texts(&selector->settings);
    check_texts(&selector->assets);
    FUZZ_CHECK(selector->is_any_key == (selector->keys == NULL));
    FUZZ_CHECK(!selector->has_endpoints == (selector->endpoint_count == 0));
    for (size_t i = 1; i < selector->endpoint_count; i++)
        FUZZ_CHECK(selector->endpoints[i - 1] < selector->endpoints[i]);
    FUZZ_CHECK(!selector->is_any_address || selector->to == NULL);
    FUZZ_CHECK(selector->hours.count == 0 || selector->hours.spans != NULL);
    FUZZ_CHECK(policy->key_words > 0);
}

static void check_limit(const ch_limit *limit)
{
    FUZZ_CHECK(limit->control < CH_CONTROL_COUNT);
    FUZZ_CHECK(limit->per.kind != CH_PERIOD_SLIDING || (limit->per.ns > 0 && limit->per.ns % CH_WINDOW_BUCKETS == 0));
    FUZZ_CHECK(limit->control == CH_CONTROL_VALIDITY || !ch_decimal_is_zero(limit->most));
    FUZZ_CHECK(limit->then == CH_TRADING_ACTIVE || limit->per.kind != CH_PERIOD_NONE);
}

/* What can cost money has a limit, or says that it has none. */
static void check_allow(const ch_policy *policy, const ch_entry_rule *entry)
{
    unsigned money = 1U << CH_CLASS_TRADE | 1U << CH_CLASS_TRANSFER | 1U << CH_CLASS_WITHDRAW;
    FUZZ_CHECK((entry->selector.classes & money) == 0 || entry->is_unlimited || entry->limit_count > 0);
    for (size_t i = 0; i < entry->limit_count; i++)
        FUZZ_CHECK(policy->entries[entry->limits[i]].verb == CH_VERB_LIMIT &&
                   policy->entries[entry->limits[i]].limit.is_named);
}

static void check_entries(const ch_policy *policy)
{
    FUZZ_CHECK(policy->first[0] == 0 && policy->first[CH_VERB_COUNT] == policy->entry_count);
    for (size_t i = 0; i < policy->entry_count; i++) {
        const ch_entry_rule *entry = &policy->entries[i];
        FUZZ_CHECK(entry->name != NULL && entry->line > 0);
        FUZZ_CHECK(i >= policy->first[entry->verb] && i < policy->first[entry->verb + 1]);
        check_selector(policy, &entry->selector);
        if (entry->verb == CH_VERB_ALLOW)
            check_allow(policy, entry);
        if (entry->verb == CH_VERB_LIMIT)
            check_limit(&entry->limit);
    }
}

/* ---- who sees what ---- */

static void check_raw(const ch_policy *policy, const ch_key *key, const ch_caller_set *callers, bool may_see)
{
    ch_error err = CH_ERROR_INIT;
    ch_judgement judgement = CH_JUDGEMENT_INIT;
    const ch_question question = {.policy = policy, .key = key, .callers = callers, .is_raw = true};
    ch_status st = ch_policy_judge(&question, &judgement, &err);
    fuzz_check_error(st, &err);
    FUZZ_CHECK(st != CH_OK || (key->may_sign_raw && may_see));
    FUZZ_CHECK(st == CH_OK || err.rule[0] != '\0'); /* a refusal names its rule */
    ch_judgement_free(&judgement);
}

static void check_key(const ch_policy *policy, const ch_key *key, const ch_peer *peer)
{
    ch_error err = CH_ERROR_INIT;
    ch_caller_set callers;
    bool is_caller = ch_policy_identify(policy, peer, &callers);
    bool may_see = ch_policy_may_see(policy, key, &callers);
    FUZZ_CHECK((ch_policy_admit(policy, key, &callers, &err) == CH_OK) == may_see);
    FUZZ_CHECK(!is_caller || ch_policy_knows(policy, peer));
    FUZZ_CHECK(!may_see || policy->first[CH_VERB_ALLOW + 1] > 0);
    check_raw(policy, key, &callers, may_see);
}

static void check_policy(const ch_policy *policy)
{
    unsigned roles = 0;
    FUZZ_CHECK(ch_policy_find_key(policy, CH_LITERAL("no such key")) == NULL);
    check_entries(policy);
    for (size_t i = 0; i < policy->key_count; i++) {
        const ch_key *key = &policy->keys[i];
        FUZZ_CHECK(ch_policy_find_key(policy, ch_slice_of(key->name)) == key);
        FUZZ_CHECK(key->profile != NULL && key->scheme != NULL && key->token < 2);
        FUZZ_CHECK(key->account < policy->account_count);
        for (size_t j = 0; j < sizeof peers / sizeof *peers; j++)
            check_key(policy, key, &peers[j]);
    }
    for (size_t i = 0; i < policy->person_count; i++)
        roles |= policy->people[i].roles;
    FUZZ_CHECK((roles & CH_ROLE_OPERATOR) != 0);
}

static void load_policy(const char *path)
{
    static const char *const tokens[] = {"main", "cold"};
    ch_policy_source source = {.path = path, .profiles_folder = "tests/profiles", .tokens = tokens, .token_count = 2};
    ch_policy policy = {0};
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_policy_load(&source, &policy, &err);
    fuzz_check_error(st, &err);
    if (st == CH_OK)
        check_policy(&policy);
    ch_policy_free(&policy);
}

static void load_config(const char *path)
{
    ch_config config;
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_config_load(path, &config, &err);
    fuzz_check_error(st, &err);
    for (size_t i = 0; st == CH_OK && i < config.token_count; i++) {
        FUZZ_CHECK(ch_config_find_token(&config, ch_slice_of(config.tokens[i].name)) == i);
        FUZZ_CHECK(config.tokens[i].workers > 0);
    }
    ch_config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_set_file((ch_slice){data, size});
    load_config(FUZZ_FILE);
    load_policy(FUZZ_FILE);
    return 0;
}
