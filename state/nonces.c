/* One row per counter. A row has at most one write under way: it reserves a stretch, or makes an operator's change,
 * which goes first. While it is, the thread reads the row's `asked`, and the loop leaves that alone. Nothing counts in
 * memory before it is on disk. */
#include "state/nonces.h"

#include "base/memory.h"
#include "base/slice.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS 4096

/* What a write puts on disk. */
typedef struct asked {
    uint64_t reserved;
    uint64_t earlier;
    unsigned run;   /* what it is reserved for */
    bool is_change; /* an operator's */
} asked;

typedef struct nonce_row {
    ch_nonces *nonces;
    size_t index;
    struct nonce_row *same_chain;
    char *profile;
    char *environment;
    char *key_id;
    ch_counter counter;
    ch_moment now;         /* of the last claim */
    ch_nonce_claim *first; /* those that wait, the oldest first */
    ch_nonce_claim *last;
    asked asked;
    ch_write write;
} nonce_row;

/* What an older agent counted, by the policy's name for the key. */
typedef struct old_row {
    char *name;
    uint64_t reserved;
    nonce_row *adopted_by;
    bool is_gone;
} old_row;

struct ch_nonces {
    ch_store *store;
    ch_writer *writer; /* NULL before the start */
    ch_nonce_owner owner;
    sqlite3_stmt *save;
    nonce_row **rows; /* each stays where it is */
    size_t row_count;
    nonce_row *chains[CHAINS]; /* the rows, by the hash of their key ids */
    old_row *old_rows;
    size_t old_count;
    ch_nonce_change change; /* an operator's */
    nonce_row *changing;    /* whose it is; NULL: none is under way */
};

/* ---- the database ---- */

static nonce_row **chain_of(ch_nonces *nonces, const char *key_id)
{
    return &nonces->chains[ch_slice_hash(ch_slice_of(key_id)) % CHAINS];
}

static ch_status save_asked(ch_write *write, ch_store *store, ch_error *err);
static void on_saved(ch_write *write, const ch_error *outcome);

static nonce_row *add_row(ch_nonces *nonces, const ch_nonce_name *name)
{
    nonce_row *row = ch_alloc(sizeof *row);
    row->nonces = nonces;
    row->profile = ch_strdup(name->profile);
    row->environment = ch_strdup(name->environment);
    row->key_id = ch_strdup(name->key_id);
    row->write = (ch_write){.run = save_asked, .done = on_saved, .context = row};
    nonce_row **chain = chain_of(nonces, row->key_id);
    row->same_chain = *chain;
    *chain = row;
    nonces->rows = ch_array_grow(nonces->rows, nonces->row_count, sizeof *nonces->rows);
    row->index = nonces->row_count++;
    nonces->rows[row->index] = row;
    return row;
}

static const char *text_at(sqlite3_stmt *stmt, int column)
{
    return (const char *)sqlite3_column_text(stmt, column);
}

static void take_row(void *context, sqlite3_stmt *stmt)
{
    ch_nonces *nonces = context;
    const ch_nonce_name name = {text_at(stmt, 0), text_at(stmt, 1), text_at(stmt, 2)};
    ch_counter *counter = &add_row(nonces, &name)->counter;
    counter->next = counter->reserved = (uint64_t)sqlite3_column_int64(stmt, 3);
    counter->earlier = (uint64_t)sqlite3_column_int64(stmt, 4);
}

static void take_old_row(void *context, sqlite3_stmt *stmt)
{
    ch_nonces *nonces = context;
    nonces->old_rows = ch_array_grow(nonces->old_rows, nonces->old_count, sizeof *nonces->old_rows);
    nonces->old_rows[nonces->old_count++] =
        (old_row){.name = ch_strdup(text_at(stmt, 0)), .reserved = (uint64_t)sqlite3_column_int64(stmt, 1)};
}

static ch_status load_all(ch_nonces *nonces, ch_error *err)
{
    static const char doing[] = "reading the nonces";
    CH_TRY(ch_store_prepare(nonces->store, "INSERT OR REPLACE INTO nonce_counter VALUES(?1, ?2, ?3, ?4, ?5)", doing,
                            &nonces->save, err));
    CH_TRY(ch_store_each(nonces->store, "SELECT profile, environment, key_id, reserved, earlier FROM nonce_counter",
                         doing, take_row, nonces, err));
    return ch_store_each(nonces->store, "SELECT key, reserved FROM nonce", doing, take_old_row, nonces, err);
}

