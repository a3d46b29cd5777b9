/* What is taken in memory and has no row yet stands in the list `pending`, so that a snapshot can leave it out: its row
 * comes later, and would count it twice. What is given back while its row is under way stands in `returning`: if that
 * row is lost, one that takes it back would make what was signed less than it was. */
#include "agent/core/ledger_impl.h"

#include "agent/core/approval_rows.h"
#include "agent/core/callers.h"
#include "agent/core/record.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "exchange/intent.h"
#include "exchange/profile.h"
#include "policy/decide.h"
#include "policy/levels.h"
#include "policy/policy.h"
#include "policy/prices.h"
#include "policy/question.h"
#include "policy/states.h"
#include "state/journal.h"
#include "state/store.h"
#include "state/writer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_EVERY_NS 10000000000ULL
#define PRICES_EVERY_NS 10000000000ULL
#define PRICES_EVERY_NS_A_MEGABYTE 60000000000ULL /* of a snapshot, besides */
#define MEGABYTE (1U << 20)
#define BOOK_SIZE 256 /* names have 64 bytes at most */

/* ---- start and end ---- */

static ch_ledger *ledger_new(void)
{
    ch_ledger *ledger = ch_alloc(sizeof *ledger);
    ledger->levels = ch_levels_new();
    ledger->prices = ch_prices_new();
    ledger->states = ch_states_new();
    ledger->orders = ch_orders_new();
    ledger->approvals = ch_approvals_new();
    ledger->own_times = ch_own_times_new();
    ledger->reservations = ch_reservations_new();
    return ledger;
}

ch_status ch_ledger_open(ch_store *store, const char *trace_path, ch_ledger **out, ch_error *err)
{
    ch_ledger *ledger = *out = ledger_new();
    CH_TRY(ch_journal_open(store, trace_path, &ledger->journal, &ledger->is_older, err));
    if (ledger->is_older)
        ch_log("the state is older than the agent's trace of it, so it does not know all that was signed; requests "
               "are refused until an admin says: chancery state accept");
    return ch_ledger_read(ledger, err);
}

void ch_ledger_set_policy(ch_ledger *ledger, const ch_policy *policy, uint64_t now_ns)
{
    ledger->policy = policy;
    if (ch_levels_set_policy(ledger->levels, policy, now_ns))
        ledger->is_snapshot_due = true;
    ch_prices_set_rules(ledger->prices, &policy->prices);
    ch_journal_set_power_cut_safe(ledger->journal, policy->is_power_cut_safe);
}

/* A line for each thing that was taken. */
static void add_taken(const ch_ledger *ledger, const ch_reservation *reservation, ch_buffer *lines)
{
    for (size_t i = 0; i < reservation->count; i++) {
        const ch_level_row row = ch_levels_row(ledger->levels, &reservation->taken[i]);
        ch_ledger_add_level(lines, CH_LINE_TAKEN, &row);
    }
}

/* Memory and journal change together when an approval is used or given back, so a snapshot agrees with the rows. */
static void use_approval(ch_ledger *ledger, const ch_reservation *reservation, uint64_t now_ns)
{
    if (reservation->approval == 0)
        return;
    ch_approval_row_add_use(reservation->approval, now_ns, &ledger->lines);
    ch_approvals_use(ledger->approvals, reservation->approval, now_ns);
}

static void add_event(ch_ledger *ledger, const char *event, uint64_t now_ns)
{
    ch_buffer_clear(&ledger->record);
    ch_record_time(&ledger->record, "{", "time", now_ns);
    ch_record_text(&ledger->record, ",", "event", ch_slice_of(event));
    ch_buffer_add_byte(&ledger->record, '}');
}

/* The approval is given back no sooner than the row is added. Otherwise the row of another decision could use it before
 * this row, which would then undo that use. */
static void return_approval(ch_ledger *ledger, const ch_reservation *reservation)
{
    if (reservation->approval == 0)
        return;
    ch_approvals_unuse(ledger->approvals, reservation->approval);
    ch_approval_row_add_use(reservation->approval, 0, &ledger->lines);
}

static void add_return(ch_ledger *ledger, const ch_reservation *reservation)
{
    ch_moment now;
    uint64_t now_ns = ch_moment_now(&now) ? now.wall_ns : 0;
    ch_buffer_clear(&ledger->lines);
    ch_buffer_add_slice(&ledger->lines, ch_buffer_slice(&reservation->lines));
    return_approval(ledger, reservation);
    add_event(ledger, "not signed", now_ns);
    ch_ledger_add_row(ledger, CH_JOURNAL_RETURN, reservation->id, ch_buffer_slice(&ledger->record), now_ns);
}

