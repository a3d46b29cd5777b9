/* Refusals are rare and may be slow: nothing here runs for a request that is signed, unless somebody asks why. */
#include "policy/verdict.h"

#include <stdarg.h>
#include <stdio.h>

/* clang-format off */
static const struct {
    const char *noun;
    bool is_healed; /* asking less often helps: the status is CH_TOO_OFTEN */
} words[CH_CONTROL_COUNT] = {
    /*                             in sentences                 healed by waiting */
    [CH_CONTROL_ORDER_VALUE]  = { "the maximum order value",    false },
    [CH_CONTROL_ORDER_VOLUME] = { "the maximum order volume",   false },
    [CH_CONTROL_COLLAR]       = { "the price collar",           false },
    [CH_CONTROL_LOSS]         = { "the loss budget",            false },
    [CH_CONTROL_VALUE]        = { "the value limit",            false },
    [CH_CONTROL_VOLUME]       = { "the volume limit",           false },
    [CH_CONTROL_AMOUNT]       = { "the limit on amounts",       false },
    [CH_CONTROL_OPEN_VALUE]   = { "the limit on open value",    false },
    [CH_CONTROL_ORDERS]       = { "the limit on orders",        true },
    [CH_CONTROL_MESSAGES]     = { "the message limit",          true },
    [CH_CONTROL_SAME_ORDER]   = { "the limit on equal orders",  false },
    [CH_CONTROL_LEVERAGE]     = { "the maximum leverage",       false },
    [CH_CONTROL_VALIDITY]     = { "the longest validity",       false },
};
/* clang-format on */

const char *ch_limit_noun(const ch_entry_rule *entry)
{
    bool is_of_one = entry->limit.control == CH_CONTROL_AMOUNT && entry->limit.per.kind == CH_PERIOD_NONE;
    return is_of_one ? "the maximum amount" : words[entry->limit.control].noun;
}

const char *ch_limit_control_name(const ch_entry_rule *entry)
{
    bool is_of_one = entry->limit.control == CH_CONTROL_AMOUNT && entry->limit.per.kind == CH_PERIOD_NONE;
    return is_of_one ? "maximum-amount" : ch_control_name(entry->limit.control);
}

ch_decimal ch_charge_most(const ch_charge *charge)
{
    const ch_limit *limit = &charge->entry->limit;
    ch_decimal most = charge->is_closing ? limit->closing : limit->most;
    ch_decimal less = most;
    if (limit->control == CH_CONTROL_MESSAGES && !charge->may_use_reserve)
        ch_ignore(ch_decimal_subtract(most, ch_decimal_of(limit->reserve_cancels), &less));
    return less;
}

/* ---- texts ---- */

static void add_percent(ch_decimal ratio, ch_buffer *out)
{
    ch_decimal percent = ratio;
    if (ch_decimal_multiply(ratio, ch_decimal_of(100), &percent)) {
        ch_decimal_print(percent, out);
        ch_buffer_add_text(out, " %");
    }
}

void ch_limit_text(const ch_entry_rule *entry, ch_decimal amount, ch_buffer *out)
{
    if (entry->limit.control == CH_CONTROL_COLLAR) {
        add_percent(amount, out);
    } else if (entry->limit.control == CH_CONTROL_VALIDITY) {
        ch_duration_print((uint64_t)amount.digits, out); /* in ns, so it is a whole number */
    } else {
        ch_decimal_print(amount, out);
        if (entry->limit.asset != NULL)
            ch_buffer_add_format(out, " %s", entry->limit.asset);
    }
}

static ch_decimal most_of(const ch_entry_rule *entry)
{
    return entry->limit.control == CH_CONTROL_VALIDITY ? ch_decimal_of(entry->limit.age_ns) : entry->limit.most;
}

static const char *copy(char out[64], ch_buffer *text)
{
    (void)snprintf(out, 64, "%s", ch_buffer_text(text));
    return out;
}

static const char *fill(char out[64], const ch_entry_rule *entry, ch_decimal amount)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_limit_text(entry, amount, &text);
    return copy(out, &text);
}

/* ---- refusals ---- */

ch_status ch_object(const ch_objection *to, ch_status status, const char *rule, const ch_entry_rule *entry,
                    const char *format, ...)
{
    char message[sizeof to->err->message];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    *to->refusal = (ch_refusal){.entry = entry};
    return ch_fail_rule(to->err, status, rule != NULL ? rule : entry->name, "%s", message);
}

ch_status ch_object_again(const ch_objection *to, const ch_objection *said)
{
    *to->refusal = *said->refusal;
    return ch_fail_rule(to->err, said->err->status, said->err->rule, "%s", said->err->message);
}

