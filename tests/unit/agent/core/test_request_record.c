/* What a request takes of limits, from its record to its outcome: nothing is signed that is not on the disk, and what
 * was not signed is given back. The key `limited` has three orders an hour. */
#include "agent/core/request.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

#include <string.h>

static ch_error err;
static scene it;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static scene_ask limited(void)
{
    scene_ask ask = scene_order;
    ask.key = "limited";
    return ask;
}

/* How much of the limit `few` is used. */
static void add_used(void *context, const ch_level_row *row)
{
    ch_decimal *used = context;
    if (ch_slice_is(row->limit, "few") && !row->is_released)
        ck_assert(ch_decimal_add(*used, row->amount, used));
}

static void check_used(const char *expected)
{
    char text[CH_DECIMAL_TEXT_MAX];
    ch_decimal used = CH_DECIMAL_ZERO;
    ch_levels_each(ch_ledger_levels(it.ledger), scene_now_ns(), add_used, &used);
    ch_decimal_text(used, text);
    ck_assert_str_eq(text, expected);
}

static uint64_t hear_job(void)
{
    scene_end_turn(&it);
    return stage_hear(&it.token.actor, CH_FRAME_JOB).id;
}

/* Returns the id of the reservation. */
static uint64_t hear_signed(uint64_t id)
{
    ch_signed_frame answer;
    scene_end_turn(&it);
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_SIGNED);
    ck_assert_uint_eq(frame.id, id);
    MUST(ch_signed_frame_get(&frame, &answer, &err));
    return answer.reservation;
}

static uint64_t sign_one(uint64_t id)
{
    const scene_ask ask = limited();
    scene_ask_for(&it, id, &ask);
    play_sign(&it.token, hear_job(), "s");
    return hear_signed(id);
}

static ch_failed_frame hear_refusal(uint64_t id, const char *step, const char *rule)
{
    ch_failed_frame failed = scene_hear_failure(&it, id);
    ck_assert_msg(ch_slice_is(failed.step, step), "at '%.*s': %s", CH_SLICE_ARGS(failed.step), failed.why.message);
    ck_assert_str_eq(failed.why.rule, rule);
    return failed;
}

/* ---- the record ---- */

START_TEST(test_the_token_is_not_asked_before_the_record_is_on_the_disk)
{
    const scene_ask ask = limited();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    ch_token_link_dispatch(it.token.link); /* its turn comes */
    stage_settle();
    ck_assert(stage_is_silent(&it.token.actor));
    ck_assert(ch_ledger_is_writing(it.ledger));
    check_used("1");
    play_sign(&it.token, hear_job(), "s");
    ck_assert_uint_ne(hear_signed(7), 0);
    check_used("1");
    scene_check_token_is_idle(&it);
}
END_TEST

START_TEST(test_what_takes_nothing_is_recorded_and_has_no_reservation)
{
    const scene_ask ask = {.key = "bot", .method = "GET", .path = "/v2/account"};
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    ch_token_link_dispatch(it.token.link); /* its turn comes */
    stage_settle();
    ck_assert(stage_is_silent(&it.token.actor));
    play_sign(&it.token, hear_job(), "s");
    ck_assert_uint_eq(hear_signed(7), 0);
}
END_TEST

START_TEST(test_what_cannot_be_recorded_is_not_signed)
{
    ch_error full = CH_ERROR_INIT;
    const scene_ask ask = limited();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    ch_token_link_dispatch(it.token.link);
    ch_error_set(&full, CH_IO, "", "the disk is full");
    const ch_ledger_owner owner = ch_requests_ledger_owner(it.requests);
    owner.on_recorded(owner.context, UINT64_MAX, &full);
    ch_failed_frame failed = hear_refusal(7, "record", "");
    ck_assert_int_eq(failed.why.status, CH_UNAVAILABLE);
    ck_assert_msg(strstr(failed.why.message, "the disk is full") != NULL, "%s", failed.why.message);
    ck_assert(stage_is_silent(&it.token.actor));
    check_used("0");
    scene_check_token_is_idle(&it);
}
END_TEST

START_TEST(test_a_token_that_is_locked_meanwhile_is_not_asked)
{
    play_waiter waiter = {0};
    const scene_ask ask = limited();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    ch_token_link_dispatch(it.token.link);
    play_ask_lock(&it.token, &waiter);
    stage_hear(&it.token.actor, CH_FRAME_LOGOUT);
    ch_failed_frame failed = scene_hear_failure(&it, 7);
    ck_assert_int_eq(failed.why.status, CH_LOCKED);
    check_used("0");
    scene_restart_ledger(&it);
    check_used("0");
}
END_TEST