static void settle_returning(ch_ledger *ledger, uint64_t id, bool is_recorded)
{
    ch_reservation **link = &ledger->returning;
    while (*link != NULL) {
        ch_reservation *at = *link;
        if (at->id > id) {
            link = &at->next;
            continue;
        }
        *link = at->next;
        if (is_recorded)
            add_return(ledger, at);
        else
            ch_approvals_unuse(ledger->approvals, at->approval);
        ch_reservation_free(at);
    }
}

/* What was lost is not written again; but a trading state must not be lost. */
static void on_recorded(void *context, uint64_t id, const ch_error *outcome)
{
    ch_ledger *ledger = context;
    bool is_recorded = outcome->status == CH_OK;
    ledger->is_snapshot_due = ledger->is_snapshot_due || !is_recorded;
    settle_returning(ledger, id, is_recorded);
    ch_ledger_settle_approvals(ledger, id, is_recorded);
    for (size_t i = 0; i < CH_LEDGER_WAITERS; i++) {
        const ch_row_waiter waiter = ledger->waiters[i];
        if (waiter.context == NULL || waiter.row > id)
            continue;
        ledger->waiters[i].context = NULL;
        waiter.answer(waiter.context, outcome);
    }
    ledger->owner.on_recorded(ledger->owner.context, id, outcome);
}

void ch_ledger_start(ch_ledger *ledger, ch_writer *writer, const ch_ledger_owner *owner)
{
    ledger->owner = *owner;
    ch_journal_start(ledger->journal, writer, on_recorded, ledger);
}

static void free_all(ch_reservation *first)
{
    for (ch_reservation *next; first != NULL; first = next) {
        next = first->next;
        ch_reservation_free(first);
    }
}

void ch_ledger_close(ch_ledger *ledger)
{
    if (ledger == NULL)
        return;
    ch_journal_close(ledger->journal);
    free_all(ledger->pending);
    free_all(ledger->returning);
    ch_levels_free(ledger->levels);
    ch_prices_free(ledger->prices);
    ch_states_free(ledger->states);
    ch_orders_free(ledger->orders);
    ch_approvals_free(ledger->approvals);
    ch_own_times_free(ledger->own_times);
    ch_reservations_free(ledger->reservations);
    ch_buffer_free(&ledger->lines);
    ch_buffer_free(&ledger->record);
    free(ledger);
}

/* ---- turns ---- */

static void keep_snapshot(ch_ledger *ledger, uint64_t now_ns)
{
    ch_autobuffer lines = CH_BUFFER_INIT;
    ch_ledger_add_all(ledger, now_ns, &lines);
    ch_journal_snapshot(ledger->journal, ch_buffer_slice(&lines), now_ns, ledger->policy->keep_decisions_ns);
    ledger->is_snapshot_due = false;
    ledger->kept_prices = ch_prices_generation(ledger->prices);
    ledger->prices_due_ns = now_ns + PRICES_EVERY_NS + lines.size / MEGABYTE * PRICES_EVERY_NS_A_MEGABYTE;
}

/* Prices have no rows, save those that are held; but what a source moves is measured over a restart too. */
static bool are_prices_due(const ch_ledger *ledger, uint64_t now_ns)
{
    return now_ns >= ledger->prices_due_ns && ch_prices_generation(ledger->prices) != ledger->kept_prices;
}

void ch_ledger_turn(ch_ledger *ledger, uint64_t now_ns)
{
    bool is_due =
        (ledger->is_snapshot_due || are_prices_due(ledger, now_ns)) && ch_journal_trouble(ledger->journal) == NULL;
    if (is_due || ch_journal_wants_snapshot(ledger->journal))
        keep_snapshot(ledger, now_ns);
    ch_journal_flush(ledger->journal);
    if (now_ns - ledger->swept_ns < SWEEP_EVERY_NS)
        return;
    ledger->swept_ns = now_ns;
    ch_levels_sweep(ledger->levels, now_ns);
    ch_forgotten_turn(ch_orders_forgotten(ledger->orders), now_ns);
    ch_approvals_sweep(ledger->approvals, now_ns);
    ch_own_times_sweep(ledger->own_times, now_ns);
}

void ch_ledger_try_again(ch_ledger *ledger)
{
    ch_journal_try_again(ledger->journal);
}

const ch_error *ch_ledger_trouble(const ch_ledger *ledger)
{
    return ch_journal_trouble(ledger->journal);
}

bool ch_ledger_is_writing(const ch_ledger *ledger)
{
    return ledger->last_row != 0 && !ch_journal_is_recorded(ledger->journal, ledger->last_row);
}

bool ch_ledger_is_recorded(const ch_ledger *ledger, uint64_t row)
{
    return ch_journal_is_recorded(ledger->journal, row);
}