static ch_status save(const nonce_row *row, uint64_t reserved, uint64_t earlier, ch_error *err)
{
    ch_nonces *nonces = row->nonces;
    sqlite3_bind_text(nonces->save, 1, row->profile, -1, SQLITE_STATIC);
    sqlite3_bind_text(nonces->save, 2, row->environment, -1, SQLITE_STATIC);
    sqlite3_bind_text(nonces->save, 3, row->key_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(nonces->save, 4, (sqlite3_int64)reserved);
    sqlite3_bind_int64(nonces->save, 5, (sqlite3_int64)earlier);
    int step = sqlite3_step(nonces->save);
    ch_status st = step == SQLITE_DONE ? CH_OK : ch_store_fail(nonces->store, "reserving nonces", err);
    sqlite3_reset(nonces->save);
    return st;
}

ch_status ch_nonces_open(ch_store *store, ch_nonces **out, ch_error *err)
{
    ch_nonces *nonces = ch_alloc(sizeof *nonces);
    nonces->store = store;
    ch_status st = load_all(nonces, err);
    if (st != CH_OK) {
        ch_nonces_close(nonces);
        return st;
    }
    *out = nonces;
    return CH_OK;
}

/* What cannot be given back stays reserved, which is safe. */
static void give_back(ch_nonces *nonces)
{
    ch_error ignored = CH_ERROR_INIT;
    if (ch_store_begin(nonces->store, &ignored) != CH_OK)
        return;
    for (size_t i = 0; i < nonces->row_count; i++) {
        const ch_counter *counter = &nonces->rows[i]->counter;
        if (counter->next < counter->reserved && !counter->rule.may_repeat)
            ch_ignore(save(nonces->rows[i], counter->next, counter->earlier, &ignored));
    }
    ch_ignore(ch_store_commit(nonces->store, &ignored));
}

void ch_nonces_close(ch_nonces *nonces)
{
    if (nonces == NULL)
        return;
    if (nonces->writer != NULL)
        give_back(nonces);
    for (size_t i = 0; i < nonces->row_count; i++) {
        free(nonces->rows[i]->profile);
        free(nonces->rows[i]->environment);
        free(nonces->rows[i]->key_id);
        free(nonces->rows[i]);
    }
    for (size_t i = 0; i < nonces->old_count; i++)
        free(nonces->old_rows[i].name);
    free(nonces->rows);
    free(nonces->old_rows);
    sqlite3_finalize(nonces->save);
    free(nonces);
}

/* ---- counters ---- */

static bool is_named(const nonce_row *row, const ch_nonce_name *name)
{
    return strcmp(row->key_id, name->key_id) == 0 && strcmp(row->profile, name->profile) == 0 &&
           strcmp(row->environment, name->environment) == 0;
}

size_t ch_nonces_counter(ch_nonces *nonces, const ch_nonce_name *name, const ch_nonce_rule *rule)
{
    nonce_row *row = *chain_of(nonces, name->key_id);
    while (row != NULL && !is_named(row, name))
        row = row->same_chain;
    if (row == NULL)
        row = add_row(nonces, name);
    row->counter.rule = *rule;
    return row->index;
}

/* Nothing from `value` on is reserved yet, unless it was before. */
static void raise_to(ch_counter *counter, uint64_t value)
{
    if (value > counter->next)
        counter->next = value;
    if (value > counter->reserved)
        counter->reserved = value;
}

void ch_nonces_set_floor(ch_nonces *nonces, size_t counter, uint64_t floor)
{
    raise_to(&nonces->rows[counter]->counter, floor);
}

/* ---- what an older agent counted ---- */

void ch_nonces_adopt(ch_nonces *nonces, size_t counter, const char *key_name)
{
    for (size_t i = 0; i < nonces->old_count; i++) {
        old_row *old = &nonces->old_rows[i];
        if (old->is_gone || strcmp(old->name, key_name) != 0)
            continue;
        old->adopted_by = nonces->rows[counter];
        raise_to(&old->adopted_by->counter, old->reserved);
    }
}

static ch_status forget_old(ch_nonces *nonces, const old_row *old, ch_error *err)
{
    static const char doing[] = "counting nonces by key";
    sqlite3_stmt *stmt = NULL;
    CH_TRY(ch_store_prepare(nonces->store, "DELETE FROM nonce WHERE key = ?1", doing, &stmt, err));
    sqlite3_bind_text(stmt, 1, old->name, -1, SQLITE_STATIC);
    ch_status st = sqlite3_step(stmt) == SQLITE_DONE ? CH_OK : ch_store_fail(nonces->store, doing, err);
    sqlite3_finalize(stmt);
    return st;
}

static ch_status move_old(ch_nonces *nonces, ch_error *err)
{
    for (size_t i = 0; i < nonces->old_count; i++) {
        old_row *old = &nonces->old_rows[i];
        if (old->adopted_by == NULL)
            continue;
        CH_TRY(save(old->adopted_by, old->adopted_by->counter.reserved, old->adopted_by->counter.earlier, err));
        CH_TRY(forget_old(nonces, old, err));
        old->is_gone = true;
    }
    return CH_OK;
}

ch_status ch_nonces_save_adopted(ch_nonces *nonces, ch_error *err)
{
    CH_TRY(ch_store_begin(nonces->store, err));
    ch_status st = move_old(nonces, err);
    if (st == CH_OK)
        return ch_store_commit(nonces->store, err);
    ch_store_rollback(nonces->store);
    return st;
}

const char *ch_nonces_orphan(const ch_nonces *nonces, size_t index, uint64_t *next)
{
    for (size_t i = 0; i < nonces->old_count; i++) {
        if (nonces->old_rows[i].is_gone || index-- > 0)
            continue;
        *next = nonces->old_rows[i].reserved;
        return nonces->old_rows[i].name;
    }
    return NULL;
}

/* ---- reserving ---- */

static ch_status save_asked(ch_write *write, ch_store *store, ch_error *err)
{
    (void)store;
    const nonce_row *row = write->context;
    return save(row, row->asked.reserved, row->asked.earlier, err);
}

static void submit(nonce_row *row, uint64_t reserved, bool is_change)
{
    row->asked =
        (asked){.reserved = reserved, .earlier = row->counter.earlier, .run = row->counter.run, .is_change = is_change};
    ch_writer_submit(row->nonces->writer, &row->write);
}

static void submit_change(nonce_row *row)
{
    const ch_nonce_change *change = &row->nonces->change;
    bool is_below = !change->is_reset && change->value < row->counter.reserved;
    submit(row, is_below ? row->counter.reserved : change->value, true);
}

/* Reserves more, if there should be more. False if there is enough. */
static bool reserve(nonce_row *row)
{
    uint64_t target = ch_counter_target(&row->counter, &row->now);
    if (target <= row->counter.reserved)
        return false;
    if (!row->write.is_under_way)
        submit(row, target, false);
    return true;
}

static ch_nonce_claim *take_first(nonce_row *row)
{
    ch_nonce_claim *claim = row->first;
    row->first = claim->next;
    if (row->first == NULL)
        row->last = NULL;
    else
        row->first->previous = NULL;
    claim->next = NULL;
    return claim;
}

/* Each claim is out of the list before its owner is called, who may do anything. */
static void grant(nonce_row *row)
{
    const ch_error fine = CH_ERROR_INIT;
    while (row->first != NULL && ch_counter_has_left(&row->counter)) {
        ch_nonce_claim *claim = take_first(row);
        claim->place = CH_CLAIM_HELD;
        row->counter.claims++;
        row->nonces->owner.on_claimed(row->nonces->owner.context, claim, &fine);
    }
}

static void refuse(nonce_row *row, const ch_error *outcome)
{
    ch_error why;
    ch_error_set(&why, CH_UNAVAILABLE, "", CH_STATE_TROUBLE, outcome->message);
    while (row->first != NULL) {
        ch_nonce_claim *claim = take_first(row);
        claim->place = CH_CLAIM_OUT;
        row->nonces->owner.on_claimed(row->nonces->owner.context, claim, &why);
    }
}

/* What was reserved for a run that is over is of no use. */
static void end_stretch(nonce_row *row)
{
    if (row->asked.run != row->counter.run || row->asked.reserved <= row->counter.reserved)
        return;
    row->counter.reserved = row->asked.reserved;
    grant(row);
}

static void end_change(nonce_row *row, const ch_error *outcome)
{
    ch_nonces *nonces = row->nonces;
    const ch_nonce_change change = nonces->change;
    nonces->changing = NULL;
    if (outcome->status == CH_OK && change.is_reset)
        row->counter.next = row->counter.reserved = 0;
    if (outcome->status == CH_OK)
        raise_to(&row->counter, change.value);
    change.answer(change.context, outcome);
}

/* Those who still wait get what there is, if that is near the clock, or wait for more. */
static void on_saved(ch_write *write, const ch_error *outcome)
{
    nonce_row *row = write->context;
    if (row->asked.is_change)
        end_change(row, outcome);
    else if (outcome->status == CH_OK)
        end_stretch(row);
    else
        refuse(row, outcome);
    if (row->nonces->changing == row && !write->is_under_way)
        submit_change(row);
    if (row->first != NULL && !reserve(row))
        grant(row);
}

const ch_error *ch_nonces_trouble(const ch_nonces *nonces)
{
    return nonces->writer == NULL ? NULL : ch_writer_trouble(nonces->writer);
}

/* Writes what is on disk already: a stretch would need to know the time. */
void ch_nonces_try_again(ch_nonces *nonces)
{
    for (size_t i = 0; i < nonces->row_count; i++) {
        nonce_row *row = nonces->rows[i];
        if (row->write.is_failing && !row->write.is_under_way)
            submit(row, row->counter.reserved, false);
    }
}

void ch_nonces_start(ch_nonces *nonces, ch_writer *writer, const ch_nonce_owner *owner)
{
    assert(nonces->writer == NULL);
    nonces->writer = writer;
    nonces->owner = *owner;
}

/* ---- claims ---- */

static void wait_in_line(nonce_row *row, ch_nonce_claim *claim)
{
    claim->place = CH_CLAIM_WAITING;
    claim->previous = row->last;
    claim->next = NULL;
    if (row->last == NULL)
        row->first = claim;
    else
        row->last->next = claim;
    row->last = claim;
}

ch_status ch_nonces_claim(ch_nonces *nonces, size_t counter, ch_nonce_claim *claim, const ch_moment *now, ch_error *err)
{
    assert(counter < nonces->row_count && claim->place == CH_CLAIM_OUT && nonces->writer != NULL);
    nonce_row *row = nonces->rows[counter];
    bool is_reserved = false;
    row->now = *now;
    if (ch_counter_look(&row->counter, now, &is_reserved, err) != CH_OK)
        return ch_error_wrap(err, "nonces of key '%s' at %s", row->key_id, row->profile);
    claim->counter = counter;
    if (is_reserved && row->first == NULL) {
        claim->place = CH_CLAIM_HELD;
        row->counter.claims++;
    } else {
        wait_in_line(row, claim);
    }
    reserve(row);
    return CH_OK;
}

ch_status ch_nonces_draw(ch_nonces *nonces, ch_nonce_claim *claim, const ch_moment *now, uint64_t *nonce, ch_error *err)
{
    assert(claim->place == CH_CLAIM_HELD);
    nonce_row *row = nonces->rows[claim->counter];
    claim->place = CH_CLAIM_OUT;
    row->now = *now;
    if (ch_counter_draw(&row->counter, now, nonce, err) != CH_OK)
        return ch_error_wrap(err, "nonces of key '%s' at %s", row->key_id, row->profile);
    return CH_OK;
}

void ch_nonces_leave(ch_nonces *nonces, ch_nonce_claim *claim)
{
    if (claim->place == CH_CLAIM_OUT)
        return;
    nonce_row *row = nonces->rows[claim->counter];
    if (claim->place == CH_CLAIM_HELD) {
        row->counter.claims--;
    } else {
        *(claim->previous == NULL ? &row->first : &claim->previous->next) = claim->next;
        *(claim->next == NULL ? &row->last : &claim->next->previous) = claim->previous;
    }
    claim->previous = claim->next = NULL;
    claim->place = CH_CLAIM_OUT;
}

/* ---- operators ---- */

uint64_t ch_nonces_next(const ch_nonces *nonces, size_t counter)
{
    return nonces->rows[counter]->counter.next;
}

static ch_status check_change(const ch_nonces *nonces, const ch_nonce_change *change, ch_error *err)
{
    const ch_counter *counter = &nonces->rows[change->counter]->counter;
    if (counter->rule.ahead_ns > 0)
        return ch_fail(err, CH_BAD_INPUT,
                       "this exchange compares the key's nonces with its clock, so they follow the clock of this "
                       "machine; set that");
    if (change->value >= CH_NONCE_END)
        return ch_fail(err, CH_BAD_INPUT, "a nonce must be smaller than %llu", CH_NONCE_END);
    if (!change->is_reset && change->value <= counter->next)
        return ch_fail(err, CH_CONFLICT, "the next nonce is %llu or larger already", (unsigned long long)counter->next);
    if (nonces->changing != NULL)
        return ch_fail(err, CH_BUSY, "another counter is being changed; try again in a moment");
    return CH_OK;
}

ch_status ch_nonces_change(ch_nonces *nonces, const ch_nonce_change *change, ch_error *err)
{
    assert(change->counter < nonces->row_count && nonces->writer != NULL);
    CH_TRY(check_change(nonces, change, err));
    nonces->change = *change;
    nonces->changing = nonces->rows[change->counter];
    if (!nonces->changing->write.is_under_way)
        submit_change(nonces->changing);
    return CH_OK;
}
