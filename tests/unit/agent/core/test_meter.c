#include "agent/core/meter.h"

#include "base/clock.h"
#include "tests/support/suite.h"

#define MS_NS 1000000ull
#define SECOND_NS (1000 * MS_NS)
#define GREEDY 1
#define MODEST 2

/* 250 ms of a second for each caller, and 250 permille of a processor. */
#define PROCESSORS 2

static ch_meter *meter;
static uint64_t now_ns = SECOND_NS;

static void set_up(void)
{
    meter = ch_meter_new(PROCESSORS);
    ch_meter_turn(meter, now_ns);
}

static void tear_down(void)
{
    ch_meter_free(meter);
}

static void pass_ms(uint64_t ms)
{
    now_ns += ms * MS_NS;
    ch_meter_turn(meter, now_ns);
}

static void spend(uid_t caller, uint64_t ms)
{
    ch_meter_spend(meter, caller, ms * MS_NS);
    ch_meter_turn(meter, now_ns);
}

START_TEST(test_a_caller_alone_never_waits)
{
    for (int i = 0; i < 100; i++) {
        spend(GREEDY, 1000);
        ck_assert(!ch_meter_must_wait(meter, GREEDY));
        ck_assert(!ch_meter_holds_somebody(meter));
        ck_assert_uint_eq(ch_meter_process_share(meter, GREEDY), 0);
        pass_ms(1);
    }
}
END_TEST

START_TEST(test_who_costs_much_waits_for_who_does_not)
{
    spend(GREEDY, 1000);
    ch_meter_spend(meter, MODEST, 1000);
    ch_meter_turn(meter, now_ns);
    ck_assert(ch_meter_must_wait(meter, GREEDY));
    ck_assert(!ch_meter_must_wait(meter, MODEST));
    ck_assert(ch_meter_holds_somebody(meter) && ch_meter_is_serving(meter) && ch_meter_is_shared(meter));
}
END_TEST

START_TEST(test_what_is_owed_is_paid_by_waiting)
{
    ch_meter_spend(meter, GREEDY, 3 * MS_NS); /* 2 ms at once, and 1 ms owed: 4 ms at 250 ms a second */
    spend(MODEST, 0);
    ck_assert(ch_meter_must_wait(meter, GREEDY));
    pass_ms(3);
    ck_assert(ch_meter_must_wait(meter, GREEDY));
    pass_ms(2);
    ck_assert(!ch_meter_must_wait(meter, GREEDY));
}
END_TEST

START_TEST(test_nobody_waits_for_who_has_left)
{
    spend(MODEST, 0);
    for (int i = 0; i < 200; i++) {
        spend(GREEDY, 10);
        pass_ms(1);
    }
    ck_assert(!ch_meter_must_wait(meter, GREEDY));
    ck_assert(!ch_meter_holds_somebody(meter));
    ck_assert_uint_ne(ch_meter_process_share(meter, GREEDY), 0);
    for (int i = 0; i < 400; i++) {
        spend(GREEDY, 10);
        pass_ms(1);
    }
    ck_assert_uint_eq(ch_meter_process_share(meter, GREEDY), 0);
}
END_TEST

START_TEST(test_if_all_cost_much_nobody_waits)
{
    spend(GREEDY, 1000);
    spend(MODEST, 1000);
    ck_assert(!ch_meter_must_wait(meter, GREEDY) && !ch_meter_must_wait(meter, MODEST));
}
END_TEST

START_TEST(test_strangers_wait_for_any_caller)
{
    spend(CH_STRANGERS, 1000);
    ck_assert(!ch_meter_must_wait(meter, CH_STRANGERS));
    spend(GREEDY, 1000);
    ck_assert(ch_meter_must_wait(meter, CH_STRANGERS));
    ck_assert(!ch_meter_must_wait(meter, GREEDY));
    ck_assert(ch_meter_is_serving(meter) && ch_meter_holds_somebody(meter));
    ck_assert_uint_eq(ch_meter_process_share(meter, CH_STRANGERS), PROCESSORS * 50);
}
END_TEST

START_TEST(test_nobody_waits_for_strangers)
{
    spend(CH_STRANGERS, 0);
    spend(GREEDY, 1000);
    ck_assert(!ch_meter_must_wait(meter, GREEDY));
    ck_assert_uint_eq(ch_meter_process_share(meter, GREEDY), 0);
    ck_assert(!ch_meter_is_shared(meter));
    pass_ms(100);
    spend(CH_STRANGERS, 0);
    ck_assert(!ch_meter_is_serving(meter) && !ch_meter_holds_somebody(meter));
}
END_TEST

