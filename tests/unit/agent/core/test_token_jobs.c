#include "agent/core/token_jobs.h"

#include "tests/support/suite.h"

#define AHEAD_NS 3000000U /* expected work that each worker is given ahead */
#define KEYS 3
#define BOT 1000 /* callers */
#define OTHER 1001

static ch_token_jobs *jobs;
static ch_ticket tickets[CH_TOKEN_TICKETS_MAX + 1];
static uint64_t now_ms;

static void set_up(size_t worker_count)
{
    jobs = ch_token_jobs_new(worker_count);
    ch_token_jobs_set_keys(jobs, KEYS);
    now_ms = 1000;
}

/* What is taken from the jobs must be given back: nothing waits, nothing is sent, no work is expected. Who was called
 * leaves. */
static void tear_down(void)
{
    for (size_t i = 0; i < CH_ROWS(tickets); i++) {
        if (tickets[i].place == CH_TICKET_CALLED)
            ch_token_jobs_leave(jobs, &tickets[i]);
    }
    ck_assert_uint_eq(ch_token_jobs_called(jobs), 0);
    ck_assert_uint_eq(ch_token_jobs_waiting(jobs), 0);
    ck_assert_uint_eq(ch_token_jobs_sent(jobs), 0);
    ck_assert_uint_eq(ch_token_jobs_work_ns(jobs), 0);
    ck_assert_uint_eq(ch_token_jobs_oldest_ms(jobs), 0);
    ch_token_jobs_free(jobs);
}

static ch_ticket *add(size_t index, size_t key, bool is_urgent)
{
    tickets[index] = (ch_ticket){.caller = BOT, .key = key, .is_urgent = is_urgent};
    ch_token_jobs_add(jobs, &tickets[index]);
    return &tickets[index];
}

/* The next ticket, of that caller. */
static ch_ticket *add_of(uid_t caller, bool is_urgent)
{
    size_t free = 0;
    while (tickets[free].place != CH_TICKET_OUT)
        free++;
    ch_ticket *ticket = &tickets[free];
    *ticket = (ch_ticket){.caller = caller, .is_urgent = is_urgent};
    ch_token_jobs_add(jobs, ticket);
    return ticket;
}

/* Adds jobs of the caller for as long as they are admitted, and returns how many were. */
static size_t fill(uid_t caller, bool is_urgent)
{
    size_t count = 0;
    for (; ch_token_jobs_admits(jobs, caller, is_urgent); count++)
        add_of(caller, is_urgent);
    return count;
}

static void empty(void)
{
    ch_ticket *ticket;
    while ((ticket = ch_token_jobs_call(jobs)) != NULL)
        ch_token_jobs_leave(jobs, ticket);
    while ((ticket = ch_token_jobs_any(jobs, CH_TICKET_SENT)) != NULL)
        ch_token_jobs_leave(jobs, ticket);
}

static const uint32_t slow[] = {0, 25000000, UINT32_MAX}; /* what is known of the key's jobs; 0: nothing */

static void send(ch_ticket *ticket)
{
    ck_assert_ptr_eq(ch_token_jobs_call(jobs), ticket);
    ch_token_jobs_send(jobs, ticket, now_ms++);
}

/* ---- order ---- */

START_TEST(test_urgent_jobs_overtake_and_each_kind_keeps_its_order)
{
    static const bool is_urgent[] = {false, true, false, true, true, false};
    static const size_t order[] = {1, 3, 4, 0, 2, 5};
    set_up(1);
    for (size_t i = 0; i < CH_ROWS(is_urgent); i++)
        add(i, 0, is_urgent[i]);
    ck_assert_uint_eq(ch_token_jobs_waiting(jobs), CH_ROWS(order));
    for (size_t i = 0; i < CH_ROWS(order); i++) {
        ck_assert_ptr_eq(ch_token_jobs_any(jobs, CH_TICKET_WAITING), &tickets[order[i]]);
        ck_assert_ptr_eq(ch_token_jobs_call(jobs), &tickets[order[i]]);
    }
    ck_assert_ptr_null(ch_token_jobs_call(jobs));
    ck_assert_ptr_null(ch_token_jobs_any(jobs, CH_TICKET_WAITING));
    tear_down();
}
END_TEST

