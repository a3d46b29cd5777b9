/* Hours of the day, by local clocks. */
#include "policy/period.h"

#include "base/memory.h"
#include "tests/support/dice.h"
#include "tests/support/suite.h"
#include "tests/unit/policy/moment.h"

#include <stdlib.h>
#include <string.h>

static ch_error err;

static ch_hours read_hours(const char *const *texts, size_t count)
{
    ch_hours hours = {ch_alloc(count * sizeof(ch_span)), count};
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(ch_span_read(texts[i], &hours.spans[i], &err) == CH_OK, "%s", err.message);
    return hours;
}

static void free_hours(ch_hours *hours)
{
    for (size_t i = 0; i < hours->count; i++)
        ch_zone_free(hours->spans[i].zone);
    free(hours->spans);
}

/* 2024-01-01 was a Monday. In Berlin clocks went from 2 to 3 o'clock on 2024-03-31, and from 3 to 2 on 2024-10-27, both
 * Sundays. */
/* clang-format off */
static const struct {
    const char *hours;
    const char *now;
    const char *next; /* NULL: they hold now; "": not within eight days */
} moments[] = {
    { "Mon 09:00-10:00",                       "2024-01-01T08:59:59Z", "2024-01-01T09:00:00Z" },
    { "Mon 09:00-10:00",                       "2024-01-01T09:00:00Z", NULL },
    { "Mon 09:00-10:00",                       "2024-01-01T09:59:59Z", NULL },
    { "Mon 09:00-10:00",                       "2024-01-01T10:00:00Z", "2024-01-08T09:00:00Z" },
    { "Mon 09:00-10:00 Europe/Berlin",         "2024-01-01T07:59:59Z", "2024-01-01T08:00:00Z" },
    { "Mon 09:00-10:00 Europe/Berlin",         "2024-01-01T08:30:00Z", NULL },
    { "Mon 09:00-10:00 Europe/Berlin",         "2024-07-01T07:00:00Z", NULL },
    { "Mon 09:00-10:00 Europe/Berlin",         "2024-07-01T08:00:00Z", "2024-07-08T07:00:00Z" },
    { "Mon-Fri 09:00-17:30",                   "2024-01-05T17:30:00Z", "2024-01-08T09:00:00Z" },
    { "Mon-Fri 09:00-17:30",                   "2024-01-06T12:00:00Z", "2024-01-08T09:00:00Z" },
    { "Fri-Mon 12:00-13:00",                   "2024-01-01T13:00:00Z", "2024-01-05T12:00:00Z" },
    { "Mon,Wed-Thu 12:00-13:00",               "2024-01-02T12:30:00Z", "2024-01-03T12:00:00Z" },
    { "Sat,Sun 00:00-24:00",                   "2024-01-05T23:59:59Z", "2024-01-06T00:00:00Z" },
    { "Sat,Sun 00:00-24:00",                   "2024-01-07T23:59:59Z", NULL },
    { "Sat,Sun 00:00-24:00",                   "2024-01-08T00:00:00Z", "2024-01-13T00:00:00Z" },
    { "Fri 22:00-06:00",                       "2024-01-05T21:59:59Z", "2024-01-05T22:00:00Z" },
    { "Fri 22:00-06:00",                       "2024-01-06T05:59:59Z", NULL },
    { "Fri 22:00-06:00",                       "2024-01-06T06:00:00Z", "2024-01-12T22:00:00Z" },
    { "Fri 22:00-06:00",                       "2024-01-05T05:00:00Z", "2024-01-05T22:00:00Z" }, /* that was Thursday's night */
    { "Sun 23:00-00:00",                       "2024-01-07T23:59:59Z", NULL },
    { "Sun 23:00-00:00",                       "2024-01-08T00:00:00Z", "2024-01-14T23:00:00Z" },
    { "Sun 23:59-00:01",                       "2024-01-08T00:00:59Z", NULL },
    { "Sun 02:00-03:00 Europe/Berlin",         "2024-03-31T00:30:00Z", "2024-04-07T00:00:00Z" }, /* that hour does not come */
    { "Sun 02:30-03:30 Europe/Berlin",         "2024-03-31T00:59:59Z", "2024-03-31T01:00:00Z" }, /* of it half an hour */
    { "Sun 02:30-03:30 Europe/Berlin",         "2024-03-31T01:30:00Z", "2024-04-07T00:30:00Z" },
    { "Sun 02:00-02:30 Europe/Berlin",         "2024-10-27T00:15:00Z", NULL },                   /* it comes twice */
    { "Sun 02:00-02:30 Europe/Berlin",         "2024-10-27T00:30:00Z", "2024-10-27T01:00:00Z" },
    { "Sun 02:00-02:30 Europe/Berlin",         "2024-10-27T01:15:00Z", NULL },
    { "Sun 02:00-02:30 Europe/Berlin",         "2024-10-27T01:30:00Z", "2024-11-03T01:00:00Z" },
    { "Sat 22:00-06:00 Europe/Berlin",         "2024-03-31T03:59:59Z", NULL },
    { "Sat 22:00-06:00 Europe/Berlin",         "2024-03-31T04:00:00Z", "2024-04-06T20:00:00Z" },
    { "Sat 22:00-06:00 Europe/Berlin",         "2024-10-27T04:59:59Z", NULL },
    { "Mon 00:00-01:00 Pacific/Kiritimati",    "2024-01-07T10:00:00Z", NULL },
    { "Sun 23:00-24:00 Etc/GMT+12",            "2024-01-08T11:30:00Z", NULL },
    { "Fri 10:00-11:00 Pacific/Apia",          "2011-12-30T09:00:00Z", "2012-01-05T20:00:00Z" }, /* a Friday was left out */
    { "Fri 12:00-12:30 Pacific/Apia",          "2011-12-24T00:00:00Z", "" },
};
/* clang-format on */

