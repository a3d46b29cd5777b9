/* Moments are given, in milliseconds after NOW, for the wall clock and for the boot clock. */
#include "state/counter.h"

#include "tests/support/suite.h"

#include <string.h>

#define MS 1000000ULL
#define S (1000 * MS)
#define NOW_MS 1764000000000ULL

static ch_error err;

static const ch_nonce_rule plain = {.unit_ns = MS};
static const ch_nonce_rule window = {.unit_ns = MS, .ahead_ns = S, .behind_ns = 30 * S};
static const ch_nonce_rule seconds = {.unit_ns = S, .ahead_ns = 30 * S, .behind_ns = 30 * S, .may_repeat = true};

static ch_moment at(int64_t wall_ms, int64_t boot_ms)
{
    return (ch_moment){.wall_ns = (NOW_MS + (uint64_t)wall_ms) * MS, .boot_ns = 5000 * S + (uint64_t)boot_ms * MS};
}

/* Claims a nonce, and reserves as much as should be. */
static ch_status claim(ch_counter *counter, const ch_moment *now)
{
    bool is_reserved = false;
    CH_TRY(ch_counter_look(counter, now, &is_reserved, &err));
    uint64_t target = ch_counter_target(counter, now);
    if (target > counter->reserved)
        counter->reserved = target;
    CH_TRY(ch_counter_look(counter, now, &is_reserved, &err));
    ck_assert(is_reserved);
    counter->claims++;
    return CH_OK;
}

/* The nonce after NOW, in its unit. */
static int64_t draw(ch_counter *counter, ch_moment now)
{
    uint64_t nonce = 0;
    ck_assert_msg(claim(counter, &now) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_counter_draw(counter, &now, &nonce, &err) == CH_OK, "%s", err.message);
    ck_assert_uint_eq(counter->claims, 0);
    return (int64_t)(nonce - NOW_MS * MS / counter->rule.unit_ns);
}

START_TEST(test_a_nonce_is_the_clock_and_goes_up_when_the_clock_stands)
{
    ch_counter counter = {.rule = plain};
    ck_assert_int_eq(draw(&counter, at(0, 0)), 0);
    ck_assert_int_eq(draw(&counter, at(0, 0)), 1);
    ck_assert_int_eq(draw(&counter, at(500, 500)), 500);
    ck_assert_int_eq(draw(&counter, at(-3600000, 600)), 501);
}
END_TEST

START_TEST(test_nothing_is_asked_for_while_half_of_the_stretch_is_left)
{
    ch_counter counter = {.rule = plain};
    ch_moment now = at(0, 0);
    draw(&counter, now);
    ck_assert_uint_eq(counter.reserved, NOW_MS + 10000);
    now = at(4990, 4990);
    ck_assert_uint_eq(ch_counter_target(&counter, &now), 0);
    now = at(5001, 5001);
    ck_assert_uint_eq(ch_counter_target(&counter, &now), NOW_MS + 15001);
}
END_TEST

/* Three claims, and three nonces left: the clock may not pass over one of them. */
START_TEST(test_each_claim_finds_a_nonce_though_the_clock_went_on)
{
    ch_counter counter = {.rule = plain, .next = NOW_MS, .reserved = NOW_MS + 3, .claims = 3};
    ch_moment later = at(60000, 60000);
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t nonce = 0;
        ck_assert_int_eq(ch_counter_draw(&counter, &later, &nonce, &err), CH_OK);
        ck_assert_uint_eq(nonce, NOW_MS + i);
    }
    ck_assert(!ch_counter_has_left(&counter));
}
END_TEST

START_TEST(test_nothing_is_drawn_that_is_not_reserved)
{
    ch_counter counter = {.rule = plain, .next = NOW_MS, .reserved = NOW_MS, .claims = 1};
    ch_moment now = at(0, 0);
    uint64_t nonce = 0;
    ck_assert_int_eq(ch_counter_draw(&counter, &now, &nonce, &err), CH_UNAVAILABLE);
    ck_assert_uint_eq(counter.claims, 0);
}
END_TEST

START_TEST(test_numbers_that_are_used_up_are_refused)
{
    ch_counter counter = {.rule = plain, .next = CH_NONCE_END, .reserved = CH_NONCE_END};
    ch_moment now = at(0, 0);
    ck_assert_int_eq(claim(&counter, &now), CH_INTERNAL);
    ck_assert_str_eq(err.message, "the nonces are used up: there is no larger number");
}
END_TEST

