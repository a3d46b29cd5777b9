/* Rows are copied into one parcel while the thread writes another. What a parcel holds is written by one transaction
 * or lost as a whole; its ids are used up either way. */
#include "state/journal_impl.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Decisions and events are bounded by what core has under way. Refusals are not: while the disk hangs, those that come
 * after so many rows are not kept. */
#define WAITING_MAX 50000

static const char appending[] = "appending to the journal";
static const char reading[] = "reading the journal";

/* ---- parcels ---- */

void ch_parcel_add(ch_parcel *parcel, const ch_journal_row *row)
{
    if (parcel->count == parcel->capacity) {
        parcel->capacity = parcel->capacity == 0 ? 16 : 2 * parcel->capacity;
        parcel->rows = ch_realloc_array(parcel->rows, parcel->capacity, sizeof *parcel->rows);
    }
    parcel->rows[parcel->count++] = *row;
    ch_buffer_add_slice(&parcel->text, row->charges);
    ch_buffer_add_slice(&parcel->text, row->record);
}

void ch_parcel_point(ch_parcel *parcel)
{
    ch_slice left = ch_buffer_slice(&parcel->text);
    for (size_t i = 0; i < parcel->count; i++) {
        ch_journal_row *row = &parcel->rows[i];
        row->charges.data = left.data;
        left = ch_slice_after(left, row->charges.size);
        row->record.data = left.data;
        left = ch_slice_after(left, row->record.size);
    }
}

void ch_parcel_clear(ch_parcel *parcel)
{
    parcel->count = 0;
    ch_buffer_clear(&parcel->text);
}

void ch_parcel_free(ch_parcel *parcel)
{
    free(parcel->rows);
    ch_buffer_free(&parcel->text);
}

/* ---- the database ---- */

/* NULL would not be an empty text. */
static void bind_text(sqlite3_stmt *stmt, int index, ch_slice text)
{
    sqlite3_bind_text(stmt, index, text.size == 0 ? "" : (const char *)text.data, (int)text.size, SQLITE_STATIC);
}

static ch_status insert(const ch_journal *journal, const ch_journal_row *row, ch_error *err)
{
    sqlite3_stmt *stmt = journal->insert;
    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)row->id);
    sqlite3_bind_int(stmt, 2, (int)row->kind);
    sqlite3_bind_int64(stmt, 3, (sqlite3_int64)row->of);
    sqlite3_bind_int64(stmt, 4, (sqlite3_int64)row->time_ns);
    bind_text(stmt, 5, row->charges);
    bind_text(stmt, 6, row->record);
    ch_status st = sqlite3_step(stmt) == SQLITE_DONE ? CH_OK : ch_store_fail(journal->store, appending, err);
    sqlite3_reset(stmt);
    return st;
}

/* Without rows it only finds out whether something can be written. */
static ch_status append(ch_write *write, ch_store *store, ch_error *err)
{
    ch_journal *journal = write->context;
    if (journal->leaving.count == 0)
        return ch_store_touch(store, err);
    ch_parcel_point(&journal->leaving);
    for (size_t i = 0; i < journal->leaving.count; i++)
        CH_TRY(insert(journal, &journal->leaving.rows[i], err));
    return CH_OK;
}

static ch_slice text_at(sqlite3_stmt *stmt, int column)
{
    const uint8_t *data = sqlite3_column_text(stmt, column);
    return (ch_slice){data, (size_t)sqlite3_column_bytes(stmt, column)};
}

void ch_journal_select(sqlite3_stmt *select, uint64_t after, int64_t limit)
{
    sqlite3_bind_int64(select, 1, after > INT64_MAX ? INT64_MAX : (sqlite3_int64)after);
    sqlite3_bind_int64(select, 2, limit);
}

ch_status ch_journal_take_row(sqlite3_stmt *select, ch_journal_row *row, ch_error *err)
{
    int kind = sqlite3_column_int(select, 1);
    *row = (ch_journal_row){.id = (uint64_t)sqlite3_column_int64(select, 0),
                            .kind = (ch_journal_kind)kind,
                            .of = (uint64_t)sqlite3_column_int64(select, 2),
                            .time_ns = (uint64_t)sqlite3_column_int64(select, 3),
                            .charges = text_at(select, 4),
                            .record = text_at(select, 5)};
    if (kind < CH_JOURNAL_DECISION || kind > CH_JOURNAL_EVENT)
        return ch_fail(err, CH_IO, "the state is damaged: row %llu of the journal is of no kind (%d)",
                       (unsigned long long)row->id, kind);
    return CH_OK;
}

