/* Whole decisions: a policy, a request, and what is said of it. */
#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <stdio.h>
#include <string.h>

/* Entries that the tables below ask. */
static const char entries[] =
    "allow:\n"
    "  - {name: quotes, caller: maker, key: k, classes: [trade], markets: [spot], symbols: [BTCUSDT, ETHUSDT], limits: "
    "[size, collar, day]}\n"
    "  - {name: rest, caller: maker, key: k, classes: [read, cancel]}\n"
    "limit:\n"
    "  - {name: size, order_value: \"5000 USDT\"}\n"
    "  - {name: collar, price_within: \"2 %\", price_age: 5s}\n"
    "  - {name: day, value: \"8000 USDT\", per: 24h, by: caller, then: halted, until: operator}\n";

static decide_rig rig;

static void set_up_with(const char *more)
{
    static char policy[16384];
    (void)snprintf(policy, sizeof policy, "%s%s", decide_head, more);
    decide_set_up(&rig, policy, NULL);
    decide_set_price(&rig, "BTC/USDT", "30000", 1);
    decide_set_price(&rig, "ETH/USDT", "2000", 1);
}

#define BUY(symbol, qty, price) "POST /order side=BUY type=limit symbol=" symbol " qty=" qty " price=" price

/* clang-format off */
static const struct {
    const char *name;
    const char *request;
    const char *rule; /* NULL: allowed */
    const char *message;
} cases[] = {
    /* name                          request                                                      rule          message */
    { "a small order",               BUY("BTCUSDT", "0.1", "30000"),                              NULL,         NULL },
    { "at the limit",                BUY("BTCUSDT", "0.1666", "30000"),                           NULL,         NULL },
    { "too large",                   BUY("BTCUSDT", "0.2", "30000"),                              "size",       "6000 USDT is more than 5000 USDT, the maximum order value" },
    { "a hair too large",            BUY("BTCUSDT", "0.166666666666666667", "30000"),             "size",       "5000.00000000000001 USDT is more than 5000 USDT, the maximum order value" },
    { "a low price hides no value",  BUY("BTCUSDT", "0.2", "29500"),                              "size",       "6000 USDT is more than 5000 USDT, the maximum order value" },
    { "a high price counts",         BUY("BTCUSDT", "0.1666", "30600"),                           "size",       "5097.96 USDT is more than 5000 USDT, the maximum order value" },
    { "above the collar",            BUY("BTCUSDT", "0.1", "30601"),                              "collar",     "its price of 30601 is 2.0033333333333334 % above the reference of 30000, and the price collar is 2 %" },
    { "at the collar",               BUY("BTCUSDT", "0.1", "30600"),                              NULL,         NULL },
    { "below the collar",            BUY("BTCUSDT", "0.1", "29399"),                              "collar",     "its price of 29399 is 2.0033333333333334 % below the reference of 30000, and the price collar is 2 %" },
    { "a pair without a price",      "POST /order side=BUY type=limit symbol=XXXUSDT qty=1 price=1", "allow",   "no allow covers this order; 'quotes' comes nearest, but not by its symbols (its symbol is XXXUSDT)" },
    { "another market",              "POST /linear side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000", "allow", "no allow covers this order; 'quotes' comes nearest, but not by its markets (its market is linear)" },
    { "no quantity",                 "POST /order side=BUY type=limit symbol=BTCUSDT price=30000", "day",       "the value of this order is not known, and the value limit needs it: its quantity is unknown" },
    { "no price",                    "POST /order side=BUY type=limit symbol=BTCUSDT qty=0.1",    "allow",      "no allow covers this order; 'quotes' comes nearest, but not by its types (its price is unknown)" },
    { "a hidden price",              BUY("BTCUSDT", "0.1", "30000") " peg=x",                     "allow",      "no allow covers this order; 'quotes' comes nearest, but not by its types (its price is unknown)" },
    { "market orders aren't named",  "POST /order side=BUY type=market symbol=BTCUSDT qty=0.1",   "allow",      "no allow covers this order; 'quotes' comes nearest, but not by its types (its type is market)" },
    { "an unknown type",             "POST /order side=BUY type=odd symbol=BTCUSDT qty=0.1",      "allow",      "no allow covers this order; 'quotes' comes nearest, but not by its types (its type is unknown)" },
    { "no symbol",                   "POST /order side=BUY type=limit qty=0.1 price=1",           "allow",      "no allow covers this order; 'quotes' comes nearest, but not by its symbols (its symbol is unknown)" },
    { "a far trigger",               "POST /order side=BUY type=stopl symbol=BTCUSDT qty=0.1 price=30000 stop=40000", "collar", NULL },
    { "a batch adds up",             "POST /batch many=[ { side=BUY type=limit symbol=BTCUSDT qty=0.15 price=30000 } { side=BUY type=limit symbol=BTCUSDT qty=0.15 price=30000 } ]", "day", "9000 USDT is more than 8000 USDT per 1d, the value limit" },
    { "a batch with one too large",  "POST /batch many=[ { side=BUY type=limit symbol=BTCUSDT qty=0.01 price=30000 } { side=BUY type=limit symbol=BTCUSDT qty=0.2 price=30000 } ]", "size", NULL },
    { "a small batch",               "POST /batch many=[ { side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000 } { side=SELL type=limit symbol=ETHUSDT qty=1 price=2000 } ]", NULL, NULL },
    { "an amendment, unrecorded",    "POST /amend symbol=BTCUSDT qty=0.1 origClientId=x",         "allow",      NULL },
    { "a cancel-replace",            "POST /replace side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000 origClientId=x", NULL, NULL },
    { "a cancel-replace, too large", "POST /replace side=BUY type=limit symbol=BTCUSDT qty=1 price=30000 origClientId=x", "size", NULL },
    { "nothing is read of it",       "POST /unread",                                              "allow",      NULL },
    { "a read",                      "GET /x",                                                    NULL,         NULL },
    { "a cancel",                    "DELETE /order symbol=XXXUSDT",                              NULL,         NULL },
    { "a class that is not allowed", "POST /set name=leverage value=3",                           "class",      "this caller may not have requests of class 'account' signed with key 'k'" },
    { "a dead man's switch",         "POST /timeout timeout=60",                                  NULL,         NULL },
    { "disarming it",                "POST /timeout timeout=0",                                   "class",      "a value of this request needs class 'account', which this caller may not have signed with key 'k'" },
    { "a log-on",                    "POST /logon",                                               "class",      NULL },
};
/* clang-format on */

