/* What a policy exposes: a table of policies and bounds; and streams of random orders, of which what is accepted never
 * loses more than that, nor is worth more. */
#include "policy/exposure.h"

#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_NS UINT64_C(3600000000000)

static decide_rig rig;

static void load(const char *entries)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_text(&text, decide_head);
    ch_buffer_add_text(&text, entries);
    decide_set_up(&rig, ch_buffer_text(&text), NULL);
}

static size_t caller_of(const char *name)
{
    for (size_t i = 0; i < rig.policy.caller_count; i++) {
        if (strcmp(rig.policy.callers[i].name, name) == 0)
            return i;
    }
    return CH_ALL_CALLERS;
}

/* "1000 USDT and 2 BTC", "nothing", or "open: " and why. */
static void add_bound(const ch_bound *bound, ch_buffer *out)
{
    if (bound->is_unbounded) {
        ch_buffer_add_format(out, "open: %s", bound->open.items[0]);
        return;
    }
    for (size_t i = 0; i < bound->sum_count; i++) {
        ch_buffer_add_text(out, i == 0 ? "" : " and ");
        ch_decimal_print(bound->sums[i].amount, out);
        ch_buffer_add_format(out, " %s", bound->sums[i].asset);
    }
    if (bound->sum_count == 0)
        ch_buffer_add_text(out, "nothing");
}

#define TRADE "caller: maker, key: k, classes: [trade], markets: [spot], symbols: [BTCUSDT]"

