#include "agent/core/repeats.h"

#include "base/buffer.h"

#include "tests/support/suite.h"

#include <string.h>

#define BOT 1000 /* callers */
#define OTHER 1001
#define VALID_MS 10000

static ch_repeats *repeats;
static ch_repeat tickets[4 * CH_REPEATS_MAX];
static uint64_t now_ms;
static bool is_urgent; /* what is entered is a cancel */
static ch_slice answer;
static ch_error err;

static void set_up(void)
{
    repeats = ch_repeats_new();
    now_ms = 100000;
    is_urgent = false;
    err = (ch_error)CH_ERROR_INIT;
}

static void tear_down(void)
{
    ch_repeats_free(repeats);
}

static ch_status enter_asked(size_t at, uid_t caller, const char *text, const char *asked)
{
    ch_repeat_name name = {.caller = caller,
                           .key = CH_LITERAL("one"),
                           .text = ch_slice_of(text),
                           .asked = ch_slice_of(asked),
                           .is_urgent = is_urgent};
    tickets[at] = (ch_repeat){.owner = &tickets[at]};
    return ch_repeats_enter(repeats, &name, now_ms, &tickets[at], &answer, &err);
}

static ch_status enter(size_t at, uid_t caller, const char *text)
{
    return enter_asked(at, caller, text, "an order");
}

static ch_status enter_number(size_t at, uid_t caller, size_t number)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(&text, "number-%zu", number);
    return enter(at, caller, ch_buffer_text(&text));
}

static void give(size_t at, const char *text)
{
    ch_repeats_answer(repeats, &tickets[at], ch_slice_of(text), now_ms + VALID_MS);
}

static void assert_first(size_t at, uid_t caller, const char *text)
{
    ck_assert_int_eq(enter(at, caller, text), CH_OK);
    ck_assert_int_eq(tickets[at].place, CH_REPEAT_FIRST);
    ck_assert_uint_eq(answer.size, 0);
}

static void assert_answered(size_t at, uid_t caller, const char *text, const char *expected)
{
    ck_assert_int_eq(enter(at, caller, text), CH_OK);
    ck_assert_int_eq(tickets[at].place, CH_REPEAT_OUT);
    ck_assert(ch_slice_is(answer, expected));
}

START_TEST(test_a_repeat_is_answered_as_the_first_was)
{
    assert_first(0, BOT, "a");
    give(0, "signed");
    assert_answered(1, BOT, "a", "signed");
    assert_answered(2, BOT, "a", "signed");
}
END_TEST

START_TEST(test_another_caller_key_or_text_is_another_request)
{
    assert_first(0, BOT, "a");
    give(0, "signed");
    assert_first(1, OTHER, "a");
    assert_first(2, BOT, "b");
    ch_repeat_name name = {
        .caller = BOT, .key = CH_LITERAL("another"), .text = CH_LITERAL("a"), .asked = CH_LITERAL("an order")};
    tickets[3] = (ch_repeat){.owner = NULL};
    ck_assert_int_eq(ch_repeats_enter(repeats, &name, now_ms, &tickets[3], &answer, &err), CH_OK);
    ck_assert_int_eq(tickets[3].place, CH_REPEAT_FIRST);
}
END_TEST

START_TEST(test_something_else_under_the_same_text_is_a_conflict)
{
    assert_first(0, BOT, "a");
    ck_assert_int_eq(enter_asked(1, BOT, "a", "another order"), CH_CONFLICT);
    give(0, "signed");
    ck_assert_int_eq(enter_asked(1, BOT, "a", "another order"), CH_CONFLICT);
    assert_answered(2, BOT, "a", "signed");
}
END_TEST

START_TEST(test_who_may_go_on_can_leave_before)
{
    static const size_t leavers[] = {1, 2, 3}; /* the first, one in the middle, the last */
    for (size_t i = 0; i < sizeof leavers / sizeof *leavers; i++) {
        assert_first(0, BOT, "a");
        for (size_t at = 1; at <= 3; at++)
            ck_assert_int_eq(enter(at, BOT, "a"), CH_OK);
        ch_repeats_leave(repeats, &tickets[0]);
        ch_repeats_leave(repeats, &tickets[leavers[i]]);
        ck_assert_int_eq(tickets[leavers[i]].place, CH_REPEAT_OUT);
        assert_first(4, BOT, "b"); /* and those that come later stand at the end */
        ck_assert_int_eq(enter(5, BOT, "b"), CH_OK);
        ch_repeats_leave(repeats, &tickets[4]);
        for (size_t at = 1; at <= 3; at++) {
            if (at != leavers[i])
                ck_assert_ptr_eq(ch_repeats_next(repeats), &tickets[at]);
        }
        ck_assert_ptr_eq(ch_repeats_next(repeats), &tickets[5]);
        ck_assert_ptr_null(ch_repeats_next(repeats));
    }
}
END_TEST

