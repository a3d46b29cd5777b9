/* What is run aside: snapshots, the rows that they make superfluous, and the trace. */
#include "state/journal_impl.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define SNAPSHOT_ROWS 10000      /* after so many rows there should be one */
#define SNAPSHOT_RETRY_ROWS 1000 /* if it could not be kept */
#define DROPPED_MAX 500          /* rows at once, so that nobody waits long */
#define DROP_EVERY_MS 20
#define TRACE_EVERY_MS 1000

static ch_status step(ch_store *store, sqlite3_stmt *stmt, const char *doing, ch_error *err)
{
    ch_status st = sqlite3_step(stmt) == SQLITE_DONE ? CH_OK : ch_store_fail(store, doing, err);
    sqlite3_finalize(stmt);
    return st;
}

/* Commits what succeeded, and gives up what failed. */
static ch_status end(ch_store *store, ch_status st, ch_error *err)
{
    if (st == CH_OK)
        return ch_store_commit(store, err);
    ch_store_rollback(store);
    return st;
}

/* ---- old rows ---- */

/* Looks at the oldest rows only: they are about in the order of their times. */
static ch_status drop(ch_write *write, ch_store *store, ch_error *err)
{
    static const char doing[] = "dropping old rows of the journal";
    ch_journal *journal = write->context;
    sqlite3_stmt *stmt = NULL;
    CH_TRY(ch_store_prepare(store,
                            "DELETE FROM journal WHERE time_ns < ?2 AND id IN"
                            " (SELECT id FROM journal WHERE id <= ?1 ORDER BY id LIMIT ?3)",
                            doing, &stmt, err));
    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)journal->drop_through);
    sqlite3_bind_int64(stmt, 2, (sqlite3_int64)journal->drop_before_ns);
    sqlite3_bind_int(stmt, 3, DROPPED_MAX);
    ch_status st = sqlite3_step(stmt) == SQLITE_DONE ? CH_OK : ch_store_fail(store, doing, err);
    journal->dropped = st == CH_OK ? sqlite3_changes(sqlite3_db_handle(stmt)) : 0;
    sqlite3_finalize(stmt);
    return st;
}

static void on_dropped(ch_write *write, const ch_error *outcome)
{
    const ch_journal *journal = write->context;
    if (outcome->status != CH_OK)
        ch_log("%s", outcome->message);
    else if (journal->dropped == DROPPED_MAX)
        ch_writer_submit_aside(journal->writer, write, ch_clock_ms() + DROP_EVERY_MS);
}

/* ---- snapshots ---- */

static ch_status put_snapshot(const ch_journal *journal, ch_error *err)
{
    static const char doing[] = "keeping a snapshot of the journal";
    sqlite3_stmt *stmt = NULL;
    ch_slice lines = ch_buffer_slice(&journal->lines);
    CH_TRY(ch_store_prepare(journal->store, "INSERT OR REPLACE INTO snapshot VALUES(?1, ?2)", doing, &stmt, err));
    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)journal->lines_through);
    sqlite3_bind_text64(stmt, 2, lines.size == 0 ? "" : (const char *)lines.data, lines.size, SQLITE_STATIC,
                        SQLITE_UTF8);
    CH_TRY(step(journal->store, stmt, doing, err));
    CH_TRY(ch_store_prepare(journal->store, "DELETE FROM snapshot WHERE through <> ?1", doing, &stmt, err));
    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)journal->lines_through);
    return step(journal->store, stmt, doing, err);
}

static ch_status save_snapshot(ch_write *write, ch_store *store, ch_error *err)
{
    CH_TRY(ch_store_begin(store, err));
    return end(store, put_snapshot(write->context, err), err);
}

static void want_later(ch_journal *journal)
{
    journal->wanted_id = journal->next_id + SNAPSHOT_RETRY_ROWS;
}