/* A unit that is longer than the stretch reserves one nonce at a time. */
START_TEST(test_a_nonce_in_minutes_is_reserved_too)
{
    ch_counter counter = {.rule = {.unit_ns = 60 * S}};
    for (int64_t i = 0; i < 30; i++)
        ck_assert_int_eq(draw(&counter, at(0, 0)), i);
}
END_TEST

/* ---- windows ---- */

START_TEST(test_in_a_window_nonces_stay_near_the_clock)
{
    ch_counter counter = {.rule = window};
    ch_moment now = at(0, 0);
    for (int64_t i = 0; i <= 500; i++)
        ck_assert_int_eq(draw(&counter, now), i);
    ck_assert_int_eq(claim(&counter, &now), CH_BUSY);
    ck_assert_ptr_nonnull(strstr(err.message, "every nonce that the exchange takes at this moment is used"));
    ck_assert_uint_le(counter.reserved, NOW_MS + 1000);
    ck_assert_int_eq(draw(&counter, at(1, 1)), 501);
    ck_assert_int_eq(draw(&counter, at(5000, 5000)), 5000);
}
END_TEST

/* As after a crash: all that is reserved counts as drawn, a moment ago. */
static ch_counter restart(const ch_counter *counter)
{
    return (ch_counter){
        .rule = counter->rule, .next = counter->reserved, .reserved = counter->reserved, .earlier = counter->earlier};
}

START_TEST(test_in_a_window_crashes_do_not_add_up)
{
    ch_counter counter = {.rule = window};
    for (int64_t i = 0; i < 50; i++) {
        int64_t nonce = draw(&counter, at(i * 300, i * 300));
        ck_assert_int_ge(nonce, i * 300);
        ck_assert_int_le(nonce, i * 300 + 500);
        counter = restart(&counter);
    }
}
END_TEST

/* Far ahead for a moment; nothing that was drawn then was taken by the exchange. */
START_TEST(test_after_a_jump_that_was_undone_nonces_are_near_the_clock_again)
{
    ch_counter counter = {.rule = window};
    for (int i = 0; i < 20; i++)
        draw(&counter, at(0, 0));
    ck_assert_int_eq(draw(&counter, at(600000, 100)), 600000);
    ck_assert_int_eq(draw(&counter, at(200, 200)), 200);
    ck_assert_int_eq(draw(&counter, at(200, 200)), 201);
}
END_TEST

/* The nonces that were drawn before the jump were ahead of the clock already. */
START_TEST(test_a_jump_there_and_back_repeats_nothing)
{
    ch_counter counter = {.rule = window};
    for (int i = 0; i <= 400; i++)
        draw(&counter, at(0, 0));
    ck_assert_int_eq(draw(&counter, at(3600000, 10)), 3600000);
    ck_assert_int_eq(draw(&counter, at(20, 20)), 401);
    ck_assert_int_eq(draw(&counter, at(3600030, 30)), 3600030);
    ck_assert_int_eq(draw(&counter, at(40, 40)), 402);
}
END_TEST

/* Two runs are remembered; a third begins when the first is old. */
START_TEST(test_a_clock_that_jumps_from_place_to_place_is_not_followed)
{
    ch_counter counter = {.rule = window};
    draw(&counter, at(0, 0));
    draw(&counter, at(3600000, 10));
    ch_moment elsewhere = at(7200000, 20);
    ck_assert_int_eq(claim(&counter, &elsewhere), CH_BUSY);
    ck_assert_ptr_nonnull(strstr(err.message, "set twice within the exchange's window"));
    ck_assert_int_eq(draw(&counter, at(7200000, 31000)), 7200000);
}
END_TEST

START_TEST(test_a_small_step_back_waits_until_the_clock_has_made_up_for_it)
{
    ch_counter counter = {.rule = window};
    for (int64_t t = 0; t < 60000; t += 100)
        draw(&counter, at(t, t));
    ch_moment stepped = at(55000, 60000);
    ck_assert_int_eq(claim(&counter, &stepped), CH_BUSY);
    ck_assert_int_eq(draw(&counter, at(59450, 64450)), 59901);
}
END_TEST