START_TEST(test_those_that_wait_go_on_in_order_when_the_first_is_answered)
{
    assert_first(0, BOT, "a");
    for (size_t i = 1; i <= 3; i++) {
        ck_assert_int_eq(enter(i, BOT, "a"), CH_OK);
        ck_assert_int_eq(tickets[i].place, CH_REPEAT_WAITING);
    }
    ck_assert_ptr_null(ch_repeats_next(repeats));
    ch_repeats_leave(repeats, &tickets[2]);
    give(0, "signed");
    ck_assert_ptr_eq(ch_repeats_next(repeats), &tickets[1]);
    ck_assert_ptr_eq(ch_repeats_next(repeats), &tickets[3]);
    ck_assert_ptr_null(ch_repeats_next(repeats));
    assert_answered(1, BOT, "a", "signed");
}
END_TEST

START_TEST(test_when_the_first_fails_the_next_is_the_first)
{
    assert_first(0, BOT, "a");
    ck_assert_int_eq(enter(1, BOT, "a"), CH_OK);
    ck_assert_int_eq(enter(2, BOT, "a"), CH_OK);
    ch_repeats_leave(repeats, &tickets[0]);
    ch_repeats_leave(repeats, &tickets[0]);
    ck_assert_ptr_eq(ch_repeats_next(repeats), &tickets[1]);
    assert_first(1, BOT, "a");
    ck_assert_ptr_eq(ch_repeats_next(repeats), &tickets[2]);
    ck_assert_int_eq(enter(2, BOT, "a"), CH_OK);
    ck_assert_int_eq(tickets[2].place, CH_REPEAT_WAITING);
}
END_TEST

START_TEST(test_an_answer_is_forgotten_when_it_is_no_longer_good)
{
    assert_first(0, BOT, "a");
    give(0, "signed");
    now_ms += VALID_MS - 1;
    assert_answered(1, BOT, "a", "signed");
    now_ms++;
    assert_first(2, BOT, "a");
}
END_TEST

START_TEST(test_a_request_on_its_way_does_not_expire)
{
    assert_first(0, BOT, "a");
    now_ms += 100 * VALID_MS;
    ck_assert_int_eq(enter(1, BOT, "a"), CH_OK);
    ck_assert_int_eq(tickets[1].place, CH_REPEAT_WAITING);
}
END_TEST

START_TEST(test_one_caller_leaves_places_for_others)
{
    size_t taken = 0;
    while (enter_number(taken, BOT, taken) == CH_OK)
        taken++;
    ck_assert_int_eq(err.status, CH_BUSY);
    ck_assert_uint_eq(taken, CH_REPEATS_MAX - CH_REPEATS_RESERVE);
    for (size_t i = 0; i < CH_REPEATS_SHARE; i++)
        ck_assert_int_eq(enter_number(taken + i, OTHER, i), CH_OK);
    ck_assert_int_eq(enter_number(CH_REPEATS_MAX, OTHER, CH_REPEATS_MAX), CH_BUSY);
}
END_TEST

static const bool kinds[] = {false, true};

/* Enters requests of the caller, from the ticket `*at` on, for as long as there are places. Returns how many it got. */
static size_t fill(size_t *at, uid_t caller)
{
    size_t begun = *at;
    while (enter_number(*at, caller, *at) == CH_OK)
        ++*at;
    ck_assert_int_eq(err.status, CH_BUSY);
    ck_assert_ptr_null(strstr(err.message, "leave it out")); /* who does so may have two orders */
    return *at - begun;
}

START_TEST(test_a_caller_with_nothing_kept_has_its_first_places_when_all_is_taken)
{
    size_t at = 0;
    is_urgent = kinds[_i];
    ck_assert_uint_eq(fill(&at, BOT), CH_REPEATS_MAX - CH_REPEATS_RESERVE);
    ck_assert_uint_eq(fill(&at, BOT + 1), CH_REPEATS_SHARE);
    ck_assert_uint_eq(fill(&at, BOT + 2), CH_REPEATS_SHARE);
    for (uid_t caller = BOT + 3; caller < BOT + 20; caller++)
        ck_assert_uint_eq(fill(&at, caller), CH_REPEATS_FIRST);
}
END_TEST

START_TEST(test_cancels_that_are_kept_have_places_of_their_own)
{
    size_t at = 0;
    is_urgent = kinds[_i];
    for (uid_t caller = BOT; caller < BOT + 20; caller++)
        fill(&at, caller);
    is_urgent = !kinds[_i];
    ck_assert_uint_eq(fill(&at, BOT), CH_REPEATS_MAX - CH_REPEATS_RESERVE);
    ck_assert_uint_eq(fill(&at, BOT + 1), CH_REPEATS_SHARE);
}
END_TEST

