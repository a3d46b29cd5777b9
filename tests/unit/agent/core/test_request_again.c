/* Requests that are judged again: the policy was replaced, or the token gave them back. */
#include "agent/core/request.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_US 3200000 /* with what the token gives back */

static ch_error err;
static scene it;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static ch_policy before; /* the policy that was replaced */

/* No allow is for that key any more. */
static void refuse_key(const char *name)
{
    for (size_t i = it.policy.first[CH_VERB_ALLOW]; i < it.policy.first[CH_VERB_ALLOW + 1]; i++) {
        if (strcmp(it.policy.entries[i].name, name) == 0)
            memset(it.policy.entries[i].selector.keys, 0, it.policy.key_words * sizeof(uint64_t));
    }
    free(it.policy.by_caller);
    free(it.policy.by_key);
    free(it.policy.any_caller);
    ch_policy_index(&it.policy);
}

/* The policy is loaded anew; `refused` (or NULL) is a key for which it has no allow. */
static void replace_policy(const char *refused)
{
    ch_requests_recall(it.requests, &before);
    before = it.policy;
    scene_load_policy(&it.policy);
    ch_callers_forget(it.callers);
    ch_ledger_set_policy(it.ledger, &it.policy, scene_now_ns());
    for (size_t i = 0; i < it.policy.key_count; i++) {
        ch_key *key = &it.policy.keys[i];
        key->token_key = before.keys[i].token_key;
        key->nonce_counter = before.keys[i].nonce_counter;
    }
    if (refused != NULL)
        refuse_key(refused);
    ch_requests_judge_again(it.requests);
}

/* Without old requests nothing may point to the old policy. */
static void replace_and_free(const char *refused)
{
    replace_policy(refused);
    ck_assert_uint_eq(ch_requests_old(it.requests), 0);
    ch_policy_free(&before);
}

static uint64_t hear_job(char *payload, size_t capacity)
{
    ch_job_frame job;
    ch_text_record text;
    scene_end_turn(&it);
    ch_frame frame = stage_hear(&it.token.actor, CH_FRAME_JOB);
    MUST(ch_job_frame_get(&frame, &job, &err));
    ck_assert(ch_text_record_next(&job.payloads, &text));
    snprintf(payload, capacity, "%.*s", CH_SLICE_ARGS(text.bytes));
    return frame.id;
}

static void hear_signed(uint64_t id)
{
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_SIGNED);
    ck_assert_uint_eq(frame.id, id);
}

static scene_ask order_of(const char *amount)
{
    scene_ask ask = scene_order;
    ask.values[3].value = amount;
    return ask;
}

START_TEST(test_a_waiting_request_is_judged_by_the_new_policy)
{
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    replace_and_free("bot");
    ch_failed_frame failed = scene_hear_failure(&it, 7);
    ck_assert(ch_slice_is(failed.step, "key"));
    ck_assert_int_eq(failed.why.status, CH_REFUSED);
    ck_assert(stage_is_silent(&it.token.actor));
    scene_check_token_is_idle(&it);
}
END_TEST

/* So that the places of the table are not handed out in their order. */
static void sign_two(void)
{
    char payload[256];
    scene_ask_for(&it, 1, &scene_order);
    scene_ask_for(&it, 2, &scene_order);
    uint64_t first = hear_job(payload, sizeof payload);
    play_sign(&it.token, first, "s");
    play_sign(&it.token, hear_job(payload, sizeof payload), "s");
    scene_end_turn(&it);
    hear_signed(1);
    hear_signed(2);
}

START_TEST(test_waiting_requests_are_signed_in_the_order_in_which_they_came)
{
    char payload[256];
    static const char *const amounts[] = {"1", "2", "3"};
    scene_begin_unlocked(&it);
    sign_two();
    for (size_t i = 0; i < CH_ROWS(amounts); i++) {
        scene_ask ask = order_of(amounts[i]);
        scene_ask_for(&it, 7 + i, &ask);
    }
    replace_and_free(NULL);
    for (size_t i = 0; i < CH_ROWS(amounts); i++) {
        char amount[32];
        uint64_t job = hear_job(payload, sizeof payload);
        snprintf(amount, sizeof amount, "\"amount\":\"%s\"", amounts[i]);
        ck_assert_msg(strstr(payload, amount) != NULL, "%s", payload);
        play_sign(&it.token, job, "s");
        scene_end_turn(&it);
        hear_signed(7 + i);
    }
    scene_check_token_is_idle(&it);
}
END_TEST

START_TEST(test_what_is_at_the_token_goes_on_by_the_policy_that_judged_it)
{
    char payload[256];
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    uint64_t job = hear_job(payload, sizeof payload);
    replace_policy("bot");
    ck_assert_uint_eq(ch_requests_old(it.requests), 1);
    play_sign(&it.token, job, "s");
    scene_end_turn(&it);
    hear_signed(7);
    ck_assert_uint_eq(ch_requests_old(it.requests), 0);
    ch_policy_free(&before);
    scene_check_token_is_idle(&it);
}
END_TEST

START_TEST(test_an_old_request_that_fails_is_old_no_more)
{
    char payload[256];
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    hear_job(payload, sizeof payload);
    replace_policy(NULL);
    stage_hang_up(&it.token.actor);
    stage_settle();
    ck_assert_int_eq(scene_hear_failure(&it, 7).why.status, CH_UNAVAILABLE);
    ck_assert_uint_eq(ch_requests_old(it.requests), 0);
    ch_policy_free(&before);
}
END_TEST

