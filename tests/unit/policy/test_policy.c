/* What a sound policy loads to, who is who by it, and by which sets its entries are found. */
#include "policy/policy.h"

#include "base/bits.h"
#include "base/memory.h"
#include "exchange/facts.h"
#include "exchange/symbols.h"
#include "tests/support/suite.h"
#include "tests/unit/policy/policy_rig.h"

#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000ULL

static ch_policy policy;

static void set_up(void)
{
    rig_load_sound(&policy);
}

static void tear_down(void)
{
    ch_policy_free(&policy);
}

static void check_decimal(ch_decimal decimal, const char *expected)
{
    char text[CH_DECIMAL_TEXT_MAX];
    ch_decimal_text(decimal, text);
    ck_assert_str_eq(text, expected);
}

/* ---- what is there ---- */

START_TEST(test_callers_are_read)
{
    ck_assert_uint_eq(policy.caller_count, 4);
    const ch_caller *maker = &policy.callers[0];
    const ch_caller *dca = &policy.callers[1];
    const ch_caller *board = &policy.callers[2];
    ck_assert_str_eq(maker->name, "maker");
    ck_assert_uint_eq(maker->ids.uid, 1000);
    ck_assert_uint_eq(maker->ids.gid, CH_ANY_ID);
    ck_assert_str_eq(maker->socket, "maker");
    ck_assert_ptr_null(maker->unit);
    ck_assert_uint_eq(dca->ids.gid, 100);
    ck_assert_str_eq(dca->unit, "dca-bot.service");
    ck_assert_uint_eq(board->ids.uid, CH_ANY_ID);
    ck_assert_uint_eq(board->ids.gid, 0);
    ck_assert(maker->role == CH_CALLER_BOT && policy.callers[3].role == CH_CALLER_FEED);
}
END_TEST

START_TEST(test_terms_are_read)
{
    const ch_account *desk = &policy.accounts[0];
    ck_assert_uint_eq(policy.account_count, 3); /* a-key is one of its own */
    ck_assert(desk->prices == CH_PRICES_MEDIAN && policy.accounts[1].prices == CH_PRICES_NONE);
    ck_assert(desk->has_reference_error && desk->has_slippage && !policy.accounts[1].has_reference_error);
    check_decimal(desk->reference_error, "0.005");
    check_decimal(desk->fees, "0.001");
    check_decimal(desk->market_slippage, "0.03");
    ck_assert_str_eq(policy.accounts[2].name, "a-key");
    ck_assert_uint_eq(policy.prices.source_count, 2);
    ck_assert_str_eq(policy.prices.sources[1], "kraken");
    ck_assert_uint_eq(policy.prices.at_least, 1);
    check_decimal(policy.prices.max_move, "0.1");
    ck_assert_uint_eq(policy.prices.move_window_ns, 600 * SECOND);
    ck_assert_uint_eq(policy.conversion_count, 2);
    check_decimal(policy.conversions[0].rate, "1.01");
    check_decimal(policy.conversions[0].haircut, "0.01");
    ck_assert_str_eq(policy.conversions[1].from, "BTC");
    ck_assert(policy.conversions[0].has_rate && !policy.conversions[1].has_rate);
    ck_assert_uint_eq(policy.conversions[1].max_age_ns, 10 * SECOND);
    ck_assert_uint_eq(policy.address_count, 2);
    ck_assert_str_eq(policy.addresses[0].tag, "7");
    ck_assert_ptr_null(policy.addresses[1].asset);
}
END_TEST

