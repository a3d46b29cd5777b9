/* What orders are worth, by hand: figures were worked out with a calculator of arbitrary precision. */
#include "policy/value.h"

#include "exchange/load.h"
#include "tests/support/suite.h"

#include <string.h>

#define NOW_NS (UINT64_C(1764000000) * 1000000000)

static ch_account desk = {.name = "desk", .has_reference_error = true};
static ch_account slip = {.name = "slip", .has_reference_error = true, .has_slippage = true};
static ch_account blind = {.name = "blind", .prices = CH_PRICES_NONE, .has_reference_error = true};
static ch_account vague = {.name = "vague"};
static char *sources[] = {"a"};
static ch_conversion conversions[] = {
    {.from = "USDC", .to = "USDT", .has_rate = true          },
    {.from = "BTC",  .to = "USDT", .max_age_ns = 10000000000U}
};
static const ch_policy policy = {.conversions = conversions, .conversion_count = 2};
static const ch_price_rules rules = {.sources = sources, .source_count = 1, .at_least = 1};
static ch_prices *prices;
static ch_profile *profile; /* whose symbols have one spelling */
static ch_key key;

static ch_decimal decimal(const char *text)
{
    ch_decimal out = CH_DECIMAL_ZERO;
    ck_assert(ch_decimal_read(ch_slice_of(text), &out));
    return out;
}

static void put(const char *pair, const char *price, uint64_t age_s)
{
    ch_error err = CH_ERROR_INIT;
    ch_quote_outcome outcome;
    const ch_quote quote = {CH_LITERAL("a"), ch_slice_of(pair), decimal(price), NOW_NS - age_s * 1000000000};
    ck_assert_msg(ch_prices_put(prices, &quote, NOW_NS, &outcome, &err) == CH_OK, "%s", err.message);
}

static void set_up(void)
{
    desk.reference_error = slip.reference_error = blind.reference_error = decimal("0.005");
    slip.market_slippage = decimal("0.03");
    conversions[0].rate = decimal("1");
    conversions[0].haircut = decimal("0.01");
    conversions[1].haircut = decimal("0.02");
    ch_error err = CH_ERROR_INIT;
    ck_assert_msg(ch_profile_load("profiles/bitvavo.yaml", &profile, &err) == CH_OK, "%s", err.message);
    key.profile = profile;
    prices = ch_prices_new();
    ch_prices_set_rules(prices, &rules);
    put("BTC/USDT", "30000", 1);
    put("BTC/USD", "30000", 61);
    put("ETH/BTC", "0.07", 1);
}

static void tear_down(void)
{
    ch_prices_free(prices);
    ch_profile_free(profile);
}

/* An order in short: empty texts are not said, "?" is unknown. */
typedef struct order {
    const char *market;
    const char *base;
    const char *quote;
    const char *side;
    const char *type;
    ch_unit unit;
    const char *size; /* of a contract, and of which asset */
    const char *of;
    const char *quantity;
    const char *price;
} order;

static void say(ch_item *item, ch_fact_name name, const char *text)
{
    bool is_unknown = strcmp(text, "?") == 0;
    ch_fact_state state = is_unknown ? CH_FACT_UNKNOWN : *text == '\0' ? CH_FACT_NONE : CH_FACT_STATED;
    item->facts[name] = (ch_fact){
        state, is_unknown ? (ch_slice){NULL, 0}
           : ch_slice_of(text), {NULL, 0}
    };
}

static ch_item item_of(const order *from)
{
    ch_item item = {.kind = CH_ITEM_ORDER, .unit = from->unit};
    say(&item, CH_FACT_MARKET, from->market);
    say(&item, CH_FACT_BASE, from->base);
    say(&item, CH_FACT_QUOTE, from->quote);
    say(&item, CH_FACT_SIDE, from->side);
    say(&item, CH_FACT_TYPE, from->type);
    say(&item, CH_FACT_QUANTITY, from->quantity);
    say(&item, CH_FACT_PRICE, from->price);
    item.contract_size = ch_slice_of(from->size);
    item.contract_asset = ch_slice_of(from->of);
    return item;
}

