/* Refusals, and what stands in a record: as rows of the journal, which are read again. */
#include "agent/core/refusals.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

#include <poll.h>
#include <string.h>

static ch_error err;
static scene it;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

/* ---- what the journal has ---- */

#define ROWS_MAX 64

static struct {
    ch_journal_kind kind;
    char record[4096];
} rows[ROWS_MAX];
static size_t row_count;

static void take_rows(void *context, const ch_journal_row *found, size_t count, const ch_error *outcome)
{
    (void)context;
    ck_assert_msg(outcome->status == CH_OK, "%s", outcome->message);
    ck_assert_uint_le(count, ROWS_MAX);
    for (row_count = 0; row_count < count; row_count++) {
        ck_assert_uint_lt(found[row_count].record.size, sizeof rows[0].record);
        rows[row_count].kind = found[row_count].kind;
        memcpy(rows[row_count].record, found[row_count].record.data, found[row_count].record.size);
        rows[row_count].record[found[row_count].record.size] = '\0';
    }
}

static void read_rows(void)
{
    const ch_journal_query query = {.limit = ROWS_MAX, .context = &it, .answer = take_rows};
    scene_end_turn(&it);
    row_count = SIZE_MAX;
    MUST(ch_ledger_ask(it.ledger, &query, &err));
    while (row_count == SIZE_MAX) {
        struct pollfd ready = {.fd = ch_writer_fd(it.writer), .events = POLLIN};
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        ch_writer_collect(it.writer);
    }
}

static void check_says(size_t row, const char *text)
{
    ck_assert_uint_lt(row, row_count);
    ck_assert_msg(strstr(rows[row].record, text) != NULL, "no %s in %s", text, rows[row].record);
}

static void check_says_not(size_t row, const char *text)
{
    ck_assert_uint_lt(row, row_count);
    ck_assert_msg(strstr(rows[row].record, text) == NULL, "%s in %s", text, rows[row].record);
}

static void refuse(uint64_t id, const char *amount)
{
    scene_ask ask = scene_order;
    ask.key = "reader";
    ask.values[3].value = amount;
    scene_ask_for(&it, id, &ask);
    scene_hear_failure(&it, id);
}

/* ---- refusals ---- */

START_TEST(test_a_refusal_is_recorded_with_what_was_asked)
{
    scene_begin_unlocked(&it);
    refuse(1, "0.5");
    read_rows();
    ck_assert_uint_eq(row_count, 1);
    ck_assert_int_eq(rows[0].kind, CH_JOURNAL_REFUSAL);
    check_says(0, "\"outcome\":\"refused\"");
    check_says(0, "\"key\":\"reader\"");
    check_says(0, "\"params\":{\"market\":\"BTC-EUR\",\"side\":\"buy\",\"orderType\":\"market\",\"amount\":\"0.5\"}");
    check_says(0, "\"callers\":[\"me\",\"feed\"]");
    check_says(0, "\"step\":\"policy\"");
    check_says(0, "\"times\":1}");
    check_says_not(0, "payloads");
}
END_TEST

/* Even if not all of them say the same of what was asked: the rule is the same. */
START_TEST(test_equal_refusals_of_a_second_are_one_row_more)
{
    scene_begin_unlocked(&it);
    for (uint64_t id = 1; id <= 10; id++)
        refuse(id, "1");
    ch_requests_note(it.requests);
    read_rows();
    ck_assert_uint_eq(row_count, 1);
}
END_TEST

START_TEST(test_other_refusals_have_rows_of_their_own)
{
    const scene_ask unknown = {.key = "bot", .method = "GET", .path = "/v2/no-such-call"};
    scene_begin_unlocked(&it);
    refuse(1, "1");
    scene_ask_for(&it, 2, &unknown);
    scene_hear_failure(&it, 2);
    read_rows();
    ck_assert_uint_eq(row_count, 2);
    check_says(1, "\"step\":\"endpoint\"");
    check_says_not(1, "params"); /* nobody knows what they are */
}
END_TEST

START_TEST(test_who_has_no_such_key_writes_nothing)
{
    const scene_ask unknown = {.key = "no-such-key", .method = "GET", .path = "/v2/account"};
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 2, &unknown);
    scene_hear_failure(&it, 2);
    read_rows();
    ck_assert_uint_eq(row_count, 0);
}
END_TEST

