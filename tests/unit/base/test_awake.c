#include "base/awake.h"

#include "tests/support/suite.h"

#define PERIOD_NS 100000000ull
#define LATE_NS (7 * PERIOD_NS + PERIOD_NS / 2) /* in the middle of a period */
#define QUICK_NS 1000
#define LONG_NS 20000

static int looks;

static bool find_at_third_look(void *context)
{
    (void)context;
    return ++looks == 3;
}

static bool find_nothing(void *context)
{
    (void)context;
    looks++;
    return false;
}

static ch_awake after(int gains, int losses, uint64_t now_ns)
{
    ch_awake awake = {0};
    for (int i = 0; i < gains; i++)
        ch_awake_note(&awake, now_ns, QUICK_NS);
    for (int i = 0; i < losses; i++)
        ch_awake_note(&awake, now_ns, LONG_NS);
    return awake;
}

START_TEST(test_it_looks_until_something_is_there)
{
    ch_awake awake = {0};
    looks = 0;
    ck_assert(ch_stay_awake(&awake, 1000000000, find_at_third_look, NULL));
    ck_assert_int_eq(looks, 3);
}
END_TEST

START_TEST(test_it_looks_no_longer_than_it_is_told)
{
    ch_awake awake = {0};
    looks = 0;
    ck_assert(!ch_stay_awake(&awake, 1000000, find_nothing, NULL));
    ck_assert_int_gt(looks, 0);
    looks = 0;
    ck_assert(!ch_stay_awake(&awake, 0, find_nothing, NULL));
    ck_assert_int_eq(looks, 0);
}
END_TEST

START_TEST(test_it_sleeps_until_the_next_period_if_each_answer_took_the_processor)
{
    ck_assert_uint_eq(after(0, 5, LATE_NS).sleep_ns, 0);
    ck_assert_uint_eq(after(0, 100, LATE_NS).sleep_ns, 8 * PERIOD_NS);
    ck_assert_uint_eq(after(1000, 100, LATE_NS).sleep_ns, 8 * PERIOD_NS);
}
END_TEST

START_TEST(test_it_tries_for_a_moment_in_each_period)
{
    ch_awake awake = after(0, 100, 8 * PERIOD_NS);
    ck_assert_uint_eq(awake.sleep_ns, 0);
    ch_awake_note(&awake, 8 * PERIOD_NS + PERIOD_NS / 2, LONG_NS);
    ck_assert_uint_eq(awake.sleep_ns, 9 * PERIOD_NS);
}
END_TEST

START_TEST(test_it_stays_awake_if_every_other_answer_is_quick)
{
    ch_awake awake = after(0, 20, LATE_NS);
    for (int i = 0; i < 100; i++)
        ch_awake_note(&awake, LATE_NS, i % 2 == 0 ? LONG_NS : QUICK_NS);
    ck_assert_uint_eq(awake.sleep_ns, 0);
}
END_TEST

START_TEST(test_who_sleeps_does_not_look)
{
    ch_awake awake = {.sleep_ns = UINT64_MAX};
    looks = 0;
    ck_assert(!ch_stay_awake(&awake, 1000000, find_nothing, NULL));
    ck_assert_int_eq(looks, 0);
}
END_TEST

CH_TESTS("awake", CH_TEST(test_it_looks_until_something_is_there), CH_TEST(test_it_looks_no_longer_than_it_is_told),
         CH_TEST(test_it_sleeps_until_the_next_period_if_each_answer_took_the_processor),
         CH_TEST(test_it_tries_for_a_moment_in_each_period),
         CH_TEST(test_it_stays_awake_if_every_other_answer_is_quick), CH_TEST(test_who_sleeps_does_not_look))
