/* Ways first, then what holds them down. A new kind of exposure is a member of ch_exposure and a function below
 * "the whole". */
#include "policy/exposure.h"

#include "base/bits.h"
#include "base/memory.h"
#include "exchange/intent_survey.h"
#include "exchange/readings.h"
#include "exchange/symbols.h"
#include "policy/exposure_impl.h"
#include "policy/match.h"
#include "policy/scope.h"

#include <stdlib.h>
#include <string.h>

#define KIND(name) (1U << CH_ITEM_##name)
/* How much later than now the time may be that a bot's own string names; validity begins then. */
#define LATER_NS 60000000000ULL

/* ---- a way ---- */

/* Drops kinds that some deny is always about, and notes those that always need people. */
static void narrow(ch_way *way)
{
    const ch_policy *policy = way->reach.policy;
    for (unsigned kind = 0; kind < CH_ITEM_KIND_COUNT; kind++) {
        for (size_t i = policy->first[CH_VERB_DENY]; i < policy->entry_count; i++) {
            const ch_entry_rule *entry = &policy->entries[i];
            bool is_gate = entry->verb == CH_VERB_REQUIRE && !entry->requirement.has_above;
            if ((way->kinds >> kind & 1) == 0 || (entry->verb != CH_VERB_DENY && !is_gate) ||
                !ch_reach_is_inside(&way->reach, (ch_item_kind)kind, entry))
                continue;
            if (is_gate && way->gate[kind] == NULL)
                way->gate[kind] = entry;
            if (is_gate)
                way->gated |= 1U << kind;
            else
                way->kinds &= ~(1U << kind);
        }
    }
}

/* Of all calls of the way: once only if each is. */
static bool is_once(const ch_way *way)
{
    const ch_endpoint *endpoint;
    const ch_key *key = &way->reach.policy->keys[way->reach.key];
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(key->profile, i)) != NULL; i++) {
        bool can_cost = ch_endpoint_class(endpoint) != CH_CLASS_READ && ch_endpoint_class(endpoint) != CH_CLASS_CANCEL;
        if (can_cost && ch_reach_has_call(&way->reach, endpoint) &&
            ch_endpoint_uses(endpoint, key->scheme, key->traits.kinds) != CH_USES_ONCE)
            return false;
    }
    return true;
}

/* Who may only ask through a relay never holds a signature, and no relay has a string signed. */
static void find_uses(ch_way *way)
{
    const ch_key *key = &way->reach.policy->keys[way->reach.key];
    bool is_relayed = way->is_by_relay || key->is_relay_only;
    uint32_t counted = is_relayed ? 1 : key->assume_uses;
    way->valid_ns = ch_profile_longest_validity_ns(key->profile, key->receive_window_ms);
    if (key->assume_uses > 0 && !is_relayed && way->valid_ns > 0)
        way->valid_ns += LATER_NS;
    way->true_uses = is_once(way) ? 1 : ch_profile_uses_within(key->profile, way->valid_ns);
    if (key->is_relay_only && !way->is_by_relay)
        way->true_uses = 1;
    way->uses = counted > 0 ? counted : way->true_uses;
}

const char ch_stray_why[] = "the relay can send its signatures elsewhere, or with other parameters";

/* What a relay can make of them adds to what the way lets pass. */
static void find_stray(ch_way *way)
{
    const ch_endpoint *endpoint;
    const ch_key *key = &way->reach.policy->keys[way->reach.key];
    static const struct {
        ch_class class_;
        unsigned kinds;
    } opens[] = {
        {CH_CLASS_TRADE,    KIND(ORDER) | KIND(BORROW)},
        {CH_CLASS_TRANSFER, KIND(TRANSFER)            },
        {CH_CLASS_WITHDRAW, KIND(WITHDRAWAL)          },
        {CH_CLASS_SESSION,  KIND(ORDER)               },
    };
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(key->profile, i)) != NULL; i++) {
        if (ch_reach_has_call(&way->reach, endpoint))
            way->stray |= ch_endpoint_stray_classes(endpoint, key->scheme, &key->traits);
    }
    way->classes |= way->stray;
    for (size_t i = 0; i < sizeof opens / sizeof *opens; i++)
        way->stray_kinds |= (way->stray >> opens[i].class_ & 1) != 0 ? opens[i].kinds & ~way->kinds : 0;
    way->kinds |= way->stray_kinds;
}

