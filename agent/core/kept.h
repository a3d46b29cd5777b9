/* What the agent keeps in its state, in one place: opened at the start, written by one thread, closed by the farewell
 * (agent/core/farewell.h). Core's thread only. */
#ifndef CH_AGENT_CORE_KEPT_H
#define CH_AGENT_CORE_KEPT_H

#include "agent/core/clockwatch.h"
#include "agent/core/ledger.h"
#include "agent/core/rules.h"
#include "base/loop.h"
#include "state/nonces.h"
#include "state/people.h"
#include "state/prints.h"
#include "state/store.h"
#include "state/tries.h"
#include "state/writer.h"

typedef struct ch_kept {
    ch_loop *loop;
    ch_store *store;
    ch_nonces *nonces;
    ch_prints *prints;
    ch_tries *tries;
    ch_people *people;
    ch_ledger *ledger;
    ch_clockwatch *clock;
    ch_writer *writer;
    ch_source written; /* the writer has something */
    ch_timer retry;    /* of what could not be written */
} ch_kept;

/* Opens the state that `rules` name, and reads it; sets the counters of the keys. It must stay where it is. */
CH_CHECKED ch_status ch_kept_open(ch_kept *kept, ch_rules *rules, ch_error *err);
/* From here on the state belongs to the writer's thread. */
CH_CHECKED ch_status ch_kept_start(ch_kept *kept, ch_loop *loop, const ch_nonce_owner *nonces,
                                   const ch_ledger_owner *ledger, ch_error *err);

#endif
