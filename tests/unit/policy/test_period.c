/* Where buckets begin and end, to the nanosecond. */
#include "policy/period.h"

#include "base/buffer.h"
#include "tests/support/dice.h"
#include "tests/support/suite.h"
#include "tests/unit/policy/moment.h"

#define END_2200_NS (7258118400 * NS_PER_S)
#define HUNDRED_YEARS_NS (36525 * 86400LL * NS_PER_S)

static ch_error err;

/* ---- sliding windows ---- */

static const uint64_t windows[] = {NS_PER_S,
                                   60 * NS_PER_S,
                                   3600 * NS_PER_S,
                                   24 * 3600 * NS_PER_S,
                                   30 * 86400 * NS_PER_S,
                                   HUNDRED_YEARS_NS,
                                   1000000,
                                   250000000,
                                   7,
                                   61};

/* Bucket [k*w, (k+1)*w) counts while (k+1)*w > now - W. */
static bool must_count(uint64_t k, uint64_t width, uint64_t now_ns)
{
    return (k + 1) * width + CH_WINDOW_BUCKETS * width > now_ns;
}

static void check_sliding(const ch_period *period, uint64_t now_ns)
{
    uint64_t width = (period->ns + CH_WINDOW_BUCKETS - 1) / CH_WINDOW_BUCKETS;
    uint64_t bucket = ch_period_bucket(period, now_ns);
    uint64_t oldest = ch_period_oldest(period, now_ns);
    uint64_t end_ns = ch_period_end(period, bucket);
    ck_assert(bucket * width <= now_ns && now_ns < (bucket + 1) * width && must_count(oldest, width, now_ns) &&
              (oldest == 0 || !must_count(oldest - 1, width, now_ns)));
    ck_assert(must_count(bucket, width, end_ns - 1) && !must_count(bucket, width, end_ns) &&
              ch_period_oldest(period, end_ns - 1) == bucket && ch_period_oldest(period, end_ns) == bucket + 1);
}

START_TEST(test_a_bucket_counts_until_it_lies_wholly_outside)
{
    const ch_period period = {CH_PERIOD_SLIDING, windows[_i], NULL};
    dice d = {(uint64_t)_i};
    uint64_t width = (period.ns + CH_WINDOW_BUCKETS - 1) / CH_WINDOW_BUCKETS;
    for (int i = 0; i < 2000; i++) {
        uint64_t edge = (uint64_t)dice_below(&d, END_2200_NS) / width * width;
        check_sliding(&period, edge);
        check_sliding(&period, edge + width - 1);
        check_sliding(&period, (uint64_t)dice_below(&d, END_2200_NS));
    }
    for (uint64_t k = 0; k < 65; k++)
        check_sliding(&period, k * width);
}
END_TEST

START_TEST(test_a_window_is_sixty_buckets_and_the_one_that_leaves)
{
    const ch_period minute = {CH_PERIOD_SLIDING, 60 * NS_PER_S, NULL};
    ck_assert_uint_eq(ch_period_bucket(&minute, 100 * NS_PER_S), 100);
    ck_assert_uint_eq(ch_period_oldest(&minute, 100 * NS_PER_S), 40);
    ck_assert_uint_eq(ch_period_oldest(&minute, 101 * NS_PER_S - 1), 40);
    ck_assert_uint_eq(ch_period_oldest(&minute, 59 * NS_PER_S), 0);
    ck_assert_uint_eq(ch_period_end(&minute, 40), 101 * NS_PER_S);
}
END_TEST

/* ---- calendar periods ---- */