START_TEST(test_a_caller_that_leaves_meanwhile_gets_it_back)
{
    const scene_ask ask = limited();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    ch_token_link_dispatch(it.token.link);
    ch_connections_remove(it.connections, ch_front_link_intake(it.front), it.bot);
    hear_refusal(7, "sign", "");
    ck_assert(stage_is_silent(&it.token.actor));
    check_used("0");
    scene_restart_ledger(&it);
    check_used("0");
}
END_TEST

/* ---- outcomes ---- */

START_TEST(test_what_the_token_refuses_is_given_back)
{
    const scene_ask ask = limited();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    play_write_failure(&it.token, hear_job(), CH_TOKEN, "CKR_DATA_INVALID");
    stage_send(&it.token.actor);
    scene_hear_failure(&it, 7);
    check_used("0");
    scene_end_turn(&it);
    scene_restart_ledger(&it);
    check_used("0");
}
END_TEST

START_TEST(test_what_has_no_known_outcome_counts)
{
    const scene_ask ask = limited();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    hear_job();
    play_restart(&it.token);
    scene_hear_failure(&it, 7);
    check_used("1");
    scene_restart_ledger(&it);
    check_used("1");
}
END_TEST

START_TEST(test_what_was_signed_counts_after_a_restart)
{
    scene_begin_unlocked(&it);
    sign_one(7);
    sign_one(8);
    check_used("2");
    scene_restart_ledger(&it);
    check_used("2");
}
END_TEST

/* ---- limits that are used up ---- */

START_TEST(test_a_limit_that_is_used_up_halts_the_caller_for_good)
{
    ch_state_row row;
    const scene_ask ask = limited();
    const scene_ask of_another_key = scene_order;
    scene_begin_unlocked(&it);
    for (uint64_t id = 1; id <= 3; id++)
        sign_one(id);
    scene_ask_for(&it, 4, &ask);
    ch_failed_frame failed = hear_refusal(4, "reserve", "few");
    ck_assert(ch_slice_is(failed.control, "order-count"));
    ck_assert_uint_gt(failed.retry_after_s, 0);
    scene_ask_for(&it, 5, &of_another_key);
    hear_refusal(5, "policy", "state");
    scene_end_turn(&it);
    scene_restart_ledger(&it);
    ck_assert(ch_states_at(ch_ledger_states(it.ledger), 0, &row));
    ck_assert(ch_slice_is(row.name, "me") && row.state == CH_TRADING_HALTED && ch_slice_is(row.why, "few"));
    ck_assert_uint_eq(row.until_ns, 0);
}
END_TEST

START_TEST(test_a_check_takes_nothing_and_halts_nobody)
{
    ch_checked_frame checked;
    ch_state_row row;
    scene_ask ask = limited();
    scene_begin_unlocked(&it);
    ask.is_check = true;
    scene_ask_for(&it, 1, &ask);
    scene_end_turn(&it);
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_CHECKED);
    MUST(ch_checked_frame_get(&frame, &checked, &err));
    ck_assert_msg(checked.is_allowed, "%s", checked.why.message);
    ck_assert_uint_gt(checked.meaning.size, 0);
    ck_assert_uint_gt(checked.lines.count, 0);
    check_used("0");
    for (uint64_t id = 2; id <= 4; id++)
        sign_one(id);
    scene_ask_for(&it, 5, &ask);
    scene_end_turn(&it);
    frame = stage_hear(&it.front_actor, CH_FRAME_CHECKED);
    MUST(ch_checked_frame_get(&frame, &checked, &err));
    ck_assert(!checked.is_allowed);
    ck_assert_str_eq(checked.why.rule, "few");
    ck_assert(ch_slice_is(checked.control, "order-count"));
    ck_assert(!ch_states_at(ch_ledger_states(it.ledger), 0, &row));
    check_used("3");
}
END_TEST

/* ---- states that change meanwhile ---- */

static void halt(const char *name)
{
    const ch_state_row row = {.of = CH_STATE_OF_CALLER,
                              .name = ch_slice_of(name),
                              .state = CH_TRADING_HALTED,
                              .why = CH_LITERAL("by the test")};
    ch_ledger_set_state(it.ledger, &row, scene_now_ns());
}

START_TEST(test_who_is_halted_while_it_waits_is_refused_and_gets_it_back)
{
    const scene_ask ask = limited();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    check_used("1");
    halt("me");
    hear_refusal(7, "recheck", "state");
    ck_assert(stage_is_silent(&it.token.actor));
    check_used("0");
}
END_TEST

