#include "agent/pace.h"

#include "tests/support/suite.h"

#define SECOND_NS 1000000000ull

static const ch_pace fresh = {.a_second = 100, .burst = 10};

START_TEST(test_a_burst_goes_at_once_and_then_it_waits)
{
    ch_pace pace = fresh;
    for (int i = 0; i < 10; i++) {
        ck_assert_uint_eq(ch_pace_wait_ns(&pace, SECOND_NS), 0);
        ch_pace_spend(&pace, SECOND_NS, 1);
    }
    ck_assert_uint_eq(ch_pace_wait_ns(&pace, SECOND_NS), 0);
    ch_pace_spend(&pace, SECOND_NS, 1);
    ck_assert_uint_eq(ch_pace_wait_ns(&pace, SECOND_NS), SECOND_NS / 100);
    ck_assert_uint_eq(ch_pace_wait_ns(&pace, SECOND_NS + SECOND_NS / 100 - 1), 1);
    ck_assert_uint_eq(ch_pace_wait_ns(&pace, SECOND_NS + SECOND_NS / 100), 0);
}
END_TEST

START_TEST(test_small_rests_count)
{
    ch_pace pace = fresh;
    uint64_t now_ns = SECOND_NS;
    ch_pace_spend(&pace, now_ns, 20);
    for (int i = 0; i < 1000; i++) {
        ck_assert_uint_ne(ch_pace_wait_ns(&pace, now_ns), 0);
        now_ns += SECOND_NS / 10000 - 1;
    }
    ck_assert_uint_eq(ch_pace_wait_ns(&pace, now_ns + 1000), 0);
}
END_TEST

START_TEST(test_no_more_than_a_burst_is_owed_or_saved)
{
    ch_pace pace = fresh;
    ch_pace_spend(&pace, SECOND_NS, UINT64_MAX);
    ch_pace_spend(&pace, SECOND_NS, 15);
    ck_assert_uint_eq(ch_pace_wait_ns(&pace, SECOND_NS), SECOND_NS / 10);
    ck_assert_uint_eq(ch_pace_wait_ns(&pace, 1000 * SECOND_NS), 0);
    ch_pace_spend(&pace, 1000 * SECOND_NS, 11);
    ck_assert_uint_ne(ch_pace_wait_ns(&pace, 1000 * SECOND_NS), 0);
}
END_TEST

START_TEST(test_what_cannot_be_afforded_waits)
{
    ch_pace pace = {.a_second = 3, .burst = 6}; /* a third of a second each */
    for (int i = 0; i < 6; i++) {
        ck_assert_uint_eq(ch_pace_afford_ns(&pace, SECOND_NS, 1), 0);
        ch_pace_spend(&pace, SECOND_NS, 1);
    }
    ck_assert_uint_eq(ch_pace_afford_ns(&pace, SECOND_NS, 1), 333333334);
    ck_assert_uint_eq(ch_pace_afford_ns(&pace, SECOND_NS + 333333333, 1), 1);
    ck_assert_uint_eq(ch_pace_afford_ns(&pace, SECOND_NS + 333333334, 1), 0);
    ck_assert_uint_ne(ch_pace_afford_ns(&pace, 3 * SECOND_NS - 1, 6), 0);
    ck_assert_uint_eq(ch_pace_afford_ns(&pace, 3 * SECOND_NS, 6), 0);
}
END_TEST

START_TEST(test_the_largest_pace_does_not_overflow)
{
    ch_pace pace = {.a_second = UINT32_MAX, .burst = UINT32_MAX};
    ch_pace_spend(&pace, 1, UINT64_MAX);
    ck_assert_uint_eq(ch_pace_wait_ns(&pace, 1), SECOND_NS);
    ck_assert_uint_eq(ch_pace_wait_ns(&pace, UINT64_MAX), 0);
    ck_assert_uint_eq(ch_pace_afford_ns(&pace, UINT64_MAX, UINT32_MAX), 0);
}
END_TEST

CH_TESTS("pace", CH_TEST(test_a_burst_goes_at_once_and_then_it_waits), CH_TEST(test_small_rests_count),
         CH_TEST(test_no_more_than_a_burst_is_owed_or_saved), CH_TEST(test_what_cannot_be_afforded_waits),
         CH_TEST(test_the_largest_pace_does_not_overflow))
