#include "state/seen_time.h"

#include <sqlite3.h>
#include <stdio.h>

static const char doing[] = "keeping the time";

ch_status ch_seen_time_load(ch_store *store, ch_seen_time *out, ch_error *err)
{
    sqlite3_stmt *stmt = NULL;
    *out = (ch_seen_time){0};
    CH_TRY(ch_store_prepare(store, "SELECT newest_ns, boot_id, offset_ns FROM seen_time", doing, &stmt, err));
    int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW) {
        out->newest_ns = (uint64_t)sqlite3_column_int64(stmt, 0);
        snprintf(out->boot_id, sizeof out->boot_id, "%s", (const char *)sqlite3_column_text(stmt, 1));
        out->offset_ns = sqlite3_column_int64(stmt, 2);
    }
    ch_status st = step == SQLITE_ROW || step == SQLITE_DONE ? CH_OK : ch_store_fail(store, doing, err);
    sqlite3_finalize(stmt);
    return st;
}

ch_status ch_seen_time_save(ch_store *store, const ch_seen_time *seen, ch_error *err)
{
    sqlite3_stmt *stmt = NULL;
    CH_TRY(ch_store_prepare(store, "INSERT OR REPLACE INTO seen_time VALUES(1, ?1, ?2, ?3)", doing, &stmt, err));
    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)seen->newest_ns);
    sqlite3_bind_text(stmt, 2, seen->boot_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, seen->offset_ns);
    ch_status st = sqlite3_step(stmt) == SQLITE_DONE ? CH_OK : ch_store_fail(store, doing, err);
    sqlite3_finalize(stmt);
    return st;
}
