/* What a start makes of the lines in the journal: all of it, or nothing. */
#include "agent/core/ledger_impl.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <string.h>

#define SNAPSHOT_MAX_NS 60000000U /* for builds with the sanitizers; else it is under 5 milliseconds */
#define NOW_NS 1764000000000000000U

static ch_store *store;
static ch_ledger *ledger;
static ch_error err;

static void set_up(void)
{
    ch_autofree char *folder = ch_test_path("state");
    err = (ch_error)CH_ERROR_INIT;
    ck_assert_int_eq(ch_store_open(folder, &store, &err), CH_OK);
}

static void tear_down(void)
{
    ch_ledger_close(ledger);
    ledger = NULL;
    ch_store_close(store);
}

static void take_nothing(void *context, struct sqlite3_stmt *row)
{
    (void)context;
    (void)row;
}

static void run(const char *sql)
{
    ck_assert_msg(ch_store_each(store, sql, "testing", take_nothing, NULL, &err) == CH_OK, "%s", err.message);
}

/* A row of that kind (ch_journal_kind); without quotes in it. */
static void add_row(int kind, const char *lines)
{
    ch_autobuffer sql = CH_BUFFER_INIT;
    ch_buffer_add_format(&sql, "INSERT INTO journal VALUES(NULL, %d, 0, 0, '%s', '{}')", kind, lines);
    run(ch_buffer_text(&sql));
}

static ch_status restart(void)
{
    ch_ledger_close(ledger);
    ledger = NULL;
    return ch_ledger_open(store, NULL, &ledger, &err);
}

static void check_lines(const char *expected)
{
    ch_autobuffer lines = CH_BUFFER_INIT;
    ck_assert_msg(restart() == CH_OK, "%s", err.message);
    ch_ledger_add_all(ledger, NOW_NS, &lines);
    ck_assert_str_eq(ch_buffer_text(&lines), expected);
}

/* ---- what is read ---- */

#define OPEN "open\tever open-value by-account EUR\taccount=a\t0\t0\t9223372036854775807\t"

/* clang-format off */
static const struct {
    const char *name;
    const char *lines; /* read, and written again */
} good[] = {
    { "a level",              "L\t" OPEN "1.5\n" },
    { "a scope with a NUL",   "L\topen\tever open-value by-symbol EUR\tsymbol=%00\t0\t0\t9223372036854775807\t1\n" },
    { "a closing budget",     "L\ta\tever x\ts\t1\t0\t9223372036854775807\t1\n" },
    { "what was released",    "L\ta\tever x\ts\t0\t1\t9223372036854775807\t1\n" },
    { "a text with a tab",    "S\t0\tbot\t2\t0\tuser 7: %09%0A%C3%A9\n" },
    { "a state of all",       "S\t2\t\t2\t0\tuser 7: everything\n" },
    { "a state with an end",  "S\t1\tkey\t1\t1764000000000000001\tlimit\n" },
    { "a time ahead",         "W\tmaker\tbinance%09main\t1764000030000000000\n" },
    { "nothing",              "" },
};