ch_status ch_object_above(const ch_objection *to, const ch_entry_rule *entry, ch_decimal asked)
{
    char limit_text[64];
    char asked_text[64];
    (void)fill(limit_text, entry, most_of(entry));
    (void)fill(asked_text, entry, asked);
    (void)ch_object(to, CH_REFUSED, NULL, entry, "%s is more than %s, %s", asked_text, limit_text,
                    ch_limit_noun(entry));
    to->refusal->control = ch_limit_control_name(entry);
    (void)snprintf(to->refusal->limit, sizeof to->refusal->limit, "%s", limit_text);
    (void)snprintf(to->refusal->asked, sizeof to->refusal->asked, "%s", asked_text);
    return to->err->status;
}

static const char *thing_of(const ch_entry_rule *entry)
{
    switch (entry->limit.control) {
    case CH_CONTROL_ORDER_VOLUME:
    case CH_CONTROL_VOLUME:
        return "quantity of this order";
    case CH_CONTROL_LOSS:
        return "possible loss of this order";
    case CH_CONTROL_ORDER_VALUE:
    case CH_CONTROL_VALUE:
    case CH_CONTROL_OPEN_VALUE:
        return "value of this order";
    case CH_CONTROL_COLLAR:
        return "distance of this order's price from the reference";
    default:
        return "amount";
    }
}

ch_status ch_object_unknown(const ch_objection *to, const ch_entry_rule *entry, const ch_worth *worth)
{
    ch_autobuffer reason = CH_BUFFER_INIT;
    ch_worth_explain(worth, &reason);
    (void)ch_object(to, CH_REFUSED, NULL, entry, "the %s is not known, and %s needs it: %s", thing_of(entry),
                    ch_limit_noun(entry), ch_buffer_text(&reason));
    to->refusal->control = ch_limit_control_name(entry);
    (void)fill(to->refusal->limit, entry, most_of(entry));
    if (worth->state == CH_WORTH_FACT)
        to->refusal->fact = ch_fact_name_text(worth->fact);
    return to->err->status;
}

ch_status ch_object_unknown_fact(const ch_objection *to, const ch_entry_rule *entry, ch_fact_name fact)
{
    (void)ch_object(to, CH_REFUSED, NULL, entry, "the %s is unknown, and %s needs it", ch_fact_name_text(fact),
                    ch_limit_noun(entry));
    to->refusal->control = ch_limit_control_name(entry);
    (void)fill(to->refusal->limit, entry, most_of(entry));
    to->refusal->fact = ch_fact_name_text(fact);
    return to->err->status;
}

/* "6000 USDT (each of 50 uses counts) is more than 4000 USDT, what is left of 9000 USDT per 24h, the value limit" */
static void say_window(const ch_refusal *refusal, const ch_charge *charge, uint32_t uses, ch_buffer *out)
{
    ch_buffer_add_text(out, refusal->asked);
    if (uses > 1)
        ch_buffer_add_format(out, " (one signature can be used %u times, and each counts)", (unsigned)uses);
    ch_buffer_add_text(out, " is more than ");
    if (refusal->is_used_up)
        ch_buffer_add_format(out, "%s, what is left of ", refusal->left);
    ch_buffer_add_text(out, refusal->limit);
    ch_period_print(&charge->entry->limit.per, out);
    ch_buffer_add_format(out, ", %s%s", ch_limit_noun(charge->entry), charge->is_closing ? " for closing" : "");
}

ch_status ch_object_window(const ch_objection *to, const ch_charge *charge, ch_decimal used, uint64_t wait_ns,
                           uint32_t uses)
{
    const ch_entry_rule *entry = charge->entry;
    ch_decimal most = ch_charge_most(charge);
    ch_decimal left = CH_DECIMAL_ZERO;
    ch_ignore(ch_decimal_subtract(most, used, &left));
    ch_refusal refusal = {.entry = entry, .control = ch_limit_control_name(entry)};
    refusal.is_used_up = ch_decimal_compare(charge->amount, most) <= 0;
    bool is_healed = refusal.is_used_up && wait_ns != UINT64_MAX;
    refusal.retry_after_ns = is_healed ? wait_ns : 0;
    (void)fill(refusal.limit, entry, charge->is_closing ? entry->limit.closing : entry->limit.most);
    (void)fill(refusal.asked, entry, charge->amount);
    (void)fill(refusal.left, entry, left);
    ch_autobuffer text = CH_BUFFER_INIT;
    say_window(&refusal, charge, uses, &text);
    ch_status status = is_healed && words[entry->limit.control].is_healed ? CH_TOO_OFTEN : CH_REFUSED;
    *to->refusal = refusal;
    return ch_fail_rule(to->err, status, entry->name, "%s", ch_buffer_text(&text));
}

/* ---- trace ---- */

void ch_trace_say(const ch_question *question, const ch_entry_rule *entry, ch_verdict verdict, const char *format, ...)
{
    if (question->trace == NULL)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const ch_trace line = {.entry = entry, .verdict = verdict, .text = text};
    question->trace(question->trace_context, &line);
}
