/* What bots are shown of the tokens and of their keys. */
#include "base/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"
#include "wire/link_state.h"

#include <string.h>
#include <unistd.h>

static ch_error err;
static scene it;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static void ask_keys(uint64_t id, uint64_t connection)
{
    ch_list_keys_frame list = {.connection = connection, .limit = 100};
    MUST(ch_list_keys_frame_put(ch_channel_out(&it.front_actor.channel), id, &list, &err));
    stage_send(&it.front_actor);
    scene_end_turn(&it);
}

static ch_key_list_frame hear_keys(uint64_t id)
{
    ch_key_list_frame answer;
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_KEY_LIST);
    ck_assert_uint_eq(frame.id, id);
    MUST(ch_key_list_frame_get(&frame, &answer, &err));
    return answer;
}

static ch_status_is_frame ask_status(uint64_t id, uint64_t connection)
{
    ch_status_is_frame answer;
    ch_get_status_frame get = {.connection = connection};
    MUST(ch_get_status_frame_put(ch_channel_out(&it.front_actor.channel), id, &get, &err));
    stage_send(&it.front_actor);
    scene_end_turn(&it);
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_STATUS_IS);
    ck_assert_uint_eq(frame.id, id);
    MUST(ch_status_is_frame_get(&frame, &answer, &err));
    return answer;
}

START_TEST(test_a_caller_sees_the_keys_that_it_has_a_grant_for)
{
    static const char *const seen[] = {"bot", "limited", "nonced", "raw", "reader", "watched"}; /* not "others" */
    ch_listed_key_record key;
    scene_begin_unlocked(&it);
    ask_keys(7, it.bot);
    ch_key_list_frame answer = hear_keys(7);
    for (size_t i = 0; i < CH_ROWS(seen); i++) {
        ck_assert(ch_listed_key_record_next(&answer.keys, &key));
        ck_assert_msg(ch_slice_is(key.name, seen[i]), "%.*s", CH_SLICE_ARGS(key.name));
        ck_assert(ch_slice_is(key.token, "main") && ch_slice_is(key.scheme, "hmac"));
        ck_assert(ch_slice_is(key.environment, "live"));
        ck_assert(ch_slice_is(key.profile, i == 2 ? "bitso" : "bitvavo"));
        ck_assert(ch_slice_is(key.key_id, i < 3 || i == 5 ? SCENE_KEY_ID : "x"));
        ck_assert(key.is_ready && key.problem.size == 0);
    }
    ck_assert(!ch_listed_key_record_next(&answer.keys, &key));
}
END_TEST

START_TEST(test_the_status_has_the_notices)
{
    ch_text_record notice;
    ch_notices *notices = ch_notices_new();
    scene_begin(&it);
    it.status.notices = notices;
    ch_notices_add(notices, "%s is not there", "Landlock");
    ch_notices_add(notices, "two\n");
    ch_status_is_frame answer = ask_status(7, it.bot);
    ck_assert(ch_text_record_next(&answer.notices, &notice) && ch_slice_is(notice.bytes, "Landlock is not there"));
    ck_assert(ch_text_record_next(&answer.notices, &notice) && ch_slice_is(notice.bytes, "two?"));
    ck_assert(!ch_text_record_next(&answer.notices, &notice));
    for (size_t i = 0; i < CH_NOTICES_MAX; i++)
        ch_notices_add(notices, "more");
    ck_assert_uint_eq(ch_notices_count(notices), CH_NOTICES_MAX);
    ch_notices_free(notices);
}
END_TEST

START_TEST(test_only_operators_see_what_callers_ask)
{
    ch_caller_rate_record rate;
    ch_meter *meter = ch_meter_new(1);
    scene_begin(&it);
    it.status.meter = meter;
    ch_meter_turn(meter, 1000000000);
    ch_meter_count(meter, 7);
    ch_meter_spend(meter, CH_STRANGERS, 2000000);
    ch_meter_spend(meter, 8, 1);
    ch_meter_turn(meter, 2000000000);
    ch_status_is_frame answer = ask_status(7, it.bot);
    ck_assert(ch_caller_rate_record_next(&answer.callers, &rate) && ch_slice_is(rate.user, "7"));
    ck_assert_uint_eq(rate.requests_per_second, 1);
    ck_assert(ch_caller_rate_record_next(&answer.callers, &rate) && ch_slice_is(rate.user, "strangers"));
    ck_assert_uint_eq(rate.work_permille, 2);
    ck_assert(!ch_caller_rate_record_next(&answer.callers, &rate));
    it.policy.people[0].ids.uid++;
    answer = ask_status(8, it.bot);
    ck_assert_uint_eq(answer.callers.count, 0);
    ch_meter_free(meter);
}
END_TEST

