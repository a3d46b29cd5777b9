/* Snapshots, the rows that they make superfluous, and what operators ask. */
#include "state/journal.h"

#include "tests/support/suite.h"
#include "tests/unit/state/journal_rig.h"

#include <stdio.h>
#include <string.h>

#define DAY_NS 86400000000000ULL

static ch_error err;

/* ---- snapshots ---- */

static bool has_snapshot(void)
{
    return rig_count("SELECT count(*) FROM snapshot") > 0;
}

static uint64_t awaited;

static bool is_told(void)
{
    return rig.told >= awaited;
}

/* The store is locked while it is open, so it is asked there. */
static void snap(const char *lines, uint64_t now_ns, uint64_t keep_ns)
{
    ch_journal_snapshot(rig.journal, ch_slice_of(lines), now_ns, keep_ns);
    rig_wait_ms(30);
}

START_TEST(test_a_start_reads_the_newest_snapshot_and_the_rows_after_it)
{
    rig_start();
    rig_settle("{\"a\":1}");
    snap("old", 0, DAY_NS);
    rig_settle("{\"a\":2}");
    snap("first\n\nthird \xc3\xa9\n", 0, DAY_NS);
    rig_settle("{\"a\":3}");
    rig_close();
    ck_assert_int_eq(rig_count("SELECT count(*) FROM snapshot"), 1);
    ck_assert_int_eq(rig_count("SELECT count(*) FROM journal"), 3); /* none is old */
    rig_open();
    ck_assert_str_eq(rig_read(), "first;;third \xc3\xa9;3:0:0:[]:{\"a\":3};");
    rig_close();
}
END_TEST

START_TEST(test_a_snapshot_of_nothing_is_kept_as_well)
{
    rig_start();
    rig_settle("{}");
    snap("", 0, DAY_NS);
    rig_close();
    rig_open();
    ck_assert_str_eq(rig_read(), "");
    rig_close();
}
END_TEST

START_TEST(test_a_snapshot_waits_for_the_rows_that_it_covers)
{
    rig_start();
    awaited = rig_add(CH_JOURNAL_DECISION, "[]", "{}");
    ch_journal_snapshot(rig.journal, CH_LITERAL("level"), 0, DAY_NS); /* nothing was flushed */
    ck_assert(!ch_journal_wants_snapshot(rig.journal));
    rig_wait(is_told);
    rig_wait_ms(30);
    rig_settle("{\"later\":1}");
    rig_close();
    rig_open();
    ck_assert_str_eq(rig_read(), "level;2:0:0:[]:{\"later\":1};");
    rig_close();
}
END_TEST

START_TEST(test_a_snapshot_that_covers_a_lost_row_is_not_kept)
{
    rig_start();
    rig_settle("{}");
    rig_run("PRAGMA query_only=1");
    awaited = rig_add(CH_JOURNAL_DECISION, "[]", "{}");
    ch_journal_snapshot(rig.journal, CH_LITERAL("too much"), 0, DAY_NS);
    rig_wait(is_told);
    rig_run("PRAGMA query_only=0");
    rig_settle("{\"good\":1}");
    rig_wait_ms(30);
    rig_close();
    ck_assert(!has_snapshot());
}
END_TEST

START_TEST(test_a_snapshot_that_cannot_be_written_leaves_the_one_before)
{
    rig_start();
    rig_settle("{}");
    snap("before", 0, DAY_NS);
    rig_settle("{}");
    rig_run("PRAGMA query_only=1");
    snap("after", 0, DAY_NS);
    rig_run("PRAGMA query_only=0");
    ck_assert_ptr_null(ch_journal_trouble(rig.journal)); /* no row was lost */
    rig_close();
    rig_open();
    ck_assert_str_eq(rig_read(), "before;2:0:0:[]:{};");
    rig_close();
}
END_TEST

START_TEST(test_a_snapshot_is_wanted_after_many_rows)
{
    rig_start();
    for (int i = 0; i < 9999; i++)
        awaited = rig_add(CH_JOURNAL_DECISION, "[]", "{}");
    ck_assert(!ch_journal_wants_snapshot(rig.journal));
    rig_add(CH_JOURNAL_DECISION, "[]", "{}");
    ck_assert(ch_journal_wants_snapshot(rig.journal));
    rig_wait(is_told);
    rig_close();
    rig_start();
    ck_assert(ch_journal_wants_snapshot(rig.journal));
    snap("level", 0, DAY_NS);
    ck_assert(!ch_journal_wants_snapshot(rig.journal));
    rig_close();
    rig_open();
    ck_assert(!ch_journal_wants_snapshot(rig.journal));
    rig_close();
}
END_TEST