START_TEST(test_what_has_expired_leaves_its_place)
{
    for (size_t i = 0; i < CH_REPEATS_MAX - CH_REPEATS_RESERVE; i++) {
        ck_assert_int_eq(enter_number(i, BOT, i), CH_OK);
        give(i, "signed");
    }
    ck_assert_int_eq(enter_number(CH_REPEATS_MAX, BOT, CH_REPEATS_MAX), CH_BUSY);
    now_ms += VALID_MS;
    for (size_t i = 0; i < CH_REPEATS_MAX - CH_REPEATS_RESERVE; i++)
        ck_assert_int_eq(enter_number(i, BOT, CH_REPEATS_MAX + i), CH_OK);
}
END_TEST

START_TEST(test_a_large_request_takes_several_places)
{
    static char large[40000];
    size_t taken = 0;
    memset(large, 'x', sizeof large - 1);
    for (;; taken++) {
        ch_autobuffer text = CH_BUFFER_INIT;
        ch_buffer_add_format(&text, "number-%zu", taken);
        if (enter_asked(taken, BOT, ch_buffer_text(&text), large) != CH_OK)
            break;
    }
    ck_assert_uint_le(taken, CH_REPEATS_MAX / 19);
}
END_TEST

START_TEST(test_one_caller_does_not_wait_for_all)
{
    assert_first(0, BOT, "a");
    assert_first(1, OTHER, "a");
    size_t waiting = 0;
    while (enter(2 + waiting, BOT, "a") == CH_OK)
        waiting++;
    ck_assert_int_eq(err.status, CH_BUSY);
    ck_assert_uint_eq(waiting, CH_REPEATS_WAITING_MAX - CH_REPEATS_WAITING_RESERVE);
    for (size_t i = 0; i < CH_REPEATS_WAITING_SHARE; i++)
        ck_assert_int_eq(enter(2 + waiting + i, OTHER, "a"), CH_OK);
}
END_TEST

/* Has requests of the caller wait for its first one, from the ticket `*at` on. Returns how many could. */
static size_t wait_with(size_t *at, uid_t caller)
{
    size_t begun = *at;
    while (enter(*at, caller, is_urgent ? "cancel" : "order") == CH_OK)
        ++*at;
    ck_assert_int_eq(err.status, CH_BUSY);
    return *at - begun - 1;
}

START_TEST(test_places_to_wait_are_shared_in_the_same_way)
{
    size_t at = 0;
    is_urgent = kinds[_i];
    ck_assert_uint_eq(wait_with(&at, BOT), CH_REPEATS_WAITING_MAX - CH_REPEATS_WAITING_RESERVE);
    for (uid_t caller = BOT + 1; caller < BOT + 5; caller++)
        ck_assert_uint_eq(wait_with(&at, caller), CH_REPEATS_WAITING_SHARE);
    for (uid_t caller = BOT + 5; caller < BOT + 20; caller++)
        ck_assert_uint_eq(wait_with(&at, caller), CH_REPEATS_WAITING_FIRST);
    is_urgent = !kinds[_i];
    ck_assert_uint_eq(wait_with(&at, BOT), CH_REPEATS_WAITING_MAX - CH_REPEATS_WAITING_RESERVE);
}
END_TEST

START_TEST(test_too_many_callers_are_turned_away)
{
    for (uid_t i = 0; i < CH_REPEATS_CALLERS_MAX; i++)
        assert_first(i, BOT + i, "a");
    ck_assert_int_eq(enter(CH_REPEATS_CALLERS_MAX, BOT + CH_REPEATS_CALLERS_MAX, "a"), CH_BUSY);
    ch_repeats_leave(repeats, &tickets[7]);
    assert_first(CH_REPEATS_CALLERS_MAX, BOT + CH_REPEATS_CALLERS_MAX, "a");
}
END_TEST

CH_TESTS_WITH("repeats", set_up, tear_down, CH_TEST(test_a_repeat_is_answered_as_the_first_was),
              CH_TEST(test_another_caller_key_or_text_is_another_request),
              CH_TEST(test_something_else_under_the_same_text_is_a_conflict),
              CH_TEST(test_those_that_wait_go_on_in_order_when_the_first_is_answered),
              CH_TEST(test_who_may_go_on_can_leave_before), CH_TEST(test_when_the_first_fails_the_next_is_the_first),
              CH_TEST(test_an_answer_is_forgotten_when_it_is_no_longer_good),
              CH_TEST(test_a_request_on_its_way_does_not_expire), CH_TEST(test_one_caller_leaves_places_for_others),
              CH_TEST(test_what_has_expired_leaves_its_place), CH_TEST(test_a_large_request_takes_several_places),
              CH_TEST(test_one_caller_does_not_wait_for_all),
              CH_TEST_ROWS(test_a_caller_with_nothing_kept_has_its_first_places_when_all_is_taken, kinds),
              CH_TEST_ROWS(test_cancels_that_are_kept_have_places_of_their_own, kinds),
              CH_TEST_ROWS(test_places_to_wait_are_shared_in_the_same_way, kinds),
              CH_TEST(test_too_many_callers_are_turned_away))
