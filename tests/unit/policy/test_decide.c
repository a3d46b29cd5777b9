/* A table of who asks for what: allowed, or the rule that refuses. */
#include "policy/decide.h"

#include "exchange/confusion.h"
#include "exchange/load.h"
#include "exchange/match.h"
#include "tests/support/suite.h"

#include <string.h>

#define BIT(name) (1U << CH_CLASS_##name)
#define ALL ((1U << CH_CLASS_COUNT) - 1)
#define ROOT 0
#define BOT 1000
#define OTHER 1001
#define TRADERS 2000

/* clang-format off */
static ch_grant split_grants[] = {
    /* callers               classes */
    { {BOT, CH_ANY_ID},      BIT(READ) | BIT(CANCEL) },
    { {CH_ANY_ID, TRADERS},  BIT(TRADE) },
    { {BOT, TRADERS},        BIT(WITHDRAW) },
};
static ch_grant all_grants[] = { { {BOT, CH_ANY_ID}, ALL } };
static ch_grant half_grants[] = { { {BOT, CH_ANY_ID}, ALL & ~BIT(KEYS) } };
static ch_grant empty_grants[] = { { {BOT, CH_ANY_ID}, 0 } };
static ch_grant open_grants[] = { { {CH_ANY_ID, CH_ANY_ID}, ALL } };

static const ch_key nobodys = { .name = "nobodys" };
static const ch_key split =   { .name = "split", .grants = split_grants, .grant_count = 3 };
static const ch_key whole =   { .name = "whole", .grants = all_grants,   .grant_count = 1 };
static const ch_key raw =     { .name = "raw",   .grants = all_grants,   .grant_count = 1, .may_sign_raw = true };
static const ch_key half =    { .name = "half",  .grants = half_grants,  .grant_count = 1, .may_sign_raw = true };
static const ch_key empty =   { .name = "empty", .grants = empty_grants, .grant_count = 1, .may_sign_raw = true };
static const ch_key open =    { .name = "open",  .grants = open_grants,  .grant_count = 1, .may_sign_raw = true };

static const ch_peer root =   { .uid = ROOT,  .gid = ROOT };
static const ch_peer bot =    { .uid = BOT,   .gid = BOT };
static const ch_peer trader = { .uid = OTHER, .gid = OTHER, .groups = {5, TRADERS}, .group_count = 2 };
static const ch_peer group =  { .uid = OTHER, .gid = TRADERS };
static const ch_peer both =   { .uid = BOT,   .gid = BOT,   .groups = {TRADERS}, .group_count = 1 };
static const ch_peer nobody = { .uid = CH_ANY_ID, .gid = CH_ANY_ID };