/* ---- questions ---- */

typedef struct answer {
    size_t count;
    uint64_t first;
    uint64_t last;
    int calls;
    ch_error outcome;
    char record[64]; /* the last one's */
} answer;

static answer answers[20];

static void take_answer(void *context, const ch_journal_row *rows, size_t count, const ch_error *outcome)
{
    answer *into = context;
    into->calls++;
    into->count = count;
    into->outcome = *outcome;
    if (count == 0)
        return;
    into->first = rows[0].id;
    into->last = rows[count - 1].id;
    snprintf(into->record, sizeof into->record, "%.*s", CH_SLICE_ARGS(rows[count - 1].record));
}

static ch_status ask(answer *into, uint64_t after, uint32_t limit)
{
    const ch_journal_query query = {.after = after, .limit = limit, .context = into, .answer = take_answer};
    *into = (answer){0};
    return ch_journal_ask(rig.journal, &query, &err);
}

static bool is_answered(void)
{
    return answers[0].calls > 0;
}

/* ---- old rows ---- */

static uint64_t add_at(uint64_t time_ns)
{
    const ch_journal_row row = {.time_ns = time_ns, .charges = CH_LITERAL("[]"), .record = CH_LITERAL("{}")};
    return awaited = ch_journal_add(rig.journal, &row);
}

START_TEST(test_old_rows_are_dropped_a_few_at_a_time)
{
    rig_start();
    for (unsigned i = 0; i < 1300; i++)
        add_at(DAY_NS + i);
    for (unsigned i = 0; i < 5; i++)
        add_at(3 * DAY_NS);
    rig_wait(is_told);
    snap("level", 3 * DAY_NS, DAY_NS);
    do {
        ck_assert_int_eq(ask(&answers[0], 0, 1), CH_OK);
        rig_wait(is_answered);
        ck_assert_uint_le(answers[0].first, 1301);
    } while (answers[0].first < 1301);
    rig_close();
    ck_assert_int_eq(rig_count("SELECT count(*) FROM journal"), 5);
}
END_TEST

START_TEST(test_rows_that_no_snapshot_covers_are_not_dropped)
{
    rig_start();
    add_at(1);
    rig_wait(is_told);
    ch_journal_snapshot(rig.journal, CH_LITERAL("level"), 3 * DAY_NS, DAY_NS);
    for (unsigned i = 0; i < 3; i++)
        add_at(1); /* as old */
    rig_wait(is_told);
    rig_wait_ms(50);
    rig_close();
    ck_assert_int_eq(rig_count("SELECT count(*) FROM journal"), 3);
}
END_TEST

START_TEST(test_ids_go_on_though_all_rows_were_dropped)
{
    rig_start();
    for (unsigned i = 0; i < 7; i++)
        add_at(1);
    rig_wait(is_told);
    snap("level", 3 * DAY_NS, DAY_NS);
    rig_close();
    ck_assert_int_eq(rig_count("SELECT count(*) FROM journal"), 0);
    rig_start();
    ck_assert(!rig.is_older);
    ck_assert_uint_eq(rig_settle("{}"), 8);
    rig_close();
    rig_open();
    ck_assert_str_eq(rig_read(), "level;8:0:0:[]:{};");
    rig_close();
}
END_TEST

/* ---- what is answered ---- */

/* clang-format off */
static const struct {
    uint64_t after;
    uint32_t limit;
    size_t count;
    uint64_t first;
} questions[] = {
    /* after       limit       count  first */
    { 0,           5,          5,     1 },
    { 3,           5,          5,     4 },
    { 1198,        5,          2,     1199 },
    { 1200,        5,          0,     0 },
    { UINT64_MAX,  5,          0,     0 },
    { 0,           0,          0,     0 },
    { 0,           UINT32_MAX, 1000,  1 },
};
/* clang-format on */

