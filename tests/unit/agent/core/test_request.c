/* A request through the steps: to its end, and turned back at each of them. */
#include "agent/core/request.h"

#include "base/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ch_error err;
static scene it;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static void check_failure(uint64_t id, const char *step, ch_status status, const char *rule, const char *says)
{
    ch_failed_frame failed = scene_hear_failure(&it, id);
    ck_assert_msg(ch_slice_is(failed.step, step), "at '%.*s': %s", CH_SLICE_ARGS(failed.step), failed.why.message);
    ck_assert_msg(failed.why.status == status, "%s", failed.why.message);
    ck_assert_str_eq(failed.why.rule, rule);
    ck_assert_msg(strstr(failed.why.message, says) != NULL, "%s", failed.why.message);
    scene_check_token_is_idle(&it);
}

/* Hears a job with one payload, which is copied to `payload`, and returns its id. */
static uint64_t hear_job(char *payload, size_t capacity)
{
    ch_job_frame job;
    ch_text_record text;
    scene_end_turn(&it);
    ch_frame frame = stage_hear(&it.token.actor, CH_FRAME_JOB);
    MUST(ch_job_frame_get(&frame, &job, &err));
    ck_assert_uint_eq(job.payloads.count, 1);
    ck_assert(ch_text_record_next(&job.payloads, &text));
    snprintf(payload, capacity, "%.*s", CH_SLICE_ARGS(text.bytes));
    return frame.id;
}

static void check_counts(uint64_t signed_count, uint64_t refused_count, uint64_t failed_count)
{
    ch_request_counts counts = ch_requests_counts(it.requests);
    ck_assert_uint_eq(counts.signed_count, signed_count);
    ck_assert_uint_eq(counts.refused_count, refused_count);
    ck_assert_uint_eq(counts.failed_count, failed_count);
}

/* ---- to the end ---- */

#define ORDER_BODY "{\"market\":\"BTC-EUR\",\"side\":\"buy\",\"orderType\":\"market\",\"amount\":\"1\"}"

static void check_header(ch_records *headers, const char *name, const char *value)
{
    ch_header_record header;
    ck_assert(ch_header_record_next(headers, &header));
    ck_assert_msg(ch_slice_is(header.name, name), "%.*s", CH_SLICE_ARGS(header.name));
    ck_assert_msg(ch_slice_is(header.value, value), "%.*s", CH_SLICE_ARGS(header.value));
}

START_TEST(test_a_typed_request_is_built_signed_and_finished)
{
    char payload[256];
    ch_signed_frame answer;
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    uint64_t job = hear_job(payload, sizeof payload);
    char *rest = strstr(payload, "POST/v2/order");
    ck_assert_msg(rest != NULL && strcmp(rest, "POST/v2/order" ORDER_BODY) == 0, "%s", payload);
    *rest = '\0'; /* what is before it is the time */
    play_sign(&it.token, job, "\x01\xab");
    scene_end_turn(&it);
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_SIGNED);
    ck_assert_uint_eq(frame.id, 7);
    MUST(ch_signed_frame_get(&frame, &answer, &err));
    ck_assert(ch_slice_is(answer.method, "POST"));
    ck_assert(ch_slice_is(answer.url, "https://api.bitvavo.com/v2/order"));
    ck_assert(ch_slice_is(answer.body, ORDER_BODY));
    ck_assert(ch_slice_is(answer.key, "bot"));
    check_header(&answer.headers, "BITVAVO-ACCESS-KEY", SCENE_KEY_ID);
    check_header(&answer.headers, "BITVAVO-ACCESS-SIGNATURE", "01ab");
    check_header(&answer.headers, "BITVAVO-ACCESS-TIMESTAMP", payload);
    check_counts(1, 0, 0);
    scene_check_token_is_idle(&it);
}
END_TEST