START_TEST(test_sent_jobs_stand_in_the_order_in_which_they_were_sent)
{
    set_up(1);
    for (size_t i = 0; i < 3; i++)
        add(i, 0, i == 2);
    send(&tickets[2]);
    send(&tickets[0]);
    send(&tickets[1]);
    ck_assert_ptr_eq(ch_token_jobs_any(jobs, CH_TICKET_SENT), &tickets[2]);
    ck_assert_uint_eq(ch_token_jobs_oldest_ms(jobs), 1000);
    ch_token_jobs_leave(jobs, &tickets[0]);
    ck_assert_uint_eq(ch_token_jobs_oldest_ms(jobs), 1000);
    ch_token_jobs_leave(jobs, &tickets[2]);
    ck_assert_uint_eq(ch_token_jobs_oldest_ms(jobs), 1002);
    ck_assert_ptr_eq(ch_token_jobs_any(jobs, CH_TICKET_SENT), &tickets[1]);
    ch_token_jobs_leave(jobs, &tickets[1]);
    ck_assert_ptr_null(ch_token_jobs_any(jobs, CH_TICKET_SENT));
    tear_down();
}
END_TEST

static const size_t places[] = {0, 1, 2, 3, 4};

START_TEST(test_a_job_leaves_from_any_place_of_its_queue)
{
    set_up(1);
    for (size_t i = 0; i < 5; i++)
        add(i, 0, false);
    ch_ticket *ticket = &tickets[places[_i]];
    ch_token_jobs_leave(jobs, ticket);
    ch_token_jobs_leave(jobs, ticket);
    ck_assert_int_eq(ticket->place, CH_TICKET_OUT);
    for (size_t i = 0; i < 5; i++) {
        if (i != places[_i])
            ck_assert_ptr_eq(ch_token_jobs_call(jobs), &tickets[i]);
    }
    tear_down();
}
END_TEST

START_TEST(test_a_job_leaves_whatever_has_become_of_it)
{
    set_up(1);
    ch_ticket *ticket = add(0, 0, true);
    ck_assert_int_eq(ticket->place, CH_TICKET_WAITING);
    ch_token_jobs_leave(jobs, ticket);
    ck_assert_int_eq(ticket->place, CH_TICKET_OUT);
    add(0, 0, true);
    ck_assert_ptr_eq(ch_token_jobs_call(jobs), ticket);
    ck_assert_int_eq(ticket->place, CH_TICKET_CALLED);
    ch_token_jobs_leave(jobs, ticket);
    ck_assert_int_eq(ticket->place, CH_TICKET_OUT);
    add(0, 0, true);
    send(ticket);
    ck_assert_int_eq(ticket->place, CH_TICKET_SENT);
    ch_token_jobs_leave(jobs, ticket);
    ck_assert_int_eq(ticket->place, CH_TICKET_OUT);
    tear_down();
}
END_TEST

/* ---- shares ---- */

START_TEST(test_callers_take_turns)
{
    set_up(1);
    ch_ticket *first[] = {add_of(BOT, false), add_of(BOT, false), add_of(BOT, false)};
    ch_ticket *second[] = {add_of(OTHER, false), add_of(OTHER, false)};
    ch_ticket *calls[5];
    for (size_t i = 0; i < 5; i++)
        calls[i] = ch_token_jobs_call(jobs);
    /* Whoever comes first: one of each, as long as both have any, and each caller's in their order. */
    bool is_bot_first = calls[0]->caller == BOT;
    for (size_t i = 0; i < 2; i++) {
        ck_assert_ptr_eq(calls[2 * i + !is_bot_first], first[i]);
        ck_assert_ptr_eq(calls[2 * i + is_bot_first], second[i]);
    }
    ck_assert_ptr_eq(calls[4], first[2]);
    for (size_t i = 0; i < 5; i++)
        ch_token_jobs_leave(jobs, calls[i]);
    tear_down();
}
END_TEST

