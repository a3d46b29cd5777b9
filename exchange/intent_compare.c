/* Two intents are the same only if everything that they say is. */
#include "exchange/intent.h"

static bool is_same_item(const ch_item *one, const ch_item *other)
{
    bool is_same = one->kind == other->kind && one->is_amendment == other->is_amendment && one->unit == other->unit &&
                   one->detail_count == other->detail_count;
    for (ch_fact_name i = 0; i < CH_FACT_COUNT; i++) {
        const ch_fact *a = &one->facts[i];
        const ch_fact *b = &other->facts[i];
        is_same &= a->state == b->state && ch_slice_equal(a->text, b->text) && ch_slice_equal(a->param, b->param);
    }
    for (size_t i = 0; is_same && i < one->detail_count; i++) {
        is_same &= ch_slice_equal(one->details[i].param, other->details[i].param) &&
                   ch_slice_equal(one->details[i].text, other->details[i].text);
    }
    return is_same;
}

bool ch_intent_equal(const ch_intent *one, const ch_intent *other)
{
    bool is_same = ch_intent_count(one) == ch_intent_count(other);
    for (size_t i = 0; is_same && i < ch_intent_count(one); i++)
        is_same &= is_same_item(ch_intent_item(one, i), ch_intent_item(other, i));
    return is_same;
}
