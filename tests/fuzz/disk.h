/* The state's disk, as core sees it on the stage: a real database whose writer has no thread, and a trace that is in
 * memory. disk.c has the functions of state/writer.h and state/trace.h, and so the library's own stay out of the
 * program: a thread would write at another moment each time, and by the clock of the stage it would never sleep. */
#ifndef CH_TESTS_FUZZ_DISK_H
#define CH_TESTS_FUZZ_DISK_H

#include "base/slice.h"
#include "state/store.h"
#include "state/trace.h"

typedef enum fuzz_disk {
    FUZZ_DISK_GOOD,
    FUZZ_DISK_HANGS,    /* nothing is done */
    FUZZ_DISK_FULL,     /* nothing is written, and all fails */
    FUZZ_DISK_DOUBTFUL, /* all is written, and seems to fail */
    FUZZ_DISK_COUNT
} fuzz_disk;

/* An empty state and a good disk, for who is started next. */
void fuzz_disk_clear(void);
/* Its store, which is the same each time, and never closed. */
ch_store *fuzz_disk_store(void);
/* Appends a row to the journal of the state, or gives it a snapshot of the rows so far. */
void fuzz_disk_add_row(unsigned kind, ch_slice charges);
void fuzz_disk_add_snapshot(ch_slice lines);
void fuzz_disk_set(fuzz_disk how);
/* What the trace is found to be; CH_TRACE_NONE after fuzz_disk_clear. */
void fuzz_disk_set_trace(ch_trace_kind kind);

/* Does the next of what was submitted. False if there is nothing to do; else core has something to collect. */
bool fuzz_disk_write(void);

#endif
