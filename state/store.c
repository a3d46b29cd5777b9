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
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    bool may_lose; /* PRAGMA synchronous is NORMAL */
    unsigned log_pages;
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
    "CREATE TABLE journal(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, of INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
    " charges TEXT NOT NULL, record TEXT NOT NULL) STRICT;"
    "CREATE TABLE snapshot(through INTEGER PRIMARY KEY, lines TEXT NOT NULL) STRICT;"
    /* `touched` is for a write that changes nothing else. */
    "CREATE TABLE identity(id INTEGER PRIMARY KEY CHECK(id = 1), value TEXT NOT NULL, touched INTEGER NOT NULL) STRICT;"
    "INSERT INTO identity VALUES(1, lower(hex(randomblob(16))), 0)",
    "CREATE TABLE person(name TEXT PRIMARY KEY, token TEXT NOT NULL, object TEXT NOT NULL, mechanism TEXT NOT NULL,"
    " print BLOB NOT NULL, last_step INTEGER NOT NULL, failures INTEGER NOT NULL, wait_until_ns INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE person_tries(person TEXT NOT NULL, token TEXT NOT NULL, count INTEGER NOT NULL,"
    " PRIMARY KEY(person, token)) STRICT, WITHOUT ROWID",
};
#define VERSION ((int)(sizeof migrations / sizeof *migrations))

/* clang-format off */
static const struct {
    int code;
    const char *advice;
} troubles[] = {
    /* code            advice */
    { SQLITE_FULL,     "make room on its disk" },
    { SQLITE_READONLY, "make it writable again; its disk may have failed" },
    { SQLITE_IOERR,    "look at its disk, which is full or fails" },
    { SQLITE_CANTOPEN, "look at its disk and its permissions" },
};
/* clang-format on */

ch_status ch_store_fail(const ch_store *store, const char *doing, ch_error *err)
{
    int code = sqlite3_errcode(store->database) & 0xff;
    const char *reason = sqlite3_errmsg(store->database);
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return ch_fail(err, CH_IO, "the state in %s is damaged (%s: %s); " START_EMPTY, store->folder, doing, reason);
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
        if (troubles[i].code == code)
            return ch_fail(err, CH_IO, "%s: %s (the state is in %s; %s)", doing, reason, store->folder,
                           troubles[i].advice);
    }
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

/* ---- transactions ---- */

static const char writing[] = "writing the state";

static ch_status step(ch_store *store, sqlite3_stmt *stmt, ch_error *err)
{
    ch_status st = sqlite3_step(stmt) == SQLITE_DONE ? CH_OK : ch_store_fail(store, writing, err);
    sqlite3_reset(stmt);
    return st;
}

ch_status ch_store_begin(ch_store *store, ch_error *err)
{
    return step(store, store->begin, err);
}

/* A commit that fails may leave the transaction open. */
ch_status ch_store_commit(ch_store *store, ch_error *err)
{
    ch_status st = step(store, store->commit, err);
    if (st != CH_OK)
        ch_store_rollback(store);
    return st;
}

void ch_store_rollback(ch_store *store)
{
    sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
}

ch_status ch_store_set_may_lose(ch_store *store, bool may_lose, ch_error *err)
{
    if (store->may_lose == may_lose)
        return CH_OK;
    CH_TRY(run(store, may_lose ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL", writing, err));
    store->may_lose = may_lose;
    return CH_OK;
}

ch_status ch_store_touch(ch_store *store, ch_error *err)
{
    return run(store, "UPDATE identity SET touched = touched + 1", writing, err);
}

/* ---- the log ---- */

static int note_log_pages(void *context, sqlite3 *database, const char *name, int pages)
{
    ch_store *store = context;
    (void)database;
    (void)name;
    store->log_pages = (unsigned)pages;
    return SQLITE_OK;
}

unsigned ch_store_log_pages(const ch_store *store)
{
    return store->log_pages;
}

/* The first commit to a log that begins anew waits for the disk, whatever it may lose. So it is made here. */
ch_status ch_store_empty_log(ch_store *store, ch_error *err)
{
    if (sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_OK)
        return ch_store_fail(store, "copying the log of the state into its file", err);
    return ch_store_touch(store, err);
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
 * disk hangs, no process can be forked from one that waits for a page of it. A commit writes each page that it changed
 * into the log, by two calls; so pages are large enough for some decisions each. */
#define OPEN_SQL                                                                                                       \
    "PRAGMA page_size=8192; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA "  \
    "wal_autocheckpoint=0"

/* A small file is checked as a whole. Of a large one nearly all is journal, most of it older than the last snapshot,
 * which nothing that is signed depends on; what is newer is read at each start. */
#define WHOLE_PAGES_MAX 8192
static const char check_sql[] = "PRAGMA quick_check(1)";
static const char check_large_sql[] =
    "SELECT ifnull((SELECT found.quick_check FROM sqlite_schema AS made, pragma_quick_check(made.name) AS found"
    " WHERE made.type = 'table' AND made.name <> 'journal' AND found.quick_check <> 'ok' LIMIT 1), 'ok')";

static ch_status check_whole(ch_store *store, ch_error *err)
{
    ch_autofree char *pages = NULL;
    ch_autofree char *answer = NULL;
    CH_TRY(ask(store, "PRAGMA page_count", &pages, err));
    assert(pages != NULL);
    bool is_large = strtol(pages, NULL, 10) > WHOLE_PAGES_MAX;
    CH_TRY(ask(store, is_large ? check_large_sql : check_sql, &answer, err));
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
    CH_TRY(migrate(store, version, err));
    sqlite3_wal_hook(store->database, note_log_pages, store);
    CH_TRY(ch_store_prepare(store, "BEGIN IMMEDIATE", "opening the state", &store->begin, err));
    return ch_store_prepare(store, "COMMIT", "opening the state", &store->commit, err);
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
    sqlite3_finalize(store->begin);
    sqlite3_finalize(store->commit);
    (void)sqlite3_close(store->database);
    if (store->lock_fd >= 0)
        (void)close(store->lock_fd);
    free(store->folder);
    free(store);
}
