/* A new warning is a function, and a row in a table if it is of entries or keys (lint_keys.c). */
#include "policy/lint_impl.h"

#include "exchange/class.h"
#include "exchange/facts.h"
#include "policy/exposure.h"
#include "policy/scope.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ch_lint_say(const ch_lint *in, const char *code, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ch_warning warning = in->of;
    warning.code = code;
    warning.text = text;
    in->reader->warn(in->reader->context, &warning);
}

/* ---- allows ---- */

/* What the allow would let pass if nothing were denied, for any caller and key that it is for. */
static unsigned kinds_of(const ch_lint *in, const ch_entry_rule *allow)
{
    unsigned kinds = 0;
    for (size_t key = 0; key < in->policy->key_count; key++) {
        const ch_reach reach = {.policy = in->policy, .allow = allow, .caller = CH_NO_CALLER, .key = key};
        for (unsigned i = 0; ch_selector_has_key(&allow->selector, key) && i < CH_CLASS_COUNT; i++)
            kinds |= ch_reach_kinds(&reach, (ch_class)i);
    }
    return kinds;
}

static bool has_way(const ch_lint *in, const ch_entry_rule *allow)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        if (in->exposure->ways[i].reach.allow == allow)
            return true;
    }
    return false;
}

#define CONTROL(name) (1U << CH_CONTROL_##name)

/* True if one of these controls is asked of all such items that the way lets pass; `is_counted`: in a window. */
static bool is_under(const ch_way *way, ch_item_kind kind, unsigned controls, bool is_counted)
{
    const ch_policy *policy = way->reach.policy;
    for (size_t i = policy->first[CH_VERB_LIMIT]; i < policy->first[CH_VERB_LIMIT + 1]; i++) {
        const ch_entry_rule *limit = &policy->entries[i];
        bool is_one =
            (controls >> limit->limit.control & 1) != 0 && (!is_counted || limit->limit.per.kind != CH_PERIOD_NONE);
        if (is_one && ch_allow_asks(policy, way->reach.allow, limit) && ch_reach_is_inside(&way->reach, kind, limit))
            return true;
    }
    return false;
}

static bool is_bounded(const ch_way *way, ch_item_kind kind)
{
    if (kind != CH_ITEM_ORDER)
        return is_under(way, kind, CONTROL(AMOUNT), true);
    return is_under(way, kind, CONTROL(LOSS) | CONTROL(VALUE) | CONTROL(VOLUME), true) ||
           (is_under(way, kind, CONTROL(ORDERS), true) &&
            is_under(way, kind, CONTROL(ORDER_VALUE) | CONTROL(ORDER_VOLUME), false));
}

/* Limits that look at each order alone, or at a part of what the allow lets pass, are no bound on all of it. */
static void look_at_bounds(const ch_lint *in, const ch_entry_rule *allow)
{
    static const char *const what[CH_ITEM_KIND_COUNT] = {
        [CH_ITEM_ORDER] = "loss, value, volume, or orders with the size of each",
        [CH_ITEM_TRANSFER] = "the amount of transfers in a window",
        [CH_ITEM_WITHDRAWAL] = "the amount of withdrawals in a window",
        [CH_ITEM_BORROW] = "the amount of loans in a window",
    };
    for (size_t i = 0; !allow->is_unlimited && i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        for (unsigned kind = 0; way->reach.allow == allow && kind < CH_ITEM_KIND_COUNT; kind++) {
            if (what[kind] == NULL || (way->kinds >> kind & 1) == 0 || is_bounded(way, (ch_item_kind)kind))
                continue;
            ch_lint_say(in, "unbounded", "no limit on %s is asked of all that it lets pass, so nothing bounds the sum",
                        what[kind]);
            return;
        }
    }
}

