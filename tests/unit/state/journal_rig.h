/* A journal with its store and its writer, as core has them, for the tests of state/journal.h. */
#ifndef CH_TESTS_UNIT_STATE_JOURNAL_RIG_H
#define CH_TESTS_UNIT_STATE_JOURNAL_RIG_H

#include "state/journal.h"

typedef struct ch_rig {
    ch_store *store;
    ch_writer *writer;
    ch_journal *journal;
    bool is_older;
    uint64_t told; /* the last id that on_recorded was called with */
    ch_error outcome;
    int calls; /* of on_recorded */
} ch_rig;

extern ch_rig rig;
extern ch_error rig_err;

/* Opens the state in the test's folder, with the trace beside it; the second one starts its writer as well. */
void rig_open(void);
void rig_start(void);
/* Ends it as core does. Harmless if it is not open. */
void rig_close(void);

/* Adds a row; adds one and waits until it is settled, with the outcome in rig.outcome. */
uint64_t rig_add(ch_journal_kind kind, const char *charges, const char *record);
uint64_t rig_settle(const char *record);
/* Flushes and collects until `is_done` returns true, which must be within some seconds. */
void rig_wait(bool (*is_done)(void));
/* Collects for as long. */
void rig_wait_ms(unsigned ms);

/* What ch_journal_read yields: "level;" for each level, and "id:kind:of:charges:record;" for each row. */
const char *rig_read(void);
/* Runs `sql` on the open database, in the writer's thread; on the file that nobody has open; and the number that it
 * yields there. */
void rig_run(const char *sql);
void rig_change(const char *sql);
long long rig_count(const char *sql);

/* Paths in the test's folder; freed by nobody. */
const char *rig_state_folder(void);
const char *rig_trace_path(void);
/* Runs a command of the shell there. */
void rig_shell(const char *command);

#endif