static const struct {
    const char *name;
    const char *lines;
} bad[] = {
    { "no line",               "\n" },
    { "another kind",          "X\t1\n" },
    { "a kind of two letters", "LL\t" OPEN "1\n" },
    { "a field too few",       "L\topen\tever\ts\t0\t0\t1\n" },
    { "a field too many",      "L\t" OPEN "1\t1\n" },
    { "no amount",             "L\t" OPEN "\n" },
    { "a negative amount",     "L\t" OPEN "-1\n" },
    { "an exponent",           "L\t" OPEN "1e3\n" },
    { "digits past the last",  "L\t" OPEN "340282366920938463463374607431768211456\n" },
    { "a flag of two",         "L\ta\tever\ts\t2\t0\t1\t1\n" },
    { "a bucket too large",    "L\ta\tever\ts\t0\t0\t18446744073709551616\t1\n" },
    { "half an escape",        "L\ta%2\tever\ts\t0\t0\t1\t1\n" },
    { "a small escape",        "L\ta%c3\tever\ts\t0\t0\t1\t1\n" },
    { "a limit cut by a NUL",  "L\topen%00\tever\ts\t0\t0\t1\t1\n" },
    { "a shape cut by a NUL",  "L\topen\tever%00\ts\t0\t0\t1\t1\n" },
    { "a caller cut by a NUL", "S\t0\tbot%00\t2\t0\tx\n" },
    { "a why cut by a NUL",    "S\t0\tbot\t2\t0\t%00\n" },
    { "a pair cut by a NUL",   "P\tone\tA/B%00\t1\t1\t0\t1\t1\n" },
    { "a state of all by name", "S\t2\tbot\t1\t0\tx\n" },
    { "a state of none of them","S\t4\tbot\t1\t0\tx\n" },
    { "a state that is none",  "S\t0\tbot\t3\t0\tx\n" },
    { "a price of words",      "P\tone\tA/B\tmuch\t1\t0\t1\t1\n" },
    { "a hash too large",      "O\t4294967296\n" },
    { "a hash that is none",   "O\t\n" },
    { "half a hash",           "K\tAAAA\n" },
    { "hashes of no digits",   "K\t!\n" },
    { "no generation",         "F\t2\t1\tAAAAAAEAAAA=\t\n" },
    { "bits without counts",   "F\t0\t1\tAAAAAAEAAAA=\t\n" },
    { "a time of nobody",      "W\tmaker\t1\n" },
    { "a time too large",      "W\tmaker\tmain\t18446744073709551616\n" },
    { "a time of words",       "W\tmaker\tmain\tnow\n" },
    { "a caller of a time, cut by a NUL", "W\tmaker%00\tmain\t1\n" },
    { "the second line",       "O\t1\nO\tx\n" },
};
/* clang-format on */

START_TEST(test_what_is_written_is_read)
{
    add_row(CH_JOURNAL_DECISION, good[_i].lines);
    check_lines(good[_i].lines);
}
END_TEST

START_TEST(test_a_line_that_cannot_be_read_stops_the_start)
{
    add_row(CH_JOURNAL_DECISION, "O\t7\n");
    add_row(CH_JOURNAL_DECISION, bad[_i].lines);
    ck_assert_int_eq(restart(), CH_IO);
    ck_assert_msg(strstr(err.message, "cannot be read") != NULL, "%s", err.message);
}
END_TEST

START_TEST(test_a_bad_line_of_a_snapshot_stops_the_start)
{
    ch_autobuffer sql = CH_BUFFER_INIT;
    ch_buffer_add_format(&sql, "INSERT INTO snapshot VALUES(0, '%s')", bad[_i].lines);
    run(ch_buffer_text(&sql));
    ck_assert_int_eq(restart(), CH_IO);
}
END_TEST

static void note_order(const char *id)
{
    ch_item item = {.kind = CH_ITEM_ORDER};
    item.facts[CH_FACT_CLIENT_ID] = (ch_fact){CH_FACT_STATED, ch_slice_of(id), CH_LITERAL("id")};
    item.facts[CH_FACT_PRICE] = (ch_fact){CH_FACT_STATED, CH_LITERAL("1"), CH_LITERAL("px")};
    ch_orders_note(ledger->orders, CH_LITERAL("desk"), 1, &item);
}

static bool is_known(const char *id)
{
    note_order(id);
    return ch_orders_find(ledger->orders, CH_LITERAL("desk"), ch_slice_of(id))->facts[CH_FACT_PRICE].state ==
           CH_FACT_STATED;
}

static const char *const letters[] = {"I", "O", "O"};

