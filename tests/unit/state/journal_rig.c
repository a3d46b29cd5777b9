#include "tests/unit/state/journal_rig.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "tests/support/folder.h"
#include "tests/unit/state/thread_sql.h"

#include <check.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS 20000

ch_rig rig;
ch_error rig_err;

const char *rig_state_folder(void)
{
    static char *path;
    if (path == NULL)
        path = ch_test_path("state");
    return path;
}

const char *rig_trace_path(void)
{
    static char *path;
    if (path == NULL)
        path = ch_test_path("trace");
    return path;
}

void rig_shell(const char *command)
{
    char line[1024];
    snprintf(line, sizeof line, "cd %s && %s", ch_test_folder(), command);
    ck_assert_int_eq(system(line), 0);
}

static void on_recorded(void *context, uint64_t id, const ch_error *outcome)
{
    (void)context;
    rig.told = id;
    rig.outcome = *outcome;
    rig.calls++;
}

void rig_open(void)
{
    rig = (ch_rig){0};
    ck_assert_msg(ch_store_open(rig_state_folder(), &rig.store, &rig_err) == CH_OK, "%s", rig_err.message);
    ck_assert_msg(ch_journal_open(rig.store, rig_trace_path(), &rig.journal, &rig.is_older, &rig_err) == CH_OK, "%s",
                  rig_err.message);
}

void rig_start(void)
{
    rig_open();
    ck_assert_int_eq(ch_writer_start(rig.store, &rig.writer, &rig_err), CH_OK);
    ch_journal_start(rig.journal, rig.writer, on_recorded, NULL);
}

void rig_close(void)
{
    ch_writer_stop(rig.writer);
    ch_journal_close(rig.journal);
    ch_store_close(rig.store);
    rig = (ch_rig){0};
}

uint64_t rig_add(ch_journal_kind kind, const char *charges, const char *record)
{
    const ch_journal_row row = {
        .kind = kind, .time_ns = 1000, .charges = ch_slice_of(charges), .record = ch_slice_of(record)};
    return ch_journal_add(rig.journal, &row);
}

static void collect_until(uint64_t end_ms)
{
    uint64_t now_ms = ch_clock_ms();
    struct pollfd ready = {.fd = ch_writer_fd(rig.writer), .events = POLLIN};
    ch_journal_flush(rig.journal);
    if (poll(&ready, 1, now_ms < end_ms ? (int)(end_ms - now_ms) : 0) == 1)
        ch_writer_collect(rig.writer);
}

void rig_wait(bool (*is_done)(void))
{
    uint64_t end_ms = ch_clock_ms() + PATIENCE_MS;
    while (!is_done()) {
        ck_assert(ch_clock_ms() < end_ms);
        collect_until(end_ms);
    }
}

void rig_wait_ms(unsigned ms)
{
    uint64_t end_ms = ch_clock_ms() + ms;
    while (ch_clock_ms() < end_ms)
        collect_until(end_ms);
}

static uint64_t awaited;

static bool is_settled(void)
{
    return rig.told >= awaited;
}

uint64_t rig_settle(const char *record)
{
    awaited = rig_add(CH_JOURNAL_DECISION, "[]", record);
    rig_wait(is_settled);
    return awaited;
}

static ch_buffer seen;

static void take_level(void *context, ch_slice line)
{
    (void)context;
    ch_buffer_add_format(&seen, "%.*s;", CH_SLICE_ARGS(line));
}

static void take_row(void *context, const ch_journal_row *row)
{
    (void)context;
    ch_buffer_add_format(&seen, "%llu:%d:%llu:", (unsigned long long)row->id, (int)row->kind,
                         (unsigned long long)row->of);
    ch_buffer_add_slice(&seen, row->charges);
    ch_buffer_add_byte(&seen, ':');
    ch_buffer_add_slice(&seen, row->record);
    ch_buffer_add_byte(&seen, ';');
}

const char *rig_read(void)
{
    const ch_journal_reader reader = {.take_level = take_level, .take_row = take_row};
    ch_buffer_clear(&seen);
    ck_assert_msg(ch_journal_read(rig.journal, &reader, &rig_err) == CH_OK, "%s", rig_err.message);
    return ch_buffer_text(&seen);
}

/* ---- SQL ---- */

void rig_run(const char *sql)
{
    thread_sql(rig.writer, sql);
}

static sqlite3 *open_file(void)
{
    char path[512];
    sqlite3 *database = NULL;
    snprintf(path, sizeof path, "%s/state.db", rig_state_folder());
    ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
    return database;
}

void rig_change(const char *sql)
{
    sqlite3 *database = open_file();
    ck_assert_msg(sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(database));
    ck_assert_int_eq(sqlite3_close(database), SQLITE_OK);
}

long long rig_count(const char *sql)
{
    sqlite3 *database = open_file();
    sqlite3_stmt *stmt = NULL;
    ck_assert_msg(sqlite3_prepare_v2(database, sql, -1, &stmt, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(database));
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    long long number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(database);
    return number;
}
