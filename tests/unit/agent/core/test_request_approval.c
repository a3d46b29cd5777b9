/* Requests that people must approve, from the asking to the signature: the key `watched` needs two of alice, bob and
 * the test's own user, who asks. What the disk and the token do in between never lets an approval be used twice. */
#include "agent/core/ledger_impl.h"
#include "agent/core/request_impl.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene_people.h"

#include <string.h>
#include <unistd.h>

static ch_error err;
static scene it;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static scene_ask watched(void)
{
    scene_ask ask = scene_order;
    ask.key = "watched";
    return ask;
}

/* ---- what bots do ---- */

static void fetch_by(uint64_t connection, uint64_t id, uint64_t request)
{
    const ch_fetch_frame fetch = {.connection = connection, .request = request};
    MUST(ch_fetch_frame_put(ch_channel_out(&it.front_actor.channel), id, &fetch, &err));
    stage_send(&it.front_actor);
}

static void fetch(uint64_t id, uint64_t request)
{
    fetch_by(it.bot, id, request);
}

/* The front hears how a request stands. */
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

static ch_failed_frame hear_refusal(uint64_t id, ch_status status, const char *rule)
{
    ch_failed_frame failed = scene_hear_failure(&it, id);
    ck_assert_msg(failed.why.status == status, "%s", failed.why.message);
    ck_assert_str_eq(failed.why.rule, rule);
    return failed;
}

static uint64_t ask_for(uint64_t id, const scene_ask *ask)
{
    scene_ask_for(&it, id, ask);
    return hear(id, "waiting").request;
}

static uint64_t hear_job(void)
{
    scene_end_turn(&it);
    return stage_hear(&it.token.actor, CH_FRAME_JOB).id;
}

static void hear_signed(uint64_t id, ch_buffer *url)
{
    ch_signed_frame answer;
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_SIGNED);
    ck_assert_uint_eq(frame.id, id);
    MUST(ch_signed_frame_get(&frame, &answer, &err));
    for (ch_header_record header; ch_header_record_next(&answer.headers, &header);)
        ch_buffer_add_slice(url, header.value);
    ch_buffer_add_slice(url, answer.body);
}

static void sign_job(uint64_t id)
{
    ch_autobuffer url = CH_BUFFER_INIT;
    play_sign(&it.token, hear_job(), "s");
    scene_end_turn(&it);
    hear_signed(id, &url);
}

/* ---- what people do ---- */

static size_t count_all(void)
{
    size_t count = 0;
    while (ch_approvals_at(ch_ledger_approvals(it.ledger), count) != NULL)
        count++;
    return count;
}

/* ---- asking ---- */

START_TEST(test_who_asks_is_answered_when_it_is_on_the_disk)
{
    const scene_ask ask = watched();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 1, &ask);
    ch_front_link_flush(it.front);
    ck_assert(stage_is_silent(&it.front_actor));
    ch_request_is_frame answer = hear(1, "waiting");
    ck_assert_uint_eq(answer.approvals, 2);
    ck_assert_uint_eq(answer.of.count, 3);
    ck_assert_uint_eq(answer.given, 0);
    scene_check_token_is_idle(&it);
    scene_restart_ledger(&it);
    scene_check_approval(&it, answer.request, CH_APPROVAL_WAITING);
}
END_TEST

START_TEST(test_the_same_request_is_the_same_one)
{
    scene_ask ask = watched();
    uint64_t first = scene_begin_asked(&it);
    ck_assert_uint_eq(ask_for(2, &ask), first);
    const scene_value last = ask.values[3];
    ask.values[3] = ask.values[1]; /* the order makes no other */
    ask.values[1] = last;
    ck_assert_uint_eq(ask_for(3, &ask), first);
    ask.repeat_key = "another";
    uint64_t second = ask_for(4, &ask);
    ck_assert_uint_ne(second, first);
    ask = watched();
    ask.values[3].value = "2";
    uint64_t third = ask_for(5, &ask);
    ck_assert(third != first && third != second);
    scene_deny(&it, first);
    ask = watched();
    ck_assert_uint_ne(ask_for(6, &ask), first);
}
END_TEST

