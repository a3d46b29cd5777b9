/* What narrows applies to an item also if a fact of it is not known; an allow covers only what it knows. So what an
 * allow lets pass has each fact that its selectors are about. */
#include "policy/reach.h"

#include "base/bits.h"
#include "exchange/environments.h"
#include "exchange/intent_survey.h"
#include "exchange/symbols.h"
#include "policy/match.h"
#include "policy/scope.h"

#include <string.h>

#define KIND(name) (1U << CH_ITEM_##name)
#define KINDS_ALL ((1U << CH_ITEM_KIND_COUNT) - 1)
#define CLASSES_ALL ((1U << CH_CLASS_COUNT) - 1)

/* The items that requests to endpoints of a class can make. */
static const unsigned kinds_of_class[CH_CLASS_COUNT] = {
    [CH_CLASS_READ] = KIND(READ),
    [CH_CLASS_TRADE] = KIND(ORDER) | KIND(CANCEL) | KIND(BORROW) | KIND(SETTING),
    [CH_CLASS_CANCEL] = KIND(CANCEL),
    [CH_CLASS_TRANSFER] = KIND(TRANSFER) | KIND(BORROW),
    [CH_CLASS_WITHDRAW] = KIND(WITHDRAWAL) | KIND(BORROW),
    [CH_CLASS_KEYS] = KIND(SETTING),
    [CH_CLASS_ACCOUNT] = KIND(SETTING),
    [CH_CLASS_SESSION] = KIND(ORDER),
};

/* ---- selectors by facts ---- */

static bool has_markets(const ch_selector *selector)
{
    return selector->markets != 0;
}

static bool has_symbols(const ch_selector *selector)
{
    return selector->symbols.count != 0;
}

static bool has_sides(const ch_selector *selector)
{
    return selector->sides != 0;
}

static bool has_types(const ch_selector *selector)
{
    return selector->types != 0;
}

static bool has_times(const ch_selector *selector)
{
    return selector->times != 0;
}

static bool has_settings(const ch_selector *selector)
{
    return selector->settings.count != 0;
}

static bool has_addresses(const ch_selector *selector)
{
    return selector->to != NULL;
}

static bool has_assets(const ch_selector *selector)
{
    return selector->assets.count != 0;
}

#define FACT(name) CH_FACT_BIT(CH_FACT_##name)

/* clang-format off */
static const struct aspect {
    const char *field;
    bool (*is_given)(const ch_selector *selector);
    ch_facts facts; /* an item has it if it has one of these */
} aspects[] = {
    /* field            is given       facts */
    { "markets",        has_markets,   FACT(MARKET) },
    { "symbols",        has_symbols,   FACT(SYMBOL) },
    { "sides",          has_sides,     FACT(SIDE) },
    { "types",          has_types,     FACT(TYPE) },
    { "time_in_force",  has_times,     FACT(TIME_IN_FORCE) },
    { "settings",       has_settings,  FACT(NAME) },
    { "to",             has_addresses, FACT(TO) | FACT(ADDRESS) },
    { "assets",         has_assets,    FACT(ASSET) },
};
/* clang-format on */

#define ASPECT_COUNT (sizeof aspects / sizeof *aspects)

static unsigned kinds_with(ch_facts facts)
{
    unsigned kinds = 0;
    for (unsigned kind = 0; kind < CH_ITEM_KIND_COUNT; kind++) {
        if ((ch_item_kind_facts((ch_item_kind)kind) & facts) != 0)
            kinds |= 1U << kind;
    }
    return kinds;
}

bool ch_selector_aspect(const ch_selector *selector, size_t index, const char **field, unsigned *kinds)
{
    if (index >= ASPECT_COUNT)
        return false;
    *field = aspects[index].is_given(selector) ? aspects[index].field : NULL;
    *kinds = kinds_with(aspects[index].facts);
    return true;
}

/* An allow says nothing of loans unless it names them. */
unsigned ch_kinds_named(const ch_entry_rule *entry, ch_class class_)
{
    unsigned kinds = entry->selector.items;
    if (kinds == 0)
        kinds = entry->verb == CH_VERB_ALLOW ? KINDS_ALL & ~KIND(BORROW) : KINDS_ALL;
    return kinds & kinds_of_class[class_];
}

unsigned ch_kinds_selected(const ch_entry_rule *entry, ch_class class_)
{
    unsigned kinds = ch_kinds_named(entry, class_);
    for (size_t i = 0; i < ASPECT_COUNT; i++) {
        if (aspects[i].is_given(&entry->selector))
            kinds &= kinds_with(aspects[i].facts);
    }
    return kinds;
}