START_TEST(test_any_callers_cancel_comes_before_all_other_jobs)
{
    set_up(1);
    add_of(BOT, false);
    add_of(OTHER, false);
    ch_ticket *cancels[] = {add_of(OTHER, true), add_of(BOT, true)};
    for (size_t i = 0; i < 2; i++) {
        ch_ticket *ticket = ch_token_jobs_call(jobs);
        ck_assert(ticket == cancels[0] || ticket == cancels[1]);
        ch_token_jobs_leave(jobs, ticket);
    }
    empty();
    tear_down();
}
END_TEST

static const bool kinds[] = {false, true};

START_TEST(test_a_greedy_caller_leaves_every_other_its_share)
{
    bool is_urgent = kinds[_i];
    set_up(1);
    ck_assert_uint_eq(fill(BOT, is_urgent), CH_TOKEN_JOBS_MAX - CH_TOKEN_RESERVE);
    ck_assert_uint_eq(fill(OTHER, is_urgent), CH_TOKEN_CALLER_SHARE);
    ck_assert_uint_eq(fill(BOT, is_urgent), 0);
    ck_assert_uint_eq(fill(OTHER + 1, is_urgent), CH_TOKEN_CALLER_SHARE);
    empty();
    tear_down();
}
END_TEST

START_TEST(test_a_caller_with_nothing_here_has_its_first_jobs_when_all_is_taken)
{
    bool is_urgent = kinds[_i];
    set_up(1);
    for (uid_t caller = 0; ch_token_jobs_waiting(jobs) < CH_TOKEN_JOBS_MAX; caller++)
        fill(caller, is_urgent);
    for (uid_t caller = 0; caller < CH_SHARE_CALLERS; caller++)
        ck_assert_uint_eq(fill(BOT + caller, is_urgent), CH_TOKEN_FIRST);
    ck_assert(!ch_token_jobs_admits(jobs, BOT, is_urgent));
    ck_assert(!ch_token_jobs_admits(jobs, BOT + CH_SHARE_CALLERS, is_urgent)); /* there is an end to it */
    empty();
    tear_down();
}
END_TEST

/* And so has all else: of whom, and of how many callers, the others are makes no difference. */
START_TEST(test_cancels_have_places_of_their_own)
{
    bool is_urgent = kinds[_i];
    set_up(1);
    for (uid_t caller = 0; caller < 2 * CH_SHARE_CALLERS; caller++)
        fill(caller, is_urgent);
    ck_assert_uint_eq(fill(0, !is_urgent), CH_TOKEN_JOBS_MAX - CH_TOKEN_RESERVE);
    ck_assert_uint_eq(fill(1, !is_urgent), CH_TOKEN_CALLER_SHARE);
    empty();
    tear_down();
}
END_TEST

START_TEST(test_a_job_holds_its_place_wherever_it_is)
{
    set_up(1);
    size_t count = fill(BOT, false);
    for (size_t i = 0; i < count / 2; i++)
        ch_token_jobs_send(jobs, ch_token_jobs_call(jobs), now_ms);
    ch_ticket *called = ch_token_jobs_call(jobs);
    ck_assert_uint_eq(ch_token_jobs_waiting(jobs) + ch_token_jobs_sent(jobs), count - 1);
    ck_assert(!ch_token_jobs_admits(jobs, BOT, false));
    ch_token_jobs_leave(jobs, called);
    ck_assert_uint_eq(fill(BOT, false), 1);
    ch_token_jobs_leave(jobs, ch_token_jobs_any(jobs, CH_TICKET_SENT));
    ck_assert_uint_eq(fill(BOT, false), 1);
    empty();
    tear_down();
}
END_TEST

