/* Policy's own set of classes counts only within `most`. */
#include "policy/passing.h"

#include "exchange/class.h"
#include "exchange/facts.h"
#include "exchange/intent.h"
#include "policy/amend.h"

#define CLASS(name) (1U << CH_CLASS_##name)
#define KIND(name) (1U << CH_ITEM_##name)

/* clang-format off */
static const struct {
    unsigned classes;
    unsigned kinds;         /* of items */
    bool lets_reducing;     /* orders that reduce */
} most[] = {
    /*                         classes                                        items                                reducing */
    [CH_TRADING_ACTIVE]   = { (1U << CH_CLASS_COUNT) - 1,                   (1U << CH_ITEM_KIND_COUNT) - 1,       true },
    [CH_TRADING_REDUCING] = { CLASS(READ) | CLASS(CANCEL) | CLASS(TRADE),   KIND(READ) | KIND(CANCEL),            true },
    [CH_TRADING_HALTED]   = { CLASS(READ) | CLASS(CANCEL),                  KIND(READ) | KIND(CANCEL),            false },
};
/* clang-format on */

ch_passing ch_passing_of(const ch_question *question)
{
    ch_passing passing = {.state = CH_TRADING_ACTIVE};
    if (question->states != NULL)
        passing.state = ch_states_find(question->states, question->policy,
                                       question->stoppable != NULL ? question->stoppable : question->callers,
                                       question->key, question->now_ns, &passing.why);
    return passing;
}

static ch_status object(const ch_question *question, const ch_passing *passing, const char *what,
                        const ch_objection *to)
{
    const ch_state_row *why = &passing->why;
    bool ends = why->until_ns > question->now_ns;
    ch_autobuffer whose = CH_BUFFER_INIT;
    ch_state_row_whose(why, &whose);
    (void)ch_object(to, CH_REFUSED, "state", NULL, "%s is %s%s%.*s%s: %s", ch_buffer_text(&whose),
                    ch_trading_name(passing->state), why->why.size > 0 ? " by " : "", CH_SLICE_ARGS(why->why),
                    ends ? "" : ", until an admin thaws it", what);
    to->refusal->control = ch_trading_name(passing->state);
    to->refusal->retry_after_ns = ends ? why->until_ns - question->now_ns : 0;
    return to->err->status;
}

ch_status ch_passing_reading(const ch_question *question, const ch_passing *passing, const ch_reading_at *reading,
                             const ch_objection *to)
{
    if (passing->state == CH_TRADING_ACTIVE)
        return CH_OK;
    unsigned let = question->policy->states[passing->state].classes & most[passing->state].classes;
    unsigned asked = reading == NULL ? (1U << CH_CLASS_COUNT) - 1 : reading->needs | 1U << reading->class_;
    if ((asked & ~let) == 0)
        return CH_OK;
    const char *refused = ch_class_name((ch_class)__builtin_ctz(asked & ~let));
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(&text, "it has no requests of class '%s' signed", refused);
    return object(question, passing, ch_buffer_text(&text), to);
}

/* An order that is not recorded may be a stop, and so may one of all that are cancelled. */
static bool may_be_stop(const ch_question *question, const ch_item *cancel)
{
    const ch_item *recorded = ch_record_of(question, cancel);
    const ch_fact *type = recorded == NULL ? NULL : &recorded->facts[CH_FACT_TYPE];
    return type == NULL || type->state != CH_FACT_STATED || ch_order_type_has_trigger(type->text) ||
           ch_slice_begins(type->text, CH_LITERAL("trailing"));
}

ch_status ch_passing_item(const ch_question *question, const ch_passing *passing, const ch_subject *subject,
                          const ch_objection *to)
{
    const ch_item *item = subject->item;
    if (passing->state == CH_TRADING_ACTIVE)
        return CH_OK;
    if (item->kind == CH_ITEM_CANCEL && question->policy->states[passing->state].keeps_stops &&
        may_be_stop(question, item))
        return object(question, passing, "it keeps stop orders, and this may cancel one", to);
    bool is_let = most[passing->state].kinds >> item->kind & 1;
    if (is_let || (most[passing->state].lets_reducing && ch_subject_is_reducing(subject)))
        return CH_OK;
    return object(question, passing,
                  item->kind == CH_ITEM_ORDER && most[passing->state].lets_reducing
                      ? "only orders marked reduce-only or close-position are signed, in markets with positions"
                      : "only reads and cancels are signed",
                  to);
}

static ch_status check_reading(const ch_question *question, const ch_passing *passing, const ch_reading_at *reading,
                               const ch_objection *to)
{
    ch_subject subject;
    CH_TRY(ch_passing_reading(question, passing, reading, to));
    for (size_t i = 0; i < ch_intent_count(reading->intent); i++) {
        ch_subject_read(&subject, question, reading, ch_intent_item(reading->intent, i));
        CH_TRY(ch_passing_item(question, passing, &subject, to));
    }
    return CH_OK;
}

ch_status ch_passing_check(const ch_question *question, ch_error *err)
{
    ch_refusal refusal = {0};
    const ch_objection to = {err, &refusal};
    const ch_passing passing = ch_passing_of(question);
    if (question->is_raw)
        return ch_passing_reading(question, &passing, NULL, &to);
    for (size_t i = 0; i < question->reading_count; i++)
        CH_TRY(check_reading(question, &passing, &question->readings[i], &to));
    return CH_OK;
}

/* ---- what flattens ---- */

static ch_status object_to_flatten(const ch_question *question, const ch_reading_at *reading, ch_error *err)
{
    ch_autobuffer meaning = CH_BUFFER_INIT;
    const char *what = reading == question->readings ? "it is" : "its signature can also be";
    ch_intent_print(reading->intent, &meaning);
    return ch_fail_rule(
        err, CH_REFUSED, "flatten",
        "%s %s %s, of class '%s' (%s); what flattens only cancels, or is an order marked reduce-only or "
        "close-position, in a market with positions",
        what, ch_endpoint_method(reading->endpoint), ch_endpoint_path(reading->endpoint),
        ch_class_name(reading->class_), ch_buffer_text(&meaning));
}

/* The request itself must not be a mere read, which flattens nothing. */
static ch_status check_flattening(const ch_question *question, const ch_reading_at *reading, ch_error *err)
{
    ch_subject subject;
    bool is_own = reading == question->readings;
    unsigned asked = reading->needs | 1U << reading->class_;
    unsigned kinds = most[CH_TRADING_REDUCING].kinds & ~(is_own ? KIND(READ) : 0U);
    if ((asked & ~most[CH_TRADING_REDUCING].classes) != 0 || (is_own && reading->class_ == CH_CLASS_READ))
        return object_to_flatten(question, reading, err);
    for (size_t i = 0; i < ch_intent_count(reading->intent); i++) {
        const ch_item *item = ch_intent_item(reading->intent, i);
        ch_subject_read(&subject, question, reading, item);
        if ((kinds >> item->kind & 1) == 0 && !ch_subject_is_reducing(&subject))
            return object_to_flatten(question, reading, err);
    }
    return CH_OK;
}

ch_status ch_passing_flattens(const ch_question *question, ch_error *err)
{
    if (question->is_raw)
        return ch_fail_rule(err, CH_REFUSED, "flatten", "nothing is known of raw bytes, so they flatten nothing");
    for (size_t i = 0; i < question->reading_count; i++)
        CH_TRY(check_flattening(question, &question->readings[i], err));
    return CH_OK;
}
