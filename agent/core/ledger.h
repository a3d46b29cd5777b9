/* The ledger: everything that decisions remember. It owns the levels of all limits, the trading states, the reference
 * prices, the agent's own record of orders, the approvals, the times that requests of relays have named ahead of the
 * clock, and the reservations that may still be returned; and it writes the journal, from which it finds all that again
 * after a crash.
 *
 * A request is judged (policy/decide.h) by what ch_ledger_prepare puts into its question, takes what it needs in memory
 * (ch_ledger_reserve), is recorded (ch_ledger_record), and goes on when that is on the disk. What was counted is never
 * less than what was signed. A reservation is returned as long as nothing was signed for it; afterwards it is kept, and
 * a bot may report that the exchange rejected the order (ch_ledger_release). Core's thread only. */
#ifndef CH_AGENT_CORE_LEDGER_H
#define CH_AGENT_CORE_LEDGER_H

#include "agent/core/approvals.h"
#include "agent/core/own_times.h"
#include "agent/core/reservations.h"
#include "policy/decide.h"
#include "state/journal.h"

typedef struct ch_ledger ch_ledger;

/* Who waits for rows. `outcome` is CH_OK if all up to `id` are on the disk; else those are not, and never will be. */
typedef struct ch_ledger_owner {
    void *context;
    void (*on_recorded)(void *context, uint64_t id, const ch_error *outcome);
} ch_ledger_owner;

/* Somebody who changes something: the user, and the name that policy has for it. */
typedef struct ch_doer {
    uid_t uid;
    ch_slice name;
} ch_doer;

/* ---- start and end ---- */

/* Reads the journal in `store`. `trace_path` may be NULL. CH_IO: it cannot be read. Close with ch_ledger_close. */
CH_CHECKED ch_status ch_ledger_open(ch_store *store, const char *trace_path, ch_ledger **out, ch_error *err);
/* From here on the limits are those of `policy`, which must outlive the ledger or the next call. */
void ch_ledger_set_policy(ch_ledger *ledger, const ch_policy *policy, uint64_t now_ns);
/* From here on rows are written, by `writer`. */
void ch_ledger_start(ch_ledger *ledger, ch_writer *writer, const ch_ledger_owner *owner);
/* The writer must have been stopped. NULL is fine. */
void ch_ledger_close(ch_ledger *ledger);

/* At the end of each turn of the loop: rows leave. */
void ch_ledger_turn(ch_ledger *ledger, uint64_t now_ns);
/* Tries again what could not be written; to be called now and then. */
void ch_ledger_try_again(ch_ledger *ledger);
/* Why decisions cannot be recorded for now; NULL: they can. */
const ch_error *ch_ledger_trouble(const ch_ledger *ledger);
/* Returns true if that row is on the disk. */
bool ch_ledger_is_recorded(const ch_ledger *ledger, uint64_t row);
/* Rows that are not on the disk yet. */
bool ch_ledger_is_writing(const ch_ledger *ledger);

/* CH_REFUSED, rule `record`: the state is older than the agent's own trace of it, so it does not know what was signed
 * since; an admin must accept that. */
CH_CHECKED ch_status ch_ledger_check(const ch_ledger *ledger, ch_error *err);
/* An admin does. Returns the row to wait for. CH_CONFLICT: there is nothing to accept. */
CH_CHECKED ch_status ch_ledger_accept(ch_ledger *ledger, const ch_doer *by, ch_slice reason, uint64_t now_ns,
                                      uint64_t *row, ch_error *err);

/* Appends all that the rows so far amount to, as lines: for the snapshot, and to be compared. */
void ch_ledger_add_all(const ch_ledger *ledger, uint64_t now_ns, ch_buffer *lines);

/* ---- a request ---- */

/* Sets the prices, states and orders of a question. */
void ch_ledger_prepare(const ch_ledger *ledger, ch_question *question);
/* Changes when prices or states change, so that who was judged before is judged again. */
uint64_t ch_ledger_generation(const ch_ledger *ledger);
const ch_levels *ch_ledger_levels(const ch_ledger *ledger);
/* Would the windows have room for what the judgement needs? Takes nothing. */
CH_CHECKED ch_status ch_ledger_try(ch_ledger *ledger, ch_judgement *judgement, const ch_question *question,
                                   ch_error *err);
/* Takes it, for user `uid`. A refusal because a limit is used up has what the limit says of that. `*out` is settled by
 * one of the two: ch_ledger_return, ch_ledger_keep. */
CH_CHECKED ch_status ch_ledger_reserve(ch_ledger *ledger, ch_judgement *judgement, const ch_question *question,
                                       uid_t uid, ch_reservation **out, ch_error *err);
/* Makes a reservation that takes nothing of limits, and so is never refused. */
ch_reservation *ch_ledger_reserve_nothing(ch_ledger *ledger, const ch_question *question, uid_t uid);
/* What is reserved is for a request of a relay, whose own time is still to come: its row will say so. */
void ch_ledger_note_own_time(ch_ledger *ledger, ch_reservation *reservation, ch_slice caller, ch_slice key,
                             uint64_t own_ns);
/* The clock shows a time of before the agent's start. */
void ch_ledger_begin_own_times_anew(ch_ledger *ledger);
const ch_own_times *ch_ledger_own_times(const ch_ledger *ledger);
/* Appends the decision's row, with the reservation's record, and returns its id. This uses the approval that the
 * reservation names, which must be open. */
uint64_t ch_ledger_record(ch_ledger *ledger, ch_reservation *reservation, uint64_t now_ns);
/* Nothing was signed: what was taken is given back, and so says a row of its own if the decision has one. Takes it
 * over. NULL is fine. */