START_TEST(test_callers_that_have_left_leave_nothing)
{
    set_up(1);
    for (uid_t caller = 0; caller < 300; caller++) {
        ch_ticket ticket = {.caller = caller};
        ch_token_jobs_add(jobs, &ticket);
        ch_token_jobs_leave(jobs, &ticket);
    }
    ck_assert_uint_eq(fill(BOT, false), CH_TOKEN_JOBS_MAX - CH_TOKEN_RESERVE);
    empty();
    tear_down();
}
END_TEST

/* ---- ids ---- */

START_TEST(test_a_job_is_found_by_its_id_while_it_is_at_the_token)
{
    set_up(1);
    ch_ticket *ticket = add(0, 0, false);
    ck_assert_ptr_null(ch_token_jobs_find(jobs, ticket->id));
    send(ticket);
    ck_assert_ptr_eq(ch_token_jobs_find(jobs, ticket->id), ticket);
    ck_assert_ptr_null(ch_token_jobs_find(jobs, 0));
    ck_assert_ptr_null(ch_token_jobs_find(jobs, ticket->id + 1));
    ck_assert_ptr_null(ch_token_jobs_find(jobs, UINT64_MAX));
    ch_token_jobs_leave(jobs, ticket);
    ck_assert_ptr_null(ch_token_jobs_find(jobs, ticket->id));
    tear_down();
}
END_TEST

START_TEST(test_an_id_is_never_used_twice)
{
    set_up(1);
    uint64_t earlier[50];
    for (size_t i = 0; i < CH_ROWS(earlier); i++) {
        ch_ticket *ticket = add(0, 0, false);
        send(ticket);
        earlier[i] = ticket->id;
        for (size_t k = 0; k < i; k++) {
            ck_assert_uint_ne(earlier[k], ticket->id);
            ck_assert_ptr_null(ch_token_jobs_find(jobs, earlier[k]));
        }
        ch_token_jobs_leave(jobs, ticket);
    }
    tear_down();
}
END_TEST

/* ---- expected work ---- */

START_TEST(test_a_first_job_counts_as_slow_and_later_ones_as_measured)
{
    set_up(1);
    send(add(0, 0, false));
    ck_assert_uint_eq(ch_token_jobs_work_ns(jobs), AHEAD_NS);
    ch_token_jobs_set_cost(jobs, 0, 8000);
    ck_assert_uint_eq(ch_token_jobs_work_ns(jobs), AHEAD_NS);
    send(add(1, 0, false));
    ck_assert_uint_eq(ch_token_jobs_work_ns(jobs), AHEAD_NS + 8000);
    send(add(2, 1, false)); /* nothing is known of the other key */
    ck_assert_uint_eq(ch_token_jobs_work_ns(jobs), 2 * AHEAD_NS + 8000);
    ch_token_jobs_leave(jobs, &tickets[0]);
    ck_assert_uint_eq(ch_token_jobs_work_ns(jobs), AHEAD_NS + 8000);
    ch_token_jobs_set_cost(jobs, 1, 5);
    ch_token_jobs_leave(jobs, &tickets[2]);
    ck_assert_uint_eq(ch_token_jobs_work_ns(jobs), 8000);
    ch_token_jobs_leave(jobs, &tickets[1]);
    tear_down();
}
END_TEST

START_TEST(test_one_slow_job_is_given_at_a_time_until_more_are_known_to_be_gained_from)
{
    set_up(3);
    ch_token_jobs_set_cost(jobs, 0, slow[_i]);
    ck_assert(ch_token_jobs_has_room(jobs, now_ms));
    send(add(0, 0, false));
    ck_assert(!ch_token_jobs_has_room(jobs, now_ms));
    ch_token_jobs_leave(jobs, &tickets[0]);
    ck_assert(ch_token_jobs_has_room(jobs, now_ms));
    tear_down();
}
END_TEST