START_TEST(test_those_that_ask_at_once_wait_for_one_row)
{
    const scene_ask ask = watched();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 1, &ask);
    scene_ask_for(&it, 2, &ask);
    scene_end_turn(&it);
    uint64_t first = hear_now(1, "waiting").request;
    ck_assert_uint_eq(hear_now(2, "waiting").request, first);
    ck_assert_uint_eq(count_all(), 1);
}
END_TEST

START_TEST(test_what_cannot_be_kept_was_not_asked)
{
    ch_error full = CH_ERROR_INIT;
    const scene_ask ask = watched();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 1, &ask);
    ch_error_set(&full, CH_IO, "", "the disk is full");
    const ch_ledger_owner owner = ch_requests_ledger_owner(it.requests);
    ch_ledger_settle_approvals(it.ledger, UINT64_MAX, false);
    owner.on_recorded(owner.context, UINT64_MAX, &full);
    ck_assert_uint_eq(count_all(), 0);
    ch_front_link_flush(it.front);
    ch_failed_frame failed;
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_FAILED);
    MUST(ch_failed_frame_get(&frame, &failed, &err));
    ck_assert_int_eq(failed.why.status, CH_UNAVAILABLE);
}
END_TEST

START_TEST(test_only_what_else_would_pass_is_kept)
{
    scene_ask ask = watched();
    ask.values[2].value = "limit"; /* no allow covers it */
    ask.values[4] = (scene_value){CH_VALUE_TEXT, "price", "1"};
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 1, &ask);
    hear_refusal(1, CH_REFUSED, "allow");
    ask = watched();
    ask.is_check = true;
    scene_ask_for(&it, 2, &ask);
    scene_end_turn(&it);
    ch_checked_frame checked;
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_CHECKED);
    MUST(ch_checked_frame_get(&frame, &checked, &err));
    ck_assert(!checked.is_allowed && checked.approvals == 2);
    ck_assert_uint_eq(count_all(), 0);
}
END_TEST

START_TEST(test_what_has_no_room_in_a_window_is_not_kept)
{
    scene_ask ask = watched();
    scene_begin_unlocked(&it);
    for (uint64_t i = 0; i < 3; i++) {
        ask.values[3].value = &"1\0002\0003"[2 * i];
        uint64_t request = ask_for(10 + i, &ask);
        scene_approve(&it, request);
        fetch(20 + i, request);
        sign_job(20 + i);
    }
    ask.values[3].value = "4";
    scene_ask_for(&it, 30, &ask);
    hear_refusal(30, CH_TOO_OFTEN, "thrice");
    ck_assert_uint_eq(count_all(), 3);
}
END_TEST

/* ---- the fetch ---- */

START_TEST(test_a_fetch_without_approvals_says_what_is_lacking)
{
    uint64_t request = scene_begin_asked(&it);
    MUST(scene_give(&it, request, "alice", SCENE_ALICE, &err));
    fetch(2, request);
    ck_assert_uint_eq(hear(2, "waiting").given, 1);
    ck_assert_int_eq(scene_give(&it, request, "alice", SCENE_ALICE, &err), CH_CONFLICT);
    ck_assert_int_eq(scene_give(&it, request, "me", getuid(), &err), CH_REFUSED);
    ck_assert_str_eq(err.rule, "own");
    ck_assert_int_eq(scene_give(&it, request, "carol", SCENE_CAROL, &err), CH_REFUSED);
    fetch(3, request);
    hear(3, "waiting");
    ck_assert(stage_is_silent(&it.token.actor));
}
END_TEST

