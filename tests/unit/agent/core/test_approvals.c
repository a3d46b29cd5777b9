/* Approvals: who may give one, when they are ready and when they expire, that one is used once, and that their lines
 * say all that there is. */
#include "agent/core/approval_rows.h"
#include "agent/core/approvals.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_NS UINT64_C(1764000000000000000)
#define SECOND UINT64_C(1000000000)
#define HOUR (3600 * SECOND)

enum { BOT = 1000, OTHER = 1001, ALICE = 2001, BOB = 2002, CAROL = 2003 };

static ch_approvals *table;
static uint8_t digest[CH_APPROVAL_DIGEST_SIZE] = {1, 2, 3};
static ch_error err;

static void set_up(void)
{
    table = ch_approvals_new();
    err = (ch_error)CH_ERROR_INIT;
}

static void tear_down(void)
{
    ch_approvals_free(table);
}

static ch_approval_asked asked_by(uid_t uid)
{
    return (ch_approval_asked){.uid = uid,
                               .callers = CH_LITERAL("treasury"),
                               .key = CH_LITERAL("k"),
                               .digest = digest,
                               .repeat_key = CH_LITERAL("one"),
                               .request = CH_LITERAL("what was asked"),
                               .words = CH_LITERAL("what      withdraw 0.7 BTC\n")};
}

static ch_status ask_at(uid_t uid, uint64_t now_ns, ch_approval **out)
{
    const ch_approval_asked asked = asked_by(uid);
    return ch_approvals_ask(table, &asked, now_ns, out, &err);
}

static ch_approval *ask(uid_t uid)
{
    ch_approval *made = NULL;
    ck_assert_msg(ask_at(uid, NOW_NS, &made) == CH_OK, "%s", err.message);
    return made;
}

static void need(ch_approval *approval, uint32_t approvals, bool needs_code, uint64_t delay_ns, uint64_t within_ns)
{
    static char *people[] = {"alice", "bob"};
    const ch_requirement requirement = {
        .approvals = approvals,
        .needs_code = needs_code,
        .delay_ns = delay_ns,
        .within_ns = within_ns,
        .of = {people, approvals == 0 ? 0 : 2}
    };
    ck_assert_int_eq(ch_approval_need(approval, "two", &requirement, &err), CH_OK);
}

static ch_status give_as(uint64_t id, const char *person, uid_t uid, bool is_by_code, uint64_t at_ns)
{
    const ch_given_by *given;
    ch_given_by by = {.uid = uid, .at_ns = at_ns, .is_by_code = is_by_code};
    snprintf(by.person, sizeof by.person, "%s", person);
    err = (ch_error)CH_ERROR_INIT;
    return ch_approvals_give(table, id, digest, &by, &given, &err);
}

static ch_status give(uint64_t id, const char *person, uid_t uid)
{
    return give_as(id, person, uid, false, NOW_NS + SECOND);
}

static ch_approval_state state_at(uint64_t id, uint64_t now_ns)
{
    return ch_approval_state_at(ch_approvals_find(table, id), now_ns);
}

START_TEST(test_two_approvals_are_of_two_people)
{
    ch_approval *at = ask(BOT);
    need(at, 2, false, 0, HOUR);
    ck_assert_int_eq(state_at(at->id, NOW_NS), CH_APPROVAL_WAITING);
    ck_assert_int_eq(give(at->id, "alice", ALICE), CH_OK);
    ck_assert_int_eq(give(at->id, "alice", ALICE), CH_CONFLICT);
    ck_assert_str_eq(err.rule, "again");
    ck_assert_int_eq(give(at->id, "bob", ALICE), CH_CONFLICT); /* another name of the same user */
    ck_assert_int_eq(state_at(at->id, NOW_NS + SECOND), CH_APPROVAL_WAITING);
    ck_assert_int_eq(give(at->id, "alice", CAROL), CH_OK); /* another user of the same name does not add up */
    ck_assert_int_eq(state_at(at->id, NOW_NS + SECOND), CH_APPROVAL_WAITING);
    ck_assert_int_eq(give(at->id, "bob", BOB), CH_OK);
    ck_assert_int_eq(state_at(at->id, NOW_NS + SECOND), CH_APPROVAL_READY);
}
END_TEST

