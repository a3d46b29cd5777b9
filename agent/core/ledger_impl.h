/* What the files of the ledger share, and nobody else sees. What bots and relays report is in ledger_reports.c. */
#ifndef CH_AGENT_CORE_LEDGER_IMPL_H
#define CH_AGENT_CORE_LEDGER_IMPL_H

#include "agent/core/ledger.h"
#include "agent/core/orders.h"
#include "agent/core/own_times.h"

#define CH_LEDGER_WAITERS 32

typedef struct ch_row_waiter {
    void *context; /* NULL: free */
    uint64_t row;
    void (*answer)(void *context, const ch_error *outcome);
} ch_row_waiter;

struct ch_ledger {
    ch_journal *journal;
    ch_ledger_owner owner;
    const ch_policy *policy;
    bool is_older; /* the state, than the agent's trace of it */
    ch_levels *levels;
    ch_prices *prices;
    ch_states *states;
    ch_orders *orders;
    ch_approvals *approvals;
    ch_own_times *own_times;
    size_t unsettled;               /* rows under way that say what was asked or given */
    ch_reservations *reservations;  /* of what was signed */
    ch_reservation *pending;        /* those without a row */
    ch_reservation *returning;      /* those given back whose row is under way */
    bool is_snapshot_due;           /* rows were lost */
    ch_taken taken[CH_CHARGES_MAX]; /* by the request that is being judged */
    uint64_t last_row;
    uint64_t swept_ns;
    uint64_t kept_prices;   /* their generation in the last snapshot */
    uint64_t prices_due_ns; /* when a snapshot should have newer ones */
    ch_row_waiter waiters[CH_LEDGER_WAITERS];
    ch_buffer lines;  /* of the row that is being made */
    ch_buffer record; /* likewise */
};

/* ---- ledger_rows.c: what stands in the journal ---- */

/* Reads the whole journal. CH_IO: it has a line that cannot be read. */
CH_CHECKED ch_status ch_ledger_read(ch_ledger *ledger, ch_error *err);
/* Appends a line for what is taken, given back, or set. */
void ch_ledger_add_level(ch_buffer *lines, char kind, const ch_level_row *row);
void ch_ledger_add_state(ch_buffer *lines, const ch_state_row *row);
void ch_ledger_add_price(ch_buffer *lines, const ch_price_row *row);
void ch_ledger_add_order(ch_buffer *lines, uint32_t hash);
/* Appends who did it to a record. */
void ch_ledger_add_doer(ch_buffer *record, const ch_doer *by);
/* Appends a row of `ledger->lines` and `record`, and returns its id. */
uint64_t ch_ledger_add_row(ch_ledger *ledger, ch_journal_kind kind, uint64_t of, ch_slice record, uint64_t now_ns);

/* The kinds of lines: of levels, and of all else. */
#define CH_LINE_TAKEN 'L'
#define CH_LINE_NOT_TAKEN 'R' /* of a snapshot only: what is among its levels, but will have a row after it */

/* ---- ledger_approvals.c ---- */

/* The rows up to `id` are on the disk; or else they are lost, and what they said of approvals is removed. */
void ch_ledger_settle_approvals(ch_ledger *ledger, uint64_t id, bool is_recorded);
/* Denies every open approval, and appends lines that say so: an older state does not know which were signed since. */
void ch_ledger_end_all_approvals(ch_ledger *ledger, uid_t by, uint64_t now_ns);

/* ---- ledger_changes.c ---- */

/* What a limit says should happen to the callers who have used it up. */
void ch_ledger_punish(ch_ledger *ledger, const ch_question *question, const ch_refusal *refusal);

#endif
