/* A new table, or a change of one, is a row at the end of `migrations`; rows that were released never change. */
#include "state/store.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/trust.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define START_EMPTY "move that folder away to start with an empty one"

#define LOCK 0
#define DATABASE 1

/* The lock, and then what SQLite opens. It makes those that are missing with the mode of the first. */
const char *const ch_store_files[] = {"lock", "state.db", "state.db-wal", "state.db-shm", "state.db-journal", NULL};

struct ch_store {
    int lock_fd;
    sqlite3 *database;
    char *folder;
};

/* The statements that make schema version i + 1 out of version i. Files from before there were versions have version 0
 * and the table of nonces. */
static const char *const migrations[] = {
    "CREATE TABLE IF NOT EXISTS nonce(key TEXT PRIMARY KEY, reserved INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    /* `nonce` stays for what an older agent counted by the policy's names, until a policy says which keys they are. */
    "CREATE TABLE nonce_counter(profile TEXT NOT NULL, environment TEXT NOT NULL, key_id TEXT NOT NULL,"
    " reserved INTEGER NOT NULL, earlier INTEGER NOT NULL, PRIMARY KEY(profile, environment, key_id))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE seen_time(id INTEGER PRIMARY KEY CHECK(id = 1), newest_ns INTEGER NOT NULL,"
    " boot_id TEXT NOT NULL, offset_ns INTEGER NOT NULL) STRICT",
    ("CREATE TABLE key_print(token TEXT NOT NULL, object TEXT NOT NULL, mechanism TEXT NOT NULL, print BLOB NOT NULL,"
     " PRIMARY KEY(token, object, mechanism)) STRICT, WITHOUT ROWID"),
    "CREATE TABLE pin_tries(token TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID",
};
#define VERSION ((int)(sizeof migrations / sizeof *migrations))

ch_status ch_store_fail(const ch_store *store, const char *doing, ch_error *err)
{
    int code = sqlite3_errcode(store->database);
    const char *reason = sqlite3_errmsg(store->database);
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return ch_fail(err, CH_IO, "the state in %s is damaged (%s: %s); " START_EMPTY, store->folder, doing, reason);
    return ch_fail(err, CH_IO, "%s: %s", doing, reason);
}

ch_status ch_store_prepare(ch_store *store, const char *sql, const char *doing, sqlite3_stmt **out, ch_error *err)
{
    if (sqlite3_prepare_v2(store->database, sql, -1, out, NULL) != SQLITE_OK)
        return ch_store_fail(store, doing, err);
    return CH_OK;
}

ch_status ch_store_each(ch_store *store, const char *sql, const char *doing,
                        void (*take)(void *context, sqlite3_stmt *row), void *context, ch_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int step;
    CH_TRY(ch_store_prepare(store, sql, doing, &stmt, err));
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW)
        take(context, stmt);
    ch_status st = step == SQLITE_DONE ? CH_OK : ch_store_fail(store, doing, err);
    sqlite3_finalize(stmt);
    return st;
}

static ch_status run(ch_store *store, const char *sql, const char *doing, ch_error *err)
{
    if (sqlite3_exec(store->database, sql, NULL, NULL, NULL) != SQLITE_OK)
        return ch_store_fail(store, doing, err);
    return CH_OK;
}

ch_status ch_store_begin(ch_store *store, ch_error *err)
{
    return run(store, "BEGIN IMMEDIATE", "writing the state", err);
}

/* A commit that fails may leave the transaction open. */
ch_status ch_store_commit(ch_store *store, ch_error *err)
{
    ch_status st = run(store, "COMMIT", "writing the state", err);
    if (st != CH_OK)
        ch_store_rollback(store);
    return st;
}

