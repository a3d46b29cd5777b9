/* Each requirement must be met by itself. Those that are not met add up: the most approvals, the longest delay, and a
 * code if any asks for one. */
#include "exchange/facts.h"
#include "policy/decide_impl.h"

static const ch_entry_rule *requirement(const ch_judge *judge, size_t index)
{
    return ch_judge_entry(judge, CH_VERB_REQUIRE, index);
}

/* What of the item `above` looks at. Kinds that have neither a value nor an amount have none of it. */
static void add_item(ch_judge *judge, const ch_requirement *require, ch_above *above)
{
    ch_pricing pricing = ch_pricing_of(judge->question, &judge->subject);
    ch_item_kind kind = judge->subject.item->kind;
    if (kind == CH_ITEM_READ || kind == CH_ITEM_CANCEL || kind == CH_ITEM_SETTING)
        return;
    ch_worth worth = kind == CH_ITEM_ORDER ? ch_worth_value(&pricing) : ch_worth_amount(&pricing);
    worth = ch_worth_in(&pricing, worth, require->asset);
    if (worth.state != CH_WORTH_KNOWN || !ch_decimal_add(above->now, worth.amount, &above->now))
        above->is_unknown = true;
}

void ch_judge_require_item(ch_judge *judge)
{
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_REQUIRE); i++) {
        const ch_entry_rule *entry = requirement(judge, i);
        if (!ch_entry_narrows(entry, &judge->subject))
            continue;
        if (entry->requirement.has_above)
            add_item(judge, &entry->requirement, &judge->aboves[i]);
        else
            judge->is_required[i] = true;
    }
}

void ch_judge_end_reading(ch_judge *judge)
{
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_REQUIRE); i++) {
        ch_above *above = &judge->aboves[i];
        above->before = ch_decimal_larger(above->before, above->now);
        above->now = CH_DECIMAL_ZERO;
    }
}

static bool is_required(const ch_judge *judge, size_t index)
{
    const ch_requirement *require = &requirement(judge, index)->requirement;
    const ch_above *above = &judge->aboves[index];
    return judge->is_required[index] ||
           (require->has_above && (above->is_unknown || ch_decimal_compare(above->before, require->above) > 0));
}

const ch_entry_rule *ch_judgement_requirement(const ch_judgement *judgement, size_t index)
{
    const ch_judge *judge = judgement->judge;
    for (size_t i = 0; judge != NULL && i < ch_judge_count(judge, CH_VERB_REQUIRE); i++) {
        if (is_required(judge, i) && index-- == 0)
            return requirement(judge, i);
    }
    return NULL;
}

/* ---- the outcome ---- */

static const char *outcome(const ch_requirement *require)
{
    if (require->approvals > 0)
        return "needs-approvals";
    return require->needs_code ? "needs-code" : "needs-delay";
}

void ch_requirement_print(const ch_requirement *require, ch_buffer *out)
{
    const char *separator = "";
    if (require->approvals > 0) {
        ch_buffer_add_format(out, "%u approval%s", (unsigned)require->approvals, require->approvals == 1 ? "" : "s");
        for (size_t i = 0; i < require->of.count; i++)
            ch_buffer_add_format(out, "%s%s", i == 0 ? " of " : ", ", require->of.items[i]);
        separator = ", and ";
    }
    if (require->needs_code) {
        ch_buffer_add_format(out, "%sa fresh code", separator);
        separator = ", and ";
    }
    if (require->delay_ns > 0) {
        ch_buffer_add_format(out, "%sa delay of ", separator);
        ch_duration_print(require->delay_ns, out);
    }
}

static void add_to_refusal(const ch_requirement *require, ch_refusal *sum)
{
    if (require->approvals > sum->approvals)
        sum->approvals = require->approvals;
    if (require->delay_ns > sum->delay_ns)
        sum->delay_ns = require->delay_ns;
    sum->needs_code |= require->needs_code;
}

static bool is_met(const ch_judge *judge, const ch_requirement *require)
{
    const ch_question *question = judge->question;
    return question->given != NULL && ch_given_meets(question->given, require, question->policy, question->now_ns);
}

/* Adds up what the request still needs. Returns the first requirement that is not met, or NULL if all are. */
static const ch_entry_rule *add_up(const ch_judge *judge, ch_refusal *sum)
{
    const ch_entry_rule *first = NULL;
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_REQUIRE); i++) {
        const ch_entry_rule *entry = requirement(judge, i);
        if (!is_required(judge, i)) {
            ch_trace_say(judge->question, entry, CH_VERDICT_NO_MATCH, "is not about it");
        } else if (is_met(judge, &entry->requirement)) {
            ch_trace_say(judge->question, entry, CH_VERDICT_HOLDS, "was approved");
        } else {
            ch_trace_say(judge->question, entry, CH_VERDICT_REQUIRED, "%s", outcome(&entry->requirement));
            first = first == NULL ? entry : first;
            add_to_refusal(&entry->requirement, sum);
        }
    }
    return first;
}

/* The last of the rules: if it is the first that refuses, nothing else does. */
ch_status ch_judge_requirements(ch_judge *judge)
{
    ch_refusal sum = {.needs_people = judge->status == CH_OK};
    const ch_entry_rule *first = add_up(judge, &sum);
    if (first == NULL)
        return CH_OK;
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_requirement_print(&first->requirement, &text);
    ch_status said = ch_object(&judge->to, CH_REFUSED, NULL, first, "this needs %s", ch_buffer_text(&text));
    sum.entry = first;
    sum.control = outcome(&first->requirement);
    *judge->to.refusal = sum;
    return said;
}
