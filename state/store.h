/* The folder of the state: its lock, and the SQLite database that the other rooms of state/ keep their tables in.
 *
 * The database has a schema version (PRAGMA user_version). Opening an older one migrates it, step by step, each step in
 * a transaction of its own; a newer one is refused. What is committed survives every crash of the agent, and a power
 * cut too unless ch_store_set_may_lose says otherwise. Core only; not thread-safe: core uses it at start and at the
 * end, and state/writer.h's thread in between. */
#ifndef CH_STATE_STORE_H
#define CH_STATE_STORE_H

#include "base/error.h"

#include <stdbool.h>

struct sqlite3_stmt;

typedef struct ch_store ch_store;

/* The names of all files in the folder, and NULL. */
extern const char *const ch_store_files[];

/* Opens the state in `folder` (made if missing, mode 0700) and takes its lock. CH_CONFLICT: another agent has it, or a
 * newer agent wrote it. CH_CONFIG: others could change it (base/trust.h). CH_IO: it is damaged, or cannot be read and
 * written. Close with ch_store_close. */
CH_CHECKED ch_status ch_store_open(const char *folder, ch_store **out, ch_error *err);

/* Gives the lock back. Statements must have been finalised. NULL is fine. */
void ch_store_close(ch_store *store);

/* ---- for the rooms of state/ ---- */

/* The caller finalises `*out`, which is NULL after a failure. `doing` is for the message: "reading the nonces". */
CH_CHECKED ch_status ch_store_prepare(ch_store *store, const char *sql, const char *doing, struct sqlite3_stmt **out,
                                      ch_error *err);
/* Calls `take` for each row that `sql` yields, in their order. `doing` as above. */
CH_CHECKED ch_status ch_store_each(ch_store *store, const char *sql, const char *doing,
                                   void (*take)(void *context, struct sqlite3_stmt *row), void *context, ch_error *err);
/* CH_IO with the reason of the last call to SQLite that failed, and what to do if the database is damaged. */
ch_status ch_store_fail(const ch_store *store, const char *doing, ch_error *err);

/* What is written between the two is durable when the commit returns CH_OK; otherwise none of it is. */
CH_CHECKED ch_status ch_store_begin(ch_store *store, ch_error *err);
CH_CHECKED ch_status ch_store_commit(ch_store *store, ch_error *err);
/* Gives up what was begun. Harmless if nothing was. */
void ch_store_rollback(ch_store *store);
/* Says, between transactions, whether a power cut may lose the next ones. They cost a hundredth then, as a commit does
 * not wait for the disk. What is lost are the last ones: whatever survives, all that was committed before it does too.
 */
CH_CHECKED ch_status ch_store_set_may_lose(ch_store *store, bool may_lose, ch_error *err);
/* Writes something that means nothing: whether the state can be written. */
CH_CHECKED ch_status ch_store_touch(ch_store *store, ch_error *err);

/* Commits are added to a log. How many pages it has; and copies them into the file, which waits for the disk, so that
 * the log begins anew. Between transactions; nobody else empties the log before the end. */
unsigned ch_store_log_pages(const ch_store *store);
CH_CHECKED ch_status ch_store_empty_log(ch_store *store, ch_error *err);

#endif
