/* Rules as they stand in files, and those that do not. */
#include "policy/zone_rule.h"

#include "base/slice.h"
#include "tests/support/suite.h"
#include "tests/unit/policy/moment.h"

/* clang-format off */
static const struct {
    const char *rule;
    int64_t year;
    const char *first;  /* the two changes of the year */
    int64_t first_s;    /* and the offset from then on */
    const char *second;
    int64_t second_s;
} rules[] = {
    { "CET-1CEST,M3.5.0,M10.5.0/3",             2024, "2024-03-31T01:00:00Z", 7200,   "2024-10-27T01:00:00Z", 3600 },
    { "CET-1CEST,M3.5.0,M10.5.0/3",             2023, "2023-03-26T01:00:00Z", 7200,   "2023-10-29T01:00:00Z", 3600 },
    { "CET-1CEST-2,M3.5.0/2,M10.5.0/03:00:00",  2023, "2023-03-26T01:00:00Z", 7200,   "2023-10-29T01:00:00Z", 3600 },
    { "EST5EDT,M3.2.0,M11.1.0",                 2024, "2024-03-10T07:00:00Z", -14400, "2024-11-03T06:00:00Z", -18000 },
    { "AEST-10AEDT,M10.1.0,M4.1.0/3",           2024, "2024-04-06T16:00:00Z", 36000,  "2024-10-05T16:00:00Z", 39600 },
    { "IST-1GMT0,M10.5.0,M3.5.0/1",             2024, "2024-03-31T01:00:00Z", 3600,   "2024-10-27T01:00:00Z", 0 },
    { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",        2024, "2024-03-31T01:00:00Z", -3600,  "2024-10-27T01:00:00Z", -7200 },
    { "EET-2EEST,M3.4.4/50,M10.4.4/50",         2024, "2024-03-30T00:00:00Z", 10800,  "2024-10-25T23:00:00Z", 7200 },
    { "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",   2024, "2024-04-06T15:00:00Z", 37800,  "2024-10-05T15:30:00Z", 39600 },
    { "AAA0BBB,J59/0,J60/0",                    2024, "2024-02-28T00:00:00Z", 3600,   "2024-02-29T23:00:00Z", 0 },
    { "AAA0BBB,J59/0,J60/0",                    2023, "2023-02-28T00:00:00Z", 3600,   "2023-02-28T23:00:00Z", 0 },
    { "AAA0BBB,58/0,59/0",                      2024, "2024-02-28T00:00:00Z", 3600,   "2024-02-28T23:00:00Z", 0 },
    { "AAA0BBB,0/0,365/1",                      2024, "2024-01-01T00:00:00Z", 3600,   "2024-12-31T00:00:00Z", 0 },
    { "AAA0BBB,M2.5.4/0,M12.5.2/0",             2024, "2024-02-29T00:00:00Z", 3600,   "2024-12-30T23:00:00Z", 0 },
    { "AAA0BBB,M1.1.1/0,M5.1.3/0:30:30",        2024, "2024-01-01T00:00:00Z", 3600,   "2024-04-30T23:30:30Z", 0 },
};

static const struct {
    const char *rule;
    int64_t offset_s;
} plain[] = {
    { "UTC0",          0 },
    { "<+0545>-5:45",  20700 },
    { "<-1230>12:30",  -45000 },
    { "JST-9",         32400 },
    { "XXX+24",        -86400 },
    { "LMT0:00:01",    -1 },
};

static const char *const wrong[] = {
    "", "UTC", "UT0", "0", "<>0", "<+1>1", "<UTC0", "U<TC>0", "U+C0", "UTC0 ", " UTC0", "UTC25", "UTC1:60", "UTC1:00:60",
    "UTC1:", "UTC1:00:", "UTC--1", "UTC1000", "UTC0,", "CET-1CEST", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,",
    "CET-1CEST,M3.5.0,M10.5.0,", "CET-1CEST,M3.5.0,M10.5.0/3/4", "CET-1CEST,M3.5.0,M10.5.0/168",
    "CET-1CEST,M3.5.0,M10.5.0/-168", "CET-1CEST,M0.5.0,M10.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0",
    "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M3.5,M10.5.0", "CET-1CEST,J0,J365",
    "CET-1CEST,J1,J366", "CET-1CEST,0,366", "CET-1CEST,-1,365", "CET-1CEST25,0,365", "CET-1CEST,M3.5.0;M10.5.0",
    "CET-1CE,M3.5.0,M10.5.0",
};
/* clang-format on */

START_TEST(test_a_year_has_two_changes)
{
    ch_zone_rule rule;
    ch_zone_change changes[2];
    ck_assert(ch_zone_rule_read(ch_slice_of(rules[_i].rule), &rule));
    ck_assert(rule.has_summer);
    ch_zone_rule_changes(&rule, rules[_i].year, changes);
    ck_assert_int_eq(changes[0].from_s, (int64_t)(moment_ns(rules[_i].first) / NS_PER_S));
    ck_assert_int_eq(changes[0].offset_s, rules[_i].first_s);
    ck_assert_int_eq(changes[1].from_s, (int64_t)(moment_ns(rules[_i].second) / NS_PER_S));
    ck_assert_int_eq(changes[1].offset_s, rules[_i].second_s);
}
END_TEST

START_TEST(test_a_rule_without_summer_is_an_offset)
{
    ch_zone_rule rule;
    ck_assert(ch_zone_rule_read(ch_slice_of(plain[_i].rule), &rule));
    ck_assert(!rule.has_summer);
    ck_assert_int_eq(rule.standard_s, plain[_i].offset_s);
}
END_TEST

START_TEST(test_what_is_no_rule_is_refused)
{
    ch_zone_rule rule;
    ck_assert_msg(!ch_zone_rule_read(ch_slice_of(wrong[_i]), &rule), "%s", wrong[_i]);
}
END_TEST

CH_TESTS("zone_rule", CH_TEST_ROWS(test_a_year_has_two_changes, rules),
         CH_TEST_ROWS(test_a_rule_without_summer_is_an_offset, plain),
         CH_TEST_ROWS(test_what_is_no_rule_is_refused, wrong))
