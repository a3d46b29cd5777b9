#include "agent/core/request_impl.h"

#include "exchange/intent.h"
#include "policy/decide.h"
#include "policy/policy.h"
#include "policy/question.h"
#include "wire/frame.h"
#include "wire/frames.h"

#define NS_A_S 1000000000
#define LINES_BYTES_MAX 40960 /* what is left out fits no frame */

typedef struct lines {
    ch_records list;
    ch_buffer records;
} lines;

/* clang-format off */
static const char *const verdict_names[] = {
    [CH_VERDICT_MATCHES]  = "matches",
    [CH_VERDICT_NO_MATCH] = "does not match",
    [CH_VERDICT_HOLDS]    = "holds",
    [CH_VERDICT_REFUSES]  = "refuses",
    [CH_VERDICT_REQUIRED] = "required",
};
/* clang-format on */

static void take_line(void *context, const ch_trace *line)
{
    lines *to = context;
    const ch_entry_rule *entry = line->entry;
    if (to->records.size > LINES_BYTES_MAX)
        return;
    ch_trace_line_record record = {.verb = ch_slice_of(entry == NULL ? "" : ch_verb_name(entry->verb)),
                                   .entry = ch_slice_of(entry == NULL ? "" : entry->name),
                                   .verdict = ch_slice_of(verdict_names[line->verdict]),
                                   .text = ch_slice_of(line->text == NULL ? "" : line->text)};
    ch_trace_line_record_put(&to->list, &to->records, &record);
}

static ch_status judge(ch_requests *requests, ch_error *why)
{
    ch_judging *judging = &requests->judging;
    CH_TRY(ch_policy_judge(&judging->question, &judging->judgement, why));
    return ch_ledger_try(requests->context.ledger, &judging->judgement, &judging->question, why);
}

static ch_slice text_of(const char *text)
{
    return ch_slice_of(text == NULL ? "" : text);
}

static ch_status put(const ch_requests *requests, const ch_job *job, const lines *found, const ch_error *why,
                     ch_error *err)
{
    ch_autobuffer meaning = CH_BUFFER_INIT;
    const ch_question *question = &requests->judging.question;
    const ch_refusal *refusal = &requests->judging.judgement.refusal;
    ch_buffer *out = ch_asker_out(job->asker);
    if (question->reading_count > 0 && question->readings[0].intent != NULL)
        ch_intent_print(question->readings[0].intent, &meaning);
    ch_checked_frame checked = {
        .is_allowed = why->status == CH_OK, .meaning = ch_buffer_slice(&meaning), .lines = found->list, .why = *why};
    if (why->status != CH_OK) {
        checked.control = text_of(refusal->control);
        checked.limit = ch_slice_of(refusal->limit);
        checked.asked = ch_slice_of(refusal->asked);
        checked.left = ch_slice_of(refusal->left);
        checked.fact = text_of(refusal->fact);
        checked.approvals = refusal->approvals;
        checked.needs_code = refusal->needs_code;
        checked.delay_s = refusal->delay_ns / NS_A_S + (refusal->delay_ns % NS_A_S != 0);
    }
    return out == NULL ? CH_OK : ch_checked_frame_put(out, job->asker.request, &checked, err);
}

ch_status ch_request_answer_check(ch_requests *requests, ch_job *job, ch_error *err)
{
    ch_error why = CH_ERROR_INIT;
    lines found = {.records = CH_BUFFER_INIT};
    ch_question *question = &requests->judging.question;
    ch_ledger_prepare(requests->context.ledger, question);
    question->trace = take_line;
    question->trace_context = &found;
    ch_ignore(judge(requests, &why)); /* `why` says it */
    ch_status st = put(requests, job, &found, &why, err);
    ch_buffer_free(&found.records);
    job->is_answered = st == CH_OK;
    return st;
}