static void on_snapshot(ch_write *write, const ch_error *outcome)
{
    ch_journal *journal = write->context;
    if (outcome->status != CH_OK) {
        ch_log("%s", outcome->message);
        want_later(journal);
        return;
    }
    journal->wanted_id = journal->lines_through + SNAPSHOT_ROWS;
    if (journal->drop_write.is_under_way)
        return; /* the next one will see to it */
    journal->drop_through = journal->lines_through;
    journal->drop_before_ns = journal->old_ns;
    ch_writer_submit_aside(journal->writer, &journal->drop_write, 0);
}

void ch_journal_snapshot(ch_journal *journal, ch_slice lines, uint64_t now_ns, uint64_t keep_ns)
{
    if (journal->snapshot_write.is_under_way)
        return;
    ch_buffer_clear(&journal->lines);
    ch_buffer_add_slice(&journal->lines, lines);
    journal->lines_through = journal->next_id - 1;
    journal->old_ns = now_ns > keep_ns ? now_ns - keep_ns : 0;
    journal->has_lines = true;
    ch_journal_go_on_with_snapshot(journal, false);
}

/* Rows that were lost count in the snapshot, so it is not kept. */
void ch_journal_go_on_with_snapshot(ch_journal *journal, bool is_lost)
{
    if (!journal->has_lines || journal->writer == NULL)
        return;
    if (!is_lost && journal->settled < journal->lines_through)
        return;
    journal->has_lines = false;
    if (is_lost)
        want_later(journal);
    else
        ch_writer_submit_aside(journal->writer, &journal->snapshot_write, 0);
}

bool ch_journal_wants_snapshot(const ch_journal *journal)
{
    return journal->next_id > journal->wanted_id && !journal->has_lines && !journal->snapshot_write.is_under_way;
}

/* ---- the trace ---- */

ch_status ch_journal_find_mark(const ch_journal *journal, ch_trace_mark *mark, uint64_t *through, ch_error *err)
{
    static const char doing[] = "reading how far the journal is";
    sqlite3_stmt *stmt = journal->newest;
    *through = 0;
    int found = sqlite3_step(stmt);
    if (found == SQLITE_ROW) {
        *through = (uint64_t)sqlite3_column_int64(stmt, 1);
        mark->id = (uint64_t)sqlite3_column_int64(stmt, 2);
        snprintf(mark->identity, sizeof mark->identity, "%s", (const char *)sqlite3_column_text(stmt, 0));
        if (mark->id < *through)
            mark->id = *through;
    }
    ch_status st = found == SQLITE_ROW ? CH_OK : ch_store_fail(journal->store, doing, err);
    sqlite3_reset(stmt);
    return st;
}

static ch_status write_trace(const ch_journal *journal, bool is_synced, ch_error *err)
{
    uint64_t through;
    ch_trace_mark mark;
    CH_TRY(ch_journal_find_mark(journal, &mark, &through, err));
    return ch_trace_write(journal->trace, &mark, is_synced, err);
}

static ch_status trace(ch_write *write, ch_store *store, ch_error *err)
{
    const ch_journal *journal = write->context;
    (void)store;
    return write_trace(journal, journal->is_trace_synced, err);
}

static void on_traced(ch_write *write, const ch_error *outcome)
{
    ch_journal *journal = write->context;
    bool was_failing = journal->is_trace_failing;
    journal->traced_ms = ch_clock_ms();
    journal->is_trace_failing = outcome->status != CH_OK;
    if (journal->is_trace_failing && !was_failing)
        ch_log("the trace of the state cannot be written, so a state that is restored from a backup may not be "
               "noticed: %s",
               outcome->message);
    if (was_failing && !journal->is_trace_failing)
        ch_log("the trace of the state can be written again");
}

void ch_journal_note_rows(ch_journal *journal)
{
    if (journal->trace == NULL || journal->is_held_back || journal->trace_write.is_under_way)
        return;
    journal->is_trace_synced = journal->is_power_cut_safe || journal->traced_ms == 0;
    ch_writer_submit_aside(journal->writer, &journal->trace_write,
                           journal->traced_ms == 0 ? 0 : journal->traced_ms + TRACE_EVERY_MS);
}

