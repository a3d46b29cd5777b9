/* Rows: written, read again after an end or a crash, and lost with a disk that fails. */
#include "state/journal_impl.h"

#include "base/buffer.h"
#include "tests/support/suite.h"
#include "tests/unit/state/journal_rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what is kept ---- */

static uint64_t awaited;

static bool is_told(void)
{
    return rig.told >= awaited;
}

START_TEST(test_rows_are_read_as_they_were_added)
{
    rig_start();
    rig_add(CH_JOURNAL_DECISION, "[\"a\"]", "{\"text\":\"\xc3\xa9 '; DROP TABLE journal\"}");
    rig_add(CH_JOURNAL_REFUSAL, "", "{}");
    const ch_journal_row returned = {
        .id = 77, /* not looked at */
        .kind = CH_JOURNAL_RETURN,
        .of = 1,
        .time_ns = 5,
        .charges = CH_LITERAL("[1]"),
        .record = {NULL, 0}
    };
    ck_assert_uint_eq(ch_journal_add(rig.journal, &returned), 3);
    awaited = rig_add(CH_JOURNAL_EVENT, "[]", "{\"state\":\"halted\"}");
    rig_wait(is_told);
    ck_assert_int_eq(rig.outcome.status, CH_OK);
    ck_assert_int_eq(rig.calls, 1);
    rig_close();
    rig_open();
    ck_assert_str_eq(rig_read(), "1:0:0:[\"a\"]:{\"text\":\"\xc3\xa9 '; DROP TABLE journal\"};2:1:0::{};3:2:1:[1]:;"
                                 "4:3:0:[]:{\"state\":\"halted\"};");
    ck_assert(ch_journal_is_recorded(rig.journal, 4));
    ck_assert(!ch_journal_is_recorded(rig.journal, 5));
    rig_close();
}
END_TEST

START_TEST(test_a_row_is_not_recorded_before_it_is_written)
{
    rig_start();
    uint64_t id = rig_add(CH_JOURNAL_DECISION, "[]", "{}");
    ck_assert(!ch_journal_is_recorded(rig.journal, id));
    ck_assert(!ch_journal_is_recorded(rig.journal, 0));
    ch_journal_flush(rig.journal);
    ck_assert(!ch_journal_is_recorded(rig.journal, id));
    awaited = id;
    rig_wait(is_told);
    ck_assert(ch_journal_is_recorded(rig.journal, id));
    rig_close();
}
END_TEST

START_TEST(test_rows_that_come_while_others_are_written_follow)
{
    rig_start();
    for (int i = 0; i < 500; i++) {
        awaited = rig_add(CH_JOURNAL_DECISION, "[]", "{}");
        ch_journal_flush(rig.journal);
    }
    rig_wait(is_told);
    ck_assert_int_lt(rig.calls, 500);
    rig_close();
    ck_assert_int_eq(rig_count("SELECT count(*) FROM journal WHERE id BETWEEN 1 AND 500"), 500);
}
END_TEST

START_TEST(test_rows_that_were_not_handed_over_are_not_kept_by_an_end)
{
    rig_start();
    rig_settle("{}");
    rig_add(CH_JOURNAL_DECISION, "[]", "{}");
    rig_close();
    ck_assert_int_eq(rig_count("SELECT count(*) FROM journal"), 1);
}
END_TEST

START_TEST(test_each_transaction_can_be_made_safe_from_power_cuts)
{
    rig_start();
    ch_journal_set_power_cut_safe(rig.journal, true);
    rig_settle("{\"a\":1}");
    ch_journal_set_power_cut_safe(rig.journal, false);
    rig_settle("{\"a\":2}");
    rig_close();
    rig_open();
    ck_assert_str_eq(rig_read(), "1:0:0:[]:{\"a\":1};2:0:0:[]:{\"a\":2};");
    rig_close();
}
END_TEST

