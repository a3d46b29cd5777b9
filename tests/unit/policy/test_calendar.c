/* The C library counts days too. */
#include "policy/calendar.h"

#include "tests/support/suite.h"

#include <time.h>

START_TEST(test_each_day_until_2200_is_found)
{
    for (int64_t day = 0; day < 84006; day++) {
        time_t at = day * CH_DAY_S + CH_DAY_S - 1;
        struct tm parts;
        gmtime_r(&at, &parts);
        int64_t month = (int64_t)(parts.tm_year - 70) * 12 + parts.tm_mon;
        ck_assert_msg(ch_day_of(at) == day && ch_month_of(day) == month &&
                          ch_first_of_month(month) == day - parts.tm_mday + 1 &&
                          ch_weekday_of(day) == (unsigned)(parts.tm_wday + 6) % 7,
                      "%lld", (long long)day);
    }
}
END_TEST

START_TEST(test_days_before_1970_are_negative)
{
    ck_assert_int_eq(ch_day_of(-1), -1);
    ck_assert_int_eq(ch_day_of(-CH_DAY_S), -1);
    ck_assert_int_eq(ch_day_of(-CH_DAY_S - 1), -2);
    ck_assert_int_eq(ch_first_of_month(-1), -31);
    ck_assert_int_eq(ch_first_of_month(-12), -365);
    ck_assert_uint_eq(ch_weekday_of(-3), 0);
    ck_assert_uint_eq(ch_weekday_of(-4), 6);
}
END_TEST

START_TEST(test_leap_years)
{
    ck_assert(ch_is_leap_year(2024) && ch_is_leap_year(2000) && !ch_is_leap_year(2023) && !ch_is_leap_year(2100));
}
END_TEST

CH_TESTS("calendar", CH_TEST(test_each_day_until_2200_is_found), CH_TEST(test_days_before_1970_are_negative),
         CH_TEST(test_leap_years))
