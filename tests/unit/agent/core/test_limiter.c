#include "agent/core/limiter.h"

#include "tests/support/suite.h"

#include <string.h>

#define SECOND_NS 1000000000ull
#define BOT 1000
#define OTHER 1001
#define TRADERS 2000
#define ANY ((uint64_t)5 * SECOND_NS) /* the clock began earlier */

static ch_limit limits[] = {
    {{BOT, CH_ANY_ID},     10, 3 },
    {{CH_ANY_ID, TRADERS}, 1,  1 },
    {{CH_ANY_ID, TRADERS}, 4,  20},
};
static ch_policy policy = {.limits = limits, .limit_count = 3};

static const ch_peer bot = {.uid = BOT, .gid = BOT};
static const ch_peer trader = {.uid = OTHER, .gid = TRADERS};
static const ch_peer both = {.uid = BOT, .gid = BOT, .groups = {TRADERS}, .group_count = 1};
static const ch_peer unlimited = {.uid = OTHER, .gid = OTHER};

static ch_error err;
static ch_limiter *limiter;

static void set_up(void)
{
    limiter = ch_limiter_new();
}

static void tear_down(void)
{
    ch_limiter_free(limiter);
}

/* How many of many requests at one moment are let through. */
static unsigned count(const ch_peer *caller, bool is_cancel, uint64_t now_ns)
{
    unsigned passed = 0;
    for (unsigned i = 0; i < 100; i++)
        passed += ch_limiter_count(limiter, &policy, caller, is_cancel, now_ns, &err) == CH_OK;
    return passed;
}

START_TEST(test_a_burst_and_then_so_many_a_second)
{
    ck_assert_uint_eq(count(&bot, false, ANY), 3);
    ck_assert_uint_eq(count(&bot, false, ANY + SECOND_NS / 10 - 1), 0);
    ck_assert_uint_eq(count(&bot, false, ANY + SECOND_NS / 10), 1);
    ck_assert_uint_eq(count(&bot, false, ANY + 100 * SECOND_NS), 3);
}
END_TEST

START_TEST(test_the_refusal_names_the_rule_and_the_limit)
{
    count(&bot, false, ANY);
    ck_assert_int_eq(ch_limiter_count(limiter, &policy, &bot, false, ANY, &err), CH_TOO_OFTEN);
    ck_assert_int_eq(ch_status_http(err.status), 429);
    ck_assert_str_eq(err.rule, "messages");
    ck_assert_str_eq(err.message, "user 1000 asks too often: its limit of requests a second is 10");
}
END_TEST

START_TEST(test_orders_use_up_nothing_that_cancels_need)
{
    ck_assert_uint_eq(count(&bot, false, ANY), 3);
    ck_assert_uint_eq(count(&bot, true, ANY), 3);
    ck_assert_int_eq(ch_limiter_count(limiter, &policy, &bot, true, ANY, &err), CH_TOO_OFTEN);
    ck_assert_ptr_nonnull(strstr(err.message, "limit of cancels a second is 10"));
}
END_TEST

START_TEST(test_who_has_no_limit_is_never_refused)
{
    ck_assert_uint_eq(count(&unlimited, false, ANY), 100);
}
END_TEST

START_TEST(test_every_limit_holds_and_a_refusal_counts_nowhere)
{
    ck_assert_uint_eq(count(&both, false, ANY), 1); /* the group's */
    ck_assert_uint_eq(count(&both, false, ANY + SECOND_NS - 1), 0);
    ck_assert_uint_eq(count(&bot, false, ANY + SECOND_NS - 1), 3); /* its own has recovered */
    ck_assert_uint_eq(count(&both, false, ANY + SECOND_NS), 0);    /* and is used up */
}
END_TEST

START_TEST(test_each_member_of_a_group_is_counted_by_itself)
{
    ck_assert_uint_eq(count(&both, false, ANY), 1);
    ck_assert_uint_eq(count(&trader, false, ANY), 1);
}
END_TEST

START_TEST(test_more_users_than_counts)
{
    for (uid_t uid = 5000; uid < 5000 + 2 * CH_LIMITER_COUNTS_MAX; uid++) {
        const ch_peer one = {.uid = uid, .gid = TRADERS};
        ck_assert_uint_eq(count(&one, false, ANY + uid), 1);
    }
    ck_assert_uint_eq(count(&(ch_peer){.uid = 4999 + 2 * CH_LIMITER_COUNTS_MAX, .gid = TRADERS}, false, ANY + 9999), 0);
}
END_TEST

START_TEST(test_counts_outlive_a_reload)
{
    ch_limit same = limits[0];
    ch_policy fresh = {.limits = &same, .limit_count = 1};
    ck_assert_uint_eq(count(&bot, false, ANY), 3);
    ck_assert_int_eq(ch_limiter_count(limiter, &fresh, &bot, false, ANY, &err), CH_TOO_OFTEN);
    same.messages_per_second++;
    ck_assert_int_eq(ch_limiter_count(limiter, &fresh, &bot, false, ANY, &err), CH_OK); /* another limit */
}
END_TEST

START_TEST(test_without_limits_nothing_is_counted)
{
    const ch_policy open = {0};
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(ch_limiter_count(limiter, &open, &bot, false, ANY, &err), CH_OK);
    ch_limiter_free(NULL);
}
END_TEST

CH_TESTS_WITH("limiter", set_up, tear_down, CH_TEST(test_a_burst_and_then_so_many_a_second),
              CH_TEST(test_the_refusal_names_the_rule_and_the_limit),
              CH_TEST(test_orders_use_up_nothing_that_cancels_need), CH_TEST(test_who_has_no_limit_is_never_refused),
              CH_TEST(test_every_limit_holds_and_a_refusal_counts_nowhere),
              CH_TEST(test_each_member_of_a_group_is_counted_by_itself), CH_TEST(test_more_users_than_counts),
              CH_TEST(test_counts_outlive_a_reload), CH_TEST(test_without_limits_nothing_is_counted))