static void check_signature(uint64_t id, const char *key, const char *signature)
{
    ch_signature_only_frame answer;
    scene_end_turn(&it);
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_SIGNATURE_ONLY);
    ck_assert_uint_eq(frame.id, id);
    MUST(ch_signature_only_frame_get(&frame, &answer, &err));
    ck_assert(ch_slice_is(answer.key, key));
    ck_assert(ch_slice_is(answer.signature, signature));
}

static uint64_t now_ms(void)
{
    ch_moment now;
    ck_assert(ch_moment_now(&now));
    return now.wall_ns / 1000000;
}

/* The string of an order, made by an SDK at that time. Valid until the next call. */
static scene_ask order_string(uint64_t at_ms, const char *rest)
{
    static char text[256];
    snprintf(text, sizeof text, "%" PRIu64 "%s", at_ms, rest);
    return (scene_ask){.key = "bot", .form = CH_FORM_STRING, .method = "POST", .path = "/v2/order", .text = text};
}

START_TEST(test_a_string_is_signed_as_it_is)
{
    char payload[256];
    scene_begin_unlocked(&it);
    const scene_ask ask = order_string(now_ms(), "POST/v2/order" ORDER_BODY);
    scene_ask_for(&it, 8, &ask);
    uint64_t job = hear_job(payload, sizeof payload);
    ck_assert_str_eq(payload, ask.text);
    play_sign(&it.token, job, "\x01\xab");
    check_signature(8, "bot", "01ab");
}
END_TEST

/* Neither endpoint nor parameters mean anything for raw bytes, so both steps are passed over. */
START_TEST(test_raw_bytes_are_signed_as_they_are)
{
    char payload[128];
    const scene_ask ask = {.key = "raw", .form = CH_FORM_RAW, .text = "no call of any exchange"};
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 9, &ask);
    uint64_t job = hear_job(payload, sizeof payload);
    ck_assert_str_eq(payload, "no call of any exchange");
    play_sign(&it.token, job, "\x01\xab");
    check_signature(9, "raw", "01ab");
}
END_TEST

/* ---- turned back before the token is asked ---- */

#define UNKNOWN_FORM 77
#define UNKNOWN_KIND 99
#define NO_CONNECTION 12345

/* clang-format off */
static const struct {
    const char *name;
    scene_ask ask;
    const char *step;
    ch_status status;
    const char *rule;
    const char *says;
} refused[] = {
    { "no such connection",
      { .connection = NO_CONNECTION, .key = "bot", .method = "POST", .path = "/v2/order" },
      "caller", CH_INTERNAL, "", "a request of no connection" },
    { "no such key",
      { .key = "none", .method = "POST", .path = "/v2/order" },
      "key", CH_REFUSED, "grant", "'none'" },
    { "a key without a name",
      { .method = "POST", .path = "/v2/order" },
      "key", CH_REFUSED, "grant", "''" },
    { "another's key",
      { .key = "others", .method = "GET", .path = "/v2/account" },
      "key", CH_REFUSED, "grant", "" },
    { "a form of the future",
      { .key = "bot", .form = UNKNOWN_FORM, .method = "POST", .path = "/v2/order" },
      "read", CH_INTERNAL, "", "unknown form" },
    { "nothing at all",
      { .connection = 0, .key = "bot" },
      "endpoint", CH_NOT_FOUND, "", "" },
    { "a value of an unknown kind",
      { .key = "bot", .method = "POST", .path = "/v2/order", .values = { { UNKNOWN_KIND, "market", "BTC-EUR" } } },
      "read", CH_BAD_INPUT, "", "unknown kind" },
    { "a list that does not end",
      { .key = "bot", .method = "POST", .path = "/v2/order", .values = { { CH_VALUE_LIST, "market", "" } } },
      "read", CH_INTERNAL, "", "parameters that do not close" },
    { "a string of nothing",
      { .key = "bot", .form = CH_FORM_STRING },
      "read", CH_BAD_INPUT, "", "the string to sign is empty" },
    { "a string for a key with nonces",
      { .key = "nonced", .form = CH_FORM_STRING, .text = "nonce=1" },
      "read", CH_BAD_INPUT, "", "send the request, not its string" },
    { "no such path",
      { .key = "bot", .method = "POST", .path = "/v2/orderz" },
      "endpoint", CH_NOT_FOUND, "", "" },
    { "not by that method",
      { .key = "bot", .method = "PATCH", .path = "/v2/order" },
      "endpoint", CH_BAD_METHOD, "", "" },
    { "another host",
      { .key = "bot", .method = "POST", .path = "/v2/order", .host = "api.example.com" },
      "endpoint", CH_NOT_FOUND, "", "" },
    { "a parameter that is missing",
      { .key = "bot", .method = "POST", .path = "/v2/order", .values = { { CH_VALUE_TEXT, "market", "BTC-EUR" } } },
      "parameters", CH_BAD_INPUT, "", "" },
    { "a parameter that is unknown",
      { .key = "bot", .method = "DELETE", .path = "/v2/order",
        .values = { { CH_VALUE_TEXT, "market", "BTC-EUR" }, { CH_VALUE_TEXT, "oddity", "1" } } },
      "parameters", CH_BAD_INPUT, "", "oddity" },
    { "a parameter given twice",
      { .key = "bot", .method = "DELETE", .path = "/v2/order",
        .values = { { CH_VALUE_TEXT, "market", "BTC-EUR" }, { CH_VALUE_TEXT, "market", "BTC-EUR" } } },
      "parameters", CH_BAD_INPUT, "", "market" },
    { "a class without a grant",
      { .key = "reader", .method = "DELETE", .path = "/v2/order",
        .values = { { CH_VALUE_TEXT, "market", "BTC-EUR" }, { CH_VALUE_TEXT, "orderId", "5" } } },
      "policy", CH_REFUSED, "class", "" },
    { "raw bytes with a key that signs no raw bytes",
      { .key = "bot", .form = CH_FORM_RAW, .text = "bytes" },
      "policy", CH_REFUSED, "raw", "" },
};
/* clang-format on */