START_TEST(test_a_device_that_is_late_is_given_no_more)
{
    set_up(2);
    ch_token_jobs_set_cost(jobs, 0, 10000);
    send(add(0, 0, false));
    send(add(1, 0, false));
    ck_assert(ch_token_jobs_has_room(jobs, now_ms));
    now_ms += 100;
    ck_assert(!ch_token_jobs_has_room(jobs, now_ms));
    ch_token_jobs_note_answer(jobs, &tickets[1], now_ms * 1000000);
    ch_token_jobs_leave(jobs, &tickets[1]);
    ck_assert(ch_token_jobs_has_room(jobs, now_ms)); /* it gets on, and the other worker may be stuck */
    ch_token_jobs_leave(jobs, &tickets[0]);
    tear_down();
}
END_TEST

START_TEST(test_a_job_is_stuck_if_neither_it_nor_one_before_it_is_answered)
{
    set_up(2);
    ch_token_jobs_set_cost(jobs, 0, 10000);
    for (size_t i = 0; i < 3; i++)
        send(add(i, 0, false));
    now_ms += 9000;
    ch_token_jobs_note_answer(jobs, &tickets[1], now_ms * 1000000); /* another worker's */
    ch_token_jobs_leave(jobs, &tickets[1]);
    ck_assert(!ch_token_jobs_is_stuck(jobs, now_ms));
    ck_assert(ch_token_jobs_is_stuck(jobs, now_ms + 2000));
    ch_token_jobs_note_answer(jobs, &tickets[0], now_ms * 1000000);
    ch_token_jobs_leave(jobs, &tickets[0]);
    ck_assert(!ch_token_jobs_is_stuck(jobs, now_ms + 9000));
    ck_assert(ch_token_jobs_is_stuck(jobs, now_ms + 11000));
    ch_token_jobs_leave(jobs, &tickets[2]);
    ck_assert(!ch_token_jobs_is_stuck(jobs, now_ms + 11000));
    tear_down();
}
END_TEST

START_TEST(test_a_key_whose_job_was_stuck_has_more_time_for_the_next)
{
    set_up(1);
    send(add(0, 0, false));
    ck_assert(ch_token_jobs_is_stuck(jobs, now_ms + 11000));
    ch_token_jobs_note_stuck(jobs);
    ch_token_jobs_leave(jobs, &tickets[0]);
    send(add(0, 0, false));
    ck_assert(!ch_token_jobs_is_stuck(jobs, now_ms + 59000));
    ck_assert(ch_token_jobs_is_stuck(jobs, now_ms + 61000));
    ch_token_jobs_leave(jobs, &tickets[0]);
    tear_down();
}
END_TEST

START_TEST(test_quick_jobs_are_given_until_their_work_is_enough)
{
    set_up(2);
    ch_token_jobs_set_cost(jobs, 0, AHEAD_NS / 4);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_msg(ch_token_jobs_has_room(jobs, now_ms), "after %zu", i);
        send(add(i, 0, false));
    }
    ck_assert(!ch_token_jobs_has_room(jobs, now_ms));
    for (size_t i = 0; i < 8; i++)
        ch_token_jobs_leave(jobs, &tickets[i]);
    tear_down();
}
END_TEST

START_TEST(test_less_is_given_ahead_while_another_caller_is_there)
{
    ch_meter *meter = ch_meter_new(1);
    set_up(2);
    ch_token_jobs_set_cost(jobs, 0, AHEAD_NS / 40);
    ch_token_jobs_set_meter(jobs, meter);
    ch_meter_turn(meter, 1000000000);
    ch_meter_spend(meter, BOT, 1);
    ch_meter_spend(meter, OTHER, 1);
    ch_meter_turn(meter, 1000000001);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_msg(ch_token_jobs_has_room(jobs, now_ms), "after %zu", i);
        send(add(i, 0, false));
    }
    ck_assert(!ch_token_jobs_has_room(jobs, now_ms));
    ch_meter_turn(meter, 2000000000); /* nobody is there any more */
    ck_assert(ch_token_jobs_has_room(jobs, now_ms));
    for (size_t i = 0; i < 4; i++)
        ch_token_jobs_leave(jobs, &tickets[i]);
    tear_down();
    ch_meter_free(meter);
}
END_TEST