START_TEST(test_keys_are_read)
{
    const ch_key *a = ch_policy_find_key(&policy, CH_LITERAL("a-key"));
    const ch_key *b = ch_policy_find_key(&policy, CH_LITERAL("b-key"));
    ck_assert(a == &policy.keys[0] && b == &policy.keys[1]);
    ck_assert_ptr_null(ch_policy_find_key(&policy, CH_LITERAL("")));
    ck_assert_uint_eq(a->token, 1);
    ck_assert_uint_eq(b->token, 0);
    ck_assert_str_eq(a->key_id, "q");
    ck_assert_str_eq(b->passphrase, "");
    ck_assert(a->may_sign_raw && !b->may_sign_raw);
    ck_assert_str_eq(ch_environment_name(a->traits.environment), "demo");
    ck_assert_str_eq(ch_environment_name(b->traits.environment), "live");
    ck_assert_str_eq(ch_profile_name(a->profile), "u");
    ck_assert_str_eq(ch_scheme_name(a->scheme), "ed25519");
    ck_assert_uint_eq(a->traits.kinds, ch_profile_kind(a->profile, "broker"));
    ck_assert_uint_eq(a->traits.accepts, ch_profile_acceptance(a->profile, "a"));
    ck_assert_uint_eq(a->tolerated, ch_lapse_of_type(CKA_DERIVE) | ch_lapse_of_type(CKA_DECRYPT));
    ck_assert_uint_eq(b->account, 0);
    ck_assert_uint_eq(a->account, 2);
    ck_assert_uint_eq(b->receive_window_ms, 1000);
    ck_assert_uint_eq(a->receive_window_ms, 0);
    ck_assert_uint_eq(b->assume_uses, 1);
    ck_assert_uint_eq(a->assume_uses, 0);
}
END_TEST

START_TEST(test_versions_are_the_key_to_selectors)
{
    static const char text[] = "version: 1\npeople: {o: {uid: 1, roles: [operator]}}\ncallers: {c: {uid: 2}}\nkeys:\n"
                               "  a: {token: main, object: \"pkcs11:object=a\", profile: t, scheme: hmac, key_id: i}\n"
                               "  b: {token: main, profile: t, scheme: hmac, expires: 2030-01-31, versions: [\n"
                               "    {object: \"pkcs11:object=b\", key_id: j},\n"
                               "    {object: \"pkcs11:object=c\", key_id: k, token: other, from: 2027-01-31, "
                               "expires: 2028-01-31}]}\n"
                               "allow: [{name: x, caller: c, key: b, classes: [read]}]\n";
    ch_error err = CH_ERROR_INIT;
    ch_policy own;
    ck_assert_msg(rig_load(text, &own, &err) == CH_OK, "%s", err.message);
    const ch_key *key = ch_policy_find_key(&own, CH_LITERAL("b"));
    const ch_key *last = ch_key_version(key, 1);
    ck_assert_ptr_eq(ch_key_version(key, 0), key);
    ck_assert_ptr_null(ch_key_version(key, 2));
    ck_assert_str_eq(key->key_id, "j");
    ck_assert_str_eq(last->key_id, "k");
    ck_assert_str_eq(last->name, "b");
    ck_assert_uint_eq(key->token, 0);
    ck_assert_uint_eq(last->token, 1);
    ck_assert_uint_eq(last->from_ns, 1801353600 * SECOND);
    ck_assert(key->expires_ns > last->expires_ns && last->expires_ns > 0);
    ck_assert_uint_eq(last->account, key->account);
    ck_assert_uint_eq(ch_policy_key_index(&own, last), ch_policy_key_index(&own, key));
    ck_assert_ptr_eq(ch_policy_find_version(&own, CH_LITERAL("b")), last);
    ck_assert_ptr_eq(ch_policy_find_version(&own, CH_LITERAL("b/j")), key);
    ck_assert_ptr_null(ch_policy_find_version(&own, CH_LITERAL("b/i")));
    ck_assert_ptr_null(ch_policy_find_version(&own, CH_LITERAL("c/k")));
    ck_assert_str_eq(ch_policy_find_version(&own, CH_LITERAL("a"))->key_id, "i");
    ch_policy_free(&own);
}
END_TEST