START_TEST(test_a_request_is_turned_back_at_the_step_that_refuses)
{
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &refused[_i].ask);
    check_failure(7, refused[_i].step, refused[_i].status, refused[_i].rule, refused[_i].says);
    ck_assert_msg(stage_is_silent(&it.token.actor), "%s", refused[_i].name);
    bool is_callers_fault = ch_status_http(refused[_i].status) < 500;
    check_counts(0, is_callers_fault, !is_callers_fault);
}
END_TEST

/* More often than there are places in the table of jobs. */
START_TEST(test_refused_requests_leave_nothing)
{
    scene_begin(&it);
    play_started(&it.token, NULL);
    for (uint64_t id = 1; id <= CH_TOKEN_JOBS_MAX + 10; id++) {
        scene_ask_for(&it, id, &scene_order);
        check_failure(id, "queue", CH_LOCKED, "", "is locked");
    }
    check_counts(0, CH_TOKEN_JOBS_MAX + 10, 0);
}
END_TEST

/* ---- the queue ---- */

START_TEST(test_a_request_for_an_absent_token_is_turned_back)
{
    scene_begin(&it);
    scene_ask_for(&it, 7, &scene_order);
    check_failure(7, "queue", CH_UNAVAILABLE, "", "token 'main' is absent");
    check_counts(0, 0, 1);
}
END_TEST

START_TEST(test_a_full_queue_turns_back_and_keeps_those_in_it)
{
    char payload[256];
    uint64_t id = 1;
    scene_begin_unlocked(&it);
    for (; ch_requests_counts(it.requests).failed_count == 0; id++)
        scene_ask_for(&it, id, &scene_order);
    scene_end_turn(&it);
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_FAILED);
    ch_failed_frame failed;
    MUST(ch_failed_frame_get(&frame, &failed, &err));
    ck_assert_uint_eq(frame.id, id - 1);
    ck_assert(ch_slice_is(failed.step, "queue"));
    ck_assert_int_eq(failed.why.status, CH_BUSY);
    ck_assert_uint_eq(failed.retry_after_s, 1);
    for (uint64_t signed_count = 0; signed_count < id - 2; signed_count++) {
        while (stage_is_silent(&it.token.actor))
            scene_end_turn(&it);
        play_sign(&it.token, hear_job(payload, sizeof payload), "s");
    }
    check_counts(id - 2, 0, 1);
    scene_check_token_is_idle(&it);
}
END_TEST