unsigned ch_control_kinds(ch_control control)
{
    switch (control) {
    case CH_CONTROL_AMOUNT:
        return KIND(TRANSFER) | KIND(WITHDRAWAL) | KIND(BORROW);
    case CH_CONTROL_LEVERAGE:
        return KIND(ORDER) | KIND(SETTING);
    case CH_CONTROL_MESSAGES:
    case CH_CONTROL_VALIDITY:
        return KINDS_ALL;
    default:
        return KIND(ORDER);
    }
}

/* ---- classes ---- */

static unsigned classes_of_endpoints(const ch_selector *selector)
{
    unsigned classes = 0;
    for (size_t i = 0; i < selector->endpoint_count; i++)
        classes |= 1U << ch_endpoint_class(selector->endpoints[i]);
    return classes;
}

unsigned ch_classes_matched(const ch_selector *selector)
{
    unsigned classes = selector->classes != 0 ? selector->classes : CLASSES_ALL;
    return selector->has_endpoints ? classes & classes_of_endpoints(selector) : classes;
}

unsigned ch_classes_opened(const ch_selector *selector)
{
    return selector->classes | ch_classes_matched(selector);
}

/* ---- an allow, for one caller and one key ---- */

bool ch_selector_has_caller(const ch_selector *selector, size_t caller)
{
    return selector->is_any_caller || (caller != CH_NO_CALLER && ch_caller_set_has(&selector->callers, caller));
}

bool ch_selector_has_key(const ch_selector *selector, size_t key)
{
    return selector->is_any_key || ch_set_has(selector->keys, key);
}

static bool has_endpoint(const ch_selector *selector, const ch_endpoint *endpoint)
{
    for (size_t i = 0; i < selector->endpoint_count; i++) {
        if (selector->endpoints[i] == endpoint)
            return true;
    }
    return !selector->has_endpoints;
}

static bool has_class(const ch_selector *selector, ch_class class_)
{
    return selector->classes == 0 || (selector->classes >> class_ & 1) != 0;
}

static bool can_call(const ch_key *key, const ch_endpoint *endpoint)
{
    return ch_environment_has(key->traits.environment, endpoint) && ch_endpoint_takes_scheme(endpoint, key->scheme) &&
           ch_endpoint_kind(endpoint, key->traits.kinds) == NULL;
}

bool ch_reach_has_call(const ch_reach *reach, const ch_endpoint *endpoint)
{
    const ch_selector *selector = &reach->allow->selector;
    return has_class(selector, ch_endpoint_class(endpoint)) && has_endpoint(selector, endpoint) &&
           can_call(&reach->policy->keys[reach->key], endpoint);
}

static bool is_open(const ch_entry_rule *allow)
{
    return allow->is_unlimited && allow->selector.is_any_market;
}

/* Of calls of which the profile says nothing, nothing is known: only what selects by no fact covers them. */
static unsigned kinds_unsaid(const ch_entry_rule *allow, ch_class class_)
{
    unsigned kind = kinds_of_class[class_] & (0U - kinds_of_class[class_]);
    for (size_t i = 0; i < ASPECT_COUNT; i++) {
        if (aspects[i].is_given(&allow->selector))
            return 0;
    }
    bool is_typed = kind == KIND(ORDER) && class_ != CH_CLASS_SESSION && !is_open(allow);
    return is_typed ? 0 : kind & ch_kinds_named(allow, class_);
}

/* What a cancel-replace cancels, and what an order borrows, is not asked all that the allow selects by. */
static unsigned kinds_spared(const ch_entry_rule *allow, ch_class class_)
{
    unsigned cancels = class_ == CH_CLASS_TRADE ? KIND(CANCEL) : 0;
    return ch_kinds_named(allow, class_) & (cancels | (allow->selector.items & KIND(BORROW)));
}

static unsigned kinds_of_call(const ch_reach *reach, const ch_endpoint *endpoint)
{
    ch_survey survey;
    unsigned kinds = 0;
    ch_class class_ = ch_endpoint_class(endpoint);
    if (!ch_intent_is_said(endpoint))
        return kinds_unsaid(reach->allow, class_);
    for (size_t i = 0; ch_intent_survey(endpoint, i, &survey); i++)
        kinds |= 1U << survey.kind;
    return kinds & (ch_kinds_selected(reach->allow, class_) | kinds_spared(reach->allow, class_));
}