ch_status ch_ledger_check(const ch_ledger *ledger, ch_error *err)
{
    const ch_error *trouble = ch_journal_trouble(ledger->journal);
    if (ledger->is_older)
        return ch_fail_rule(err, CH_REFUSED, "record",
                            "the agent's state is older than its trace of it: it was restored from a backup, and does "
                            "not know all that was signed; an admin must look, and then say: chancery state accept");
    if (trouble != NULL)
        return ch_fail(err, CH_UNAVAILABLE, "decisions cannot be recorded for now, so nothing is signed: %s",
                       trouble->message);
    return CH_OK;
}

ch_status ch_ledger_accept(ch_ledger *ledger, const ch_doer *by, ch_slice reason, uint64_t now_ns, uint64_t *row,
                           ch_error *err)
{
    if (!ledger->is_older)
        return ch_fail(err, CH_CONFLICT, "the state is not older than its trace; there is nothing to accept");
    ledger->is_older = false;
    ch_journal_accept(ledger->journal);
    ch_log("%.*s accepts a state that is older than its trace: %.*s", CH_SLICE_ARGS(by->name), CH_SLICE_ARGS(reason));
    ch_buffer_clear(&ledger->record);
    ch_record_time(&ledger->record, "{", "time", now_ns);
    ch_record_text(&ledger->record, ",", "event", CH_LITERAL("state accepted"));
    ch_record_text(&ledger->record, ",", "why", reason);
    ch_ledger_add_doer(&ledger->record, by);
    ch_buffer_add_byte(&ledger->record, '}');
    ch_buffer_clear(&ledger->lines);
    ch_ledger_end_all_approvals(ledger, by->uid, now_ns);
    *row = ch_ledger_add_row(ledger, CH_JOURNAL_EVENT, 0, ch_buffer_slice(&ledger->record), now_ns);
    return CH_OK;
}

/* ---- questions ---- */

/* Two exchanges of one account may have the same id each for an order of its own. */
static ch_slice book_of(const ch_policy *policy, const ch_key *key, char out[BOOK_SIZE])
{
    snprintf(out, BOOK_SIZE, "%s %s", policy->accounts[key->account].name, ch_profile_name(key->profile));
    return ch_slice_of(out);
}

static const ch_item *look_up(const void *context, const ch_key *key, ch_slice order)
{
    const ch_ledger *ledger = context;
    char book[BOOK_SIZE];
    return ch_orders_find(ledger->orders, book_of(ledger->policy, key, book), order);
}

void ch_ledger_prepare(const ch_ledger *ledger, ch_question *question)
{
    question->prices = ledger->prices;
    question->states = ledger->states;
    question->look_up = look_up;
    question->look_up_context = ledger;
}

uint64_t ch_ledger_generation(const ch_ledger *ledger)
{
    return ch_states_generation(ledger->states) + ch_prices_generation(ledger->prices);
}

const ch_levels *ch_ledger_levels(const ch_ledger *ledger)
{
    return ledger->levels;
}

/* ---- reservations ---- */

static void add_pending(ch_ledger *ledger, ch_reservation *reservation)
{
    reservation->next = ledger->pending;
    if (ledger->pending != NULL)
        ledger->pending->previous = reservation;
    ledger->pending = reservation;
}

static void remove_pending(ch_ledger *ledger, ch_reservation *reservation)
{
    assert(reservation->previous != NULL || ledger->pending == reservation);
    *(reservation->previous == NULL ? &ledger->pending : &reservation->previous->next) = reservation->next;
    if (reservation->next != NULL)
        reservation->next->previous = reservation->previous;
    reservation->previous = reservation->next = NULL;
}

ch_status ch_ledger_try(ch_ledger *ledger, ch_judgement *judgement, const ch_question *question, ch_error *err)
{
    return ch_judgement_take(judgement, question, ledger->levels, true, NULL, err);
}

/* What the request means for amendments to come. */
static void note_orders(ch_ledger *ledger, ch_reservation *reservation, const ch_question *question)
{
    char text[BOOK_SIZE];
    ch_slice book = book_of(question->policy, question->key, text);
    for (size_t i = 0; i < question->reading_count; i++) {
        const ch_intent *intent = question->readings[i].intent;
        for (size_t k = 0; intent != NULL && k < ch_intent_count(intent); k++) {
            uint32_t hash;
            const ch_item *item = ch_intent_item(intent, k);
            if (ch_orders_hash(book, item, &hash))
                ch_ledger_add_order(&reservation->lines, hash);
            ch_orders_note(ledger->orders, book, reservation->uid, item);
        }
    }
}

/* Makes a reservation of the first `count` amounts in `ledger->taken`. */
static ch_reservation *make_reservation(ch_ledger *ledger, size_t count, const ch_question *question, uid_t uid)
{
    ch_autobuffer names = CH_BUFFER_INIT;
    if (count > 0) /* else nothing can be released */
        ch_callers_print(question->policy, question->callers, &names);
    ch_reservation *made = ch_reservation_new(uid, ch_buffer_text(&names), count);
    if (count > 0)
        memcpy(made->taken, ledger->taken, count * sizeof made->taken[0]);
    add_pending(ledger, made);
    note_orders(ledger, made, question);
    return made;
}

