/* A new control is a row in `controls`; if it does not fit one of the ways to ask, a function of its own. */
#include "policy/charges.h"

#include "exchange/class.h"
#include "exchange/facts.h"
#include "exchange/intent.h"
#include "exchange/symbols.h"

#define KIND(name) (1U << CH_ITEM_##name)
#define ANY_KIND ((1U << CH_ITEM_KIND_COUNT) - 1)

/* A limit that is asked. */
typedef struct asking {
    const ch_question *question;
    const ch_entry_rule *entry;
    const ch_limit *limit;
    ch_pricing *pricing;
    const ch_subject *subject;
    ch_cost *cost;
    const ch_objection *to;
} asking;

typedef struct control {
    ch_limit_answer (*ask)(const asking *in, const struct control *row);
    ch_worth (*worth)(ch_pricing *pricing); /* what it counts; NULL: one each */
    unsigned kinds;                         /* of items, that it counts */
    bool is_per_item;                       /* of an item by itself, not in windows */
    bool is_per_use;                        /* it counts for each use of the signature */
} control;

/* ---- uses ---- */

uint32_t ch_uses_of(const ch_question *question)
{
    if (question->is_relayed)
        return 1;
    if (question->key->assume_uses > 0)
        return question->key->assume_uses;
    return question->is_once ? 1 : question->window_uses;
}

bool ch_uses_add_up(const ch_question *question)
{
    return question->is_once_by_id && question->key->assume_uses == 0;
}

static ch_limit_answer charge(const asking *in, const control *row, ch_decimal amount)
{
    uint32_t uses = row->is_per_use ? ch_uses_of(in->question) : 1;
    if (ch_decimal_is_zero(amount)) {
        ch_trace_say(in->question, in->entry, CH_VERDICT_HOLDS, "it takes nothing of it");
        return CH_LIMIT_HOLDS;
    }
    in->cost->is_closing = in->limit->has_closing && ch_subject_is_reducing(in->subject);
    if (uses > 0 && ch_decimal_multiply(amount, ch_decimal_of(uses), &in->cost->amount))
        return CH_LIMIT_CHARGES;
    (void)ch_object(in->to, CH_REFUSED, NULL, in->entry,
                    uses == 0
                        ? "nobody knows how often this signature can be used, and %s counts each use: the profile "
                          "does not say how many orders the exchange takes; state assume_uses for the key"
                        : "the sum for %s has more digits than can be counted",
                    ch_limit_noun(in->entry));
    in->to->refusal->control = ch_limit_control_name(in->entry);
    return CH_LIMIT_REFUSES;
}

/* ---- ways to ask ---- */

static ch_limit_answer refuse_unknown(const asking *in, const ch_worth *worth)
{
    (void)ch_object_unknown(in->to, in->entry, worth);
    return CH_LIMIT_REFUSES;
}

/* The item's amount is at most the limit's. */
static ch_limit_answer compare(const asking *in, ch_decimal amount)
{
    if (ch_decimal_compare(amount, in->limit->most) > 0) {
        (void)ch_object_above(in->to, in->entry, amount);
        return CH_LIMIT_REFUSES;
    }
    if (in->question->trace != NULL) {
        ch_autobuffer text = CH_BUFFER_INIT;
        ch_limit_text(in->entry, amount, &text);
        ch_buffer_add_text(&text, " of ");
        ch_limit_text(in->entry, in->limit->most, &text);
        ch_trace_say(in->question, in->entry, CH_VERDICT_HOLDS, "%s", ch_buffer_text(&text));
    }
    return CH_LIMIT_HOLDS;
}

static ch_limit_answer ask_worth(const asking *in, const control *row)
{
    ch_worth worth = ch_worth_in(in->pricing, row->worth(in->pricing), in->limit->asset);
    if (worth.state != CH_WORTH_KNOWN)
        return refuse_unknown(in, &worth);
    return row->is_per_item ? compare(in, worth.amount) : charge(in, row, worth.amount);
}

/* XBT is BTC, where the exchange says so. */
static bool is_of_limit(const asking *in)
{
    ch_slice asset = ch_slice_of(in->limit->asset);
    return ch_text_is(in->subject->asset, in->limit->asset) ||
           ch_slice_equal(in->subject->usual_asset, ch_symbol_asset(in->question->key->profile, asset));
}

/* Amounts are counted asset by asset, and never converted. */
static ch_limit_answer ask_amount(const asking *in, const control *row)
{
    if (in->subject->asset.size > 0 && !is_of_limit(in))
        return CH_LIMIT_OTHER_ASSET;
    ch_worth worth = row->worth(in->pricing);
    if (worth.state != CH_WORTH_KNOWN)
        return refuse_unknown(in, &worth);
    return in->limit->per.kind == CH_PERIOD_NONE ? compare(in, worth.amount) : charge(in, row, worth.amount);
}