/* An earlier version wrote the hash in rows, and its remainder in snapshots. */
START_TEST(test_an_id_is_used_however_a_version_wrote_it)
{
    uint32_t hash;
    ch_item item = {.kind = CH_ITEM_ORDER};
    item.facts[CH_FACT_CLIENT_ID] = (ch_fact){CH_FACT_STATED, CH_LITERAL("a"), CH_LITERAL("id")};
    ck_assert(ch_orders_hash(CH_LITERAL("desk"), &item, &hash));
    ck_assert_uint_ge(hash, CH_FORGOTTEN_SHORT);
    ch_autobuffer line = CH_BUFFER_INIT;
    ch_buffer_add_format(&line, "%s\t%u\n", letters[_i], _i == 2 ? hash % CH_FORGOTTEN_SHORT : hash);
    add_row(CH_JOURNAL_DECISION, ch_buffer_text(&line));
    ck_assert_msg(restart() == CH_OK, "%s", err.message);
    ck_assert(!is_known("a"));
    ck_assert(is_known("b"));
}
END_TEST

START_TEST(test_ids_survive_in_a_snapshot)
{
    ck_assert_int_eq(restart(), CH_OK);
    ck_assert(is_known("a"));
    for (size_t i = 0; i < 3; i++) {
        ch_autobuffer lines = CH_BUFFER_INIT;
        ch_autobuffer sql = CH_BUFFER_INIT;
        ch_ledger_add_all(ledger, NOW_NS, &lines);
        ch_buffer_add_format(&sql, "INSERT OR REPLACE INTO snapshot VALUES(0, '%s')", ch_buffer_text(&lines));
        run(ch_buffer_text(&sql));
        ck_assert_msg(restart() == CH_OK, "%s", err.message);
    }
    ck_assert(!is_known("a"));
    ck_assert(is_known("b"));
}
END_TEST

/* Core stands still meanwhile. */
START_TEST(test_a_snapshot_of_the_most_ids_is_soon_made)
{
    ck_assert_int_eq(restart(), CH_OK);
    ch_forgotten *set = ch_orders_forgotten(ledger->orders);
    ch_forgotten_turn(set, NOW_NS);
    for (uint32_t i = 0; i < 4U << 20; i++) {
        if (i == 2U << 20)
            ch_forgotten_turn(set, NOW_NS + CH_FORGOTTEN_AGE_NS);
        ch_forgotten_note(set, i % 8, (ch_forgotten_id){.book = 1, .hash = i * 2654435761U});
    }
    ch_autobuffer lines = CH_BUFFER_INIT;
    uint64_t begun_ns = ch_clock_ns();
    ch_ledger_add_all(ledger, NOW_NS, &lines);
    ck_assert_uint_lt(ch_clock_ns() - begun_ns, SNAPSHOT_MAX_NS);
    ck_assert_uint_lt(lines.size, 3U << 20);
    ck_assert_uint_gt(lines.size, 2U << 20);
}
END_TEST

/* ---- what rows add up to ---- */

START_TEST(test_returns_take_away_and_releases_count)
{
    add_row(CH_JOURNAL_DECISION, "L\t" OPEN "1.5\n");
    add_row(CH_JOURNAL_DECISION, "L\t" OPEN "2\n");
    add_row(CH_JOURNAL_RETURN, "L\t" OPEN "1\nL\topen\tever open-value by-account EUR\taccount=a\t0\t1\t"
                               "9223372036854775807\t1\n");
    check_lines("L\t" OPEN "2.5\nL\topen\tever open-value by-account EUR\taccount=a\t0\t1\t9223372036854775807\t1\n");
}
END_TEST

START_TEST(test_no_more_is_returned_than_was_taken)
{
    add_row(CH_JOURNAL_RETURN, "L\t" OPEN "5\n");
    add_row(CH_JOURNAL_DECISION, "L\t" OPEN "1\n");
    add_row(CH_JOURNAL_RETURN, "L\t" OPEN "5\n");
    add_row(CH_JOURNAL_DECISION, "L\t" OPEN "2\n");
    check_lines("L\t" OPEN "2\n");
}
END_TEST

