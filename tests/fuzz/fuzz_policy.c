/* agent.yaml and policy.yaml, each input as both: refused with file and line, or deciding by it keeps what
 * policy/policy.h promises. Default deny: who has no grant sees no key and may do nothing with it. */
#include "tests/fuzz/files.h"
#include "tests/fuzz/fuzz.h"

#include "agent/core/config.h"
#include "policy/decide.h"
#include "policy/load.h"

#include <string.h>

#define ALL_CLASSES ((1U << CH_CLASS_COUNT) - 1)

static const ch_peer peers[] = {
    {.uid = 0,     .gid = 0    },
    {.uid = 1000,  .gid = 1000 },
    {.uid = 1001,  .gid = 100  },
    {.uid = 65534, .gid = 65534}
};

/* A refusal names its rule. */
static bool is_allowed(const ch_facts *facts)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_policy_decide(facts, &err);
    fuzz_check_error(st, &err);
    FUZZ_CHECK(st == CH_OK || (st == CH_REFUSED && err.rule[0] != '\0'));
    return st == CH_OK;
}

static void check_decisions(const ch_key *key, const ch_peer *caller)
{
    ch_error err = CH_ERROR_INIT;
    bool may_see = ch_policy_may_see(key, caller);
    FUZZ_CHECK((ch_policy_admit(key, caller, &err) == CH_OK) == may_see);
    ch_facts facts = {.key = key, .caller = caller, .classes = ALL_CLASSES};
    bool may_all = is_allowed(&facts);
    facts.is_raw = true;
    FUZZ_CHECK(is_allowed(&facts) == (key->may_sign_raw && may_all));
    facts.is_raw = false;
    for (unsigned i = 0; i < CH_CLASS_COUNT; i++) {
        facts.class_ = (ch_class)i;
        facts.classes = 1U << i;
        facts.missing_kind = NULL;
        bool may = is_allowed(&facts);
        FUZZ_CHECK((may_see || !may) && (may || !may_all));
        facts.missing_kind = "broker";
        FUZZ_CHECK(!is_allowed(&facts));
    }
}

static void check_policy(const ch_policy *policy)
{
    FUZZ_CHECK(ch_policy_find_key(policy, CH_LITERAL("no such key")) == NULL);
    for (size_t i = 0; i < policy->key_count; i++) {
        const ch_key *key = &policy->keys[i];
        FUZZ_CHECK(ch_policy_find_key(policy, ch_slice_of(key->name)) == key);
        FUZZ_CHECK(key->profile != NULL && key->scheme != NULL && key->token < 2);
        for (size_t j = 0; j < sizeof peers / sizeof *peers; j++)
            check_decisions(key, &peers[j]);
    }
    for (size_t j = 0; j < sizeof peers / sizeof *peers; j++)
        FUZZ_CHECK(!ch_policy_is_operator(policy, &peers[j]) || policy->operator_count > 0);
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
