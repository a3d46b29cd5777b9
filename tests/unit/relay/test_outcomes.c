#include "relay/outcomes.h"

#include "tests/support/suite.h"

#include <string.h>

static ch_outcomes *outcomes;
static unsigned ends;

static void set_up(void)
{
    outcomes = ch_outcomes_new(2);
    ends = 0;
}

static void tear_down(void)
{
    ch_outcomes_free(outcomes);
}

static void on_end(void *context)
{
    (void)context;
    ends++;
}

static const uint8_t *print_of(unsigned number)
{
    static uint8_t print[CH_PRINT_SIZE];
    memcpy(print, &number, sizeof number);
    return print;
}

static ch_outcome *answered(size_t caller, unsigned number, size_t size)
{
    static const uint8_t bytes[CH_OUTCOME_BODY_MAX];
    ch_outcome *one = ch_outcome_begin(outcomes, caller, NULL);
    ch_outcome_signed(outcomes, one, print_of(number));
    ch_outcome_add_body(one, (ch_slice){bytes, size});
    one->is_whole = true;
    ch_outcome_end(outcomes, one, CH_OUTCOME_ANSWERED);
    return one;
}

START_TEST(test_what_is_signed_is_found_by_its_caller)
{
    ch_outcome *one = ch_outcome_begin(outcomes, 1, print_of(7));
    ck_assert_uint_eq(strlen(one->id), CH_DRAWN_SIZE);
    ck_assert_ptr_eq(ch_outcome_of_id(outcomes, 1, one->id), one);
    ck_assert_ptr_null(ch_outcome_of_id(outcomes, 0, one->id));
    ck_assert_ptr_null(ch_outcome_of_id(outcomes, 1, "x"));
    ck_assert_ptr_null(ch_outcome_of_print(outcomes, 1, print_of(8)));
    ck_assert_ptr_eq(ch_outcome_of_repeat(outcomes, 1, print_of(7)), one);
    ck_assert_ptr_null(ch_outcome_of_repeat(outcomes, 0, print_of(7)));
    ch_outcome_signed(outcomes, one, print_of(8));
    ck_assert_ptr_eq(ch_outcome_of_print(outcomes, 1, print_of(8)), one);
    ck_assert_ptr_null(ch_outcome_of_print(outcomes, 0, print_of(8)));
}
END_TEST

START_TEST(test_who_waits_is_called_once)
{
    ch_outcome *one = ch_outcome_begin(outcomes, 0, NULL);
    ch_outcome_wait waits[3] = {{.on_end = on_end}, {.on_end = on_end}, {.on_end = on_end}};
    for (size_t i = 0; i < 3; i++)
        ch_outcome_await(one, &waits[i]);
    ch_outcome_stop_waiting(&waits[1]);
    ch_outcome_stop_waiting(&waits[1]);
    ch_outcome_end(outcomes, one, CH_OUTCOME_UNKNOWN);
    ck_assert_uint_eq(ends, 2);
    ck_assert_int_eq(one->state, CH_OUTCOME_UNKNOWN);
}
END_TEST

START_TEST(test_what_was_not_sent_may_come_again)
{
    ch_outcome *one = ch_outcome_begin(outcomes, 0, print_of(1));
    ch_outcome_signed(outcomes, one, print_of(2));
    ch_outcome_end(outcomes, one, CH_OUTCOME_NOT_SENT);
    ck_assert_ptr_null(ch_outcome_of_print(outcomes, 0, print_of(2)));
    ck_assert_ptr_null(ch_outcome_of_repeat(outcomes, 0, print_of(1)));
    ck_assert_ptr_eq(ch_outcome_of_id(outcomes, 0, one->id), one);
}
END_TEST

START_TEST(test_what_is_dropped_is_not_found)
{
    ch_outcome *one = ch_outcome_begin(outcomes, 0, print_of(1));
    ch_outcome_wait wait = {.on_end = on_end};
    ch_outcome_await(one, &wait);
    ch_outcome_drop(outcomes, one);
    ck_assert_uint_eq(ends, 1);
    ck_assert_ptr_null(ch_outcome_of_repeat(outcomes, 0, print_of(1)));
}
END_TEST

START_TEST(test_only_whole_answers_are_kept)
{
    ch_outcome *one = ch_outcome_begin(outcomes, 0, NULL);
    ch_outcome_add_body(one, CH_LITERAL("part"));
    ch_outcome_end(outcomes, one, CH_OUTCOME_ANSWERED);
    ck_assert_uint_eq(one->body.size, 0);
    ck_assert_uint_eq(answered(0, 1, CH_OUTCOME_BODY_MAX)->body.size, CH_OUTCOME_BODY_MAX);
}
END_TEST

START_TEST(test_oldest_of_a_caller_give_way)
{
    ch_outcome *other = answered(1, 1, 10);
    ch_outcome *pending = ch_outcome_begin(outcomes, 0, print_of(99999));
    for (unsigned i = 0; i < 6000; i++)
        answered(0, i, 10);
    ck_assert_ptr_null(ch_outcome_of_print(outcomes, 0, print_of(0)));
    ck_assert_ptr_nonnull(ch_outcome_of_print(outcomes, 0, print_of(5999)));
    ck_assert_ptr_nonnull(ch_outcome_of_print(outcomes, 0, print_of(5999 - 4000)));
    ck_assert_ptr_eq(ch_outcome_of_print(outcomes, 1, print_of(1)), other);
    ck_assert_ptr_eq(ch_outcome_of_repeat(outcomes, 0, print_of(99999)), pending);
}
END_TEST

START_TEST(test_bytes_of_a_caller_are_bounded)
{
    for (unsigned i = 0; i < 2000; i++)
        answered(0, i, CH_OUTCOME_BODY_MAX);
    ck_assert_ptr_null(ch_outcome_of_print(outcomes, 0, print_of(900)));
    ck_assert_ptr_nonnull(ch_outcome_of_print(outcomes, 0, print_of(1100)));
}
END_TEST

CH_TESTS_WITH("outcomes", set_up, tear_down, CH_TEST(test_what_is_signed_is_found_by_its_caller),
              CH_TEST(test_who_waits_is_called_once), CH_TEST(test_what_is_dropped_is_not_found),
              CH_TEST(test_what_was_not_sent_may_come_again), CH_TEST(test_only_whole_answers_are_kept),
              CH_TEST(test_oldest_of_a_caller_give_way), CH_TEST(test_bytes_of_a_caller_are_bounded))
