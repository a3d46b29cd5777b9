/* The reports' door: a feed's prices become one PUT_PRICES frame, and what is odd in any way stays out. */
#include "agent/front/report.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

#include <string.h>

#define NOW "\"time_ms\":1764000000000"
#define ROW "{\"pair\":\"BTC/USDT\",\"price\":\"29880.50\"," NOW "}"
#define PRICES(rows) "{\"source\":\"kraken\",\"prices\":[" rows "]}"

/* clang-format off */
static const struct {
    const char *name;
    const char *body;
    const char *says;
} odd_prices[] = {
    /* name                     body                                                                    says */
    { "empty body",             "",                                                                     "JSON" },
    { "no object",              "[" ROW "]",                                                            "object" },
    { "nothing",                "{}",                                                                   "\"source\" is missing" },
    { "no prices",              "{\"source\":\"kraken\"}",                                              "\"prices\"" },
    { "no price",               PRICES(""),                                                             "one price or more" },
    { "prices as an object",    "{\"source\":\"kraken\",\"prices\":{\"BTC/USDT\":\"1\"}}",              "\"prices\"" },
    { "no source",              "{\"prices\":[" ROW "]}",                                               "\"source\" is missing" },
    { "source in a list",       "{\"source\":[\"kraken\"],\"prices\":[" ROW "]}",                       "\"source\" is of another type" },
    { "empty source",           "{\"source\":\"\",\"prices\":[" ROW "]}",                               "must be a name" },
    { "source in capitals",     "{\"source\":\"Kraken\",\"prices\":[" ROW "]}",                         "must be a name" },
    { "source with a newline",  "{\"source\":\"kraken\\n\",\"prices\":[" ROW "]}",                      "control" },
    { "two sources",            "{\"source\":\"a\",\"source\":\"b\",\"prices\":[" ROW "]}",             "duplicate" },
    { "unknown member",         "{\"source\":\"kraken\",\"prices\":[" ROW "],\"force\":true}",          "'force'" },
    { "price for a row",        PRICES("\"29880\""),                                                    "prices[0]: it must be an object" },
    { "null for a row",         PRICES(ROW ",null"),                                                    "prices[1]: it must be an object" },
    { "no pair",                PRICES("{\"price\":\"1\"," NOW "}"),                                    "prices[0]: \"pair\" is missing" },
    { "pair that is a number",  PRICES("{\"pair\":1,\"price\":\"1\"," NOW "}"),                         "\"pair\" is of another type" },
    { "pair with a tab",        PRICES("{\"pair\":\"A\\tB\",\"price\":\"1\"," NOW "}"),                 "\"pair\" holds a control" },
    { "no price in a row",      PRICES("{\"pair\":\"A/B\"," NOW "}"),                                   "\"price\" is missing" },
    { "integer price",          PRICES("{\"pair\":\"A/B\",\"price\":29880," NOW "}"),                   "\"price\" is a number; write it as a string" },
    { "real price",             PRICES("{\"pair\":\"A/B\",\"price\":0.1," NOW "}"),                     "\"price\" is a number; write it as a string" },
    { "price that is null",     PRICES("{\"pair\":\"A/B\",\"price\":null," NOW "}"),                    "\"price\" is of another type" },
    { "price with a NUL",       PRICES("{\"pair\":\"A/B\",\"price\":\"1\\u0000\"," NOW "}"),            "JSON" },
    { "two prices",             PRICES("{\"pair\":\"A/B\",\"price\":\"1\",\"price\":\"2\"," NOW "}"),   "duplicate" },
    { "no time",                PRICES("{\"pair\":\"A/B\",\"price\":\"1\"}"),                           "\"time_ms\"" },
    { "time as text",           PRICES("{\"pair\":\"A/B\",\"price\":\"1\",\"time_ms\":\"1764\"}"),      "\"time_ms\"" },
    { "real time",              PRICES("{\"pair\":\"A/B\",\"price\":\"1\",\"time_ms\":1.5}"),           "\"time_ms\"" },
    { "time before 1970",       PRICES("{\"pair\":\"A/B\",\"price\":\"1\",\"time_ms\":-1}"),            "\"time_ms\"" },
    { "time 0",                 PRICES("{\"pair\":\"A/B\",\"price\":\"1\",\"time_ms\":0}"),             "\"time_ms\"" },
    { "time past 64 bits",      PRICES("{\"pair\":\"A/B\",\"price\":\"1\",\"time_ms\":99999999999999999999}"), "too large" },
    { "unknown member of a row", PRICES("{\"pair\":\"A/B\",\"price\":\"1\",\"size\":\"1\"," NOW "}"),   "prices[0]: the body has an unknown field 'size'" },
    { "one bad row of three",   PRICES(ROW "," ROW ",{}"),                                              "prices[2]: \"pair\" is missing" },
};