unsigned ch_reach_kinds(const ch_reach *reach, ch_class class_)
{
    unsigned kinds = 0;
    const ch_endpoint *endpoint;
    const ch_profile *profile = reach->policy->keys[reach->key].profile;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++) {
        if (ch_endpoint_class(endpoint) == class_ && ch_reach_has_call(reach, endpoint))
            kinds |= kinds_of_call(reach, endpoint);
    }
    return kinds;
}

unsigned ch_reach_classes(const ch_reach *reach, unsigned kinds)
{
    unsigned classes = 0;
    for (unsigned class_ = 0; class_ < CH_CLASS_COUNT; class_++) {
        if ((ch_reach_kinds(reach, (ch_class)class_) & kinds) != 0)
            classes |= 1U << class_;
    }
    return classes;
}

unsigned ch_allow_markets(const ch_entry_rule *allow)
{
    const unsigned all = CH_MARKET_SPOT | CH_MARKET_MARGIN | CH_MARKET_LINEAR | CH_MARKET_INVERSE | CH_MARKET_OPTION;
    return allow->selector.is_any_market || allow->selector.markets == 0 ? all : allow->selector.markets;
}

unsigned ch_allow_types(const ch_entry_rule *allow)
{
    static const char *const types[] = {
        "market",   "limit",          "limit-maker", "stop", "stop-limit", "take-profit", "take-profit-limit",
        "trailing", "trailing-limit", "twap",        "vwap"};
    unsigned all = 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        ch_slice type = ch_slice_of(types[i]);
        if (is_open(allow) || ch_order_type_has_price(type))
            all |= ch_fact_word_bit(CH_FACT_TYPE, type);
    }
    return allow->selector.types != 0 ? allow->selector.types : all;
}

/* ---- what narrows it ---- */

bool ch_allow_asks(const ch_policy *policy, const ch_entry_rule *allow, const ch_entry_rule *limit)
{
    for (size_t i = 0; i < allow->limit_count; i++) {
        if (&policy->entries[allow->limits[i]] == limit)
            return true;
    }
    return !limit->limit.is_named;
}

/* A selector of each, compared: whether all that the allow takes is taken by the other, or some of it. */
typedef struct compared {
    bool is_inside;
    bool meets;
} compared;

static const compared all_of_it = {true, true};

static compared compare_bits(unsigned wanted, unsigned of_allow)
{
    if (wanted == 0)
        return all_of_it;
    return (compared){of_allow != 0 && (of_allow & ~wanted) == 0, of_allow == 0 || (of_allow & wanted) != 0};
}

static bool fits_one(const ch_text_list *patterns, ch_slice text)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (ch_pattern_fits(patterns->items[i], text))
            return true;
    }
    return false;
}

bool ch_narrows_symbol(const ch_selector *selector, const ch_profile *profile, const char *symbol)
{
    uint8_t pair[CH_SYMBOL_PAIR_MAX];
    if (selector->symbols.count == 0 || fits_one(&selector->symbols, ch_slice_of(symbol)))
        return true;
    size_t size = ch_symbol_pair(profile, ch_slice_of(symbol), pair);
    return size > 0 && fits_one(&selector->pairs, (ch_slice){pair, size});
}

bool ch_narrows_asset(const ch_selector *selector, const ch_profile *profile, const char *asset)
{
    ch_slice usual = ch_symbol_asset(profile, ch_slice_of(asset));
    return selector->assets.count == 0 || fits_one(&selector->assets, ch_slice_of(asset)) ||
           fits_one(&selector->usual_assets, usual);
}

static bool narrows_setting(const ch_selector *selector, const ch_profile *profile, const char *setting)
{
    (void)profile;
    for (size_t i = 0; i < selector->settings.count; i++) {
        if (ch_setting_is(ch_slice_of(setting), selector->settings.items[i]))
            return true;
    }
    return selector->settings.count == 0;
}

typedef bool (*narrower)(const ch_selector *selector, const ch_profile *profile, const char *text);

static compared compare_texts(const ch_reach *reach, const ch_entry_rule *entry, narrower narrows, bool is_given,
                              const ch_text_list *of_allow)
{
    size_t fitting = 0;
    const ch_profile *profile = reach->policy->keys[reach->key].profile;
    if (!is_given)
        return all_of_it;
    for (size_t i = 0; i < of_allow->count; i++)
        fitting += narrows(&entry->selector, profile, of_allow->items[i]);
    return (compared){of_allow->count > 0 && fitting == of_allow->count, of_allow->count == 0 || fitting > 0};
}