START_TEST(test_a_request_that_waits_for_a_nonce_is_judged_again)
{
    const scene_ask balance = {.key = "nonced", .method = "GET", .path = "/api/v3/balance"};
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &balance);
    replace_and_free("nonced");
    ch_failed_frame failed = scene_hear_failure(&it, 7);
    ck_assert_int_eq(failed.why.status, CH_REFUSED);
}
END_TEST

/* A string without a path is read as some call, and must be read anew, not as what it was read as before. */
START_TEST(test_a_string_is_read_anew)
{
    char text[256];
    char payload[256];
    ch_moment now;
    ck_assert(ch_moment_now(&now));
    snprintf(text, sizeof text, "%llu%s", (unsigned long long)(now.wall_ns / 1000000),
             "POST/v2/order{\"market\":\"BTC-EUR\",\"side\":\"buy\",\"orderType\":\"market\",\"amount\":\"1\"}");
    const scene_ask string = {
        .key = "bot", .form = CH_FORM_STRING, .method = "POST", .path = "/v2/order", .text = text};
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &string);
    replace_and_free(NULL);
    play_sign(&it.token, hear_job(payload, sizeof payload), "s");
    ck_assert_str_eq(payload, text);
    scene_end_turn(&it);
    ck_assert_uint_eq(stage_hear(&it.front_actor, CH_FRAME_SIGNATURE_ONLY).id, 7);
}
END_TEST

START_TEST(test_those_that_wait_for_the_first_of_their_key_still_do)
{
    char payload[256];
    scene_ask ask = scene_order;
    ask.repeat_key = "once";
    scene_begin_unlocked(&it);
    for (uint64_t id = 7; id < 10; id++)
        scene_ask_for(&it, id, &ask);
    replace_and_free(NULL);
    uint64_t job = hear_job(payload, sizeof payload);
    ck_assert(stage_is_silent(&it.token.actor));
    play_sign(&it.token, job, "s");
    scene_end_turn(&it);
    for (uint64_t id = 7; id < 10; id++)
        hear_signed(id);
    scene_check_token_is_idle(&it);
}
END_TEST

START_TEST(test_those_that_wait_for_one_at_the_token_get_its_answer)
{
    char payload[256];
    scene_ask ask = scene_order;
    ask.repeat_key = "once";
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    uint64_t job = hear_job(payload, sizeof payload);
    scene_ask_for(&it, 8, &ask);
    replace_policy(NULL);
    play_sign(&it.token, job, "s");
    scene_end_turn(&it);
    hear_signed(7);
    hear_signed(8);
    ch_policy_free(&before);
    scene_check_token_is_idle(&it);
}
END_TEST

/* ---- given back by the token ---- */

START_TEST(test_what_the_token_did_not_try_is_signed_after_a_cancel_that_came_meanwhile)
{
    char payload[256];
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    uint64_t job = hear_job(payload, sizeof payload);
    scene_ask_for(&it, 8, &scene_cancel);
    play_give_back(&it.token, job);
    uint64_t first = hear_job(payload, sizeof payload);
    ck_assert_msg(strstr(payload, "amount") == NULL, "%s", payload);
    play_sign(&it.token, first, "s");
    scene_end_turn(&it);
    hear_signed(8);
    play_sign(&it.token, hear_job(payload, sizeof payload), "s");
    scene_end_turn(&it);
    hear_signed(7);
    scene_check_token_is_idle(&it);
}
END_TEST

START_TEST(test_what_the_token_did_not_try_is_judged_by_the_policy_of_now)
{
    char payload[256];
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    uint64_t job = hear_job(payload, sizeof payload);
    replace_policy("bot");
    play_give_back(&it.token, job);
    ck_assert_str_eq(scene_hear_failure(&it, 7).why.rule, "grant");
    ck_assert_uint_eq(ch_requests_old(it.requests), 0);
    ch_policy_free(&before);
    scene_check_token_is_idle(&it);
}
END_TEST

START_TEST(test_what_the_token_does_not_try_again_and_again_fails)
{
    char payload[256];
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &scene_order);
    play_give_back(&it.token, hear_job(payload, sizeof payload));
    uint64_t job = hear_job(payload, sizeof payload);
    usleep(PATIENCE_US);
    play_give_back(&it.token, job);
    ck_assert_int_eq(scene_hear_failure(&it, 7).why.status, CH_UNAVAILABLE);
    scene_check_token_is_idle(&it);
}
END_TEST

CH_TESTS("request_again", CH_TEST(test_what_the_token_did_not_try_is_signed_after_a_cancel_that_came_meanwhile),
         CH_TEST(test_what_the_token_did_not_try_is_judged_by_the_policy_of_now),
         CH_TEST(test_what_the_token_does_not_try_again_and_again_fails),
         CH_TEST(test_a_waiting_request_is_judged_by_the_new_policy),
         CH_TEST(test_waiting_requests_are_signed_in_the_order_in_which_they_came),
         CH_TEST(test_what_is_at_the_token_goes_on_by_the_policy_that_judged_it),
         CH_TEST(test_an_old_request_that_fails_is_old_no_more),
         CH_TEST(test_a_request_that_waits_for_a_nonce_is_judged_again), CH_TEST(test_a_string_is_read_anew),
         CH_TEST(test_those_that_wait_for_the_first_of_their_key_still_do),
         CH_TEST(test_those_that_wait_for_one_at_the_token_get_its_answer))
