/* Jobs on their way to the process and back, and what becomes of them if it ends. */
#include "agent/core/token_link.h"

#include "base/memory.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <stdio.h>
#include <string.h>

static ch_error err;
static play_token token;
static ch_ticket tickets[CH_TOKEN_TICKETS_MAX + 1];

/* ---- the owner of the jobs ---- */

/* What the owner saw; a test changes what it does. */
static struct {
    ch_slice payloads[CH_PAYLOADS_A_JOB];
    size_t payload_count;
    bool is_leaving; /* at its turn, instead of being signed */
    ch_status sign_status;
    size_t turns;
    size_t signed_count;
    size_t failed_count;
    ch_ticket *last;
    char signature[64];
    ch_error why;
    int locks; /* when a signature comes, that many locks are asked for */
    play_waiter waiters[2];
} owner;

static void on_turn(void *context, ch_ticket *ticket)
{
    (void)context;
    ck_assert_int_eq(ticket->place, CH_TICKET_CALLED);
    owner.turns++;
    if (!owner.is_leaving)
        owner.sign_status = ch_token_link_sign(token.link, ticket, owner.payloads, owner.payload_count, &err);
    if (owner.is_leaving || owner.sign_status != CH_OK)
        ch_token_link_leave(token.link, ticket);
}

static void on_signed(void *context, ch_ticket *ticket, const ch_slice *signatures, size_t count)
{
    (void)context;
    ck_assert_int_eq(ticket->place, CH_TICKET_OUT);
    ck_assert_uint_eq(count, owner.payload_count);
    owner.signed_count++;
    owner.last = ticket;
    snprintf(owner.signature, sizeof owner.signature, "%.*s", CH_SLICE_ARGS(signatures[count - 1]));
    for (int i = 0; i < owner.locks; i++)
        play_ask_lock(&token, &owner.waiters[i]);
}

static void on_failed(void *context, ch_ticket *ticket, const ch_error *why)
{
    (void)context;
    ck_assert_int_eq(ticket->place, CH_TICKET_OUT);
    owner.failed_count++;
    owner.last = ticket;
    owner.why = *why;
}

static const ch_link_owner link_owner = {.on_turn = on_turn, .on_signed = on_signed, .on_failed = on_failed};

static void begin_with(uint32_t workers)
{
    owner.payloads[0] = CH_LITERAL("payload");
    owner.payload_count = 1;
    play_configure(&token);
    token.config.workers = workers;
    play_begin(&token, stage_set_up(), &link_owner);
    play_unlock(&token);
}

static void begin(void)
{
    begin_with(1);
}

static ch_ticket *queue(size_t index, size_t key, bool is_urgent)
{
    tickets[index] = (ch_ticket){.key = key, .is_urgent = is_urgent};
    ck_assert_msg(ch_token_link_queue(token.link, &tickets[index], &err) == CH_OK, "%s", err.message);
    return &tickets[index];
}

/* Queues jobs from the first ticket on, and has as many sent as the process should have. */
static void queue_many(size_t count)
{
    for (size_t i = 0; i < count; i++)
        queue(i, 0, false);
    ch_token_link_dispatch(token.link);
}

static void check_failed(size_t count, ch_status status, const char *says)
{
    ck_assert_uint_eq(owner.failed_count, count);
    ck_assert_int_eq(owner.why.status, status);
    ck_assert_msg(strstr(owner.why.message, says) != NULL, "%s", owner.why.message);
}

/* Has one job signed, so that the process is known to be quick. */
static void warm_up(void)
{
    queue_many(1);
    play_sign(&token, play_hear_job(&token, 0), "s");
    ck_assert_uint_eq(owner.signed_count, 1);
    owner.signed_count = owner.turns = 0;
}

/* ---- to the process and back ---- */

