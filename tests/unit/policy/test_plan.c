/* What a signature counts for: how often it can be used, what else it opens, and which allow pays for it. */
#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <stdio.h>
#include <string.h>

#define OPEN_ORDER "POST /open/spot side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000 clientId=c"
#define TERMS "side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000"
#define ORDER "POST /order " TERMS

static decide_rig rig;

static void set_up_with(const char *entries)
{
    char policy[8192];
    (void)snprintf(policy, sizeof policy, "%s%s", decide_head, entries);
    decide_set_up(&rig, policy, NULL);
    decide_set_price(&rig, "BTC/USDT", "30000", 1);
}

static void assert_charge(size_t index, const char *limit, const char *amount, const char *scope)
{
    char text[CH_DECIMAL_TEXT_MAX];
    ck_assert_uint_lt(index, rig.judgement.charge_count);
    const ch_charge *charge = &rig.judgement.charges[index];
    ch_decimal_text(charge->amount, text);
    ck_assert_str_eq(charge->entry->name, limit);
    ck_assert_str_eq(text, amount);
    ck_assert_msg(ch_slice_is(charge->scope, scope), "%.*s", CH_SLICE_ARGS(charge->scope));
}

static void assert_refused(const char *request, const char *rule, const char *message)
{
    ck_assert_int_ne(decide_ask(&rig, request, false), CH_OK);
    ck_assert_str_eq(rig.err.rule, rule);
    if (message != NULL)
        ck_assert_str_eq(rig.err.message, message);
}

#define DAY                                                                                                            \
    "limit: [{name: day, value: \"100000 USDT\", per: 1d}, {name: all, orders: 100, per: 1d}, {name: m, messages: 9, " \
    "per: 1m}]\n"
#define ANY "allow: [{name: a, caller: any, key: any, classes: [trade, cancel], markets: any, unlimited: true}]\n"

START_TEST(test_a_signature_counts_for_each_use)
{
    set_up_with(ANY DAY);
    rig.question.is_once = false;
    rig.question.window_uses = 20;
    ck_assert_msg(decide_ask(&rig, ORDER, false) == CH_OK, "%s", rig.err.message);
    ck_assert_uint_eq(rig.judgement.charge_count, 3);
    assert_charge(0, "all", "20", "caller=maker");
    assert_charge(1, "day", "60000", "account=desk");
    assert_charge(2, "m", "1", "caller=maker");
    assert_refused(ORDER, "day",
                   "60000 USDT (one signature can be used 20 times, and each counts) is more than 40000 USDT, what is "
                   "left of 100000 USDT per 1d, the value limit");
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_a_signature_that_can_be_used_nobody_knows_how_often_is_refused)
{
    set_up_with(ANY DAY);
    rig.question.is_once = false;
    assert_refused(ORDER, "all", NULL);
    ch_key key = *rig.question.key;
    ((ch_key *)rig.question.key)->assume_uses = 2;
    ck_assert_msg(decide_ask(&rig, ORDER, false) == CH_OK, "%s", rig.err.message);
    assert_charge(1, "day", "6000", "account=desk");
    ((ch_key *)rig.question.key)->assume_uses = key.assume_uses;
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_the_largest_reading_counts)
{
    set_up_with("allow: [{name: a, caller: any, key: any, classes: [trade, cancel], markets: any, unlimited: true}]\n"
                "limit: [{name: day, markets: [linear], value: \"100000 USDT\", per: 1d}, {name: both, value: \"100000 "
                "USDT\", per: 1d}, {name: m, messages: 9, per: 1m}]\n");
    ck_assert_msg(decide_ask(&rig, OPEN_ORDER, false) == CH_OK, "[%s] %s", rig.err.rule, rig.err.message);
    ck_assert_uint_ge(rig.question.reading_count, 3);
    ck_assert_uint_eq(rig.judgement.charge_count, 3);
    assert_charge(0, "both", "3000", "account=desk");
    assert_charge(1, "m", "1", "caller=maker");
    assert_charge(2, "day", "3000", "account=desk");
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_endpoints_that_each_take_it_once_add_up)
{
    set_up_with(ANY DAY);
    rig.question.is_once_by_id = true;
    ck_assert_msg(decide_ask(&rig, OPEN_ORDER, false) == CH_OK, "[%s] %s", rig.err.rule, rig.err.message);
    assert_charge(0, "all", "2", "caller=maker");
    assert_charge(1, "day", "6000", "account=desk");
    assert_charge(2, "m", "1", "caller=maker");
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_what_a_signature_opens_must_be_allowed)
{
    set_up_with("allow: [{name: a, caller: any, key: any, classes: [trade], markets: [spot], unlimited: true}]\n");
    assert_refused(OPEN_ORDER, "confusion", NULL);
    decide_tear_down(&rig);
    set_up_with("allow: [{name: a, caller: any, key: any, classes: [trade], markets: [spot], unlimited: true}, {name: "
                "b, caller: any, key: any, classes: [cancel]}]\n");
    assert_refused(OPEN_ORDER, "confusion",
                   "this signature would also open POST /open/linear, and no allow covers this order; 'a' comes "
                   "nearest, but not by its markets (its market is linear)");
    decide_tear_down(&rig);
}
END_TEST