START_TEST(test_who_may_not_approve_is_refused)
{
    ch_approval *at = ask(ALICE);
    need(at, 2, false, 0, HOUR);
    ck_assert_int_eq(give(at->id, "alice", ALICE), CH_REFUSED);
    ck_assert_str_eq(err.rule, "own");
    ck_assert_int_eq(give(at->id, "carol", CAROL), CH_REFUSED);
    ck_assert_str_eq(err.rule, "approver");
    ck_assert_int_eq(give(at->id + 1, "bob", BOB), CH_NOT_FOUND);
    digest[0]++;
    ck_assert_int_eq(give(at->id, "bob", BOB), CH_CONFLICT);
    ck_assert_str_eq(err.rule, "digest");
    digest[0]--;
    ck_assert_int_eq(give(at->id, "bob", BOB), CH_OK);
}
END_TEST

START_TEST(test_a_code_is_an_approval_of_anybody_or_of_those_named)
{
    ch_approval *at = ask(BOT);
    need(at, 0, true, 0, 0);
    ck_assert_int_eq(give(at->id, "carol", CAROL), CH_OK);
    ck_assert_int_eq(state_at(at->id, NOW_NS + SECOND), CH_APPROVAL_WAITING); /* it came without a code */
    ck_assert_int_eq(give_as(at->id, "carol", CAROL, true, NOW_NS + SECOND), CH_OK);
    ck_assert_int_eq(state_at(at->id, NOW_NS + SECOND), CH_APPROVAL_READY);
    ck_assert_int_eq(give_as(at->id, "carol", CAROL, true, NOW_NS + SECOND), CH_CONFLICT);
}
END_TEST

START_TEST(test_approvals_must_come_in_time)
{
    ch_approval *at = ask(BOT);
    need(at, 1, false, 0, HOUR);
    ck_assert_int_eq(state_at(at->id, NOW_NS + HOUR - 1), CH_APPROVAL_WAITING);
    ck_assert_int_eq(state_at(at->id, NOW_NS + HOUR), CH_APPROVAL_EXPIRED);
    ck_assert_int_eq(give_as(at->id, "alice", ALICE, false, NOW_NS + HOUR), CH_CONFLICT);
    ck_assert_str_eq(err.rule, "expired");
    ck_assert_int_eq(give_as(at->id, "alice", ALICE, false, NOW_NS + HOUR / 2), CH_OK);
    ck_assert_int_eq(state_at(at->id, NOW_NS + HOUR / 2 + HOUR - 1), CH_APPROVAL_READY);
    ck_assert_int_eq(state_at(at->id, NOW_NS + HOUR / 2 + HOUR), CH_APPROVAL_EXPIRED);
}
END_TEST

START_TEST(test_a_delay_counts_from_the_asking)
{
    ch_approval *at = ask(BOT);
    need(at, 1, false, 0, HOUR);
    need(at, 0, false, 6 * HOUR, 0);
    ck_assert_int_eq(give(at->id, "alice", ALICE), CH_OK);
    ck_assert_int_eq(state_at(at->id, NOW_NS + 6 * HOUR - 1), CH_APPROVAL_WAITING);
    ck_assert_uint_eq(ch_approval_sum(at).ready_ns, NOW_NS + 6 * HOUR);
    ck_assert_int_eq(state_at(at->id, NOW_NS + 6 * HOUR), CH_APPROVAL_READY);
    ck_assert_uint_eq(ch_approval_sum(at).expires_ns, NOW_NS + 7 * HOUR);
    ck_assert_int_eq(state_at(at->id, NOW_NS + 7 * HOUR), CH_APPROVAL_EXPIRED);
}
END_TEST

START_TEST(test_one_is_used_once)
{
    uint64_t id = ask(BOT)->id;
    ch_approval *out;
    ch_approvals_use(table, id, NOW_NS);
    ck_assert_int_eq(state_at(id, NOW_NS), CH_APPROVAL_SIGNED);
    ck_assert_int_eq(ch_approvals_get(table, id, NULL, NOW_NS, &out, &err), CH_CONFLICT);
    ck_assert_str_eq(err.rule, "signed");
    ch_approvals_unuse(table, id);
    ck_assert_int_eq(state_at(id, NOW_NS), CH_APPROVAL_READY); /* nothing is needed */
    ch_approval_set_end(ch_approvals_find_to_change(table, id), CH_APPROVAL_DENIED, "bob", BOB, "no", NOW_NS);
    ch_approvals_unuse(table, id);
    ck_assert_int_eq(state_at(id, NOW_NS), CH_APPROVAL_DENIED);
    ck_assert_uint_eq(ch_approvals_find(table, id)->request.size, 0);
}
END_TEST