START_TEST(test_what_is_signed_after_a_halt_is_withheld_and_counts)
{
    const scene_ask ask = limited();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    uint64_t job = hear_job();
    halt("me");
    play_sign(&it.token, job, "s");
    hear_refusal(7, "finish", "state");
    check_used("1");
}
END_TEST

START_TEST(test_a_cancel_leaves_after_a_halt)
{
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_cancel);
    uint64_t job = hear_job();
    halt("me");
    play_sign(&it.token, job, "s");
    hear_signed(7);
}
END_TEST

static void revoke(const char *name)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_states_name_version(ch_policy_find_key(&it.policy, ch_slice_of(name)), &text);
    const ch_state_row row = {.of = CH_STATE_OF_VERSION,
                              .name = ch_buffer_slice(&text),
                              .state = CH_TRADING_HALTED,
                              .why = CH_LITERAL("stolen")};
    ch_ledger_set_state(it.ledger, &row, scene_now_ns());
}

/* Of a cancel as well: what is revoked signs nothing. */
START_TEST(test_what_is_signed_after_a_revocation_is_withheld)
{
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_cancel);
    uint64_t job = hear_job();
    revoke(scene_cancel.key);
    play_sign(&it.token, job, "s");
    hear_refusal(7, "finish", "revoked");
    scene_ask_for(&it, 8, &scene_cancel);
    hear_refusal(8, "key", "revoked");
}
END_TEST

START_TEST(test_a_state_of_another_changes_nothing)
{
    const scene_ask ask = limited();
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    halt("other");
    play_sign(&it.token, hear_job(), "s");
    hear_signed(7);
    check_used("1");
}
END_TEST

/* ---- releases ---- */

static void ask_release(uint64_t id, uint64_t reservation)
{
    const ch_release_frame release = {.connection = it.bot, .reservation = reservation};
    MUST(ch_release_frame_put(ch_channel_out(&it.front_actor.channel), id, &release, &err));
    stage_send(&it.front_actor);
    scene_end_turn(&it);
}

START_TEST(test_a_reservation_is_released_once)
{
    ch_released_frame released;
    ch_failed_frame failed;
    scene_begin_unlocked(&it);
    uint64_t first = sign_one(1);
    sign_one(2);
    ask_release(7, first);
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_RELEASED);
    MUST(ch_released_frame_get(&frame, &released, &err));
    ck_assert_uint_eq(released.returned.count, 1);
    check_used("1");
    ask_release(8, first);
    frame = stage_hear(&it.front_actor, CH_FRAME_FAILED);
    MUST(ch_failed_frame_get(&frame, &failed, &err));
    ck_assert_int_eq(failed.why.status, CH_NOT_FOUND);
    check_used("1");
    scene_restart_ledger(&it);
    check_used("1");
}
END_TEST

START_TEST(test_what_another_took_is_not_released)
{
    ch_failed_frame failed;
    scene_begin_unlocked(&it);
    uint64_t first = sign_one(1);
    ask_release(7, first + 1000);
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_FAILED);
    MUST(ch_failed_frame_get(&frame, &failed, &err));
    ck_assert_int_eq(failed.why.status, CH_NOT_FOUND);
    check_used("1");
}
END_TEST

CH_TESTS("request_record", CH_TEST(test_the_token_is_not_asked_before_the_record_is_on_the_disk),
         CH_TEST(test_what_takes_nothing_is_recorded_and_has_no_reservation),
         CH_TEST(test_what_cannot_be_recorded_is_not_signed),
         CH_TEST(test_a_token_that_is_locked_meanwhile_is_not_asked),
         CH_TEST(test_a_caller_that_leaves_meanwhile_gets_it_back), CH_TEST(test_what_the_token_refuses_is_given_back),
         CH_TEST(test_what_has_no_known_outcome_counts), CH_TEST(test_what_was_signed_counts_after_a_restart),
         CH_TEST(test_a_limit_that_is_used_up_halts_the_caller_for_good),
         CH_TEST(test_a_check_takes_nothing_and_halts_nobody),
         CH_TEST(test_who_is_halted_while_it_waits_is_refused_and_gets_it_back),
         CH_TEST(test_what_is_signed_after_a_halt_is_withheld_and_counts), CH_TEST(test_a_cancel_leaves_after_a_halt),
         CH_TEST(test_what_is_signed_after_a_revocation_is_withheld), CH_TEST(test_a_state_of_another_changes_nothing),
         CH_TEST(test_a_reservation_is_released_once), CH_TEST(test_what_another_took_is_not_released))
