/* What the agent's own record adds to an amendment, and what it must not add; and what the record says of a cancel. */
#include "policy/amend.h"

#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <stdio.h>
#include <string.h>

static const char entries[] =
    "states: {halted: {classes: [read, cancel], keep_stops: true}}\n"
    "allow: [{name: a, caller: any, key: any, classes: [trade, cancel], markets: any, limits: [l]}, {name: n, caller: "
    "any, key: any, classes: [trade], markets: any, symbols: [ETHUSDT], limits: [l]}]\n"
    "deny: [{name: d, symbols: [ETHUSDT]}]\n"
    "limit: [{name: l, order_value: \"3000 USDT\"}]\n";

static decide_rig rig;
static ch_item recorded;

static const ch_item *look_up(const void *context, const ch_key *key, ch_slice order)
{
    (void)context;
    ck_assert_ptr_nonnull(key);
    return ch_slice_is(order, "c1") ? &recorded : NULL;
}

static void say(ch_fact_name name, const char *text, const char *param)
{
    recorded.facts[name] = (ch_fact){CH_FACT_STATED, ch_slice_of(text), ch_slice_of(param)};
}

/* A limit order for 0.1 BTC, as it was placed with the client id c1. */
static void set_up(void)
{
    char policy[8192];
    (void)snprintf(policy, sizeof policy, "%s%s", decide_head, entries);
    decide_set_up(&rig, policy, NULL);
    decide_set_price(&rig, "BTC/USDT", "30000", 1);
    rig.question.look_up = look_up;
    recorded = (ch_item){.kind = CH_ITEM_ORDER};
    say(CH_FACT_MARKET, "spot", "");
    say(CH_FACT_SYMBOL, "BTCUSDT", "symbol");
    say(CH_FACT_BASE, "BTC", "symbol");
    say(CH_FACT_QUOTE, "USDT", "symbol");
    say(CH_FACT_SIDE, "buy", "side");
    say(CH_FACT_TYPE, "limit", "type");
    say(CH_FACT_QUANTITY, "0.1", "qty");
    say(CH_FACT_PRICE, "30000", "price");
    say(CH_FACT_CLIENT_ID, "c1", "clientId");
}

static void tear_down(void)
{
    decide_tear_down(&rig);
}

/* clang-format off */
static const struct {
    const char *name;
    const char *request;
    const char *rule; /* NULL: allowed */
} cases[] = {
    /* name                                        request                                                  rule */
    { "nothing but the order",                     "POST /amend origClientId=c1",                           NULL },
    { "a new price",                               "POST /amend origClientId=c1 price=29990",               NULL },
    { "a price that makes it too large",           "POST /amend origClientId=c1 price=30001",               "l" },
    { "a quantity that makes it too large",        "POST /amend origClientId=c1 qty=0.11",                  "l" },
    { "both",                                      "POST /amend origClientId=c1 qty=0.05 price=60000",      NULL },
    { "an order that is not recorded",             "POST /amend origClientId=c2 qty=0.01",                  "allow" },
    { "the exchange's number of it",               "POST /amend orderId=c1 qty=0.01",                       "allow" },
    { "no order at all",                           "POST /amend qty=0.01",                                  "allow" },
    { "a type that cannot be read stays unknown",  "POST /amend origClientId=c1 type=odd",                  "allow" },
    { "another symbol than the record's",          "POST /amend origClientId=c1 symbol=ETHUSDT",            "allow" },
    { "another side",                              "POST /amend origClientId=c1 side=SELL",                 "allow" },
    { "the record's symbol and side",              "POST /amend origClientId=c1 symbol=BTCUSDT side=BUY",   NULL },
};
/* clang-format on */

START_TEST(test_what_is_unsaid_is_taken_from_the_record)
{
    ch_status st = decide_ask(&rig, cases[_i].request, false);
    ck_assert_msg((st == CH_OK) == (cases[_i].rule == NULL), "%s: [%s] %s", cases[_i].name, rig.err.rule,
                  rig.err.message);
    if (cases[_i].rule != NULL)
        ck_assert_str_eq(rig.err.rule, cases[_i].rule);
}
END_TEST

START_TEST(test_what_is_unknown_of_the_record_stays_unknown)
{
    recorded.facts[CH_FACT_PRICE] = (ch_fact){
        CH_FACT_UNKNOWN, {NULL, 0},
         CH_LITERAL("peg")
    };
    ck_assert_int_eq(decide_ask(&rig, "POST /amend origClientId=c1", false), CH_REFUSED);
    ck_assert_str_eq(rig.judgement.refusal.fact, "price");
    ck_assert_int_eq(decide_ask(&rig, "POST /amend origClientId=c1 price=29990", false), CH_OK);
}
END_TEST