/* A read at an exchange whose signatures cover neither method nor path. */
START_TEST(test_a_refusal_names_what_policy_may_accept)
{
    decide_set_up(&rig,
                  "version: 1\ncallers: {maker: {uid: 1000}}\npeople: {alice: {uid: 1, roles: [operator]}}\n"
                  "keys: {b: {token: main, object: \"pkcs11:object=b\", profile: binance, scheme: hmac, key_id: id}}\n"
                  "allow: [{name: a, caller: maker, key: b, classes: [read, cancel]}]\n",
                  "profiles");
    assert_refused("GET /api/v3/account", "confusion", NULL);
    ck_assert_ptr_nonnull(strstr(rig.err.message, "as in "));
    ck_assert_ptr_nonnull(strstr(rig.err.message, "allow that class, or set accepts: ["));
    ck_assert_ptr_nonnull(strstr(rig.err.message, "which lets callers "));
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_a_deny_for_a_symbol_is_not_for_all_orders_that_open_a_cancel)
{
    set_up_with(ANY "deny: [{name: d, symbols: [ETHUSDT]}]\n");
    ck_assert_msg(decide_ask(&rig, OPEN_ORDER, false) == CH_OK, "[%s] %s", rig.err.rule, rig.err.message);
    decide_tear_down(&rig);
    set_up_with(ANY "deny: [{name: d, classes: [cancel], symbols: [ETHUSDT]}]\n");
    assert_refused(OPEN_ORDER, "d", NULL);
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_what_is_taken_can_be_given_back)
{
    set_up_with(ANY "limit: [{name: day, value: \"3000 USDT\", per: 1d}]\n");
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(decide_ask(&rig, ORDER, true), CH_OK); /* only asked */
        ck_assert_int_eq(decide_ask(&rig, ORDER, false), CH_OK);
        ck_assert_int_eq(decide_ask(&rig, ORDER, true), CH_REFUSED);
        ck_assert_uint_eq(rig.judgement.charge_count, 0);
        ch_levels_return(rig.levels, &rig.taken[0]);
    }
    decide_tear_down(&rig);
}
END_TEST