/* For an hour the clock was ten minutes ahead; then it was set right. */
START_TEST(test_after_a_long_time_with_a_clock_ahead_nonces_are_near_the_clock_at_once)
{
    ch_counter counter = {.rule = window};
    for (int64_t t = 0; t < 3600000; t += 1000)
        draw(&counter, at(t, t));
    ck_assert_int_eq(draw(&counter, at(3000000, 3600000)), 3000000);
    for (int64_t t = 0; t < 700000; t += 1000)
        ck_assert_int_eq(draw(&counter, at(3000000 + t, 3600001 + t)), 3000000 + t + (t == 0));
}
END_TEST

START_TEST(test_what_an_older_agent_left_far_ahead_does_not_hold)
{
    ch_counter counter = {.rule = window, .next = NOW_MS + 68000, .reserved = NOW_MS + 68000};
    ck_assert_int_eq(draw(&counter, at(0, 0)), 0);
    ck_assert_uint_eq(counter.earlier, NOW_MS + 68000);
}
END_TEST

/* By the boot clock it is still within the window's time that the nonce 68000 may have been drawn. */
START_TEST(test_nonces_of_the_run_before_are_passed_over)
{
    ch_counter counter = {.rule = window, .next = NOW_MS + 40000, .reserved = NOW_MS + 40000};
    draw(&counter, at(0, 0));
    ch_moment now = at(20000, 20000);
    ck_assert_int_eq(claim(&counter, &now), CH_BUSY);
    ck_assert_int_eq(draw(&counter, at(31000, 31000)), 31000);
}
END_TEST

START_TEST(test_a_request_that_waited_too_long_draws_nothing)
{
    ch_counter counter = {.rule = window};
    ch_moment now = at(0, 0);
    uint64_t nonce = 0;
    ck_assert_int_eq(claim(&counter, &now), CH_OK);
    now = at(16000, 16000);
    ck_assert_int_eq(ch_counter_draw(&counter, &now, &nonce, &err), CH_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "waited longer than the exchange takes its nonce"));
}
END_TEST

/* ---- nonces that may repeat ---- */

START_TEST(test_nonces_that_may_repeat_differ_as_long_as_they_can)
{
    ch_counter counter = {.rule = seconds};
    for (int64_t i = 0; i <= 15; i++)
        ck_assert_int_eq(draw(&counter, at(0, 0)), i);
    for (int i = 0; i < 100; i++)
        ck_assert_int_le(draw(&counter, at(0, 0)), 15);
    ck_assert_int_eq(draw(&counter, at(-600000, 1)), -600);
    ck_assert_int_eq(draw(&counter, at(86400000, 2)), 86400);
    ck_assert_uint_eq(counter.reserved, 0);
}
END_TEST

CH_TESTS("counter", CH_TEST(test_a_nonce_is_the_clock_and_goes_up_when_the_clock_stands),
         CH_TEST(test_nothing_is_asked_for_while_half_of_the_stretch_is_left),
         CH_TEST(test_each_claim_finds_a_nonce_though_the_clock_went_on),
         CH_TEST(test_nothing_is_drawn_that_is_not_reserved), CH_TEST(test_numbers_that_are_used_up_are_refused),
         CH_TEST(test_a_nonce_in_minutes_is_reserved_too), CH_TEST(test_in_a_window_nonces_stay_near_the_clock),
         CH_TEST(test_in_a_window_crashes_do_not_add_up),
         CH_TEST(test_after_a_jump_that_was_undone_nonces_are_near_the_clock_again),
         CH_TEST(test_a_jump_there_and_back_repeats_nothing),
         CH_TEST(test_a_clock_that_jumps_from_place_to_place_is_not_followed),
         CH_TEST(test_a_small_step_back_waits_until_the_clock_has_made_up_for_it),
         CH_TEST(test_after_a_long_time_with_a_clock_ahead_nonces_are_near_the_clock_at_once),
         CH_TEST(test_what_an_older_agent_left_far_ahead_does_not_hold),
         CH_TEST(test_nonces_of_the_run_before_are_passed_over),
         CH_TEST(test_a_request_that_waited_too_long_draws_nothing),
         CH_TEST(test_nonces_that_may_repeat_differ_as_long_as_they_can))
