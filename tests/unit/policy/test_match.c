/* One selector at a time against items: what narrows, what widens, what is unknown and what there is not. */
#include "policy/match.h"

#include "exchange/load.h"
#include "exchange/symbols.h"
#include "tests/support/suite.h"

/* clang-format off */
#define SAY(name, text) [CH_FACT_##name] = { CH_FACT_STATED, CH_LITERAL(text), { NULL, 0 } }
#define HIDE(name) [CH_FACT_##name] = { CH_FACT_UNKNOWN, { NULL, 0 }, { NULL, 0 } }
/* clang-format on */

static char *btc_symbols[] = {"BTCUSDT", "ETH*"};
static char *leverage[] = {"leverage", "MARGIN_mode"};
static char *usdt[] = {"USDT"};
static ch_address addresses[] = {
    {.name = "cold",   .asset = "BTC", .network = "BTC",    .address = "bc1q"},
    {.name = "tagged",                .asset = "XRP",               .network = "XRP",     .address = "r1", .tag = "7"},
    {.name = "funding", .asset = "USDT",     .from = "spot",                    .to = "funding"},
    {.name = "any-asset", .from = "spot",.to = "options"},
};
static uint64_t to_cold[] = {1};
static uint64_t to_all[] = {15};
static const ch_policy policy = {.addresses = addresses, .address_count = 4};
static ch_profile *profile; /* whose symbols have one spelling */
static ch_key key;

static void set_up(void)
{
    ch_error err = CH_ERROR_INIT;
    ck_assert_msg(ch_profile_load("profiles/bitvavo.yaml", &profile, &err) == CH_OK, "%s", err.message);
    key.profile = profile;
}

static void tear_down(void)
{
    ch_profile_free(profile);
}

/* clang-format off */
static const ch_item
    limit_order = { .kind = CH_ITEM_ORDER, .facts = { SAY(MARKET, "spot"), SAY(SYMBOL, "btcusdt"), SAY(SIDE, "buy"), SAY(TYPE, "limit"), SAY(PRICE, "1") } },
    taker = { .kind = CH_ITEM_ORDER, .facts = { SAY(MARKET, "spot"), SAY(SYMBOL, "BTCUSDT"), SAY(SIDE, "buy"), SAY(TYPE, "limit"), HIDE(PRICE) } },
    market_order = { .kind = CH_ITEM_ORDER, .facts = { SAY(MARKET, "linear"), SAY(SYMBOL, "ETHUSDT"), SAY(SIDE, "sell"), SAY(TYPE, "market"), SAY(TIME_IN_FORCE, "ioc") } },
    twap = { .kind = CH_ITEM_ORDER, .facts = { SAY(MARKET, "spot"), SAY(TYPE, "twap") } },
    dark = { .kind = CH_ITEM_ORDER, .facts = { HIDE(MARKET), HIDE(SYMBOL), HIDE(SIDE), HIDE(TYPE), HIDE(TIME_IN_FORCE) } },
    cancel = { .kind = CH_ITEM_CANCEL, .facts = { SAY(MARKET, "spot"), SAY(SYMBOL, "BTCUSDT") } },
    cancel_all = { .kind = CH_ITEM_CANCEL, .facts = { SAY(MARKET, "spot") } },
    borrow = { .kind = CH_ITEM_BORROW, .facts = { SAY(ASSET, "usdt"), HIDE(AMOUNT) } },
    withdrawal = { .kind = CH_ITEM_WITHDRAWAL, .facts = { SAY(ASSET, "btc"), SAY(NETWORK, "BTC"), SAY(ADDRESS, "bc1q"), SAY(AMOUNT, "1") } },
    other_case = { .kind = CH_ITEM_WITHDRAWAL, .facts = { SAY(ASSET, "BTC"), SAY(NETWORK, "BTC"), SAY(ADDRESS, "BC1Q"), SAY(AMOUNT, "1") } },
    elsewhere = { .kind = CH_ITEM_WITHDRAWAL, .facts = { SAY(ASSET, "BTC"), SAY(NETWORK, "BTC"), SAY(ADDRESS, "bc1x"), HIDE(AMOUNT) } },
    no_network = { .kind = CH_ITEM_WITHDRAWAL, .facts = { SAY(ASSET, "BTC"), HIDE(NETWORK), SAY(ADDRESS, "bc1q"), SAY(AMOUNT, "1") } },
    tagged = { .kind = CH_ITEM_WITHDRAWAL, .facts = { SAY(ASSET, "XRP"), SAY(NETWORK, "XRP"), SAY(ADDRESS, "r1"), SAY(TAG, "7") } },
    transfer = { .kind = CH_ITEM_TRANSFER, .facts = { SAY(ASSET, "USDT"), SAY(FROM, "spot"), SAY(TO, "funding") } },
    setting = { .kind = CH_ITEM_SETTING, .facts = { SAY(NAME, "margin-mode"), SAY(VALUE, "isolated") } },
    nameless = { .kind = CH_ITEM_SETTING, .facts = { HIDE(NAME), HIDE(VALUE) } },
    reading = { .kind = CH_ITEM_READ };