START_TEST(test_what_people_said_is_safe_from_power_cuts)
{
    rig_start();
    const ch_parcel *leaving = &rig.journal->leaving;
    awaited = rig_add(CH_JOURNAL_DECISION, "[]", "{}");
    ch_journal_flush(rig.journal);
    ck_assert(leaving->count == 1 && rig.journal->write.may_be_lost);
    rig_wait(is_told);
    rig_add(CH_JOURNAL_EVENT, "[]", "{}");
    awaited = rig_add(CH_JOURNAL_DECISION, "[]", "{}");
    ch_journal_flush(rig.journal);
    ck_assert(leaving->count == 2 && !rig.journal->write.may_be_lost);
    rig_wait(is_told);
    rig_close();
}
END_TEST

/* ---- crashes ---- */

#define CRASHES 25

/* Adds rows, some in a turn, and reports each id that is on the disk. */
static void add_until_killed(int report_fd)
{
    rig_start();
    for (unsigned turn = 0;; turn++) {
        for (unsigned i = 0; i <= turn % 4; i++)
            awaited = rig_add(CH_JOURNAL_DECISION, "[\"charge\"]", "{\"some\":\"record of a decision\"}");
        rig_wait(is_told);
        if (rig.outcome.status != CH_OK || write(report_fd, &rig.told, sizeof rig.told) != (ssize_t)sizeof rig.told)
            _exit(1);
    }
}

static uint64_t crash_after_us(unsigned us)
{
    int ends[2];
    uint64_t told = 0;
    rig_state_folder(); /* the parent's, which outlives the child */
    rig_trace_path();
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0)
        add_until_killed(ends[1]);
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &told, sizeof told), sizeof told); /* it runs */
    usleep(us);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    while (read(ends[0], &told, sizeof told) == (ssize_t)sizeof told)
        continue;
    close(ends[0]);
    return told;
}

START_TEST(test_a_crash_at_any_instant_loses_nothing_that_was_recorded)
{
    for (unsigned i = 0; i < CRASHES; i++) {
        uint64_t told = crash_after_us(i * 997 % 5000);
        rig_open();
        ck_assert(!rig.is_older);
        ck_assert(ch_journal_is_recorded(rig.journal, told));
        rig_close();
        ck_assert_int_eq(rig_count("SELECT max(id) - count(*) FROM journal"), 0);
    }
}
END_TEST

/* ---- a disk that fails ---- */