START_TEST(test_the_same_request_is_found_while_it_is_open)
{
    ch_approval_asked asked = asked_by(BOT);
    uint64_t id = ask(BOT)->id;
    ck_assert_uint_eq(ch_approvals_find_same(table, &asked, NOW_NS)->id, id);
    asked.repeat_key = CH_LITERAL("two");
    ck_assert_ptr_null(ch_approvals_find_same(table, &asked, NOW_NS));
    asked = asked_by(OTHER);
    ck_assert_ptr_null(ch_approvals_find_same(table, &asked, NOW_NS));
    asked = asked_by(BOT);
    asked.callers = CH_LITERAL("maker");
    ck_assert_ptr_null(ch_approvals_find_same(table, &asked, NOW_NS));
    asked = asked_by(BOT);
    ch_approvals_use(table, id, NOW_NS);
    ck_assert_ptr_null(ch_approvals_find_same(table, &asked, NOW_NS));
}
END_TEST

/* Sixteen bots take all that they can get; somebody who has nothing is served all the same. */
START_TEST(test_a_flood_takes_no_place_of_others)
{
    ch_approval *made;
    size_t taken = 0;
    for (uid_t bot = BOT; bot < BOT + 16; bot++) {
        while (ask_at(bot, NOW_NS, &made) == CH_OK) {
            need(made, 1, false, 0, HOUR);
            taken++;
        }
        ck_assert_int_eq(err.status, CH_TOO_OFTEN);
    }
    ck_assert_uint_le(taken, CH_APPROVALS_MAX - CH_APPROVALS_SHARE);
    for (size_t i = 0; i < CH_APPROVALS_SHARE; i++)
        need(ask(3000), 1, false, 0, HOUR);
    for (uid_t bot = 4000; bot < 4000 + 200; bot++) {
        for (size_t i = 0; i < CH_APPROVALS_FIRST; i++)
            need(ask(bot), 1, false, 0, HOUR);
    }
    ck_assert_int_eq(ask_at(BOT, NOW_NS + HOUR, &made), CH_OK); /* what expired takes no place */
}
END_TEST

START_TEST(test_what_ended_takes_no_place_of_others)
{
    uint64_t id = ask(OTHER)->id;
    ch_approvals_use(table, id, NOW_NS);
    for (size_t i = 0; i < 20 * (size_t)CH_APPROVALS_ENDED_MAX; i++)
        ch_approvals_use(table, ask((uid_t)(BOT + 2 + i % 16))->id, NOW_NS);
    ck_assert_ptr_nonnull(ch_approvals_find(table, id));
    size_t count = 0;
    while (ch_approvals_at(table, count) != NULL)
        count++;
    ck_assert_uint_le(count, CH_APPROVALS_ENDED_MAX + 2);
    ch_approvals_sweep(table, NOW_NS + CH_APPROVALS_KEEP_NS - 1);
    ck_assert_ptr_nonnull(ch_approvals_find(table, id));
    ch_approvals_sweep(table, NOW_NS + CH_APPROVALS_KEEP_NS + 20 * SECOND);
    ck_assert_ptr_null(ch_approvals_at(table, 0));
    ck_assert_uint_gt(ask(BOT)->id, id);
}
END_TEST

static bool read_lines(ch_approvals *into, ch_slice lines, bool is_return)
{
    ch_line line = {0};
    bool is_good = true;
    while (lines.size > 0 && is_good) {
        size_t size = (size_t)(ch_slice_find(lines, '\n') - lines.data);
        ch_line_split((ch_slice){lines.data, size}, &line);
        is_good = ch_approval_row_read(into, &line, is_return);
        lines = ch_slice_after(lines, size + 1);
    }
    ch_line_free(&line);
    return is_good;
}

START_TEST(test_lines_say_all_that_there_is)
{
    ch_autobuffer lines = CH_BUFFER_INIT;
    ch_autobuffer again = CH_BUFFER_INIT;
    ch_approvals *other = ch_approvals_new();
    ch_approval *first = ask(BOT);
    uint64_t id = first->id;
    need(first, 2, true, 5, HOUR);
    need(first, 0, true, 0, 0);
    ck_assert_int_eq(give_as(id, "alice", ALICE, true, NOW_NS + 7), CH_OK);
    ch_approval_set_end(ask(OTHER), CH_APPROVAL_DENIED, "bob", BOB, "not today\tor ever", NOW_NS + 9);
    ch_approval_rows_add_all(table, NOW_NS, &lines);
    ck_assert(read_lines(other, ch_buffer_slice(&lines), false));
    ch_approval_rows_add_all(other, NOW_NS, &again);
    ck_assert_str_eq(ch_buffer_text(&again), ch_buffer_text(&lines));
    ck_assert_str_eq(ch_approvals_find(other, id + 1)->why, "not today\tor ever");
    ck_assert(read_lines(other, ch_buffer_slice(&lines), false)); /* in place of what was there */
    ch_buffer_clear(&again);
    ch_approval_rows_add_all(other, NOW_NS, &again);
    ck_assert_str_eq(ch_buffer_text(&again), ch_buffer_text(&lines));
    ch_approvals_free(other);
}
END_TEST