START_TEST(test_hours_hold_and_come_again)
{
    ch_hours hours = read_hours(&moments[_i].hours, 1);
    uint64_t now_ns = moment_ns(moments[_i].now) + NS_PER_S - 1;
    uint64_t next_ns = ch_hours_next(&hours, now_ns);
    ck_assert(ch_hours_hold(&hours, now_ns) == (moments[_i].next == NULL));
    if (moments[_i].next == NULL)
        ck_assert_uint_eq(next_ns, now_ns);
    else
        ck_assert_uint_eq(next_ns, moments[_i].next[0] == '\0' ? UINT64_MAX : moment_ns(moments[_i].next));
    free_hours(&hours);
}
END_TEST

START_TEST(test_without_hours_it_is_always_time)
{
    const ch_hours none = {NULL, 0};
    ck_assert(ch_hours_hold(&none, 0) && ch_hours_hold(&none, 12345));
    ck_assert_uint_eq(ch_hours_next(&none, 12345), 12345);
}
END_TEST

/* ---- several at random, minute by minute ---- */

static const uint64_t seeds[] = {1, 2, 3};

START_TEST(test_the_next_moment_is_the_first_that_holds)
{
    static const char *const texts[] = {"Mon-Wed 22:30-05:15 America/New_York",
                                        "Thu 00:00-24:00 Australia/Lord_Howe",
                                        "Sun 01:00-01:01 Europe/Berlin",
                                        "Sat 23:30-00:15 Asia/Beirut",
                                        "Tue 12:00-11:59 UTC",
                                        "Fri,Sun 02:00-03:00 Europe/London"};
    dice d = {seeds[_i]};
    for (int i = 0; i < 60; i++) {
        size_t first = dice_below(&d, CH_ROWS(texts));
        ch_hours hours = read_hours(texts + first, 1 + dice_below(&d, CH_ROWS(texts) - first));
        uint64_t from_ns = moment_ns("2024-03-01T00:00:00Z") + dice_below(&d, 300 * 86400) * NS_PER_S;
        uint64_t next_ns = ch_hours_next(&hours, from_ns);
        uint64_t found_ns = from_ns;
        while (!ch_hours_hold(&hours, found_ns)) /* hours begin with a minute */
            found_ns = (found_ns / NS_PER_S / 60 + 1) * 60 * NS_PER_S;
        ck_assert_uint_eq(next_ns, found_ns);
        free_hours(&hours);
    }
}
END_TEST

/* ---- texts ---- */

