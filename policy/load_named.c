/* Limits, and the allows that name them. An allow that names limits is believed to be limited: so each of them must be
 * able to apply to what the allow lets pass, and all that can cost money must be counted by one of them. */
#include "policy/load_impl.h"

#include "base/bits.h"
#include "base/memory.h"
#include "exchange/facts.h"
#include "policy/reach.h"

#include <stdlib.h>
#include <string.h>

#define KIND(name) (1U << CH_ITEM_##name)
#define KINDS_ALL ((1U << CH_ITEM_KIND_COUNT) - 1)
#define CLASS(name) (1U << CH_CLASS_##name)
#define CLASSES_ALL ((1U << CH_CLASS_COUNT) - 1)

/* ---- what a limit counts ---- */

/* The kinds of items of these classes that an entry matches. */
static unsigned kinds_of(const ch_entry_rule *entry, unsigned classes)
{
    unsigned kinds = 0;
    classes &= ch_classes_matched(&entry->selector);
    for (unsigned i = 0; i < CH_CLASS_COUNT; i++) {
        if ((classes & 1U << i) != 0)
            kinds |= ch_kinds_selected(entry, (ch_class)i);
    }
    return kinds;
}

static unsigned kinds_limited(const ch_entry_rule *limit, unsigned classes)
{
    return kinds_of(limit, classes) & ch_control_kinds(limit->limit.control);
}

/* True if some `to` of the selector is for that asset: an address that names one is for that one only. */
static bool takes_asset(const ch_policy *policy, const ch_selector *selector, const char *asset)
{
    bool is_to = selector->to == NULL;
    for (size_t i = 0; !is_to && i < policy->address_count; i++) {
        const char *of = policy->addresses[i].asset;
        is_to = ch_set_has(selector->to, i) && (of == NULL || strcmp(of, asset) == 0);
    }
    return is_to && (selector->assets.count == 0 || ch_text_list_has(&selector->assets, asset));
}

/* ---- units ---- */

static bool is_in_asset(const ch_policy *policy, const char *asset, const char *wanted)
{
    for (size_t i = 0; i < policy->conversion_count; i++) {
        if (strcmp(policy->conversions[i].from, asset) == 0 && strcmp(policy->conversions[i].to, wanted) == 0)
            return true;
    }
    return strcmp(asset, wanted) == 0;
}

static ch_status check_symbol(const ch_policy_loader *load, const ch_yaml *node, const ch_entry_rule *entry,
                              const char *symbol, const ch_limit *limit, ch_error *err)
{
    bool is_base = limit->control == CH_CONTROL_ORDER_VOLUME || limit->control == CH_CONTROL_VOLUME;
    ch_autofree char *asset = NULL;
    if (ch_symbol_asset_is(load, entry, symbol, is_base, is_in_asset, limit->asset, &asset))
        return CH_OK;
    return ch_yaml_fail(
        node, err, "the %s of %s is %s, and '%s' counts %s; add a conversion from %s to %s, or use another limit",
        is_base ? "base" : "quote", symbol, asset, ch_control_field(limit->control), limit->asset, asset, limit->asset);
}

/* By some profile; a limit narrows whatever spelling of a pair or an asset it has. */
static bool narrows_symbol(const ch_policy *policy, const ch_selector *limit, const char *symbol)
{
    bool is_it = limit->symbols.count == 0;
    for (size_t i = 0; !is_it && i < policy->profile_count; i++)
        is_it = ch_narrows_symbol(limit, policy->profiles[i], symbol);
    return is_it;
}

static bool narrows_asset(const ch_policy *policy, const ch_selector *limit, const char *asset)
{
    bool is_it = limit->assets.count == 0;
    for (size_t i = 0; !is_it && i < policy->profile_count; i++)
        is_it = ch_narrows_asset(limit, policy->profiles[i], asset);
    return is_it;
}

/* What is traded must be countable in the limit's asset: by value the quote, by volume the base. Symbols that a pattern
 * stands for may be others; those are refused one by one. */
static ch_status check_unit(const ch_policy_loader *load, const ch_yaml *node, const ch_entry_rule *entry,
                            const ch_entry_rule *limit, ch_error *err)
{
    const ch_text_list *symbols = &entry->selector.symbols;
    if (limit->limit.asset == NULL || !ch_control_is_of_orders(limit->limit.control) || entry->selector.has_pattern)
        return CH_OK;
    for (size_t i = 0; i < symbols->count; i++) {
        if (narrows_symbol(load->policy, &limit->selector, symbols->items[i]))
            CH_TRY(check_symbol(load, node, entry, symbols->items[i], &limit->limit, err));
    }
    return CH_OK;
}

/* ---- references ---- */

static bool is_for_key(const ch_selector *selector, size_t key)
{
    return selector->is_any_key || ch_set_has(selector->keys, key);
}

