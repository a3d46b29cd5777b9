/* Jobs of keys that take the PIN for each signature: it goes with the job, and one that was refused never again. */
#include "agent/core/token_link.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <string.h>
#include <unistd.h>

static ch_error err;
static play_token token;
static ch_ticket tickets[3];
static ch_slice payload;
static size_t signed_count;
static size_t failed_count;
static ch_error why;

static void on_turn(void *context, ch_ticket *ticket)
{
    (void)context;
    if (ch_token_link_sign(token.link, ticket, &payload, 1, &err) != CH_OK)
        ch_token_link_leave(token.link, ticket);
}

static void on_signed(void *context, ch_ticket *ticket, const ch_slice *signatures, size_t count)
{
    (void)context, (void)ticket, (void)signatures, (void)count;
    signed_count++;
}

static void on_failed(void *context, ch_ticket *ticket, const ch_error *reason)
{
    (void)context, (void)ticket;
    failed_count++;
    why = *reason;
}

static const ch_link_owner owner = {.on_turn = on_turn, .on_signed = on_signed, .on_failed = on_failed};

/* Key 'a' is found with CKA_ALWAYS_AUTHENTICATE, which is tolerated; 'b' is as it should be. */
static void log_in(void)
{
    ch_buffer *out = ch_channel_out(&token.actor.channel);
    ch_key_state_frame states[] = {
        {.key = 0, .lapses = ch_lapse_of_type(CKA_ALWAYS_AUTHENTICATE)},
        {.key = 1       }
    };
    play_hear_login(&token);
    for (size_t i = 0; i < PLAY_KEYS; i++)
        ck_assert_int_eq(ch_key_state_frame_put(out, 0, &states[i], &err), CH_OK);
    ck_assert_int_eq(ch_login_done_frame_put(out, 0, &(ch_login_done_frame){.outcome = CH_ERROR_INIT}, &err), CH_OK);
    stage_send(&token.actor);
}

static void begin_with(bool may_relogin)
{
    play_waiter waiter = {0};
    payload = CH_LITERAL("payload");
    play_configure(&token);
    token.config.workers = 2;
    token.config.may_relogin = may_relogin;
    token.two[0].tolerated = ch_lapse_of_type(CKA_ALWAYS_AUTHENTICATE);
    play_begin(&token, stage_set_up(), &owner);
    play_started(&token, NULL);
    play_ask_unlock(&token, &waiter);
    log_in();
    play_check_waiter(&waiter, CH_OK, "");
}

static void queue(size_t index, size_t key)
{
    tickets[index] = (ch_ticket){.key = key};
    ck_assert_int_eq(ch_token_link_queue(token.link, &tickets[index], &err), CH_OK);
}

/* Hears a job with the PIN, and returns its id. */
static uint64_t hear_job(void)
{
    char pin[sizeof PLAY_PIN + 1] = "";
    ch_pin_job_frame job;
    int fd = -1;
    ch_frame frame = stage_hear_with(&token.actor, CH_FRAME_PIN_JOB, &fd);
    uint64_t id = frame.id;
    ck_assert_int_eq(ch_pin_job_frame_get(&frame, &job, &err), CH_OK);
    ck_assert_uint_eq(job.key, 0);
    ck_assert_uint_eq(job.payloads.count, 1);
    ck_assert_int_eq((int)read(fd, pin, sizeof pin), (int)strlen(PLAY_PIN));
    ck_assert_str_eq(pin, PLAY_PIN);
    close(fd);
    return id;
}

static void refuse_pin(uint64_t job)
{
    ch_job_failed_frame failed = {
        .why = {CH_WRONG_PIN, "CKR_PIN_INCORRECT", "the PIN is wrong"},
          .cause = CH_FAULT_PIN
    };
    ck_assert_int_eq(ch_job_failed_frame_put(ch_channel_out(&token.actor.channel), job, &failed, &err), CH_OK);
    stage_send(&token.actor);
}

