/* The journal: what was decided, in the order in which it was decided, and what the budgets are made of.
 *
 * A decision is one row: its charges, and its record. It is on the disk before the token is asked. Levels are a sum of
 * the rows, and now and then a snapshot of the sum is kept, so that a start reads few rows. What happens to a decision
 * later (refused by the token, released) is a row of its own. All that one turn of the loop appends is one transaction
 * of the writer's thread. It survives every crash of the agent at once; a power cut may take the last few seconds of
 * rows, unless ch_journal_set_power_cut_safe says that each transaction waits for the disk. Whatever row survives,
 * those before it do too.
 *
 * The trace is a small file outside of the state's folder that says how far the journal has come, so that a state that
 * was restored from a backup, or lost, is noticed. The thread writes it at the start, at most once a second after rows,
 * and at the end, always after the rows that it names. So a crash never makes a state look older than it is, and a
 * backup is taken for the newest state only if it was made in the last second before a crash. A power cut that takes
 * rows and leaves the trace is noticed as an older state, which it is; if transactions are safe from power cuts, so is
 * the trace, and neither is lost.
 *
 * If rows cannot be written, they are lost: nothing that they stand for may be signed. Their ids are not used again by
 * this process. (The disk may have taken them nevertheless: then they count after the next start, which is too much
 * and never too little.) Later rows are written once that is possible. Core's thread only. */
#ifndef CH_STATE_JOURNAL_H
#define CH_STATE_JOURNAL_H

#include "base/slice.h"
#include "state/writer.h"

typedef struct ch_journal ch_journal;

typedef enum ch_journal_kind {
    CH_JOURNAL_DECISION, /* charges count */
    CH_JOURNAL_REFUSAL,  /* no charges */
    CH_JOURNAL_RETURN,   /* its charges do not count after all */
    CH_JOURNAL_EVENT,    /* a state, a price that is held, what an operator did: restored by core */
} ch_journal_kind;

typedef struct ch_journal_row {
    uint64_t id;
    ch_journal_kind kind;
    uint64_t of; /* the decision that a return is about; else 0 */
    uint64_t time_ns;
    ch_slice charges; /* as the ledger writes them */
    ch_slice record;  /* one JSON object */
} ch_journal_row;

/* Opens the journal of `store`, which must outlive `*out`. `trace_path` is the trace's file; NULL: there is none. Sets
 * `*is_older` if the state is older than its trace, or nobody can tell; the log says why. Then the trace is not written
 * before ch_journal_accept. Close with ch_journal_close. CH_IO: the journal or the trace cannot be read. CH_CONFIG:
 * others could change the trace. */
CH_CHECKED ch_status ch_journal_open(ch_store *store, const char *trace_path, ch_journal **out, bool *is_older,
                                     ch_error *err);
/* Calls `take_level` for each line of the newest snapshot, then `take_row` for each row after it. Before the start
 * only. */
typedef struct ch_journal_reader {
    void *context;
    void (*take_level)(void *context, ch_slice line);
    void (*take_row)(void *context, const ch_journal_row *row);
} ch_journal_reader;
CH_CHECKED ch_status ch_journal_read(ch_journal *journal, const ch_journal_reader *reader, ch_error *err);
/* From here on the store is the writer's. `on_recorded` is called in the loop when all rows up to `id` are on the disk,
 * or when `outcome` says that those since the last call, up to `id`, are not and never will be. */
void ch_journal_start(ch_journal *journal, ch_writer *writer,
                      void (*on_recorded)(void *context, uint64_t id, const ch_error *outcome), void *context);
/* The writer must have been stopped. NULL is fine. */
void ch_journal_close(ch_journal *journal);

/* Appends a row, which is copied, and returns its id; the one in `row` is ignored. It leaves with the others of this
 * turn. While the disk hangs, refusals are not kept if too many rows wait. */
uint64_t ch_journal_add(ch_journal *journal, const ch_journal_row *row);
/* At the end of each turn: hands the rows over. If the ones before are still under way, they leave at the end of the
 * turn in which those are done. */
void ch_journal_flush(ch_journal *journal);
/* True if that row is on the disk. */
bool ch_journal_is_recorded(const ch_journal *journal, uint64_t id);

/* Keeps a snapshot of what all rows so far amount to, `lines` of text, and then drops rows that it covers and that are
 * older than `keep_ns` by the wall clock, a few at a time. It is written when all rows so far are, and not at all if
 * one of them is lost. */
void ch_journal_snapshot(ch_journal *journal, ch_slice lines, uint64_t now_ns, uint64_t keep_ns);
/* True if so many rows came since the last snapshot that there should be one. */
bool ch_journal_wants_snapshot(const ch_journal *journal);
/* Each transaction survives a power cut, or may be lost by one, from here on. */
void ch_journal_set_power_cut_safe(ch_journal *journal, bool is_safe);

/* An admin accepts a state that is older than its trace: the trace is written anew. If the newer state turns up later,
 * that is noticed too. */
void ch_journal_accept(ch_journal *journal);
/* Tries again what could not be written; to be called now and then. */
void ch_journal_try_again(ch_journal *journal);
/* Why rows cannot be written for now; NULL: they can. */
const ch_error *ch_journal_trouble(const ch_journal *journal);

/* For operators: the rows after `after`, `limit` at most, answered when they have been read by the writer's thread. An
 * answer may end sooner than its limit (after 1,000 rows, or a megabyte); it is empty only if there is nothing more.
 * The rows are valid during the call. CH_BUSY: too many others ask. */
typedef struct ch_journal_query {
    uint64_t after;
    uint32_t limit;
    void *context;
    void (*answer)(void *context, const ch_journal_row *rows, size_t count, const ch_error *outcome);
} ch_journal_query;
CH_CHECKED ch_status ch_journal_ask(ch_journal *journal, const ch_journal_query *query, ch_error *err);
/* Whoever asks with this context has left: nobody is called. A journal that is NULL is fine. */
void ch_journal_forget(ch_journal *journal, const void *context);

#endif
