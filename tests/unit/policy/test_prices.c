/* Prices: what a feed may report, and how far it may move. */
#include "policy/prices.h"

#include "tests/support/suite.h"
#include "tests/unit/policy/feeds.h"

#include <stdio.h>
#include <string.h>

/* ---- what may be reported ---- */

/* clang-format off */
static const struct {
    const char *name;
    const char *source, *pair, *price;
    ch_status status;
    const char *message; /* part of it */
} reports[] = {
    /* name                      source     pair             price                       status        message */
    { "a price",                 "kraken",  "1INCH/USD",     "0.000000000000000001",     CH_OK,        NULL },
    { "the largest",             "kraken",  "BTC/SATS",      "999999999999999999.999999999999999999", CH_OK, NULL },
    { "the longest pair",        "kraken",  "A23456789012345678901234567890123456/USD", "1", CH_OK,   NULL },
    { "a pair too long",         "kraken",  "A234567890123456789012345678901234567/USD", "1", CH_BAD_INPUT, "'A234567890123456789012345678901234567/US' is not a pair" },
    { "lower case",              "kraken",  "btc/USDT",      "1",                        CH_BAD_INPUT, "'btc/USDT' is not a pair" },
    { "lower case after it",     "kraken",  "BTC/usdt",      "1",                        CH_BAD_INPUT, "upper case" },
    { "no slash",                "kraken",  "BTCUSDT",       "1",                        CH_BAD_INPUT, "BASE/QUOTE" },
    { "another sign",            "kraken",  "BTC-USDT",      "1",                        CH_BAD_INPUT, "BASE/QUOTE" },
    { "two slashes",             "kraken",  "BTC/USD/T",     "1",                        CH_BAD_INPUT, "BASE/QUOTE" },
    { "no base",                 "kraken",  "/USDT",         "1",                        CH_BAD_INPUT, "BASE/QUOTE" },
    { "no quote",                "kraken",  "BTC/",          "1",                        CH_BAD_INPUT, "BASE/QUOTE" },
    { "a space",                 "kraken",  "BTC /USDT",     "1",                        CH_BAD_INPUT, "BASE/QUOTE" },
    { "nothing",                 "kraken",  "",              "1",                        CH_BAD_INPUT, "'' is not a pair" },
    { "bytes that are no text",  "kraken",  "\xff\x1b/USDT", "1",                        CH_BAD_INPUT, "'' is not a pair" },
    { "letters of others",       "kraken",  "\xc3\x84/USDT", "1",                        CH_BAD_INPUT, "BASE/QUOTE" },
    { "zero",                    "kraken",  "BTC/USDT",      "0",                        CH_BAD_INPUT, "is zero or has too many digits" },
    { "too large",               "kraken",  "BTC/USDT",      "1000000000000000000",      CH_BAD_INPUT, "18 before the point" },
    { "too small",               "kraken",  "BTC/USDT",      "0.0000000000000000001",    CH_BAD_INPUT, "18 after it" },
    { "a source of no policy",   "coinbase", "BTC/USDT",     "1",                        CH_BAD_INPUT, "no such source" },
    { "no source",               "",        "BTC/USDT",      "1",                        CH_BAD_INPUT, "no such source" },
    { "a source by its start",   "krak",    "BTC/USDT",      "1",                        CH_BAD_INPUT, "no such source" },
};
/* clang-format on */

START_TEST(test_what_may_be_reported)
{
    const ch_quote quote = {ch_slice_of(reports[_i].source), ch_slice_of(reports[_i].pair), number(reports[_i].price),
                            NOW};
    ch_quote_outcome outcome;
    ch_error err = CH_ERROR_INIT;
    uint64_t before = ch_prices_generation(prices);
    ck_assert_msg(ch_prices_put(prices, &quote, NOW, &outcome, &err) == reports[_i].status, "%s: %s", reports[_i].name,
                  err.message);
    ck_assert((ch_prices_generation(prices) != before) == (reports[_i].status == CH_OK));
    if (reports[_i].message != NULL)
        ck_assert_msg(strstr(err.message, reports[_i].message) != NULL, "%s: %s", reports[_i].name, err.message);
}
END_TEST