static const struct {
    const char *name;
    const char *body;
    const char *says;
} odd_outcomes[] = {
    /* name                 body                                              says */
    { "empty body",         "",                                               "JSON" },
    { "no object",          "\"rejected\"",                                   "JSON" },
    { "nothing",            "{}",                                             "\"outcome\" is missing" },
    { "another outcome",    "{\"outcome\":\"cancelled\"}",                    "must be \"rejected\"" },
    { "in capitals",        "{\"outcome\":\"REJECTED\"}",                     "must be \"rejected\"" },
    { "empty outcome",      "{\"outcome\":\"\"}",                             "must be \"rejected\"" },
    { "no text",            "{\"outcome\":true}",                             "\"outcome\" is of another type" },
    { "twice",              "{\"outcome\":\"rejected\",\"outcome\":\"rejected\"}", "duplicate" },
    { "unknown member",     "{\"outcome\":\"rejected\",\"amount\":\"1\"}",    "'amount'" },
};
/* clang-format on */

static ch_report report;
static ch_error err;

static void tear_down(void)
{
    ch_report_free(&report);
}

START_TEST(test_odd_prices_are_refused)
{
    ch_status st = ch_report_read_prices(&report, ch_slice_of(odd_prices[_i].body), &err);
    ck_assert_msg(st == CH_BAD_INPUT, "%s: status %d", odd_prices[_i].name, (int)st);
    ck_assert_msg(strstr(err.message, odd_prices[_i].says) != NULL, "%s: %s", odd_prices[_i].name, err.message);
}
END_TEST

START_TEST(test_odd_outcomes_are_refused)
{
    ch_status st = ch_report_read_outcome(&report, ch_slice_of(odd_outcomes[_i].body), &err);
    ck_assert_msg(st == CH_BAD_INPUT, "%s: status %d", odd_outcomes[_i].name, (int)st);
    ck_assert_msg(strstr(err.message, odd_outcomes[_i].says) != NULL, "%s: %s", odd_outcomes[_i].name, err.message);
}
END_TEST

static void check_next(const char *pair, const char *price, uint64_t quoted_ms)
{
    ch_quote_record quote;
    ck_assert(ch_quote_record_next(&report.prices.quotes, &quote));
    ck_assert(ch_slice_is(quote.pair, pair));
    ck_assert(ch_slice_is(quote.price, price));
    ck_assert_uint_eq(quote.quoted_ms, quoted_ms);
}

START_TEST(test_prices_keep_their_text_and_order)
{
    const char *body = PRICES(ROW ",{\"time_ms\":1,\"price\":\"0.000000010\",\"pair\":\"SHIB/BTC\"}");
    ck_assert_msg(ch_report_read_prices(&report, ch_slice_of(body), &err) == CH_OK, "%s", err.message);
    ck_assert(ch_slice_is(report.prices.source, "kraken"));
    ck_assert_uint_eq(report.prices.quotes.count, 2);
    check_next("BTC/USDT", "29880.50", 1764000000000);
    check_next("SHIB/BTC", "0.000000010", 1);
}
END_TEST

START_TEST(test_a_report_forgets_the_one_before)
{
    const char *two = PRICES(ROW "," ROW);
    const char *one = PRICES("{\"pair\":\"A/B\",\"price\":\"1\"," NOW "}");
    ck_assert_int_eq(ch_report_read_prices(&report, ch_slice_of(two), &err), CH_OK);
    ck_assert_int_eq(ch_report_read_prices(&report, ch_slice_of(PRICES(ROW ",7")), &err), CH_BAD_INPUT);
    ck_assert_int_eq(ch_report_read_prices(&report, ch_slice_of(one), &err), CH_OK);
    ck_assert_uint_eq(report.prices.quotes.count, 1);
    check_next("A/B", "1", 1764000000000);
}
END_TEST

START_TEST(test_a_body_of_shortest_rows_fits_a_frame)
{
    ch_autobuffer body = CH_BUFFER_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_buffer_add_text(&body, "{\"source\":\"k\",\"prices\":[");
    for (const char *comma = ""; body.size < (size_t)48 * 1024 - 64; comma = ",")
        ch_buffer_add_format(&body, "%s{\"pair\":\"\",\"price\":\"\",\"time_ms\":1}", comma);
    ch_buffer_add_text(&body, "]}");
    ck_assert_msg(ch_report_read_prices(&report, ch_buffer_slice(&body), &err) == CH_OK, "%s", err.message);
    ck_assert_uint_gt(report.prices.quotes.count, 1000);
    ck_assert_int_eq(ch_put_prices_frame_put(&packet, 1, &report.prices, &err), CH_OK);
}
END_TEST

START_TEST(test_a_rejected_order_is_reported)
{
    ck_assert_int_eq(ch_report_read_outcome(&report, CH_LITERAL("{\"outcome\":\"rejected\"}"), &err), CH_OK);
}
END_TEST

CH_TESTS_WITH("report", NULL, tear_down, CH_TEST_ROWS(test_odd_prices_are_refused, odd_prices),
              CH_TEST_ROWS(test_odd_outcomes_are_refused, odd_outcomes), CH_TEST(test_prices_keep_their_text_and_order),
              CH_TEST(test_a_report_forgets_the_one_before), CH_TEST(test_a_body_of_shortest_rows_fits_a_frame),
              CH_TEST(test_a_rejected_order_is_reported))