void ch_store_rollback(ch_store *store)
{
    sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- the lock ---- */

static ch_status lock_folder(ch_store *store, const ch_trusted *folder, ch_error *err)
{
    CH_TRY(ch_trust_entry(folder, ch_store_files[LOCK], true, &store->lock_fd, err));
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return CH_OK;
    if (errno == EWOULDBLOCK)
        return ch_fail(err, CH_CONFLICT, "another agent runs on the state folder %s; stop it first", store->folder);
    return ch_fail_errno(err, "locking %s/lock", store->folder);
}

/* ---- the schema ---- */

/* The one value that `sql` yields, as text, which the caller frees. */
static ch_status ask(ch_store *store, const char *sql, char **out, ch_error *err)
{
    sqlite3_stmt *question = NULL;
    CH_TRY(ch_store_prepare(store, sql, "opening the state", &question, err));
    ch_status st = CH_OK;
    if (sqlite3_step(question) == SQLITE_ROW)
        *out = ch_strdup((const char *)sqlite3_column_text(question, 0));
    else
        st = ch_store_fail(store, "opening the state", err);
    (void)sqlite3_finalize(question);
    return st;
}

/* The lock is kept, and with it the index of the log stays on the heap. It would be a file that is mapped: while its
 * disk hangs, no process can be forked from one that waits for a page of it. */
#define OPEN_SQL "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"

static ch_status check_whole(ch_store *store, ch_error *err)
{
    ch_autofree char *answer = NULL;
    CH_TRY(ask(store, "PRAGMA quick_check(1)", &answer, err));
    assert(answer != NULL);
    if (strcmp(answer, "ok") != 0)
        return ch_fail(err, CH_IO, "the state in %s is damaged (%s); " START_EMPTY, store->folder, answer);
    return CH_OK;
}

static ch_status read_version(ch_store *store, long *version, ch_error *err)
{
    ch_autofree char *answer = NULL;
    CH_TRY(ask(store, "PRAGMA user_version", &answer, err));
    assert(answer != NULL);
    *version = strtol(answer, NULL, 10);
    if (*version < 0 || *version > VERSION)
        return ch_fail(
            err, CH_CONFLICT,
            "a newer agent wrote the state in %s (schema version %ld; this agent knows up to %d); start that "
            "agent, or a later one",
            store->folder, *version, VERSION);
    return CH_OK;
}

static ch_status migrate(ch_store *store, long version, ch_error *err)
{
    for (; version < VERSION; version++) {
        ch_autobuffer sql = CH_BUFFER_INIT;
        ch_buffer_add_format(&sql, "BEGIN IMMEDIATE; %s; PRAGMA user_version=%ld; COMMIT", migrations[version],
                             version + 1);
        CH_TRY(run(store, ch_buffer_text(&sql), "opening the state", err));
    }
    return CH_OK;
}

/* ---- opening ---- */

static ch_status check_files(const ch_trusted *folder, ch_error *err)
{
    for (size_t i = DATABASE; ch_store_files[i] != NULL; i++) {
        int fd = -1;
        CH_TRY(ch_trust_entry(folder, ch_store_files[i], i == DATABASE, &fd, err));
        if (fd >= 0)
            close(fd);
    }
    return CH_OK;
}

/* Nothing is written until the version is known. */
static ch_status open_database(ch_store *store, const ch_trusted *folder, ch_error *err)
{
    long version = 0;
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s", folder->path, ch_store_files[DATABASE]);
    if (sqlite3_open_v2(ch_buffer_text(&path), &store->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL) !=
        SQLITE_OK)
        return ch_store_fail(store, ch_buffer_text(&path), err);
    CH_TRY(read_version(store, &version, err));
    CH_TRY(run(store, OPEN_SQL, "opening the state", err));
    CH_TRY(check_whole(store, err));
    return migrate(store, version, err);
}

static ch_status open_all(ch_store *store, ch_error *err)
{
    ch_autotrusted folder = CH_TRUSTED_CLOSED;
    CH_TRY(ch_trust_make_folder(store->folder, 0700, err));
    CH_TRY(ch_trust_folder(store->folder, CH_FOLDER_OWN, &folder, err));
    CH_TRY(lock_folder(store, &folder, err));
    CH_TRY(check_files(&folder, err));
    return open_database(store, &folder, err);
}

ch_status ch_store_open(const char *folder, ch_store **out, ch_error *err)
{
    ch_store *store = ch_alloc(sizeof *store);
    store->lock_fd = -1;
    store->folder = ch_strdup(folder);
    ch_status st = open_all(store, err);
    if (st != CH_OK) {
        ch_store_close(store);
        return st;
    }
    *out = store;
    return CH_OK;
}

void ch_store_close(ch_store *store)
{
    if (store == NULL)
        return;
    (void)sqlite3_close(store->database);
    if (store->lock_fd >= 0)
        (void)close(store->lock_fd);
    free(store->folder);
    free(store);
}