START_TEST(test_a_job_is_signed)
{
    ch_job_frame job;
    ch_text_record payload;
    begin();
    owner.payloads[1] = CH_LITERAL("more");
    owner.payload_count = 2;
    ch_ticket *ticket = queue(0, 1, false);
    ck_assert(stage_is_silent(&token.actor));
    ch_token_link_dispatch(token.link);
    ck_assert_uint_eq(ch_token_link_sent(token.link), 1);
    ch_frame frame = stage_hear(&token.actor, CH_FRAME_JOB);
    ck_assert_int_eq(ch_job_frame_get(&frame, &job, &err), CH_OK);
    ck_assert_uint_eq(job.key, 1);
    ck_assert(ch_text_record_next(&job.payloads, &payload) && ch_slice_is(payload.bytes, "payload"));
    ck_assert(ch_text_record_next(&job.payloads, &payload) && ch_slice_is(payload.bytes, "more"));
    ck_assert(!ch_text_record_next(&job.payloads, &payload));
    play_write_signatures(&token, frame.id, 2, "signature");
    stage_send(&token.actor);
    ck_assert_uint_eq(owner.signed_count, 1);
    ck_assert_ptr_eq(owner.last, ticket);
    ck_assert_str_eq(owner.signature, "signature");
    ck_assert_uint_eq(ch_token_link_sent(token.link), 0);
}
END_TEST

START_TEST(test_a_job_that_the_token_fails_says_with_which_key)
{
    begin();
    queue(0, 1, false);
    ch_token_link_dispatch(token.link);
    play_write_failure(&token, play_hear_job(&token, 1), CH_TOKEN, "the module has a bad day");
    stage_send(&token.actor);
    check_failed(1, CH_TOKEN, "signing with key 'b': the module has a bad day");
    ck_assert(ch_token_link_is_unlocked(token.link));
}
END_TEST

START_TEST(test_urgent_jobs_are_sent_first)
{
    begin();
    queue(0, 0, false);
    queue(1, 1, true);
    ch_token_link_dispatch(token.link);
    uint64_t urgent = play_hear_job(&token, 1);
    ck_assert(stage_is_silent(&token.actor)); /* one worker, and nothing is known of the keys */
    play_sign(&token, urgent, "s");
    ch_token_link_dispatch(token.link);
    play_hear_job(&token, 0);
}
END_TEST

START_TEST(test_a_job_may_leave_when_its_turn_comes)
{
    begin();
    owner.is_leaving = true;
    queue_many(3);
    ck_assert_uint_eq(owner.turns, 3);
    ck_assert_uint_eq(ch_token_link_sent(token.link), 0);
    ck_assert(stage_is_silent(&token.actor));
}
END_TEST

START_TEST(test_payloads_that_fit_no_frame_are_too_large)
{
    begin();
    ch_autofree uint8_t *large = ch_alloc(CH_PACKET_MAX);
    owner.payloads[0] = (ch_slice){large, CH_PACKET_MAX};
    queue_many(1);
    ck_assert_int_eq(owner.sign_status, CH_TOO_LARGE);
    ck_assert_uint_eq(ch_token_link_sent(token.link), 0);
    ck_assert(stage_is_silent(&token.actor));
}
END_TEST

START_TEST(test_too_many_jobs_of_a_caller_are_refused)
{
    size_t count = 0;
    begin();
    ch_ticket *ticket = &tickets[0];
    for (; ch_token_link_queue(token.link, ticket, &err) == CH_OK; count++)
        ticket = &tickets[count + 1];
    ck_assert_uint_ge(count, CH_TOKEN_CALLER_SHARE);
    ck_assert_int_eq(err.status, CH_BUSY);
    ck_assert_str_eq(err.message, "too many requests of user 0 wait for token 'main'; try again in a moment");
    ck_assert_int_eq(ticket->place, CH_TICKET_OUT);
    ch_token_link_leave(token.link, &tickets[5]);
    ck_assert_int_eq(ch_token_link_queue(token.link, ticket, &err), CH_OK);
}
END_TEST

START_TEST(test_a_key_of_which_nothing_is_known_gets_one_job_done_first)
{
    begin_with(3);
    queue_many(5);
    play_hear_job(&token, 0);
    ck_assert_uint_eq(ch_token_link_sent(token.link), 1);
    ck_assert(stage_is_silent(&token.actor));
}
END_TEST