/* clang-format off */
static const struct {
    const char *name;
    uint64_t quoted_ns, now_ns;
    ch_quote_outcome outcome; /* after one that was quoted at NOW */
} times[] = {
    /* name                                      quoted            now              outcome */
    { "later",                                   NOW + 1,          NOW + 1,         CH_QUOTE_TAKEN },
    { "the same time",                           NOW,              NOW + SECOND,    CH_QUOTE_TAKEN },
    { "older",                                   NOW - 1,          NOW + SECOND,    CH_QUOTE_OLDER },
    { "1970",                                    0,                NOW + SECOND,    CH_QUOTE_OLDER },
    { "as far ahead as clocks differ",           NOW + 3 * SECOND, NOW + SECOND,    CH_QUOTE_TAKEN },
    { "further ahead",                           NOW + 3 * SECOND + 1, NOW + SECOND, CH_QUOTE_OLDER },
    { "the end of time",                         UINT64_MAX,       NOW + SECOND,    CH_QUOTE_OLDER },
    { "the clock was set back, a little",        NOW - SECOND,     NOW - SECOND,    CH_QUOTE_OLDER },
    { "the clock was set back, by a day",        NOW - 86400 * SECOND, NOW - 86400 * SECOND, CH_QUOTE_TAKEN },
};
/* clang-format on */

START_TEST(test_older_prices_and_those_of_the_future_change_nothing)
{
    ck_assert_int_eq(put("100", NOW), CH_QUOTE_TAKEN);
    uint64_t before = ch_prices_generation(prices);
    ck_assert_msg(put_of("binance", "BTC/USDT", number("101"), times[_i].quoted_ns, times[_i].now_ns) ==
                      times[_i].outcome,
                  "%s", times[_i].name);
    ck_assert((ch_prices_generation(prices) != before) == (times[_i].outcome == CH_QUOTE_TAKEN));
    ck_assert_int_eq(put_of("binance", "ETH/USDT", number("1"), UINT64_MAX, NOW), CH_QUOTE_OLDER);
    ch_price_row row;
    ck_assert(!ch_prices_next(prices, CH_LITERAL("BTC/USDT"), CH_LITERAL("binance"), &row));
}
END_TEST

START_TEST(test_there_are_not_too_many_pairs)
{
    ch_quote_outcome outcome;
    ch_error err = CH_ERROR_INIT;
    for (unsigned i = 0; i <= CH_PAIRS_MAX; i++) {
        char pair[32];
        snprintf(pair, sizeof pair, "A%u/USDT", i * 7919 % 100003);
        const ch_quote quote = {CH_LITERAL("kraken"), ch_slice_of(pair), number("1"), NOW};
        ck_assert_int_eq(ch_prices_put(prices, &quote, NOW, &outcome, &err), i < CH_PAIRS_MAX ? CH_OK : CH_TOO_LARGE);
    }
    ck_assert_int_eq(put_of("okx", "A0/USDT", number("1"), NOW, NOW), CH_QUOTE_TAKEN); /* it is known */
    ch_price_row row = {0};
    size_t count = 0;
    for (ch_slice before = {0}; ch_prices_next(prices, row.pair, row.source, &row); before = row.pair) {
        ck_assert(ch_slice_compare(before, row.pair) <= 0);
        count++;
    }
    ck_assert_uint_eq(count, CH_PAIRS_MAX + 1);
}
END_TEST

/* ---- moves ---- */

/* clang-format off */
static const struct {
    const char *name;
    const char *price; /* after 100, within the window */
    bool is_held;
} steps[] = {
    { "as far up as policy allows",       "110",                  false },
    { "a trace further",                  "110.000000000000001",  true },
    { "as far down as policy allows",     "90",                   false },
    { "a trace further down",             "89.999999999999999",   true },
    { "a hundred times as much",          "10000",                true },
    { "more than can be multiplied",      "999999999999999999.999999999999999999", true },
    { "nearly nothing",                   "0.000000000000000001", true },
};
/* clang-format on */