#define BASE CH_UNIT_BASE, "", ""
#define QUOTE CH_UNIT_QUOTE, "", ""
#define OF(size, asset) CH_UNIT_CONTRACTS, size, asset

/* clang-format off */
static const struct {
    const char *name;
    const ch_account *account;
    order order;
    const char *volume; /* NULL: not known */
    const char *value;
    const char *loss;
} cases[] = {
    /* name                            account  market     base   quote   side    type      unit of quantity    q        price       volume   value     loss */
    { "a buy at the reference",        &desk,  { "spot",    "BTC", "USDT", "buy",  "limit",  BASE,               "2",     "30000" },  "2",     "60000",  "298.507462686567164180" },
    { "a buy far below",               &desk,  { "spot",    "BTC", "USDT", "buy",  "limit",  BASE,               "2",     "20000" },  "2",     "60000",  "0" },
    { "a buy above",                   &desk,  { "spot",    "BTC", "USDT", "buy",  "limit",  BASE,               "2",     "31000" },  "2",     "62000",  "2298.507462686567164180" },
    { "a sell at the reference",       &desk,  { "spot",    "BTC", "USDT", "sell", "limit",  BASE,               "2",     "30000" },  "2",     "60000",  "301.507537688442211056" },
    { "a sell below",                  &desk,  { "spot",    "BTC", "USDT", "sell", "limit",  BASE,               "2",     "29000" },  "2",     "60000",  "2301.507537688442211056" },
    { "a sell above",                  &desk,  { "spot",    "BTC", "USDT", "sell", "limit",  BASE,               "2",     "31000" },  "2",     "62000",  "0" },
    { "a buy of 3000 USDT, a limit",   &desk,  { "spot",    "BTC", "USDT", "buy",  "limit",  QUOTE,              "3000",  "60000" },  "0.1",   "3000",   "3014.925373134328358209" },
    { "a sell for 3000, a limit",      &desk,  { "spot",    "BTC", "USDT", "sell", "limit",  QUOTE,              "3000",  "15000" },  "0.2",   "6000",   "3030.150753768844221106" },
    { "a market buy",                  &desk,  { "spot",    "BTC", "USDT", "buy",  "market", BASE,               "2",     "" },       "2",     NULL,     NULL },
    { "a market sell",                 &desk,  { "spot",    "BTC", "USDT", "sell", "market", BASE,               "2",     "" },       "2",     NULL,     "60301.507537688442211056" },
    { "on margin, there is no bottom", &desk,  { "margin",  "BTC", "USDT", "sell", "market", BASE,               "2",     "" },       "2",     NULL,     NULL },
    { "a market buy of 3000 USDT",     &desk,  { "spot",    "BTC", "USDT", "buy",  "market", QUOTE,              "3000",  "" },       "0.1",   "3000",   "3000" },
    { "a market sell for 3000 USDT",   &desk,  { "spot",    "BTC", "USDT", "sell", "market", QUOTE,              "3000",  "" },       NULL,    NULL,     NULL },
    { "without prices, a sell for",    &blind, { "spot",    "BTC", "USDT", "sell", "market", QUOTE,              "3000",  "" },       NULL,    NULL,     NULL },
    { "with slippage, a buy",          &slip,  { "spot",    "BTC", "USDT", "buy",  "market", BASE,               "2",     "" },       "2",     "61800",  "2098.507462686567164180" },
    { "with slippage, a sell",         &slip,  { "spot",    "BTC", "USDT", "sell", "market", BASE,               "2",     "" },       "2",     "61800",  "2101.507537688442211056" },
    { "with slippage, for 2910 USDT",  &slip,  { "spot",    "BTC", "USDT", "sell", "market", QUOTE,              "2910",  "" },       "0.1",   "3000",   "105.075376884422110553" },
    { "a stop is a market order",      &slip,  { "linear",  "BTC", "USDT", "buy",  "stop",   BASE,               "1",     "" },       "1",     "30900",  "1049.253731343283582090" },
    { "contracts of BTC",              &desk,  { "linear",  "BTC", "USDT", "buy",  "limit",  OF("0.01", "btc"),  "10",    "30000" },  "0.1",   "3000",   "14.925373134328358209" },
    { "contracts of USDT",             &desk,  { "linear",  "BTC", "USDT", "sell", "limit",  OF("100", "USDT"),  "30",    "60000" },  "0.1",   "3000",   "0" },
    { "contracts of USDT, cheap",      &desk,  { "linear",  "BTC", "USDT", "buy",  "limit",  OF("100", "USDT"),  "30",    "15000" },  "0.2",   "3000",   "0" },
    { "contracts of EUR",              &desk,  { "linear",  "BTC", "USDT", "buy",  "limit",  OF("1", "EUR"),     "30",    "15000" },  NULL,    NULL,     NULL },
    { "contracts of nobody knows",     &desk,  { "linear",  "BTC", "USDT", "buy",  "limit",  OF("", ""),         "30",    "15000" },  NULL,    NULL,     NULL },
    { "the reference is too old",      &desk,  { "inverse", "BTC", "USD",  "buy",  "limit",  OF("100", "USD"),   "30",    "30000" },  NULL,    "3000",   NULL },
    { "an option",                     &desk,  { "option",  "BTC", "USDT", "buy",  "limit",  BASE,               "1",     "1000" },   "1",     "30000",  NULL },
    { "an unknown market",             &desk,  { "?",       "BTC", "USDT", "buy",  "limit",  BASE,               "1",     "30000" },  "1",     "30000",  NULL },
    { "an unknown price",              &desk,  { "spot",    "BTC", "USDT", "buy",  "limit",  BASE,               "1",     "?" },      "1",     NULL,     NULL },
    { "a price beside none",           &slip,  { "spot",    "BTC", "USDT", "buy",  "market", BASE,               "1",     "1" },      "1",     NULL,     NULL },
    { "an unknown quantity",           &desk,  { "spot",    "BTC", "USDT", "buy",  "limit",  BASE,               "?",     "30000" },  NULL,    NULL,     NULL },
    { "no quantity",                   &desk,  { "linear",  "BTC", "USDT", "buy",  "limit",  BASE,               "",      "30000" },  NULL,    NULL,     NULL },
    { "an unknown side, in quote",     &desk,  { "spot",    "BTC", "USDT", "?",    "limit",  QUOTE,              "3000",  "30000" },  NULL,    NULL,     NULL },
    { "an unknown side, in base",      &desk,  { "spot",    "BTC", "USDT", "?",    "limit",  BASE,               "1",     "30000" },  "1",     "30000",  NULL },
    { "an unknown base",               &desk,  { "spot",    "?",   "USDT", "buy",  "limit",  BASE,               "1",     "30000" },  NULL,    NULL,     NULL },
    { "an unknown quote",              &desk,  { "spot",    "BTC", "?",    "buy",  "limit",  BASE,               "1",     "30000" },  "1",     NULL,     NULL },
    { "nobody quotes it",              &desk,  { "spot",    "XRP", "USDT", "buy",  "limit",  BASE,               "1",     "30000" },  "1",     NULL,     NULL },
    { "without prices, a buy",         &blind, { "spot",    "BTC", "USDT", "buy",  "limit",  BASE,               "2",     "20000" },  "2",     "40000",  NULL },
    { "without prices, a sell",        &blind, { "spot",    "BTC", "USDT", "sell", "limit",  BASE,               "2",     "20000" },  "2",     NULL,     NULL },
    { "without prices, of 3000 USDT",  &blind, { "spot",    "BTC", "USDT", "buy",  "limit",  QUOTE,              "3000",  "20000" },  NULL,    "3000",   NULL },
    { "without prices, for 3000 USDT", &blind, { "spot",    "BTC", "USDT", "sell", "limit",  QUOTE,              "3000",  "20000" },  "0.15",  NULL,     NULL },
    { "no reference error",            &vague, { "spot",    "BTC", "USDT", "buy",  "limit",  BASE,               "1",     "30000" },  "1",     "30000",  NULL },
    { "what does not fit",             &desk,  { "spot",    "BTC", "USDT", "buy",  "limit",  BASE,               "99999999999999999999", "99999999999999999999" }, "99999999999999999999", NULL, NULL },
};
/* clang-format on */