static void find_collar(ch_way *way)
{
    const ch_policy *policy = way->reach.policy;
    for (size_t i = policy->first[CH_VERB_LIMIT]; i < policy->first[CH_VERB_LIMIT + 1]; i++) {
        const ch_entry_rule *limit = &policy->entries[i];
        if (limit->limit.control != CH_CONTROL_COLLAR || !ch_allow_asks(policy, way->reach.allow, limit) ||
            !ch_reach_is_inside(&way->reach, CH_ITEM_ORDER, limit))
            continue;
        if (!way->has_collar || ch_decimal_compare(limit->limit.most, way->collar) < 0)
            way->collar = limit->limit.most;
        way->has_collar = true;
    }
}

static void add_way(const ch_reach *reach, bool is_by_relay, ch_exposure *out)
{
    ch_way way = {.reach = *reach, .is_by_relay = is_by_relay};
    for (unsigned class_ = 0; class_ < CH_CLASS_COUNT; class_++)
        way.kinds |= ch_reach_kinds(&way.reach, (ch_class)class_);
    narrow(&way);
    way.classes = ch_reach_classes(&way.reach, way.kinds);
    if (way.kinds == 0)
        return;
    find_uses(&way);
    if (is_by_relay)
        find_stray(&way);
    find_collar(&way);
    out->ways = ch_realloc_array(out->ways, out->way_count + 1, sizeof *out->ways);
    out->ways[out->way_count++] = way;
}

/* True if nobody brings what the caller may ask for with the key. */
static bool is_cut_off(const ch_policy *policy, size_t caller, size_t key)
{
    return policy->keys[key].is_relay_only && !ch_policy_is_relayed(policy, caller);
}

/* Whose ways are added. */
typedef struct asker {
    size_t caller;
    bool is_by_relay;   /* that was taken over */
    bool is_of_entries; /* what they say, whoever may come */
} asker;

static void add_caller(const ch_policy *policy, const asker *by, uint64_t now_ns, ch_exposure *out)
{
    size_t caller = by->caller;
    if (caller < policy->caller_count && policy->callers[caller].role != CH_CALLER_BOT)
        return; /* it has nothing signed for itself, whatever is for any caller */
    for (size_t i = policy->first[CH_VERB_ALLOW]; i < policy->first[CH_VERB_ALLOW + 1]; i++) {
        const ch_entry_rule *allow = &policy->entries[i];
        bool is_over = allow->selector.expires_ns != 0 && now_ns >= allow->selector.expires_ns;
        for (size_t key = 0; !is_over && key < policy->key_count; key++) {
            const ch_reach reach = {.policy = policy, .allow = allow, .caller = caller, .key = key};
            if (ch_selector_has_caller(&allow->selector, caller) && ch_selector_has_key(&allow->selector, key) &&
                (by->is_of_entries || !is_cut_off(policy, caller, key)))
                add_way(&reach, by->is_by_relay, out);
        }
    }
}

/* Whoever a relay speaks for can do no more than what the relay can do for them. */
static void add_callers(const ch_policy *policy, bool is_of_entries, uint64_t now_ns, ch_exposure *out)
{
    for (size_t i = 0; i < policy->caller_count; i++) {
        bool is_by_relay = !is_of_entries && ch_policy_is_relayed(policy, i);
        add_caller(policy, &(asker){i, is_by_relay, is_of_entries}, now_ns, out);
    }
    add_caller(policy, &(asker){CH_NO_CALLER, false, is_of_entries}, now_ns, out);
}

static void add_relay(const ch_policy *policy, const ch_caller *relay, uint64_t now_ns, ch_exposure *out)
{
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (ch_caller_set_has(&relay->speaks_for, i))
            add_caller(policy, &(asker){.caller = i, .is_by_relay = true}, now_ns, out);
    }
}

/* ---- orders ---- */

static void bound_orders(ch_exposure *out)
{
    for (ch_exposed what = 0; what < CH_EXPOSED_COUNT; what++) {
        ch_cover cover;
        ch_holds_of_orders(out, what, &cover);
        for (ch_horizon h = 0; h < CH_HORIZON_COUNT; h++)
            ch_cover_choose(&cover, out, h, &out->orders[what][h]);
        ch_cover_free(&cover);
    }
}

/* ---- amounts ---- */

static void add_asset(ch_text_list *list, char *asset)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], asset) == 0)
            return;
    }
    list->items = ch_realloc_array(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = asset;
}