START_TEST(test_one_step)
{
    put("100", NOW);
    ck_assert_msg((put(steps[_i].price, NOW + 1) == CH_QUOTE_HELD) == steps[_i].is_held, "%s", steps[_i].name);
    if (steps[_i].is_held)
        assert_no_reference(NOW + 1, CH_REFERENCE_HELD);
    else
        assert_reference(NOW + 1, steps[_i].price);
}
END_TEST

START_TEST(test_many_small_steps_are_held)
{
    char price[16];
    for (unsigned i = 0; i <= 10; i++) {
        snprintf(price, sizeof price, "%u", 100 + i);
        ck_assert_int_eq(put(price, NOW + i * SECOND), CH_QUOTE_TAKEN);
    }
    ck_assert_int_eq(put("111", NOW + 11 * SECOND), CH_QUOTE_HELD);
    assert_no_reference(NOW + 11 * SECOND, CH_REFERENCE_HELD);
}
END_TEST

START_TEST(test_up_and_then_down_is_measured_from_the_top)
{
    put("100", NOW);
    put("110", NOW + SECOND);
    ck_assert_int_eq(put("99", NOW + 2 * SECOND), CH_QUOTE_TAKEN);
    ck_assert_int_eq(put("98.9", NOW + 3 * SECOND), CH_QUOTE_HELD);
}
END_TEST

/* An attacker has the feed, and moves as far as it gets, every so often. */
static const uint64_t pauses[] = {0,         1,      SECOND,     7 * SECOND,      MOVE_PART - 1,
                                  MOVE_PART, MINUTE, 3 * MINUTE, MOVE_WINDOW / 2, MOVE_WINDOW - 1};

START_TEST(test_nobody_walks_further_by_waiting_less_than_the_window)
{
    put("100", NOW);
    uint64_t now_ns = NOW + pauses[_i];
    ck_assert_int_eq(put("110", now_ns), CH_QUOTE_TAKEN);
    ck_assert_int_eq(put("110.1", now_ns + pauses[_i]), CH_QUOTE_HELD);
}
END_TEST

START_TEST(test_silence_for_a_window_is_no_way_around)
{
    put("100", NOW);
    ck_assert_int_eq(put("110.1", NOW + 100 * MOVE_WINDOW), CH_QUOTE_HELD);
}
END_TEST

START_TEST(test_a_step_of_the_largest_size_takes_a_window)
{
    put("100", NOW);
    put("110", NOW + 1); /* until then it was 100 */
    uint64_t end_ns = NOW + MOVE_WINDOW + MOVE_PART + 60;
    ck_assert_int_eq(put("121", end_ns), CH_QUOTE_TAKEN);
    ck_assert_int_eq(put("121.1", end_ns + MOVE_WINDOW - 1), CH_QUOTE_HELD);
}
END_TEST

/* In any order of steps and pauses, what is believed within a window never lies further apart than policy allows, and
 * what is held would have. */
START_TEST(test_no_walk_gets_further)
{
    enum { STEPS = 20000 };
    static struct {
        uint64_t until_ns; /* it was believed */
        unsigned price;
    } believed[STEPS];
    size_t count = 0;
    uint64_t now_ns = NOW;
    uint64_t state = 11;
    unsigned price = 1000000;
    unsigned held = 0;
    for (size_t step = 0; step < STEPS; step++) {
        state = state * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
        now_ns += (state >> 60) == 0 ? MOVE_WINDOW / 3 * ((state >> 56) % 8) : (state >> 33) % (10 * SECOND);
        unsigned next = (unsigned)(price * (uint64_t)(980 + (state >> 40) % 41) / 1000);
        if (count > 0)
            believed[count - 1].until_ns = now_ns;
        unsigned low = next;
        unsigned high = next;
        unsigned wide_low = next;
        unsigned wide_high = next;
        for (size_t i = count; i-- > 0 && believed[i].until_ns + MOVE_WINDOW + MOVE_PART + 60 > now_ns;) {
            unsigned one = believed[i].price;
            wide_low = one < wide_low ? one : wide_low;
            wide_high = one > wide_high ? one : wide_high;
            if (believed[i].until_ns + MOVE_WINDOW <= now_ns)
                continue;
            low = one < low ? one : low;
            high = one > high ? one : high;
        }
        ch_quote_outcome outcome = put_of("binance", "BTC/USDT", ch_decimal_of(next), now_ns, now_ns);
        if (outcome == CH_QUOTE_TAKEN) {
            ck_assert(10 * (uint64_t)next <= 11 * (uint64_t)low && 10 * (uint64_t)next >= 9 * (uint64_t)high);
            price = next;
        } else {
            ck_assert(10 * (uint64_t)next > 11 * (uint64_t)wide_low || 10 * (uint64_t)next < 9 * (uint64_t)wide_high);
            held++;
            confirm(now_ns); /* and it goes on from there */
            price = next;
            count = 0;
        }
        believed[count].price = next;
        count++;
    }
    ck_assert_uint_gt(held, 100);
}
END_TEST

