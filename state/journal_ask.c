/* A query is read by the thread, aside, into a parcel of its own. */
#include "state/journal_impl.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

#define ASKED_MAX 16        /* queries at once */
#define ROWS_MAX 1000       /* of an answer, */
#define BYTES_MAX (1 << 20) /* which ends with the row that reaches this size */

struct ch_journal_asked {
    ch_journal *journal;
    ch_journal_query query;
    bool is_forgotten;
    ch_parcel found;
    ch_write write;
    ch_journal_asked *next;
};

static ch_status take_rows(ch_journal_asked *asked, sqlite3_stmt *select, ch_error *err)
{
    int found = SQLITE_DONE;
    while (asked->found.text.size < BYTES_MAX && (found = sqlite3_step(select)) == SQLITE_ROW) {
        ch_journal_row row;
        CH_TRY(ch_journal_take_row(select, &row, err));
        ch_parcel_add(&asked->found, &row);
    }
    return found == SQLITE_ROW || found == SQLITE_DONE
               ? CH_OK
               : ch_store_fail(asked->journal->store, "reading the journal", err);
}

static ch_status read_rows(ch_write *write, ch_store *store, ch_error *err)
{
    (void)store;
    ch_journal_asked *asked = write->context;
    sqlite3_stmt *select = asked->journal->select;
    uint32_t limit = asked->query.limit;
    ch_journal_select(select, asked->query.after, limit > ROWS_MAX ? ROWS_MAX : limit);
    ch_status st = take_rows(asked, select, err);
    sqlite3_reset(select);
    return st;
}

static void free_asked(ch_journal_asked *asked)
{
    ch_parcel_free(&asked->found);
    free(asked);
}

static void take_out(ch_journal *journal, const ch_journal_asked *asked)
{
    ch_journal_asked **link = &journal->asked;
    while (*link != asked)
        link = &(*link)->next;
    *link = asked->next;
    journal->asked_count--;
}

static void on_read(ch_write *write, const ch_error *outcome)
{
    ch_journal_asked *asked = write->context;
    take_out(asked->journal, asked);
    ch_parcel_point(&asked->found);
    if (!asked->is_forgotten)
        asked->query.answer(asked->query.context, asked->found.rows, outcome->status == CH_OK ? asked->found.count : 0,
                            outcome);
    free_asked(asked);
}

ch_status ch_journal_ask(ch_journal *journal, const ch_journal_query *query, ch_error *err)
{
    assert(journal->writer != NULL);
    if (journal->asked_count >= ASKED_MAX)
        return ch_fail(err, CH_BUSY, "the journal is being read by %d others; try again in a moment", ASKED_MAX);
    ch_journal_asked *asked = ch_alloc(sizeof *asked);
    *asked = (ch_journal_asked){
        .journal = journal,
        .query = *query,
        .write = {.run = read_rows, .done = on_read, .context = asked, .may_be_lost = true},
        .next = journal->asked
    };
    journal->asked = asked;
    journal->asked_count++;
    ch_writer_submit_aside(journal->writer, &asked->write, 0);
    return CH_OK;
}

void ch_journal_forget(ch_journal *journal, const void *context)
{
    for (ch_journal_asked *asked = journal == NULL ? NULL : journal->asked; asked != NULL; asked = asked->next) {
        if (asked->query.context == context)
            asked->is_forgotten = true;
    }
}

void ch_journal_free_asked(ch_journal *journal)
{
    while (journal->asked != NULL) {
        ch_journal_asked *asked = journal->asked;
        journal->asked = asked->next;
        free_asked(asked);
    }
}