START_TEST(test_quick_jobs_share_packets)
{
    size_t packets = 0;
    begin();
    warm_up();
    queue_many(40);
    for (size_t i = 0; i < 40; i++) {
        packets += token.actor.packet.bytes.size == 0;
        play_hear_job(&token, 0);
    }
    ck_assert_uint_gt(packets, 1); /* so that the token is at work early */
    ck_assert_uint_lt(packets, 10);
}
END_TEST

/* ---- a process that breaks its word ---- */

/* Each writes what an honest process does not. */
static void answer_twice(uint64_t job)
{
    play_write_signatures(&token, job, 1, "s");
    play_write_signatures(&token, job, 1, "s");
}

static void answer_another(uint64_t job)
{
    play_write_signatures(&token, job + 1, 1, "s");
}

static void fail_another(uint64_t job)
{
    play_write_failure(&token, job + 1, CH_TOKEN, "broken");
}

static void fail_without_reason(uint64_t job)
{
    play_write_failure(&token, job, CH_OK, "");
}

/* clang-format off */
static const struct {
    void (*answer)(uint64_t job); /* NULL: with so many signatures, each of so many bytes */
    size_t count;
    size_t size;
    size_t signed_count;
    const char *why;
} broken[] = {
    /* answer               count  size  signed  the process is ended because */
    { answer_twice,         0,     0,    1,      "it answered a job that it was not given" },
    { answer_another,       0,     0,    0,      "it answered a job that it was not given" },
    { fail_another,         0,     0,    0,      "it answered a job that it was not given" },
    { fail_without_reason,  0,     0,    0,      "it failed a job without a reason" },
    { NULL,                 0,     1,    0,      "it sent 0 signatures for 1 payloads" },
    { NULL,                 4,     1,    0,      "it sent 4 signatures for 1 payloads" },
    { NULL,                 1,     0,    0,      "it sent a signature of 0 bytes" },
    { NULL,                 1,     513,  0,      "it sent a signature of 513 bytes" },
};
/* clang-format on */

START_TEST(test_an_answer_that_cannot_be_ends_the_process)
{
    char text[CH_SIGNATURE_SIZE_MAX + 2] = "";
    begin();
    queue_many(1);
    uint64_t job = play_hear_job(&token, 0);
    memset(text, 's', broken[_i].size);
    if (broken[_i].answer != NULL)
        broken[_i].answer(job);
    else
        play_write_signatures(&token, job, broken[_i].count, text);
    stage_record_log();
    stage_send(&token.actor);
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, broken[_i].why) != NULL, "%s", log);
    ck_assert_uint_eq(owner.signed_count, broken[_i].signed_count);
    ck_assert_uint_eq(owner.failed_count, 1 - broken[_i].signed_count);
    ck_assert_str_eq(ch_token_link_state_name(token.link), "absent");
    stage_bury(&token.actor);
}
END_TEST

/* A device that is away: what the process has done before still counts, then a fresh one tries. */
START_TEST(test_a_device_that_is_away_ends_the_process_after_its_other_answers)
{
    begin_with(2);
    warm_up();
    queue_many(2);
    uint64_t one = play_hear_job(&token, 0);
    uint64_t other = play_hear_job(&token, 0);
    play_write_failure(&token, one, CH_UNAVAILABLE, "the device is away");
    play_write_signatures(&token, other, 1, "s");
    stage_send(&token.actor);
    check_failed(1, CH_UNAVAILABLE, "signing with key 'a': the device is away");
    ck_assert_uint_eq(owner.signed_count, 1);
    ck_assert(ch_token_link_is_unlocked(token.link));
    queue(0, 0, false);
    ch_token_link_dispatch(token.link);
    ck_assert_str_eq(ch_token_link_state_name(token.link), "absent");
    ck_assert_str_eq(ch_token_link_detail(token.link), "the device is away");
    ck_assert_uint_eq(owner.failed_count, 1); /* the PIN was kept, so what waits is signed later */
    play_next(&token);
    ck_assert_str_eq(ch_token_link_detail(token.link), "");
    play_hear_login(&token);
    play_login_done(&token, NULL);
    ch_token_link_dispatch(token.link);
    play_hear_job(&token, 0);
    ck_assert(ch_token_link_is_unlocked(token.link));
}
END_TEST

