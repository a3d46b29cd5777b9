/* What others than requests change: trading states and prices. */
#include "agent/core/ledger_impl.h"

#include "agent/core/record.h"
#include "base/log.h"
#include "policy/period.h"
#include "policy/policy.h"
#include "policy/prices.h"
#include "policy/question.h"
#include "policy/states.h"
#include "state/journal.h"

/* ---- trading states ---- */

const ch_states *ch_ledger_states(const ch_ledger *ledger)
{
    return ledger->states;
}

static void record_whose(ch_buffer *record, const ch_state_row *row)
{
    static const char *const names[] = {
        [CH_STATE_OF_CALLER] = "caller", [CH_STATE_OF_KEY] = "key", [CH_STATE_OF_VERSION] = "version"};
    if (row->of == CH_STATE_OF_ALL)
        ch_buffer_add_text(record, ",\"all\":true");
    else
        ch_record_text(record, ",", names[row->of], row->name);
}

static void record_state(ch_ledger *ledger, const ch_state_row *row, uint64_t now_ns)
{
    ch_buffer *record = &ledger->record;
    ch_buffer_clear(record);
    ch_record_time(record, "{", "time", now_ns);
    ch_record_text(record, ",", "event", ch_slice_of(row->of == CH_STATE_OF_VERSION ? "key revoked" : "trading state"));
    record_whose(record, row);
    ch_record_text(record, ",", "state", ch_slice_of(ch_trading_name(row->state)));
    if (row->until_ns != 0)
        ch_record_time(record, ",", "until", row->until_ns);
    ch_record_text(record, ",", "why", row->why);
    ch_buffer_add_byte(record, '}');
}

/* What counts now, and why whoever asked for it did. */
static uint64_t note_state(ch_ledger *ledger, const ch_state_row *row, ch_slice why, uint64_t now_ns)
{
    ch_autobuffer whose = CH_BUFFER_INIT;
    ch_state_row asked = *row;
    ch_state_row_whose(row, &whose);
    ch_log("%s is %s now: %.*s", ch_buffer_text(&whose), ch_trading_name(row->state), CH_SLICE_ARGS(why));
    ch_buffer_clear(&ledger->lines);
    ch_ledger_add_state(&ledger->lines, row);
    asked.why = why;
    record_state(ledger, &asked, now_ns);
    return ch_ledger_add_row(ledger, CH_JOURNAL_EVENT, 0, ch_buffer_slice(&ledger->record), now_ns);
}

uint64_t ch_ledger_set_state(ch_ledger *ledger, const ch_state_row *row, uint64_t now_ns)
{
    ch_states_set(ledger->states, row);
    return note_state(ledger, row, row->why, now_ns);
}

uint64_t ch_ledger_freeze(ch_ledger *ledger, const ch_state_row *row, uint64_t now_ns)
{
    ch_state_row counts;
    ch_states_tighten(ledger->states, row, now_ns);
    ch_states_get(ledger->states, row->of, row->name, now_ns, &counts);
    return note_state(ledger, &counts, row->why, now_ns);
}

/* It may be as bad already, for as long. What is noted is what counts now. */
static void tighten(ch_ledger *ledger, const ch_state_row *wanted, uint64_t now_ns)
{
    ch_state_row row;
    if (!ch_states_tighten(ledger->states, wanted, now_ns))
        return;
    ch_states_get(ledger->states, wanted->of, wanted->name, now_ns, &row);
    note_state(ledger, &row, row.why, now_ns);
}

/* The end of the window that is used up; 0: only an operator ends it. */
static uint64_t end_of(const ch_limit *limit, uint64_t now_ns)
{
    if (limit->is_until_operator || limit->control == CH_CONTROL_SAME_ORDER)
        return 0;
    uint64_t end_ns = ch_period_end(&limit->per, ch_period_bucket(&limit->per, now_ns));
    return end_ns == UINT64_MAX ? 0 : end_ns;
}

