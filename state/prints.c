/* One row per key object, with a write of its own. While that is under way, the thread reads the row's `asked`, and the
 * loop leaves it alone. */
#include "state/prints.h"

#include "base/memory.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS 1024

typedef struct print {
    uint8_t bytes[CH_PRINT_SIZE];
    size_t size; /* 0: the key has none */
} print;

typedef struct print_row {
    struct ch_prints *prints;
    struct print_row *next;
    struct print_row *same_chain;
    char *token;
    char *object;
    char *mechanism;
    print kept;
    print asked;
    void *context; /* an operator's, who changes it */
    void (*answer)(void *context, const ch_error *outcome);
    bool is_change;
    ch_write write;
} print_row;

struct ch_prints {
    ch_store *store;
    ch_writer *writer; /* NULL before the start */
    print_row *first;
    print_row *chains[CHAINS]; /* the rows, by the hash of their objects */
};

static print_row **chain_of(const ch_prints *prints, const char *object)
{
    return (print_row **)(uintptr_t)&prints->chains[ch_slice_hash(ch_slice_of(object)) % CHAINS];
}

static print_row *find_row(const ch_prints *prints, const ch_print_name *name)
{
    print_row *row = *chain_of(prints, name->object);
    while (row != NULL && (strcmp(row->object, name->object) != 0 || strcmp(row->token, name->token) != 0 ||
                           strcmp(row->mechanism, name->mechanism) != 0))
        row = row->same_chain;
    return row;
}

static print print_of(ch_slice bytes)
{
    print made = {.size = bytes.size};
    assert(bytes.size <= CH_PRINT_SIZE);
    if (bytes.size > 0)
        memcpy(made.bytes, bytes.data, bytes.size);
    return made;
}

/* ---- the database ---- */

static ch_status save_asked(ch_write *write, ch_store *store, ch_error *err)
{
    static const char doing[] = "keeping the print of a key";
    const print_row *row = write->context;
    sqlite3_stmt *stmt = NULL;
    CH_TRY(ch_store_prepare(store, "INSERT OR REPLACE INTO key_print VALUES(?1, ?2, ?3, ?4)", doing, &stmt, err));
    sqlite3_bind_text(stmt, 1, row->token, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, row->object, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, row->mechanism, -1, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 4, row->asked.bytes, (int)row->asked.size, SQLITE_STATIC);
    ch_status st = sqlite3_step(stmt) == SQLITE_DONE ? CH_OK : ch_store_fail(store, doing, err);
    sqlite3_finalize(stmt);
    return st;
}

static void on_saved(ch_write *write, const ch_error *outcome)
{
    print_row *row = write->context;
    if (!row->is_change)
        return;
    row->is_change = false;
    if (outcome->status == CH_OK)
        row->kept = row->asked;
    if (row->context != NULL)
        row->answer(row->context, outcome);
}

static print_row *add_row(ch_prints *prints, const ch_print_name *name, ch_slice bytes)
{
    print_row *row = ch_alloc(sizeof *row);
    print_row **chain = chain_of(prints, name->object);
    *row = (print_row){
        .prints = prints,
        .next = prints->first,
        .same_chain = *chain,
        .token = ch_strdup(name->token),
        .object = ch_strdup(name->object),
        .mechanism = ch_strdup(name->mechanism),
        .kept = print_of(bytes),
        .write = {.run = save_asked, .done = on_saved, .context = row}
    };
    prints->first = *chain = row;
    return row;
}

static void take_row(void *context, sqlite3_stmt *stmt)
{
    ch_prints *prints = context;
    const ch_print_name name = {(const char *)sqlite3_column_text(stmt, 0), (const char *)sqlite3_column_text(stmt, 1),
                                (const char *)sqlite3_column_text(stmt, 2)};
    int size = sqlite3_column_bytes(stmt, 3);
    add_row(prints, &name,
            (ch_slice){sqlite3_column_blob(stmt, 3), size > CH_PRINT_SIZE ? CH_PRINT_SIZE : (size_t)size});
}

ch_status ch_prints_open(ch_store *store, ch_prints **out, ch_error *err)
{
    ch_prints *prints = ch_alloc(sizeof *prints);
    prints->store = store;
    ch_status st = ch_store_each(store, "SELECT token, object, mechanism, print FROM key_print",
                                 "reading the prints of keys", take_row, prints, err);
    if (st == CH_OK)
        *out = prints;
    else
        ch_prints_close(prints);
    return st;
}

void ch_prints_start(ch_prints *prints, ch_writer *writer)
{
    assert(prints->writer == NULL);
    prints->writer = writer;
}

void ch_prints_close(ch_prints *prints)
{
    if (prints == NULL)
        return;
    for (print_row *next, *row = prints->first; row != NULL; row = next) {
        next = row->next;
        free(row->token);
        free(row->object);
        free(row->mechanism);
        free(row);
    }
    free(prints);
}

/* ---- prints ---- */

ch_slice ch_prints_find(const ch_prints *prints, const ch_print_name *name)
{
    const print_row *row = find_row(prints, name);
    return row == NULL ? (ch_slice){NULL, 0} : (ch_slice){row->kept.bytes, row->kept.size};
}

static void submit(print_row *row, const print *asked)
{
    row->asked = *asked;
    ch_writer_submit(row->prints->writer, &row->write);
}

void ch_prints_keep(ch_prints *prints, const ch_print_name *name, ch_slice bytes)
{
    assert(find_row(prints, name) == NULL && prints->writer != NULL);
    print_row *row = add_row(prints, name, bytes);
    submit(row, &row->kept);
}

ch_status ch_prints_change(ch_prints *prints, const ch_print_change *change, ch_error *err)
{
    const print asked = print_of(change->print);
    print_row *row = find_row(prints, &change->name);
    assert(row != NULL && prints->writer != NULL);
    if (row->write.is_under_way)
        return ch_fail(err, CH_BUSY, "what is known of this key is being written; try again in a moment");
    row->is_change = true;
    row->context = change->context;
    row->answer = change->answer;
    submit(row, &asked);
    return CH_OK;
}

void ch_prints_forget(ch_prints *prints, const void *context)
{
    for (print_row *row = prints == NULL ? NULL : prints->first; row != NULL; row = row->next) {
        if (row->context == context)
            row->context = NULL;
    }
}

void ch_prints_try_again(ch_prints *prints)
{
    for (print_row *row = prints->first; row != NULL; row = row->next) {
        if (row->write.is_failing && !row->write.is_under_way)
            submit(row, &row->kept);
    }
}