/* ---- a process that ends ---- */

START_TEST(test_jobs_at_a_process_that_ends_fail_and_those_that_wait_are_signed_by_the_next)
{
    begin();
    queue_many(3);
    play_hear_job(&token, 0);
    play_restart(&token);
    check_failed(1, CH_UNAVAILABLE, "the process of token 'main' ended (it closed its channel); try again");
    ck_assert_ptr_eq(owner.last, &tickets[0]);
    ch_token_link_dispatch(token.link);
    ck_assert_uint_eq(ch_token_link_sent(token.link), 0);
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_OK);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    for (size_t i = 1; i < 3; i++) {
        ch_token_link_dispatch(token.link);
        play_sign(&token, play_hear_job(&token, 0), "s");
        ck_assert_ptr_eq(owner.last, &tickets[i]);
    }
    ck_assert_uint_eq(owner.signed_count, 2);
    ck_assert_uint_eq(owner.failed_count, 1);
}
END_TEST

START_TEST(test_without_a_pin_jobs_that_wait_fail_too)
{
    owner.payloads[0] = CH_LITERAL("payload");
    owner.payload_count = 1;
    play_configure(&token);
    token.config.may_relogin = false;
    play_begin(&token, stage_set_up(), &link_owner);
    play_unlock(&token);
    queue_many(3);
    stage_hang_up(&token.actor);
    stage_settle();
    check_failed(3, CH_UNAVAILABLE, "token 'main' is absent: the token process is being restarted");
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_UNAVAILABLE);
}
END_TEST

START_TEST(test_jobs_that_wait_fail_if_the_kept_pin_is_refused)
{
    const ch_error wrong_pin = {CH_WRONG_PIN, "CKR_PIN_INCORRECT", "the token refused the PIN"};
    begin();
    queue_many(3);
    play_restart(&token);
    play_hear_login(&token);
    ck_assert_uint_eq(owner.failed_count, 1);
    play_login_done(&token, &wrong_pin);
    check_failed(3, CH_LOCKED, "token 'main' is locked: the token refused the PIN; an operator unlocks it with");
}
END_TEST

START_TEST(test_jobs_do_not_wait_for_a_process_that_keeps_ending)
{
    begin();
    queue_many(3);
    play_restart(&token);
    play_restart(&token);
    ck_assert_uint_eq(owner.failed_count, 1);
    stage_hang_up(&token.actor);
    stage_settle();
    check_failed(3, CH_UNAVAILABLE, "token 'main' is absent: ");
}
END_TEST

START_TEST(test_a_process_that_ends_inside_a_dispatch_is_noticed)
{
    begin();
    warm_up();
    stage_hang_up(&token.actor);
    queue_many(100);
    ck_assert_str_eq(ch_token_link_state_name(token.link), "absent");
    ck_assert_uint_gt(owner.failed_count, 0);
    ck_assert_uint_eq(ch_token_link_sent(token.link), 0);
    check_failed(owner.turns, CH_UNAVAILABLE, "Broken pipe");
}
END_TEST

START_TEST(test_a_lock_fails_what_waits_and_lets_the_process_finish_what_it_has)
{
    play_waiter waiter = {0};
    begin();
    queue_many(3);
    uint64_t job = play_hear_job(&token, 0);
    play_ask_lock(&token, &waiter);
    check_failed(2, CH_LOCKED, "token 'main' was locked");
    stage_hear(&token.actor, CH_FRAME_LOGOUT);
    play_logout_done(&token, NULL);
    play_sign(&token, job, "s");
    ck_assert_uint_eq(owner.signed_count, 1);
    ch_token_link_dispatch(token.link);
    stage_bury(&token.actor);
}
END_TEST

/* ---- callbacks that change the link ---- */