/* clang-format off */
static const struct {
    const char *name;
    const char *entries;
    const char *caller; /* "": all */
    const char *what;   /* "value hour", "loss day", "withdrawal day", "gated withdrawal day" */
    const char *most;
} cases[] = {
    { "no allow", "", "maker", "value day", "nothing" },
    { "a window of a day", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h}]", "maker", "value day", "1000 USDT" },
    { "a window of a day, in an hour", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h}]", "maker", "value hour", "1000 USDT" },
    { "another caller", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h}]", "dca", "value day", "nothing" },
    { "a window of an hour, in a day", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 1h}]", "maker", "value day", "24000 USDT" },
    { "a window that does not fit", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 7h}]", "maker", "value day", "4000 USDT" },
    { "a calendar day, in an hour", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: calendar-day}]", "maker", "value hour", "2000 USDT" },
    { "a calendar day where clocks change", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: calendar-day, time_zone: Europe/Berlin}]", "maker", "value day", "3000 USDT" },
    { "in all", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: ever}]", "maker", "value day", "1000 USDT" },
    { "what reports give back", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h, release: 10 %}]", "maker", "value day", "1100 USDT" },
    { "open value is what bots say", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, open_value: 1000 USDT}]", "maker", "value day", "open: allow 'a': no limit on value is asked of all of it" },
    { "unlimited", "allow: [{name: a, " TRADE ", unlimited: true}]", "maker", "value day", "open: allow 'a': it is unlimited" },
    { "a limit for others", "allow: [{name: a, " TRADE ", unlimited: true}]\nlimit: [{name: v, caller: dca, value: 1000 USDT, per: 24h}]", "maker", "value day", "open: allow 'a': it is unlimited" },
    { "a limit that nobody names", "allow: [{name: a, " TRADE ", unlimited: true}]\nlimit: [{name: v, value: 1000 USDT, per: 24h}]", "maker", "value day", "1000 USDT" },
    { "a limit of a part", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, sides: [buy], value: 1000 USDT, per: 24h}]", "maker", "value day", "open: allow 'a': no limit on value is asked of all of it" },
    { "a limit at some hours", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, hours: \"Mon 09:00-10:00\", value: 1000 USDT, per: 24h}]", "maker", "value day", "open: allow 'a': no limit on value is asked of all of it" },
    { "the smaller of two", "allow: [{name: a, " TRADE ", limits: [v, w]}]\nlimit: [{name: v, value: 1000 USDT, per: 1h}, {name: w, value: 5000 USDT, per: 24h}]", "maker", "value day", "5000 USDT" },
    { "by symbol", "allow: [{name: a, caller: maker, key: k, classes: [trade], markets: [spot], symbols: [BTCUSDT, ETHUSDT], limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h, by: symbol}]", "maker", "value day", "2000 USDT" },
    { "by any symbol", "allow: [{name: a, caller: maker, key: k, classes: [trade], markets: [spot], limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h, by: symbol}]", "maker", "value day", "open: allow 'a': no limit on value is asked of all of it" },
    { "by key, of two", "allow: [{name: a, caller: maker, key: [k, s], classes: [trade], markets: [spot], symbols: [BTCUSDT], limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h, by: key}]", "maker", "value day", "2000 USDT" },
    { "by account, which two keys share", "allow: [{name: a, caller: maker, key: [k, r], classes: [trade], markets: [spot], symbols: [BTCUSDT], limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h, by: account}]", "maker", "value day", "1000 USDT" },
    { "all callers, each by itself", "allow: [{name: a, caller: [maker, dca], key: k, classes: [trade], markets: [spot], symbols: [BTCUSDT], limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h, by: caller}]", "", "value day", "2000 USDT" },
    { "all callers, by account", "allow: [{name: a, caller: [maker, dca], key: k, classes: [trade], markets: [spot], symbols: [BTCUSDT], limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h, by: account}]", "", "value day", "1000 USDT" },
    { "two allows, two limits", "allow: [{name: a, " TRADE ", sides: [buy], limits: [v]}, {name: b, " TRADE ", sides: [sell], limits: [w]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h}, {name: w, value: 50 USDT, per: 24h}]", "maker", "value day", "1050 USDT" },
    { "two allows, and a limit of both", "allow: [{name: a, " TRADE ", sides: [buy], limits: [v, x]}, {name: b, " TRADE ", sides: [sell], limits: [w, x]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h}, {name: w, value: 50 USDT, per: 24h}, {name: x, value: 900 USDT, per: 24h}]", "maker", "value day", "900 USDT" },
    { "orders, each of a value", "allow: [{name: a, " TRADE ", limits: [o, n]}]\nlimit: [{name: o, order_value: 50 USDT}, {name: n, orders: 10, per: 1h}]", "maker", "value day", "12000 USDT" },
    { "a loss budget", "allow: [{name: a, " TRADE ", limits: [l]}]\nlimit: [{name: l, loss: 20 USDT, per: 24h}]", "maker", "loss day", "20 USDT" },
    { "loss by value and collar", "allow: [{name: a, " TRADE ", limits: [v, c]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h}, {name: c, price_within: 2 %, price_age: 5s}]", "maker", "loss day", "25.535842477694596 USDT" },
    { "loss by value without a collar", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h}]", "maker", "loss day", "1005.025125628140704 USDT" },
    { "contracts without a collar", "allow: [{name: a, caller: maker, key: k, classes: [trade], markets: [linear], symbols: [BTCUSDT], limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h}]", "maker", "loss day", "open: allow 'a': its prices are held by no collar" },
    { "market orders without slippage", "allow: [{name: a, " TRADE ", types: [market], limits: [v, c]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h}, {name: c, price_within: 2 %, price_age: 5s}]", "maker", "loss day", "open: allow 'a': it lets orders without a price pass, and its account states no market_slippage" },
    { "fees", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h}]", "maker", "fees day", "1 USDT" },
    { "all denied", "allow: [{name: a, " TRADE ", unlimited: true}]\ndeny: [{name: d, classes: [trade]}]", "maker", "value day", "nothing" },
    { "denied for others", "allow: [{name: a, " TRADE ", unlimited: true}]\ndeny: [{name: d, caller: dca, classes: [trade]}]", "maker", "value day", "open: allow 'a': it is unlimited" },
    { "log-ons", "allow: [{name: a, caller: maker, key: k, classes: [session]}]", "maker", "value day", "open: allow 'a': it opens sockets, on which no limit sees an order" },
    { "withdrawals", "allow: [{name: a, caller: maker, key: k, classes: [withdraw], to: [cold], limits: [w]}]\nlimit: [{name: w, amount: 2 BTC, per: 24h}]", "maker", "withdrawal day", "2 BTC" },
    { "withdrawals, each of an amount", "allow: [{name: a, caller: maker, key: k, classes: [withdraw], to: [cold], limits: [w]}]\nlimit: [{name: w, amount: 2 BTC}]", "maker", "withdrawal day", "open: allow 'a': no limit on amounts in a window is asked of all of it" },
    { "withdrawals to anywhere", "allow: [{name: a, caller: maker, key: k, classes: [withdraw], to: any, unlimited: true}]", "maker", "withdrawal day", "open: allow 'a': it is for any asset" },
    { "withdrawals by two people", "allow: [{name: a, caller: maker, key: k, classes: [withdraw], to: [cold], limits: [w]}]\nlimit: [{name: w, amount: 2 BTC, per: 24h}]\nrequire: [{name: q, classes: [withdraw], approvals: 1, of: [alice, bob], within: 1h}]", "maker", "withdrawal day", "nothing" },
    { "with those people", "allow: [{name: a, caller: maker, key: k, classes: [withdraw], to: [cold], limits: [w]}]\nlimit: [{name: w, amount: 2 BTC, per: 24h}]\nrequire: [{name: q, classes: [withdraw], approvals: 1, of: [alice, bob], within: 1h}]", "maker", "gated withdrawal day", "2 BTC" },
    { "only large ones by people", "allow: [{name: a, caller: maker, key: k, classes: [withdraw], to: [cold], limits: [w]}]\nlimit: [{name: w, amount: 2 BTC, per: 24h}]\nrequire: [{name: q, classes: [withdraw], above: 1 BTC, approvals: 1, of: [alice, bob], within: 1h}]", "maker", "withdrawal day", "2 BTC" },
    { "two assets", "allow: [{name: a, caller: maker, key: k, classes: [withdraw], to: [cold, tagged], limits: [w, x]}]\nlimit: [{name: w, amount: 2 BTC, per: 24h}, {name: x, amount: 30 XRP, per: 12h}]", "maker", "withdrawal day", "2 BTC and 60 XRP" },
};
/* clang-format on */

