/* Prices: what is held, the median of what is left, and what a reload or a restart leaves. */
#include "policy/prices.h"

#include "tests/support/suite.h"
#include "tests/unit/policy/feeds.h"

#include <stdio.h>
#include <string.h>

/* ---- what is held ---- */

static ch_price_row row_of_binance(void)
{
    ch_price_row row;
    ck_assert(ch_prices_next(prices, CH_LITERAL("BTC/USDT"), CH_LITERAL("a"), &row));
    ck_assert(ch_slice_is(row.source, "binance"));
    return row;
}

START_TEST(test_what_is_held_stays_held_until_it_is_confirmed)
{
    put("100", NOW);
    put("120", NOW + 1);
    ck_assert_int_eq(put("100", NOW + 2), CH_QUOTE_HELD); /* also if it goes back */
    ck_assert_int_eq(put("121", NOW + MOVE_WINDOW * 3), CH_QUOTE_HELD);
    ch_price_row row = row_of_binance();
    ck_assert(row.is_held && row.quoted_ns == NOW + MOVE_WINDOW * 3);
    assert_number(row.price, "121");
    assert_number(row.low, "100");
    assert_number(row.high, "100");
    assert_no_reference(NOW + MOVE_WINDOW * 3, CH_REFERENCE_HELD);
    uint64_t before = ch_prices_generation(prices);
    confirm(NOW + MOVE_WINDOW * 3 + 1);
    ck_assert_uint_ne(ch_prices_generation(prices), before);
    assert_reference(NOW + MOVE_WINDOW * 3 + 1, "121");
    row = row_of_binance();
    assert_number(row.low, "121");
    ck_assert_int_eq(put("133.1", NOW + MOVE_WINDOW * 3 + 2), CH_QUOTE_TAKEN);
    ck_assert_int_eq(put("133.2", NOW + MOVE_WINDOW * 3 + 3), CH_QUOTE_HELD);
}
END_TEST

START_TEST(test_an_older_price_is_not_the_one_in_question)
{
    put("100", NOW);
    put("120", NOW + SECOND);
    ck_assert_int_eq(put_of("binance", "BTC/USDT", number("130"), NOW, NOW + 2 * SECOND), CH_QUOTE_OLDER);
    assert_number(row_of_binance().price, "120");
}
END_TEST

/* A feed that lies could else have one price looked at, and another believed. */
START_TEST(test_only_the_price_that_was_seen_is_confirmed)
{
    ch_error err = CH_ERROR_INIT;
    put("100", NOW);
    put("120", NOW + SECOND);
    put("900", NOW + 2 * SECOND);
    ck_assert_int_eq(
        ch_prices_confirm(prices, CH_LITERAL("binance"), CH_LITERAL("BTC/USDT"), number("120"), NOW + 3 * SECOND, &err),
        CH_CONFLICT);
    ck_assert_msg(strstr(err.message, "900") != NULL, "%s", err.message);
    ck_assert(row_of_binance().is_held);
    ck_assert_int_eq(ch_prices_confirm(prices, CH_LITERAL("binance"), CH_LITERAL("BTC/USDT"), number("900.0"),
                                       NOW + 3 * SECOND, &err),
                     CH_OK);
    ck_assert(!row_of_binance().is_held);
}
END_TEST

START_TEST(test_only_what_is_held_can_be_confirmed)
{
    ch_error err = CH_ERROR_INIT;
    put("100", NOW);
    ck_assert_int_eq(ch_prices_confirm(prices, CH_LITERAL("binance"), CH_LITERAL("BTC/USDT"), number("100"), NOW, &err),
                     CH_CONFLICT);
    ck_assert_int_eq(ch_prices_confirm(prices, CH_LITERAL("kraken"), CH_LITERAL("BTC/USDT"), number("100"), NOW, &err),
                     CH_NOT_FOUND);
    ck_assert_int_eq(ch_prices_confirm(prices, CH_LITERAL("nobody"), CH_LITERAL("BTC/USDT"), number("100"), NOW, &err),
                     CH_NOT_FOUND);
    ck_assert_int_eq(ch_prices_confirm(prices, CH_LITERAL("binance"), CH_LITERAL("ETH/USDT"), number("100"), NOW, &err),
                     CH_NOT_FOUND);
    ck_assert_int_eq(ch_prices_confirm(prices, CH_LITERAL("binance"), CH_LITERAL(""), number("100"), NOW, &err),
                     CH_NOT_FOUND);
}
END_TEST

/* ---- the reference ---- */