static ch_job flood_of;

START_TEST(test_a_flood_of_different_ones_is_counted)
{
    scene_begin(&it);
    ch_refusals *refusals = ch_refusals_new(it.ledger);
    ch_record_facts facts = {.job = &flood_of, .now_ns = scene_now_ns()};
    for (size_t i = 0; i < CH_REFUSALS_MAX + 50; i++) {
        ch_error why = CH_ERROR_INIT;
        ch_error_set(&why, CH_REFUSED, "allow", "reason %zu", i);
        ch_refusals_note(refusals, &facts, "policy", &why);
    }
    ch_refusals_turn(refusals, facts.now_ns + 999000000);
    ch_refusals_turn(refusals, facts.now_ns + 1000000000);
    ch_refusals_free(refusals);
    scene_end_turn(&it);
    const ch_journal_query query = {.after = CH_REFUSALS_MAX, .limit = ROWS_MAX, .context = &it, .answer = take_rows};
    row_count = SIZE_MAX;
    MUST(ch_ledger_ask(it.ledger, &query, &err));
    while (row_count == SIZE_MAX) {
        struct pollfd ready = {.fd = ch_writer_fd(it.writer), .events = POLLIN};
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        ch_writer_collect(it.writer);
    }
    ck_assert_uint_eq(row_count, 1);
    check_says(0, "\"times\":50}");
}
END_TEST

/* ---- decisions ---- */

static void sign_one(const scene_ask *ask)
{
    scene_ask_for(&it, 1, ask);
    scene_end_turn(&it);
    uint64_t job = stage_hear(&it.token.actor, CH_FRAME_JOB).id;
    play_sign(&it.token, job, "signature");
    scene_end_turn(&it);
}

START_TEST(test_a_decision_is_recorded_with_its_figures_and_without_signature)
{
    scene_ask ask = scene_order;
    ask.key = "limited";
    scene_begin_unlocked(&it);
    sign_one(&ask);
    read_rows();
    ck_assert_uint_eq(row_count, 1);
    ck_assert_int_eq(rows[0].kind, CH_JOURNAL_DECISION);
    check_says(0, "\"outcome\":\"allowed\"");
    check_says(0, "\"rule\":\"limited\"");
    check_says(0, "\"class\":\"trade\"");
    check_says(0, "\"limit\":\"few\",\"amount\":\"1\"");
    check_says(0, "\"payloads\":[\"");
    check_says(0, "\"intent\":\"");
    check_says_not(0, "signature");
    check_says_not(0, "shadow");
}
END_TEST

static ch_limit *limit_of(ch_policy *policy, const char *name)
{
    for (size_t i = policy->first[CH_VERB_LIMIT];; i++) {
        if (strcmp(policy->entries[i].name, name) == 0)
            return &policy->entries[i].limit;
    }
}

START_TEST(test_a_shadow_policy_is_recorded_and_changes_nothing)
{
    ch_policy shadow;
    scene_ask ask = scene_order;
    ask.key = "limited";
    scene_begin_unlocked(&it);
    scene_load_policy(&shadow);
    limit_of(&shadow, "few")->most = ch_decimal_of(1);
    ch_shadow_set_policy(it.shadow, &shadow, scene_now_ns());
    sign_one(&ask);
    stage_hear(&it.front_actor, CH_FRAME_SIGNED);
    sign_one(&ask);
    stage_hear(&it.front_actor, CH_FRAME_SIGNED);
    read_rows();
    ck_assert_uint_eq(row_count, 2);
    check_says(0, "\"shadow\":\"allowed\"");
    check_says(1, "\"shadow\":\"refused by few: ");
    ch_shadow_set_policy(it.shadow, NULL, scene_now_ns());
    ch_policy_free(&shadow);
}
END_TEST

CH_TESTS("refusals", CH_TEST(test_a_refusal_is_recorded_with_what_was_asked),
         CH_TEST(test_equal_refusals_of_a_second_are_one_row_more), CH_TEST(test_other_refusals_have_rows_of_their_own),
         CH_TEST(test_who_has_no_such_key_writes_nothing), CH_TEST(test_a_flood_of_different_ones_is_counted),
         CH_TEST(test_a_decision_is_recorded_with_its_figures_and_without_signature),
         CH_TEST(test_a_shadow_policy_is_recorded_and_changes_nothing))
