/* Codes of people: what is on the disk when, and what happens if the disk does not answer. The rest is shown by real
 * agents, in tests/e2e/test_codes.py. */
#include "base/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/codes_stage.h"

static codes_stage it;
static codes_heard alice;
static const ch_error wrong = {CH_REFUSED, CH_RULE_CODE, "the code is wrong"};

static ch_kept_person *kept(void)
{
    return ch_people_of(it.people, "alice");
}

static void ask(void)
{
    ch_secret typed = codes_stage_type(CH_LITERAL("424242"));
    const ch_codes_waiter waiter = codes_stage_waiter(&alice);
    ch_codes_verify(it.codes, &codes_stage_persons[ALICE], &typed, &waiter);
    ck_assert_ptr_null(typed.data);
    stage_settle();
}

START_TEST(test_a_try_is_written_before_it_is_made_and_a_step_before_it_counts)
{
    codes_stage_begin(&it);
    ask();
    ck_assert(stage_is_silent(&it.token.actor)); /* the try is not on the disk yet */
    codes_stage_let_disk_answer(&it);
    codes_stage_say_right(&it, 120);
    ck_assert_int_eq(alice.answers, 0); /* the step is not either */
    codes_stage_let_disk_answer(&it);
    ck_assert_int_eq(alice.answers, 1);
    ck_assert_int_eq(alice.outcome.status, CH_OK);
    ck_assert_uint_eq(ch_person_lowest_step(kept()), 121);
    ck_assert_uint_eq(ch_person_waits_s(kept(), 0), 0);
}
END_TEST

START_TEST(test_who_was_refused_waits_and_one_at_a_time)
{
    ch_moment now;
    codes_stage_begin(&it);
    ask();
    ask();
    ck_assert_int_eq(alice.answers, 1);
    ck_assert_msg(alice.outcome.status == CH_TOO_OFTEN || alice.outcome.status == CH_BUSY, "%s", alice.outcome.message);
    codes_stage_let_disk_answer(&it);
    codes_stage_say(&it, &wrong, 0);
    ck_assert_int_eq(alice.answers, 1); /* a refusal takes its time */
    codes_stage_await(&alice, 2);
    ck_assert_int_eq(alice.outcome.status, CH_REFUSED);
    ck_assert(ch_moment_now(&now));
    ck_assert_uint_gt(ch_person_waits_s(kept(), now.wall_ns - 1000000000), 0);
}
END_TEST

START_TEST(test_a_disk_that_does_not_answer_is_said_and_nothing_is_tried)
{
    codes_stage_begin(&it);
    ask();
    codes_stage_await(&alice, 1);
    ck_assert_int_eq(alice.outcome.status, CH_IO);
    ck_assert(stage_is_silent(&it.token.actor));
    codes_stage_let_disk_answer(&it); /* too late */
    ck_assert(stage_is_silent(&it.token.actor));
    ck_assert_int_eq(alice.answers, 1);
    ck_assert_uint_eq(ch_person_waits_s(kept(), 0), 0); /* it was taken back */
    codes_stage_let_disk_answer(&it);
    ask();
    codes_stage_let_disk_answer(&it);
    codes_stage_say_right(&it, 120);
    codes_stage_let_disk_answer(&it);
    ck_assert_int_eq(alice.answers, 2);
    ck_assert_int_eq(alice.outcome.status, CH_OK);
}
END_TEST

START_TEST(test_who_has_left_is_not_answered_and_the_code_is_used_all_the_same)
{
    codes_stage_begin(&it);
    ask();
    ch_codes_forget(it.codes, &alice);
    codes_stage_let_disk_answer(&it);
    codes_stage_say_right(&it, 120);
    codes_stage_let_disk_answer(&it);
    ck_assert_int_eq(alice.answers, 0);
    ck_assert_uint_eq(ch_person_lowest_step(kept()), 121);
}
END_TEST

START_TEST(test_the_end_of_the_process_is_no_failure_of_the_persons)
{
    codes_stage_begin(&it);
    ask();
    codes_stage_let_disk_answer(&it);
    play_restart(&it.token);
    ck_assert_int_eq(alice.answers, 1);
    ck_assert_int_eq(alice.outcome.status, CH_UNAVAILABLE);
    ck_assert_uint_eq(ch_person_waits_s(kept(), 0), 0);
}
END_TEST

static void tear_down(void)
{
    codes_stage_end(&it);
}

CH_TESTS_WITH("codes", NULL, tear_down, CH_TEST(test_a_try_is_written_before_it_is_made_and_a_step_before_it_counts),
              CH_TEST(test_who_was_refused_waits_and_one_at_a_time),
              CH_TEST(test_a_disk_that_does_not_answer_is_said_and_nothing_is_tried),
              CH_TEST(test_who_has_left_is_not_answered_and_the_code_is_used_all_the_same),
              CH_TEST(test_the_end_of_the_process_is_no_failure_of_the_persons))