START_TEST(test_an_order_is_judged_by_what_it_means)
{
    set_up_with(entries);
    ch_status st = decide_ask(&rig, cases[_i].request, false);
    ck_assert_msg((st == CH_OK) == (cases[_i].rule == NULL), "%s: [%s] %s", cases[_i].name, rig.err.rule,
                  rig.err.message);
    if (cases[_i].rule != NULL)
        ck_assert_msg(strcmp(rig.err.rule, cases[_i].rule) == 0, "%s: [%s] %s", cases[_i].name, rig.err.rule,
                      rig.err.message);
    if (cases[_i].message != NULL)
        ck_assert_str_eq(rig.err.message, cases[_i].message);
    decide_tear_down(&rig);
}
END_TEST

/* ---- policies ---- */

#define ALLOW(more) "allow: [{name: a, caller: any, key: any, classes: [trade], markets: any, " more "}]\n"
#define LIMITED ALLOW("limits: [l]")
#define OPEN ALLOW("unlimited: true")
#define LIMIT(more) "limit: [{name: l, " more "}]\n"
#define MONEY "allow: [{name: a, caller: any, key: any, classes: [withdraw], to: any, assets: [BTC], limits: [l]}]\n"
#define MARKET_BUY(qty) "POST /order side=BUY type=market symbol=BTCUSDT qty=" qty
#define SPEND(qty) "POST /order side=BUY type=market symbol=BTCUSDT quoteQty=" qty
#define MARKET_SELL(qty) "POST /order side=SELL type=market symbol=BTCUSDT qty=" qty
#define ONE BUY("BTCUSDT", "0.1", "30000")
#define WITHDRAW(coin, net, addr, amount) "POST /withdraw coin=" coin " net=" net " addr=" addr " amount=" amount

