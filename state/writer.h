/* The thread that writes the state, so that core's loop never waits for a disk.
 *
 * A room of state/ describes what is to be written in a ch_write and submits it. The thread runs all that has been
 * submitted in one transaction and makes it durable; then `done` is called in the loop, with the outcome. Writes are
 * run, and done, in the order in which they were submitted. While the writer runs, the store is its own.
 *
 * All functions are for the loop's thread; only a write's `run` is called in the other one. */
#ifndef CH_STATE_WRITER_H
#define CH_STATE_WRITER_H

#include "state/store.h"

#include <stdbool.h>

typedef struct ch_writer ch_writer;

/* Set `run`, `done` and `context`, and zero the rest, once. It must stay where it is, and what `run` reads must not
 * change, until it is done. */
typedef struct ch_write {
    ch_status (*run)(struct ch_write *write, ch_store *store, ch_error *err);
    /* `outcome` is CH_OK if it is on the disk; then so is all that was submitted before. */
    void (*done)(struct ch_write *write, const ch_error *outcome);
    void *context;
    bool is_under_way;
    bool is_failing; /* it failed, and has not been written since */
    struct ch_write *next;
} ch_write;

/* Starts the thread. `store` must outlive it. CH_IO: the system has no thread or no descriptor left. Stop it with
 * ch_writer_stop. */
CH_CHECKED ch_status ch_writer_start(ch_store *store, ch_writer **out, ch_error *err);
/* Waits for what was submitted, and ends the thread; no `done` is called any more. Then the store may be used by the
 * caller again. NULL is fine. */
void ch_writer_stop(ch_writer *writer);

/* Hands a write over. It must not be under way. */
void ch_writer_submit(ch_writer *writer, ch_write *write);

/* Why the state cannot be written for now; NULL: it can. The trouble lasts until each write that failed has been
 * written after all, so whoever submitted one submits it again now and then. */
#define CH_STATE_TROUBLE "the state cannot be written for now: %s"
const ch_error *ch_writer_trouble(const ch_writer *writer);

/* A descriptor that is readable when writes are done; ch_writer_collect calls their `done`. */
int ch_writer_fd(const ch_writer *writer);
void ch_writer_collect(ch_writer *writer);

#endif
