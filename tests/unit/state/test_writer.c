/* Writes to a table of their own, and what is found there afterwards. */
#include "state/writer.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <poll.h>
#include <sqlite3.h>
#include <string.h>

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

CH_TESTS_WITH("writer", set_up, tear_down, CH_TEST(test_writes_are_done_in_their_order),
              CH_TEST(test_a_write_that_fails_says_so_and_the_next_ones_are_written),
              CH_TEST(test_what_was_reported_is_what_is_kept),
              CH_TEST(test_a_stop_waits_for_what_was_submitted_and_calls_nobody),
              CH_TEST(test_a_write_may_be_submitted_again_when_it_is_done))