START_TEST(test_a_cancel_overtakes_and_is_never_kept_out_by_orders)
{
    char payload[256];
    uint64_t id = 1;
    scene_begin_unlocked(&it);
    for (; ch_requests_counts(it.requests).failed_count == 0; id++)
        scene_ask_for(&it, id, &scene_order);
    scene_ask_for(&it, id, &scene_cancel);
    hear_job(payload, sizeof payload);
    ck_assert_msg(strstr(payload, "orderId=5") != NULL, "%s", payload);
}
END_TEST

/* What must be fresh is made when the token can take the job, not when the request comes. */
START_TEST(test_the_time_is_that_of_the_turn)
{
    char payload[256];
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    uint64_t asked_ms = now_ms();
    while (now_ms() <= asked_ms + 1) {
    }
    hear_job(payload, sizeof payload);
    ck_assert_uint_gt(strtoull(payload, NULL, 10), asked_ms);
}
END_TEST

START_TEST(test_nonces_rise_in_the_order_in_which_the_token_is_asked)
{
    char payload[256];
    uint64_t last = 0;
    const scene_ask balance = {.key = "nonced", .method = "GET", .path = "/api/v3/balance"};
    scene_begin_unlocked(&it);
    for (uint64_t id = 0; id < 3; id++)
        scene_ask_for(&it, id + 1, &balance);
    scene_reserve(&it, 3);
    for (size_t i = 0; i < 3; i++) {
        uint64_t job = hear_job(payload, sizeof payload);
        char *rest = NULL;
        uint64_t nonce = strtoull(payload, &rest, 10);
        ck_assert_uint_gt(nonce, last);
        ck_assert_str_eq(rest, "GET/api/v3/balance");
        last = nonce;
        play_sign(&it.token, job, "s");
    }
    check_counts(3, 0, 0);
}
END_TEST

/* ---- what happens while a request waits ---- */

START_TEST(test_a_request_whose_caller_has_left_is_not_signed)
{
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    ch_connections_remove(it.connections, ch_front_link_intake(it.front), it.bot);
    check_failure(7, "recheck", CH_UNAVAILABLE, "", "the caller has left");
    ck_assert(stage_is_silent(&it.token.actor));
}
END_TEST

START_TEST(test_a_request_whose_key_is_gone_after_a_login_is_not_signed)
{
    const ch_error missing = {CH_NOT_FOUND, "", "there is no such object"};
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    play_restart(&it.token);
    play_hear_login(&it.token);
    for (size_t i = 0; i < it.policy.key_count; i++) {
        ch_key_state_frame state = {.key = (uint16_t)i, .problem = missing};
        MUST(ch_key_state_frame_put(ch_channel_out(&it.token.actor.channel), 0, &state, &err));
    }
    ch_login_done_frame done = {.outcome = CH_ERROR_INIT};
    MUST(ch_login_done_frame_put(ch_channel_out(&it.token.actor.channel), 0, &done, &err));
    stage_send(&it.token.actor);
    check_failure(7, "recheck", CH_NOT_FOUND, "", "key 'bot': there is no such object");
}
END_TEST

START_TEST(test_a_lock_turns_back_what_waits)
{
    play_waiter waiter = {0};
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    play_ask_lock(&it.token, &waiter);
    check_failure(7, "turn", CH_LOCKED, "", "token 'main' was locked");
}
END_TEST

START_TEST(test_a_request_waits_for_a_process_that_is_restarted)
{
    char payload[256];
    scene_begin_unlocked(&it);
    play_restart(&it.token);
    scene_ask_for(&it, 7, &scene_order);
    scene_end_turn(&it);
    ck_assert(stage_is_silent(&it.front_actor));
    play_hear_login(&it.token);
    play_login_done(&it.token, NULL);
    play_sign(&it.token, hear_job(payload, sizeof payload), "s");
    scene_end_turn(&it);
    stage_hear(&it.front_actor, CH_FRAME_SIGNED);
}
END_TEST