typedef enum history {
    NEWEST,
    OLDER,   /* or nobody can tell */
    ANOTHER, /* state than the one that the trace is of */
} history;

static history compare(const ch_trace_mark *mark, ch_trace_kind kind, const ch_trace_mark *traced)
{
    if (kind == CH_TRACE_NONE)
        return NEWEST;
    if (kind == CH_TRACE_STRANGE) {
        ch_log("the trace of the state is damaged, so nobody can tell whether the state is the newest");
        return OLDER;
    }
    if (strcmp(mark->identity, traced->identity) != 0) {
        ch_log("the trace is of another state: this one is new, or was restored from a backup");
        return ANOTHER;
    }
    if (mark->id >= traced->id)
        return NEWEST;
    ch_log("the state is older than its trace: its journal ends at %llu, and has been at %llu",
           (unsigned long long)mark->id, (unsigned long long)traced->id);
    return OLDER;
}

static ch_status give_identity(ch_store *store, ch_error *err)
{
    static const char doing[] = "telling the state from a newer one";
    sqlite3_stmt *stmt = NULL;
    CH_TRY(ch_store_prepare(store, "UPDATE identity SET value = lower(hex(randomblob(16)))", doing, &stmt, err));
    return step(store, stmt, doing, err);
}

/* From here on a state that is older is another one than the trace's. So rows that it gets do not make it look newer,
 * and if the newer one turns up after this one was accepted, that is noticed too. */
ch_status ch_journal_open_trace(ch_journal *journal, const char *path, const ch_trace_mark *mark, ch_error *err)
{
    ch_trace_kind kind;
    ch_trace_mark traced;
    if (path == NULL)
        return CH_OK;
    CH_TRY(ch_trace_open(path, &journal->trace, &kind, &traced, err));
    history found = compare(mark, kind, &traced);
    journal->is_held_back = found != NEWEST;
    return found == OLDER ? give_identity(journal->store, err) : CH_OK;
}

void ch_journal_leave_trace(ch_journal *journal)
{
    ch_error err = CH_ERROR_INIT;
    if (journal->trace == NULL || journal->writer == NULL || journal->is_held_back)
        return;
    if (write_trace(journal, journal->is_power_cut_safe, &err) != CH_OK && !journal->is_trace_failing)
        ch_log("the trace of the state is not up to date: %s", err.message);
}

/* ---- accepting ---- */

static ch_status accept_state(ch_write *write, ch_store *store, ch_error *err)
{
    (void)store;
    return write_trace(write->context, true, err);
}

static void on_accepted(ch_write *write, const ch_error *outcome)
{
    ch_journal *journal = write->context;
    journal->is_accepted = outcome->status != CH_OK;
    if (journal->is_accepted)
        ch_log("that the state was accepted is not kept yet: %s", outcome->message);
    else
        journal->is_held_back = false;
}

void ch_journal_accept(ch_journal *journal)
{
    assert(journal->writer != NULL);
    journal->is_accepted = journal->trace != NULL;
    if (journal->is_accepted && !journal->accept_write.is_under_way)
        ch_writer_submit_aside(journal->writer, &journal->accept_write, 0);
}

/* ---- start ---- */

void ch_journal_prepare_upkeep(ch_journal *journal, uint64_t through)
{
    journal->wanted_id = through + SNAPSHOT_ROWS;
    journal->drop_write = (ch_write){.run = drop, .done = on_dropped, .context = journal, .may_be_lost = true};
    journal->snapshot_write =
        (ch_write){.run = save_snapshot, .done = on_snapshot, .context = journal, .may_be_lost = true};
    journal->trace_write = (ch_write){.run = trace, .done = on_traced, .context = journal, .may_be_lost = true};
    journal->accept_write =
        (ch_write){.run = accept_state, .done = on_accepted, .context = journal, .may_be_lost = true};
}
