/* One row a key: `reserved` is the smallest nonce that was surely never given out. */
#include "state/nonces.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct nonce_row {
    char *name;
    uint64_t next;     /* the smallest that may be given out */
    uint64_t reserved; /* on disk: all below may have been given out */
} nonce_row;

struct ch_nonces {
    int lock_fd;
    sqlite3 *database;
    sqlite3_stmt *save;
    nonce_row *rows;
    size_t row_count;
};

static const char schema[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                             "CREATE TABLE IF NOT EXISTS nonce(key TEXT PRIMARY KEY, reserved INTEGER NOT NULL)"
                             " STRICT, WITHOUT ROWID;";

static ch_status fail_sql(ch_nonces *nonces, const char *what, ch_error *err)
{
    return ch_fail(err, CH_IO, "%s: %s", what, sqlite3_errmsg(nonces->database));
}

static ch_status lock_folder(ch_nonces *nonces, const char *folder, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/lock", folder);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return ch_fail_errno(err, "making the state folder %s", folder);
    nonces->lock_fd = open(ch_buffer_text(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (nonces->lock_fd < 0)
        return ch_fail_errno(err, "opening %s", ch_buffer_text(&path));
    if (flock(nonces->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return ch_fail(err, CH_CONFLICT, "another agent runs on the state folder %s; stop it first", folder);
        return ch_fail_errno(err, "locking %s", ch_buffer_text(&path));
    }
    return CH_OK;
}

static size_t add_row(ch_nonces *nonces, const char *name, uint64_t reserved)
{
    nonces->rows = ch_realloc_array(nonces->rows, nonces->row_count + 1, sizeof *nonces->rows);
    nonces->rows[nonces->row_count] = (nonce_row){.name = ch_strdup(name), .next = reserved, .reserved = reserved};
    return nonces->row_count++;
}

static ch_status load_rows(ch_nonces *nonces, ch_error *err)
{
    sqlite3_stmt *rows = NULL;
    if (sqlite3_prepare_v2(nonces->database, "SELECT key, reserved FROM nonce", -1, &rows, NULL) != SQLITE_OK)
        return fail_sql(nonces, "reading the nonces", err);
    int step;
    while ((step = sqlite3_step(rows)) == SQLITE_ROW)
        (void)add_row(nonces, (const char *)sqlite3_column_text(rows, 0), (uint64_t)sqlite3_column_int64(rows, 1));
    (void)sqlite3_finalize(rows);
    return step == SQLITE_DONE ? CH_OK : fail_sql(nonces, "reading the nonces", err);
}

static ch_status open_database(ch_nonces *nonces, const char *folder, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/state.db", folder);
    if (sqlite3_open_v2(ch_buffer_text(&path), &nonces->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
        SQLITE_OK)
        return fail_sql(nonces, ch_buffer_text(&path), err);
    if (sqlite3_exec(nonces->database, schema, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(nonces->database, "INSERT OR REPLACE INTO nonce VALUES(?1, ?2)", -1, &nonces->save, NULL) !=
            SQLITE_OK)
        return fail_sql(nonces, ch_buffer_text(&path), err);
    return load_rows(nonces, err);
}

ch_status ch_nonces_open(const char *folder, ch_nonces **out, ch_error *err)
{
    ch_nonces *nonces = ch_alloc(sizeof *nonces);
    nonces->lock_fd = -1;
    ch_status st = lock_folder(nonces, folder, err);
    if (st == CH_OK)
        st = open_database(nonces, folder, err);
    if (st != CH_OK) {
        ch_nonces_close(nonces);
        return st;
    }
    *out = nonces;
    return CH_OK;
}

static ch_status save(ch_nonces *nonces, const nonce_row *row, uint64_t reserved, ch_error *err)
{
    (void)sqlite3_bind_text(nonces->save, 1, row->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(nonces->save, 2, (sqlite3_int64)reserved);
    int step = sqlite3_step(nonces->save);
    ch_status st = step == SQLITE_DONE ? CH_OK : fail_sql(nonces, "writing a nonce down", err);
    (void)sqlite3_reset(nonces->save);
    return st;
}

void ch_nonces_close(ch_nonces *nonces)
{
    if (nonces == NULL)
        return;
    for (size_t i = 0; i < nonces->row_count; i++) {
        ch_error ignored = CH_ERROR_INIT; /* then the stretch stays reserved, which is safe */
        nonce_row *row = &nonces->rows[i];
        if (nonces->save != NULL && row->next < row->reserved && save(nonces, row, row->next, &ignored) == CH_OK)
            row->reserved = row->next;
        free(row->name);
    }
    free(nonces->rows);
    (void)sqlite3_finalize(nonces->save);
    (void)sqlite3_close(nonces->database);
    if (nonces->lock_fd >= 0)
        (void)close(nonces->lock_fd);
    free(nonces);
}

size_t ch_nonces_counter(ch_nonces *nonces, const char *name)
{
    for (size_t i = 0; i < nonces->row_count; i++) {
        if (strcmp(nonces->rows[i].name, name) == 0)
            return i;
    }
    return add_row(nonces, name, 0);
}

ch_status ch_nonces_next(ch_nonces *nonces, size_t counter, uint64_t unit_ns, uint64_t now_ns, uint64_t *nonce,
                         ch_error *err)
{
    nonce_row *row = &nonces->rows[counter];
    uint64_t clock = now_ns / unit_ns;
    uint64_t next = row->next > clock ? row->next : clock;
    if (next >= INT64_MAX / 2)
        return ch_fail(err, CH_INTERNAL, "the nonces of key '%s' are used up", row->name);
    if (next >= row->reserved) {
        uint64_t ahead = (uint64_t)CH_NONCE_AHEAD_MS * 1000000 / unit_ns;
        uint64_t reserved = next + (ahead == 0 ? 1 : ahead);
        ch_status st = save(nonces, row, reserved, err);
        if (st != CH_OK)
            return st;
        row->reserved = reserved;
    }
    row->next = next + 1;
    *nonce = next;
    return CH_OK;
}