/* clang-format off */
static const struct {
    const char *text;
    const char *says;
} wrong[] = {
    { "",                                   "'' lacks days or times; write hours such as \"Mon-Fri 09:00-17:30 Europe/Berlin\"" },
    { "09:00-17:30",                        "'09:00-17:30' lacks days or times" },
    { "Mon",                                "'Mon' lacks days or times" },
    { "Mon  09:00-17:30",                   "'Mon  09:00-17:30' lacks days or times" },
    { " Mon 09:00-17:30",                   "'' is not a day of the week" },
    { "mon 09:00-17:30",                    "'mon' is not a day of the week; use Mon, Tue, Wed, Thu, Fri, Sat, Sun, or a range such as Mon-Fri" },
    { "Monday 09:00-17:30",                 "'Monday' is not a day" },
    { "Mo-Fr 09:00-17:30",                  "'Mo-Fr' is not a day" },
    { "Mon-Fri-Sun 09:00-17:30",            "'Mon-Fri-Sun' is not a day" },
    { "Mon- 09:00-17:30",                   "'Mon-' is not a day" },
    { "-Fri 09:00-17:30",                   "'-Fri' is not a day" },
    { "Mon,,Fri 09:00-17:30",               "'' is not a day" },
    { "Mon, 09:00-17:30",                   "'' is not a day" },
    { "any 09:00-17:30",                    "'any' is not a day" },
    { "Mon 9:00-17:30",                     "'9:00-17:30' is not a time of the day; write it such as 09:00-17:30 or 00:00-24:00" },
    { "Mon 09:00",                          "'09:00' is not a time" },
    { "Mon 09:00-",                         "'09:00-' is not a time" },
    { "Mon 09:00-17:60",                    "'09:00-17:60' is not a time" },
    { "Mon 09:00-24:01",                    "'09:00-24:01' is not a time" },
    { "Mon 09:00-25:00",                    "'09:00-25:00' is not a time" },
    { "Mon 24:00-02:00",                    "'24:00-02:00' is not a time" },
    { "Mon 09.00-17.30",                    "'09.00-17.30' is not a time" },
    { "Mon 09:00-17:30:00",                 "'09:00-17:30:00' is not a time" },
    { "Mon 09:00-17:30-18:00",              "'09:00-17:30-18:00' is not a time" },
    { "Mon 9am-5pm",                        "'9am-5pm' is not a time" },
    { "Mon 09:00-09:00",                    "'09:00-09:00' ends when it begins; for the whole day use 00:00-24:00" },
    { "Mon 00:00-00:00",                    "'00:00-00:00' ends when it begins" },
    { "Mon 09:00-17:30 ",                   "'' is not the name of a time zone" },
    { "Mon 09:00-17:30  UTC",               "' UTC' is not the name of a time zone" },
    { "Mon 09:00-17:30 CEST",               "there is no time zone 'CEST' in /usr/share/zoneinfo" },
    { "Mon 09:00-17:30 Europe/Berlin UTC",  "'Europe/Berlin UTC' is not the name of a time zone" },
    { "Mon 09:00-17:30 ../../etc/passwd",   "'../../etc/passwd' is not the name of a time zone" },
    { "Mon 09:00-17:30 Tue",                "there is no time zone 'Tue'" },
};
/* clang-format on */

START_TEST(test_what_are_no_hours_is_refused)
{
    ch_span span;
    ck_assert_msg(ch_span_read(wrong[_i].text, &span, &err) == CH_CONFIG, "%s", wrong[_i].text);
    ck_assert_msg(strncmp(err.message, wrong[_i].says, strlen(wrong[_i].says)) == 0, "%s", err.message);
    ck_assert_ptr_null(span.zone);
}
END_TEST

START_TEST(test_a_span_is_read)
{
    ch_span span;
    ck_assert_int_eq(ch_span_read("Sat-Mon,Wed 22:05-24:00 UTC", &span, &err), CH_OK);
    ck_assert_uint_eq(span.days, 1U << 5 | 1U << 6 | 1U << 0 | 1U << 2);
    ck_assert_uint_eq(span.from_minute, 22 * 60 + 5);
    ck_assert_uint_eq(span.to_minute, 1440);
    ck_assert_ptr_null(span.zone);
    ck_assert_int_eq(ch_span_read("Mon-Sun 00:00-24:00", &span, &err), CH_OK);
    ck_assert_uint_eq(span.days, 0x7f);
}
END_TEST

CH_TESTS("hours", CH_TEST_ROWS(test_hours_hold_and_come_again, moments), CH_TEST(test_without_hours_it_is_always_time),
         CH_TEST_ROWS(test_the_next_moment_is_the_first_that_holds, seeds),
         CH_TEST_ROWS(test_what_are_no_hours_is_refused, wrong), CH_TEST(test_a_span_is_read))