#define CLASS(name) (1U << CH_CLASS_##name)
#define ITEM(name) (1U << CH_ITEM_##name)

static const struct {
    const char *name;
    const ch_item *item;
    ch_class class_;
    ch_selector selector;
    bool narrows;
    bool covers;
} cases[] = {
    /* name                              item          class              selector                                                       narrows covers */
    { "no selector, a read",             &reading,     CH_CLASS_READ,     { 0 },                                                          true,  true },
    { "no selector, a limit order",      &limit_order, CH_CLASS_TRADE,    { 0 },                                                          true,  true },
    { "another class",                   &limit_order, CH_CLASS_TRADE,    { .classes = CLASS(READ) },                                     false, false },
    { "the class",                       &limit_order, CH_CLASS_TRADE,    { .classes = CLASS(READ) | CLASS(TRADE) },                      true,  true },
    { "no such endpoint",                &limit_order, CH_CLASS_TRADE,    { .has_endpoints = true },                                      false, false },
    { "the market",                      &limit_order, CH_CLASS_TRADE,    { .markets = CH_MARKET_SPOT },                                  true,  true },
    { "another market",                  &limit_order, CH_CLASS_TRADE,    { .markets = CH_MARKET_LINEAR },                                false, false },
    { "an unknown market",               &dark,        CH_CLASS_TRADE,    { .markets = CH_MARKET_LINEAR, .types = 2 },                    true,  false },
    { "any market",                      &limit_order, CH_CLASS_TRADE,    { .is_any_market = true },                                      true,  true },
    { "a read has no market",            &reading,     CH_CLASS_READ,     { .markets = CH_MARKET_SPOT },                                  false, false },
    { "the symbol in lower case",        &limit_order, CH_CLASS_TRADE,    { .symbols = { btc_symbols, 1 } },                              true,  true },
    { "a pattern",                       &market_order, CH_CLASS_TRADE,   { .symbols = { btc_symbols, 2 }, .types = 1 },                  true,  true },
    { "no symbol",                       &twap,        CH_CLASS_TRADE,    { .symbols = { btc_symbols, 2 } },                              true,  false },
    { "another symbol",                  &market_order, CH_CLASS_TRADE,   { .symbols = { btc_symbols, 1 } },                              false, false },
    { "a cancel of all",                 &cancel_all,  CH_CLASS_CANCEL,   { .symbols = { btc_symbols, 1 } },                              true,  false },
    { "a cancel",                        &cancel,      CH_CLASS_CANCEL,   { .symbols = { btc_symbols, 1 } },                              true,  true },
    { "the side",                        &limit_order, CH_CLASS_TRADE,    { .sides = CH_SIDE_BUY },                                       true,  true },
    { "the other side",                  &limit_order, CH_CLASS_TRADE,    { .sides = CH_SIDE_SELL },                                      false, false },
    { "a cancel has no side",            &cancel,      CH_CLASS_CANCEL,   { .sides = CH_SIDE_BUY },                                       false, false },
    { "a cancel-replace's cancel",       &cancel,      CH_CLASS_TRADE,    { .sides = CH_SIDE_BUY, .types = 2 },                           false, true },
    { "its market counts",               &cancel,      CH_CLASS_TRADE,    { .markets = CH_MARKET_MARGIN },                                false, false },
    { "time in force is not said",       &limit_order, CH_CLASS_TRADE,    { .times = 1 },                                                 true,  false },
    { "time in force",                   &market_order, CH_CLASS_TRADE,   { .times = 8, .types = 1 },                                     true,  true },
    { "market orders must be named",     &market_order, CH_CLASS_TRADE,   { 0 },                                                          true,  false },
    { "and so must twap",                &twap,        CH_CLASS_TRADE,    { 0 },                                                          true,  false },
    { "and what takes its price",        &taker,       CH_CLASS_TRADE,    { 0 },                                                          true,  false },
    { "limit orders are named",          &taker,       CH_CLASS_TRADE,    { .types = 2 },                                                 true,  true },
    { "and what nobody can read",        &dark,        CH_CLASS_TRADE,    { 0 },                                                          true,  false },
    { "a log-on has no type",            &dark,        CH_CLASS_SESSION,  { 0 },                                                          true,  true },
    { "nothing is borrowed",             &borrow,      CH_CLASS_TRADE,    { 0 },                                                          true,  false },
    { "borrowing is named",              &borrow,      CH_CLASS_TRADE,    { .items = ITEM(BORROW), .markets = CH_MARKET_MARGIN },         false, true },
    { "borrowing an asset",              &borrow,      CH_CLASS_TRADE,    { .items = ITEM(BORROW), .assets = { usdt, 1 } },               true,  true },
    { "other items",                     &limit_order, CH_CLASS_TRADE,    { .items = ITEM(CANCEL) },                                      false, false },
    { "an order has no asset",           &limit_order, CH_CLASS_TRADE,    { .assets = { usdt, 1 } },                                      false, false },
    { "a setting, '_' for '-'",          &setting,     CH_CLASS_ACCOUNT,  { .settings = { leverage, 2 } },                                true,  true },
    { "another setting",                 &setting,     CH_CLASS_ACCOUNT,  { .settings = { leverage, 1 } },                                false, false },
    { "an unknown setting",              &nameless,    CH_CLASS_ACCOUNT,  { .settings = { leverage, 1 } },                                true,  false },
    { "an order is no setting",          &dark,        CH_CLASS_TRADE,    { .settings = { leverage, 1 } },                                false, false },
    { "to the address",                  &withdrawal,  CH_CLASS_WITHDRAW, { .to = to_cold },                                              true,  true },
    { "in another case",                 &other_case,  CH_CLASS_WITHDRAW, { .to = to_cold },                                              true,  false },
    { "to another address",              &elsewhere,   CH_CLASS_WITHDRAW, { .to = to_all },                                               false, false },
    { "on nobody knows which network",   &no_network,  CH_CLASS_WITHDRAW, { .to = to_cold },                                              true,  false },
    { "with its tag",                    &tagged,      CH_CLASS_WITHDRAW, { .to = to_all },                                               true,  true },
    { "a transfer",                      &transfer,    CH_CLASS_TRANSFER, { .to = to_all },                                               true,  true },
    { "a transfer to cold",              &transfer,    CH_CLASS_TRANSFER, { .to = to_cold },                                              false, false },
    { "anywhere",                        &elsewhere,   CH_CLASS_WITHDRAW, { .is_any_address = true },                                     true,  true },
    { "an order goes nowhere",           &limit_order, CH_CLASS_TRADE,    { .to = to_all },                                               false, false },
    { "expired",                         &reading,     CH_CLASS_READ,     { .expires_ns = 1000 },                                         false, false },
    { "not yet expired",                 &reading,     CH_CLASS_READ,     { .expires_ns = 1001 },                                         true,  true },
};
/* clang-format on */

