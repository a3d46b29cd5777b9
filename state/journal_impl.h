/* What the files of the journal share, and nobody else sees. */
#ifndef CH_STATE_JOURNAL_IMPL_H
#define CH_STATE_JOURNAL_IMPL_H

#include "base/buffer.h"
#include "state/journal.h"
#include "state/trace.h"

#include <sqlite3.h>

/* Rows that travel together, and their texts, one after the other. A row's slices have only sizes until
 * ch_parcel_point. */
typedef struct ch_parcel {
    ch_journal_row *rows;
    size_t count;
    size_t capacity;
    ch_buffer text;
} ch_parcel;

void ch_parcel_add(ch_parcel *parcel, const ch_journal_row *row);
void ch_parcel_point(ch_parcel *parcel);
void ch_parcel_clear(ch_parcel *parcel);
void ch_parcel_free(ch_parcel *parcel);

/* Rows that could not be written: from the first to the last of them. */
typedef struct ch_lost_rows {
    uint64_t first;
    uint64_t last;
} ch_lost_rows;
#define CH_LOST_ROWS_MAX 64

typedef struct ch_journal_asked ch_journal_asked;

struct ch_journal {
    ch_store *store;
    ch_writer *writer; /* NULL before the start */
    void (*on_recorded)(void *context, uint64_t id, const ch_error *outcome);
    void *context;
    bool is_power_cut_safe;

    /* The thread's while a write is under way. */
    sqlite3_stmt *insert;
    sqlite3_stmt *newest;
    sqlite3_stmt *select;

    /* Rows. */
    ch_write write;
    ch_parcel filling; /* since the last flush */
    ch_parcel leaving; /* what the write under way writes */
    uint64_t leaving_through;
    uint64_t next_id;
    uint64_t settled; /* all rows up to this one are on the disk, or lost */
    ch_lost_rows lost[CH_LOST_ROWS_MAX];
    size_t lost_count;

    /* Snapshots, and what they make superfluous. */
    ch_write snapshot_write;
    ch_buffer lines;
    uint64_t lines_through;
    bool has_lines; /* that wait for the rows up to lines_through */
    uint64_t wanted_id;
    uint64_t old_ns; /* rows that are older may be dropped */
    ch_write drop_write;
    uint64_t drop_through;
    uint64_t drop_before_ns;
    int dropped;

    /* The trace. */
    ch_trace *trace; /* NULL: there is none */
    ch_write trace_write;
    bool is_held_back; /* the state is older than its trace, which stays as it is until an admin accepts that */
    bool is_trace_synced;
    bool is_trace_failing;
    uint64_t traced_ms;
    ch_write accept_write;
    bool is_accepted; /* and that is not on the disk yet */

    /* Queries. */
    ch_journal_asked *asked;
    size_t asked_count;
};

/* Reads a row that `select` yields. */
CH_CHECKED ch_status ch_journal_take_row(sqlite3_stmt *select, ch_journal_row *row, ch_error *err);
/* Binds what `select` is to yield. */
void ch_journal_select(sqlite3_stmt *select, uint64_t after, int64_t limit);

/* ---- journal_upkeep.c ---- */

/* The state's identity and newest row, and the newest row that a snapshot covers. */
CH_CHECKED ch_status ch_journal_find_mark(const ch_journal *journal, ch_trace_mark *mark, uint64_t *through,
                                          ch_error *err);
CH_CHECKED ch_status ch_journal_open_trace(ch_journal *journal, const char *path, const ch_trace_mark *mark,
                                           ch_error *err);
void ch_journal_prepare_upkeep(ch_journal *journal, uint64_t through);
/* A trace of what was written until now will be made. */
void ch_journal_note_rows(ch_journal *journal);
/* Rows were settled: a snapshot that waited for them can be kept, unless some were lost. */
void ch_journal_go_on_with_snapshot(ch_journal *journal, bool is_lost);
void ch_journal_leave_trace(ch_journal *journal);

/* ---- journal_ask.c ---- */

void ch_journal_free_asked(ch_journal *journal);

#endif