START_TEST(test_states_and_decisions_are_read)
{
    const ch_state_rule *states = policy.states;
    ck_assert_uint_eq(states[CH_TRADING_ACTIVE].classes, (1U << CH_CLASS_COUNT) - 1);
    ck_assert_uint_eq(states[CH_TRADING_REDUCING].classes, 1U << CH_CLASS_READ | 1U << CH_CLASS_TRADE);
    ck_assert_uint_eq(states[CH_TRADING_HALTED].classes, 1U << CH_CLASS_READ | 1U << CH_CLASS_CANCEL);
    ck_assert(states[CH_TRADING_HALTED].keeps_stops && !states[CH_TRADING_REDUCING].keeps_stops);
    ck_assert_uint_eq(policy.keep_decisions_ns, 7 * 86400 * SECOND);
    ck_assert(policy.is_power_cut_safe);
}
END_TEST

START_TEST(test_what_is_not_said_is_what_it_should_be)
{
    ch_policy small;
    ch_error err = CH_ERROR_INIT;
    ck_assert_msg(rig_load("version: 1\npeople: {a: {uid: 0, roles: [operator]}}\nkeys: {}\n", &small, &err) == CH_OK,
                  "%s", err.message);
    ck_assert_uint_eq(small.states[CH_TRADING_REDUCING].classes,
                      1U << CH_CLASS_READ | 1U << CH_CLASS_TRADE | 1U << CH_CLASS_CANCEL);
    ck_assert_uint_eq(small.keep_decisions_ns, 30 * 86400 * SECOND);
    ck_assert(!small.is_power_cut_safe);
    ck_assert_uint_eq(small.entry_count, 0);
    ck_assert_ptr_null(ch_policy_find_key(&small, CH_LITERAL("a")));
    ch_policy_free(&small);
}
END_TEST

/* ---- entries ---- */

START_TEST(test_selectors_are_read)
{
    const ch_selector *quotes = &rig_entry(&policy, "quotes")->selector;
    const ch_selector *looks = &rig_entry(&policy, "looks")->selector;
    ck_assert(!quotes->is_any_caller && ch_caller_set_has(&quotes->callers, 0) &&
              !ch_caller_set_has(&quotes->callers, 1));
    ck_assert(!quotes->is_any_key && ch_set_has(quotes->keys, 1) && !ch_set_has(quotes->keys, 0));
    ck_assert_uint_eq(quotes->classes, 1U << CH_CLASS_TRADE);
    ck_assert_uint_eq(quotes->markets, CH_MARKET_SPOT | CH_MARKET_MARGIN);
    ck_assert_uint_eq(quotes->symbols.count, 2);
    ck_assert_str_eq(quotes->symbols.items[0], "BTCUSDT");
    ck_assert_uint_eq(quotes->sides, 1);
    ck_assert_uint_eq(quotes->types, 2 | 4);
    ck_assert_uint_eq(quotes->times, 8);
    ck_assert_uint_eq(quotes->items, 0);
    ck_assert(looks->is_any_caller && looks->is_any_key && looks->keys == NULL);
    ck_assert_uint_eq(looks->hours.count, 1);
    ck_assert_uint_eq(looks->expires_ns, 1801353600 * SECOND); /* the beginning of that day in UTC */
    ck_assert_uint_eq(quotes->expires_ns, 0);
}
END_TEST

START_TEST(test_patterns_and_endpoints_are_expanded)
{
    const ch_entry_rule *eth = rig_entry(&policy, "all-eth");
    const ch_selector *orders = &rig_entry(&policy, "no-orders")->selector;
    ck_assert(eth->is_unlimited && eth->selector.is_any_market && eth->selector.markets == 0);
    ck_assert_uint_eq(eth->selector.symbols.count, 2);
    ck_assert_str_eq(eth->selector.symbols.items[0], "ETHBTC");
    ck_assert_uint_eq(eth->selector.endpoint_count, 1);
    ck_assert_str_eq(ch_endpoint_path(eth->selector.endpoints[0]), "/order");
    ck_assert_uint_eq(orders->endpoint_count, 2); /* of profile t alone: the account has one key */
    ck_assert(orders->endpoints[0] < orders->endpoints[1]);
    ck_assert(!orders->is_any_key && ch_set_has(orders->keys, 1) && !ch_set_has(orders->keys, 0));
    ck_assert_str_eq(orders->symbols.items[0], "X*"); /* a pattern that narrows stays one */
}
END_TEST