START_TEST(test_selectors_match_what_they_say)
{
    const ch_entry_rule entry = {.name = "e", .selector = cases[_i].selector};
    const ch_reading_at at = {.class_ = cases[_i].class_};
    const ch_question question = {.policy = &policy, .key = &key, .readings = &at, .reading_count = 1, .now_ns = 1000};
    ch_subject subject;
    ch_subject_read(&subject, &question, &at, cases[_i].item);
    ck_assert_msg(ch_entry_narrows(&entry, &subject) == cases[_i].narrows, "%s: narrows", cases[_i].name);
    ck_assert_msg(ch_allow_covers(&entry, &subject) == cases[_i].covers, "%s: covers", cases[_i].name);
    ck_assert_msg((ch_allow_misses(&entry, &subject) == 0) == cases[_i].covers, "%s: misses", cases[_i].name);
}
END_TEST

START_TEST(test_an_allow_for_everything_needs_no_types)
{
    const ch_entry_rule open = {.name = "e", .is_unlimited = true, .selector = {.is_any_market = true}};
    const ch_entry_rule limited = {.name = "e", .selector = {.is_any_market = true}};
    const ch_reading_at at = {.class_ = CH_CLASS_TRADE};
    const ch_question question = {.policy = &policy, .key = &key, .readings = &at, .reading_count = 1};
    ch_subject subject;
    ch_subject_read(&subject, &question, &at, &dark);
    ck_assert(ch_allow_covers(&open, &subject));
    ck_assert(!ch_allow_covers(&limited, &subject));
    ch_subject_read(&subject, &question, &at, &borrow);
    ck_assert(!ch_allow_covers(&open, &subject));
}
END_TEST