/* Adds the assets that the way can move; false if that can be any. */
static bool add_assets(const ch_way *way, ch_text_list *list)
{
    const ch_policy *policy = way->reach.policy;
    const ch_selector *selector = &way->reach.allow->selector;
    for (size_t i = 0; i < selector->assets.count; i++)
        add_asset(list, selector->assets.items[i]);
    if (selector->assets.count > 0)
        return true;
    for (size_t i = 0; selector->to != NULL && i < policy->address_count; i++) {
        if (!ch_set_has(selector->to, i))
            continue;
        if (policy->addresses[i].asset == NULL)
            return false;
        add_asset(list, policy->addresses[i].asset);
    }
    return selector->to != NULL;
}

/* What a way that is for any asset can move is what its limits count; all else they refuse. */
static void add_counted(const ch_way *way, ch_text_list *list)
{
    const ch_policy *policy = way->reach.policy;
    for (size_t i = policy->first[CH_VERB_LIMIT]; i < policy->first[CH_VERB_LIMIT + 1]; i++) {
        const ch_entry_rule *limit = &policy->entries[i];
        if (limit->limit.control == CH_CONTROL_AMOUNT && limit->limit.is_named &&
            ch_allow_asks(policy, way->reach.allow, limit))
            add_asset(list, limit->limit.asset);
    }
}

bool ch_way_moves(const ch_way *way, const char *asset)
{
    ch_text_list assets = {0};
    bool moves = !add_assets(way, &assets);
    for (size_t i = 0; i < assets.count && !moves; i++)
        moves = strcmp(assets.items[i], asset) == 0;
    free(assets.items);
    return moves;
}

static void add_text(ch_text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return;
    }
    list->items = ch_realloc_array(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = ch_strdup(text);
}

static void note_any(const ch_way *way, ch_bound bounds[CH_HORIZON_COUNT])
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(&text, "allow '%s': %s", way->reach.allow->name,
                         way->stray != 0 ? ch_stray_why : "it is for any asset");
    for (ch_horizon h = 0; h < CH_HORIZON_COUNT; h++) {
        bounds[h].is_unbounded = true;
        add_text(&bounds[h].open, ch_buffer_text(&text));
    }
}

static void bound_amounts(ch_exposure *out, ch_item_kind kind, bool with_gated, ch_bound bounds[CH_HORIZON_COUNT])
{
    ch_text_list assets = {0};
    for (size_t i = 0; i < out->way_count; i++) {
        if (!ch_way_has(&out->ways[i], kind, with_gated))
            continue;
        bool is_any = !add_assets(&out->ways[i], &assets);
        if (is_any && (out->ways[i].reach.allow->is_unlimited || out->ways[i].stray != 0))
            note_any(&out->ways[i], bounds);
        else if (is_any)
            add_counted(&out->ways[i], &assets);
    }
    for (size_t i = 0; i < assets.count; i++) {
        ch_cover cover;
        ch_holds_of_amounts(out, kind, with_gated, assets.items[i], &cover);
        for (ch_horizon h = 0; h < CH_HORIZON_COUNT; h++)
            ch_cover_choose(&cover, out, h, &bounds[h]);
        ch_cover_free(&cover);
    }
    free(assets.items);
}

/* ---- leverage ---- */

/* The part of the way that sets the leverage. */
static bool can_set_leverage(const ch_way *way, ch_entry_rule *part)
{
    static char *leverage[] = {"leverage"};
    const ch_text_list *settings = &way->reach.allow->selector.settings;
    bool is_meant = settings->count == 0;
    for (size_t i = 0; i < settings->count && !is_meant; i++)
        is_meant = ch_setting_is(ch_slice_of("leverage"), settings->items[i]);
    *part = *way->reach.allow;
    part->selector.settings = (ch_text_list){.items = leverage, .count = 1};
    ch_reach reach = way->reach;
    reach.allow = part;
    unsigned kinds = (way->kinds >> CH_ITEM_SETTING & 1) != 0 ? ch_reach_kinds(&reach, CH_CLASS_TRADE) : 0;
    return is_meant && (kinds & KIND(SETTING)) != 0;
}