START_TEST(test_the_words_of_facts_have_their_places)
{
    static const char *const types[] = {
        "market",   "limit",          "limit-maker", "stop", "stop-limit", "take-profit", "take-profit-limit",
        "trailing", "trailing-limit", "twap",        "vwap"};
    ch_autofree char *text = rig_change("types: [LIMIT, LIMIT_MAKER]", "types: [market, vwap, Take_Profit-LIMIT]");
    ch_policy other;
    ch_error err = CH_ERROR_INIT;
    ck_assert_msg(rig_load(text, &other, &err) == CH_OK, "%s", err.message);
    ck_assert_uint_eq(rig_entry(&other, "quotes")->selector.types, 1 << 0 | 1 << 10 | 1 << 6);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        ck_assert_ptr_nonnull(ch_fact_word(CH_FACT_TYPE, ch_slice_of(types[i])));
    ch_policy_free(&other);
}
END_TEST

START_TEST(test_limits_are_read)
{
    const ch_limit *loss = &rig_entry(&policy, "loss")->limit;
    const ch_limit *out = &rig_entry(&policy, "out")->limit;
    const ch_limit *rate = &rig_entry(&policy, "rate")->limit;
    const ch_limit *again = &rig_entry(&policy, "again")->limit;
    const ch_limit *collar = &rig_entry(&policy, "collar")->limit;
    ck_assert(loss->control == CH_CONTROL_LOSS && loss->per.kind == CH_PERIOD_SLIDING);
    ck_assert_uint_eq(loss->per.ns, 86400 * SECOND);
    ck_assert_uint_eq(loss->by, CH_BY_CALLER | CH_BY_SYMBOL);
    ck_assert(loss->then == CH_TRADING_REDUCING && !loss->is_until_operator && loss->has_closing && loss->is_named);
    check_decimal(loss->closing, "500");
    check_decimal(loss->release, "1");
    check_decimal(out->most, "2.5");
    ck_assert_str_eq(out->asset, "BTC");
    ck_assert(out->per.kind == CH_PERIOD_WEEK && out->per.zone != NULL && out->by == CH_BY_ACCOUNT);
    check_decimal(rate->most, "100");
    ck_assert_uint_eq(rate->per.ns, 10 * SECOND + 20); /* a multiple of sixty */
    ck_assert(rate->reserve_cancels == 20 && rate->by == CH_BY_CALLER && !rate->is_named && rate->asset == NULL);
    check_decimal(again->most, "3");
    ck_assert(again->per.ns == 60 * SECOND && again->then == CH_TRADING_HALTED && again->is_until_operator);
    check_decimal(collar->most, "0.02");
    ck_assert_uint_eq(collar->age_ns, 5 * SECOND);
    ck_assert_str_eq(rig_entry(&policy, "size")->limit.asset, "USDT");
    ck_assert_uint_eq(rig_entry(&policy, "short")->limit.age_ns, 5 * SECOND);
    check_decimal(rig_entry(&policy, "lever")->limit.most, "5");
}
END_TEST

START_TEST(test_requirements_are_read)
{
    const ch_requirement *two = &rig_entry(&policy, "two")->requirement;
    const ch_requirement *slowly = &rig_entry(&policy, "slowly")->requirement;
    ck_assert_uint_eq(two->approvals, 2);
    ck_assert_uint_eq(two->of.count, 2);
    ck_assert_str_eq(two->of.items[1], "bob");
    ck_assert_uint_eq(two->within_ns, 3600 * SECOND);
    ck_assert(two->has_above && !two->needs_code && slowly->needs_code && !slowly->has_above);
    ck_assert_str_eq(two->asset, "BTC");
    ck_assert_uint_eq(slowly->delay_ns, 6 * 3600 * SECOND);
}
END_TEST