static const ch_bound *bound_of(const ch_exposure *exposure, const char *what)
{
    ch_horizon horizon = strstr(what, "hour") != NULL ? CH_HORIZON_HOUR : CH_HORIZON_DAY;
    if (strncmp(what, "gated", 5) == 0)
        return &exposure->gated[CH_ITEM_WITHDRAWAL][horizon];
    if (strncmp(what, "withdrawal", 10) == 0)
        return &exposure->moved[CH_ITEM_WITHDRAWAL][horizon];
    return &exposure->orders[*what == 'v'   ? CH_EXPOSED_VALUE
                             : *what == 'l' ? CH_EXPOSED_LOSS
                                            : CH_EXPOSED_FEES][horizon];
}

START_TEST(test_exposure_is_bounded_by_what_is_asked_of_all)
{
    ch_exposure exposure;
    ch_autobuffer found = CH_BUFFER_INIT;
    load(cases[_i].entries);
    ch_exposure_find(&rig.policy, caller_of(cases[_i].caller), DECIDE_NOW_NS, &exposure);
    add_bound(bound_of(&exposure, cases[_i].what), &found);
    ck_assert_msg(strcmp(ch_buffer_text(&found), cases[_i].most) == 0, "%s: %s", cases[_i].name,
                  ch_buffer_text(&found));
    ch_exposure_free(&exposure);
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_leverage_is_bounded_denied_or_open)
{
    /* clang-format off */
    static const struct { const char *entries; bool can; const char *most; } rows[] = {
        { "allow: [{name: a, caller: maker, key: k, classes: [trade], markets: [linear], unlimited: true}]", true, NULL },
        { "allow: [{name: a, caller: maker, key: k, classes: [trade], markets: [spot], unlimited: true}]", false, NULL },
        { "allow: [{name: a, caller: maker, key: k, classes: [trade], markets: [linear], unlimited: true}]\nlimit: [{name: l, leverage: \"3\"}]", true, "3" },
    };
    /* clang-format on */
    for (size_t i = 0; i < CH_ROWS(rows); i++) {
        ch_exposure exposure;
        char text[CH_DECIMAL_TEXT_MAX];
        load(rows[i].entries);
        ch_exposure_find(&rig.policy, caller_of("maker"), DECIDE_NOW_NS, &exposure);
        ck_assert_int_eq(exposure.can_lever, rows[i].can);
        ck_assert_int_eq(exposure.has_leverage, rows[i].most != NULL);
        ch_decimal_text(exposure.leverage, text);
        ck_assert(rows[i].most == NULL || strcmp(text, rows[i].most) == 0);
        ch_exposure_free(&exposure);
        decide_tear_down(&rig);
    }
}
END_TEST