START_TEST(test_the_pin_goes_with_each_job_and_only_with_those)
{
    begin_with(true);
    queue(0, 0);
    queue(1, 1);
    ch_token_link_dispatch(token.link);
    play_sign(&token, hear_job(), "s");
    ch_token_link_dispatch(token.link);
    play_sign(&token, play_hear_job(&token, 1), "s");
    ck_assert_uint_eq(signed_count, 2);
    queue(0, 0);
    ch_token_link_dispatch(token.link);
    play_sign(&token, hear_job(), "s");
    ck_assert_uint_eq(signed_count, 3);
}
END_TEST

START_TEST(test_without_a_pin_that_is_kept_the_key_is_refused)
{
    begin_with(false);
    ck_assert(!ch_token_link_is_ready(token.link, 0) && ch_token_link_is_ready(token.link, 1));
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_REFUSED);
    ck_assert_ptr_nonnull(strstr(err.message, "takes the PIN for each signature"));
    ck_assert_ptr_nonnull(strstr(err.message, "relogin: true"));
}
END_TEST

START_TEST(test_a_pin_that_was_refused_is_forgotten)
{
    begin_with(true);
    queue(0, 0);
    ch_token_link_dispatch(token.link);
    play_sign(&token, hear_job(), "s"); /* the key is known to be quick */
    queue(0, 0);
    queue(1, 0);
    queue(2, 1);
    ch_token_link_dispatch(token.link);
    uint64_t job = hear_job();
    hear_job();
    refuse_pin(job);
    ck_assert_int_eq(why.status, CH_LOCKED);
    ck_assert_ptr_nonnull(strstr(why.message, "refused the PIN for a signature, so the agent has forgotten it"));
    ch_token_link_dispatch(token.link);
    ck_assert_uint_eq(failed_count, 3);
    ck_assert_str_eq(ch_token_link_state_name(token.link), "absent");
    play_next(&token);
    ck_assert(stage_is_silent(&token.actor));
    ck_assert_str_eq(ch_token_link_state_name(token.link), "locked");
    ck_assert_ptr_nonnull(strstr(ch_token_link_detail(token.link), "refused the PIN for a signature"));
}
END_TEST

/* The token may have counted each of them as a wrong one. */
START_TEST(test_a_process_that_dies_twice_with_a_pin_gets_it_no_third_time)
{
    begin_with(true);
    queue(0, 0);
    ch_token_link_dispatch(token.link);
    hear_job();
    play_restart(&token);
    play_hear_login(&token);
    play_restart(&token);
    ck_assert(stage_is_silent(&token.actor));
    ck_assert_str_eq(ch_token_link_state_name(token.link), "locked");
    ck_assert_ptr_nonnull(strstr(ch_token_link_detail(token.link), "ended twice"));
}
END_TEST

START_TEST(test_a_job_that_is_too_large_leaves_no_descriptor)
{
    static const uint8_t large[CH_PACKET_MAX];
    begin_with(true);
    payload = (ch_slice){large, sizeof large};
    queue(0, 0);
    ch_token_link_dispatch(token.link);
    ck_assert_int_eq(err.status, CH_TOO_LARGE);
    payload = CH_LITERAL("payload");
    queue(1, 1);
    ch_token_link_dispatch(token.link);
    play_sign(&token, play_hear_job(&token, 1), "s");
    ck_assert_uint_eq(signed_count, 1);
}
END_TEST

CH_TESTS("token_link_pins", CH_TEST(test_the_pin_goes_with_each_job_and_only_with_those),
         CH_TEST(test_without_a_pin_that_is_kept_the_key_is_refused), CH_TEST(test_a_pin_that_was_refused_is_forgotten),
         CH_TEST(test_a_process_that_dies_twice_with_a_pin_gets_it_no_third_time),
         CH_TEST(test_a_job_that_is_too_large_leaves_no_descriptor))