static compared compare_assets(const ch_reach *reach, const ch_entry_rule *entry)
{
    const ch_selector *allow = &reach->allow->selector;
    ch_text_list assets = allow->assets;
    char *of_addresses[64];
    if (entry->selector.assets.count == 0)
        return all_of_it;
    for (size_t i = 0; allow->assets.count == 0 && allow->to != NULL && i < reach->policy->address_count; i++) {
        if (!ch_set_has(allow->to, i))
            continue;
        if (reach->policy->addresses[i].asset == NULL || assets.count == 64)
            return (compared){false, true};
        of_addresses[assets.count++] = reach->policy->addresses[i].asset;
        assets.items = of_addresses;
    }
    return compare_texts(reach, entry, ch_narrows_asset, true, &assets);
}

static compared compare_addresses(const ch_reach *reach, const ch_entry_rule *entry)
{
    const uint64_t *wanted = entry->selector.to;
    const uint64_t *of_allow = reach->allow->selector.to;
    size_t words = reach->policy->address_count / 64 + 1;
    if (wanted == NULL || entry->selector.is_any_address)
        return all_of_it;
    if (of_allow == NULL || reach->allow->selector.is_any_address)
        return (compared){false, true};
    return (compared){ch_set_is_subset(of_allow, wanted, words), ch_set_meets(of_allow, wanted, words)};
}

/* Of the calls that the allow lets pass, and that make such items. */
static compared compare_calls(const ch_reach *reach, ch_item_kind kind, const ch_entry_rule *entry)
{
    compared found = {true, false};
    const ch_endpoint *endpoint;
    const ch_profile *profile = reach->policy->keys[reach->key].profile;
    if (entry->selector.classes == 0 && !entry->selector.has_endpoints)
        return all_of_it;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++) {
        if (!ch_reach_has_call(reach, endpoint) || (kinds_of_call(reach, endpoint) >> kind & 1) == 0)
            continue;
        bool is_meant =
            has_class(&entry->selector, ch_endpoint_class(endpoint)) && has_endpoint(&entry->selector, endpoint);
        found.is_inside &= is_meant;
        found.meets |= is_meant;
    }
    return found;
}

/* By facts that the kind has. */
static compared compare_facts(const ch_reach *reach, const ch_entry_rule *entry)
{
    const ch_selector *wanted = &entry->selector;
    const ch_selector *allow = &reach->allow->selector;
    const compared all[] = {
        compare_bits(wanted->is_any_market ? 0 : wanted->markets, ch_allow_markets(reach->allow)),
        compare_texts(reach, entry, ch_narrows_symbol, wanted->symbols.count > 0, &allow->symbols),
        compare_bits(wanted->sides, allow->sides),
        compare_bits(wanted->types, ch_allow_types(reach->allow)),
        compare_bits(wanted->times, allow->times),
        compare_texts(reach, entry, narrows_setting, wanted->settings.count > 0, &allow->settings),
        compare_addresses(reach, entry),
        compare_assets(reach, entry),
    };
    compared found = all_of_it;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        found.is_inside &= all[i].is_inside;
        found.meets &= all[i].meets;
    }
    return found;
}

static compared compare(const ch_reach *reach, ch_item_kind kind, const ch_entry_rule *entry)
{
    static const compared none = {false, false};
    const ch_selector *selector = &entry->selector;
    const char *field;
    unsigned kinds;
    if (!ch_selector_has_caller(selector, reach->caller) || !ch_selector_has_key(selector, reach->key) ||
        (selector->items != 0 && (selector->items >> kind & 1) == 0))
        return none;
    for (size_t i = 0; ch_selector_aspect(selector, i, &field, &kinds); i++) {
        if (field != NULL && (kinds >> kind & 1) == 0)
            return none; /* not applicable */
    }
    compared found = compare_facts(reach, entry);
    compared calls = compare_calls(reach, kind, entry);
    bool is_always = selector->hours.count == 0 && selector->expires_ns == 0;
    return (compared){found.is_inside && calls.is_inside && is_always, found.meets && calls.meets};
}

bool ch_reach_is_inside(const ch_reach *reach, ch_item_kind kind, const ch_entry_rule *entry)
{
    return compare(reach, kind, entry).is_inside;
}

bool ch_reach_meets(const ch_reach *reach, ch_item_kind kind, const ch_entry_rule *entry)
{
    return compare(reach, kind, entry).meets;
}