/* clang-format off */
static const struct {
    const char *name;
    const char *quotes[4]; /* of the four sources; NULL: none, "-": one that is old, "!": one that is held */
    uint32_t at_least;
    ch_reference_state state;
    const char *price; /* also of what is not good */
    unsigned sources;
} medians[] = {
    /* name                             quotes                          least state                price        sources */
    { "nobody",                         { NULL, NULL, NULL, NULL },     1,   CH_REFERENCE_NONE,    "0",          0 },
    { "one",                            { "100", NULL, NULL, NULL },    1,   CH_REFERENCE_GOOD,    "100",        1 },
    { "the middle of two",              { "100", "101", NULL, NULL },   1,   CH_REFERENCE_GOOD,    "100.5",      2 },
    { "it is exact",                    { "0.000000000000000001", "0.000000000000000002", NULL, NULL }, 1, CH_REFERENCE_GOOD, "0.0000000000000000015", 2 },
    { "and it fits",                    { "999999999999999999.999999999999999999", "999999999999999999.999999999999999998", NULL, NULL }, 1, CH_REFERENCE_GOOD, "999999999999999999.9999999999999999985", 2 },
    { "the one in the middle",          { "102", "1", "101", NULL },    3,   CH_REFERENCE_GOOD,    "101",        3 },
    { "the middle of four",             { "1", "100", "103", "9999" },  4,   CH_REFERENCE_GOOD,    "101.5",      4 },
    { "an old one does not count",      { "-", "100", NULL, NULL },     1,   CH_REFERENCE_GOOD,    "100",        1 },
    { "only an old one",                { "-", NULL, NULL, NULL },      1,   CH_REFERENCE_STALE,   "50",         0 },
    { "too few",                        { "100", "-", NULL, NULL },     2,   CH_REFERENCE_STALE,   "100",        0 },
    { "too few have ever quoted",       { "100", NULL, NULL, NULL },    2,   CH_REFERENCE_STALE,   "100",        0 },
    { "a held one does not count",      { "!", "100", NULL, NULL },     1,   CH_REFERENCE_GOOD,    "100",        1 },
    { "only a held one",                { "!", NULL, NULL, NULL },      1,   CH_REFERENCE_HELD,    "0",          0 },
    { "too few because of a held one",  { "!", "100", NULL, NULL },     2,   CH_REFERENCE_HELD,    "100",        0 },
    { "too few also without that",      { "!", "100", "-", NULL },      3,   CH_REFERENCE_STALE,   "100",        0 },
};
/* clang-format on */

START_TEST(test_the_median_of_what_counts)
{
    rules.at_least = medians[_i].at_least;
    ch_prices_set_rules(prices, &rules);
    for (size_t i = 0; i < CH_ROWS(sources); i++) {
        const char *price = medians[_i].quotes[i];
        if (price == NULL)
            continue;
        bool is_old = strcmp(price, "-") == 0;
        bool is_held = strcmp(price, "!") == 0;
        uint64_t quoted_ns = is_old ? NOW - AGE - 1 : NOW - i * SECOND;
        put_of(sources[i], "BTC/USDT", number(is_old || is_held ? "50" : price), quoted_ns, NOW);
        if (is_held)
            ck_assert_int_eq(put_of(sources[i], "BTC/USDT", number("60"), quoted_ns, NOW), CH_QUOTE_HELD);
    }
    ch_reference found;
    ck_assert_msg(look(NOW, &found) == medians[_i].state, "%s", medians[_i].name);
    assert_number(found.price, medians[_i].price);
    ck_assert_uint_eq(found.sources, medians[_i].sources);
}
END_TEST

START_TEST(test_an_age_is_that_of_the_oldest)
{
    ch_reference found;
    put_of("binance", "BTC/USDT", number("100"), NOW, NOW);
    put_of("kraken", "BTC/USDT", number("102"), NOW + 3 * SECOND, NOW + SECOND); /* its clock is ahead */
    ck_assert_int_eq(look(NOW + SECOND, &found), CH_REFERENCE_GOOD);
    ck_assert_uint_eq(found.age_ns, SECOND);
    ck_assert_int_eq(look(NOW + AGE, &found), CH_REFERENCE_GOOD);
    ck_assert_uint_eq(found.age_ns, AGE);
    assert_reference(NOW + AGE + 1, "102");
    assert_reference(NOW + AGE + 3 * SECOND, "102");
    ck_assert_int_eq(look(NOW + AGE + 3 * SECOND + 1, &found), CH_REFERENCE_STALE);
    ck_assert_uint_eq(found.age_ns, AGE + 1);
    assert_no_reference(NOW - 3 * SECOND,
                        CH_REFERENCE_STALE); /* the clock was set back: how old they are is not known */
}
END_TEST

/* clang-format off */
static const char *const others[][2] = {
    { "USDT", "BTC" }, { "BTC", "USD" }, { "BTC", "USDTT" }, { "BTC/USDT", "" }, { "", "BTC/USDT" }, { "", "" },
    { "btc", "usdt" }, { "BTC", "/USDT" },
    { "A23456789012345678901234567890123456789012345678901234567890", "USDT" },
    { "BTC", "A23456789012345678901234567890123456789012345678901234567890" },
};
/* clang-format on */

START_TEST(test_another_pair_has_no_reference)
{
    ch_reference found;
    put("100", NOW);
    ck_assert_int_eq(
        ch_prices_reference(prices, ch_slice_of(others[_i][0]), ch_slice_of(others[_i][1]), NOW, AGE, &found),
        CH_REFERENCE_NONE);
    ck_assert(ch_decimal_is_zero(found.price));
}
END_TEST