/* Each row is a moment at which a period begins. */
/* clang-format off */
static const struct {
    const char *zone;
    ch_period_kind kind;
    const char *begin;
    uint64_t skipped; /* buckets that there are not */
} begins[] = {
    { "UTC",               CH_PERIOD_DAY,   "2024-02-29T00:00:00Z", 0 },
    { "UTC",               CH_PERIOD_DAY,   "2024-03-01T00:00:00Z", 0 },
    { "UTC",               CH_PERIOD_WEEK,  "2024-01-01T00:00:00Z", 0 }, /* a Monday */
    { "UTC",               CH_PERIOD_WEEK,  "1970-01-05T00:00:00Z", 0 }, /* the first */
    { "UTC",               CH_PERIOD_MONTH, "1970-02-01T00:00:00Z", 0 },
    { "UTC",               CH_PERIOD_MONTH, "2024-03-01T00:00:00Z", 0 },
    { "UTC",               CH_PERIOD_MONTH, "2100-03-01T00:00:00Z", 0 }, /* no leap year */
    { "UTC",               CH_PERIOD_MONTH, "2199-12-01T00:00:00Z", 0 },
    { "Europe/Berlin",     CH_PERIOD_DAY,   "2024-03-30T23:00:00Z", 0 }, /* 23 hours */
    { "Europe/Berlin",     CH_PERIOD_DAY,   "2024-03-31T22:00:00Z", 0 },
    { "Europe/Berlin",     CH_PERIOD_DAY,   "2024-10-26T22:00:00Z", 0 }, /* 25 hours */
    { "Europe/Berlin",     CH_PERIOD_DAY,   "2024-10-27T23:00:00Z", 0 },
    { "Europe/Berlin",     CH_PERIOD_WEEK,  "2024-03-31T22:00:00Z", 0 },
    { "Europe/Berlin",     CH_PERIOD_WEEK,  "2024-10-27T23:00:00Z", 0 },
    { "Europe/Berlin",     CH_PERIOD_MONTH, "2024-03-31T22:00:00Z", 0 },
    { "Europe/Berlin",     CH_PERIOD_MONTH, "2024-10-31T23:00:00Z", 0 },
    { "Europe/Berlin",     CH_PERIOD_DAY,   "2150-06-14T22:00:00Z", 0 }, /* by the rule for years to come */
    { "America/New_York",  CH_PERIOD_MONTH, "2024-01-01T05:00:00Z", 0 },
    { "Asia/Kathmandu",    CH_PERIOD_WEEK,  "2024-07-07T18:15:00Z", 0 },
    { "America/Sao_Paulo", CH_PERIOD_DAY,   "2018-11-04T03:00:00Z", 0 }, /* there was no midnight */
    { "America/Havana",    CH_PERIOD_DAY,   "2024-11-03T04:00:00Z", 0 }, /* the first of two midnights */
    { "Asia/Beirut",       CH_PERIOD_DAY,   "2024-10-26T22:00:00Z", 0 }, /* put back at midnight: 23:00 comes twice */
    { "America/St_Johns",  CH_PERIOD_DAY,   "2006-10-29T02:30:00Z", 0 }, /* put back a minute after it */
    { "Pacific/Apia",      CH_PERIOD_DAY,   "2011-12-30T10:00:00Z", 1 }, /* a day was left out */
    { "America/Juneau",    CH_PERIOD_WEEK,  "1983-10-31T09:00:00Z", 0 },
};
/* clang-format on */

START_TEST(test_a_calendar_period_begins)
{
    ch_period period = {.kind = begins[_i].kind};
    ck_assert_int_eq(ch_zone_load(begins[_i].zone, &period.zone, &err), CH_OK);
    uint64_t begin_ns = moment_ns(begins[_i].begin);
    uint64_t before = ch_period_bucket(&period, begin_ns - 1);
    uint64_t bucket = ch_period_bucket(&period, begin_ns);
    ck_assert_uint_eq(bucket, before + 1 + begins[_i].skipped);
    ck_assert_uint_eq(ch_period_end(&period, before), begin_ns);
    ck_assert_uint_eq(ch_period_end(&period, bucket - 1), begin_ns);
    ck_assert_uint_eq(ch_period_oldest(&period, begin_ns), bucket);
    ck_assert_uint_eq(ch_period_bucket(&period, begin_ns + 20 * 3600 * NS_PER_S), bucket);
    ch_zone_free(period.zone);
}
END_TEST

static const char *const zones[] = {"UTC",           "Europe/Berlin", "America/Havana", "America/St_Johns",
                                    "Asia/Beirut",   "Pacific/Apia",  "Asia/Manila",    "Africa/Casablanca",
                                    "Asia/Kathmandu"};

/* One assertion costs more than a thousand look-ups, so they are made together. */
static bool is_in_order(const ch_period *period, uint64_t last, uint64_t bucket, uint64_t now_ns)
{
    uint64_t end_ns = ch_period_end(period, bucket);
    return bucket > last && end_ns > now_ns && ch_period_bucket(period, end_ns) > bucket &&
           ch_period_bucket(period, end_ns - 1) == bucket && ch_period_end(period, last) <= now_ns;
}

START_TEST(test_buckets_rise_and_end_where_the_next_begins)
{
    ch_period period = {CH_PERIOD_DAY, 0, NULL};
    ck_assert_int_eq(ch_zone_load(zones[_i], &period.zone, &err), CH_OK);
    for (; period.kind <= CH_PERIOD_MONTH; period.kind++) {
        uint64_t last = 0;
        for (uint64_t now_ns = 0; now_ns < END_2200_NS; now_ns += 7193 * NS_PER_S + 7) {
            uint64_t bucket = ch_period_bucket(&period, now_ns);
            if (bucket != last && !is_in_order(&period, last, bucket, now_ns))
                ck_abort_msg("%s: bucket %llu at %llu", zones[_i], (unsigned long long)bucket,
                             (unsigned long long)now_ns);
            last = bucket;
        }
    }
    ch_zone_free(period.zone);
}
END_TEST