/* ---- streams ---- */

/* clang-format off */
static const struct {
    const char *entries;
    const char *key;
    const char *call;
    const char *quantity; /* its parameter */
    unsigned uses;
    bool releases;
} streams[] = {
    { "allow: [{name: a, " TRADE ", limits: [v, c]}]\nlimit: [{name: v, value: 40000 USDT, per: 1h}, {name: c, price_within: 2 %, price_age: 5s}]", "k", "/order", "qty", 1, false },
    { "allow: [{name: a, " TRADE ", limits: [v, c]}]\nlimit: [{name: v, value: 90000 USDT, per: 5h, release: 20 %}, {name: c, price_within: 3 %, price_age: 5s}]", "k", "/order", "qty", 3, true },
    { "allow: [{name: a, " TRADE ", limits: [l, c]}]\nlimit: [{name: l, loss: 900 USDT, per: 2h, release: 50 %}, {name: c, price_within: 5 %, price_age: 5s}]", "k", "/order", "qty", 2, true },
    { "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 70000 USDT, per: calendar-day, time_zone: Europe/Berlin}]", "k", "/order", "qty", 1, false },
    { "allow: [{name: a, " TRADE ", limits: [o, n, c]}]\nlimit: [{name: o, order_value: 9000 USDT}, {name: n, orders: 12, per: 90m}, {name: c, price_within: 2 %, price_age: 5s}]", "k", "/order", "qty", 2, false },
    { "allow: [{name: a, caller: maker, key: k, classes: [trade], markets: [inverse], symbols: [BTCUSD_INV], limits: [v, c]}]\nlimit: [{name: v, value: 50000 USD, per: 3h}, {name: c, price_within: 4 %, price_age: 5s}]", "k", "/inverse", "lots", 1, false },
    { "allow: [{name: a, caller: maker, key: s, classes: [trade], markets: [spot], symbols: [BTCUSDT], types: [limit, market], limits: [v, c]}]\nlimit: [{name: v, value: 60000 USDT, per: 4h}, {name: c, price_within: 1 %, price_age: 5s}]", "s", "/order", "qty", 1, false },
    { "allow: [{name: a, " TRADE ", sides: [buy], limits: [v, c]}, {name: b, " TRADE ", sides: [sell], limits: [w, c]}]\nlimit: [{name: v, value: 30000 USDT, per: 6h}, {name: w, value: 20000 USDT, per: 1h}, {name: c, price_within: 2 %, price_age: 5s}]", "k", "/order", "qty", 1, false },
};
/* clang-format on */

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static double bound_number(const ch_bound *bound)
{
    char text[CH_DECIMAL_TEXT_MAX];
    ck_assert(!bound->is_unbounded);
    ck_assert_uint_eq(bound->sum_count, 1);
    ch_decimal_text(bound->sums[0].amount, text);
    return strtod(text, NULL);
}

typedef struct order {
    bool buys;
    bool is_market;
    double quantity; /* as it is asked */
    double price;
} order;

static order make_order(double reference, size_t stream)
{
    order one = {.buys = draw(2) == 0, .is_market = streams[stream].key[0] == 's' && draw(3) == 0};
    double off = ((double)draw(1400) - 700) / 10000; /* up to 7 % */
    one.price = (double)(uint64_t)(reference * (1 + off));
    one.quantity = streams[stream].quantity[0] == 'l' ? (double)(1 + draw(80)) : (double)(1 + draw(40)) / 100;
    return one;
}

static bool ask(const order *one, size_t stream)
{
    char text[256];
    const char *symbol = streams[stream].quantity[0] == 'l' ? "BTCUSD_INV" : "BTCUSDT";
    int size = snprintf(text, sizeof text, "POST %s symbol=%s side=%s type=%s %s=%.8g", streams[stream].call, symbol,
                        one->buys ? "BUY" : "SELL", one->is_market ? "market" : "limit", streams[stream].quantity,
                        one->quantity);
    if (!one->is_market)
        snprintf(text + size, sizeof text - (size_t)size, " price=%.10g", one->price);
    return decide_ask(&rig, text, false) == CH_OK;
}