START_TEST(test_what_is_approved_is_signed_once)
{
    ch_autobuffer first = CH_BUFFER_INIT;
    ch_autobuffer again = CH_BUFFER_INIT;
    uint64_t request = scene_begin_asked(&it);
    scene_approve(&it, request);
    scene_check_approval(&it, request, CH_APPROVAL_READY);
    fetch(2, request);
    play_sign(&it.token, hear_job(), "s");
    scene_end_turn(&it);
    hear_signed(2, &first);
    scene_check_approval(&it, request, CH_APPROVAL_SIGNED);
    fetch(3, request);
    scene_end_turn(&it);
    hear_signed(3, &again);
    ck_assert_str_eq(ch_buffer_text(&again), ch_buffer_text(&first));
    ck_assert(stage_is_silent(&it.token.actor));
    scene_restart_ledger(&it);
    scene_check_approval(&it, request, CH_APPROVAL_SIGNED);
}
END_TEST

START_TEST(test_two_that_race_get_the_same_bytes)
{
    ch_autobuffer first = CH_BUFFER_INIT;
    ch_autobuffer second = CH_BUFFER_INIT;
    uint64_t request = scene_begin_asked(&it);
    scene_approve(&it, request);
    fetch(2, request);
    fetch(3, request);
    play_sign(&it.token, hear_job(), "s");
    scene_end_turn(&it);
    hear_signed(2, &first);
    hear_signed(3, &second);
    ck_assert_str_eq(ch_buffer_text(&first), ch_buffer_text(&second));
    ck_assert(stage_is_silent(&it.token.actor));
}
END_TEST

START_TEST(test_what_the_token_refuses_gives_the_approval_back)
{
    uint64_t request = scene_begin_asked(&it);
    scene_approve(&it, request);
    fetch(2, request);
    play_write_failure(&it.token, hear_job(), CH_TOKEN, "CKR_DATA_INVALID");
    stage_send(&it.token.actor);
    scene_hear_failure(&it, 2);
    scene_check_approval(&it, request, CH_APPROVAL_READY);
    fetch(3, request);
    sign_job(3);
    scene_restart_ledger(&it);
    scene_check_approval(&it, request, CH_APPROVAL_SIGNED); /* the return came before the second use */
}
END_TEST

/* The agent is killed when the decision is on the disk, and the token may have signed. */
START_TEST(test_a_use_survives_a_crash)
{
    uint64_t request = scene_begin_asked(&it);
    scene_approve(&it, request);
    fetch(2, request);
    hear_job();
    scene_restart_ledger(&it);
    scene_check_approval(&it, request, CH_APPROVAL_SIGNED);
}
END_TEST

START_TEST(test_what_has_no_known_outcome_stays_used)
{
    uint64_t request = scene_begin_asked(&it);
    scene_approve(&it, request);
    fetch(2, request);
    hear_job();
    play_restart(&it.token);
    scene_hear_failure(&it, 2);
    scene_check_approval(&it, request, CH_APPROVAL_SIGNED);
    scene_restart_ledger(&it);
    scene_check_approval(&it, request, CH_APPROVAL_SIGNED);
}
END_TEST

START_TEST(test_a_token_that_is_locked_meanwhile_uses_nothing)
{
    play_waiter waiter = {0};
    uint64_t request = scene_begin_asked(&it);
    scene_approve(&it, request);
    fetch(2, request);
    ch_token_link_dispatch(it.token.link);
    play_ask_lock(&it.token, &waiter);
    stage_hear(&it.token.actor, CH_FRAME_LOGOUT);
    hear_refusal(2, CH_LOCKED, "");
    scene_check_approval(&it, request, CH_APPROVAL_READY);
    scene_end_turn(&it);
    scene_restart_ledger(&it);
    scene_check_approval(&it, request, CH_APPROVAL_READY);
}
END_TEST

START_TEST(test_what_is_denied_while_it_waits_is_not_signed)
{
    uint64_t request = scene_begin_asked(&it);
    scene_approve(&it, request);
    fetch(2, request);
    scene_deny(&it, request);
    hear_refusal(2, CH_CONFLICT, "denied");
    ck_assert(stage_is_silent(&it.token.actor));
    fetch(3, request);
    ch_failed_frame failed = hear_refusal(3, CH_CONFLICT, "denied");
    ck_assert_ptr_nonnull(strstr(failed.why.message, "by bob"));
}
END_TEST