START_TEST(test_a_total_counts_for_ever)
{
    const ch_period_kind kinds[] = {CH_PERIOD_EVER, CH_PERIOD_NONE};
    for (size_t i = 0; i < CH_ROWS(kinds); i++) {
        const ch_period period = {kinds[i], 0, NULL};
        ck_assert_uint_eq(ch_period_bucket(&period, 0), 0);
        ck_assert_uint_eq(ch_period_bucket(&period, UINT64_MAX), 0);
        ck_assert_uint_eq(ch_period_oldest(&period, END_2200_NS), 0);
        ck_assert_uint_eq(ch_period_end(&period, 0), UINT64_MAX);
    }
}
END_TEST

START_TEST(test_buckets_beyond_time_never_end)
{
    const uint64_t buckets[] = {250000, UINT64_MAX / 60, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < CH_ROWS(buckets); i++) {
        for (ch_period_kind kind = CH_PERIOD_DAY; kind <= CH_PERIOD_MONTH; kind++)
            ck_assert_uint_eq(ch_period_end(&(ch_period){kind, 0, NULL}, buckets[i]), UINT64_MAX);
    }
    const ch_period day = {CH_PERIOD_SLIDING, 86400 * NS_PER_S, NULL};
    ck_assert_uint_eq(ch_period_end(&day, buckets[1]), UINT64_MAX);
    ck_assert_uint_eq(ch_period_end(&day, UINT64_MAX), UINT64_MAX);
}
END_TEST

START_TEST(test_1970_begins_everywhere_at_once)
{
    ch_period period = {CH_PERIOD_DAY, 0, NULL};
    ck_assert_int_eq(ch_zone_load("America/New_York", &period.zone, &err), CH_OK);
    for (; period.kind <= CH_PERIOD_MONTH; period.kind++)
        ck_assert_uint_eq(ch_period_bucket(&period, 0), 0);
    ch_zone_free(period.zone);
}
END_TEST

/* ---- durations ---- */

/* clang-format off */
static const struct {
    const char *text;
    uint64_t ns;
    const char *printed;
} durations[] = {
    { "1ms",     1000000,                     "1ms" },
    { "250ms",   250000000,                   "250ms" },
    { "1000ms",  NS_PER_S,                    "1s" },
    { "5s",      5 * NS_PER_S,                "5s" },
    { "90s",     90 * NS_PER_S,               "90s" },
    { "60s",     60 * NS_PER_S,               "1m" },
    { "10m",     600 * NS_PER_S,              "10m" },
    { "12h",     43200 * NS_PER_S,            "12h" },
    { "24h",     86400 * NS_PER_S,            "1d" },
    { "30d",     30 * 86400 * NS_PER_S,       "30d" },
    { "36525d",  HUNDRED_YEARS_NS,    "36525d" },
    { "3155760000000ms", HUNDRED_YEARS_NS, "36525d" },
};

static const char *const wrong_durations[] = {
    "", "s", "5", "0", "0s", "05s", "-5s", "+5s", "5.5s", "1,5s", "5 s", " 5s", "5s ", "5S", "5sec", "5us", "5ns", "5w", "5y",
    "1h30m", "1e3s", "36526d", "876601h", "3155760000001ms", "99999999999999s", "18446744073709551617s", "5\xc2\xb5s",
};
/* clang-format on */

START_TEST(test_a_duration_is_read_and_printed)
{
    uint64_t ns;
    ch_autobuffer out = CH_BUFFER_INIT;
    ck_assert_msg(ch_duration_read(durations[_i].text, &ns), "%s", durations[_i].text);
    ck_assert_uint_eq(ns, durations[_i].ns);
    ch_duration_print(ns, &out);
    ck_assert_str_eq(ch_buffer_text(&out), durations[_i].printed);
}
END_TEST

START_TEST(test_what_is_no_duration_is_refused)
{
    uint64_t ns = 7;
    ck_assert_msg(!ch_duration_read(wrong_durations[_i], &ns), "%s", wrong_durations[_i]);
    ck_assert_uint_eq(ns, 7);
}
END_TEST

START_TEST(test_every_duration_is_printed)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_duration_print(0, &out);
    ch_buffer_add_byte(&out, ' ');
    ch_duration_print(1500, &out);
    ch_buffer_add_byte(&out, ' ');
    ch_duration_print(UINT64_MAX, &out);
    ck_assert_str_eq(ch_buffer_text(&out), "0s 1500ns 18446744073709551615ns");
}
END_TEST

CH_TESTS("period", CH_TEST_ROWS(test_a_bucket_counts_until_it_lies_wholly_outside, windows),
         CH_TEST(test_a_window_is_sixty_buckets_and_the_one_that_leaves),
         CH_TEST_ROWS(test_a_calendar_period_begins, begins),
         CH_TEST_ROWS(test_buckets_rise_and_end_where_the_next_begins, zones), CH_TEST(test_a_total_counts_for_ever),
         CH_TEST(test_buckets_beyond_time_never_end), CH_TEST(test_1970_begins_everywhere_at_once),
         CH_TEST_ROWS(test_a_duration_is_read_and_printed, durations),
         CH_TEST_ROWS(test_what_is_no_duration_is_refused, wrong_durations), CH_TEST(test_every_duration_is_printed))