START_TEST(test_a_contract_keeps_its_size)
{
    static const ch_item amendment = {
        .kind = CH_ITEM_ORDER,
        .is_amendment = true,
        .facts = {[CH_FACT_QUANTITY] = {CH_FACT_STATED, CH_LITERAL("5"), CH_LITERAL("lots")},
                  [CH_FACT_SYMBOL] = {CH_FACT_UNKNOWN, {NULL, 0}, {NULL, 0}}},
        .unit = CH_UNIT_CONTRACTS,
    };
    ch_item out;
    recorded.unit = CH_UNIT_CONTRACTS;
    recorded.contract_size = CH_LITERAL("100");
    recorded.contract_asset = CH_LITERAL("USD");
    ch_amend_complete(&amendment, &recorded, &out);
    ck_assert(ch_slice_is(out.facts[CH_FACT_QUANTITY].text, "5") && ch_slice_is(out.contract_size, "100"));
    recorded.unit = CH_UNIT_BASE;
    ch_amend_complete(&amendment, &recorded, &out);
    ck_assert_uint_eq(out.contract_size.size, 0);
}
END_TEST

/* ---- states ---- */

static void set_state(ch_state_of of, const char *name, ch_trading state, uint64_t until_ns)
{
    const ch_state_row row = {of, ch_slice_of(name), state, until_ns, CH_LITERAL("day")};
    ch_states_set(rig.states, &row);
}

#define ORDER "POST /order side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000"
#define REDUCE "POST /linear side=SELL type=limit symbol=BTCUSDT qty=0.1 price=30000 reduce=true"

/* clang-format off */
static const struct {
    const char *name;
    ch_trading state;
    const char *request;
    bool is_let;
} passing[] = {
    /* name                                   state                  request                                              let */
    { "active",                               CH_TRADING_ACTIVE,     ORDER,                                               true },
    { "an order while reducing",              CH_TRADING_REDUCING,   ORDER,                                               false },
    { "one that reduces",                     CH_TRADING_REDUCING,   REDUCE,                                              true },
    { "one that says it does, on spot",       CH_TRADING_REDUCING,   "POST /margin side=SELL type=limit symbol=BTCUSDT qty=0.1 price=30000 reduce=true", false },
    { "one that does not",                    CH_TRADING_REDUCING,   "POST /linear side=SELL type=limit symbol=BTCUSDT qty=0.1 price=30000 reduce=false", false },
    { "a cancel while reducing",              CH_TRADING_REDUCING,   "DELETE /order symbol=BTCUSDT",                      true },
    { "disarming while reducing",             CH_TRADING_REDUCING,   "POST /timeout timeout=0",                           false },
    { "one that reduces while halted",        CH_TRADING_HALTED,     REDUCE,                                              false },
    { "a cancel of a limit order",            CH_TRADING_HALTED,     "DELETE /order symbol=BTCUSDT origClientId=c1",      true },
    { "a cancel of nobody knows what",        CH_TRADING_HALTED,     "DELETE /order symbol=BTCUSDT origClientId=c2",      false },
    { "a cancel of all",                      CH_TRADING_HALTED,     "DELETE /order symbol=BTCUSDT",                      false },
};
/* clang-format on */

START_TEST(test_a_state_lets_pass_what_it_says)
{
    set_state(CH_STATE_OF_CALLER, "maker", passing[_i].state, 0);
    ch_status st = decide_ask(&rig, passing[_i].request, false);
    bool is_refused = st == CH_REFUSED && (strcmp(rig.err.rule, "state") == 0 || strcmp(rig.err.rule, "class") == 0);
    ck_assert_msg(passing[_i].is_let ? st == CH_OK : is_refused, "%s: [%s] %s", passing[_i].name, rig.err.rule,
                  rig.err.message);
}
END_TEST

START_TEST(test_a_stop_is_kept_while_halted)
{
    set_state(CH_STATE_OF_KEY, "k", CH_TRADING_HALTED, 0);
    say(CH_FACT_TYPE, "stop-limit", "type");
    ck_assert_int_eq(decide_ask(&rig, "DELETE /order symbol=BTCUSDT origClientId=c1", false), CH_REFUSED);
    ck_assert_str_eq(rig.err.message, "key 'k' is halted by day, until an admin thaws it: it keeps stop "
                                      "orders, and this may cancel one");
}
END_TEST

START_TEST(test_a_state_that_ends_says_when)
{
    set_state(CH_STATE_OF_CALLER, "maker", CH_TRADING_REDUCING, DECIDE_NOW_NS + 5000);
    ck_assert_int_eq(decide_ask(&rig, ORDER, false), CH_REFUSED);
    ck_assert_str_eq(rig.err.rule, "state");
    ck_assert_str_eq(rig.judgement.refusal.control, "reducing");
    ck_assert_uint_eq(rig.judgement.refusal.retry_after_ns, 5000);
    rig.question.now_ns += 5000;
    ck_assert_msg(decide_ask(&rig, ORDER, false) == CH_OK, "%s", rig.err.message);
}
END_TEST

CH_TESTS_WITH("amend", set_up, tear_down, CH_TEST_ROWS(test_what_is_unsaid_is_taken_from_the_record, cases),
              CH_TEST(test_what_is_unknown_of_the_record_stays_unknown), CH_TEST(test_a_contract_keeps_its_size),
              CH_TEST_ROWS(test_a_state_lets_pass_what_it_says, passing), CH_TEST(test_a_stop_is_kept_while_halted),
              CH_TEST(test_a_state_that_ends_says_when))
