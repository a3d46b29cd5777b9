#include "base/clock.h"

#include "tests/support/suite.h"

#include <time.h>
#include <unistd.h>

START_TEST(test_a_moment_is_now_by_both_clocks)
{
    ch_moment first;
    ch_moment second;
    ck_assert(ch_moment_now(&first));
    usleep(2000);
    ck_assert(ch_moment_now(&second));
    ck_assert_uint_ge(first.wall_ns, 1600000000000000000U);
    ck_assert_uint_lt(first.wall_ns, CH_WALL_NS_END);
    ck_assert_uint_ge(second.boot_ns, first.boot_ns + 2000000);
    ck_assert_uint_ge(second.wall_ns, first.wall_ns);
}
END_TEST

START_TEST(test_the_end_is_the_year_2200)
{
    time_t seconds = (time_t)(CH_WALL_NS_END / 1000000000);
    struct tm utc;
    char text[32];
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &utc);
    ck_assert_str_eq(text, "2200-01-01 00:00:00");
}
END_TEST

START_TEST(test_the_monotonic_clock_rises)
{
    uint64_t ms = ch_clock_ms();
    uint64_t ns = ch_clock_ns();
    ck_assert_uint_ge(ns / 1000000, ms);
    ck_assert_uint_ge(ch_clock_ns(), ns);
}
END_TEST

CH_TESTS("clock", CH_TEST(test_a_moment_is_now_by_both_clocks), CH_TEST(test_the_end_is_the_year_2200),
         CH_TEST(test_the_monotonic_clock_rises))