START_TEST(test_what_narrows_a_class_narrows_what_needs_it)
{
    const ch_entry_rule entry = {.name = "e", .selector = {.classes = CLASS(ACCOUNT)}};
    const ch_reading_at at = {.class_ = CH_CLASS_CANCEL, .needs = CLASS(ACCOUNT)};
    const ch_question question = {.policy = &policy, .key = &key, .readings = &at, .reading_count = 1};
    ch_subject subject;
    ch_subject_read(&subject, &question, &at, &cancel);
    ck_assert(ch_entry_narrows(&entry, &subject));
    ck_assert(!ch_allow_covers(&entry, &subject));
    ck_assert(ch_allow_has_class(&entry, &at, CH_CLASS_ACCOUNT));
}
END_TEST

START_TEST(test_a_text_that_is_too_long_is_not_known)
{
    static const uint8_t longest[CH_UPPER_MAX + 1] = {'A'};
    ch_item item = limit_order;
    const ch_reading_at at = {.class_ = CH_CLASS_TRADE};
    const ch_question question = {.policy = &policy, .key = &key, .readings = &at, .reading_count = 1};
    ch_subject subject;
    item.facts[CH_FACT_SYMBOL].text = (ch_slice){longest, sizeof longest};
    ch_subject_read(&subject, &question, &at, &item);
    ck_assert_uint_eq(subject.symbol.size, 0);
}
END_TEST

CH_TESTS_WITH("match", set_up, tear_down, CH_TEST_ROWS(test_selectors_match_what_they_say, cases),
              CH_TEST(test_an_allow_for_everything_needs_no_types),
              CH_TEST(test_what_narrows_a_class_narrows_what_needs_it),
              CH_TEST(test_a_text_that_is_too_long_is_not_known))
