/* Each change of an approval that people and bots make has a row of its own. Only its use stands in the decision's row
 * (ledger.c), so that the one is never on the disk without the other. */
#include "agent/core/ledger_impl.h"

#include "agent/core/approval_rows.h"
#include "agent/core/record.h"
#include "base/encode.h"
#include "base/log.h"
#include "exchange/intent.h"
#include "policy/question.h"
#include "state/journal.h"

#include <inttypes.h>
#include <string.h>

const ch_approvals *ch_ledger_approvals(const ch_ledger *ledger)
{
    return ledger->approvals;
}

/* ---- records ---- */

static void begin_record(ch_ledger *ledger, const char *event, const ch_approval *approval, uint64_t now_ns)
{
    ch_buffer *record = &ledger->record;
    ch_buffer_clear(record);
    ch_record_time(record, "{", "time", now_ns);
    ch_record_text(record, ",", "event", ch_slice_of(event));
    ch_buffer_add_format(record, ",\"approval\":%" PRIu64, approval->id);
    ch_record_text(record, ",", "key", ch_slice_of(approval->key));
    ch_buffer_add_text(record, ",\"digest\":\"");
    ch_encode(record, CH_ENCODE_HEX, (ch_slice){approval->digest, sizeof approval->digest});
    ch_buffer_add_byte(record, '"');
}

static uint64_t end_record(ch_ledger *ledger, uint64_t now_ns)
{
    ch_buffer_add_byte(&ledger->record, '}');
    return ch_ledger_add_row(ledger, CH_JOURNAL_EVENT, 0, ch_buffer_slice(&ledger->record), now_ns);
}

static void add_needed(const ch_approval *approval, ch_buffer *record)
{
    ch_buffer_add_text(record, ",\"needs\":[");
    for (size_t i = 0; i < approval->needed_count; i++) {
        ch_buffer_add_text(record, i == 0 ? "" : ",");
        ch_encode_json(record, ch_slice_of(approval->needed[i].name));
    }
    ch_buffer_add_byte(record, ']');
}

static uint64_t record_asked(ch_ledger *ledger, const char *event, const ch_approval *approval,
                             const ch_question *question, uint64_t now_ns)
{
    ch_autobuffer intent = CH_BUFFER_INIT;
    begin_record(ledger, event, approval, now_ns);
    ch_buffer_add_format(&ledger->record, ",\"uid\":%u", (unsigned)approval->uid);
    ch_record_text(&ledger->record, ",", "callers", ch_slice_of(approval->callers));
    if (question != NULL && question->reading_count > 0 && question->readings[0].intent != NULL) {
        ch_intent_print(question->readings[0].intent, &intent);
        ch_record_text(&ledger->record, ",", "intent", ch_buffer_slice(&intent));
    }
    add_needed(approval, &ledger->record);
    ch_buffer_clear(&ledger->lines);
    ch_approval_row_add(approval, &ledger->lines);
    return end_record(ledger, now_ns);
}

/* ---- asked ---- */

static ch_status add_all_needed(ch_approval *approval, const ch_judgement *judgement, ch_error *err)
{
    const ch_entry_rule *entry;
    for (size_t i = 0; (entry = ch_judgement_requirement(judgement, i)) != NULL; i++)
        CH_TRY(ch_approval_need(approval, entry->name, &entry->requirement, err));
    return CH_OK;
}

ch_status ch_ledger_add_approval(ch_ledger *ledger, const ch_approval_asked *asked, const ch_judgement *judgement,
                                 const ch_question *question, const ch_approval **out, ch_error *err)
{
    ch_approval *made;
    uint64_t now_ns = question->now_ns;
    CH_TRY(ch_approvals_ask(ledger->approvals, asked, now_ns, &made, err));
    ch_status st = add_all_needed(made, judgement, err);
    if (st != CH_OK) {
        ch_approvals_remove(ledger->approvals, made->id);
        return st;
    }
    made->row = record_asked(ledger, "approval asked", made, question, now_ns);
    ledger->unsettled++;
    ch_log("request %" PRIu64 " with key '%s' waits for people's approval; asked for by user %u", made->id, made->key,
           (unsigned)made->uid);
    *out = made;
    return CH_OK;
}

void ch_ledger_settle_approvals(ch_ledger *ledger, uint64_t id, bool is_recorded)
{
    const ch_approval *at;
    size_t left = 0;
    for (size_t i = 0; ledger->unsettled > 0 && (at = ch_approvals_at(ledger->approvals, i)) != NULL;) {
        bool is_settled = at->row != 0 && at->row <= id;
        if (is_settled && !is_recorded) {
            ch_approvals_remove(ledger->approvals, at->id);
            continue;
        }
        ch_approval *approval = ch_approvals_find_to_change(ledger->approvals, at->id);
        if (is_settled)
            approval->row = 0;
        left += at->row != 0;
        left += ch_approval_settle_given(approval, id, is_recorded);
        i++;
    }
    if (!is_recorded && ledger->unsettled > 0)
        ch_approvals_touch(ledger->approvals);
    ledger->unsettled = left;
}

static bool is_same(const ch_requirement *a, const ch_requirement *b)
{
    bool is_same = a->approvals == b->approvals && a->needs_code == b->needs_code && a->delay_ns == b->delay_ns &&
                   a->within_ns == b->within_ns && a->of.count == b->of.count;
    for (size_t i = 0; is_same && i < a->of.count; i++)
        is_same = strcmp(a->of.items[i], b->of.items[i]) == 0;
    return is_same;
}

