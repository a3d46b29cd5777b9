#include "tests/unit/state/thread_sql.h"

#include <check.h>
#include <poll.h>
#include <sqlite3.h>

typedef struct statement {
    const char *sql;
    bool is_done;
} statement;

static ch_status run(ch_write *write, ch_store *store, ch_error *err)
{
    const statement *self = write->context;
    sqlite3_stmt *stmt = NULL;
    CH_TRY(ch_store_prepare(store, self->sql, "testing", &stmt, err));
    while (sqlite3_step(stmt) == SQLITE_ROW)
        continue;
    return sqlite3_finalize(stmt) == SQLITE_OK ? CH_OK : ch_store_fail(store, "testing", err);
}

static void on_done(ch_write *write, const ch_error *outcome)
{
    statement *self = write->context;
    ck_assert_msg(outcome->status == CH_OK, "%s", outcome->message);
    self->is_done = true;
}

void thread_sql(ch_writer *writer, const char *sql)
{
    statement self = {.sql = sql};
    ch_write write = {.run = run, .done = on_done, .context = &self, .may_be_lost = true};
    ch_writer_submit_aside(writer, &write, 0);
    while (!self.is_done) {
        struct pollfd ready = {.fd = ch_writer_fd(writer), .events = POLLIN};
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        ch_writer_collect(writer);
    }
}