static void limit_files(void)
{
    struct stat status;
    char path[512];
    snprintf(path, sizeof path, "%s/state.db-wal", rig_state_folder());
    ck_assert_int_eq(stat(path, &status), 0);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {(rlim_t)status.st_size, RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void unlimit_files(void)
{
    const struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fill(void)
{
    rig_run("PRAGMA max_page_count=1"); /* no more than there are */
}

static void make_room(void)
{
    rig_run("PRAGMA max_page_count=1000000000");
}

static void make_read_only(void)
{
    rig_run("PRAGMA query_only=1");
}

static void make_writable(void)
{
    rig_run("PRAGMA query_only=0");
}

/* clang-format off */
static const struct {
    const char *name;
    void (*begin)(void);
    void (*end)(void);
    const char *says;
} failures[] = {
    /* name             begin           end            says */
    { "full",           fill,           make_room,     "appending to the journal: database or disk is full (the state is in " },
    { "read-only",      make_read_only, make_writable, "writing the state: attempt to write a readonly database (the state is in " },
    { "files too large", limit_files,   unlimit_files, "writing the state: disk I/O error (the state is in " },
};
/* clang-format on */

static char *big_record(void)
{
    ch_buffer text = CH_BUFFER_INIT; /* more than a page has room for */
    for (int i = 0; i < 9000; i++)
        ch_buffer_add_byte(&text, 'x');
    ch_buffer_text(&text);
    return (char *)text.data;
}

static bool has_no_trouble(void)
{
    if (rig.calls > 0 && ch_journal_trouble(rig.journal) != NULL)
        ch_journal_try_again(rig.journal);
    return ch_journal_trouble(rig.journal) == NULL;
}

START_TEST(test_rows_that_cannot_be_written_are_lost_and_later_ones_are_not)
{
    char *big = big_record();
    rig_start();
    uint64_t first = rig_settle("{}");
    failures[_i].begin();
    rig_add(CH_JOURNAL_DECISION, "[]", "{}");
    uint64_t lost = rig_settle(big);
    ck_assert_int_eq(rig.outcome.status, CH_IO);
    ck_assert_msg(strstr(rig.outcome.message, failures[_i].says) != NULL, "%s", rig.outcome.message);
    ck_assert_ptr_nonnull(ch_journal_trouble(rig.journal));
    uint64_t also_lost = rig_settle(big);
    ck_assert(ch_journal_is_recorded(rig.journal, first));
    for (uint64_t id = lost - 1; id <= also_lost; id++)
        ck_assert(!ch_journal_is_recorded(rig.journal, id));
    failures[_i].end();
    rig_wait(has_no_trouble);
    uint64_t good = rig_settle("{\"good\":1}");
    ck_assert_uint_eq(good, 5);
    ck_assert_int_eq(rig.outcome.status, CH_OK);
    ck_assert(ch_journal_is_recorded(rig.journal, good));
    ck_assert(!ch_journal_is_recorded(rig.journal, also_lost));
    rig_close();
    rig_open();
    ck_assert_str_eq(rig_read(), "1:0:0:[]:{};5:0:0:[]:{\"good\":1};");
    ck_assert(!rig.is_older);
    rig_close();
    free(big);
}
END_TEST

START_TEST(test_trouble_lasts_until_a_row_is_written_or_would_be)
{
    rig_start();
    make_read_only();
    rig_settle("{}");
    for (int i = 0; i < 3; i++) {
        ch_journal_try_again(rig.journal);
        rig_wait_ms(20);
        ck_assert_ptr_nonnull(ch_journal_trouble(rig.journal));
    }
    ck_assert_int_eq(rig.calls, 1);
    make_writable();
    ck_assert_ptr_nonnull(ch_journal_trouble(rig.journal));
    rig_wait(has_no_trouble);
    ck_assert_int_eq(rig.calls, 1); /* nothing was recorded by that */
    rig_close();
}
END_TEST

START_TEST(test_losses_that_come_and_go_are_all_remembered_as_losses)
{
    uint64_t lost[100];
    uint64_t good[100];
    rig_start();
    for (int i = 0; i < 100; i++) {
        make_read_only();
        lost[i] = rig_settle("{}");
        make_writable();
        good[i] = rig_settle("{}");
    }
    for (int i = 0; i < 100; i++)
        ck_assert(!ch_journal_is_recorded(rig.journal, lost[i]));
    for (int i = 40; i < 100; i++) /* that much is known exactly */
        ck_assert(ch_journal_is_recorded(rig.journal, good[i]));
    rig_close();
}
END_TEST

/* ---- damage ---- */

static void fill_journal(const char *rows)
{
    char sql[512];
    rig_start();
    rig_settle("{}");
    rig_close();
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < %s)"
             " INSERT INTO journal SELECT i, 0, 0, 5, '[]', hex(zeroblob(1500)) FROM n",
             rows);
    rig_change(sql);
}

static void damage_page(long long page)
{
    char path[512];
    snprintf(path, sizeof path, "%s/state.db", rig_state_folder());
    FILE *file = fopen(path, "r+e");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, (long)((page - 1) * rig_count("PRAGMA page_size")), SEEK_SET), 0);
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(fputc(0xa5, file), 0xa5);
    ck_assert_int_eq(fclose(file), 0);
}

