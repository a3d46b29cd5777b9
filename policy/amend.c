/* Which facts count as unsaid: unknown ones that no parameter hides. */
#include "policy/amend.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool begins(ch_slice name, const char *word)
{
    size_t i = 0;
    for (; word[i] != '\0'; i++) {
        if (i >= name.size || lower(name.data[i]) != (uint8_t)word[i])
            return false;
    }
    return i < name.size;
}

/* The name of a parameter without what tells the old id from the new one. */
static ch_slice bare(ch_slice name)
{
    static const char *const befores[] = {"original_", "original", "orig_", "orig", "new_", "new"};
    for (size_t i = 0; i < sizeof befores / sizeof *befores; i++) {
        size_t size = ch_slice_of(befores[i]).size;
        if (begins(name, befores[i]))
            return ch_slice_after(name, size);
    }
    return name;
}

static bool is_same_name(ch_slice one, ch_slice other)
{
    one = bare(one);
    other = bare(other);
    if (one.size != other.size || one.size == 0)
        return false;
    for (size_t i = 0; i < one.size; i++) {
        if (lower(one.data[i]) != lower(other.data[i]))
            return false;
    }
    return true;
}

static bool says_otherwise(const ch_item *item, const ch_item *recorded, ch_fact_name name)
{
    const ch_fact *said = &item->facts[name];
    const ch_fact *known = &recorded->facts[name];
    return said->state == CH_FACT_STATED && known->state == CH_FACT_STATED && !ch_slice_equal(said->text, known->text);
}

/* What an amendment cannot change: if the request says otherwise than the record, that is of another order. If the
 * record has lost its symbol, nobody knows whether it is. */
static bool may_be_of_another(const ch_item *item, const ch_item *recorded)
{
    bool has_symbol = item->facts[CH_FACT_SYMBOL].state == CH_FACT_STATED;
    return (has_symbol && recorded->facts[CH_FACT_SYMBOL].state != CH_FACT_STATED) ||
           says_otherwise(item, recorded, CH_FACT_SYMBOL) || says_otherwise(item, recorded, CH_FACT_MARKET) ||
           says_otherwise(item, recorded, CH_FACT_SIDE);
}

const ch_item *ch_record_of(const ch_question *question, const ch_item *item)
{
    const ch_fact *order = &item->facts[CH_FACT_ORDER];
    if (question->look_up == NULL || order->state != CH_FACT_STATED)
        return NULL;
    const ch_item *recorded = question->look_up(question->look_up_context, question->key, order->text);
    if (recorded == NULL || recorded->kind != CH_ITEM_ORDER || may_be_of_another(item, recorded))
        return NULL;
    return is_same_name(order->param, recorded->facts[CH_FACT_CLIENT_ID].param) ? recorded : NULL;
}

static bool is_unsaid(const ch_fact *fact)
{
    return fact->state == CH_FACT_UNKNOWN && fact->param.size == 0;
}

static void add_record(const ch_item *item, const ch_item *recorded, ch_item *out)
{
    bool has_symbol = is_unsaid(&item->facts[CH_FACT_SYMBOL]);
    bool has_quantity = is_unsaid(&item->facts[CH_FACT_QUANTITY]);
    for (ch_fact_name i = 0; i < CH_FACT_COUNT; i++) {
        if (i != CH_FACT_ORDER && is_unsaid(&item->facts[i]))
            out->facts[i] = recorded->facts[i];
    }
    if (has_quantity)
        out->unit = recorded->unit;
    /* What a contract is worth follows from the symbol. */
    if (recorded->unit == out->unit && (has_quantity || (has_symbol && out->contract_size.size == 0))) {
        out->contract_size = recorded->contract_size;
        out->contract_asset = recorded->contract_asset;
    }
}

/* As profiles have it of other orders: an exchange may ignore the price of a type that is unknown or has none. */
static void settle_price(ch_item *out)
{
    const ch_fact *type = &out->facts[CH_FACT_TYPE];
    ch_fact *price = &out->facts[CH_FACT_PRICE];
    bool is_priced = type->state == CH_FACT_STATED && !ch_order_type_lacks_price(type->text);
    if (price->state == CH_FACT_STATED && !is_priced)
        price->state = CH_FACT_UNKNOWN;
}

void ch_amend_complete(const ch_item *item, const ch_item *recorded, ch_item *out)
{
    *out = *item;
    if (recorded != NULL)
        add_record(item, recorded, out);
    settle_price(out);
}