/* One of its orders would have room by itself, but that is not what was asked. */
START_TEST(test_a_batch_that_never_fits_does_not_use_a_limit_up)
{
    set_up_with(ANY "limit: [{name: day, orders: 2, per: 1m, then: halted, until: operator}]\n");
    ck_assert_int_eq(decide_ask(&rig, ORDER, false), CH_OK);
    ck_assert_int_eq(decide_ask(&rig, ORDER, false), CH_OK);
    ck_assert_int_eq(decide_ask(&rig, "POST /batch many=[ { " TERMS " } { " TERMS " } { " TERMS " } ]", false),
                     CH_REFUSED);
    ck_assert_str_eq(rig.judgement.refusal.asked, "3");
    ck_assert(!rig.judgement.refusal.is_used_up);
    ck_assert_uint_eq(rig.judgement.refusal.retry_after_ns, 0);
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_a_refusal_has_figures_and_says_when_to_come_back)
{
    set_up_with(ANY "limit: [{name: day, orders: 2, per: 1m, then: halted, until: operator}]\n");
    ck_assert_int_eq(decide_ask(&rig, ORDER, false), CH_OK);
    ck_assert_int_eq(decide_ask(&rig, ORDER, false), CH_OK);
    ck_assert_int_eq(decide_ask(&rig, ORDER, false), CH_TOO_OFTEN);
    const ch_refusal *refusal = &rig.judgement.refusal;
    ck_assert_str_eq(refusal->control, "order-count");
    ck_assert_str_eq(refusal->limit, "2");
    ck_assert_str_eq(refusal->asked, "1");
    ck_assert_str_eq(refusal->left, "0");
    ck_assert_str_eq(refusal->entry->name, "day");
    ck_assert(refusal->is_used_up);
    ck_assert_uint_ge(refusal->retry_after_ns, 59000000000U);
    ck_assert_uint_le(refusal->retry_after_ns, 62000000000U);
    rig.question.is_once = false;
    rig.question.window_uses = 3;
    ck_assert_int_eq(decide_ask(&rig, ORDER, false), CH_REFUSED);
    ck_assert(!refusal->is_used_up); /* it never fits */
    ck_assert_uint_eq(refusal->retry_after_ns, 0);
    decide_tear_down(&rig);
}
END_TEST

/* ---- choices ---- */

#define TWO(a, b)                                                                                                      \
    "allow:\n  - {name: a, caller: any, key: any, classes: [trade], markets: any, " a "}\n"                            \
    "  - {name: b, caller: any, key: any, classes: [trade], markets: any, " b "}\n"                                    \
    "limit:\n  - {name: l, value: \"3000 USDT\", per: 1d}\n  - {name: m, value: \"3000 USDT\", per: 1d}\n"

START_TEST(test_the_first_allow_by_name_pays)
{
    set_up_with(TWO("limits: [m]", "limits: [l]"));
    ck_assert_int_eq(decide_ask(&rig, ORDER, false), CH_OK);
    ck_assert_uint_eq(rig.judgement.charge_count, 1);
    assert_charge(0, "m", "3000", "account=desk");
    ck_assert_str_eq(rig.judgement.allowed_by->name, "a");
    ck_assert_int_eq(decide_ask(&rig, ORDER, false), CH_OK);
    assert_charge(0, "l", "3000", "account=desk");
    ck_assert_str_eq(rig.judgement.allowed_by->name, "b");
    ck_assert_str_eq(rig.err.message, "");
    assert_refused(ORDER, "m", NULL);
    decide_tear_down(&rig);
}
END_TEST

/* The first takes what only the second could have: it must step back. */
START_TEST(test_a_batch_finds_the_choice_that_fits)
{
    set_up_with(TWO("limits: [l]", "sides: [buy], limits: [m]"));
    ck_assert_msg(
        decide_ask(&rig,
                   "POST /batch many=[ { side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000 } { side=SELL "
                   "type=limit symbol=BTCUSDT qty=0.1 price=30000 } ]",
                   false) == CH_OK,
        "%s", rig.err.message);
    ck_assert_uint_eq(rig.judgement.charge_count, 2);
    assert_charge(0, "m", "3000", "account=desk");
    assert_charge(1, "l", "3000", "account=desk");
    decide_tear_down(&rig);
}
END_TEST

/* Such a policy does not load; if it did, any amount of another asset would pass. */
START_TEST(test_an_asset_that_no_limit_counts_is_refused)
{
    set_up_with("allow: [{name: a, caller: any, key: any, classes: [withdraw], to: any, assets: [BTC], limits: [l]}]\n"
                "limit: [{name: l, amount: \"2 BTC\", per: 1d}]\n");
    size_t *count = &rig.policy.entries[0].selector.assets.count;
    *count = 0;
    ck_assert_int_eq(decide_ask(&rig, "POST /withdraw coin=BTC net=BTC addr=x amount=1", false), CH_OK);
    assert_refused("POST /withdraw coin=ETH net=ETH addr=x amount=1", "l",
                   "no limit that 'a' names counts ETH; name one that does");
    *count = 1;
    decide_tear_down(&rig);
}
END_TEST

/* ---- trace ---- */

