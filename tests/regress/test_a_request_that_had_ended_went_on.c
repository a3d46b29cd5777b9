/* The first request with an Idempotency-Key and one that waited for it were turned back at the same moment, because
 * their caller had left. The second one was still on the list of those that may go on: it was entered and answered once
 * more after it had ended, when another request may have had its place. */
#include "base/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

static ch_error err;

static void leave(scene *it)
{
    ch_buffer *out = ch_channel_out(&it->front_actor.channel);
    ck_assert_int_eq(ch_closed_frame_put(out, it->bot, &(ch_closed_frame){}, &err), CH_OK);
    stage_send(&it->front_actor);
}

START_TEST(test_who_has_left_is_turned_back_once)
{
    static scene it;
    scene_ask ask = scene_order;
    ask.repeat_key = "once";
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    scene_ask_for(&it, 8, &ask);
    leave(&it);
    ch_requests_sweep(it.requests, ch_clock_ms() + 600);
    ch_failed_frame failed = scene_hear_failure(&it, 7);
    ck_assert_str_eq(failed.why.message, "the caller has left");
    failed = scene_hear_failure(&it, 8);
    ck_assert_str_eq(failed.why.message, "the caller has left");
    ck_assert(stage_is_silent(&it.front_actor));
    ck_assert_uint_eq(ch_requests_counts(it.requests).failed_count, 2);
    scene_check_token_is_idle(&it);
}
END_TEST

CH_TESTS("a request that had ended went on", CH_TEST(test_who_has_left_is_turned_back_once))
