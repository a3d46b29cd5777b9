/* Texts of the request may hold any character. Those that would end a part are replaced, so that no text can look like
 * two parts, or like two lines where scopes are kept. What merges by that is counted together. */
#include "policy/scope.h"

#include <string.h>

static void add_part(ch_buffer *out, size_t start, const char *name, ch_slice text)
{
    size_t name_size = strlen(name);
    uint8_t *to = ch_buffer_reserve(out, name_size + text.size + 3);
    const uint8_t *begin = to;
    if (out->size > start)
        *to++ = ';';
    memcpy(to, name, name_size);
    to += name_size;
    *to++ = '=';
    if (text.size == 0)
        *to++ = '-';
    for (size_t i = 0; i < text.size; i++)
        *to++ = text.data[i] <= ' ' || text.data[i] == ';' ? '_' : text.data[i];
    ch_buffer_commit(out, (size_t)(to - begin));
}

static bool add_fact(ch_buffer *out, size_t start, const ch_subject *subject, ch_fact_name name, ch_slice known,
                     ch_fact_name *unknown)
{
    if (subject == NULL || ch_subject_fact(subject, name)->state == CH_FACT_UNKNOWN ||
        (ch_subject_fact(subject, name)->state == CH_FACT_STATED && known.size == 0)) {
        *unknown = name;
        return false;
    }
    add_part(out, start, ch_fact_name_text(name), known);
    return true;
}

/* By the name that policy has for it, so that two spellings of one address are one. */
static bool add_address(ch_buffer *out, size_t start, const ch_subject *subject, ch_fact_name *unknown)
{
    bool is_transfer = subject != NULL && subject->item->kind == CH_ITEM_TRANSFER;
    ch_fact_name name = is_transfer ? CH_FACT_TO : CH_FACT_ADDRESS;
    const ch_address *address = subject == NULL ? NULL : ch_subject_address(subject);
    if (address == NULL)
        return add_fact(out, start, subject, name,
                        subject == NULL ? (ch_slice){NULL, 0} : ch_subject_fact(subject, name)->text, unknown);
    add_part(out, start, "address", ch_slice_of(address->name));
    return true;
}

/* Equal orders: symbol, side and quantity, whatever the limit counts by. */
static bool add_order(ch_buffer *out, size_t start, const ch_subject *subject, ch_fact_name *unknown)
{
    static const char *const units[] = {"base", "quote", "contracts"};
    const ch_fact *side = ch_subject_fact(subject, CH_FACT_SIDE);
    const ch_fact *quantity = ch_subject_fact(subject, CH_FACT_QUANTITY);
    if (!add_fact(out, start, subject, CH_FACT_SIDE, side->text, unknown) ||
        !add_fact(out, start, subject, CH_FACT_QUANTITY, quantity->text, unknown))
        return false;
    if (quantity->state == CH_FACT_STATED)
        ch_buffer_add_text(out, units[subject->item->unit]);
    return true;
}

/* So that two spellings of one pair are one. One that cannot be read may be of any, and is not known. */
static ch_slice symbol_of(const ch_subject *subject)
{
    if (subject == NULL || subject->may_be_any_pair)
        return (ch_slice){NULL, 0};
    return subject->pair.size > 0 ? subject->pair : subject->symbol;
}

bool ch_scope_add(const ch_question *question, const ch_entry_rule *entry, size_t caller, const ch_subject *subject,
                  ch_buffer *out, ch_fact_name *unknown)
{
    const ch_policy *policy = question->policy;
    bool is_of_orders = entry->limit.control == CH_CONTROL_SAME_ORDER;
    unsigned by = entry->limit.by | (is_of_orders ? CH_BY_CALLER | CH_BY_ACCOUNT | CH_BY_SYMBOL : 0U);
    size_t start = out->size;
    if (by & CH_BY_CALLER)
        add_part(out, start, "caller",
                 caller == CH_NO_CALLER ? (ch_slice){NULL, 0} : ch_slice_of(policy->callers[caller].name));
    if (by & CH_BY_KEY)
        add_part(out, start, "key", ch_slice_of(question->key->name));
    if (by & CH_BY_ACCOUNT)
        add_part(out, start, "account", ch_slice_of(policy->accounts[question->key->account].name));
    if (is_of_orders && !add_order(out, start, subject, unknown))
        return false;
    if ((by & CH_BY_SYMBOL) && !add_fact(out, start, subject, CH_FACT_SYMBOL, symbol_of(subject), unknown))
        return false;
    if ((by & CH_BY_ADDRESS) && !add_address(out, start, subject, unknown))
        return false;
    return (by & CH_BY_ASSET) == 0 || add_fact(out, start, subject, CH_FACT_ASSET,
                                               subject == NULL ? (ch_slice){NULL, 0} : subject->usual_asset, unknown);
}

bool ch_scope_caller(const ch_question *question, const ch_entry_rule *entry, size_t *at, size_t *caller)
{
    const ch_selector *selector = &entry->selector;
    bool is_by_caller = (entry->limit.by & CH_BY_CALLER) != 0 || entry->limit.control == CH_CONTROL_SAME_ORDER;
    for (size_t word = *at / 64; is_by_caller && word < CH_CALLER_WORDS; word++) {
        uint64_t meant = selector->is_any_caller ? UINT64_MAX : selector->callers.bits[word];
        uint64_t left = question->callers->bits[word] & meant;
        if (word == *at / 64)
            left &= UINT64_MAX << (*at % 64);
        if (left == 0)
            continue;
        *caller = 64 * word + (size_t)__builtin_ctzll(left);
        *at = *caller + 1;
        return true;
    }
    return false;
}
