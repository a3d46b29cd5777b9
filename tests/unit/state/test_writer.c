/* Writes to a table of their own, and what is found there afterwards. */
#include "state/writer.h"

#include "base/clock.h"
#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <poll.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITES 200

typedef struct note {
    ch_write write;
    int number;
    bool is_bad;
    int done_as; /* its place in the order of those that are done; 0: not done */
    ch_error outcome;
} note;

static ch_store *store;
static ch_writer *writer;
static ch_error err;
static note notes[WRITES];
static int done_count;

static ch_status run(ch_write *write, ch_store *in, ch_error *why)
{
    const note *self = write->context;
    sqlite3_stmt *stmt = NULL;
    if (self->is_bad)
        return ch_fail(why, CH_IO, "the disk is full");
    CH_TRY(ch_store_prepare(in, "INSERT INTO nonce VALUES(?1, ?2)", "noting", &stmt, why));
    sqlite3_bind_int(stmt, 1, self->number);
    sqlite3_bind_int(stmt, 2, 0);
    ch_status st = sqlite3_step(stmt) == SQLITE_DONE ? CH_OK : ch_store_fail(in, "noting", why);
    sqlite3_finalize(stmt);
    return st;
}

static void on_done(ch_write *write, const ch_error *outcome)
{
    note *self = write->context;
    self->done_as = ++done_count;
    self->outcome = *outcome;
}

static void submit(int number, bool is_bad)
{
    note *self = &notes[number];
    *self = (note){.number = number, .is_bad = is_bad};
    self->write = (ch_write){.run = run, .done = on_done, .context = self};
    ch_writer_submit(writer, &self->write);
}

static void wait_for(int count)
{
    while (done_count < count) {
        struct pollfd ready = {.fd = ch_writer_fd(writer), .events = POLLIN};
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        ch_writer_collect(writer);
    }
}