START_TEST(test_a_snapshot_leaves_out_what_has_its_row_after_it)
{
    run("INSERT INTO snapshot VALUES(0, 'L\t" OPEN "3\nR\t" OPEN "1\n')");
    add_row(CH_JOURNAL_DECISION, "L\t" OPEN "1\n");
    check_lines("L\t" OPEN "3\n");
}
END_TEST

START_TEST(test_a_time_ahead_outlives_snapshots_and_returns)
{
    run("INSERT INTO snapshot VALUES(0, 'W\tmaker\tmain\t1764000030000000000\nW\tdesk\tmain\t1764000020000000000\n')");
    add_row(CH_JOURNAL_DECISION, "L\t" OPEN "1\nW\tmaker\tmain\t1764000010000000000\n");
    add_row(CH_JOURNAL_DECISION, "W\tdesk\tmain\t1764000040000000000\n");
    add_row(CH_JOURNAL_RETURN, "L\t" OPEN "1\n");
    check_lines("W\tdesk\tmain\t1764000040000000000\nW\tmaker\tmain\t1764000030000000000\n");
    const ch_own_times *times = ch_ledger_own_times(ledger);
    ck_assert_uint_eq(ch_own_times_before(times, CH_LITERAL("maker"), CH_LITERAL("main")), 1764000030000000000U);
    ck_assert_uint_eq(ch_own_times_before(times, CH_LITERAL("desk"), CH_LITERAL("main")), 1764000040000000000U);
}
END_TEST

START_TEST(test_the_time_of_the_last_decision_is_kept)
{
    run("INSERT INTO snapshot VALUES(0, 'W\t\t\t1763999999000000000\n')");
    check_lines("W\t\t\t1763999999000000000\n");
    run("INSERT INTO journal VALUES(NULL, 0, 0, 1764000000000000000, '', '{}')");
    run("INSERT INTO journal VALUES(NULL, 1, 0, 1764000001000000000, '', '{}')");
    run("INSERT INTO journal VALUES(NULL, 3, 0, 1764000002000000000, '', '{}')");
    check_lines("W\t\t\t1764000000000000000\n");
    ck_assert_uint_eq(ch_own_times_before(ch_ledger_own_times(ledger), CH_LITERAL("maker"), CH_LITERAL("main")),
                      1764000000000000000U);
}
END_TEST

/* As a request of a relay does. */
START_TEST(test_a_time_ahead_stands_in_the_row_of_its_decision)
{
    ck_assert_int_eq(restart(), CH_OK);
    ch_reservation *made = ch_reservation_new(1, "", 0);
    ch_ledger_note_own_time(ledger, made, CH_LITERAL("maker"), CH_LITERAL("main"), NOW_NS + 5);
    ck_assert_str_eq(ch_buffer_text(&made->lines), "W\tmaker\tmain\t1764000000000000005\n");
    ck_assert_uint_eq(ch_own_times_before(ch_ledger_own_times(ledger), CH_LITERAL("maker"), CH_LITERAL("main")), 0);
    ch_reservation_free(made);
}
END_TEST

CH_TESTS_WITH("ledger rows", set_up, tear_down, CH_TEST_ROWS(test_what_is_written_is_read, good),
              CH_TEST_ROWS(test_a_line_that_cannot_be_read_stops_the_start, bad),
              CH_TEST_ROWS(test_a_bad_line_of_a_snapshot_stops_the_start, bad),
              CH_TEST_ROWS(test_an_id_is_used_however_a_version_wrote_it, letters),
              CH_TEST(test_ids_survive_in_a_snapshot), CH_TEST(test_a_snapshot_of_the_most_ids_is_soon_made),
              CH_TEST(test_returns_take_away_and_releases_count), CH_TEST(test_no_more_is_returned_than_was_taken),
              CH_TEST(test_a_snapshot_leaves_out_what_has_its_row_after_it),
              CH_TEST(test_a_time_ahead_outlives_snapshots_and_returns),
              CH_TEST(test_the_time_of_the_last_decision_is_kept),
              CH_TEST(test_a_time_ahead_stands_in_the_row_of_its_decision))