static void note(void *context, const ch_trace *line)
{
    static const char marks[] = "+-oxr";
    ch_buffer_add_format(context, "%c%s ", marks[line->verdict], line->entry->name);
}

START_TEST(test_whoever_asks_why_sees_every_entry)
{
    ch_autobuffer seen = CH_BUFFER_INIT;
    set_up_with(
        "allow: [{name: a, caller: any, key: any, classes: [trade], markets: [linear], unlimited: true}, {name: b, "
        "caller: any, key: any, classes: [trade], markets: [spot], limits: [l, w]}]\n"
        "deny: [{name: d, symbols: [ETHUSDT]}]\n"
        "limit: [{name: l, order_value: \"5000 USDT\"}, {name: n, order_value: \"1000 USDT\", symbols: "
        "[ETHUSDT]}, {name: w, value: \"2000 USDT\", per: 1d}]\n"
        "require: [{name: r, classes: [withdraw], code: true}]\n");
    rig.question.trace = note;
    rig.question.trace_context = &seen;
    ck_assert_int_eq(decide_ask(&rig, ORDER, true), CH_REFUSED);
    ck_assert_str_eq(ch_buffer_text(&seen), "-a +b -d ol -r xw ");
    ch_buffer_clear(&seen); /* also if something refuses it before its windows are asked */
    ck_assert_int_eq(decide_ask(&rig, "POST /order side=BUY type=limit symbol=BTCUSDT qty=0.2 price=30000", true),
                     CH_REFUSED);
    ck_assert_str_eq(rig.err.rule, "l");
    ck_assert_str_eq(rig.judgement.refusal.asked, "6000 USDT");
    ck_assert_str_eq(ch_buffer_text(&seen), "-a +b -d xl -r xw ");
    ck_assert_uint_eq(rig.judgement.charge_count, 0);
    ch_buffer_clear(&seen);
    ck_assert_int_eq(decide_ask(&rig, "POST /order side=BUY type=limit symbol=XRPUSDT qty=0.2 price=1", true),
                     CH_REFUSED);
    ck_assert_str_eq(rig.err.rule, "l");
    ck_assert_int_eq(decide_ask(&rig, "POST /margin side=BUY type=limit symbol=XRPUSDT qty=0.2 price=1", true),
                     CH_REFUSED);
    ck_assert_str_eq(rig.err.rule, "allow");
    decide_tear_down(&rig);
}
END_TEST

/* An allow that refuses stands before one that does not: what is asked out of curiosity is decided alike. */
START_TEST(test_whoever_asks_why_gets_the_same_answer)
{
    ch_autobuffer seen = CH_BUFFER_INIT;
    set_up_with("allow: [{name: a, caller: any, key: any, classes: [trade], markets: any, limits: [l, v]}, {name: b, "
                "caller: any, key: any, classes: [trade], markets: any, limits: [w]}]\n"
                "limit: [{name: l, order_value: \"1 USDT\"}, {name: v, value: \"9000 USDT\", per: 1d}, {name: w, "
                "value: \"9000 USDT\", per: 1d}]\n");
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(decide_ask(&rig, ORDER, true), CH_OK);
        ck_assert_uint_eq(rig.judgement.charge_count, 1);
        assert_charge(0, "w", "3000", "account=desk");
        ck_assert_str_eq(rig.judgement.allowed_by->name, "b");
        rig.question.trace = note;
        rig.question.trace_context = &seen;
    }
    decide_tear_down(&rig);
}
END_TEST

/* ---- raw bytes ---- */

#define EVERYTHING                                                                                                     \
    "{name: a, caller: any, key: [r], classes: [read, trade, cancel, transfer, withdraw, keys, account, session], "    \
    "markets: any, to: any, unlimited: true}"

