/* Raw bytes may be anything. So who signs them needs allows without conditions for every class, and nothing may apply
 * that would look at what they are. Messages can be counted all the same. */
#include "exchange/class.h"
#include "policy/decide_impl.h"

#define EVERY_CLASS ((1U << CH_CLASS_COUNT) - 1)
#define EVERY_ITEM ((1U << CH_ITEM_KIND_COUNT) - 1)
#define CLASS(name) (1U << CH_CLASS_##name)

/* The classes of which the allow covers everything. */
static unsigned open_classes(const ch_entry_rule *allow)
{
    const ch_selector *selector = &allow->selector;
    bool is_selective = selector->has_endpoints || selector->markets != 0 || selector->symbols.count > 0 ||
                        selector->sides != 0 || selector->types != 0 || selector->times != 0 ||
                        (selector->items != 0 && selector->items != EVERY_ITEM) || selector->settings.count > 0 ||
                        selector->to != NULL || selector->assets.count > 0;
    unsigned classes = selector->classes;
    if (!allow->is_unlimited || !selector->is_any_market)
        classes &= ~CLASS(TRADE);
    if (!allow->is_unlimited || !selector->is_any_address)
        classes &= ~(CLASS(TRANSFER) | CLASS(WITHDRAW));
    return is_selective || allow->limit_count > 0 ? 0 : classes;
}

static ch_status need_classes(const ch_judge *judge)
{
    unsigned classes = 0;
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_ALLOW); i++) {
        const ch_entry_rule *allow = ch_judge_entry(judge, CH_VERB_ALLOW, i);
        if (ch_entry_holds_now(allow, judge->question->now_ns))
            classes |= open_classes(allow);
    }
    unsigned missing = EVERY_CLASS & ~classes;
    if (missing == 0)
        return CH_OK;
    return ch_object(&judge->to, CH_REFUSED, "class", NULL,
                     "raw bytes need every class: no allow for key '%s' covers all of class '%s'",
                     judge->question->key->name, ch_class_name((ch_class)__builtin_ctz(missing)));
}

static bool counts_messages_only(const ch_entry_rule *entry)
{
    const ch_selector *selector = &entry->selector;
    bool is_selective = selector->has_endpoints || selector->classes != 0 || selector->markets != 0 ||
                        selector->symbols.count > 0 || selector->sides != 0 || selector->types != 0 ||
                        selector->times != 0 || selector->items != 0 || selector->settings.count > 0 ||
                        selector->to != NULL || selector->assets.count > 0;
    return entry->verb == CH_VERB_LIMIT && entry->limit.control == CH_CONTROL_MESSAGES && !is_selective;
}

static ch_status need_nothing(ch_judge *judge, const ch_entry_rule *entry)
{
    bool is_named = entry->verb == CH_VERB_LIMIT && entry->limit.is_named;
    if (is_named || !ch_entry_holds_now(entry, judge->question->now_ns))
        return CH_OK;
    if (!counts_messages_only(entry))
        return ch_object(&judge->to, CH_REFUSED, NULL, entry,
                         "nothing is known of raw bytes, and this %s would need to know what they are",
                         ch_verb_name(entry->verb));
    ch_cost cost = ch_message_cost(judge->question);
    bool is_charged = ch_plan_charge(judge->plan, judge->question, entry, &cost, NULL, &judge->to);
    return is_charged ? CH_OK : judge->to.err->status;
}

ch_status ch_judge_raw(ch_judge *judge)
{
    const char *key = judge->question->key->name;
    if (!judge->question->key->may_sign_raw)
        return ch_object(&judge->to, CH_REFUSED, "raw", NULL,
                         "key '%s' signs no raw bytes: its policy does not say raw: true", key);
    CH_TRY(ch_passing_reading(judge->question, &judge->passing, NULL, &judge->to));
    CH_TRY(need_classes(judge));
    ch_plan_add_place(judge->plan, 0);
    ch_plan_add_option(judge->plan, NULL);
    for (size_t i = judge->first[CH_VERB_DENY]; i < judge->entry_count; i++)
        CH_TRY(need_nothing(judge, judge->entries[i]));
    return CH_OK;
}