static ch_limit_answer ask_count(const asking *in, const control *row)
{
    return charge(in, row, ch_decimal_of(1));
}

ch_cost ch_message_cost(const ch_question *question)
{
    bool is_cancel = question->reading_count > 0 && question->readings[0].class_ == CH_CLASS_CANCEL;
    return (ch_cost){.amount = ch_decimal_of(1), .is_per_request = true, .may_use_reserve = is_cancel};
}

static ch_limit_answer ask_messages(const asking *in, const control *row)
{
    (void)row;
    *in->cost = ch_message_cost(in->question);
    return CH_LIMIT_CHARGES;
}

/* ---- the collar ---- */

/* How far `price` is off the reference: false if that is more than the collar lets. A product with each is exact. */
static bool is_within(const asking *in, ch_decimal price, ch_decimal reference)
{
    ch_decimal wide = CH_DECIMAL_ZERO;
    ch_decimal high = CH_DECIMAL_ZERO;
    ch_decimal narrow = CH_DECIMAL_ZERO;
    ch_decimal low = CH_DECIMAL_ZERO;
    bool fits = ch_decimal_add(ch_decimal_of(1), in->limit->most, &wide) &&
                ch_decimal_subtract(ch_decimal_of(1), in->limit->most, &narrow) &&
                ch_decimal_multiply(reference, wide, &high) && ch_decimal_multiply(reference, narrow, &low);
    return fits && ch_decimal_compare(low, price) <= 0 && ch_decimal_compare(price, high) <= 0;
}

/* For messages: rounded. */
static bool distance(ch_decimal price, ch_decimal reference, ch_decimal *out)
{
    ch_decimal more = CH_DECIMAL_ZERO;
    ch_decimal less = CH_DECIMAL_ZERO;
    return ch_decimal_subtract(price, reference, &more) && ch_decimal_subtract(reference, price, &less) &&
           ch_decimal_divide_up(ch_decimal_larger(more, less), reference, out);
}

static void say_collar(const asking *in, ch_fact_name name, ch_decimal price, ch_decimal reference, ch_buffer *out)
{
    ch_decimal off = CH_DECIMAL_ZERO;
    ch_buffer_add_format(out, "its %s of ", ch_fact_name_text(name));
    ch_decimal_print(price, out);
    if (distance(price, reference, &off)) {
        ch_buffer_add_text(out, " is ");
        ch_limit_text(in->entry, off, out);
        ch_buffer_add_text(out, ch_decimal_compare(price, reference) < 0 ? " below" : " above");
    } else {
        ch_buffer_add_text(out, " is off");
    }
    ch_buffer_add_text(out, " the reference of ");
    ch_decimal_print(reference, out);
}

static ch_limit_answer refuse_price(const asking *in, ch_fact_name name, ch_decimal price, ch_decimal reference)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    say_collar(in, name, price, reference, &text);
    ch_decimal off = CH_DECIMAL_ZERO;
    (void)ch_object_above(in->to, in->entry, distance(price, reference, &off) ? off : price);
    ch_refusal refusal = *in->to->refusal;
    (void)ch_object(in->to, CH_REFUSED, NULL, in->entry, "%s, and %s is %s", ch_buffer_text(&text),
                    ch_limit_noun(in->entry), refusal.limit);
    *in->to->refusal = refusal;
    return CH_LIMIT_REFUSES;
}

static ch_limit_answer ask_price(const asking *in, ch_fact_name name, ch_decimal reference)
{
    if (ch_subject_fact(in->subject, name)->state == CH_FACT_NONE)
        return CH_LIMIT_HOLDS;
    ch_worth price = ch_worth_of_fact(in->subject, name);
    if (price.state != CH_WORTH_KNOWN)
        return refuse_unknown(in, &price);
    if (!is_within(in, price.amount, reference))
        return refuse_price(in, name, price.amount, reference);
    if (in->question->trace != NULL) {
        ch_autobuffer text = CH_BUFFER_INIT;
        say_collar(in, name, price.amount, reference, &text);
        ch_trace_say(in->question, in->entry, CH_VERDICT_HOLDS, "%s", ch_buffer_text(&text));
    }
    return CH_LIMIT_HOLDS;
}

static ch_limit_answer ask_collar(const asking *in, const control *row)
{
    (void)row;
    ch_worth reference = ch_worth_reference(in->pricing, in->limit->age_ns);
    if (reference.state != CH_WORTH_KNOWN)
        return refuse_unknown(in, &reference);
    ch_limit_answer answer = ask_price(in, CH_FACT_PRICE, reference.amount);
    return answer == CH_LIMIT_REFUSES ? answer : ask_price(in, CH_FACT_TRIGGER_PRICE, reference.amount);
}

/* ---- others ---- */