/* ---- reading at the start ---- */

static void take_lines(const ch_journal_reader *reader, ch_slice lines)
{
    while (lines.size > 0) {
        const uint8_t *end = ch_slice_find(lines, '\n');
        size_t size = end == NULL ? lines.size : (size_t)(end - lines.data);
        reader->take_level(reader->context, (ch_slice){lines.data, size});
        lines = ch_slice_after(lines, end == NULL ? size : size + 1);
    }
}

static ch_status read_snapshot(ch_journal *journal, const ch_journal_reader *reader, uint64_t *through, ch_error *err)
{
    sqlite3_stmt *stmt = NULL;
    *through = 0;
    CH_TRY(ch_store_prepare(journal->store, "SELECT through, lines FROM snapshot ORDER BY through DESC LIMIT 1",
                            reading, &stmt, err));
    int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW) {
        *through = (uint64_t)sqlite3_column_int64(stmt, 0);
        take_lines(reader, text_at(stmt, 1));
    }
    ch_status st = step == SQLITE_ROW || step == SQLITE_DONE ? CH_OK : ch_store_fail(journal->store, reading, err);
    sqlite3_finalize(stmt);
    return st;
}

static ch_status read_rows(ch_journal *journal, const ch_journal_reader *reader, uint64_t after, ch_error *err)
{
    int step;
    ch_status st = CH_OK;
    ch_journal_row row;
    ch_journal_select(journal->select, after, -1);
    while (st == CH_OK && (step = sqlite3_step(journal->select)) == SQLITE_ROW) {
        st = ch_journal_take_row(journal->select, &row, err);
        if (st == CH_OK)
            reader->take_row(reader->context, &row);
    }
    if (st == CH_OK && step != SQLITE_DONE)
        st = ch_store_fail(journal->store, reading, err);
    sqlite3_reset(journal->select);
    return st;
}

ch_status ch_journal_read(ch_journal *journal, const ch_journal_reader *reader, ch_error *err)
{
    uint64_t through;
    assert(journal->writer == NULL);
    CH_TRY(read_snapshot(journal, reader, &through, err));
    return read_rows(journal, reader, through, err);
}

/* ---- start and end ---- */

static ch_status prepare(ch_journal *journal, ch_error *err)
{
    ch_store *store = journal->store;
    CH_TRY(ch_store_prepare(store, "INSERT INTO journal VALUES(?1, ?2, ?3, ?4, ?5, ?6)", appending, &journal->insert,
                            err));
    /* The newest rows may have been dropped, if a snapshot covers them. */
    CH_TRY(ch_store_prepare(store,
                            "SELECT value, ifnull((SELECT max(through) FROM snapshot), 0),"
                            " ifnull((SELECT max(id) FROM journal), 0) FROM identity",
                            reading, &journal->newest, err));
    return ch_store_prepare(store,
                            "SELECT id, kind, of, time_ns, charges, record FROM journal WHERE id > ?1 ORDER BY id"
                            " LIMIT ?2",
                            reading, &journal->select, err);
}

static void on_saved(ch_write *write, const ch_error *outcome);

static ch_status open_all(ch_journal *journal, const char *trace_path, bool *is_older, ch_error *err)
{
    ch_trace_mark mark;
    uint64_t through;
    CH_TRY(prepare(journal, err));
    CH_TRY(ch_journal_find_mark(journal, &mark, &through, err));
    journal->settled = journal->leaving_through = mark.id;
    journal->next_id = mark.id + 1;
    journal->write = (ch_write){.run = append, .done = on_saved, .context = journal};
    ch_journal_prepare_upkeep(journal, through);
    CH_TRY(ch_journal_open_trace(journal, trace_path, &mark, err));
    *is_older = journal->is_held_back;
    return CH_OK;
}

ch_status ch_journal_open(ch_store *store, const char *trace_path, ch_journal **out, bool *is_older, ch_error *err)
{
    ch_journal *journal = ch_alloc(sizeof *journal);
    journal->store = store;
    ch_status st = open_all(journal, trace_path, is_older, err);
    if (st == CH_OK)
        *out = journal;
    else
        ch_journal_close(journal);
    return st;
}

