/* What bots and relays report of requests that were signed. Nobody can check it, so the limits say how much of them may
 * come back: `release` by what bots report, `relay_release` by what relays do. */
#include "agent/core/ledger_impl.h"

#include "agent/core/callers.h"
#include "agent/core/record.h"
#include "policy/levels.h"
#include "policy/policy.h"
#include "state/journal.h"

#include <inttypes.h>

/* ---- giving back ---- */

/* An order that was rejected or closed is not open, so all of that comes back; of what was placed, as much of a
 * rejected one as the limit lets. */
static ch_decimal give_back(ch_ledger *ledger, const ch_taken *taken, const ch_entry_rule *limit, bool is_closed,
                            ch_reporter by, uint64_t now_ns)
{
    bool is_open_value = limit->limit.control == CH_CONTROL_OPEN_VALUE;
    return is_closed && !is_open_value ? CH_DECIMAL_ZERO : ch_levels_release(ledger->levels, taken, limit, by, now_ns);
}

/* What was given back, and that so much was released in this period. */
static void add_released(ch_ledger *ledger, const ch_taken *taken, const ch_entry_rule *limit, ch_decimal amount,
                         uint64_t now_ns)
{
    ch_level_row row = ch_levels_row(ledger->levels, taken);
    row.amount = amount;
    ch_ledger_add_level(&ledger->lines, CH_LINE_TAKEN, &row);
    if (limit->limit.control == CH_CONTROL_OPEN_VALUE)
        return;
    row = ch_levels_released_row(ledger->levels, taken, amount, now_ns);
    ch_ledger_add_level(&ledger->lines, CH_LINE_TAKEN, &row);
}

static void tell_released(const ch_entry_rule *limit, ch_decimal amount, const ch_released *tell)
{
    ch_autobuffer line = CH_BUFFER_INIT;
    ch_buffer_add_format(&line, "%s: ", limit->name);
    ch_decimal_print(amount, &line);
    if (limit->limit.asset != NULL)
        ch_buffer_add_format(&line, " %s", limit->limit.asset);
    tell->take(tell->context, ch_buffer_slice(&line));
}

/* Appends to the ledger's lines. */
static void release(ch_ledger *ledger, const ch_reservation *reservation, bool is_closed, ch_reporter by,
                    uint64_t now_ns, const ch_released *tell)
{
    for (size_t i = 0; i < reservation->count; i++) {
        const ch_taken *taken = &reservation->taken[i];
        const ch_entry_rule *limit = ch_policy_find_limit(ledger->policy, ch_levels_row(ledger->levels, taken).limit);
        ch_decimal amount = limit == NULL ? CH_DECIMAL_ZERO : give_back(ledger, taken, limit, is_closed, by, now_ns);
        if (ch_decimal_is_zero(amount))
            continue;
        add_released(ledger, taken, limit, amount, now_ns);
        tell_released(limit, amount, tell);
    }
}

/* ---- bots ---- */

static void note_release(ch_ledger *ledger, const ch_reservation *reservation, bool is_closed, uint64_t now_ns)
{
    ch_buffer_clear(&ledger->record);
    ch_record_time(&ledger->record, "{", "time", now_ns);
    ch_record_text(&ledger->record, ",", "event", is_closed ? CH_LITERAL("closed") : CH_LITERAL("released"));
    ch_buffer_add_format(&ledger->record, ",\"uid\":%u}", (unsigned)reservation->uid);
    ch_ledger_add_row(ledger, CH_JOURNAL_RETURN, reservation->id, ch_buffer_slice(&ledger->record), now_ns);
}

ch_status ch_ledger_release(ch_ledger *ledger, uint64_t id, uid_t uid, const ch_caller_set *callers, bool is_closed,
                            uint64_t now_ns, const ch_released *tell, ch_error *err)
{
    ch_autobuffer names = CH_BUFFER_INIT;
    ch_callers_print(ledger->policy, callers, &names);
    ch_buffer_text(&names);
    ch_reservation *found = ch_reservations_take(ledger->reservations, id, uid, ch_buffer_slice(&names));
    if (found == NULL)
        return ch_fail(err, CH_NOT_FOUND,
                       "there is no reservation %" PRIu64 " of yours that could be released: it was released, or took "
                       "nothing; or it is older than the agent's last start, or than your last %d, and stays counted",
                       id, CH_RESERVATIONS_SHARE);
    ch_buffer_clear(&ledger->lines);
    release(ledger, found, is_closed, CH_REPORTER_BOT, now_ns, tell);
    note_release(ledger, found, is_closed, now_ns);
    ch_reservation_free(found);
    return CH_OK;
}

/* ---- relays ---- */

static void add_report(const ch_relay_report *report, uint64_t now_ns, ch_buffer *out)
{
    ch_buffer_clear(out);
    ch_record_time(out, "{", "time", now_ns);
    ch_record_text(out, ",", "event", report->event);
    ch_record_text(out, ",", "relay", report->relay);
    if (report->status != 0)
        ch_buffer_add_format(out, ",\"status\":%u", report->status);
    ch_buffer_add_format(out, ",\"uid\":%u}", (unsigned)report->uid);
}

/* Of a reservation that has been forgotten, or that took nothing, only the report is noted. Not as an event: those are
 * waited for until they would survive a power cut. */
void ch_ledger_report(ch_ledger *ledger, const ch_relay_report *report, uint64_t now_ns, const ch_released *tell)
{
    ch_reservation *found = NULL;
    ch_buffer_clear(&ledger->lines);
    if (report->is_undone)
        found = ch_reservations_take(ledger->reservations, report->row, report->uid, report->callers);
    if (found != NULL)
        release(ledger, found, false, CH_REPORTER_RELAY, now_ns, tell);
    ch_reservation_free(found);
    add_report(report, now_ns, &ledger->record);
    ch_ledger_add_row(ledger, CH_JOURNAL_RETURN, report->row, ch_buffer_slice(&ledger->record), now_ns);
}