static ch_limit_answer refuse_fact(const asking *in, ch_fact_name name)
{
    (void)ch_object_unknown_fact(in->to, in->entry, name);
    return CH_LIMIT_REFUSES;
}

/* BitMEX, Gate and Phemex take a leverage of zero for cross margin, as high as the account goes. */
static ch_limit_answer refuse_zero(const asking *in)
{
    (void)ch_object(in->to, CH_REFUSED, NULL, in->entry,
                    "a leverage of 0 is none: exchanges take it for as much as there is; state the leverage");
    in->to->refusal->control = ch_limit_control_name(in->entry);
    return CH_LIMIT_REFUSES;
}

/* An order that states no leverage leaves it as it is set. */
static ch_limit_answer ask_leverage(const asking *in, const control *row)
{
    (void)row;
    bool is_setting = in->subject->item->kind == CH_ITEM_SETTING;
    const ch_fact *name = ch_subject_fact(in->subject, CH_FACT_NAME);
    ch_fact_name value = is_setting ? CH_FACT_VALUE : CH_FACT_LEVERAGE;
    if (is_setting && name->state != CH_FACT_STATED)
        return refuse_fact(in, CH_FACT_NAME);
    if (is_setting ? !ch_text_is(name->text, "leverage") : ch_subject_fact(in->subject, value)->state == CH_FACT_NONE)
        return CH_LIMIT_HOLDS;
    ch_worth leverage = ch_worth_of_fact(in->subject, value);
    if (leverage.state != CH_WORTH_KNOWN)
        return refuse_fact(in, value);
    return ch_decimal_is_zero(leverage.amount) ? refuse_zero(in) : compare(in, leverage.amount);
}

static ch_limit_answer ask_validity(const asking *in, const control *row)
{
    (void)row;
    uint64_t validity_ns = in->question->validity_ns;
    if (validity_ns > 0 && validity_ns <= in->limit->age_ns)
        return CH_LIMIT_HOLDS;
    if (validity_ns > 0)
        (void)ch_object_above(in->to, in->entry, ch_decimal_of(validity_ns));
    else
        (void)ch_object(in->to, CH_REFUSED, NULL, in->entry,
                        "nobody knows how long this signature is valid, and %s needs it", ch_limit_noun(in->entry));
    in->to->refusal->control = ch_limit_control_name(in->entry);
    return CH_LIMIT_REFUSES;
}

/* ---- the table ---- */

#define MOVES (KIND(TRANSFER) | KIND(WITHDRAWAL) | KIND(BORROW))

/* clang-format off */
static const control controls[CH_CONTROL_COUNT] = {
    /*                            how           counts             items                          by itself  per use */
    [CH_CONTROL_ORDER_VALUE]  = { ask_worth,    ch_worth_value,    KIND(ORDER),                   true,      false },
    [CH_CONTROL_ORDER_VOLUME] = { ask_worth,    ch_worth_volume,   KIND(ORDER),                   true,      false },
    [CH_CONTROL_COLLAR]       = { ask_collar,   NULL,              KIND(ORDER),                   true,      false },
    [CH_CONTROL_LOSS]         = { ask_worth,    ch_worth_loss,     KIND(ORDER),                   false,     true },
    [CH_CONTROL_VALUE]        = { ask_worth,    ch_worth_value,    KIND(ORDER),                   false,     true },
    [CH_CONTROL_VOLUME]       = { ask_worth,    ch_worth_volume,   KIND(ORDER),                   false,     true },
    [CH_CONTROL_AMOUNT]       = { ask_amount,   ch_worth_amount,   MOVES,                         false,     true },
    [CH_CONTROL_OPEN_VALUE]   = { ask_worth,    ch_worth_value,    KIND(ORDER),                   false,     true },
    [CH_CONTROL_ORDERS]       = { ask_count,    NULL,              KIND(ORDER),                   false,     true },
    [CH_CONTROL_MESSAGES]     = { ask_messages, NULL,              ANY_KIND,                      false,     false },
    [CH_CONTROL_SAME_ORDER]   = { ask_count,    NULL,              KIND(ORDER),                   false,     false },
    [CH_CONTROL_LEVERAGE]     = { ask_leverage, NULL,              KIND(ORDER) | KIND(SETTING),   true,      false },
    [CH_CONTROL_VALIDITY]     = { ask_validity, NULL,              ANY_KIND,                      true,      false },
};
/* clang-format on */

ch_limit_answer ch_limit_ask(const ch_question *question, const ch_entry_rule *entry, ch_pricing *pricing,
                             ch_cost *cost, const ch_objection *to)
{
    const control *row = &controls[entry->limit.control];
    const asking in = {question, entry, &entry->limit, pricing, pricing->subject, cost, to};
    *cost = (ch_cost){0};
    if ((row->kinds >> pricing->subject->item->kind & 1) == 0)
        return CH_LIMIT_SKIPS;
    return row->ask(&in, row);
}
