/* What becomes of a key that signs wrongly, or that was exchanged. */
#include "agent/core/token_link.h"

#include "base/memory.h"
#include "state/prints.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <poll.h>
#include <string.h>

#define UNUSABLE "key 'a': the token signed wrongly with it, and again in a fresh process"

static ch_error err;
static play_token token;
static play_waiter waiter;
static ch_ticket ticket;
static ch_error why; /* of the last failure */
static int signatures;
static ch_store *store;
static ch_prints *prints;
static ch_writer *writer;

static const char one[] = "11111111111111111111111111111111";
static const char two[] = "22222222222222222222222222222222";

static void on_turn(void *context, ch_ticket *at)
{
    const ch_slice payload = CH_LITERAL("payload");
    (void)context;
    ck_assert_int_eq(ch_token_link_sign(token.link, at, &payload, 1, &err), CH_OK);
}

static void on_signed(void *context, ch_ticket *at, const ch_slice *made, size_t count)
{
    (void)context;
    (void)at;
    (void)made;
    (void)count;
    signatures++;
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
    play_next(&token);
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

/* ---- signatures ---- */

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
    play_locked(&token);
    play_ask_unlock(&token, &waiter);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    check_usable();
}
END_TEST

/* ---- prints ---- */

static void await_write(void)
{
    struct pollfd wait = {.fd = ch_writer_fd(writer), .events = POLLIN};
    ck_assert_int_eq(poll(&wait, 1, 5000), 1);
    ch_writer_collect(writer);
}

static void begin_with_prints(void)
{
    ch_loop *loop = stage_set_up();
    ch_autofree char *folder = ch_test_path("state");
    ck_assert_msg(ch_store_open(folder, &store, &err) == CH_OK, "%s", err.message);
    ck_assert_int_eq(ch_prints_open(store, &prints, &err), CH_OK);
    ck_assert_int_eq(ch_writer_start(store, &writer, &err), CH_OK);
    ch_prints_start(prints, writer);
    play_configure(&token);
    token.config.prints = prints;
    play_begin(&token, loop, &owner);
    play_unlock(&token);
}

/* The process finds the key anew, with this print; NULL: it comes later. */
static void find_key(const char *print)
{
    ch_key_state_frame state = {.key = 0, .is_print_later = print == NULL};
    if (print != NULL)
        state.print = ch_slice_of(print);
    ch_token_link_find_keys(token.link);
    ch_token_link_dispatch(token.link);
    stage_hear(&token.actor, CH_FRAME_FIND_KEYS);
    ck_assert_int_eq(ch_key_state_frame_put(ch_channel_out(&token.actor.channel), 0, &state, &err), CH_OK);
    ck_assert_int_eq(ch_keys_found_frame_put(ch_channel_out(&token.actor.channel), 0, &(ch_keys_found_frame){}, &err),
                     CH_OK);
    stage_send(&token.actor);
}

/* A job is signed, and before it comes the print. */
static void sign_with_print(const char *print)
{
    const ch_key_print_frame told = {.key = 0, .print = ch_slice_of(print)};
    uint64_t job = send_job();
    ck_assert_int_eq(ch_key_print_frame_put(ch_channel_out(&token.actor.channel), 0, &told, &err), CH_OK);
    play_sign(&token, job, "signature");
}

static void check_exchanged(void)
{
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_REFUSED);
    ck_assert_str_eq(err.rule, "exchanged-key");
}

static void on_confirmed(void *context, const ch_error *outcome)
{
    ck_assert_int_eq(outcome->status, CH_OK);
    (*(int *)context)++;
}

static ch_status confirm(int *answers)
{
    const ch_link_waiter who = {.answer = on_confirmed, .context = answers};
    return ch_token_link_confirm_key(token.link, 0, who, &err);
}

START_TEST(test_an_exchanged_pair_is_unusable_until_it_is_confirmed)
{
    int answers = 0;
    begin_with_prints();
    find_key(one);
    check_usable();
    await_write();
    ck_assert_int_eq(confirm(&answers), CH_CONFLICT);
    find_key(two);
    check_exchanged();
    ck_assert_int_eq(confirm(&answers), CH_OK);
    find_key(two);
    check_exchanged(); /* it is not on disk yet */
    await_write();
    ck_assert_int_eq(answers, 1);
    find_key(two);
    check_usable();
    find_key(one);
    check_exchanged();
}
END_TEST

START_TEST(test_what_an_exchanged_secret_signs_is_withheld)
{
    begin_with_prints();
    find_key(NULL);
    sign_with_print(one);
    ck_assert_int_eq(signatures, 1);
    find_key(NULL);
    check_usable();
    sign_with_print(two);
    ck_assert_int_eq(signatures, 1);
    ck_assert_int_eq(why.status, CH_REFUSED);
    check_exchanged();
}
END_TEST

START_TEST(test_a_pair_that_shows_no_public_half_any_more_is_unusable)
{
    begin_with_prints();
    find_key(one);
    find_key("");
    check_exchanged();
}
END_TEST

START_TEST(test_a_pair_without_a_public_half_is_used_and_that_is_said)
{
    stage_record_log();
    begin_with_prints();
    find_key("");
    find_key("");
    const char *log = stage_logged();
    const char *said = strstr(log, "key 'a': the token does not show its public half");
    ck_assert_msg(said != NULL && strstr(said + 1, "key 'a'") == NULL, "%s", log);
    check_usable();
}
END_TEST

START_TEST(test_a_print_of_another_size_ends_the_process)
{
    begin_with_prints();
    sign_with_print("short");
    play_check_state(&token, "absent", "the token process is being restarted");
}
END_TEST

CH_TESTS("token_link_trust", CH_TEST(test_a_wrong_signature_is_logged_and_the_process_started_anew),
         CH_TEST(test_after_two_in_a_row_the_key_is_unusable_and_the_others_are_not),
         CH_TEST(test_after_a_right_one_two_more_are_needed), CH_TEST(test_a_reload_has_it_tried_again),
         CH_TEST(test_an_unlock_has_it_tried_again), CH_TEST(test_an_exchanged_pair_is_unusable_until_it_is_confirmed),
         CH_TEST(test_what_an_exchanged_secret_signs_is_withheld),
         CH_TEST(test_a_pair_that_shows_no_public_half_any_more_is_unusable),
         CH_TEST(test_a_pair_without_a_public_half_is_used_and_that_is_said),
         CH_TEST(test_a_print_of_another_size_ends_the_process))