START_TEST(test_entries_are_sorted_by_verb_and_limits_are_found)
{
    const ch_entry_rule *quotes = rig_entry(&policy, "quotes");
    ck_assert_uint_eq(policy.first[CH_VERB_ALLOW], 0);
    ck_assert_uint_eq(policy.first[CH_VERB_DENY], 4);
    ck_assert_uint_eq(policy.first[CH_VERB_LIMIT], 6);
    ck_assert_uint_eq(policy.first[CH_VERB_REQUIRE], 14);
    ck_assert_uint_eq(policy.first[CH_VERB_COUNT], 16);
    ck_assert_uint_eq(quotes->limit_count, 3);
    ck_assert_str_eq(policy.entries[quotes->limits[1]].name, "collar");
    ck_assert_uint_eq(quotes->line, 33);
    for (size_t i = 0; i < policy.entry_count; i++)
        ck_assert(policy.entries[i].verb == CH_VERB_REQUIRE || i < policy.first[policy.entries[i].verb + 1]);
}
END_TEST

/* ---- the sets ---- */

/* clang-format off */
static const struct {
    const char *entry;
    const char *callers; /* for whom it may be: a letter each, and '?' for a peer that is none */
    const char *keys;
} found[] = {
    /* entry          callers  keys */
    { "quotes",       "m",     "b"  },
    { "looks",        "mdb?",  "ab" },
    { "all-eth",      "db",    "a"  },
    { "no-leverage",  "mdbt?", "ab" },
    { "no-orders",    "mdbt?", "b"  },
    { "size",         "mdbt?", "ab" },
    { "rate",         "m",     "ab" },
    { "two",          "mdbt?", "ab" },
};
/* clang-format on */

START_TEST(test_entries_are_found_by_caller_and_key)
{
    size_t at = (size_t)(rig_entry(&policy, found[_i].entry) - policy.entries);
    for (size_t i = 0; i < policy.caller_count; i++)
        ck_assert_int_eq(ch_set_has(policy.by_caller + i * policy.entry_words, at),
                         strchr(found[_i].callers, policy.callers[i].name[0]) != NULL);
    ck_assert_int_eq(ch_set_has(policy.any_caller, at), strchr(found[_i].callers, '?') != NULL);
    for (size_t i = 0; i < policy.key_count; i++)
        ck_assert_int_eq(ch_set_has(policy.by_key + i * policy.entry_words, at),
                         strchr(found[_i].keys, policy.keys[i].name[0]) != NULL);
}
END_TEST

/* ---- who ---- */

/* clang-format off */
static const struct {
    ch_peer peer;
    const char *callers; /* a letter each */
    unsigned roles;
} who[] = {
    /* peer                                                                       callers  roles */
    { { .uid = 1000, .gid = 5, .socket = "maker" },                               "m",     0 },
    { { .uid = 1000, .gid = 5 },                                                  "",      0 }, /* by the common socket */
    { { .uid = 1000, .gid = 5, .socket = "other" },                               "",      0 },
    { { .uid = 1009, .gid = 5, .socket = "maker" },                               "",      0 },
    { { .uid = 1001, .gid = 100, .unit = "dca-bot.service" },                     "d",     0 },
    { { .uid = 1001, .gid = 5, .groups = { 100 }, .group_count = 1, .unit = "dca-bot.service" }, "d", 0 },
    { { .uid = 1001, .gid = 100 },                                                "",      0 }, /* of no unit */
    { { .uid = 1001, .gid = 100, .unit = "dca-bot.services" },                    "",      0 },
    { { .uid = 1001, .gid = 5, .unit = "dca-bot.service" },                       "",      0 },
    { { .uid = 1001, .gid = 100, .unit = "dca-bot.service", .socket = "maker" },  "",      0 },
    { { .uid = 1001, .gid = 0, .groups = { 100 }, .group_count = 1, .unit = "dca-bot.service" }, "db", 0 },
    { { .uid = 0, .gid = 0 },                                                     "b",     CH_ROLE_OPERATOR | CH_ROLE_APPROVER },
    { { .uid = 0, .gid = 7 },                                                     "",      CH_ROLE_OPERATOR | CH_ROLE_APPROVER },
    { { .uid = 5, .gid = 5, .groups = { 6, 7 }, .group_count = 2 },               "",      CH_ROLE_APPROVER },
    { { .uid = 1003, .gid = 0 },                                                  "b",     CH_ROLE_ADMIN | CH_ROLE_AUDITOR },
    { { .uid = 1003, .gid = 7 },                                                  "",      CH_ROLE_ADMIN | CH_ROLE_AUDITOR | CH_ROLE_APPROVER },
    { { .uid = 1002, .gid = 5 },                                                  "t",     0 },
    { { .uid = 65534, .gid = 65534 },                                             "",      0 },
};
/* clang-format on */