/* clang-format off */
static const struct {
    const char *name;
    const char *entries;
    const char *key;
    const char *rule;
} raw[] = {
    { "everything is open",         "allow: [" EVERYTHING "]\n",                                                    "r", NULL },
    { "the key signs no raw bytes", "allow: [{name: a, caller: any, key: k, classes: [read]}]\n",                   "k", "raw" },
    { "some classes",               "allow: [{name: a, caller: any, key: r, classes: [read, cancel]}]\n",           "r", "class" },
    { "some symbols",               "allow: [{name: a, caller: any, key: r, classes: [trade], markets: any, symbols: [BTCUSDT], unlimited: true}, {name: b, caller: any, key: r, classes: [read, cancel, transfer, withdraw, keys, account, session], to: any, unlimited: true}]\n", "r", "class" },
    { "two allows together",        "allow: [{name: a, caller: any, key: r, classes: [trade], markets: any, unlimited: true}, {name: b, caller: any, key: r, classes: [read, cancel, transfer, withdraw, keys, account, session], to: any, unlimited: true}]\n", "r", NULL },
    { "a deny",                     "allow: [" EVERYTHING "]\ndeny: [{name: d, symbols: [BTCUSDT]}]\n",                   "r", "d" },
    { "a deny for others",          "allow: [" EVERYTHING "]\ndeny: [{name: d, key: k, symbols: [BTCUSDT]}]\n",           "r", NULL },
    { "a limit",                    "allow: [" EVERYTHING "]\nlimit: [{name: l, order_value: \"5 USDT\"}]\n",       "r", "l" },
    { "a requirement",              "allow: [" EVERYTHING "]\nrequire: [{name: q, code: true}]\n",                  "r", "q" },
    { "messages can be counted",    "allow: [" EVERYTHING "]\nlimit: [{name: l, messages: 5, per: 1s}]\n",          "r", NULL },
};
/* clang-format on */

START_TEST(test_raw_bytes_need_everything)
{
    set_up_with(raw[_i].entries);
    decide_set_who(&rig, "maker", raw[_i].key);
    rig.question.is_raw = true;
    rig.question.reading_count = 0;
    ch_status st = decide_judge(&rig, false);
    ck_assert_msg((st == CH_OK) == (raw[_i].rule == NULL), "%s: [%s] %s", raw[_i].name, rig.err.rule, rig.err.message);
    if (raw[_i].rule != NULL)
        ck_assert_str_eq(rig.err.rule, raw[_i].rule);
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_who_may_see_a_key_has_an_allow_for_it)
{
    ch_error err = CH_ERROR_INIT;
    set_up_with("allow: [{name: a, caller: maker, key: k, classes: [read]}]\n");
    ck_assert(ch_policy_may_see(&rig.policy, rig.question.key, &rig.callers));
    decide_set_who(&rig, "dca", "k");
    ck_assert(!ch_policy_may_see(&rig.policy, rig.question.key, &rig.callers));
    ck_assert_int_eq(ch_policy_admit(&rig.policy, rig.question.key, &rig.callers, &err), CH_REFUSED);
    ch_error other = CH_ERROR_INIT;
    ck_assert_int_eq(ch_policy_refuse_key(CH_LITERAL("k"), &other), CH_REFUSED);
    ck_assert_str_eq(err.message, other.message);
    ck_assert_str_eq(err.rule, "grant");
    decide_tear_down(&rig);
}
END_TEST

CH_TESTS("plan", CH_TEST(test_a_refusal_names_what_policy_may_accept), CH_TEST(test_a_signature_counts_for_each_use),
         CH_TEST(test_a_signature_that_can_be_used_nobody_knows_how_often_is_refused),
         CH_TEST(test_the_largest_reading_counts), CH_TEST(test_endpoints_that_each_take_it_once_add_up),
         CH_TEST(test_what_a_signature_opens_must_be_allowed),
         CH_TEST(test_a_deny_for_a_symbol_is_not_for_all_orders_that_open_a_cancel),
         CH_TEST(test_what_is_taken_can_be_given_back), CH_TEST(test_a_batch_that_never_fits_does_not_use_a_limit_up),
         CH_TEST(test_a_refusal_has_figures_and_says_when_to_come_back), CH_TEST(test_the_first_allow_by_name_pays),
         CH_TEST(test_a_batch_finds_the_choice_that_fits), CH_TEST(test_an_asset_that_no_limit_counts_is_refused),
         CH_TEST(test_whoever_asks_why_sees_every_entry), CH_TEST(test_whoever_asks_why_gets_the_same_answer),
         CH_TEST_ROWS(test_raw_bytes_need_everything, raw), CH_TEST(test_who_may_see_a_key_has_an_allow_for_it))
