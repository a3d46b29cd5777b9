/* What one value means: by its own meaning, and by the condition that fits. Nothing here knows of items. */
#include "exchange/intent_impl.h"

#include "exchange/check_value.h"
#include "exchange/symbols.h"

#include <string.h>

/* ---- conditions ---- */

static bool is_met(const ch_condition *condition, ch_slice value)
{
    for (size_t i = 0; i < condition->value_count; i++) {
        if (ch_pattern_fits(condition->values[i], value))
            return true;
    }
    return condition->value_count == 0;
}

/* The parameter of that name that is nearest: in the same leg and element, else in what these lie in. */
static const ch_entry *find_named(const ch_intent *intent, const ch_entry *entry, const char *name)
{
    const ch_entry *found = NULL;
    for (size_t i = 0; i < intent->entry_count; i++) {
        const ch_entry *other = &intent->entries[i];
        if (!ch_slice_is(other->name, name) || !ch_intent_is_in(intent, entry->element, other->element) ||
            !ch_intent_is_in_leg(intent, entry->leg, other->leg))
            continue;
        if (found == NULL || other->element > found->element ||
            (other->element == found->element && other->leg == entry->leg))
            found = other;
    }
    return found;
}

static const ch_condition *find_condition(const ch_intent *intent, const ch_entry *entry)
{
    const ch_meaning *meaning = entry->def->meaning;
    for (size_t i = 0; i < meaning->condition_count; i++) {
        const ch_entry *other = find_named(intent, entry, meaning->conditions[i].param);
        if (other != NULL && is_met(&meaning->conditions[i], other->value))
            return &meaning->conditions[i];
    }
    return NULL;
}

/* ---- numbers ---- */

/* Moves the point `scale` places to the left, and drops zeros that say nothing. `out` has room for what is added. */
static size_t write_decimal(ch_slice value, unsigned scale, uint8_t *out)
{
    const uint8_t *point = ch_slice_find(value, '.');
    size_t whole = point == NULL ? value.size : (size_t)(point - value.data);
    size_t used = 0;
    for (size_t zeros = whole; zeros <= scale; zeros++)
        out[used++] = '0';
    for (size_t i = 0; i < whole; i++)
        out[used++] = value.data[i];
    memmove(out + used - scale + 1, out + used - scale, scale);
    out[used - scale] = '.';
    used++;
    for (size_t i = whole + 1; i < value.size; i++)
        out[used++] = value.data[i];
    while (out[used - 1] == '0')
        used--;
    return out[used - 1] == '.' ? used - 1 : used;
}

/* Of quantities and prices, zero is not the number that it looks like: to exchanges it says that there is none, or all.
 */
static bool is_no_number(ch_fact_name role, ch_slice number)
{
    return ch_slice_is(number, "0") && role != CH_FACT_LEVERAGE;
}

/* Leading zeros come from the scale: "00.5". */
static ch_slice drop_zeros(ch_slice number)
{
    while (number.size > 1 && number.data[0] == '0' && number.data[1] != '.')
        number = ch_slice_after(number, 1);
    return number;
}

static void read_number(ch_intent *intent, ch_entry *entry)
{
    const ch_sense *sense = entry->sense;
    bool is_negative = entry->value.size > 0 && entry->value.data[0] == '-';
    ch_slice digits = ch_slice_after(entry->value, is_negative ? 1 : 0);
    if (sense->has_side)
        entry->side = is_negative ? CH_LITERAL("sell") : CH_LITERAL("buy");
    if (!ch_is_decimal(digits) || sense->is_unscaled) {
        entry->fact = (ch_fact){
            CH_FACT_UNKNOWN, {NULL, 0},
             entry->name
        };
        return;
    }
    ch_buffer_clear(&intent->composed);
    uint8_t *room = ch_buffer_reserve(&intent->composed, digits.size + sense->scale + 3);
    ch_slice number = drop_zeros((ch_slice){room, write_decimal(digits, sense->scale, room)});
    ch_autobuffer text = CH_BUFFER_INIT;
    if (is_negative && !sense->has_side)
        ch_buffer_add_byte(&text, '-');
    ch_buffer_add_slice(&text, number);
    entry->fact.text = ch_intent_keep(intent, ch_buffer_slice(&text));
    if (is_no_number(sense->role, number))
        entry->fact = (ch_fact){
            CH_FACT_UNKNOWN, {NULL, 0},
             entry->name
        };
}

/* ---- values ---- */

static void find_value(ch_entry *entry)
{
    const ch_meaning *meaning = entry->def->meaning;
    for (size_t i = 0; i < meaning->value_count && entry->meaning == NULL; i++) {
        if (ch_slice_is(entry->value, meaning->values[i].value))
            entry->meaning = &meaning->values[i];
    }
    entry->is_unmapped = meaning->value_count > 0 && entry->meaning == NULL;
    entry->is_nothing = entry->meaning != NULL && entry->meaning->is_nothing;
}

/* Yes and no may be written as a boolean. */
static const char *word_of(ch_fact_name role, ch_slice value)
{
    bool is_answer = role == CH_FACT_REDUCE_ONLY || role == CH_FACT_CLOSE_POSITION;
    if (is_answer && ch_slice_is(value, "true"))
        return "yes";
    if (is_answer && ch_slice_is(value, "false"))
        return "no";
    return role == CH_FACT_TYPE ? ch_fact_word(role, value) : ch_fact_word_any_case(role, value);
}

static void read_word(ch_entry *entry)
{
    const char *word = word_of(entry->sense->role, entry->value);
    entry->fact.state = word == NULL ? CH_FACT_UNKNOWN : CH_FACT_STATED;
    entry->fact.text = word == NULL ? (ch_slice){NULL, 0} : ch_slice_of(word);
}

static void read_role(ch_intent *intent, ch_entry *entry)
{
    if (entry->meaning != NULL && entry->meaning->word == NULL)
        return; /* a map of facts says all */
    entry->fact = (ch_fact){CH_FACT_STATED, entry->value, entry->name};
    if (entry->is_unmapped)
        entry->fact = (ch_fact){
            CH_FACT_UNKNOWN, {NULL, 0},
             entry->name
        };
    else if (entry->meaning != NULL)
        entry->fact.text = ch_slice_of(entry->meaning->word);
    else if (ch_fact_is_number(entry->sense->role))
        read_number(intent, entry);
    else if (ch_fact_has_words(entry->sense->role))
        read_word(entry);
}

static void read_value(ch_intent *intent, ch_entry *entry)
{
    const ch_meaning *meaning = entry->def->meaning;
    if (meaning == NULL || meaning->neutral != NULL)
        return;
    entry->condition = find_condition(intent, entry);
    entry->sense = entry->condition != NULL ? &entry->condition->sense : &meaning->sense;
    find_value(entry);
    if (entry->sense->has_role && !entry->is_nothing)
        read_role(intent, entry);
    intent->is_unique |= meaning->is_unique;
}

void ch_intent_read_values(ch_intent *intent)
{
    intent->is_unique = false;
    for (size_t i = 0; i < intent->entry_count; i++)
        read_value(intent, &intent->entries[i]);
}