START_TEST(test_waiting_jobs_are_no_expected_work)
{
    set_up(1);
    add(0, 0, false);
    add(1, 0, true);
    ck_assert_uint_eq(ch_token_jobs_work_ns(jobs), 0);
    ck_assert(ch_token_jobs_has_room(jobs, now_ms));
    ch_token_jobs_leave(jobs, &tickets[0]);
    ch_token_jobs_leave(jobs, &tickets[1]);
    tear_down();
}
END_TEST

/* A job that is called is sent when its decision is on the disk; until then no other takes its place. */
START_TEST(test_called_jobs_are_expected_work)
{
    set_up(1);
    add(0, 0, false);
    add(1, 0, false);
    ck_assert_ptr_eq(ch_token_jobs_call(jobs), &tickets[0]);
    ck_assert_uint_eq(ch_token_jobs_called(jobs), 1);
    ck_assert_uint_gt(ch_token_jobs_work_ns(jobs), 0);
    ck_assert(!ch_token_jobs_has_room(jobs, now_ms)); /* nothing is known of the key: it may be slow */
    ch_token_jobs_send(jobs, &tickets[0], now_ms);
    ck_assert_uint_eq(ch_token_jobs_called(jobs), 0);
    ck_assert_uint_gt(ch_token_jobs_work_ns(jobs), 0);
    ch_token_jobs_leave(jobs, &tickets[0]);
    ck_assert_uint_eq(ch_token_jobs_work_ns(jobs), 0);
    ck_assert_ptr_eq(ch_token_jobs_call(jobs), &tickets[1]);
    ch_token_jobs_leave(jobs, &tickets[1]);
    ck_assert(ch_token_jobs_has_room(jobs, now_ms));
    tear_down();
}
END_TEST

CH_TESTS("token_jobs", CH_TEST(test_urgent_jobs_overtake_and_each_kind_keeps_its_order),
         CH_TEST(test_sent_jobs_stand_in_the_order_in_which_they_were_sent),
         CH_TEST_ROWS(test_a_job_leaves_from_any_place_of_its_queue, places),
         CH_TEST(test_a_job_leaves_whatever_has_become_of_it), CH_TEST(test_callers_take_turns),
         CH_TEST(test_less_is_given_ahead_while_another_caller_is_there),
         CH_TEST(test_any_callers_cancel_comes_before_all_other_jobs),
         CH_TEST_ROWS(test_a_greedy_caller_leaves_every_other_its_share, kinds),
         CH_TEST_ROWS(test_a_caller_with_nothing_here_has_its_first_jobs_when_all_is_taken, kinds),
         CH_TEST_ROWS(test_cancels_have_places_of_their_own, kinds), CH_TEST(test_a_job_holds_its_place_wherever_it_is),
         CH_TEST(test_callers_that_have_left_leave_nothing),
         CH_TEST(test_a_job_is_found_by_its_id_while_it_is_at_the_token), CH_TEST(test_an_id_is_never_used_twice),
         CH_TEST(test_a_first_job_counts_as_slow_and_later_ones_as_measured),
         CH_TEST_ROWS(test_one_slow_job_is_given_at_a_time_until_more_are_known_to_be_gained_from, slow),
         CH_TEST(test_a_device_that_is_late_is_given_no_more),
         CH_TEST(test_a_job_is_stuck_if_neither_it_nor_one_before_it_is_answered),
         CH_TEST(test_a_key_whose_job_was_stuck_has_more_time_for_the_next),
         CH_TEST(test_quick_jobs_are_given_until_their_work_is_enough), CH_TEST(test_waiting_jobs_are_no_expected_work),
         CH_TEST(test_called_jobs_are_expected_work))