START_TEST(test_keys_of_a_locked_token_are_not_ready)
{
    ch_listed_key_record key;
    scene_begin(&it);
    play_started(&it.token, NULL);
    ask_keys(7, it.bot);
    ch_key_list_frame answer = hear_keys(7);
    while (ch_listed_key_record_next(&answer.keys, &key))
        ck_assert(!key.is_ready && ch_slice_is(key.problem, "token 'main' is locked; an operator unlocks it with: "
                                                            "chancery unlock main"));
}
END_TEST

static uint64_t add_caller(unsigned other, bool is_stranger)
{
    uint64_t id;
    const ch_peer peer = {.uid = getuid() + other, .gid = getgid() + other};
    MUST(ch_connections_add(it.connections, &peer, is_stranger, ch_front_link_intake(it.front), &id, &err));
    return id;
}

static uint64_t add_stranger(void)
{
    return add_caller(2, true);
}

START_TEST(test_a_stranger_sees_no_keys)
{
    scene_begin_unlocked(&it);
    ask_keys(7, add_stranger());
    ck_assert_uint_eq(hear_keys(7).keys.count, 0);
}
END_TEST

START_TEST(test_keys_are_not_listed_for_no_connection)
{
    ch_failed_frame failed;
    scene_begin_unlocked(&it);
    ask_keys(7, it.bot + 1);
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_FAILED);
    MUST(ch_failed_frame_get(&frame, &failed, &err));
    ck_assert_int_eq(failed.why.status, CH_INTERNAL);
    ck_assert_uint_eq(failed.step.size, 0);
}
END_TEST

static void check_token(const char *state, const char *detail, bool is_ready)
{
    ch_listed_token_record token;
    ch_status_is_frame answer = ask_status(7, it.bot);
    ck_assert_int_eq(answer.is_ready, is_ready);
    ck_assert(ch_listed_token_record_next(&answer.tokens, &token));
    ck_assert(ch_slice_is(token.name, "main"));
    ck_assert_msg(ch_slice_is(token.state, state), "%.*s", CH_SLICE_ARGS(token.state));
    ck_assert_msg(ch_slice_is(token.detail, detail), "%.*s", CH_SLICE_ARGS(token.detail));
    ck_assert(!ch_listed_token_record_next(&answer.tokens, &token));
}

START_TEST(test_the_status_follows_the_token)
{
    scene_begin(&it);
    check_token("absent", "", false);
    play_unlock(&it.token);
    check_token("unlocked", "", true);
    stage_hang_up(&it.token.actor);
    stage_settle();
    check_token("absent", "the token process is being restarted", false);
}
END_TEST

START_TEST(test_the_status_says_why_a_callers_keys_are_not_ready)
{
    ch_key_problem_record problem;
    scene_begin(&it);
    play_started(&it.token, NULL);
    ch_status_is_frame answer = ask_status(7, add_caller(1, false));
    ck_assert_uint_eq(answer.key_count, 1);
    ck_assert_uint_eq(answer.ready_count, 0);
    ck_assert(ch_key_problem_record_next(&answer.problems, &problem));
    ck_assert(ch_slice_is(problem.key, "others"));
    ck_assert_uint_gt(problem.problem.size, 0);
    ck_assert(!ch_key_problem_record_next(&answer.problems, &problem));
}
END_TEST

START_TEST(test_an_operator_is_told_of_every_key)
{
    scene_begin(&it);
    play_started(&it.token, NULL);
    ch_status_is_frame answer = ask_status(7, it.bot);
    ck_assert_uint_eq(answer.key_count, 7);
    ck_assert_uint_eq(answer.problems.count, 7);
}
END_TEST

START_TEST(test_a_stranger_learns_whether_the_agent_is_ready_and_no_more)
{
    scene_begin_unlocked(&it);
    ch_status_is_frame answer = ask_status(7, add_stranger());
    ck_assert(answer.is_ready && !answer.is_known);
    ck_assert_uint_eq(answer.tokens.count + answer.problems.count + answer.key_count, 0);
    ck_assert_uint_eq(answer.uptime_s + answer.signed_count + answer.refused_count + answer.failed_count, 0);
}
END_TEST