static void look_at_allow(const ch_lint *in, const ch_entry_rule *allow)
{
    const ch_selector *selector = &allow->selector;
    unsigned classes = ch_classes_opened(selector);
    unsigned kinds = kinds_of(in, allow);
    if (selector->expires_ns != 0 && in->now_ns >= selector->expires_ns)
        ch_lint_say(in, "expired", "it has expired, so it allows nothing");
    else if (kinds == 0)
        ch_lint_say(in, "never-matches", "it can never match: no call of its keys means what it is about");
    else if (!has_way(in, allow))
        ch_lint_say(in, "denied", "all that it lets pass is denied, so it allows nothing");
    if (allow->is_unlimited)
        ch_lint_say(in, "unlimited", "it is unlimited: it names no limit on what it lets pass");
    look_at_bounds(in, allow);
    if ((kinds & CH_LINT_KIND(WITHDRAWAL)) != 0 && (selector->to == NULL || selector->is_any_address))
        ch_lint_say(in, "withdraw-anywhere", "it lets funds be withdrawn to any address");
    if ((classes & (1U << CH_CLASS_SESSION)) != 0)
        ch_lint_say(in, "session", "it opens sockets on which orders are placed and no policy is asked");
    if ((classes & (1U << CH_CLASS_KEYS)) != 0)
        ch_lint_say(in, "keys", "it lets API keys be made, with which no policy is asked");
    if (selector->is_any_caller)
        ch_lint_say(in, "any-caller", "it is for every caller, also for those whom the policy does not name");
}

/* ---- what narrows ---- */

/* True if the entry may apply to something that some allow lets pass. */
static bool meets_any(const ch_lint *in, const ch_entry_rule *entry, unsigned kinds)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        for (unsigned kind = 0; kind < CH_ITEM_KIND_COUNT; kind++) {
            bool is_asked = entry->verb != CH_VERB_LIMIT || ch_allow_asks(in->policy, way->reach.allow, entry);
            if (is_asked && (way->kinds & kinds & 1U << kind) != 0 &&
                ch_reach_meets(&way->reach, (ch_item_kind)kind, entry))
                return true;
        }
    }
    return false;
}

/* True if the deny is always about something of the kinds that an allow would let pass: then the allow has lost them.
 */
static bool denies_some(const ch_lint *in, const ch_entry_rule *deny)
{
    for (size_t i = in->policy->first[CH_VERB_ALLOW]; i < in->policy->first[CH_VERB_ALLOW + 1]; i++) {
        for (size_t key = 0; key < in->policy->key_count; key++) {
            for (size_t caller = 0; caller <= in->policy->caller_count; caller++) {
                const ch_reach reach = {.policy = in->policy,
                                        .allow = &in->policy->entries[i],
                                        .caller = caller == in->policy->caller_count ? CH_NO_CALLER : caller,
                                        .key = key};
                if (!ch_selector_has_caller(&reach.allow->selector, reach.caller) ||
                    !ch_selector_has_key(&reach.allow->selector, key))
                    continue;
                for (unsigned kind = 0; kind < CH_ITEM_KIND_COUNT; kind++) {
                    if (ch_reach_meets(&reach, (ch_item_kind)kind, deny) && ch_reach_classes(&reach, 1U << kind) != 0)
                        return true;
                }
            }
        }
    }
    return false;
}

static void look_at_deny(const ch_lint *in, const ch_entry_rule *deny)
{
    if (!meets_any(in, deny, UINT_MAX) && !denies_some(in, deny))
        ch_lint_say(in, "never-matches", "it denies nothing that some allow would let pass");
}

static bool is_same_period(const ch_period *one, const ch_period *other)
{
    return one->kind == other->kind && one->ns == other->ns && one->zone == other->zone;
}

/* By whom it counts, wider or the same: fewer parts, or the account in place of its keys. */
static bool is_wider(unsigned one, unsigned other)
{
    unsigned parts = (other & CH_BY_KEY) != 0 ? other | CH_BY_ACCOUNT : other;
    return (one & ~parts) == 0;
}

static bool is_smaller(const ch_entry_rule *one, const ch_entry_rule *other)
{
    int order = one->limit.control == CH_CONTROL_VALIDITY
                    ? (one->limit.age_ns > other->limit.age_ns) - (one->limit.age_ns < other->limit.age_ns)
                    : ch_decimal_compare(one->limit.most, other->limit.most);
    return order < 0 || (order == 0 && (one->limit.by != other->limit.by || one < other));
}