ch_status ch_ledger_reserve(ch_ledger *ledger, ch_judgement *judgement, const ch_question *question, uid_t uid,
                            ch_reservation **out, ch_error *err)
{
    if (ch_judgement_take(judgement, question, ledger->levels, false, ledger->taken, err) != CH_OK) {
        ch_ledger_punish(ledger, question, &judgement->refusal);
        return err->status;
    }
    *out = make_reservation(ledger, judgement->charge_count, question, uid);
    return CH_OK;
}

ch_reservation *ch_ledger_reserve_nothing(ch_ledger *ledger, const ch_question *question, uid_t uid)
{
    return make_reservation(ledger, 0, question, uid);
}

void ch_ledger_note_own_time(ch_ledger *ledger, ch_reservation *reservation, ch_slice caller, ch_slice key,
                             uint64_t own_ns)
{
    ch_own_times_note(ledger->own_times, caller, key, own_ns, &reservation->lines);
}

void ch_ledger_begin_own_times_anew(ch_ledger *ledger)
{
    ch_own_times_begin_anew(ledger->own_times);
}

const ch_own_times *ch_ledger_own_times(const ch_ledger *ledger)
{
    return ledger->own_times;
}

uint64_t ch_ledger_record(ch_ledger *ledger, ch_reservation *reservation, uint64_t now_ns)
{
    ch_buffer_clear(&ledger->lines);
    ch_own_times_note_decision(ledger->own_times, now_ns);
    add_taken(ledger, reservation, &ledger->lines);
    use_approval(ledger, reservation, now_ns);
    ch_buffer_add_slice(&ledger->lines, ch_buffer_slice(&reservation->lines));
    remove_pending(ledger, reservation);
    reservation->id = ch_ledger_add_row(ledger, CH_JOURNAL_DECISION, 0, ch_buffer_slice(&reservation->record), now_ns);
    ch_buffer_free(&reservation->lines);
    ch_buffer_free(&reservation->record);
    return reservation->id;
}

void ch_ledger_return(ch_ledger *ledger, ch_reservation *reservation)
{
    if (reservation == NULL)
        return;
    for (size_t i = 0; i < reservation->count; i++)
        ch_levels_return(ledger->levels, &reservation->taken[i]);
    bool has_row = reservation->id != 0 && !reservation->is_lost;
    if (reservation->id == 0)
        remove_pending(ledger, reservation);
    if (has_row)
        add_taken(ledger, reservation, &reservation->lines); /* the levels may be gone when the row is on the disk */
    if (reservation->is_lost)
        ch_approvals_unuse(ledger->approvals, reservation->approval);
    if (has_row && !ch_journal_is_recorded(ledger->journal, reservation->id)) {
        reservation->next = ledger->returning;
        ledger->returning = reservation;
        return;
    }
    if (has_row)
        add_return(ledger, reservation);
    ch_reservation_free(reservation);
}

void ch_ledger_keep(ch_ledger *ledger, ch_reservation *reservation)
{
    if (reservation->id == 0)
        remove_pending(ledger, reservation);
    if (reservation->id != 0 && reservation->count > 0)
        ch_reservations_add(ledger->reservations, reservation);
    else
        ch_reservation_free(reservation);
}

void ch_ledger_note_refusal(ch_ledger *ledger, ch_slice record, uint64_t now_ns)
{
    ch_buffer_clear(&ledger->lines);
    ch_ledger_add_row(ledger, CH_JOURNAL_REFUSAL, 0, record, now_ns);
}

/* ---- those who wait ---- */

ch_status ch_ledger_await(ch_ledger *ledger, uint64_t row, void *context,
                          void (*answer)(void *context, const ch_error *outcome), ch_error *err)
{
    for (size_t i = 0; i < CH_LEDGER_WAITERS; i++) {
        if (ledger->waiters[i].context != NULL)
            continue;
        ledger->waiters[i] = (ch_row_waiter){.context = context, .row = row, .answer = answer};
        return CH_OK;
    }
    return ch_fail(err, CH_BUSY,
                   "too many wait for the disk of the agent's state; it was done, and may not be kept yet");
}

ch_status ch_ledger_ask(ch_ledger *ledger, const ch_journal_query *query, ch_error *err)
{
    return ch_journal_ask(ledger->journal, query, err);
}

void ch_ledger_forget(ch_ledger *ledger, const void *context)
{
    if (ledger == NULL)
        return;
    for (size_t i = 0; i < CH_LEDGER_WAITERS; i++) {
        if (ledger->waiters[i].context == context)
            ledger->waiters[i].context = NULL;
    }
    ch_journal_forget(ledger->journal, context);
}