/* A subject of an item that outlives it. */
static ch_pricing price(ch_subject *subject, const ch_item *item, const ch_account *account)
{
    static const ch_reading_at at = {.class_ = CH_CLASS_TRADE};
    const ch_question question = {
        .policy = &policy, .key = &key, .readings = &at, .reading_count = 1, .now_ns = NOW_NS};
    ch_subject_read(subject, &question, &at, item);
    return (ch_pricing){.subject = subject, .account = account, .prices = prices, .age_ns = CH_REFERENCE_AGE_NS};
}

static void assert_worth(const char *name, const char *what, ch_worth worth, const char *expected)
{
    char text[CH_DECIMAL_TEXT_MAX] = "unknown";
    ch_autobuffer why = CH_BUFFER_INIT;
    if (worth.state == CH_WORTH_KNOWN)
        ch_decimal_text(worth.amount, text);
    else
        ch_worth_explain(&worth, &why);
    if (expected == NULL) {
        ck_assert_msg(worth.state != CH_WORTH_KNOWN && why.size > 0, "%s: %s is %s", name, what, text);
        return;
    }
    ck_assert_msg(worth.state == CH_WORTH_KNOWN && ch_decimal_compare(worth.amount, decimal(expected)) == 0,
                  "%s: %s is %s, not %s: %s", name, what, text, expected, ch_buffer_text(&why));
}

