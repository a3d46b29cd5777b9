/* One row per key: `reserved` is the smallest nonce that was certainly never handed out. */
#include "state/nonces.h"

#include "base/memory.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

typedef struct nonce_row {
    char *name;
    uint64_t next;     /* the smallest that may be handed out */
    uint64_t reserved; /* on disk: all below may have been handed out */
} nonce_row;

struct ch_nonces {
    ch_store *store;
    sqlite3_stmt *save;
    nonce_row *rows;
    size_t row_count;
};

static size_t add_row(ch_nonces *nonces, const char *name, uint64_t reserved)
{
    nonces->rows = ch_realloc_array(nonces->rows, nonces->row_count + 1, sizeof *nonces->rows);
    nonces->rows[nonces->row_count] = (nonce_row){.name = ch_strdup(name), .next = reserved, .reserved = reserved};
    return nonces->row_count++;
}

static ch_status load_rows(ch_nonces *nonces, ch_error *err)
{
    static const char doing[] = "reading the nonces";
    sqlite3_stmt *rows = NULL;
    CH_TRY(ch_store_prepare(nonces->store, "SELECT key, reserved FROM nonce", doing, &rows, err));
    int step;
    while ((step = sqlite3_step(rows)) == SQLITE_ROW)
        add_row(nonces, (const char *)sqlite3_column_text(rows, 0), (uint64_t)sqlite3_column_int64(rows, 1));
    ch_status st = step == SQLITE_DONE ? CH_OK : ch_store_fail(nonces->store, doing, err);
    sqlite3_finalize(rows);
    return st;
}

static ch_status read_nonces(ch_nonces *nonces, ch_error *err)
{
    CH_TRY(ch_store_prepare(nonces->store, "INSERT OR REPLACE INTO nonce VALUES(?1, ?2)", "reading the nonces",
                            &nonces->save, err));
    return load_rows(nonces, err);
}

ch_status ch_nonces_open(ch_store *store, ch_nonces **out, ch_error *err)
{
    ch_nonces *nonces = ch_alloc(sizeof *nonces);
    nonces->store = store;
    ch_status st = read_nonces(nonces, err);
    if (st != CH_OK) {
        ch_nonces_close(nonces);
        return st;
    }
    *out = nonces;
    return CH_OK;
}

static ch_status save(ch_nonces *nonces, const nonce_row *row, uint64_t reserved, ch_error *err)
{
    sqlite3_bind_text(nonces->save, 1, row->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(nonces->save, 2, (sqlite3_int64)reserved);
    int step = sqlite3_step(nonces->save);
    ch_status st = step == SQLITE_DONE ? CH_OK : ch_store_fail(nonces->store, "reserving nonces", err);
    sqlite3_reset(nonces->save);
    return st;
}

void ch_nonces_close(ch_nonces *nonces)
{
    if (nonces == NULL)
        return;
    for (size_t i = 0; i < nonces->row_count; i++) {
        ch_error ignored = CH_ERROR_INIT;
        nonce_row *row = &nonces->rows[i];
        if (nonces->save != NULL && row->next < row->reserved)
            ch_ignore(save(nonces, row, row->next, &ignored)); /* then the stretch stays reserved, which is safe */
        free(row->name);
    }
    free(nonces->rows);
    sqlite3_finalize(nonces->save);
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

/* Reserves a stretch that begins with `next`. */
static ch_status reserve(ch_nonces *nonces, nonce_row *row, uint64_t next, uint64_t unit_ns, ch_error *err)
{
    uint64_t ahead = (uint64_t)CH_NONCE_AHEAD_MS * 1000000 / unit_ns;
    uint64_t reserved = next + (ahead == 0 ? 1 : ahead);
    CH_TRY(save(nonces, row, reserved, err));
    row->reserved = reserved;
    return CH_OK;
}

ch_status ch_nonces_next(ch_nonces *nonces, size_t counter, uint64_t unit_ns, uint64_t now_ns, uint64_t *nonce,
                         ch_error *err)
{
    assert(counter < nonces->row_count && unit_ns > 0);
    nonce_row *row = &nonces->rows[counter];
    uint64_t clock = now_ns / unit_ns;
    uint64_t next = row->next > clock ? row->next : clock;
    if (next >= INT64_MAX / 2)
        return ch_fail(err, CH_INTERNAL, "the nonces of key '%s' are used up", row->name);
    if (next >= row->reserved)
        CH_TRY(reserve(nonces, row, next, unit_ns, err));
    assert(next < row->reserved);
    row->next = next + 1;
    *nonce = next;
    return CH_OK;
}