START_TEST(test_a_peer_is_who_all_that_is_given_says)
{
    ch_caller_set callers;
    const ch_peer *peer = &who[_i].peer;
    ck_assert_int_eq(ch_policy_identify(&policy, peer, &callers), who[_i].callers[0] != '\0');
    for (size_t i = 0; i < policy.caller_count; i++)
        ck_assert_int_eq(ch_caller_set_has(&callers, i), strchr(who[_i].callers, policy.callers[i].name[0]) != NULL);
    ck_assert_uint_eq(ch_policy_roles(&policy, peer), who[_i].roles);
    ck_assert_int_eq(ch_policy_knows(&policy, peer), who[_i].callers[0] != '\0' || who[_i].roles != 0);
}
END_TEST

/* clang-format off */
static const struct {
    ch_peer peer;
    const char *name;
} called[] = {
    /* peer                                                            what policy calls it */
    { { .uid = 0, .gid = 0 },                                          "alice" },
    { { .uid = 0, .gid = 7 },                                          "alice" }, /* and not as one of bob's group */
    { { .uid = 5, .gid = 5, .groups = { 6, 7 }, .group_count = 2 },    "bob (user 5)" },
    { { .uid = 1000, .gid = 5 },                                       "user 1000" },
};
/* clang-format on */

START_TEST(test_people_are_called_by_their_names)
{
    ch_autobuffer name = CH_BUFFER_INIT;
    ch_policy_name_user(&policy, &called[_i].peer, &name);
    ck_assert_str_eq(ch_buffer_text(&name), called[_i].name);
}
END_TEST

/* ---- names ---- */

START_TEST(test_names_are_those_of_the_documentation)
{
    for (ch_control control = 0; control < CH_CONTROL_COUNT; control++)
        ck_assert_ptr_nonnull(ch_control_name(control));
    ck_assert_str_eq(ch_control_name(CH_CONTROL_ORDER_VALUE), "maximum-order-value");
    ck_assert_str_eq(ch_trading_name(CH_TRADING_REDUCING), "reducing");
    ck_assert_str_eq(ch_verb_name(CH_VERB_REQUIRE), "require");
}
END_TEST

CH_TESTS_WITH("policy", set_up, tear_down, CH_TEST(test_callers_are_read), CH_TEST(test_terms_are_read),
              CH_TEST(test_keys_are_read), CH_TEST(test_versions_are_the_key_to_selectors),
              CH_TEST(test_states_and_decisions_are_read), CH_TEST(test_what_is_not_said_is_what_it_should_be),
              CH_TEST(test_selectors_are_read), CH_TEST(test_patterns_and_endpoints_are_expanded),
              CH_TEST(test_the_words_of_facts_have_their_places), CH_TEST(test_limits_are_read),
              CH_TEST(test_requirements_are_read), CH_TEST(test_entries_are_sorted_by_verb_and_limits_are_found),
              CH_TEST_ROWS(test_entries_are_found_by_caller_and_key, found),
              CH_TEST_ROWS(test_a_peer_is_who_all_that_is_given_says, who),
              CH_TEST_ROWS(test_people_are_called_by_their_names, called),
              CH_TEST(test_names_are_those_of_the_documentation))