START_TEST(test_a_lock_asked_for_by_a_callback_lets_the_rest_of_the_packet_be_taken)
{
    begin_with(2);
    warm_up();
    queue_many(2);
    owner.locks = 1;
    play_write_signatures(&token, play_hear_job(&token, 0), 1, "s");
    play_write_failure(&token, play_hear_job(&token, 0), CH_TOKEN, "broken");
    stage_send(&token.actor);
    check_failed(1, CH_TOKEN, "broken");
    stage_hear(&token.actor, CH_FRAME_LOGOUT);
}
END_TEST

/* The second lock ends the process while its packet is taken: the channel's memory is gone. */
START_TEST(test_a_callback_that_ends_the_process_drops_the_rest_of_the_packet)
{
    begin_with(2);
    warm_up();
    queue_many(2);
    owner.locks = 2;
    uint64_t jobs[2] = {play_hear_job(&token, 0), play_hear_job(&token, 0)};
    play_write_signatures(&token, jobs[0], 1, "s");
    play_write_signatures(&token, jobs[1], 1, "s");
    stage_send(&token.actor);
    ck_assert_uint_eq(owner.signed_count, 1);
    check_failed(1, CH_UNAVAILABLE, "it was locked before it had answered");
    ck_assert_int_eq(owner.waiters[0].calls, 1);
    stage_bury(&token.actor);
}
END_TEST

/* ---- a process that does not read ---- */

START_TEST(test_dispatch_returns_if_the_process_does_not_read)
{
    begin();
    warm_up();
    ch_autofree uint8_t *payload = ch_alloc(2000);
    owner.payloads[0] = (ch_slice){payload, 2000};
    queue_many(300);
    size_t sent = ch_token_link_sent(token.link);
    ck_assert_uint_gt(sent, 0);
    ck_assert_uint_lt(sent, 300);
    ch_token_link_dispatch(token.link);
    ck_assert_uint_eq(ch_token_link_sent(token.link), sent);
    /* It reads again, and gets them all. */
    for (size_t i = 0; i < 300; i++) {
        while (stage_is_silent(&token.actor)) {
            stage_settle();
            ch_token_link_dispatch(token.link);
        }
        play_write_signatures(&token, play_hear_job(&token, 0), 1, "s");
        stage_send(&token.actor);
    }
    ck_assert_uint_eq(owner.signed_count, 300);
}
END_TEST

CH_TESTS("token_link_jobs", CH_TEST(test_a_job_is_signed), CH_TEST(test_a_job_that_the_token_fails_says_with_which_key),
         CH_TEST(test_urgent_jobs_are_sent_first), CH_TEST(test_a_job_may_leave_when_its_turn_comes),
         CH_TEST(test_payloads_that_fit_no_frame_are_too_large), CH_TEST(test_too_many_jobs_of_a_caller_are_refused),
         CH_TEST(test_a_key_of_which_nothing_is_known_gets_one_job_done_first), CH_TEST(test_quick_jobs_share_packets),
         CH_TEST_ROWS(test_an_answer_that_cannot_be_ends_the_process, broken),
         CH_TEST(test_a_device_that_is_away_ends_the_process_after_its_other_answers),
         CH_TEST(test_jobs_at_a_process_that_ends_fail_and_those_that_wait_are_signed_by_the_next),
         CH_TEST(test_without_a_pin_jobs_that_wait_fail_too),
         CH_TEST(test_jobs_that_wait_fail_if_the_kept_pin_is_refused),
         CH_TEST(test_jobs_do_not_wait_for_a_process_that_keeps_ending),
         CH_TEST(test_a_process_that_ends_inside_a_dispatch_is_noticed),
         CH_TEST(test_a_lock_fails_what_waits_and_lets_the_process_finish_what_it_has),
         CH_TEST(test_a_lock_asked_for_by_a_callback_lets_the_rest_of_the_packet_be_taken),
         CH_TEST(test_a_callback_that_ends_the_process_drops_the_rest_of_the_packet),
         CH_TEST(test_dispatch_returns_if_the_process_does_not_read))