/* A loss is measured against a reference whose error is known; of the keys that both may be for. */
static ch_status check_reference(const ch_policy *policy, const ch_yaml *node, const ch_entry_rule *entry,
                                 const ch_entry_rule *limit, ch_error *err)
{
    for (size_t i = 0; limit->limit.control == CH_CONTROL_LOSS && i < policy->key_count; i++) {
        const ch_account *account = &policy->accounts[policy->keys[i].account];
        bool is_meant = is_for_key(&limit->selector, i) && is_for_key(&entry->selector, i);
        if (is_meant && !account->has_reference_error)
            return ch_yaml_fail(
                node, err,
                "'%s' is measured against a reference, and account '%s' does not say how wrong that may "
                "be; add 'reference_error' to it, or leave its keys out",
                limit->name, account->name);
    }
    return CH_OK;
}

/* ---- a limit by itself ---- */

ch_status ch_check_limit_alone(const ch_policy_loader *load, const ch_yaml *node, const ch_entry_rule *entry,
                               ch_error *err)
{
    const ch_limit *limit = &entry->limit;
    bool is_priced = limit->control == CH_CONTROL_LOSS || limit->control == CH_CONTROL_COLLAR;
    if (kinds_limited(entry, CLASSES_ALL) == 0)
        return ch_yaml_fail(node, err, "it can never match: its selectors leave nothing that '%s' looks at",
                            ch_control_field(limit->control));
    if (limit->control == CH_CONTROL_AMOUNT && !takes_asset(load->policy, &entry->selector, limit->asset))
        return ch_yaml_fail(node, err, "it can never match: it counts %s, which 'to' or 'assets' leaves out",
                            limit->asset);
    if (is_priced && load->prices_at == NULL)
        return ch_yaml_fail(node, err, "'%s' needs reference prices; add 'prices' with 'sources'",
                            ch_control_field(limit->control));
    return check_unit(load, node, entry, entry, err);
}

/* Of those that nobody names, which apply to all that their selectors match. */
ch_status ch_check_unnamed(const ch_policy_loader *load, const ch_entry_rule *limit, ch_error *err)
{
    const ch_yaml *node = load->at[limit - load->policy->entries];
    return limit->limit.is_named ? CH_OK : check_reference(load->policy, node, limit, limit, err);
}

/* ---- an allow and one of its limits ---- */

static bool meet(const uint64_t *one, const uint64_t *other, size_t words)
{
    return one == NULL || other == NULL || ch_set_meets(one, other, words);
}

static bool share_callers(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit)
{
    (void)policy;
    return allow->is_any_caller || limit->is_any_caller ||
           ch_set_meets(allow->callers.bits, limit->callers.bits, CH_CALLER_WORDS);
}

static bool share_keys(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit)
{
    return meet(allow->keys, limit->keys, policy->key_words);
}

static bool share_classes(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit)
{
    (void)policy;
    return (ch_classes_opened(allow) & ch_classes_opened(limit)) != 0;
}

static bool share_bits(unsigned one, unsigned other)
{
    return one == 0 || other == 0 || (one & other) != 0;
}

static bool share_markets(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit)
{
    (void)policy;
    return share_bits(allow->markets, limit->markets);
}

static bool share_symbols(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit)
{
    for (size_t i = 0; i < allow->symbols.count; i++) {
        if (narrows_symbol(policy, limit, allow->symbols.items[i]))
            return true;
    }
    return allow->symbols.count == 0;
}

static bool share_sides(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit)
{
    (void)policy;
    return share_bits(allow->sides, limit->sides);
}

static bool share_types(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit)
{
    (void)policy;
    return share_bits(allow->types, limit->types);
}

static bool share_times(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit)
{
    (void)policy;
    return share_bits(allow->times, limit->times);
}

static bool share_texts(const ch_text_list *one, const ch_text_list *other)
{
    for (size_t i = 0; i < one->count; i++) {
        if (ch_text_list_has(other, one->items[i]))
            return true;
    }
    return one->count == 0 || other->count == 0;
}

static bool share_settings(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit)
{
    (void)policy;
    return share_texts(&allow->settings, &limit->settings);
}

static bool share_addresses(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit)
{
    return meet(allow->to, limit->to, policy->address_count / 64 + 1);
}

static bool share_assets(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit)
{
    for (size_t i = 0; i < allow->assets.count; i++) {
        if (narrows_asset(policy, limit, allow->assets.items[i]))
            return true;
    }
    return allow->assets.count == 0;
}

/* clang-format off */
static const struct {
    const char *field;
    bool (*share)(const ch_policy *policy, const ch_selector *allow, const ch_selector *limit);
} shares[] = {
    /* field           shares something */
    { "caller",        share_callers },
    { "key",           share_keys },
    { "classes",       share_classes },
    { "markets",       share_markets },
    { "symbols",       share_symbols },
    { "sides",         share_sides },
    { "types",         share_types },
    { "time_in_force", share_times },
    { "settings",      share_settings },
    { "to",            share_addresses },
    { "assets",        share_assets },
};
/* clang-format on */

