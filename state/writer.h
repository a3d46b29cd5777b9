/* The thread that writes the state, so that core's loop never waits for a disk.
 *
 * A room of state/ describes what is to be written in a ch_write and submits it. The thread runs all that has been
 * submitted in one transaction and commits it; then `done` is called in the loop, with the outcome. Writes are run, and
 * done, in the order in which they were submitted. While the writer runs, the store is its own.
 *
 * What was committed survives every crash of the agent. It survives a power cut as well, unless each write of the
 * transaction said that it may be lost. That makes a commit a hundred times faster, so what each request waits for
 * should say so if it can.
 *
 * What nobody waits for is submitted to be run aside: alone, after the writes that are there.
 *
 * All functions are for the loop's thread; only a write's `run` is called in the other one. */
#ifndef CH_STATE_WRITER_H
#define CH_STATE_WRITER_H

#include "state/store.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_writer ch_writer;

/* Set `run`, `done`, `context`, `may_be_lost` and `is_lone`, and zero the rest, once. It must stay where it is, and
 * what `run` reads must not change, until it is done. The two flags may change in between. */
typedef struct ch_write {
    ch_status (*run)(struct ch_write *write, ch_store *store, ch_error *err);
    /* `outcome` is CH_OK if it was committed; then so is all that was submitted before. */
    void (*done)(struct ch_write *write, const ch_error *outcome);
    void *context;
    bool may_be_lost; /* by a power cut */
    bool is_lone;     /* one thing that somebody waits for, who may come again as soon as it is done */
    bool is_under_way;
    bool is_failing; /* it failed, and has not been written since */
    uint64_t due_ms; /* if it is run aside */
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
/* Has it run aside, not before `due_ms` of the monotonic clock: alone, in no transaction (it begins and commits its
 * own), and whatever was submitted before or after. Others wait meanwhile, so it should be short. Its failure is no
 * trouble of the state's. One that is not due when the writer stops is never run. */
void ch_writer_submit_aside(ch_writer *writer, ch_write *write, uint64_t due_ms);

/* Why the state cannot be written for now; NULL: it can. The trouble lasts until each write that failed has been
 * written after all, so whoever submitted one submits it again now and then. */
#define CH_STATE_TROUBLE "the state cannot be written for now: %s"
const ch_error *ch_writer_trouble(const ch_writer *writer);

/* A descriptor that is readable when writes are done; ch_writer_collect calls their `done`. */
int ch_writer_fd(const ch_writer *writer);
void ch_writer_collect(ch_writer *writer);

#endif