START_TEST(test_rows_can_be_asked_for)
{
    rig_start();
    for (int i = 0; i < 1200; i++)
        awaited = rig_add(CH_JOURNAL_DECISION, "[]", "{\"a\":1}");
    rig_wait(is_told);
    ck_assert_int_eq(ask(&answers[0], questions[_i].after, questions[_i].limit), CH_OK);
    rig_wait(is_answered);
    ck_assert_int_eq(answers[0].outcome.status, CH_OK);
    ck_assert_uint_eq(answers[0].count, questions[_i].count);
    ck_assert_uint_eq(answers[0].first, questions[_i].first);
    if (questions[_i].count > 0) {
        ck_assert_uint_eq(answers[0].last, questions[_i].first + questions[_i].count - 1);
        ck_assert_str_eq(answers[0].record, "{\"a\":1}");
    }
    rig_close();
}
END_TEST

START_TEST(test_an_answer_is_not_too_large)
{
    static char large[400001];
    memset(large, 'x', sizeof large - 1);
    rig_start();
    for (int i = 0; i < 5; i++)
        awaited = rig_add(CH_JOURNAL_DECISION, "[]", large);
    rig_wait(is_told);
    ck_assert_int_eq(ask(&answers[0], 0, 100), CH_OK);
    rig_wait(is_answered);
    ck_assert_uint_eq(answers[0].count, 3);
    rig_close();
}
END_TEST

START_TEST(test_who_has_left_is_not_called)
{
    rig_start();
    rig_settle("{}");
    ck_assert_int_eq(ask(&answers[1], 0, 5), CH_OK);
    ck_assert_int_eq(ask(&answers[0], 0, 5), CH_OK);
    ch_journal_forget(rig.journal, &answers[1]);
    ch_journal_forget(NULL, &answers[1]);
    rig_wait(is_answered);
    rig_wait_ms(20);
    ck_assert_int_eq(answers[1].calls, 0);
    rig_close();
}
END_TEST

START_TEST(test_only_so_many_ask_at_once)
{
    rig_start();
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(ask(&answers[15 - i], 0, 5), CH_OK);
    ck_assert_int_eq(ask(&answers[16], 0, 5), CH_BUSY);
    ck_assert_str_eq(err.message, "the journal is being read by 16 others; try again in a moment");
    rig_wait(is_answered); /* the last one, so all others before */
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(answers[i].calls, 1);
    ck_assert_int_eq(ask(&answers[16], 0, 5), CH_OK);
    rig_close(); /* it is not answered any more */
    ck_assert_int_eq(answers[16].calls, 0);
}
END_TEST

START_TEST(test_a_row_that_cannot_be_read_is_told_to_who_asks_and_to_nobody_else)
{
    rig_start();
    rig_settle("{}");
    rig_run("INSERT INTO journal VALUES(2, 9, 0, 5, '', '')");
    ck_assert_int_eq(ask(&answers[0], 0, 5), CH_OK);
    rig_wait(is_answered);
    ck_assert_int_eq(answers[0].outcome.status, CH_IO);
    ck_assert_uint_eq(answers[0].count, 0);
    ck_assert_ptr_null(ch_writer_trouble(rig.writer));
    rig_close();
}
END_TEST

CH_TESTS("journal_upkeep", CH_TEST(test_a_start_reads_the_newest_snapshot_and_the_rows_after_it),
         CH_TEST(test_a_snapshot_of_nothing_is_kept_as_well),
         CH_TEST(test_a_snapshot_waits_for_the_rows_that_it_covers),
         CH_TEST(test_a_snapshot_that_covers_a_lost_row_is_not_kept),
         CH_TEST(test_a_snapshot_that_cannot_be_written_leaves_the_one_before),
         CH_TEST(test_a_snapshot_is_wanted_after_many_rows), CH_TEST(test_old_rows_are_dropped_a_few_at_a_time),
         CH_TEST(test_rows_that_no_snapshot_covers_are_not_dropped),
         CH_TEST(test_ids_go_on_though_all_rows_were_dropped), CH_TEST_ROWS(test_rows_can_be_asked_for, questions),
         CH_TEST(test_an_answer_is_not_too_large), CH_TEST(test_who_has_left_is_not_called),
         CH_TEST(test_only_so_many_ask_at_once),
         CH_TEST(test_a_row_that_cannot_be_read_is_told_to_who_asks_and_to_nobody_else))