START_TEST(test_another_policy_judges_what_waits_anew)
{
    scene_ask ask = watched();
    uint64_t request = scene_begin_asked(&it);
    scene_approve(&it, request);
    fetch(2, request);
    ask.values[3].value = "2";
    scene_ask_for(&it, 3, &ask);
    ch_requests_recall(it.requests, &it.policy);
    ch_policy_person(&it.policy, CH_LITERAL("bob"));
    for (size_t i = 0; i < it.policy.person_count; i++) {
        if (strcmp(it.policy.people[i].name, "bob") == 0)
            it.policy.people[i].roles = CH_ROLE_AUDITOR;
    }
    ch_requests_judge_again(it.requests);
    scene_end_turn(&it);
    hear_now(2, "ready"); /* as far as the table knows; but bob is no approver any more */
    hear_now(3, "waiting");
    ck_assert(stage_is_silent(&it.token.actor));
}
END_TEST

/* Who restores a backup restores what was used meanwhile. */
START_TEST(test_a_state_from_a_backup_keeps_no_approval)
{
    const ch_doer admin = {.uid = getuid(), .name = CH_LITERAL("me")};
    uint64_t row;
    uint64_t request = scene_begin_asked(&it);
    scene_approve(&it, request);
    it.ledger->is_older = true;
    fetch(2, request);
    hear_refusal(2, CH_REFUSED, "record");
    MUST(ch_ledger_accept(it.ledger, &admin, CH_LITERAL("looked at it"), scene_now_ns(), &row, &err));
    scene_check_approval(&it, request, CH_APPROVAL_DENIED);
    scene_end_turn(&it);
    scene_restart_ledger(&it);
    scene_check_approval(&it, request, CH_APPROVAL_DENIED);
}
END_TEST

START_TEST(test_others_find_nothing)
{
    const ch_peer other = {.uid = getuid() + 1, .gid = getgid()};
    uint64_t connection;
    uint64_t request = scene_begin_asked(&it);
    scene_approve(&it, request);
    MUST(ch_connections_add(it.connections, &other, false, ch_front_link_intake(it.front), &connection, &err));
    fetch_by(connection, 2, request);
    hear_refusal(2, CH_NOT_FOUND, "");
    fetch(3, request + 1);
    hear_refusal(3, CH_NOT_FOUND, "");
}
END_TEST

START_TEST(test_a_front_cannot_pass_for_a_fetch)
{
    scene_ask ask = scene_order;
    ask.repeat_key = CH_FETCHED_REPEAT_KEY " 1";
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 1, &ask);
    hear_refusal(1, CH_INTERNAL, "");
}
END_TEST

CH_TESTS("request_approval", CH_TEST(test_who_asks_is_answered_when_it_is_on_the_disk),
         CH_TEST(test_the_same_request_is_the_same_one), CH_TEST(test_those_that_ask_at_once_wait_for_one_row),
         CH_TEST(test_what_cannot_be_kept_was_not_asked), CH_TEST(test_only_what_else_would_pass_is_kept),
         CH_TEST(test_what_has_no_room_in_a_window_is_not_kept),
         CH_TEST(test_a_fetch_without_approvals_says_what_is_lacking), CH_TEST(test_what_is_approved_is_signed_once),
         CH_TEST(test_two_that_race_get_the_same_bytes), CH_TEST(test_what_the_token_refuses_gives_the_approval_back),
         CH_TEST(test_a_use_survives_a_crash), CH_TEST(test_what_has_no_known_outcome_stays_used),
         CH_TEST(test_a_token_that_is_locked_meanwhile_uses_nothing),
         CH_TEST(test_what_is_denied_while_it_waits_is_not_signed), CH_TEST(test_another_policy_judges_what_waits_anew),
         CH_TEST(test_a_state_from_a_backup_keeps_no_approval), CH_TEST(test_others_find_nothing),
         CH_TEST(test_a_front_cannot_pass_for_a_fetch))