static void assert_open_says_damaged(void)
{
    ch_store *store = NULL;
    ck_assert_int_eq(ch_store_open(rig_state_folder(), &store, &rig_err), CH_IO);
    ck_assert_msg(strstr(rig_err.message, "is damaged (") != NULL, "%s", rig_err.message);
}

START_TEST(test_a_damaged_journal_is_noticed_before_anything_is_signed)
{
    fill_journal("200");
    damage_page(rig_count("SELECT max(pageno) FROM dbstat WHERE name = 'journal' AND pagetype = 'leaf'"));
    assert_open_says_damaged();
}
END_TEST

#define LARGE "25000" /* rows; more than 64 MB */

START_TEST(test_old_rows_of_a_large_journal_are_not_looked_at)
{
    fill_journal(LARGE);
    rig_change("INSERT INTO snapshot VALUES(24990, 'level')");
    damage_page(
        rig_count("SELECT pageno FROM dbstat WHERE name = 'journal' AND pagetype = 'leaf' LIMIT 1 OFFSET 1000"));
    rig_open();
    ck_assert_ptr_eq(strstr(rig_read(), "level;24991:0:0:"), rig_read());
    rig_close();
}
END_TEST

static const char *const looked_at[] = {"key_print", "journal"};

START_TEST(test_new_rows_and_other_tables_beside_a_large_journal_are_looked_at)
{
    const ch_journal_reader reader = {0};
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT max(pageno) FROM dbstat WHERE name = '%s' AND pagetype = 'leaf'", looked_at[_i]);
    fill_journal(LARGE);
    damage_page(rig_count(sql));
    if (_i == 0) {
        assert_open_says_damaged();
        return;
    }
    ck_assert_int_eq(ch_store_open(rig_state_folder(), &rig.store, &rig_err), CH_OK);
    ch_status st = ch_journal_open(rig.store, NULL, &rig.journal, &rig.is_older, &rig_err);
    if (st == CH_OK)
        st = ch_journal_read(rig.journal, &reader, &rig_err);
    ck_assert_int_eq(st, CH_IO);
    ck_assert_msg(strstr(rig_err.message, "is damaged (") != NULL, "%s", rig_err.message);
    rig_close();
}
END_TEST

START_TEST(test_a_row_of_no_kind_is_refused)
{
    const ch_journal_reader reader = {0};
    rig_start();
    rig_close();
    rig_change("INSERT INTO journal VALUES(1, 9, 0, 5, '', '')");
    rig_open();
    ck_assert_int_eq(ch_journal_read(rig.journal, &reader, &rig_err), CH_IO);
    ck_assert_str_eq(rig_err.message, "the state is damaged: row 1 of the journal is of no kind (9)");
    rig_close();
}
END_TEST

CH_TESTS("journal", CH_TEST(test_rows_are_read_as_they_were_added),
         CH_TEST(test_a_row_is_not_recorded_before_it_is_written),
         CH_TEST(test_rows_that_come_while_others_are_written_follow),
         CH_TEST(test_rows_that_were_not_handed_over_are_not_kept_by_an_end),
         CH_TEST(test_each_transaction_can_be_made_safe_from_power_cuts),
         CH_TEST(test_what_people_said_is_safe_from_power_cuts),
         CH_TEST(test_a_crash_at_any_instant_loses_nothing_that_was_recorded),
         CH_TEST_ROWS(test_rows_that_cannot_be_written_are_lost_and_later_ones_are_not, failures),
         CH_TEST(test_trouble_lasts_until_a_row_is_written_or_would_be),
         CH_TEST(test_losses_that_come_and_go_are_all_remembered_as_losses),
         CH_TEST(test_a_damaged_journal_is_noticed_before_anything_is_signed),
         CH_TEST(test_old_rows_of_a_large_journal_are_not_looked_at),
         CH_TEST_ROWS(test_new_rows_and_other_tables_beside_a_large_journal_are_looked_at, looked_at),
         CH_TEST(test_a_row_of_no_kind_is_refused))
