#include "tests/unit/agent/core/scene_people.h"

#include <check.h>
#include <stdio.h>

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

uint64_t scene_begin_asked(scene *it)
{
    scene_ask ask = scene_order;
    ch_request_is_frame answer;
    ch_error err = CH_ERROR_INIT;
    ask.key = "watched";
    scene_begin_unlocked(it);
    scene_ask_for(it, 1, &ask);
    scene_end_turn(it);
    ch_frame frame = stage_hear(&it->front_actor, CH_FRAME_REQUEST_IS);
    MUST(ch_request_is_frame_get(&frame, &answer, &err));
    ck_assert_uint_eq(frame.id, 1);
    ck_assert(ch_slice_is(answer.state, "waiting"));
    return answer.request;
}

ch_status scene_give(scene *it, uint64_t request, const char *person, uid_t uid, ch_error *err)
{
    uint64_t row;
    ch_given_by by = {.uid = uid, .at_ns = scene_now_ns()};
    const ch_approval *approval = ch_approvals_find(ch_ledger_approvals(it->ledger), request);
    snprintf(by.person, sizeof by.person, "%s", person);
    *err = (ch_error)CH_ERROR_INIT;
    return ch_ledger_approve(it->ledger, request, approval->digest, &by, &row, err);
}

void scene_approve(scene *it, uint64_t request)
{
    ch_error err;
    MUST(scene_give(it, request, "alice", SCENE_ALICE, &err));
    MUST(scene_give(it, request, "bob", SCENE_BOB, &err));
    scene_end_turn(it);
}

void scene_deny(scene *it, uint64_t request)
{
    uint64_t row;
    ch_error err = CH_ERROR_INIT;
    const ch_approval_ending ending = {.how = CH_APPROVAL_DENIED, .person = "bob", .uid = SCENE_BOB, .why = "no"};
    MUST(ch_ledger_end_approval(it->ledger, request, &ending, scene_now_ns(), &row, &err));
}

void scene_check_approval(const scene *it, uint64_t request, ch_approval_state state)
{
    const ch_approval *approval = ch_approvals_find(ch_ledger_approvals(it->ledger), request);
    ck_assert_ptr_nonnull(approval);
    ck_assert_str_eq(ch_approval_state_name(ch_approval_state_at(approval, scene_now_ns())),
                     ch_approval_state_name(state));
}