/* True if `one` refuses wherever `other` would. */
static bool makes_ineffective(const ch_lint *in, const ch_entry_rule *one, const ch_entry_rule *other)
{
    const ch_limit *a = &one->limit;
    const ch_limit *b = &other->limit;
    bool is_alike = one != other && a->control == b->control && is_same_period(&a->per, &b->per) &&
                    (a->asset == NULL || strcmp(a->asset, b->asset) == 0) && !b->has_closing &&
                    ch_decimal_is_zero(a->release) && ch_decimal_is_zero(a->relay_release) && a->then >= b->then &&
                    a->age_ns <= b->age_ns;
    if (!is_alike || a->control == CH_CONTROL_SAME_ORDER || !is_wider(a->by, b->by) || !is_smaller(one, other))
        return false;
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        for (unsigned kind = 0; kind < CH_ITEM_KIND_COUNT; kind++) {
            bool is_counted = (way->kinds & ch_control_kinds(b->control) & 1U << kind) != 0 &&
                              ch_allow_asks(in->policy, way->reach.allow, other) &&
                              ch_reach_meets(&way->reach, (ch_item_kind)kind, other);
            if (is_counted && !(ch_allow_asks(in->policy, way->reach.allow, one) &&
                                ch_reach_is_inside(&way->reach, (ch_item_kind)kind, one)))
                return false;
        }
    }
    return true;
}

static void look_at_limit(const ch_lint *in, const ch_entry_rule *limit)
{
    if (!meets_any(in, limit, ch_control_kinds(limit->limit.control))) {
        ch_lint_say(in, "never-matches", "it limits nothing that some allow lets pass");
        return;
    }
    for (size_t i = in->policy->first[CH_VERB_LIMIT]; i < in->policy->first[CH_VERB_LIMIT + 1]; i++) {
        if (makes_ineffective(in, &in->policy->entries[i], limit)) {
            ch_lint_say(in, "ineffective",
                        "'%s' refuses wherever this would: it is smaller, and counts at least as much",
                        in->policy->entries[i].name);
            return;
        }
    }
    if (limit->limit.control == CH_CONTROL_OPEN_VALUE)
        ch_lint_say(in, "open-value",
                    "it believes what bots report as closed, so it does not bound what a stolen bot places");
}

static void look_at_require(const ch_lint *in, const ch_entry_rule *require)
{
    if (!meets_any(in, require, UINT_MAX))
        ch_lint_say(in, "never-matches", "it requires something of nothing that some allow lets pass");
    else if (require->requirement.needs_code && !ch_policy_has_seeds(in->policy))
        ch_lint_say(in, "refuses",
                    "it needs a code, and nobody under 'people' has a 'totp', so all of that is refused");
    else if (require->requirement.approvals > 0 && !ch_policy_has_seeds(in->policy))
        ch_lint_say(in, "user-approves",
                    "nobody under 'people' has a 'totp', so whoever can act as an approver's user approves");
}

/* ---- the rest ---- */

static void look_at_token(const ch_lint *in, const ch_token_rule *token)
{
    if (token->unlock.factors == CH_FACTOR_PIN)
        ch_lint_say(in, "pin-only", "its PIN alone unlocks it; add code to its 'factors'");
    if (token->unlock.is_unattended)
        ch_lint_say(
            in, "unattended",
            "it is unlocked without a person at each start of the agent, with the PIN alone; whoever can start the "
            "agent, or read its credential, needs nobody");
}

static void look_at_account(const ch_lint *in, const ch_account *account)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        if (&in->policy->accounts[in->policy->keys[way->reach.key].account] != account ||
            (way->kinds & CH_LINT_KIND(ORDER)) == 0)
            continue;
        if (account->prices == CH_PRICES_MEDIAN && !account->has_reference_error)
            ch_lint_say(in, "no-reference-error",
                        "it is traded on and states no reference_error, so nobody can say what a "
                        "stolen bot loses");
        return;
    }
}

static bool is_paced(const ch_way *way)
{
    for (unsigned kind = 0; kind < CH_ITEM_KIND_COUNT; kind++) {
        if ((way->kinds >> kind & 1) != 0 && !is_under(way, (ch_item_kind)kind, CONTROL(MESSAGES), true))
            return false;
    }
    return true;
}