static bool can_order_with_leverage(const ch_way *way)
{
    const ch_endpoint *endpoint;
    const ch_profile *profile = way->reach.policy->keys[way->reach.key].profile;
    ch_survey survey;
    if ((way->kinds & KIND(ORDER)) == 0 || ch_allow_markets(way->reach.allow) == CH_MARKET_SPOT)
        return false;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++) {
        if (!ch_reach_has_call(&way->reach, endpoint))
            continue;
        for (size_t k = 0; ch_intent_survey(endpoint, k, &survey); k++) {
            if (survey.kind == CH_ITEM_ORDER &&
                ((survey.can_read | survey.can_hide) & CH_FACT_BIT(CH_FACT_LEVERAGE)) != 0)
                return true;
        }
    }
    return false;
}

static bool is_denied(const ch_reach *reach)
{
    for (size_t i = reach->policy->first[CH_VERB_DENY]; i < reach->policy->first[CH_VERB_DENY + 1]; i++) {
        if (ch_reach_is_inside(reach, CH_ITEM_SETTING, &reach->policy->entries[i]))
            return true;
    }
    return false;
}

static bool find_leverage(const ch_reach *reach, const ch_entry_rule *allow, ch_item_kind kind, ch_decimal *out)
{
    bool is_found = false;
    for (size_t i = reach->policy->first[CH_VERB_LIMIT]; i < reach->policy->first[CH_VERB_LIMIT + 1]; i++) {
        const ch_entry_rule *limit = &reach->policy->entries[i];
        if (limit->limit.control != CH_CONTROL_LEVERAGE || !ch_allow_asks(reach->policy, allow, limit) ||
            !ch_reach_is_inside(reach, kind, limit))
            continue;
        if (!is_found || ch_decimal_compare(limit->limit.most, *out) < 0)
            *out = limit->limit.most;
        is_found = true;
    }
    return is_found;
}

static void add_leverage(ch_exposure *out, const ch_reach *reach, const ch_entry_rule *allow, ch_item_kind kind)
{
    ch_decimal most = CH_DECIMAL_ZERO;
    bool is_found = find_leverage(reach, allow, kind, &most);
    out->has_leverage = is_found && (out->has_leverage || !out->can_lever);
    out->can_lever = true;
    out->leverage = ch_decimal_larger(out->leverage, most);
}

static void find_leverages(ch_exposure *out)
{
    for (size_t i = 0; i < out->way_count; i++) {
        const ch_way *way = &out->ways[i];
        ch_entry_rule part;
        ch_reach reach = way->reach;
        if (can_order_with_leverage(way))
            add_leverage(out, &way->reach, way->reach.allow, CH_ITEM_ORDER);
        if (!can_set_leverage(way, &part))
            continue;
        reach.allow = &part;
        if (!is_denied(&reach))
            add_leverage(out, &reach, way->reach.allow, CH_ITEM_SETTING);
    }
}

/* ---- the whole ---- */

void ch_exposure_find(const ch_policy *policy, size_t caller, uint64_t now_ns, ch_exposure *out)
{
    static const ch_item_kind moving[] = {CH_ITEM_TRANSFER, CH_ITEM_WITHDRAWAL, CH_ITEM_BORROW};
    *out = (ch_exposure){0};
    if (caller == CH_ALL_CALLERS || caller == CH_EACH_CALLER)
        add_callers(policy, caller == CH_EACH_CALLER, now_ns, out);
    else if (caller < policy->caller_count && policy->callers[caller].role == CH_CALLER_RELAY)
        add_relay(policy, &policy->callers[caller], now_ns, out);
    else
        add_caller(policy, &(asker){.caller = caller}, now_ns, out);
    bound_orders(out);
    for (size_t i = 0; i < sizeof moving / sizeof *moving; i++) {
        bound_amounts(out, moving[i], false, out->moved[moving[i]]);
        bound_amounts(out, moving[i], true, out->gated[moving[i]]);
    }
    find_leverages(out);
}

static void free_list(ch_text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

static void free_bounds(ch_bound bounds[CH_HORIZON_COUNT])
{
    for (ch_horizon h = 0; h < CH_HORIZON_COUNT; h++) {
        free(bounds[h].sums);
        free_list(&bounds[h].open);
        free_list(&bounds[h].limits);
    }
}

void ch_exposure_free(ch_exposure *exposure)
{
    for (ch_exposed what = 0; what < CH_EXPOSED_COUNT; what++)
        free_bounds(exposure->orders[what]);
    for (unsigned kind = 0; kind < CH_ITEM_KIND_COUNT; kind++) {
        free_bounds(exposure->moved[kind]);
        free_bounds(exposure->gated[kind]);
    }
    free(exposure->ways);
}