void ch_ledger_punish(ch_ledger *ledger, const ch_question *question, const ch_refusal *refusal)
{
    const ch_entry_rule *entry = refusal->entry;
    if (!refusal->is_used_up || entry == NULL || entry->verb != CH_VERB_LIMIT)
        return;
    const ch_limit *limit = &entry->limit;
    ch_trading state = limit->control == CH_CONTROL_SAME_ORDER ? CH_TRADING_HALTED : limit->then;
    if (state == CH_TRADING_ACTIVE)
        return;
    ch_state_row row = {.of = CH_STATE_OF_CALLER,
                        .state = state,
                        .until_ns = end_of(limit, question->now_ns),
                        .why = ch_slice_of(entry->name)};
    for (size_t i = 0; i < question->policy->caller_count; i++) {
        bool is_meant = entry->selector.is_any_caller || ch_caller_set_has(&entry->selector.callers, i);
        row.name = ch_slice_of(question->policy->callers[i].name);
        if (is_meant && ch_caller_set_has(question->callers, i))
            tighten(ledger, &row, question->now_ns);
    }
}

/* ---- prices ---- */

const ch_prices *ch_ledger_prices(const ch_ledger *ledger)
{
    return ledger->prices;
}

/* What is known of one source's pair; false if nothing is. */
static bool find_price(const ch_ledger *ledger, ch_slice pair, ch_slice source, ch_price_row *out)
{
    *out = (ch_price_row){.pair = pair, .source = CH_LITERAL("")};
    while (ch_prices_next(ledger->prices, pair, out->source, out) && ch_slice_equal(out->pair, pair)) {
        if (ch_slice_equal(out->source, source))
            return true;
    }
    return false;
}

void ch_ledger_add_doer(ch_buffer *record, const ch_doer *by)
{
    ch_buffer_add_format(record, ",\"uid\":%u", (unsigned)by->uid);
    ch_record_text(record, ",", "person", by->name);
}

/* `by` is NULL if nobody did it. */
static uint64_t note_price(ch_ledger *ledger, const ch_price_row *row, const char *event, const ch_doer *by,
                           uint64_t now_ns)
{
    char price[CH_DECIMAL_TEXT_MAX];
    ch_decimal_text(row->price, price);
    ch_buffer_clear(&ledger->lines);
    ch_ledger_add_price(&ledger->lines, row);
    ch_buffer_clear(&ledger->record);
    ch_record_time(&ledger->record, "{", "time", now_ns);
    ch_record_text(&ledger->record, ",", "event", ch_slice_of(event));
    ch_record_text(&ledger->record, ",", "source", row->source);
    ch_record_text(&ledger->record, ",", "pair", row->pair);
    ch_record_text(&ledger->record, ",", "price", ch_slice_of(price));
    if (by != NULL)
        ch_ledger_add_doer(&ledger->record, by);
    ch_buffer_add_byte(&ledger->record, '}');
    return ch_ledger_add_row(ledger, CH_JOURNAL_EVENT, 0, ch_buffer_slice(&ledger->record), now_ns);
}

ch_status ch_ledger_put_price(ch_ledger *ledger, const ch_quote *quote, uint64_t now_ns, ch_quote_outcome *outcome,
                              ch_error *err)
{
    ch_price_row row;
    bool was_held = find_price(ledger, quote->pair, quote->source, &row) && row.is_held;
    CH_TRY(ch_prices_put(ledger->prices, quote, now_ns, outcome, err));
    if (*outcome != CH_QUOTE_HELD || was_held || !find_price(ledger, quote->pair, quote->source, &row))
        return CH_OK;
    ch_log("the price of %.*s from '%.*s' has moved further than policy allows, and does not count until an operator "
           "looks, and says: chancery prices confirm %.*s %.*s PRICE",
           CH_SLICE_ARGS(row.pair), CH_SLICE_ARGS(row.source), CH_SLICE_ARGS(row.source), CH_SLICE_ARGS(row.pair));
    note_price(ledger, &row, "price held", NULL, now_ns);
    return CH_OK;
}

ch_status ch_ledger_confirm_price(ch_ledger *ledger, ch_slice source, ch_slice pair, ch_decimal seen, const ch_doer *by,
                                  uint64_t now_ns, uint64_t *row, ch_error *err)
{
    ch_price_row found;
    char price[CH_DECIMAL_TEXT_MAX];
    CH_TRY(ch_prices_confirm(ledger->prices, source, pair, seen, now_ns, err));
    if (!find_price(ledger, pair, source, &found))
        return ch_fail(err, CH_INTERNAL, "a price that was confirmed is gone");
    ch_decimal_text(found.price, price);
    ch_log("%.*s confirms the price of %.*s from '%.*s': %s", CH_SLICE_ARGS(by->name), CH_SLICE_ARGS(pair),
           CH_SLICE_ARGS(source), price);
    *row = note_price(ledger, &found, "price confirmed", by, now_ns);
    return CH_OK;
}