static void set_up(void)
{
    ck_assert_msg(ch_store_open(ch_test_folder(), &store, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_writer_start(store, &writer, &err) == CH_OK, "%s", err.message);
}

static void tear_down(void)
{
    ch_writer_stop(writer);
    ch_store_close(store);
}

/* How many are in the file; the writer must have been stopped. */
static int kept(void)
{
    sqlite3_stmt *stmt = NULL;
    ck_assert_int_eq(ch_store_prepare(store, "SELECT count(*) FROM nonce", "counting", &stmt, &err), CH_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    int count = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return count;
}

START_TEST(test_writes_are_done_in_their_order)
{
    for (int i = 0; i < WRITES; i++)
        submit(i, false);
    wait_for(WRITES);
    for (int i = 0; i < WRITES; i++) {
        ck_assert_int_eq(notes[i].done_as, i + 1);
        ck_assert_int_eq(notes[i].outcome.status, CH_OK);
        ck_assert(!notes[i].write.is_under_way);
    }
}
END_TEST

START_TEST(test_a_write_that_fails_says_so_and_the_next_ones_are_written)
{
    submit(0, true);
    wait_for(1);
    ck_assert_int_eq(notes[0].outcome.status, CH_IO);
    ck_assert_str_eq(notes[0].outcome.message, "the disk is full");
    submit(1, false);
    wait_for(2);
    ck_assert_int_eq(notes[1].outcome.status, CH_OK);
}
END_TEST

/* They may or may not have shared a transaction; either way what was reported is what is there. */
START_TEST(test_what_was_reported_is_what_is_kept)
{
    int good = 0;
    for (int i = 0; i < WRITES; i++)
        submit(i, i % 7 == 3);
    wait_for(WRITES);
    for (int i = 0; i < WRITES; i++)
        good += notes[i].outcome.status == CH_OK;
    ch_writer_stop(writer);
    writer = NULL;
    ck_assert_int_eq(kept(), good);
}
END_TEST

START_TEST(test_a_stop_waits_for_what_was_submitted_and_calls_nobody)
{
    for (int i = 0; i < WRITES; i++)
        submit(i, false);
    ch_writer_stop(writer);
    writer = NULL;
    ck_assert_int_eq(done_count, 0);
    ck_assert_int_eq(kept(), WRITES);
}
END_TEST

static void submit_again(ch_write *write, const ch_error *outcome)
{
    (void)outcome;
    note *self = write->context;
    self->number = WRITES;
    write->done = on_done;
    ch_writer_submit(writer, write);
}

START_TEST(test_a_write_may_be_submitted_again_when_it_is_done)
{
    note *self = &notes[0];
    *self = (note){.number = 0};
    self->write = (ch_write){.run = run, .done = submit_again, .context = self};
    ch_writer_submit(writer, &self->write);
    wait_for(1);
    ch_writer_stop(writer);
    writer = NULL;
    ck_assert_int_eq(kept(), 2);
}
END_TEST

/* ---- power cuts ---- */

static int synchronous; /* as the last write found it: 1 NORMAL, 2 FULL */

static ch_status look_how_safe(ch_write *write, ch_store *in, ch_error *why)
{
    sqlite3_stmt *stmt = NULL;
    (void)write;
    CH_TRY(ch_store_prepare(in, "PRAGMA synchronous", "looking", &stmt, why));
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    synchronous = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return CH_OK;
}

/* Holds the thread up, so that what is submitted meanwhile is one transaction. */
static ch_status sleep_a_little(ch_write *write, ch_store *in, ch_error *why)
{
    (void)write;
    (void)in;
    (void)why;
    usleep(50000);
    return CH_OK;
}

/* clang-format off */
static const struct {
    bool may_be_lost[3]; /* of the writes of a transaction */
    int synchronous;
} mixes[] = {
    /* may be lost            synchronous */
    { { true,  true,  true  }, 1 },
    { { false, true,  true  }, 2 },
    { { true,  false, true  }, 2 },
    { { true,  true,  false }, 2 },
    { { false, false, false }, 2 },
};
/* clang-format on */

START_TEST(test_a_transaction_is_as_safe_as_the_safest_of_its_writes)
{
    note gate = {
        .write = {.run = sleep_a_little, .done = on_done, .context = &gate, .may_be_lost = true}
    };
    for (int round = 0; round < 3; round++) {
        ch_writer_submit(writer, &gate.write);
        usleep(10000);
        for (int i = 0; i < 3; i++) {
            notes[i].write = (ch_write){
                .run = look_how_safe, .done = on_done, .context = &notes[i], .may_be_lost = mixes[_i].may_be_lost[i]};
            ch_writer_submit(writer, &notes[i].write);
        }
        wait_for(4 * (round + 1));
        ck_assert_int_eq(synchronous, mixes[_i].synchronous);
    }
    ch_writer_stop(writer);
    writer = NULL;
    ck_assert_int_eq(look_how_safe(NULL, store, &err), CH_OK);
    ck_assert_int_eq(synchronous, 2); /* for what is kept at the end */
}
END_TEST

/* ---- aside ---- */

static ch_status run_alone(ch_write *write, ch_store *in, ch_error *why)
{
    CH_TRY(ch_store_begin(in, why)); /* fails in a transaction */
    ch_status st = run(write, in, why);
    if (st == CH_OK)
        return ch_store_commit(in, why);
    ch_store_rollback(in);
    return st;
}

static void submit_aside(int number, bool is_bad, uint64_t due_ms)
{
    note *self = &notes[number];
    *self = (note){.number = number, .is_bad = is_bad};
    self->write = (ch_write){.run = run_alone, .done = on_done, .context = self};
    ch_writer_submit_aside(writer, &self->write, due_ms);
}

START_TEST(test_what_is_run_aside_has_a_transaction_of_its_own)
{
    for (int i = 0; i < WRITES; i++) {
        if (i % 3 == 0)
            submit_aside(i, false, 0);
        else
            submit(i, false);
    }
    wait_for(WRITES);
    for (int i = 0; i < WRITES; i++)
        ck_assert_int_eq(notes[i].outcome.status, CH_OK);
    for (int i = 3; i < WRITES; i += 3)
        ck_assert_int_lt(notes[i - 3].done_as, notes[i].done_as);
    ch_writer_stop(writer);
    writer = NULL;
    ck_assert_int_eq(kept(), WRITES);
}
END_TEST

START_TEST(test_what_is_run_aside_waits_until_it_is_due)
{
    uint64_t now_ms = ch_clock_ms();
    submit_aside(0, false, now_ms + 200);
    submit_aside(1, false, now_ms + 100);
    submit_aside(2, false, 0);
    submit(3, false);
    wait_for(2);
    ck_assert_int_eq(notes[0].done_as + notes[1].done_as, 0);
    wait_for(3);
    ck_assert_uint_ge(ch_clock_ms(), now_ms + 100);
    ck_assert_int_eq(notes[1].done_as, 3);
    wait_for(4);
    ck_assert_uint_ge(ch_clock_ms(), now_ms + 200);
}
END_TEST

START_TEST(test_what_is_not_due_at_the_stop_is_not_run)
{
    submit_aside(0, false, 0);
    submit_aside(1, false, ch_clock_ms() + 60000);
    submit(2, false);
    ch_writer_stop(writer);
    writer = NULL;
    ck_assert_int_eq(kept(), 2);
}
END_TEST

START_TEST(test_what_fails_aside_is_no_trouble_of_the_state)
{
    submit_aside(0, true, 0);
    wait_for(1);
    ck_assert_int_eq(notes[0].outcome.status, CH_IO);
    ck_assert(notes[0].write.is_failing);
    ck_assert_ptr_null(ch_writer_trouble(writer));
    submit(1, true);
    wait_for(2);
    ck_assert_ptr_nonnull(ch_writer_trouble(writer));
    ch_writer_submit_aside(writer, &notes[0].write, 0);
    wait_for(3);
    ck_assert_ptr_nonnull(ch_writer_trouble(writer));
}
END_TEST

/* ---- the log ---- */

static int big_rows;

static ch_status run_big(ch_write *write, ch_store *in, ch_error *why)
{
    sqlite3_stmt *stmt = NULL;
    (void)write;
    CH_TRY(
        ch_store_prepare(in, "INSERT OR REPLACE INTO pin_tries VALUES(hex(zeroblob(?1)), ?2)", "noting", &stmt, why));
    sqlite3_bind_int(stmt, 1, 500000 + big_rows % 8); /* 245 pages each */
    sqlite3_bind_int(stmt, 2, big_rows++);
    ch_status st = sqlite3_step(stmt) == SQLITE_DONE ? CH_OK : ch_store_fail(in, "noting", why);
    sqlite3_finalize(stmt);
    return st;
}

static void write_big(int count)
{
    note big = {
        .write = {.run = run_big, .done = on_done, .context = &big, .may_be_lost = true}
    };
    for (int i = 0; i < count; i++) {
        ch_writer_submit(writer, &big.write);
        wait_for(done_count + 1);
    }
}

static long long log_size(void)
{
    struct stat status;
    ch_autofree char *path = ch_test_path("state.db-wal");
    ck_assert_int_eq(stat(path, &status), 0);
    return status.st_size;
}

START_TEST(test_the_log_does_not_grow_for_ever)
{
    write_big(80);
    ck_assert_int_gt(log_size(), 4000LL * 4096);
    ck_assert_int_lt(log_size(), 5000LL * 4096); /* of 80 times 1 MB */
}
END_TEST

START_TEST(test_the_log_is_emptied_when_nobody_writes)
{
    write_big(3);
    usleep(1500000);
    ch_writer_stop(writer);
    writer = NULL;
    ck_assert_uint_lt(ch_store_log_pages(store), 10);
}
END_TEST

CH_TESTS_WITH("writer", set_up, tear_down, CH_TEST(test_writes_are_done_in_their_order),
              CH_TEST(test_a_write_that_fails_says_so_and_the_next_ones_are_written),
              CH_TEST(test_what_was_reported_is_what_is_kept),
              CH_TEST(test_a_stop_waits_for_what_was_submitted_and_calls_nobody),
              CH_TEST(test_a_write_may_be_submitted_again_when_it_is_done),
              CH_TEST_ROWS(test_a_transaction_is_as_safe_as_the_safest_of_its_writes, mixes),
              CH_TEST(test_what_is_run_aside_has_a_transaction_of_its_own),
              CH_TEST(test_what_is_run_aside_waits_until_it_is_due),
              CH_TEST(test_what_is_not_due_at_the_stop_is_not_run),
              CH_TEST(test_what_fails_aside_is_no_trouble_of_the_state), CH_TEST(test_the_log_does_not_grow_for_ever),
              CH_TEST(test_the_log_is_emptied_when_nobody_writes))