START_TEST(test_the_status_counts_requests)
{
    scene_ask refused = scene_order;
    refused.key = "reader";
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 1, &scene_order);
    scene_ask_for(&it, 2, &refused);
    scene_hear_failure(&it, 2);
    play_sign(&it.token, play_hear_job(&it.token, 0), "s");
    scene_end_turn(&it);
    stage_hear(&it.front_actor, CH_FRAME_SIGNED);
    ch_status_is_frame answer = ask_status(3, it.bot);
    ck_assert(ch_slice_is(answer.version, CH_VERSION));
    ck_assert_uint_eq(answer.signed_count, 1);
    ck_assert_uint_eq(answer.refused_count, 1);
    ck_assert_uint_eq(answer.failed_count, 0);
}
END_TEST

START_TEST(test_the_status_has_what_a_token_has_done)
{
    ch_listed_token_record token;
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 1, &scene_order);
    scene_end_turn(&it);
    play_sign(&it.token, play_hear_job(&it.token, 0), "s");
    scene_end_turn(&it);
    stage_hear(&it.front_actor, CH_FRAME_SIGNED);
    ch_status_is_frame answer = ask_status(3, it.bot);
    ck_assert(answer.is_known);
    ck_assert(ch_listed_token_record_next(&answer.tokens, &token));
    ck_assert_uint_eq(token.link_state, CH_LINK_SERVING);
    ck_assert_uint_eq(token.signatures, 1);
    ck_assert_uint_eq(token.failures, 0);
    ck_assert_uint_eq(token.process_starts, 1);
    ck_assert_uint_eq(token.logins, 1);
}
END_TEST

START_TEST(test_the_next_dates_of_keys_are_listed_and_what_is_due_is_a_notice)
{
    ch_moment now;
    ch_key_date_record date;
    ch_text_record notice;
    ck_assert(ch_moment_now(&now));
    scene_begin_unlocked(&it);
    for (size_t i = 0; i < it.policy.key_count; i++) {
        ch_key *key = &it.policy.keys[i];
        key->expires_ns = strcmp(key->name, "raw") == 0 ? now.wall_ns - 1 : 0;
        key->rotate_by_ns = strcmp(key->name, "bot") == 0 ? now.wall_ns + 1000000000ULL * 86400 * 99 : 0;
    }
    ch_status_is_frame answer = ask_status(7, it.bot);
    ck_assert(ch_key_date_record_next(&answer.key_dates, &date) && ch_slice_is(date.key, "raw"));
    ck_assert_uint_eq(date.expires_s, (now.wall_ns - 1) / 1000000000);
    ck_assert(ch_key_date_record_next(&answer.key_dates, &date) && ch_slice_is(date.key, "bot"));
    ck_assert(!ch_key_date_record_next(&answer.key_dates, &date));
    ck_assert(ch_text_record_next(&answer.notices, &notice));
    ck_assert_msg(strstr((const char *)notice.bytes.data, "key 'raw' expired at") == (const char *)notice.bytes.data,
                  "%.*s", CH_SLICE_ARGS(notice.bytes));
    ck_assert(!ch_text_record_next(&answer.notices, &notice));
    ck_assert(!answer.is_ready);
    answer = ask_status(8, add_stranger());
    ck_assert_uint_eq(answer.key_dates.count, 0);
}
END_TEST

CH_TESTS("status", CH_TEST(test_a_caller_sees_the_keys_that_it_has_a_grant_for),
         CH_TEST(test_the_status_has_the_notices), CH_TEST(test_only_operators_see_what_callers_ask),
         CH_TEST(test_keys_of_a_locked_token_are_not_ready), CH_TEST(test_a_stranger_sees_no_keys),
         CH_TEST(test_keys_are_not_listed_for_no_connection), CH_TEST(test_the_status_follows_the_token),
         CH_TEST(test_the_status_says_why_a_callers_keys_are_not_ready), CH_TEST(test_an_operator_is_told_of_every_key),
         CH_TEST(test_a_stranger_learns_whether_the_agent_is_ready_and_no_more),
         CH_TEST(test_the_status_counts_requests),
         CH_TEST(test_the_next_dates_of_keys_are_listed_and_what_is_due_is_a_notice),
         CH_TEST(test_the_status_has_what_a_token_has_done))