/* clang-format off */
static const struct {
    const char *name;
    const char *entries;
    const char *who; /* callers, a slash, the key */
    const char *requests; /* a line each; all but the last are allowed */
    const char *rule; /* of the last; NULL: allowed */
    const char *message;
} scenes[] = {
    /* ---- who ---- */
    { "nobody",                      OPEN, "/k", ONE, NULL, NULL },
    { "a feed signs nothing",        OPEN, "feed/k", ONE, "grant", "no allow is for this caller and key 'k'" },
    { "another caller",              "allow: [{name: a, caller: dca, key: k, classes: [read]}]\n", "maker/k", "GET /x", "grant", NULL },
    { "one of several callers",      "allow: [{name: a, caller: dca, key: k, classes: [read]}]\n", "maker dca/k", "GET /x", NULL, NULL },
    { "another key",                 "allow: [{name: a, caller: any, key: s, classes: [read]}]\n", "maker/k", "GET /x", "grant", NULL },
    { "out of hours",                "allow: [{name: a, caller: any, key: k, classes: [read], hours: \"Tue 09:00-10:00\"}]\n", "maker/k", "GET /x", "allow", "no allow covers this read; 'a' comes nearest, but not by its hours" },
    { "expired",                     "allow: [{name: a, caller: any, key: k, classes: [read], expires: 2025-11-24}]\n", "maker/k", "GET /x", "allow", "no allow covers this read; 'a' comes nearest, but not by its expires" },
    { "a key that has expired",      "  y: {token: main, object: \"pkcs11:object=y\", profile: t, scheme: hmac, key_id: i, expires: \"2025-11-24T16:00:00Z\"}\n" OPEN, "maker/y", ONE, "expires", "key 'y' expired at 2025-11-24T16:00:00Z, as its policy says; rotate it, or have the policy say another date" },
    { "a key that expires soon",     "  y: {token: main, object: \"pkcs11:object=y\", profile: t, scheme: hmac, key_id: i, expires: \"2025-11-24T16:00:01Z\", rotate_by: 2025-11-24}\n" OPEN, "maker/y", ONE, NULL, NULL },
    /* ---- deny ---- */
    { "a denied symbol",             OPEN "deny: [{name: d, symbols: [\"BTC*\"]}]\n", "maker/k", ONE, "d", "policy denies this order" },
    { "another symbol",              OPEN "deny: [{name: d, symbols: [\"ETH*\"]}]\n", "maker/k", ONE, NULL, NULL },
    { "an unknown side is denied",   OPEN "deny: [{name: d, sides: [sell]}]\n", "maker/k", "POST /order type=limit symbol=BTCUSDT qty=1 price=1", "d", NULL },
    { "what is not said is denied",  OPEN "deny: [{name: d, time_in_force: [GTC]}]\n", "maker/k", ONE, "d", NULL },
    { "a fact that there is not",    OPEN "deny: [{name: d, settings: [leverage]}]\n", "maker/k", ONE, NULL, NULL },
    { "nothing is read: denied",     OPEN "deny: [{name: d, symbols: [DOGEUSDT]}]\n", "maker/k", "POST /unread", "d", NULL },
    { "nothing is read: allowed",    OPEN, "maker/k", "POST /unread", NULL, NULL },
    { "what needs a denied class",   "allow: [{name: a, caller: any, key: k, classes: [cancel, account]}]\ndeny: [{name: d, classes: [account]}]\n", "maker/k", "POST /timeout timeout=0", "d", NULL },
    /* ---- borrowing ---- */
    { "borrowing is not a default",  ALLOW("unlimited: true"), "maker/k", "POST /margin side=BUY type=limit symbol=BTCUSDT qty=0.1 price=1 mode=lend", "allow", "no allow covers this borrow; 'a' comes nearest, but not by its items" },
    { "an order that borrows not",   ALLOW("unlimited: true"), "maker/k", "POST /margin side=BUY type=limit symbol=BTCUSDT qty=0.1 price=1 mode=off", NULL, NULL },
    { "borrowing is named",          ALLOW("unlimited: true, items: [order, borrow]"), "maker/k", "POST /margin side=BUY type=limit symbol=BTCUSDT qty=0.1 price=1 mode=lend", NULL, NULL },
    /* ---- orders without a price ---- */
    { "a market order is named",     ALLOW("types: [market], limits: [l]") LIMIT("order_value: \"3000 USDT\""), "maker/s", MARKET_BUY("0.097"), NULL, NULL },
    { "its slippage counts",         ALLOW("types: [market], limits: [l]") LIMIT("order_value: \"3000 USDT\""), "maker/s", MARKET_BUY("0.098"), "l", "3028.2 USDT is more than 3000 USDT, the maximum order value" },
    { "nobody says its slippage",    ALLOW("types: [market], limits: [l]") LIMIT("order_value: \"3000 USDT\""), "maker/k", MARKET_BUY("0.01"), "l", "the value of this order is not known, and the maximum order value needs it: it has no price that bounds it, and policy states no market_slippage for its account" },
    { "what it spends is known",     ALLOW("types: [market], limits: [l]") LIMIT("order_value: \"3000 USDT\""), "maker/k", SPEND("3000"), NULL, NULL },
    { "it spends too much",          ALLOW("types: [market], limits: [l]") LIMIT("order_value: \"3000 USDT\""), "maker/k", SPEND("3000.01"), "l", NULL },
    { "a collar that is named",      ALLOW("types: [market], limits: [l, c]") "limit: [{name: l, order_value: \"3000 USDT\"}, {name: c, price_within: \"2 %\", price_age: 5s}]\n", "maker/k", MARKET_BUY("0.099"), "l", "3029.4 USDT is more than 3000 USDT, the maximum order value" },
    { "a collar for another caller", ALLOW("types: [market], limits: [l, c]") "limit: [{name: l, order_value: \"3000 USDT\"}, {name: c, price_within: \"2 %\", price_age: 5s, caller: dca}]\n", "maker/k", MARKET_BUY("0.01"), "l", NULL },
    { "a collar that is not named",  ALLOW("types: [market], limits: [l]") "limit: [{name: l, order_value: \"3000 USDT\"}, {name: c, price_within: \"2 %\", price_age: 5s}]\n", "maker/k", MARKET_BUY("0.01"), "l", NULL },
    { "loss of a market buy",        ALLOW("types: [market], limits: [l]") LIMIT("key: [k, s], loss: \"100 USDT\", per: 1d"), "maker/k", MARKET_BUY("0.001"), "l", "the possible loss of this order is not known, and the loss budget needs it: it has no price that bounds it, and policy states no market_slippage for its account" },
    { "loss of what it spends",      ALLOW("types: [market], limits: [l]") LIMIT("key: [k, s], loss: \"100 USDT\", per: 1d"), "maker/k", SPEND("60") "\n" SPEND("41"), "l", NULL },
    { "loss of a spot sell",         ALLOW("types: [market], limits: [l]") LIMIT("key: [k, s], loss: \"100 USDT\", per: 1d"), "maker/k", MARKET_SELL("0.003") "\n" MARKET_SELL("0.0004"), "l", NULL },
    { "loss with slippage",          ALLOW("types: [market], limits: [l]") LIMIT("key: [k, s], loss: \"100 USDT\", per: 1d"), "maker/s", MARKET_BUY("0.09"), NULL, NULL },
    { "twap without a price",        LIMITED LIMIT("order_value: \"3000 USDT\""), "maker/s", "POST /order side=BUY type=twap symbol=BTCUSDT qty=0.01", "allow", NULL },
    /* ---- value ---- */
    { "windows add up",              LIMITED LIMIT("value: \"5000 USDT\", per: 1h"), "maker/k", ONE "\n" ONE, "l", "3000 USDT is more than 2000 USDT, what is left of 5000 USDT per 1h, the value limit" },
    { "more than a window has",      LIMITED LIMIT("value: \"2000 USDT\", per: 1h"), "maker/k", ONE, "l", "3000 USDT is more than 2000 USDT per 1h, the value limit" },
    { "accounts have their own",     LIMITED LIMIT("value: \"5000 USDT\", per: 1h, by: account"), "maker/k", ONE, NULL, NULL },
    { "in all",                      LIMITED LIMIT("value: \"5000 USDT\", per: ever"), "maker/k", ONE "\n" ONE, "l", "3000 USDT is more than 2000 USDT, what is left of 5000 USDT in all, the value limit" },
    { "by symbol",                   LIMITED LIMIT("value: \"5000 USDT\", per: 1h, by: symbol"), "maker/k", ONE "\n" BUY("ETHUSDT", "1", "2000"), NULL, NULL },
    { "by a symbol in lower case",   LIMITED LIMIT("value: \"5000 USDT\", per: 1h, by: symbol"), "maker/k", ONE "\n" ONE, "l", NULL },
    { "converted at a rate",         LIMITED LIMIT("order_value: \"3000 USDT\""), "maker/k", BUY("BTCUSDC", "0.1", "30000"), "l", "3030 USDT is more than 3000 USDT, the maximum order value" },
    { "converted by a reference",    LIMITED LIMIT("order_value: \"3000 USDT\""), "maker/k", BUY("ETHBTC", "1.5", "0.07"), "l", "3213 USDT is more than 3000 USDT, the maximum order value" },
    { "no conversion",               LIMITED LIMIT("order_value: \"3000 USD\""), "maker/k", ONE, "l", "the value of this order is not known, and the maximum order value needs it: policy has no conversion from USDT to USD" },
    { "no reference",                LIMITED LIMIT("order_value: \"3000 USDT\""), "maker/k", BUY("XRPUSDT", "1", "1"), "l", "the value of this order is not known, and the maximum order value needs it: the reference price of XRP/USDT is not known: no feed has reported it" },
    { "volume",                      LIMITED LIMIT("order_volume: \"0.1 BTC\""), "maker/k", ONE, NULL, NULL },
    { "too much volume",             LIMITED LIMIT("order_volume: \"0.09 BTC\""), "maker/k", ONE, "l", "0.1 BTC is more than 0.09 BTC, the maximum order volume" },
    { "volume of another asset",     LIMITED LIMIT("order_volume: \"0.1 BTC\""), "maker/k", BUY("ETHUSDT", "0.01", "2000"), "l", "the quantity of this order is not known, and the maximum order volume needs it: policy has no conversion from ETH to BTC" },
    { "volume of what is spent",     ALLOW("types: [market], limits: [l]") LIMIT("volume: \"0.1 BTC\", per: 1d"), "maker/k", SPEND("1500") "\n" SPEND("1501"), "l", NULL },
    { "contracts of the base asset", LIMITED LIMIT("order_value: \"3000 USDT\""), "maker/k", "POST /linear side=BUY type=limit symbol=BTCUSDT_LIN lots=11 price=30000", "l", "3300 USDT is more than 3000 USDT, the maximum order value" },
    { "contracts of the quote asset", LIMITED LIMIT("order_value: \"3000 USD\""), "maker/k", "POST /inverse side=BUY type=limit symbol=BTCUSD_INV lots=31 price=1", "l", "3100 USD is more than 3000 USD, the maximum order value" },
    { "contracts of a third asset",  LIMITED LIMIT("order_value: \"3000 USDT\""), "maker/k", "POST /linear side=BUY type=limit symbol=BTCUSDT_ODD lots=1 price=1", "l", "the value of this order is not known, and the maximum order value needs it: the profile does not say what a contract of it is worth" },
    { "contracts of nobody knows what", LIMITED LIMIT("order_value: \"3000 USDT\""), "maker/k", "POST /linear side=BUY type=limit symbol=BTCUSDT lots=1 price=1", "l", NULL },
    { "without prices, a buy",       LIMITED LIMIT("order_value: \"3000 USDT\""), "maker/n", ONE, NULL, NULL },
    { "without prices, a large buy", LIMITED LIMIT("order_value: \"3000 USDT\""), "maker/n", BUY("XXXUSDT", "3001", "1"), "l", "3001 USDT is more than 3000 USDT, the maximum order value" },
    { "without prices, a sell",      LIMITED LIMIT("order_value: \"3000 USDT\""), "maker/n", "POST /order side=SELL type=limit symbol=BTCUSDT qty=0.1 price=30000", "l", NULL },
    { "what does not fit",           LIMITED LIMIT("order_value: \"3000 USDT\""), "maker/k", BUY("BTCUSDT", "99999999999999999999", "99999999999999999999.123456789"), "l", "the value of this order is not known, and the maximum order value needs it: it is negative, or has more digits than can be counted" },
    /* ---- loss ---- */
    { "the good side loses nothing", LIMITED LIMIT("key: [k, s], loss: \"1 USDT\", per: 1d"), "maker/k", BUY("BTCUSDT", "10", "29800") "\n" BUY("BTCUSDT", "10", "29850") "\nPOST /order side=SELL type=limit symbol=BTCUSDT qty=10 price=30151", NULL, NULL },
    { "the bad side does",           LIMITED LIMIT("key: [k, s], loss: \"200 USDT\", per: 1d"), "maker/k", BUY("BTCUSDT", "1", "30000") "\n" BUY("BTCUSDT", "1", "30000"), "l", NULL },
    { "a sell below",                LIMITED LIMIT("key: [k, s], loss: \"200 USDT\", per: 1d"), "maker/k", "POST /order side=SELL type=limit symbol=BTCUSDT qty=1 price=29950", "l", "200.753768844221105528 USDT is more than 200 USDT per 1d, the loss budget" },
    { "loss of an option",           LIMITED LIMIT("key: [k, s], loss: \"200 USDT\", per: 1d"), "maker/k", "POST /option side=BUY type=limit symbol=BTCUSDT qty=1 price=1", "l", "the possible loss of this order is not known, and the loss budget needs it: an option's price has no reference" },
    /* ---- counts ---- */
    { "orders",                      LIMITED LIMIT("orders: 1, per: 10s"), "maker/k", ONE "\n" ONE, "l", "1 is more than 0, what is left of 1 per 10s, the limit on orders" },
    { "orders of a batch",           LIMITED LIMIT("orders: 1, per: 10s"), "maker/k", "POST /batch many=[ { side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000 } { side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000 } ]", "l", "2 is more than 1 per 10s, the limit on orders" },
    { "a batch is one message",      OPEN LIMIT("messages: 1, per: 10s"), "maker/k", "POST /batch many=[ { side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000 } { side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000 } ]", NULL, NULL },
    { "the reserve is for cancels",  "allow: [{name: a, caller: any, key: any, classes: [read, cancel]}]\n" LIMIT("messages: 2, per: 10s, reserve_cancels: 1"), "maker/k", "GET /x\nGET /x", "l", NULL },
    { "cancels use the reserve",     "allow: [{name: a, caller: any, key: any, classes: [read, cancel]}]\n" LIMIT("messages: 2, per: 10s, reserve_cancels: 1"), "maker/k", "GET /x\nDELETE /order symbol=BTCUSDT", NULL, NULL },
    { "and no more than that",       "allow: [{name: a, caller: any, key: any, classes: [read, cancel]}]\n" LIMIT("messages: 2, per: 10s, reserve_cancels: 1"), "maker/k", "GET /x\nDELETE /order symbol=BTCUSDT\nDELETE /order symbol=BTCUSDT", "l", NULL },
    { "each caller is counted",      "allow: [{name: a, caller: any, key: any, classes: [read]}]\n" LIMIT("caller: [maker, dca], messages: 1, per: 10s, by: caller"), "maker dca/k", "GET /x\nGET /x", "l", NULL },
    { "equal orders",                LIMITED LIMIT("same_order: {at_most: 2, within: 1m}"), "maker/k", ONE "\n" BUY("BTCUSDT", "0.10", "29000") "\n" ONE, "l", "1 is more than 0, what is left of 2 per 1m, the limit on equal orders" },
    { "orders that differ",          LIMITED LIMIT("same_order: {at_most: 1, within: 1m}"), "maker/k", ONE "\n" BUY("BTCUSDT", "0.11", "30000") "\nPOST /order side=SELL type=limit symbol=BTCUSDT qty=0.1 price=30000", NULL, NULL },
    /* ---- leverage, validity ---- */
    { "leverage of an order",        OPEN LIMIT("leverage: \"5\""), "maker/k", "POST /linear side=BUY type=limit symbol=BTCUSDT qty=1 price=1 lev=6", "l", "6 is more than 5, the maximum leverage" },
    { "no leverage",                 OPEN LIMIT("leverage: \"5\""), "maker/k", "POST /linear side=BUY type=limit symbol=BTCUSDT qty=1 price=1", NULL, NULL },
    { "leverage is set",             "allow: [{name: a, caller: any, key: any, classes: [account]}]\n" LIMIT("leverage: \"5\""), "maker/k", "POST /set name=leverage value=5\nPOST /set name=leverage value=5.5", "l", NULL },
    { "a leverage of zero is set",   "allow: [{name: a, caller: any, key: any, classes: [account]}]\n" LIMIT("leverage: \"5\""), "maker/k", "POST /set name=leverage value=0", "l", "a leverage of 0 is none: exchanges take it for as much as there is; state the leverage" },
    { "a leverage of zero, in full", "allow: [{name: a, caller: any, key: any, classes: [account]}]\n" LIMIT("leverage: \"5\""), "maker/k", "POST /set name=leverage value=00.000", "l", NULL },
    { "an order's leverage of zero", OPEN LIMIT("leverage: \"5\""), "maker/k", "POST /linear side=BUY type=limit symbol=BTCUSDT qty=1 price=1 lev=0", "l", NULL },
    { "something is set",            "allow: [{name: a, caller: any, key: any, classes: [account]}]\n" LIMIT("leverage: \"5\""), "maker/k", "POST /set value=1", "l", "the name is unknown, and the maximum leverage needs it" },
    { "short validity",              OPEN LIMIT("validity: 1s"), "maker/k", ONE, NULL, NULL },
    { "long validity",               OPEN LIMIT("validity: 999ms"), "maker/k", ONE, "l", "1s is more than 999ms, the longest validity" },
    /* ---- closing ---- */
    { "a closing budget",            LIMITED LIMIT("value: \"100 USDT\", per: 1d, then: reducing, closing: \"3000 USDT\""), "maker/k", "POST /linear side=SELL type=limit symbol=BTCUSDT qty=0.1 price=30000 reduce=true", NULL, NULL },
    { "it is used up too",           LIMITED LIMIT("value: \"100 USDT\", per: 1d, then: reducing, closing: \"3000 USDT\""), "maker/k", "POST /linear side=SELL type=limit symbol=BTCUSDT qty=0.1 price=30000 reduce=true\nPOST /linear side=SELL type=limit symbol=BTCUSDT qty=0.001 price=30000 reduce=true", "l", NULL },
    { "not on margin",               LIMITED LIMIT("value: \"100 USDT\", per: 1d, then: reducing, closing: \"3000 USDT\""), "maker/k", "POST /margin side=SELL type=limit symbol=BTCUSDT qty=0.1 price=30000 reduce=true", "l", NULL },
    { "closing without a quantity",  LIMITED LIMIT("value: \"100 USDT\", per: 1d, then: reducing, closing: \"3000 USDT\""), "maker/k", "POST /linear side=SELL type=limit symbol=BTCUSDT price=30000 close=true", "l", NULL },
    /* ---- amounts ---- */
    { "to an address",               "allow: [{name: a, caller: any, key: any, classes: [withdraw], to: [cold], limits: [l]}]\n" LIMIT("amount: \"2 BTC\", per: 1d, by: address"), "maker/k", WITHDRAW("btc", "BTC", "bc1qcold", "1.5") "\n" WITHDRAW("BTC", "BTC", "bc1qcold", "0.6"), "l", "0.6 BTC is more than 0.5 BTC, what is left of 2 BTC per 1d, the limit on amounts" },
    { "to another address",          "allow: [{name: a, caller: any, key: any, classes: [withdraw], to: [cold], limits: [l]}]\n" LIMIT("amount: \"2 BTC\", per: 1d"), "maker/k", WITHDRAW("BTC", "BTC", "bc1qthief", "1"), "allow", NULL },
    { "in another case",             "allow: [{name: a, caller: any, key: any, classes: [withdraw], to: [cold], limits: [l]}]\n" LIMIT("amount: \"2 BTC\", per: 1d"), "maker/k", WITHDRAW("BTC", "BTC", "BC1QCOLD", "1"), "allow", NULL },
    { "on another network",          "allow: [{name: a, caller: any, key: any, classes: [withdraw], to: [cold], limits: [l]}]\n" LIMIT("amount: \"2 BTC\", per: 1d"), "maker/k", WITHDRAW("BTC", "ETH", "bc1qcold", "1"), "allow", NULL },
    { "with a tag too many",         "allow: [{name: a, caller: any, key: any, classes: [withdraw], to: [cold], limits: [l]}]\n" LIMIT("amount: \"2 BTC\", per: 1d"), "maker/k", WITHDRAW("BTC", "BTC", "bc1qcold", "1") " memo=1", "allow", NULL },
    { "without its tag",             "allow: [{name: a, caller: any, key: any, classes: [withdraw], to: [tagged], limits: [l]}]\n" LIMIT("amount: \"2 XRP\", per: 1d"), "maker/k", WITHDRAW("XRP", "XRP", "rTagged", "1"), "allow", NULL },
    { "with its tag",                "allow: [{name: a, caller: any, key: any, classes: [withdraw], to: [tagged], limits: [l]}]\n" LIMIT("amount: \"2 XRP\", per: 1d"), "maker/k", WITHDRAW("XRP", "XRP", "rTagged", "1") " memo=7", NULL, NULL },
    { "a denied address",            MONEY LIMIT("amount: \"2 BTC\", per: 1d") "deny: [{name: d, to: [cold]}]\n", "maker/k", WITHDRAW("BTC", "BTC", "BC1QCOLD", "1"), "d", NULL },
    { "an asset that is not named",  MONEY LIMIT("amount: \"2 BTC\", per: 1d"), "maker/k", WITHDRAW("ETH", "ETH", "0x1", "1"), "allow", NULL },
    { "each at most",                MONEY LIMIT("amount: \"2 BTC\""), "maker/k", WITHDRAW("BTC", "BTC", "x", "2") "\n" WITHDRAW("BTC", "BTC", "x", "2.1"), "l", "2.1 BTC is more than 2 BTC, the maximum amount" },
    { "a transfer",                  "allow: [{name: a, caller: any, key: any, classes: [transfer], to: [funding], limits: [l]}]\n" LIMIT("amount: \"20 USDT\""), "maker/k", "POST /transfer coin=usdt from=spot to=funding amount=20", NULL, NULL },
    { "a transfer elsewhere",        "allow: [{name: a, caller: any, key: any, classes: [transfer], to: [funding], limits: [l]}]\n" LIMIT("amount: \"20 USDT\""), "maker/k", "POST /transfer coin=USDT from=spot to=options amount=20", "allow", NULL },
    { "a transfer of any asset",     "allow: [{name: a, caller: any, key: any, classes: [transfer], to: [anything], unlimited: true}]\n", "maker/k", "POST /transfer coin=DOGE from=spot to=options amount=20", NULL, NULL },
    /* ---- several allows ---- */
    { "one of two allows",           "allow:\n  - {name: a, caller: any, key: any, classes: [trade], markets: any, limits: [l]}\n  - {name: b, caller: any, key: any, classes: [trade], markets: any, limits: [m]}\nlimit:\n  - {name: l, order_value: \"1000 USDT\"}\n  - {name: m, order_value: \"4000 USDT\"}\n", "maker/k", ONE, NULL, NULL },
    { "one window after the other",  "allow:\n  - {name: a, caller: any, key: any, classes: [trade], markets: any, limits: [l]}\n  - {name: b, caller: any, key: any, classes: [trade], markets: any, limits: [m]}\nlimit:\n  - {name: l, value: \"4000 USDT\", per: 1d}\n  - {name: m, value: \"4000 USDT\", per: 1d}\n", "maker/k", ONE "\n" ONE "\n" ONE, "l", NULL },
    { "a batch over two windows",    "allow:\n  - {name: a, caller: any, key: any, classes: [trade], markets: any, limits: [l]}\n  - {name: b, caller: any, key: any, classes: [trade], markets: any, sides: [buy], limits: [m]}\nlimit:\n  - {name: l, value: \"3000 USDT\", per: 1d}\n  - {name: m, value: \"4000 USDT\", per: 1d}\n", "maker/k", "POST /batch many=[ { side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000 } { side=SELL type=limit symbol=BTCUSDT qty=0.1 price=30000 } ]", NULL, NULL },
    { "a limit that nobody names",   OPEN LIMIT("order_value: \"1000 USDT\""), "maker/k", ONE, "l", NULL },
    { "a limit that another names",  "allow:\n  - {name: a, caller: any, key: any, classes: [trade], markets: any, unlimited: true}\n  - {name: b, caller: any, key: any, classes: [trade], markets: any, limits: [l]}\n" LIMIT("order_value: \"1000 USDT\""), "maker/k", ONE, NULL, NULL },
    /* ---- requirements ---- */
    { "approvals",                   MONEY LIMIT("amount: \"9 BTC\", per: 1d") "require: [{name: two, classes: [withdraw], approvals: 2, of: [alice, bob], within: 1h}]\n", "maker/k", WITHDRAW("BTC", "BTC", "x", "1"), "two", "this needs 2 approvals of alice, bob" },
    { "approvals for others",        "allow: [{name: a, caller: any, key: any, classes: [transfer], to: [funding], limits: [l]}]\n" LIMIT("amount: \"20 USDT\", per: 1d") "require: [{name: two, classes: [withdraw], approvals: 2, of: [alice, bob], within: 1h}]\n", "maker/k", "POST /transfer coin=USDT from=spot to=funding amount=20", NULL, NULL },
    { "a delay above",               MONEY LIMIT("amount: \"9 BTC\", per: 1d") "require: [{name: wait, classes: [withdraw], above: \"0.5 BTC\", delay: 6h}]\n", "maker/k", WITHDRAW("BTC", "BTC", "x", "0.5") "\n" WITHDRAW("BTC", "BTC", "x", "0.50001"), "wait", "this needs a delay of 6h" },
    { "nobody knows if above",       "allow: [{name: a, caller: any, key: any, classes: [withdraw], to: any, unlimited: true}]\nrequire: [{name: wait, classes: [withdraw], above: \"0.5 BTC\", code: true}]\n", "maker/k", WITHDRAW("ETH", "ETH", "x", "0.1"), "wait", "this needs a fresh code" },
    { "a batch is above",            OPEN "require: [{name: c, above: \"5000 USDT\", code: true}]\n", "maker/k", ONE "\nPOST /batch many=[ { side=BUY type=limit symbol=BTCUSDT qty=0.1 price=30000 } { side=SELL type=limit symbol=BTCUSDT qty=0.1 price=30000 } ]", "c", NULL },
};
/* clang-format on */

