/* On a busy machine a token is slow for a moment, again and again. Each time it gives back the jobs that it has not
 * begun. A request that came back a fourth time was refused with "the token has become slow", perhaps after less than a
 * tenth of a second, though the token went on signing. */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

#define TIMES 20

static scene it;

static uint64_t hear_job(void)
{
    ch_token_link_dispatch(it.token.link);
    scene_end_turn(&it);
    return stage_hear(&it.token.actor, CH_FRAME_JOB).id;
}

START_TEST(test_what_comes_back_often_is_signed)
{
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    for (size_t i = 0; i < TIMES; i++)
        play_give_back(&it.token, hear_job());
    play_sign(&it.token, hear_job(), "s");
    scene_end_turn(&it);
    ck_assert_uint_eq(stage_hear(&it.front_actor, CH_FRAME_SIGNED).id, 7);
    scene_check_token_is_idle(&it);
}
END_TEST

CH_TESTS("an unlucky request was refused", CH_TEST(test_what_comes_back_often_is_signed))
