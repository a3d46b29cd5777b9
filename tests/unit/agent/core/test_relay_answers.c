/* Answers to relays, and relays that do not read them or must wait. */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/relays.h"

#include <string.h>
#include "base/clock.h"

#define OTHER_UID 5000

static stage_actor actor; /* the relay, or the last one that came */

/* ---- answers ---- */

START_TEST(test_an_answer_leaves_at_the_end_of_a_turn)
{
    relays_begin_started(&actor);
    relays_say_sign(&actor, 7);
    relays_answer(1);
    ck_assert(stage_is_silent(&actor));
    ch_relay_links_flush(relays.links);
    ck_assert_uint_eq(stage_hear(&actor, CH_FRAME_SIGNED).id, 7);
}
END_TEST

START_TEST(test_an_answer_to_a_relay_that_has_gone_is_dropped)
{
    ch_error why = CH_ERROR_INIT;
    ch_error_set(&why, CH_REFUSED, "", "because");
    relays_begin_started(&actor);
    relays_say_sign(&actor, 7);
    ch_asker asker = relays.owner.asker;
    ck_assert_ptr_nonnull(ch_asker_out(asker));
    stage_hang_up(&actor);
    stage_settle();
    ck_assert_ptr_null(ch_asker_out(asker));
    ch_asker_failed(asker, "policy", &why);
    relays_turn();
    relays_come(&actor, RELAYS_UID);
    relays_write_start(&actor, CH_FRAMES_VERSION);
    relays_say_sign(&actor, 7);
    ck_assert_ptr_eq(relays.owner.asker.intake, asker.intake); /* in the same place */
    ck_assert_ptr_null(ch_asker_out(asker));
    ch_asker_failed(asker, "policy", &why);
    relays_turn();
    ck_assert(stage_is_silent(&actor));
    ch_asker_failed(relays.owner.asker, "policy", &why);
    relays_turn();
    ck_assert_uint_eq(stage_hear(&actor, CH_FRAME_FAILED).id, 7);
}
END_TEST

START_TEST(test_what_a_relay_does_not_read_is_bounded)
{
    relays_begin_started(&actor);
    relays_say_sign(&actor, 7);
    relays_answer(RELAYS_ANSWERS_MANY);
    relays_turn();
    relays_say_sign(&actor, 8);
    relays_turn();
    ck_assert_int_eq(relays.owner.signs, 1);
    for (size_t i = 0; i < RELAYS_ANSWERS_MANY; i++) {
        if (stage_is_silent(&actor))
            relays_turn();
        ck_assert_uint_eq(stage_hear(&actor, CH_FRAME_SIGNED).id, 7);
    }
    relays_turn();
    ck_assert_int_eq(relays.owner.signs, 2);
    ck_assert_uint_eq(relays.owner.requests[1], 8);
}
END_TEST

static void on_alarm(void *context)
{
    *(bool *)context = true;
}

/* How often the loop wakes in a time in which nothing can be done. */
static unsigned count_turns(void)
{
    bool is_over = false;
    unsigned count = 0;
    ch_timer alarm = {.on_due = on_alarm, .context = &is_over};
    ch_loop_set_timer(relays.loop, &alarm, ch_clock_ms() + 50);
    while (!is_over) {
        ch_loop_turn(relays.loop, 0);
        ch_relay_links_flush(relays.links);
        count++;
    }
    return count;
}

START_TEST(test_core_sleeps_while_a_relay_does_not_read)
{
    relays_begin_started(&actor);
    relays.owner.answers_each = RELAYS_ANSWERS_MANY;
    for (uint64_t id = 1; id <= 3; id++)
        relays_write_sign(&actor, id);
    stage_send(&actor);
    relays_turn();
    ck_assert_int_eq(relays.owner.signs, 1); /* the others have come with it, and wait */
    ck_assert_uint_lt(count_turns(), 10);
    for (uint64_t i = 0; i < 3ull * RELAYS_ANSWERS_MANY; i++) {
        for (int tries = 0; tries < 100 && stage_is_silent(&actor); tries++)
            relays_turn();
        ck_assert_uint_eq(stage_hear(&actor, CH_FRAME_SIGNED).id, 1 + i / RELAYS_ANSWERS_MANY);
    }
    ck_assert_int_eq(relays.owner.signs, 3);
}
END_TEST

/* ---- the meter ---- */

static void must_wait(bool is_to_wait)
{
    uint64_t now_ns = ch_clock_ns() + (is_to_wait ? 0 : 10000000000u);
    if (is_to_wait) {
        ch_meter_spend(relays.meter, RELAYS_UID, 1000000000);
        ch_meter_spend(relays.meter, OTHER_UID, 1);
    }
    ch_meter_turn(relays.meter, now_ns);
    ck_assert_int_eq(ch_meter_must_wait(relays.meter, RELAYS_UID), is_to_wait);
}

START_TEST(test_a_relay_waits_for_whom_the_meter_says)
{
    relays_begin_started(&actor);
    must_wait(true);
    relays_turn();
    relays_say_sign(&actor, 7);
    relays_say_sign(&actor, 8);
    relays_turn();
    ck_assert_int_eq(relays.owner.signs, 0);
    ck_assert_uint_lt(count_turns(), 10);
    must_wait(false);
    relays_turn();
    ck_assert_int_eq(relays.owner.signs, 2);
}
END_TEST

START_TEST(test_a_relay_that_hangs_up_while_it_must_wait_is_gone)
{
    relays_begin_started(&actor);
    relays_say_sign(&actor, 7);
    must_wait(true);
    relays_turn();
    stage_hang_up(&actor);
    stage_settle();
    ck_assert_uint_eq(ch_connections_of(relays.connections, relays.owner.asker.intake), 0);
    ck_assert_ptr_null(ch_asker_out(relays.owner.asker));
    ck_assert_uint_lt(count_turns(), 10);
}
END_TEST

START_TEST(test_a_relay_that_hangs_up_with_answers_unread_is_gone)
{
    relays_begin_started(&actor);
    relays_say_sign(&actor, 7);
    relays_answer(RELAYS_ANSWERS_MANY);
    relays_turn();
    stage_hang_up(&actor);
    relays_turn();
    ck_assert_uint_eq(ch_connections_of(relays.connections, relays.owner.asker.intake), 0);
    ck_assert_uint_lt(count_turns(), 10);
}
END_TEST

CH_TESTS("relay_answers", CH_TEST(test_an_answer_leaves_at_the_end_of_a_turn),
         CH_TEST(test_an_answer_to_a_relay_that_has_gone_is_dropped),
         CH_TEST(test_what_a_relay_does_not_read_is_bounded), CH_TEST(test_core_sleeps_while_a_relay_does_not_read),
         CH_TEST(test_a_relay_waits_for_whom_the_meter_says),
         CH_TEST(test_a_relay_that_hangs_up_while_it_must_wait_is_gone),
         CH_TEST(test_a_relay_that_hangs_up_with_answers_unread_is_gone))
