/* What becomes of a key that signs wrongly. */
#include "agent/core/token_link.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <string.h>

#define UNUSABLE "key 'a': the token signed wrongly with it, and again in a fresh process"

static ch_error err;
static play_token token;
static play_waiter waiter;
static ch_ticket ticket;
static ch_error why; /* of the last failure */

static void on_turn(void *context, ch_ticket *at)
{
    const ch_slice payload = CH_LITERAL("payload");
    (void)context;
    ck_assert_int_eq(ch_token_link_sign(token.link, at, &payload, 1, &err), CH_OK);
}

static void on_signed(void *context, ch_ticket *at, const ch_slice *signatures, size_t count)
{
    (void)context;
    (void)at;
    (void)signatures;
    (void)count;
}

static void on_failed(void *context, ch_ticket *at, const ch_error *reason)
{
    (void)context;
    (void)at;
    why = *reason;
}

static const ch_link_owner owner = {.on_turn = on_turn, .on_signed = on_signed, .on_failed = on_failed};

static void begin(void)
{
    play_configure(&token);
    play_begin(&token, stage_set_up(), &owner);
    play_unlock(&token);
}

static uint64_t send_job(void)
{
    ticket = (ch_ticket){.key = 0};
    ck_assert_int_eq(ch_token_link_queue(token.link, &ticket, &err), CH_OK);
    ch_token_link_dispatch(token.link);
    return play_hear_job(&token, 0);
}

/* The process signs wrongly, notices, and is started anew. */
static void sign_wrongly(void)
{
    ch_job_failed_frame failed = {.why = CH_ERROR_INIT, .cause = CH_FAULT_SIGNATURE};
    uint64_t job = send_job();
    ch_error_set(&failed.why, CH_TOKEN, "CKR_SIGNATURE_INVALID", "it is wrong");
    ck_assert_int_eq(ch_job_failed_frame_put(ch_channel_out(&token.actor.channel), job, &failed, &err), CH_OK);
    stage_send(&token.actor);
    ck_assert_int_eq(why.status, CH_TOKEN);
    ch_token_link_dispatch(token.link);
    play_check_state(&token, "absent", "it is wrong");
    stage_bury(&token.actor);
    play_meet(&token);
    play_started(&token, NULL);
    play_hear_login(&token);
    play_login_done(&token, NULL);
}

static void check_usable(void)
{
    ck_assert_msg(ch_token_link_check_key(token.link, 0, &err) == CH_OK, "%s", err.message);
}

static void check_unusable(void)
{
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_UNAVAILABLE);
    ck_assert_msg(strstr(err.message, UNUSABLE) != NULL, "%s", err.message);
    ck_assert_int_eq(ch_token_link_check_key(token.link, 1, &err), CH_OK);
}

START_TEST(test_a_wrong_signature_is_logged_and_the_process_started_anew)
{
    begin();
    stage_record_log();
    sign_wrongly();
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, "key 'a': WRONG SIGNATURE, which was withheld: it is wrong") != NULL, "%s", log);
    check_usable();
}
END_TEST

START_TEST(test_after_two_in_a_row_the_key_is_unusable_and_the_others_are_not)
{
    begin();
    sign_wrongly();
    sign_wrongly();
    check_unusable();
}
END_TEST

START_TEST(test_after_a_right_one_two_more_are_needed)
{
    begin();
    sign_wrongly();
    play_sign(&token, send_job(), "right");
    sign_wrongly();
    check_usable();
    sign_wrongly();
    check_unusable();
}
END_TEST

START_TEST(test_a_reload_has_it_tried_again)
{
    begin();
    sign_wrongly();
    sign_wrongly();
    ch_token_link_find_keys(token.link);
    ch_token_link_dispatch(token.link);
    stage_hear(&token.actor, CH_FRAME_FIND_KEYS);
    ch_key_state_frame state = {.key = 0};
    ck_assert_int_eq(ch_key_state_frame_put(ch_channel_out(&token.actor.channel), 0, &state, &err), CH_OK);
    stage_send(&token.actor);
    check_usable();
}
END_TEST

START_TEST(test_an_unlock_has_it_tried_again)
{
    play_waiter locked = {0};
    begin();
    sign_wrongly();
    sign_wrongly();
    play_ask_lock(&token, &locked);
    stage_hear(&token.actor, CH_FRAME_LOGOUT);
    play_logout_done(&token, NULL);
    stage_bury(&token.actor);
    play_meet(&token);
    play_started(&token, NULL);
    play_ask_unlock(&token, &waiter);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    check_usable();
}
END_TEST

CH_TESTS("token_link_trust", CH_TEST(test_a_wrong_signature_is_logged_and_the_process_started_anew),
         CH_TEST(test_after_two_in_a_row_the_key_is_unusable_and_the_others_are_not),
         CH_TEST(test_after_a_right_one_two_more_are_needed), CH_TEST(test_a_reload_has_it_tried_again),
         CH_TEST(test_an_unlock_has_it_tried_again))
