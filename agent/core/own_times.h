/* The newest times that requests of relays have named themselves, of each caller and key, while they are still to come.
 *
 * What was sent for relays is known as long as the agent runs (agent/core/sent.h). After a restart, a request is known
 * as old by its own time, if that lies before the start. The time of a bot whose clock is ahead does not; so it stands
 * in the row of the decision, and after a restart no request of that caller and key is signed that is not newer. While
 * the agent runs, what it has noted itself forbids nothing: requests come in any order. If the clock is set back over a
 * restart, times of before it are ahead that were not before; so the time of the last decision counts for everybody.
 *
 * Only the ledger (agent/core/ledger.h) changes the table, for it writes each change into the journal. Bounded by the
 * callers and keys that have named such a time of late. Pure; core's thread only. */
#ifndef CH_AGENT_CORE_OWN_TIMES_H
#define CH_AGENT_CORE_OWN_TIMES_H

#include "agent/core/ledger_lines.h"

/* What is further from now, past or to come, is of a clock that was set since, and by much. No request names such a
 * time (exchange/wire_time.h). */
#define CH_OWN_TIME_KEPT_NS (48 * 3600 * UINT64_C(1000000000))

typedef struct ch_own_times ch_own_times;

ch_own_times *ch_own_times_new(void);
void ch_own_times_free(ch_own_times *times);

/* The newest time of that caller and key from before this start, or that of the last decision; 0: neither. */
uint64_t ch_own_times_before(const ch_own_times *times, ch_slice caller, ch_slice key);

/* A request that names this time is going to be signed; appends its line. */
void ch_own_times_note(ch_own_times *times, ch_slice caller, ch_slice key, uint64_t own_ns, ch_buffer *lines);
/* A decision is recorded; its row says when. */
void ch_own_times_note_decision(ch_own_times *times, uint64_t now_ns);
/* From now on what was noted is of before, as if the agent had started: the clock was set back. */
void ch_own_times_begin_anew(ch_own_times *times);
/* Forgets what can matter no more. */
void ch_own_times_sweep(ch_own_times *times, uint64_t now_ns);
size_t ch_own_times_count(const ch_own_times *times);

/* ---- as lines of the ledger ---- */

/* Appends all that a next start should know. */
void ch_own_times_add_all(const ch_own_times *times, uint64_t now_ns, ch_buffer *lines);
/* A row of before this start was a decision. */
void ch_own_times_restore_decision(ch_own_times *times, uint64_t row_ns);
/* Reads a line of before this start into the table. Returns false if it cannot be read. */
CH_CHECKED bool ch_own_times_read(ch_own_times *times, ch_line *line);

#endif