void ch_ledger_return(ch_ledger *ledger, ch_reservation *reservation);
/* Something was signed, or may have been: it counts. */
void ch_ledger_keep(ch_ledger *ledger, ch_reservation *reservation); /* takes it over */
/* Appends a refusal's row, which nobody waits for. */
void ch_ledger_note_refusal(ch_ledger *ledger, ch_slice record, uint64_t now_ns);

/* Who hears what was given back. */
typedef struct ch_released {
    void *context;
    void (*take)(void *context, ch_slice line);
} ch_released;

/* A bot reports that the exchange rejected what reservation `id` was for: gives back what the limits let. Or that it
 * `is_closed`: gives back what is counted of what is open, and nothing else. Calls `tell` with a line for each of them.
 * CH_NOT_FOUND: as these callers, the user has no such reservation, or not any more. */
CH_CHECKED ch_status ch_ledger_release(ch_ledger *ledger, uint64_t id, uid_t uid, const ch_caller_set *callers,
                                       bool is_closed, uint64_t now_ns, const ch_released *tell, ch_error *err);

/* What a relay reports of a request that it was to send. */
typedef struct ch_relay_report {
    uint64_t row; /* of the decision */
    uid_t uid;    /* whose request it was */
    ch_slice callers;
    ch_slice relay;  /* its name */
    ch_slice event;  /* "not sent", "rejected" or "answered" */
    unsigned status; /* of the exchange's answer; 0: there is none */
    bool is_undone;  /* nothing was placed: give back what the limits let */
} ch_relay_report;
/* Puts it on record, gives back what it may, and calls `tell` with a line for each. Once per decision. */
void ch_ledger_report(ch_ledger *ledger, const ch_relay_report *report, uint64_t now_ns, const ch_released *tell);

/* ---- states and prices ---- */

const ch_states *ch_ledger_states(const ch_ledger *ledger);
const ch_prices *ch_ledger_prices(const ch_ledger *ledger);
/* Sets a trading state, for the reason that the row gives. Returns the row of the journal to wait for. */
uint64_t ch_ledger_set_state(ch_ledger *ledger, const ch_state_row *row, uint64_t now_ns);
/* The same, but never loosens anything: a state that is stricter already, or lasts longer, stays. `now_ns` is 0 if
 * nobody knows the time. A row is written in any case. */
uint64_t ch_ledger_freeze(ch_ledger *ledger, const ch_state_row *row, uint64_t now_ns);
/* As ch_prices_put; a source that is held from now on is logged, and is still held after a restart. */
CH_CHECKED ch_status ch_ledger_put_price(ch_ledger *ledger, const ch_quote *quote, uint64_t now_ns,
                                         ch_quote_outcome *outcome, ch_error *err);
/* As ch_prices_confirm. `*row` is the row to wait for. */
CH_CHECKED ch_status ch_ledger_confirm_price(ch_ledger *ledger, ch_slice source, ch_slice pair, ch_decimal seen,
                                             const ch_doer *by, uint64_t now_ns, uint64_t *row, ch_error *err);

/* ---- approvals (ledger_approvals.c) ---- */

const ch_approvals *ch_ledger_approvals(const ch_ledger *ledger);
/* Adds an approval with the requirements of the judgement, and appends its row. Wait for the row: if it is lost, the
 * approval is removed. Refuses as ch_approvals_ask does. */
CH_CHECKED ch_status ch_ledger_add_approval(ch_ledger *ledger, const ch_approval_asked *asked,
                                            const ch_judgement *judgement, const ch_question *question,
                                            const ch_approval **out, ch_error *err);
/* Replaces the approval's requirements by those of a judgement by the policy of now, and appends a row if they differ.
 * Does nothing if the judgement has none, or if there is no approval with that id. */
void ch_ledger_renew_approval(ch_ledger *ledger, uint64_t id, const ch_judgement *judgement, uint64_t now_ns);
/* Adds a person's approval of what has that digest; refuses as ch_approvals_give does. `*row` is the row to wait for.
 */
CH_CHECKED ch_status ch_ledger_approve(ch_ledger *ledger, uint64_t id, const uint8_t *digest, const ch_given_by *by,
                                       uint64_t *row, ch_error *err);
/* How an open approval ends: a person denies it, or the bot withdraws it. */
typedef struct ch_approval_ending {
    const uint8_t *digest; /* NULL: not compared */
    ch_approval_state how; /* CH_APPROVAL_DENIED, CH_APPROVAL_WITHDRAWN */
    const char *person;    /* who denies it; else "" */
    uid_t uid;
    const char *why; /* of a denial; else "" */
} ch_approval_ending;
/* Ends an open approval; refuses as ch_approvals_get does. `*row` is the row to wait for. */
CH_CHECKED ch_status ch_ledger_end_approval(ch_ledger *ledger, uint64_t id, const ch_approval_ending *ending,
                                            uint64_t now_ns, uint64_t *row, ch_error *err);
/* Returns the row to wait for by whoever ends an approval that has ended so already: 0 if its end is on the disk, or
 * else another row, since the first one may be lost. */
uint64_t ch_ledger_end_again(ch_ledger *ledger, uint64_t id, uint64_t now_ns);

/* ---- those who wait for a row ---- */

/* `answer` is called once with the row's outcome, unless ch_ledger_forget comes first. CH_BUSY: too many wait. */
CH_CHECKED ch_status ch_ledger_await(ch_ledger *ledger, uint64_t row, void *context,
                                     void (*answer)(void *context, const ch_error *outcome), ch_error *err);
/* As ch_journal_ask. */
CH_CHECKED ch_status ch_ledger_ask(ch_ledger *ledger, const ch_journal_query *query, ch_error *err);
/* Whoever waits with this context has left. NULL is fine. */
void ch_ledger_forget(ch_ledger *ledger, const void *context);

#endif
