/* A bot asked how its request stands, to be told when that changes, and left. Core dropped the wait without an answer,
 * though a front has one answer for each of its questions. Found by the fuzz target front_frames, once it counted such
 * questions. */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene_people.h"

START_TEST(test_the_wait_is_answered)
{
    static scene it;
    ch_error err = CH_ERROR_INIT;
    uint64_t request = scene_begin_asked(&it);
    const ch_get_request_frame get = {.connection = it.bot, .request = request, .wait_s = 60};
    ck_assert_int_eq(ch_get_request_frame_put(ch_channel_out(&it.front_actor.channel), 2, &get, &err), CH_OK);
    stage_send(&it.front_actor);
    scene_end_turn(&it);
    ck_assert(stage_is_silent(&it.front_actor));
    ch_connections_remove(it.connections, ch_front_link_intake(it.front), it.bot);
    ck_assert_int_eq(scene_give(&it, request, "alice", SCENE_ALICE, &err), CH_OK); /* the desk looks again */
    scene_end_turn(&it);
    ck_assert_int_eq(scene_hear_failure(&it, 2).why.status, CH_UNAVAILABLE);
    ck_assert(stage_is_silent(&it.front_actor));
}
END_TEST

CH_TESTS("a wait got no answer if the bot left", CH_TEST(test_the_wait_is_answered))