void ch_journal_start(ch_journal *journal, ch_writer *writer,
                      void (*on_recorded)(void *context, uint64_t id, const ch_error *outcome), void *context)
{
    assert(journal->writer == NULL);
    journal->writer = writer;
    journal->on_recorded = on_recorded;
    journal->context = context;
    ch_journal_note_rows(journal);
    ch_journal_go_on_with_snapshot(journal, false);
}

void ch_journal_close(ch_journal *journal)
{
    if (journal == NULL)
        return;
    ch_journal_leave_trace(journal);
    ch_journal_free_asked(journal);
    ch_trace_close(journal->trace);
    ch_parcel_free(&journal->filling);
    ch_parcel_free(&journal->leaving);
    ch_buffer_free(&journal->lines);
    sqlite3_finalize(journal->insert);
    sqlite3_finalize(journal->newest);
    sqlite3_finalize(journal->select);
    free(journal);
}

/* ---- rows ---- */

uint64_t ch_journal_add(ch_journal *journal, const ch_journal_row *row)
{
    ch_journal_row added = *row;
    added.id = journal->next_id++;
    if (row->kind != CH_JOURNAL_REFUSAL || journal->filling.count < WAITING_MAX)
        ch_parcel_add(&journal->filling, &added);
    return added.id;
}

/* Events include what people said, and a freeze must survive a power cut. */
static bool holds_events(const ch_parcel *parcel)
{
    for (size_t i = 0; i < parcel->count; i++) {
        if (parcel->rows[i].kind == CH_JOURNAL_EVENT)
            return true;
    }
    return false;
}

static void submit(ch_journal *journal)
{
    journal->write.may_be_lost = !journal->is_power_cut_safe && !holds_events(&journal->leaving);
    journal->write.is_lone = journal->leaving.count == 1;
    ch_writer_submit(journal->writer, &journal->write);
}

void ch_journal_flush(ch_journal *journal)
{
    if (journal->filling.count == 0 || journal->writer == NULL || journal->write.is_under_way)
        return;
    ch_parcel filled = journal->filling;
    journal->filling = journal->leaving;
    journal->leaving = filled;
    journal->leaving_through = journal->next_id - 1;
    submit(journal);
}

/* Of very many losses that were not one after the other, the earliest become one with all that was between them. */
static void note_lost(ch_journal *journal, uint64_t first, uint64_t last)
{
    ch_lost_rows *lost = journal->lost;
    if (journal->lost_count > 0 && lost[journal->lost_count - 1].last + 1 == first) {
        lost[journal->lost_count - 1].last = last;
        return;
    }
    if (journal->lost_count == CH_LOST_ROWS_MAX) {
        lost[1].first = lost[0].first;
        memmove(&lost[0], &lost[1], (CH_LOST_ROWS_MAX - 1) * sizeof *lost);
        journal->lost_count--;
    }
    lost[journal->lost_count++] = (ch_lost_rows){first, last};
}

static void on_saved(ch_write *write, const ch_error *outcome)
{
    ch_journal *journal = write->context;
    const uint64_t first = journal->settled + 1;
    const uint64_t last = journal->leaving_through;
    bool is_lost = outcome->status != CH_OK;
    ch_parcel_clear(&journal->leaving);
    if (last < first)
        return;
    if (is_lost)
        note_lost(journal, first, last);
    else
        ch_journal_note_rows(journal);
    journal->settled = last;
    ch_journal_go_on_with_snapshot(journal, is_lost);
    journal->on_recorded(journal->context, last, outcome);
}

bool ch_journal_is_recorded(const ch_journal *journal, uint64_t id)
{
    if (id == 0 || id > journal->settled)
        return false;
    for (size_t i = journal->lost_count; i > 0; i--) {
        if (id >= journal->lost[i - 1].first && id <= journal->lost[i - 1].last)
            return false;
    }
    return true;
}

void ch_journal_set_power_cut_safe(ch_journal *journal, bool is_safe)
{
    journal->is_power_cut_safe = is_safe;
}

const ch_error *ch_journal_trouble(const ch_journal *journal)
{
    return journal->write.is_failing ? ch_writer_trouble(journal->writer) : NULL;
}

void ch_journal_try_again(ch_journal *journal)
{
    if (journal->is_accepted)
        ch_journal_accept(journal);
    ch_journal_flush(journal);
    if (journal->write.is_failing && !journal->write.is_under_way)
        submit(journal);
}