/* Why the limit can never apply to what the allow lets pass; NULL if it can. */
static const char *find_reason(const ch_policy *policy, const ch_entry_rule *allow, const ch_entry_rule *limit)
{
    const ch_selector *selector = &allow->selector;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        if (!shares[i].share(policy, selector, &limit->selector))
            return shares[i].field;
    }
    if (limit->limit.control == CH_CONTROL_AMOUNT && !takes_asset(policy, selector, limit->limit.asset))
        return "asset";
    bool is_counted = (kinds_of(allow, CLASSES_ALL) & kinds_limited(limit, ch_classes_opened(selector))) != 0;
    return is_counted ? NULL : ch_control_field(limit->limit.control);
}

ch_status ch_check_named(ch_policy_loader *load, const ch_entry_rule *allow, const ch_entry_rule *limit,
                         const ch_yaml *node, ch_error *err)
{
    const char *reason = find_reason(load->policy, allow, limit);
    if (reason != NULL)
        return ch_yaml_fail(node, err,
                            "limit '%s' (line %u) can never apply to what this lets pass, because of its '%s'; name "
                            "another, or correct it",
                            limit->name, limit->line, reason);
    CH_TRY(check_reference(load->policy, node, allow, limit, err));
    ch_find_profiles(load, &allow->selector);
    return check_unit(load, node, allow, limit, err);
}

/* ---- an allow and all of its limits ---- */

/* True if one of the limits counts items of these kinds; in `asset`, if that is not NULL. */
static bool is_counted(const ch_policy *policy, const ch_entry_rule *allow, unsigned classes, unsigned kinds,
                       const char *asset)
{
    for (size_t i = 0; i < allow->limit_count; i++) {
        const ch_entry_rule *limit = &policy->entries[allow->limits[i]];
        bool is_by_item = limit->limit.control != CH_CONTROL_MESSAGES && limit->limit.control != CH_CONTROL_VALIDITY;
        bool is_in_it = asset == NULL || limit->limit.asset == NULL || strcmp(limit->limit.asset, asset) == 0;
        if (is_by_item && is_in_it && (kinds_limited(limit, classes) & kinds) != 0)
            return true;
    }
    return false;
}

static ch_status check_class(const ch_policy *policy, const ch_entry_rule *allow, ch_class class_, const ch_yaml *node,
                             ch_error *err)
{
    unsigned kinds = kinds_of(allow, 1U << class_) & ~KIND(CANCEL);
    if (kinds == 0 || is_counted(policy, allow, 1U << class_, kinds, NULL))
        return CH_OK;
    return ch_yaml_fail(node, err,
                        "none of these limits counts what class %s does; name one that does, or split the entry and "
                        "write 'unlimited: true'",
                        ch_class_name(class_));
}

static ch_status check_asset(const ch_policy *policy, const ch_entry_rule *allow, const char *asset,
                             const ch_yaml *node, ch_error *err)
{
    if (is_counted(policy, allow, CLASS(TRANSFER) | CLASS(WITHDRAW), KIND(TRANSFER) | KIND(WITHDRAWAL), asset))
        return CH_OK;
    return ch_yaml_fail(node, err,
                        "none of these limits counts %s, so none of it could ever leave; name one with an amount of %s",
                        asset, asset);
}

/* An amount limit counts one asset, and what none of them counts is refused. So an asset that is written, here or with
 * an address, must be counted; the others may stay open. */
static ch_status check_assets(const ch_policy *policy, const ch_entry_rule *allow, const ch_yaml *node, ch_error *err)
{
    const ch_selector *selector = &allow->selector;
    for (size_t i = 0; i < selector->assets.count; i++)
        CH_TRY(check_asset(policy, allow, selector->assets.items[i], node, err));
    for (size_t i = 0; selector->assets.count == 0 && selector->to != NULL && i < policy->address_count; i++) {
        const char *asset = policy->addresses[i].asset;
        if (ch_set_has(selector->to, i) && asset != NULL)
            CH_TRY(check_asset(policy, allow, asset, node, err));
    }
    return CH_OK;
}

ch_status ch_check_covered(ch_policy_loader *load, const ch_entry_rule *allow, const ch_yaml *node, ch_error *err)
{
    static const ch_class classes[] = {CH_CLASS_TRADE, CH_CLASS_TRANSFER, CH_CLASS_WITHDRAW};
    unsigned opened = ch_classes_opened(&allow->selector);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if ((opened & 1U << classes[i]) != 0)
            CH_TRY(check_class(load->policy, allow, classes[i], node, err));
    }
    bool is_out = (opened & (CLASS(TRANSFER) | CLASS(WITHDRAW))) != 0;
    return is_out ? check_assets(load->policy, allow, node, err) : CH_OK;
}