static void set_up_scene(const char *more, const char *who)
{
    char callers[64];
    size_t size = strcspn(who, "/");
    (void)snprintf(callers, sizeof callers, "%.*s", (int)size, who);
    set_up_with(more);
    decide_set_price(&rig, "BTC/USDC", "30000", 1);
    decide_set_price(&rig, "BTC/USD", "30000", 1);
    decide_set_price(&rig, "ETH/BTC", "0.07", 1);
    decide_set_who(&rig, callers, who + size + 1);
}

/* Asks line by line; returns what is said of the last. */
static ch_status ask_lines(const char *name, const char *lines)
{
    char line[1024];
    for (;;) {
        size_t size = strcspn(lines, "\n");
        (void)snprintf(line, sizeof line, "%.*s", (int)size, lines);
        ch_status st = decide_ask(&rig, line, false);
        if (lines[size] == '\0')
            return st;
        ck_assert_msg(st == CH_OK, "%s: %s: [%s] %s", name, line, rig.err.rule, rig.err.message);
        lines += size + 1;
    }
}

START_TEST(test_a_policy_means_what_it_says)
{
    set_up_scene(scenes[_i].entries, scenes[_i].who);
    ch_status st = ask_lines(scenes[_i].name, scenes[_i].requests);
    const char *rule = scenes[_i].rule == NULL ? "" : scenes[_i].rule;
    ck_assert_msg((st == CH_OK) == (scenes[_i].rule == NULL) && strcmp(rig.err.rule, rule) == 0, "%s: [%s] %s",
                  scenes[_i].name, rig.err.rule, rig.err.message);
    if (scenes[_i].message != NULL)
        ck_assert_str_eq(rig.err.message, scenes[_i].message);
    decide_tear_down(&rig);
}
END_TEST

CH_TESTS("decide", CH_TEST_ROWS(test_an_order_is_judged_by_what_it_means, cases),
         CH_TEST_ROWS(test_a_policy_means_what_it_says, scenes))