START_TEST(test_an_order_is_worth_what_the_formulas_say)
{
    const ch_item item = item_of(&cases[_i].order);
    ch_subject subject;
    ch_pricing pricing = price(&subject, &item, cases[_i].account);
    assert_worth(cases[_i].name, "volume", ch_worth_volume(&pricing), cases[_i].volume);
    assert_worth(cases[_i].name, "value", ch_worth_value(&pricing), cases[_i].value);
    assert_worth(cases[_i].name, "loss", ch_worth_loss(&pricing), cases[_i].loss);
}
END_TEST

START_TEST(test_the_widest_named_collar_prices_what_has_no_price)
{
    const order market = {"spot", "BTC", "USDT", "buy", "market", BASE, "1", ""};
    const ch_item item = item_of(&market);
    const ch_limit two = {.most = decimal("0.02"), .age_ns = 5000000000};
    const ch_limit four = {.most = decimal("0.04"), .age_ns = 90000000000};
    ch_subject subject;
    ch_pricing pricing = price(&subject, &item, &desk);
    ch_pricing_add_collar(&pricing, &four);
    ch_pricing_add_collar(&pricing, &two);
    ck_assert_uint_eq(pricing.age_ns, 5000000000);
    assert_worth("market", "value", ch_worth_value(&pricing), "31200");
    pricing = price(&subject, &item, &slip);
    ch_pricing_add_collar(&pricing, &two);
    assert_worth("what the account states counts", "value", ch_worth_value(&pricing), "30900");
}
END_TEST

START_TEST(test_amounts_are_converted_as_policy_says)
{
    const order eth = {"spot", "ETH", "BTC", "buy", "limit", BASE, "10", "0.07"};
    const ch_item item = item_of(&eth);
    ch_subject subject;
    ch_pricing pricing = price(&subject, &item, &desk);
    ch_worth worth = ch_worth_value(&pricing);
    assert_worth("the same asset", "value", ch_worth_in(&pricing, worth, "btc"), "0.7");
    assert_worth("by a reference", "value", ch_worth_in(&pricing, worth, "USDT"), "21420");
    assert_worth("no conversion", "value", ch_worth_in(&pricing, worth, "USD"), NULL);
    worth.asset = CH_LITERAL("usdc");
    assert_worth("at a rate", "value", ch_worth_in(&pricing, worth, "USDT"), "0.707");
    worth.asset = CH_LITERAL("USDT");
    assert_worth("not the other way", "value", ch_worth_in(&pricing, worth, "USDC"), NULL);
    worth = ch_worth_in(&pricing, ch_worth_loss(&pricing), "USDT");
    assert_worth("loss", "loss", worth, "106.567164179104572");
}
END_TEST

CH_TESTS_WITH("value", set_up, tear_down, CH_TEST_ROWS(test_an_order_is_worth_what_the_formulas_say, cases),
              CH_TEST(test_the_widest_named_collar_prices_what_has_no_price),
              CH_TEST(test_amounts_are_converted_as_policy_says))