static const struct {
    const char *name;
    ch_facts facts;
    const char *rule; /* NULL: allowed */
} cases[] = {
    /* name                                       key       caller    raw    kind      class              needs         all that it opens               rule */
    { "no grant",                               { &nobodys, &bot,     false, NULL,     CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "grant" },
    { "root has no grant by being root",        { &whole,   &root,    false, NULL,     CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "grant" },
    { "another user",                           { &whole,   &group,   false, NULL,     CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "grant" },
    { "a caller without an id",                 { &split,   &nobody,  false, NULL,     CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "grant" },
    { "a grant that names nobody",              { &open,    &bot,     false, NULL,     CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "grant" },
    { "the user's class",                       { &split,   &bot,     false, NULL,     CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    NULL },
    { "only the group's class",                 { &split,   &bot,     false, NULL,     CH_CLASS_TRADE,    0,            BIT(TRADE), NULL, NULL },                   "class" },
    { "a supplementary group",                  { &split,   &trader,  false, NULL,     CH_CLASS_TRADE,    0,            BIT(TRADE), NULL, NULL },                   NULL },
    { "the primary group",                      { &split,   &group,   false, NULL,     CH_CLASS_TRADE,    0,            BIT(TRADE), NULL, NULL },                   NULL },
    { "user and group, by group alone",         { &split,   &group,   false, NULL,     CH_CLASS_WITHDRAW, 0,            BIT(WITHDRAW), NULL, NULL },                "class" },
    { "user and group, by user alone",          { &split,   &bot,     false, NULL,     CH_CLASS_WITHDRAW, 0,            BIT(WITHDRAW), NULL, NULL },                "class" },
    { "user and group, by both",                { &split,   &both,    false, NULL,     CH_CLASS_WITHDRAW, 0,            BIT(WITHDRAW), NULL, NULL },                NULL },
    { "grants add up",                          { &split,   &both,    false, NULL,     CH_CLASS_TRADE,    0,            BIT(TRADE) | BIT(CANCEL), NULL, NULL },     NULL },
    { "a class by confusion",                   { &split,   &bot,     false, NULL,     CH_CLASS_READ,     0,            BIT(READ) | BIT(CANCEL), NULL, NULL },      NULL },
    { "confusion with a class not granted",     { &split,   &bot,     false, NULL,     CH_CLASS_READ,     0,            BIT(READ) | BIT(TRADE), NULL, NULL },       "confusion" },
    { "confusion with every class",             { &half,    &bot,     false, NULL,     CH_CLASS_READ,     0,            ALL, NULL, NULL },                          "confusion" },
    { "own class before confusion",             { &split,   &bot,     false, NULL,     CH_CLASS_TRADE,    0,            BIT(TRADE) | BIT(KEYS), NULL, NULL },       "class" },
    { "own class, though nothing is opened",    { &split,   &bot,     false, NULL,     CH_CLASS_TRADE,    0,            0, NULL, NULL },                            "class" },
    { "a class that there is not",              { &whole,   &bot,     false, NULL,     CH_CLASS_COUNT,    0,            0, NULL, NULL },                            "class" },
    { "a class of the future",                  { &whole,   &bot,     false, NULL,     CH_CLASS_READ,     0,            BIT(READ) | BIT(COUNT), NULL, NULL },       "confusion" },
    { "what a value needs, granted",            { &split,   &bot,     false, NULL,     CH_CLASS_READ,     BIT(CANCEL),  BIT(READ) | BIT(CANCEL), NULL, NULL },      NULL },
    { "what a value needs, not granted",        { &split,   &bot,     false, NULL,     CH_CLASS_READ,     BIT(ACCOUNT), BIT(READ) | BIT(ACCOUNT), NULL, NULL },     "class" },
    { "what a value needs, before confusion",   { &split,   &bot,     false, NULL,     CH_CLASS_READ,     BIT(ACCOUNT), ALL, NULL, NULL },                          "class" },
    { "own class, without what a value needs",  { &split,   &bot,     false, NULL,     CH_CLASS_TRADE,    BIT(CANCEL),  BIT(TRADE) | BIT(CANCEL), NULL, NULL },     "class" },
    { "a kind that the key is not of",          { &whole,   &bot,     false, "broker", CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "kind" },
    { "kind before class",                      { &split,   &bot,     false, "broker", CH_CLASS_TRADE,    0,            BIT(TRADE), NULL, NULL },                   "kind" },
    { "grant before kind",                      { &nobodys, &bot,     false, "broker", CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "grant" },
    { "a grant of no class",                    { &empty,   &bot,     false, NULL,     CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "class" },
    { "raw, with all classes",                  { &raw,     &bot,     true,  NULL,     CH_CLASS_READ,     0,            0, NULL, NULL },                            NULL },
    { "raw, not in policy",                     { &whole,   &bot,     true,  NULL,     CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "raw" },
    { "raw, without a grant",                   { &raw,     &group,   true,  NULL,     CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "grant" },
    { "raw, all classes but one",               { &half,    &bot,     true,  NULL,     CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "confusion" },
    { "raw, no class",                          { &empty,   &bot,     true,  NULL,     CH_CLASS_READ,     0,            BIT(READ), NULL, NULL },                    "class" },
};
/* clang-format on */

START_TEST(test_policy_decides)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_policy_decide(&cases[_i].facts, &err);
    if (cases[_i].rule == NULL) {
        ck_assert_msg(st == CH_OK, "%s: %s", cases[_i].name, err.message);
        return;
    }
    ck_assert_msg(st == CH_REFUSED, "%s", cases[_i].name);
    ck_assert_msg(strcmp(err.rule, cases[_i].rule) == 0, "%s: %s", cases[_i].name, err.rule);
    if (strcmp(cases[_i].rule, "confusion") != 0)
        ck_assert_msg(strstr(err.message, cases[_i].facts.key->name) != NULL, "%s", err.message);
}
END_TEST

START_TEST(test_who_may_see_a_key_is_admitted)
{
    ch_error err = CH_ERROR_INIT;
    const ch_facts *facts = &cases[_i].facts;
    bool has_grant = cases[_i].rule == NULL || strcmp(cases[_i].rule, "grant") != 0;
    ck_assert_msg(ch_policy_may_see(facts->key, facts->caller) == has_grant, "%s", cases[_i].name);
    ck_assert_int_eq(ch_policy_admit(facts->key, facts->caller, &err), has_grant ? CH_OK : CH_REFUSED);
    ck_assert_str_eq(err.rule, has_grant ? "" : "grant");
}
END_TEST

START_TEST(test_a_refusal_says_why)
{
    ch_error err = CH_ERROR_INIT;
    const ch_facts confused = {&split, &bot, false, NULL, CH_CLASS_READ, 0, BIT(READ) | BIT(TRADE) | BIT(KEYS),
                               NULL,   NULL};
    ck_assert_int_eq(ch_policy_decide(&confused, &err), CH_REFUSED);
    ck_assert_str_eq(err.message,
                     "this signature would also open an endpoint of class 'trade', for which user 1000 has "
                     "no grant: the exchange's signature does not cover what tells them apart");
    const ch_facts value = {&split, &bot, false, NULL, CH_CLASS_READ, BIT(KEYS), BIT(READ) | BIT(KEYS), NULL, NULL};
    ck_assert_int_eq(ch_policy_decide(&value, &err), CH_REFUSED);
    ck_assert_str_eq(err.message,
                     "a value of this request needs class 'keys', which user 1000 may not have signed with "
                     "key 'split'");
    const ch_facts kind = {&whole, &bot, false, "broker", CH_CLASS_READ, 0, BIT(READ), NULL, NULL};
    ck_assert_int_eq(ch_policy_decide(&kind, &err), CH_REFUSED);
    ck_assert_str_eq(err.message, "only keys of kind 'broker' can make this call, and the policy of key 'whole' does "
                                  "not list that kind");
    const ch_facts bytes = {&half, &bot, true, NULL, CH_CLASS_READ, 0, 0, NULL, NULL};
    ck_assert_int_eq(ch_policy_decide(&bytes, &err), CH_REFUSED);
    ck_assert_str_eq(err.message, "raw bytes need every class: user 1000 has no grant of class 'keys' for key 'half'");
}
END_TEST

/* The order of a bot that may trade and accepts nothing yet. */
START_TEST(test_a_refusal_names_what_policy_may_accept_and_what_that_lets_through)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_int_eq(ch_profile_load("profiles/binance.yaml", &profile, &err), CH_OK);
    ch_grant grants[] = {
        {{BOT, CH_ANY_ID}, BIT(READ) | BIT(TRADE) | BIT(CANCEL)}
    };
    ch_key key = {.name = "b", .grants = grants, .grant_count = 1, .profile = profile};
    key.scheme = ch_profile_scheme(profile, "hmac");
    key.traits.environment = ch_profile_live(profile);
    ch_request request = {.method = CH_LITERAL("GET"), .path = CH_LITERAL("/api/v3/account")};
    ch_facts facts = {.key = &key, .caller = &bot, .class_ = CH_CLASS_READ, .request = &request};
    ck_assert_int_eq(ch_environment_match(key.traits.environment, &request, &facts.endpoint, &err), CH_OK);
    facts.classes = ch_endpoint_confused_classes(facts.endpoint, key.scheme, &key.traits, &request);
    ck_assert_int_eq(ch_policy_decide(&facts, &err), CH_REFUSED);
    ck_assert_str_eq(
        err.message,
        "this signature would also open an endpoint of class 'transfer', for which user 1000 has no grant: the "
        "exchange's signature does not cover what tells them apart, as in POST /papi/v1/auto-collection; grant that "
        "class, or set accepts: [fast-withdraw-switch, bare-settings, bare-transfers] in policy for key 'b', which "
        "lets "
        "callers switch instant, free withdrawals to other Binance accounts on or off; agree to contracts for stock "
        "trading, change referral settings, delete loan group and margin call level; collect what portfolio margin "
        "holds in its margin account, and claim SOL that was unstaked");
    key.traits.accepts = ch_profile_acceptance(profile, "bare-settings") |
                         ch_profile_acceptance(profile, "bare-transfers") |
                         ch_profile_acceptance(profile, "fast-withdraw-switch");
    facts.classes = ch_endpoint_confused_classes(facts.endpoint, key.scheme, &key.traits, &request);
    ck_assert_msg(ch_policy_decide(&facts, &err) == CH_OK, "%s", err.message);
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_operators_are_those_that_policy_lists)
{
    ch_callers operators[] = {
        {ROOT,      CH_ANY_ID},
        {CH_ANY_ID, TRADERS  },
        {BOT,       BOT + 1  }
    };
    const ch_policy policy = {.operators = operators, .operator_count = 3};
    const ch_policy none = {0};
    ck_assert(ch_policy_is_operator(&policy, &root));
    ck_assert(ch_policy_is_operator(&policy, &trader));
    ck_assert(ch_policy_is_operator(&policy, &both));
    ck_assert(!ch_policy_is_operator(&policy, &bot));
    ck_assert(!ch_policy_is_operator(&policy, &nobody));
    ck_assert(!ch_policy_is_operator(&none, &root));
}
END_TEST

CH_TESTS("decide", CH_TEST_ROWS(test_policy_decides, cases), CH_TEST_ROWS(test_who_may_see_a_key_is_admitted, cases),
         CH_TEST(test_a_refusal_says_why),
         CH_TEST(test_a_refusal_names_what_policy_may_accept_and_what_that_lets_through),
         CH_TEST(test_operators_are_those_that_policy_lists))
