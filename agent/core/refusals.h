/* Refusals on their way into the journal. The first is written at once; equal ones within a second become one row that
 * says how often. So a flood of them costs the disk next to nothing, and nobody waits for their rows. Core's thread
 * only. */
#ifndef CH_AGENT_CORE_REFUSALS_H
#define CH_AGENT_CORE_REFUSALS_H

#include "agent/core/ledger.h"
#include "agent/core/record.h"

#define CH_REFUSALS_MAX 64 /* different ones in a second; what comes beyond them is only counted */

typedef struct ch_refusals ch_refusals;

/* `ledger` must outlive the room. */
ch_refusals *ch_refusals_new(ch_ledger *ledger);
void ch_refusals_free(ch_refusals *refusals);
/* A request was refused at `step`. */
void ch_refusals_note(ch_refusals *refusals, const ch_record_facts *facts, const char *step, const ch_error *why);
/* Writes what has been counted for a second. In each turn of the loop. */
void ch_refusals_turn(ch_refusals *refusals, uint64_t now_ns);

#endif
