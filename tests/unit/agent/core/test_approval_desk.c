/* What bots hear of requests that people were asked about: at once, when they change, and when they are withdrawn. */
#include "agent/core/approval_desk.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene_people.h"

#include <unistd.h>

static ch_error err;
static scene it;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static void fetch(uint64_t id, uint64_t request)
{
    const ch_fetch_frame frame = {.connection = it.bot, .request = request};
    MUST(ch_fetch_frame_put(ch_channel_out(&it.front_actor.channel), id, &frame, &err));
    stage_send(&it.front_actor);
}

static void get(uint64_t id, uint64_t request, uint16_t wait_s)
{
    const ch_get_request_frame frame = {.connection = it.bot, .request = request, .wait_s = wait_s};
    MUST(ch_get_request_frame_put(ch_channel_out(&it.front_actor.channel), id, &frame, &err));
    stage_send(&it.front_actor);
}

static void withdraw(uint64_t id, uint64_t request)
{
    const ch_withdraw_frame frame = {.connection = it.bot, .request = request};
    MUST(ch_withdraw_frame_put(ch_channel_out(&it.front_actor.channel), id, &frame, &err));
    stage_send(&it.front_actor);
}

static ch_request_is_frame hear_now(uint64_t id, const char *state)
{
    ch_request_is_frame answer;
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_REQUEST_IS);
    ck_assert_uint_eq(frame.id, id);
    MUST(ch_request_is_frame_get(&frame, &answer, &err));
    ck_assert_msg(ch_slice_is(answer.state, state), "%.*s", CH_SLICE_ARGS(answer.state));
    return answer;
}

static ch_request_is_frame hear(uint64_t id, const char *state)
{
    scene_end_turn(&it);
    return hear_now(id, state);
}

static void hear_refusal(uint64_t id, ch_status status, const char *rule)
{
    ch_failed_frame failed = scene_hear_failure(&it, id);
    ck_assert_msg(failed.why.status == status, "%s", failed.why.message);
    ck_assert_str_eq(failed.why.rule, rule);
}

START_TEST(test_who_waits_hears_of_a_change)
{
    uint64_t request = scene_begin_asked(&it);
    get(2, request, 60);
    scene_end_turn(&it);
    ck_assert(stage_is_silent(&it.front_actor));
    MUST(scene_give(&it, request, "alice", SCENE_ALICE, &err));
    ck_assert_uint_eq(hear(2, "waiting").given, 1);
    get(3, request, 60);
    MUST(scene_give(&it, request, "bob", SCENE_BOB, &err));
    hear(3, "ready");
    get(4, request, 60);
    scene_deny(&it, request);
    ck_assert(ch_slice_is(hear(4, "denied").why, "no"));
    get(5, request, 60); /* nothing will change */
    hear(5, "denied");
}
END_TEST

START_TEST(test_who_has_left_keeps_no_place)
{
    const ch_peer peer = {.uid = getuid(), .gid = getgid()};
    uint64_t request = scene_begin_asked(&it);
    const uint64_t taken = CH_LONG_WAITS_MAX - CH_LONG_WAITS_RESERVE;
    for (uint64_t i = 0; i < CH_LONG_WAITS_SHARE * 5; i++)
        get(100 + i, request, 60);
    hear_refusal(100 + taken, CH_BUSY, "");
    for (uint64_t i = taken + 1; i < CH_LONG_WAITS_SHARE * 5; i++)
        scene_hear_failure(&it, 100 + i);
    ch_connections_remove(it.connections, ch_front_link_intake(it.front), it.bot);
    MUST(ch_connections_add(it.connections, &peer, false, ch_front_link_intake(it.front), &it.bot, &err));
    ch_ledger_set_policy(it.ledger, &it.policy, scene_now_ns());
    MUST(scene_give(&it, request, "alice", SCENE_ALICE, &err)); /* a change; nobody is there to hear of it */
    scene_end_turn(&it);
    for (uint64_t i = 0; i < taken; i++) /* but the front is, and each question has one answer */
        hear_refusal(100 + i, CH_UNAVAILABLE, "");
    ck_assert(stage_is_silent(&it.front_actor));
    get(2, request, 60);
    scene_end_turn(&it);
    ck_assert(stage_is_silent(&it.front_actor));
    ch_approval_desk_recall(it.approval_desk);
    hear(2, "waiting");
}
END_TEST

START_TEST(test_a_bot_withdraws)
{
    uint64_t request = scene_begin_asked(&it);
    scene_approve(&it, request);
    withdraw(2, request);
    ch_front_link_flush(it.front);
    ck_assert(stage_is_silent(&it.front_actor)); /* not before it is on the disk */
    hear(2, "withdrawn");
    withdraw(3, request);
    hear(3, "withdrawn");
    fetch(4, request);
    hear_refusal(4, CH_CONFLICT, "withdrawn");
    scene_restart_ledger(&it);
    scene_check_approval(&it, request, CH_APPROVAL_WITHDRAWN);
}
END_TEST

CH_TESTS("approval_desk", CH_TEST(test_who_waits_hears_of_a_change), CH_TEST(test_who_has_left_keeps_no_place),
         CH_TEST(test_a_bot_withdraws))