/* Each request is a record on the disk, reads too. */
static void look_at_pace(const ch_lint *in, size_t caller)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        if (way->reach.caller != caller || is_paced(way))
            continue;
        ch_lint_say(
            in, "unpaced",
            "no limit on messages is asked of all that it may ask for by '%s', and each request is a record, so it "
            "could fill the disk",
            way->reach.allow->name);
        return;
    }
}

static void look_at_caller(const ch_lint *in, size_t caller)
{
    ch_lint_caller(in, caller);
    if (in->policy->callers[caller].role != CH_CALLER_BOT)
        return;
    look_at_pace(in, caller);
    for (size_t i = in->policy->first[CH_VERB_ALLOW]; i < in->policy->first[CH_VERB_ALLOW + 1]; i++) {
        if (ch_selector_has_caller(&in->policy->entries[i].selector, caller))
            return;
    }
    ch_lint_say(in, "no-allow", "no allow is for it");
}

static void look_at_prices(const ch_lint *in)
{
    const ch_price_rules *rules = &in->policy->prices;
    if (rules->source_count > 0 && !rules->has_max_move)
        ch_lint_say(in, "no-max-move", "'prices' has no max_move, so a feed that lies is believed at once");
    if (rules->source_count > 0 && rules->at_least < 2)
        ch_lint_say(in, "one-source", "'prices' has no at_least above 1, so one source alone can make the reference");
}

/* Tokens that the policy does not name are unlocked alike. */
static void look_at_codes(const ch_lint *in)
{
    if (ch_policy_factors_by(in->policy, &ch_unlock_default) == CH_FACTOR_PIN)
        ch_lint_say(
            in, "no-codes",
            "nobody under 'people' has a 'totp', so who learns a token's PIN, and is an operator's user, can unlock "
            "it");
}

/* clang-format off */
static void (*const verbs[CH_VERB_COUNT])(const ch_lint *in, const ch_entry_rule *entry) = {
    [CH_VERB_ALLOW]   = look_at_allow,
    [CH_VERB_DENY]    = look_at_deny,
    [CH_VERB_LIMIT]   = look_at_limit,
    [CH_VERB_REQUIRE] = look_at_require,
};
/* clang-format on */

static void look_at_all(ch_lint *in)
{
    const ch_policy *policy = in->policy;
    for (size_t i = 0; i < policy->entry_count; i++) {
        in->of = (ch_warning){.entry = &policy->entries[i], .of = ch_verb_name(policy->entries[i].verb)};
        in->of.name = policy->entries[i].name;
        verbs[policy->entries[i].verb](in, &policy->entries[i]);
    }
    for (size_t i = 0; i < policy->key_count; i++) {
        in->of = (ch_warning){.of = "key", .name = policy->keys[i].name};
        ch_lint_key(in, &policy->keys[i]);
    }
    for (size_t i = 0; i < policy->account_count; i++) {
        in->of = (ch_warning){.of = "account", .name = policy->accounts[i].name};
        look_at_account(in, &policy->accounts[i]);
    }
    for (size_t i = 0; i < policy->caller_count; i++) {
        in->of = (ch_warning){.of = "caller", .name = policy->callers[i].name};
        look_at_caller(in, i);
    }
    for (size_t i = 0; i < policy->token_count; i++) {
        in->of = (ch_warning){.of = "token", .name = policy->tokens[i].name};
        look_at_token(in, &policy->tokens[i]);
    }
    in->of = (ch_warning){.of = "policy", .name = ""};
    look_at_prices(in);
    look_at_codes(in);
}

void ch_policy_lint(const ch_policy *policy, uint64_t now_ns, const ch_lint_reader *reader)
{
    ch_exposure exposure;
    ch_exposure_find(policy, CH_EACH_CALLER, now_ns, &exposure);
    ch_lint in = {.policy = policy, .exposure = &exposure, .now_ns = now_ns, .reader = reader};
    look_at_all(&in);
    ch_exposure_free(&exposure);
}