/* ---- reloads and restarts ---- */

START_TEST(test_sources_that_policy_drops_do_not_count)
{
    put("100", NOW);
    put_of("kraken", "BTC/USDT", number("200"), NOW, NOW);
    put_of("okx", "BTC/USDT", number("300"), NOW, NOW);
    put_of("okx", "BTC/USDT", number("400"), NOW, NOW); /* held */
    put_of("binance", "ETH/USDT", number("3"), NOW, NOW);
    char *left[] = {"new", "okx", "kraken"};
    rules.sources = left;
    rules.source_count = CH_ROWS(left);
    ch_prices_set_rules(prices, &rules);
    assert_reference(NOW, "200");
    ch_price_row row;
    ck_assert(!ch_prices_next(prices, CH_LITERAL("ETH/USDT"), CH_LITERAL(""), &row));
    ck_assert(ch_prices_next(prices, CH_LITERAL(""), CH_LITERAL(""), &row) && ch_slice_is(row.source, "kraken"));
    ck_assert(ch_prices_next(prices, row.pair, row.source, &row) && ch_slice_is(row.source, "okx") && row.is_held);
    ck_assert(!ch_prices_next(prices, row.pair, row.source, &row));
    put_of("new", "BTC/USDT", number("100"), NOW, NOW);
    assert_reference(NOW, "150");
}
END_TEST

static void restart(void)
{
    ch_prices *next = ch_prices_new();
    ch_price_row row = {0};
    while (ch_prices_next(prices, row.pair, row.source, &row))
        ch_prices_restore(next, &row, NOW + MINUTE);
    ch_prices_free(prices);
    prices = next;
    ch_prices_set_rules(prices, &rules);
}

START_TEST(test_a_restart_forgets_no_move)
{
    put("100", NOW);
    put("105", NOW + SECOND);
    put_of("kraken", "BTC/USDT", number("100"), NOW, NOW);
    put_of("kraken", "BTC/USDT", number("150"), NOW, NOW);
    restart();
    assert_no_reference(NOW + MINUTE, CH_REFERENCE_STALE);
    assert_reference(NOW + 2 * SECOND, "105");
    ck_assert_int_eq(put_of("kraken", "BTC/USDT", number("100"), NOW + MINUTE, NOW + MINUTE), CH_QUOTE_HELD);
    ck_assert_int_eq(put("110", NOW + 2 * MINUTE), CH_QUOTE_TAKEN);
    ck_assert_int_eq(put("110.1", NOW + 3 * MINUTE), CH_QUOTE_HELD);
}
END_TEST

START_TEST(test_silence_after_a_restart_is_no_way_around)
{
    put("100", NOW);
    restart();
    ck_assert_int_eq(put("110.1", NOW + 100 * MOVE_WINDOW), CH_QUOTE_HELD);
}
END_TEST

START_TEST(test_rows_that_are_wrong_are_left_out)
{
    const ch_price_row good = {.source = CH_LITERAL("s0"),
                               .pair = CH_LITERAL("A/B"),
                               .price = number("1"),
                               .low = number("1"),
                               .high = number("1")};
    ch_price_row row = good;
    row.pair = CH_LITERAL("a/b");
    ch_prices_restore(prices, &row, NOW);
    row = good;
    row.price = CH_DECIMAL_ZERO;
    ch_prices_restore(prices, &row, NOW);
    ck_assert(!ch_prices_next(prices, CH_LITERAL(""), CH_LITERAL(""), &row));
    for (unsigned i = 0; i < CH_SOURCES_MAX; i++) { /* four are known already */
        char source[8];
        snprintf(source, sizeof source, "s%u", i);
        row = good;
        row.source = ch_slice_of(source);
        ch_prices_restore(prices, &row, NOW);
    }
    unsigned count = 0;
    for (row = (ch_price_row){0}; ch_prices_next(prices, row.pair, row.source, &row);)
        count++;
    ck_assert_uint_eq(count, CH_SOURCES_MAX - CH_ROWS(sources));
}
END_TEST

CH_TESTS_WITH("prices_keep", feeds_set_up, feeds_tear_down, CH_TEST(test_what_is_held_stays_held_until_it_is_confirmed),
              CH_TEST(test_an_older_price_is_not_the_one_in_question), CH_TEST(test_only_what_is_held_can_be_confirmed),
              CH_TEST(test_only_the_price_that_was_seen_is_confirmed),
              CH_TEST_ROWS(test_the_median_of_what_counts, medians), CH_TEST(test_an_age_is_that_of_the_oldest),
              CH_TEST_ROWS(test_another_pair_has_no_reference, others),
              CH_TEST(test_sources_that_policy_drops_do_not_count), CH_TEST(test_a_restart_forgets_no_move),
              CH_TEST(test_silence_after_a_restart_is_no_way_around), CH_TEST(test_rows_that_are_wrong_are_left_out))