START_TEST(test_a_clock_that_is_set_back_opens_no_gap)
{
    put("100", NOW);
    put("110", NOW + 1);
    uint64_t back_ns = NOW - 10 * MOVE_WINDOW;
    ck_assert_int_eq(put("104", back_ns), CH_QUOTE_TAKEN);
    ck_assert_int_eq(put("98.9", back_ns + 2 * MOVE_WINDOW), CH_QUOTE_HELD);
}
END_TEST

START_TEST(test_sources_and_pairs_move_by_themselves)
{
    put("100", NOW);
    ck_assert_int_eq(put_of("kraken", "BTC/USDT", number("200"), NOW, NOW), CH_QUOTE_TAKEN);
    ck_assert_int_eq(put_of("binance", "ETH/USDT", number("3"), NOW, NOW), CH_QUOTE_TAKEN);
    ck_assert_int_eq(put("200", NOW), CH_QUOTE_HELD);
    ck_assert_int_eq(put_of("kraken", "BTC/USDT", number("201"), NOW, NOW), CH_QUOTE_TAKEN);
    assert_reference(NOW, "201");
}
END_TEST

START_TEST(test_without_a_largest_move_all_is_believed)
{
    rules.has_max_move = false;
    ch_prices_set_rules(prices, &rules);
    put("100", NOW);
    ck_assert_int_eq(put("10000", NOW + 1), CH_QUOTE_TAKEN);
    rules.has_max_move = true;
    ch_prices_set_rules(prices, &rules);
    ck_assert_int_eq(put("11000.1", NOW + 2), CH_QUOTE_HELD); /* by what is believed now */
}
END_TEST

START_TEST(test_a_largest_move_of_all_bounds_the_way_up)
{
    rules.max_move = number("1.5");
    ch_prices_set_rules(prices, &rules);
    put("100", NOW);
    ck_assert_int_eq(put("0.0001", NOW + 1), CH_QUOTE_TAKEN);
    ck_assert_int_eq(put("0.0003", NOW + 2), CH_QUOTE_HELD);
}
END_TEST

CH_TESTS_WITH("prices", feeds_set_up, feeds_tear_down, CH_TEST_ROWS(test_what_may_be_reported, reports),
              CH_TEST_ROWS(test_older_prices_and_those_of_the_future_change_nothing, times),
              CH_TEST(test_there_are_not_too_many_pairs), CH_TEST_ROWS(test_one_step, steps),
              CH_TEST(test_many_small_steps_are_held), CH_TEST(test_up_and_then_down_is_measured_from_the_top),
              CH_TEST_ROWS(test_nobody_walks_further_by_waiting_less_than_the_window, pauses),
              CH_TEST(test_silence_for_a_window_is_no_way_around),
              CH_TEST(test_a_step_of_the_largest_size_takes_a_window), CH_TEST(test_no_walk_gets_further),
              CH_TEST(test_a_clock_that_is_set_back_opens_no_gap), CH_TEST(test_sources_and_pairs_move_by_themselves),
              CH_TEST(test_without_a_largest_move_all_is_believed),
              CH_TEST(test_a_largest_move_of_all_bounds_the_way_up))