START_TEST(test_lines_leave_out_what_is_forgotten)
{
    ch_autobuffer lines = CH_BUFFER_INIT;
    ch_approvals_use(table, ask(BOT)->id, NOW_NS);
    ch_approval_rows_add_all(table, NOW_NS + CH_APPROVALS_KEEP_NS - 1, &lines);
    ck_assert_ptr_nonnull(strstr(ch_buffer_text(&lines), "\nA\t"));
    ch_buffer_clear(&lines);
    ch_approval_rows_add_all(table, NOW_NS + CH_APPROVALS_KEEP_NS, &lines); /* before any sweep */
    ck_assert_str_eq(ch_buffer_text(&lines), "N\t2\n");
}
END_TEST

START_TEST(test_a_return_takes_a_use_back)
{
    ch_autobuffer use = CH_BUFFER_INIT;
    uint64_t id = ask(BOT)->id;
    ch_approval_row_add_use(id, NOW_NS, &use);
    ck_assert(read_lines(table, ch_buffer_slice(&use), false));
    ck_assert_int_eq(state_at(id, NOW_NS), CH_APPROVAL_SIGNED);
    ck_assert(read_lines(table, ch_buffer_slice(&use), true));
    ck_assert_int_eq(state_at(id, NOW_NS), CH_APPROVAL_READY);
    ch_approvals_remove(table, id);
    ck_assert(read_lines(table, ch_buffer_slice(&use), false)); /* it is forgotten */
}
END_TEST

/* clang-format off */
static const char *const damaged[] = {
    "A\n", "A\t1\t1\t1\tx\tk\tAAAA\t\t\tw\n", "A\t1\t1\t1\tx\tk%00\tAQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\t\t\tw\n",
    "Q\t1\ttwo\t1\t2\t0\t0\talice\n", "Q\t1\ttwo\t1\n", "G\t1\talice\t-1\t0\t0\n", "G\t1\talice\t5\t0\n",
    "E\t1\t6\t0\t\t0\t\n", "E\t1\tx\t0\t\t0\t\n", "U\t1\n", "U\t\t1\n", "N\tx\n", "N\n", "Z\t1\n",
};
/* clang-format on */

START_TEST(test_damaged_line_is_refused)
{
    ask(BOT);
    ck_assert_msg(!read_lines(table, ch_slice_of(damaged[_i]), false), "%s", damaged[_i]);
}
END_TEST

START_TEST(test_words_are_cut_at_a_line)
{
    ch_autobuffer words = CH_BUFFER_INIT;
    ch_approval_asked asked = asked_by(BOT);
    while (words.size <= CH_APPROVAL_WORDS_MAX)
        ch_buffer_add_text(&words, "params    one more\n");
    asked.words = ch_buffer_slice(&words);
    ch_approval *made = ch_approval_new(1, &asked, NOW_NS);
    ck_assert_ptr_nonnull(strstr(ch_buffer_text(&made->words), "one more\n(there is more"));
    ch_approval_free(made);
}
END_TEST

CH_TESTS_WITH("approvals", set_up, tear_down, CH_TEST(test_two_approvals_are_of_two_people),
              CH_TEST(test_who_may_not_approve_is_refused),
              CH_TEST(test_a_code_is_an_approval_of_anybody_or_of_those_named),
              CH_TEST(test_approvals_must_come_in_time), CH_TEST(test_a_delay_counts_from_the_asking),
              CH_TEST(test_one_is_used_once), CH_TEST(test_the_same_request_is_found_while_it_is_open),
              CH_TEST(test_a_flood_takes_no_place_of_others), CH_TEST(test_what_ended_takes_no_place_of_others),
              CH_TEST(test_lines_say_all_that_there_is), CH_TEST(test_lines_leave_out_what_is_forgotten),
              CH_TEST(test_a_return_takes_a_use_back), CH_TEST_ROWS(test_damaged_line_is_refused, damaged),
              CH_TEST(test_words_are_cut_at_a_line))