/* The fair price lies where it hurts most; a market order fills as badly as the account assumes. */
static double loss_of(const order *one, double reference, size_t stream)
{
    const double error = 0.005;
    const double slippage = 0.03;
    double price = one->price;
    if (one->is_market)
        price = reference * (one->buys ? 1 + slippage : 1 - slippage);
    double base = one->quantity;
    if (streams[stream].quantity[0] == 'l')
        base = one->quantity * 100 / price; /* a contract is 100 USD, at the price at which it fills */
    double loss = one->buys ? base * (price - reference / (1 + error)) : base * (reference / (1 - error) - price);
    return loss < 0 ? 0 : loss * streams[stream].uses;
}

static double value_of(const order *one, double reference, size_t stream)
{
    if (streams[stream].quantity[0] == 'l')
        return one->quantity * 100 * streams[stream].uses;
    double price = one->is_market || one->price < reference ? reference : one->price;
    return one->quantity * price * streams[stream].uses;
}

/* A bot that lies says that the exchange rejected what it did not. */
static void lie(const ch_judgement *judgement)
{
    for (size_t i = 0; i < judgement->charge_count; i++)
        (void)ch_levels_release(rig.levels, &rig.taken[i], judgement->charges[i].entry, CH_REPORTER_BOT,
                                rig.question.now_ns);
}

static void set_price(double reference, bool is_inverse)
{
    char text[32];
    snprintf(text, sizeof text, "%.10g", reference);
    decide_set_price(&rig, is_inverse ? "BTC/USD" : "BTC/USDT", text, 0);
}

static void run_stream(size_t stream, ch_horizon horizon, uint64_t run)
{
    ch_exposure exposure;
    double loss = 0;
    double value = 0;
    size_t accepted = 0;
    uint64_t length_ns = horizon == CH_HORIZON_HOUR ? HOUR_NS : 24 * HOUR_NS;
    double reference = 30000;
    seed = 88172645463325252ULL + 1000003 * run + stream;
    load(streams[stream].entries);
    decide_set_who(&rig, "maker", streams[stream].key);
    rig.question.is_once = streams[stream].uses == 1;
    rig.question.window_uses = streams[stream].uses;
    ch_exposure_find(&rig.policy, caller_of("maker"), DECIDE_NOW_NS, &exposure);
    uint64_t start_ns = DECIDE_NOW_NS + draw(48) * HOUR_NS;
    for (uint64_t at = 0; at <= length_ns; at += 1 + draw(length_ns / 150)) {
        rig.question.now_ns = start_ns + at;
        reference = (double)(uint64_t)(reference * (1 + ((double)draw(200) - 100) / 20000));
        set_price(reference, streams[stream].quantity[0] == 'l');
        order one = make_order(reference, stream);
        if (!ask(&one, stream))
            continue;
        accepted++;
        loss += loss_of(&one, reference, stream);
        value += value_of(&one, reference, stream);
        if (streams[stream].releases && draw(2) == 0)
            lie(&rig.judgement);
    }
    ck_assert_uint_gt(accepted, 0);
    double most_loss = bound_number(&exposure.orders[CH_EXPOSED_LOSS][horizon]);
    ck_assert_msg(loss <= most_loss * (1 + 1e-9), "stream %zu, run %llu: lost %f of %f", stream,
                  (unsigned long long)run, loss, most_loss);
    const ch_bound *values = &exposure.orders[CH_EXPOSED_VALUE][horizon];
    if (!values->is_unbounded)
        ck_assert_msg(value <= bound_number(values) * (1 + 1e-9), "stream %zu: %f of value", stream, value);
    ch_exposure_free(&exposure);
    decide_tear_down(&rig);
}

START_TEST(test_no_stream_of_accepted_orders_loses_more)
{
    for (uint64_t run = 0; run < 20; run++) {
        run_stream((size_t)_i, CH_HORIZON_DAY, run);
        run_stream((size_t)_i, CH_HORIZON_HOUR, run);
    }
}
END_TEST

CH_TESTS("exposure", CH_TEST_ROWS(test_exposure_is_bounded_by_what_is_asked_of_all, cases),
         CH_TEST(test_leverage_is_bounded_denied_or_open),
         CH_TEST_ROWS(test_no_stream_of_accepted_orders_loses_more, streams))