START_TEST(test_processes_get_a_share_while_others_are_there)
{
    spend(MODEST, 0);
    ck_assert_uint_eq(ch_meter_process_share(meter, GREEDY), PROCESSORS * 100);
    ck_assert_uint_eq(ch_meter_process_share(meter, MODEST), 0);
    ch_meter *large = ch_meter_new(16);
    ch_meter_turn(large, now_ns);
    ch_meter_spend(large, MODEST, 1);
    ck_assert_uint_eq(ch_meter_process_share(large, GREEDY), 0); /* the share is more than a processor */
    ch_meter_free(large);
}
END_TEST

START_TEST(test_more_callers_than_accounts)
{
    spend(MODEST, 0);
    for (uid_t caller = 1000; caller < 1500; caller++) {
        spend(caller, 1000);
        pass_ms(1);
        spend(MODEST, 0);
    }
    ck_assert(ch_meter_must_wait(meter, 1499));
    ck_assert(!ch_meter_must_wait(meter, 1000));
    ck_assert(!ch_meter_must_wait(meter, MODEST));
}
END_TEST

START_TEST(test_what_core_was_preempted_for_hardly_counts)
{
    spend(MODEST, 0);
    for (int i = 0; i < 4; i++) {
        ck_assert(!ch_meter_must_wait(meter, GREEDY));
        ch_meter_spend_since(meter, GREEDY, ch_clock_ns() - SECOND_NS); /* half a millisecond of a burst of two */
    }
    ch_meter_spend_since(meter, GREEDY, ch_clock_ns() - SECOND_NS);
    ck_assert(ch_meter_must_wait(meter, GREEDY));
    pass_ms(3);
    ck_assert(!ch_meter_must_wait(meter, GREEDY));
}
END_TEST

static void check_rate(size_t index, uid_t caller, uint32_t requests, uint32_t work_permille)
{
    ch_meter_rate rate;
    ck_assert(ch_meter_rate_at(meter, index, &rate));
    ck_assert_uint_eq(rate.caller, caller);
    ck_assert_uint_eq(rate.requests, requests);
    ck_assert_uint_eq(rate.work_permille, work_permille);
}

START_TEST(test_rates_are_those_of_the_last_whole_second)
{
    ch_meter_rate rate;
    ck_assert(!ch_meter_rate_at(meter, 0, &rate));
    for (int i = 0; i < 5; i++)
        ch_meter_count(meter, GREEDY);
    spend(GREEDY, 3);
    spend(CH_STRANGERS, 7);
    check_rate(0, GREEDY, 0, 0);
    pass_ms(1000);
    check_rate(0, GREEDY, 5, 3);
    check_rate(1, CH_STRANGERS, 0, 7);
    ch_meter_count(meter, GREEDY);
    check_rate(0, GREEDY, 5, 3);
    pass_ms(1000);
    check_rate(0, GREEDY, 1, 0);
    check_rate(1, CH_STRANGERS, 0, 0);
    pass_ms(1000);
    check_rate(0, GREEDY, 0, 0);
    ck_assert(!ch_meter_rate_at(meter, 2, &rate));
}
END_TEST

START_TEST(test_without_a_meter_nobody_waits)
{
    ch_meter_spend(NULL, GREEDY, UINT64_MAX);
    ch_meter_spend_since(NULL, GREEDY, 0);
    ch_meter_count(NULL, GREEDY);
    ck_assert(!ch_meter_rate_at(NULL, 0, &(ch_meter_rate){}));
    ck_assert(!ch_meter_must_wait(NULL, GREEDY));
    ck_assert(!ch_meter_is_serving(NULL) && !ch_meter_is_shared(NULL) && !ch_meter_holds_somebody(NULL));
    ck_assert_uint_eq(ch_meter_process_share(NULL, GREEDY), 0);
}
END_TEST

CH_TESTS_WITH("meter", set_up, tear_down, CH_TEST(test_a_caller_alone_never_waits),
              CH_TEST(test_who_costs_much_waits_for_who_does_not), CH_TEST(test_what_is_owed_is_paid_by_waiting),
              CH_TEST(test_nobody_waits_for_who_has_left), CH_TEST(test_if_all_cost_much_nobody_waits),
              CH_TEST(test_strangers_wait_for_any_caller), CH_TEST(test_nobody_waits_for_strangers),
              CH_TEST(test_processes_get_a_share_while_others_are_there), CH_TEST(test_more_callers_than_accounts),
              CH_TEST(test_what_core_was_preempted_for_hardly_counts),
              CH_TEST(test_rates_are_those_of_the_last_whole_second), CH_TEST(test_without_a_meter_nobody_waits))