/* ---- build and sign ---- */

START_TEST(test_a_string_that_is_spelled_otherwise_is_not_signed)
{
    scene_begin_unlocked(&it);
    const scene_ask ask = order_string(now_ms(), "POST/v2/order" ORDER_BODY " ");
    scene_ask_for(&it, 7, &ask);
    ck_assert_int_eq(scene_hear_failure(&it, 7).why.status, CH_BAD_INPUT);
    ck_assert(stage_is_silent(&it.token.actor));
    scene_check_token_is_idle(&it);
}
END_TEST

START_TEST(test_a_string_of_another_time_is_turned_back_when_it_is_built)
{
    scene_begin_unlocked(&it);
    const scene_ask ask = order_string(now_ms() + 90000, "POST/v2/order" ORDER_BODY);
    scene_ask_for(&it, 7, &ask);
    check_failure(7, "build", CH_BAD_INPUT, "", "more than a minute from this machine's");
    ck_assert(stage_is_silent(&it.token.actor));
}
END_TEST

START_TEST(test_what_the_token_fails_is_answered)
{
    char payload[256];
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    play_write_failure(&it.token, hear_job(payload, sizeof payload), CH_TOKEN, "the module has a bad day");
    stage_send(&it.token.actor);
    check_failure(7, "sign", CH_TOKEN, "", "signing with key 'bot': the module has a bad day");
    check_counts(0, 0, 1);
}
END_TEST

START_TEST(test_a_process_that_ends_fails_what_it_has)
{
    char payload[256];
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    hear_job(payload, sizeof payload);
    stage_hang_up(&it.token.actor);
    stage_settle();
    check_failure(7, "sign", CH_UNAVAILABLE, "", "the process of token 'main' ended");
}
END_TEST

START_TEST(test_an_answer_for_a_front_that_has_ended_is_dropped)
{
    char payload[256];
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    scene_ask_for(&it, 8, &scene_order);
    uint64_t job = hear_job(payload, sizeof payload);
    stage_hang_up(&it.front_actor);
    stage_settle();
    play_sign(&it.token, job, "s");
    scene_end_turn(&it);
    check_counts(1, 0, 1); /* the second was not sent: its caller had left */
    scene_check_token_is_idle(&it);
}
END_TEST

CH_TESTS("request", CH_TEST(test_a_typed_request_is_built_signed_and_finished),
         CH_TEST(test_a_string_is_signed_as_it_is), CH_TEST(test_raw_bytes_are_signed_as_they_are),
         CH_TEST_ROWS(test_a_request_is_turned_back_at_the_step_that_refuses, refused),
         CH_TEST(test_refused_requests_leave_nothing), CH_TEST(test_a_request_for_an_absent_token_is_turned_back),
         CH_TEST(test_a_full_queue_turns_back_and_keeps_those_in_it),
         CH_TEST(test_a_cancel_overtakes_and_is_never_kept_out_by_orders), CH_TEST(test_the_time_is_that_of_the_turn),
         CH_TEST(test_nonces_rise_in_the_order_in_which_the_token_is_asked),
         CH_TEST(test_a_request_whose_caller_has_left_is_not_signed),
         CH_TEST(test_a_request_whose_key_is_gone_after_a_login_is_not_signed),
         CH_TEST(test_a_lock_turns_back_what_waits), CH_TEST(test_a_request_waits_for_a_process_that_is_restarted),
         CH_TEST(test_a_string_that_is_spelled_otherwise_is_not_signed),
         CH_TEST(test_a_string_of_another_time_is_turned_back_when_it_is_built),
         CH_TEST(test_what_the_token_fails_is_answered), CH_TEST(test_a_process_that_ends_fails_what_it_has),
         CH_TEST(test_an_answer_for_a_front_that_has_ended_is_dropped))
