/* The end of the agent: what is saved last, and the token processes that are ending. */
#ifndef CH_AGENT_CORE_FAREWELL_H
#define CH_AGENT_CORE_FAREWELL_H

#include "agent/core/clockwatch.h"
#include "agent/core/dying.h"
#include "agent/core/ledger.h"
#include "state/nonces.h"
#include "state/prints.h"
#include "state/store.h"
#include "state/people.h"
#include "state/tries.h"
#include "state/writer.h"

/* Everything is borrowed, and of no use afterwards. */
typedef struct ch_farewell {
    ch_writer *writer;
    ch_clockwatch *clock;
    ch_nonces *nonces;
    ch_prints *prints;
    ch_tries *tries;
    ch_people *people;
    ch_ledger *ledger;
    ch_store *store;
    ch_dying *dying;
    int saved_fd; /* the room's */
} ch_farewell;

/* Stops the writer, saves the time and gives back what nonces were not drawn, closes the store, and waits for the
 * processes in `dying`; within a second in all. False if the disk of the state hangs: a thread is left that still uses
 * all of this, and the process must end without freeing any of it. What was reserved is then never drawn. */
bool ch_farewell_end(ch_farewell *farewell);

#endif
