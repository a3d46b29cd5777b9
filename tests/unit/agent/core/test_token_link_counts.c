/* What the link has counted of its token. */
#include "agent/core/token_link.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

static ch_error err;
static play_token token;
static play_waiter waiter;
static ch_ticket tickets[3];
static size_t payload_count = 1;

/* ---- the owner of the jobs ---- */

static void on_turn(void *context, ch_ticket *ticket)
{
    static const ch_slice payloads[] = {
        {(const uint8_t *)"one", 3},
        {(const uint8_t *)"two", 3}
    };
    (void)context;
    ck_assert_int_eq(ch_token_link_sign(token.link, ticket, payloads, payload_count, &err), CH_OK);
}

static void on_signed(void *context, ch_ticket *ticket, const ch_slice *signatures, size_t count)
{
    (void)context;
    (void)ticket;
    (void)signatures;
    ck_assert_uint_eq(count, payload_count);
}

static void on_failed(void *context, ch_ticket *ticket, const ch_error *why)
{
    (void)context;
    (void)ticket;
    ck_assert_int_ne(why->status, CH_OK);
}

static const ch_link_owner owner = {.on_turn = on_turn, .on_signed = on_signed, .on_failed = on_failed};

static void begin(void)
{
    play_configure(&token);
    play_begin(&token, stage_set_up(), &owner);
}

static uint64_t send_job(size_t index)
{
    tickets[index] = (ch_ticket){.key = 0};
    ck_assert_int_eq(ch_token_link_queue(token.link, &tickets[index], &err), CH_OK);
    ch_token_link_dispatch(token.link);
    return play_hear_job(&token, 0);
}

static void check_counts(uint64_t signatures, uint64_t failures, uint64_t starts, uint64_t logins)
{
    const ch_link_counts counts = ch_token_link_counts(token.link);
    ck_assert_uint_eq(counts.signatures, signatures);
    ck_assert_uint_eq(counts.failures, failures);
    ck_assert_uint_eq(counts.starts, starts);
    ck_assert_uint_eq(counts.logins, logins);
}

/* ---- */

START_TEST(test_each_signature_of_a_job_counts)
{
    begin();
    play_unlock(&token);
    check_counts(0, 0, 1, 1);
    play_sign(&token, send_job(0), "s");
    payload_count = 2;
    play_write_signatures(&token, send_job(1), 2, "s");
    stage_send(&token.actor);
    check_counts(3, 0, 1, 1);
}
END_TEST

START_TEST(test_a_job_that_the_token_fails_counts_once)
{
    begin();
    play_unlock(&token);
    play_write_failure(&token, send_job(0), CH_TOKEN, "the module has a bad day");
    stage_send(&token.actor);
    check_counts(0, 1, 1, 1);
}
END_TEST

START_TEST(test_a_job_that_is_lost_with_its_process_counts_and_one_that_waited_does_not)
{
    begin();
    play_unlock(&token);
    send_job(0);
    tickets[1] = (ch_ticket){.key = 0};
    ck_assert_int_eq(ch_token_link_queue(token.link, &tickets[1], &err), CH_OK);
    play_restart(&token);
    check_counts(0, 1, 2, 2); /* it has logged in again with the PIN that was kept */
}
END_TEST

START_TEST(test_an_answer_that_breaks_the_protocol_counts_as_a_loss)
{
    begin();
    play_unlock(&token);
    play_write_failure(&token, send_job(0), CH_OK, "");
    stage_send(&token.actor);
    check_counts(0, 1, 1, 1);
}
END_TEST

START_TEST(test_a_login_counts_when_it_is_tried_whatever_comes_of_it)
{
    const ch_error wrong_pin = {CH_WRONG_PIN, "CKR_PIN_INCORRECT", "the token refused the PIN"};
    begin();
    play_started(&token, NULL);
    check_counts(0, 0, 1, 0);
    play_ask_unlock(&token, &waiter);
    play_hear_login(&token);
    play_login_done(&token, &wrong_pin);
    check_counts(0, 0, 1, 1);
}
END_TEST

CH_TESTS("token_link_counts", CH_TEST(test_each_signature_of_a_job_counts),
         CH_TEST(test_a_job_that_the_token_fails_counts_once),
         CH_TEST(test_a_job_that_is_lost_with_its_process_counts_and_one_that_waited_does_not),
         CH_TEST(test_an_answer_that_breaks_the_protocol_counts_as_a_loss),
         CH_TEST(test_a_login_counts_when_it_is_tried_whatever_comes_of_it))
