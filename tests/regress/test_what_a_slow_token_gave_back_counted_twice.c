/* A token that becomes slow gives back the jobs that it has not begun, and they take their steps once more. What they
 * had taken of limits was kept, as if they might have been signed, and taken again each time: a bot that asked once
 * used up its day, or was halted for sending the same order twice. */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

#include <unistd.h>

#define PATIENCE_US 3200000 /* then core gives up */

static scene it;

static void add_amount(void *context, const ch_level_row *row)
{
    ch_decimal *sum = context;
    ck_assert(ch_decimal_add(*sum, row->amount, sum));
}

static void check_used(const char *expected)
{
    char text[CH_DECIMAL_TEXT_MAX];
    ch_decimal used = CH_DECIMAL_ZERO;
    ch_levels_each(ch_ledger_levels(it.ledger), scene_now_ns(), add_amount, &used);
    ch_decimal_text(used, text);
    ck_assert_str_eq(text, expected);
}

static uint64_t hear_job(void)
{
    ch_token_link_dispatch(it.token.link);
    scene_end_turn(&it);
    return stage_hear(&it.token.actor, CH_FRAME_JOB).id;
}

static void ask(void)
{
    scene_ask asked = scene_order;
    asked.key = "limited";
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &asked);
}

START_TEST(test_what_is_signed_in_the_end_counts_once)
{
    ask();
    play_give_back(&it.token, hear_job());
    play_sign(&it.token, hear_job(), "s");
    scene_end_turn(&it);
    ck_assert_uint_eq(stage_hear(&it.front_actor, CH_FRAME_SIGNED).id, 7);
    check_used("1");
    scene_end_turn(&it);
    scene_restart_ledger(&it);
    check_used("1");
}
END_TEST

START_TEST(test_what_is_not_signed_in_the_end_does_not_count)
{
    ask();
    play_give_back(&it.token, hear_job());
    uint64_t job = hear_job();
    usleep(PATIENCE_US);
    play_give_back(&it.token, job);
    ck_assert_int_eq(scene_hear_failure(&it, 7).why.status, CH_UNAVAILABLE);
    check_used("0");
    scene_end_turn(&it);
    scene_restart_ledger(&it);
    check_used("0");
}
END_TEST

CH_TESTS("what a slow token gave back counted twice", CH_TEST(test_what_is_signed_in_the_end_counts_once),
         CH_TEST(test_what_is_not_signed_in_the_end_does_not_count))