static bool needs_the_same(const ch_approval *approval, const ch_judgement *judgement)
{
    const ch_entry_rule *entry;
    size_t i = 0;
    while ((entry = ch_judgement_requirement(judgement, i)) != NULL) {
        if (i == approval->needed_count || strcmp(entry->name, approval->needed[i].name) != 0 ||
            !is_same(&approval->needed[i].requirement, &entry->requirement))
            return false;
        i++;
    }
    return i == approval->needed_count;
}

void ch_ledger_renew_approval(ch_ledger *ledger, uint64_t id, const ch_judgement *judgement, uint64_t now_ns)
{
    ch_error full = CH_ERROR_INIT;
    ch_approval *approval = ch_approvals_find_to_change(ledger->approvals, id);
    if (approval == NULL || ch_judgement_requirement(judgement, 0) == NULL || needs_the_same(approval, judgement))
        return;
    ch_approval_clear_needed(approval);
    ch_ignore(add_all_needed(approval, judgement, &full)); /* those left out are asked for at the fetch */
    ch_approvals_touch(ledger->approvals);
    record_asked(ledger, "approval needs changed", approval, NULL, now_ns);
}

/* ---- given, and ended ---- */

ch_status ch_ledger_approve(ch_ledger *ledger, uint64_t id, const uint8_t *digest, const ch_given_by *by, uint64_t *row,
                            ch_error *err)
{
    const ch_given_by *given;
    CH_TRY(ch_approvals_give(ledger->approvals, id, digest, by, &given, err));
    ch_approval *approval = ch_approvals_find_to_change(ledger->approvals, id);
    begin_record(ledger, "approval given", approval, by->at_ns);
    ch_record_text(&ledger->record, ",", "person", ch_slice_of(by->person));
    ch_buffer_add_format(&ledger->record, ",\"uid\":%u,\"code\":%s", (unsigned)by->uid,
                         by->is_by_code ? "true" : "false");
    ch_buffer_clear(&ledger->lines);
    ch_approval_row_add_given(id, given, &ledger->lines);
    *row = end_record(ledger, by->at_ns);
    ch_approval_await_given(approval, by->uid, *row);
    ledger->unsettled++;
    ch_log("'%s' (user %u) approves request %" PRIu64 " with key '%s'", by->person, (unsigned)by->uid, id,
           approval->key);
    return CH_OK;
}

static void log_end(const ch_approval *approval)
{
    if (approval->end == CH_APPROVAL_WITHDRAWN)
        ch_log("user %u withdraws request %" PRIu64 " with key '%s'", (unsigned)approval->ended_uid, approval->id,
               approval->key);
    else
        ch_log("'%s' (user %u) denies request %" PRIu64 " with key '%s': %s", approval->ended_by,
               (unsigned)approval->ended_uid, approval->id, approval->key, approval->why);
}

static void end(ch_approval *approval, const ch_approval_ending *ending, uint64_t now_ns)
{
    ch_approval_set_end(approval, ending->how, ending->person, ending->uid, ending->why, now_ns);
    log_end(approval);
}

static uint64_t record_end(ch_ledger *ledger, ch_approval *approval, uint64_t now_ns)
{
    begin_record(ledger, approval->end == CH_APPROVAL_DENIED ? "approval denied" : "approval withdrawn", approval,
                 now_ns);
    if (approval->ended_by[0] != '\0')
        ch_record_text(&ledger->record, ",", "person", ch_slice_of(approval->ended_by));
    ch_buffer_add_format(&ledger->record, ",\"uid\":%u", (unsigned)approval->ended_uid);
    if (approval->why[0] != '\0')
        ch_record_text(&ledger->record, ",", "why", ch_slice_of(approval->why));
    ch_buffer_clear(&ledger->lines);
    ch_approval_row_add_end(approval, &ledger->lines);
    approval->end_row = end_record(ledger, now_ns);
    return approval->end_row;
}

ch_status ch_ledger_end_approval(ch_ledger *ledger, uint64_t id, const ch_approval_ending *ending, uint64_t now_ns,
                                 uint64_t *row, ch_error *err)
{
    ch_approval *approval;
    CH_TRY(ch_approvals_get(ledger->approvals, id, ending->digest, now_ns, &approval, err));
    end(approval, ending, now_ns);
    ch_approvals_touch(ledger->approvals);
    *row = record_end(ledger, approval, now_ns);
    return CH_OK;
}

uint64_t ch_ledger_end_again(ch_ledger *ledger, uint64_t id, uint64_t now_ns)
{
    ch_approval *approval = ch_approvals_find_to_change(ledger->approvals, id);
    if (approval == NULL || approval->end_row == 0 || ch_ledger_is_recorded(ledger, approval->end_row))
        return 0;
    return record_end(ledger, approval, now_ns);
}

void ch_ledger_end_all_approvals(ch_ledger *ledger, uid_t by, uint64_t now_ns)
{
    const ch_approval *at;
    const ch_approval_ending ending = {.how = CH_APPROVAL_DENIED,
                                       .person = "the agent",
                                       .uid = by,
                                       .why = "its state was restored, and does not know whether this was signed"};
    for (size_t i = 0; (at = ch_approvals_at(ledger->approvals, i)) != NULL; i++) {
        if (!ch_approval_is_open(at, now_ns))
            continue;
        ch_approval *approval = ch_approvals_find_to_change(ledger->approvals, at->id);
        end(approval, &ending, now_ns);
        ch_approval_row_add_end(approval, &ledger->lines);
    }
    ch_approvals_touch(ledger->approvals);
}
