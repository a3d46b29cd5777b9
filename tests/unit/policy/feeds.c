#include "tests/unit/policy/feeds.h"

#include "tests/unit/policy/limits.h"

#include <check.h>

ch_prices *prices;
char *sources[SOURCES] = {"binance", "kraken", "okx", "bitfinex"};
ch_price_rules rules;

void feeds_set_up(void)
{
    rules = (ch_price_rules){.sources = sources,
                             .source_count = SOURCES,
                             .at_least = 1,
                             .has_max_move = true,
                             .max_move = number("0.1"),
                             .move_window_ns = MOVE_WINDOW};
    prices = ch_prices_new();
    ch_prices_set_rules(prices, &rules);
}

void feeds_tear_down(void)
{
    ch_prices_free(prices);
}

ch_quote_outcome put_of(const char *source, const char *pair, ch_decimal price, uint64_t quoted_ns, uint64_t now_ns)
{
    const ch_quote quote = {ch_slice_of(source), ch_slice_of(pair), price, quoted_ns};
    ch_quote_outcome outcome;
    ch_error err = CH_ERROR_INIT;
    ck_assert_msg(ch_prices_put(prices, &quote, now_ns, &outcome, &err) == CH_OK, "%s", err.message);
    return outcome;
}

ch_quote_outcome put(const char *price, uint64_t now_ns)
{
    return put_of("binance", "BTC/USDT", number(price), now_ns, now_ns);
}

ch_reference_state look(uint64_t now_ns, ch_reference *out)
{
    return ch_prices_reference(prices, CH_LITERAL("BTC"), CH_LITERAL("USDT"), now_ns, AGE, out);
}

void assert_reference(uint64_t now_ns, const char *price)
{
    ch_reference found;
    ck_assert_int_eq(look(now_ns, &found), CH_REFERENCE_GOOD);
    assert_number(found.price, price);
}

void assert_no_reference(uint64_t now_ns, ch_reference_state state)
{
    ch_reference found;
    ck_assert_int_eq(look(now_ns, &found), state);
    ck_assert_uint_eq(found.sources, 0);
}

void confirm(uint64_t now_ns)
{
    ch_error err = CH_ERROR_INIT;
    ch_price_row row;
    ck_assert(ch_prices_next(prices, CH_LITERAL("BTC/USDT"), CH_LITERAL(""), &row));
    ck_assert_int_eq(ch_prices_confirm(prices, CH_LITERAL("binance"), CH_LITERAL("BTC/USDT"), row.price, now_ns, &err),
                     CH_OK);
}
