/* policy exposure: in words and as JSON, from one and the same ch_exposure. */
#include "base/bits.h"
#include "cli/commands.h"
#include "cli/exposure_json.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/policy_file.h"
#include "exchange/confusion.h"
#include "exchange/symbols.h"
#include "policy/exposure.h"
#include "policy/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND(name) (1U << CH_ITEM_##name)
#define CLASS(name) (1U << CH_CLASS_##name)

/* What is shown. */
typedef struct view {
    const ch_policy *policy;
    const ch_exposure *exposure;
    const char *caller; /* NULL: all */
} view;

/* ---- sets ---- */

/* Texts, each once. */
typedef struct texts {
    const char *items[256];
    size_t count;
} texts;

static void add_once(texts *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return;
    }
    if (list->count < sizeof list->items / sizeof *list->items)
        list->items[list->count++] = text;
}

static void add_all(ch_buffer *out, const texts *list)
{
    size_t said = 0;
    for (size_t i = 0; i < list->count; i++)
        ch_add_listed(out, list->items[i], &said, i + 1 == list->count);
}

static unsigned all_kinds(const ch_exposure *exposure)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < exposure->way_count; i++)
        kinds |= exposure->ways[i].kinds;
    return kinds;
}

static unsigned all_classes(const ch_exposure *exposure)
{
    unsigned classes = 0;
    for (size_t i = 0; i < exposure->way_count; i++)
        classes |= exposure->ways[i].classes;
    return classes;
}

static unsigned all_markets(const ch_exposure *exposure)
{
    unsigned markets = 0;
    for (size_t i = 0; i < exposure->way_count; i++) {
        if ((exposure->ways[i].kinds & KIND(ORDER)) != 0)
            markets |= ch_allow_markets(exposure->ways[i].reach.allow);
    }
    return markets;
}

/* ---- words ---- */

static void say(const char *label, ch_buffer *text)
{
    printf("  %-13s", label);
    ch_output_text(ch_buffer_text(text));
    putchar('\n');
    ch_buffer_clear(text);
}

static void add_sums(ch_buffer *out, const ch_bound *bound)
{
    for (size_t i = 0; i < bound->sum_count; i++) {
        ch_buffer_add_text(out, i == 0 ? "" : " and ");
        ch_add_figure(out, bound->sums[i].amount);
        ch_buffer_add_format(out, " %s", bound->sums[i].asset);
    }
    if (bound->sum_count == 0)
        ch_buffer_add_text(out, "nothing");
}

static void add_limits(ch_buffer *out, const ch_bound *bound)
{
    size_t said = 0;
    if (bound->limits.count > 0)
        ch_buffer_add_text(out, " (by ");
    for (size_t i = 0; i < bound->limits.count; i++)
        ch_add_listed(out, bound->limits.items[i], &said, i + 1 == bound->limits.count);
    ch_buffer_add_text(out, bound->limits.count > 0 ? ")" : "");
}

/* "2,000 USDT in an hour, 2,000 USDT a day (by day-loss)", or why nobody knows. */
static void add_bounds(ch_buffer *out, const ch_bound bounds[CH_HORIZON_COUNT])
{
    const ch_bound *day = &bounds[CH_HORIZON_DAY];
    size_t said = 0;
    if (!day->is_unbounded) {
        add_sums(out, &bounds[CH_HORIZON_HOUR]);
        ch_buffer_add_text(out, " in an hour, ");
        add_sums(out, day);
        ch_buffer_add_text(out, " a day");
        add_limits(out, day);
        return;
    }
    ch_buffer_add_text(out, "without bound: ");
    for (size_t i = 0; i < day->open.count; i++)
        ch_add_listed(out, day->open.items[i], &said, i + 1 == day->open.count);
}

static void add_symbols(ch_buffer *out, const ch_way *way)
{
    const ch_text_list *symbols = &way->reach.allow->selector.symbols;
    size_t said = 0;
    for (size_t i = 0; i < symbols->count && i < 12; i++)
        ch_add_listed(out, symbols->items[i], &said, i + 1 == symbols->count);
    if (symbols->count > 12)
        ch_buffer_add_format(out, " and %zu more symbols", symbols->count - 12);
    if (symbols->count == 0)
        ch_buffer_add_text(out, "any symbol");
}

static void add_markets(ch_buffer *out, unsigned markets)
{
    static const char *const names[] = {"spot", "margin", "linear", "inverse", "option"};
    texts list = {.count = 0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if ((markets & ch_fact_word_bit(CH_FACT_MARKET, ch_slice_of(names[i]))) != 0)
            add_once(&list, names[i]);
    }
    add_all(out, &list);
}

static void say_trades(const view *in, ch_buffer *text)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        const ch_entry_rule *gate = way->gate[CH_ITEM_ORDER];
        if ((way->kinds & KIND(ORDER)) == 0)
            continue;
        add_symbols(text, way);
        ch_buffer_add_text(text, ", ");
        add_markets(text, ch_allow_markets(way->reach.allow));
        ch_buffer_add_format(text, ", account %s", ch_way_account(way)->name);
        if (strcmp(ch_way_account(way)->name, ch_way_key(way)->name) != 0)
            ch_buffer_add_format(text, ", key %s", ch_way_key(way)->name);
        if (in->caller == NULL && way->reach.caller != CH_NO_CALLER)
            ch_buffer_add_format(text, ", as %s", in->policy->callers[way->reach.caller].name);
        ch_buffer_add_format(text, " (%s)", way->reach.allow->name);
        if (gate != NULL)
            ch_buffer_add_format(text, ", only with the people of %s", gate->name);
        say("can trade", text);
    }
}

static void say_money(const view *in, ch_buffer *text)
{
    if ((all_kinds(in->exposure) & KIND(ORDER)) == 0)
        return;
    add_bounds(text, in->exposure->orders[CH_EXPOSED_VALUE]);
    say("placed value", text);
    add_bounds(text, in->exposure->orders[CH_EXPOSED_LOSS]);
    ch_buffer_add_text(
        text, in->exposure->orders[CH_EXPOSED_LOSS][CH_HORIZON_DAY].is_unbounded ? "" : ", against the reference");
    say("can lose", text);
    add_bounds(text, in->exposure->orders[CH_EXPOSED_FEES]);
    say("and in fees", text);
}

/* One line for all that are the same. */
static void say_uses(const view *in, ch_buffer *text)
{
    char last[256] = "";
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        if ((way->kinds & (KIND(ORDER) | KIND(WITHDRAWAL) | KIND(TRANSFER) | KIND(BORROW))) == 0)
            continue;
        ch_buffer_add_format(text, "of key %s ", ch_way_key(way)->name);
        if (way->true_uses == 1)
            ch_buffer_add_text(text, "each can be used once");
        else if (way->true_uses == 0)
            ch_buffer_add_text(text, ch_way_key(way)->assume_uses > 0 ? "each can be used nobody knows how often"
                                                                      : "each can be used again while it is valid");
        else
            ch_buffer_add_format(text, "each can be used up to %u times within %.3g s", way->true_uses,
                                 (double)way->valid_ns / 1e9);
        if (ch_way_key(way)->assume_uses > 0 && way->true_uses != 1)
            ch_buffer_add_format(text, "; %u counted (assume_uses), and here as often as that is short", way->uses);
        else if (way->true_uses != 1)
            ch_buffer_add_text(text, "; each counts");
        if (strcmp(last, ch_buffer_text(text)) == 0) {
            ch_buffer_clear(text);
            continue;
        }
        snprintf(last, sizeof last, "%s", ch_buffer_text(text));
        say("signatures", text);
    }
}

static void add_addresses(const view *in, ch_item_kind kind, ch_buffer *out)
{
    texts list = {.count = 0};
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        const ch_selector *allow = &way->reach.allow->selector;
        if ((way->kinds >> kind & 1) == 0)
            continue;
        if (allow->to == NULL || allow->is_any_address)
            add_once(&list, "anywhere");
        for (size_t k = 0; allow->to != NULL && k < in->policy->address_count; k++) {
            if (ch_set_has(allow->to, k))
                add_once(&list, in->policy->addresses[k].name);
        }
    }
    ch_buffer_add_text(out, ", to ");
    add_all(out, &list);
}

static const ch_entry_rule *first_gate(const view *in, ch_item_kind kind)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        if (in->exposure->ways[i].gate[kind] != NULL)
            return in->exposure->ways[i].gate[kind];
    }
    return NULL;
}

static bool is_alone(const view *in, ch_item_kind kind)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        if ((way->kinds >> kind & 1) != 0 && (way->gated >> kind & 1) == 0)
            return true;
    }
    return false;
}

static void say_moves(const view *in, ch_item_kind kind, const char *label, ch_buffer *text)
{
    const ch_entry_rule *gate = first_gate(in, kind);
    if (is_alone(in, kind)) {
        add_bounds(text, in->exposure->moved[kind]);
        if (kind != CH_ITEM_BORROW)
            add_addresses(in, kind, text);
        say(label, text);
    }
    if (gate == NULL)
        return;
    add_bounds(text, in->exposure->gated[kind]);
    if (kind != CH_ITEM_BORROW)
        add_addresses(in, kind, text);
    ch_buffer_add_format(text, "; only with what '%s' requires", gate->name);
    say(label, text);
}

static void say_accounts(const view *in, unsigned kind, const char *label, const char *what, ch_buffer *text)
{
    texts list = {.count = 0};
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        if ((in->exposure->ways[i].kinds & kind) != 0)
            add_once(&list, ch_way_account(&in->exposure->ways[i])->name);
    }
    if (list.count == 0)
        return;
    ch_buffer_add_text(text, what);
    add_all(text, &list);
    say(label, text);
}

static void say_settings(const view *in, ch_buffer *text)
{
    unsigned classes = all_classes(in->exposure);
    if (in->exposure->can_lever) {
        ch_buffer_add_text(text, "leverage, up to ");
        if (in->exposure->has_leverage)
            ch_add_figure(text, in->exposure->leverage);
        else
            ch_buffer_add_text(text, "whatever the exchange lets");
        say("can set", text);
    }
    if ((classes & CLASS(ACCOUNT)) != 0) {
        ch_buffer_add_text(text, "settings of the account");
        say("can set", text);
    }
    if ((classes & CLASS(KEYS)) != 0) {
        ch_buffer_add_text(text, "API keys, with which no policy is asked: without bound");
        say("can make", text);
    }
    if ((classes & CLASS(SESSION)) != 0) {
        ch_buffer_add_text(text, "sockets on which orders are placed and no policy is asked: without bound");
        say("can open", text);
    }
}

/* ---- confusion ---- */

static void say_accepted(const view *in, ch_buffer *text)
{
    for (size_t i = 0; i < in->policy->key_count; i++) {
        const ch_key *key = &in->policy->keys[i];
        bool is_used = false;
        for (size_t k = 0; k < in->exposure->way_count; k++)
            is_used |= ch_way_key(&in->exposure->ways[k]) == key;
        const char *lets = NULL;
        const char *name;
        for (size_t k = 0; is_used && (name = ch_profile_acceptance_at(key->profile, k, &lets)) != NULL; k++) {
            if ((key->traits.accepts >> k & 1) == 0)
                continue;
            ch_buffer_add_format(text, "%s: key %s accepts '%s', and nothing of it is counted", lets, key->name, name);
            say("accepted", text);
        }
    }
}

/* The classes that signatures for what is allowed may open besides, and that are allowed too. */
static void say_confused(const view *in, ch_buffer *text)
{
    unsigned opened = 0;
    unsigned allowed = all_classes(in->exposure);
    const ch_endpoint *endpoint;
    texts list = {.count = 0};
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_key *key = ch_way_key(&in->exposure->ways[i]);
        for (size_t k = 0; (endpoint = ch_profile_endpoint_at(key->profile, k)) != NULL; k++) {
            if (ch_reach_has_call(&in->exposure->ways[i].reach, endpoint))
                opened |= ch_endpoint_openable_classes(endpoint, key->scheme, &key->traits, CH_UNKNOWN_AS_LISTED) &
                          ~(1U << ch_endpoint_class(endpoint));
        }
    }
    for (unsigned i = 0; i < CH_CLASS_COUNT; i++) {
        if ((opened & allowed & ~(CLASS(READ) | CLASS(CANCEL)) & 1U << i) != 0)
            add_once(&list, ch_class_name((ch_class)i));
    }
    if (list.count == 0)
        return;
    ch_buffer_add_text(text, "signatures that are good for other calls of class ");
    add_all(text, &list);
    ch_buffer_add_text(text, " too; judged and counted as each of them");
    say("confused", text);
}

/* ---- what it cannot, and what is assumed ---- */

static void say_cannot(const view *in, ch_buffer *text)
{
    unsigned kinds = all_kinds(in->exposure);
    unsigned classes = all_classes(in->exposure);
    bool has_orders = (kinds & KIND(ORDER)) != 0;
    unsigned contracts = CH_MARKET_LINEAR | CH_MARKET_INVERSE | CH_MARKET_OPTION;
    /* clang-format off */
    const struct { bool can; const char *what; } rows[] = {
        { (kinds & KIND(WITHDRAWAL)) != 0,                            "withdraw" },
        { (kinds & KIND(TRANSFER)) != 0,                              "transfer" },
        { (kinds & KIND(BORROW)) != 0,                                "borrow" },
        { has_orders,                                                 "trade" },
        { !has_orders || (all_markets(in->exposure) & contracts) != 0, "trade contracts" },
        { (kinds & KIND(CANCEL)) != 0,                                "cancel orders" },
        { in->exposure->can_lever,                                    "change leverage" },
        { (classes & CLASS(KEYS)) != 0,                               "make API keys" },
        { (classes & CLASS(ACCOUNT)) != 0,                            "change settings" },
        { (classes & CLASS(SESSION)) != 0,                            "open a socket that no policy sees" },
    };
    /* clang-format on */
    texts list = {.count = 0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!rows[i].can)
            add_once(&list, rows[i].what);
    }
    add_all(text, &list);
    if (list.count > 0)
        say("cannot", text);
}

static void say_assumed(const view *in, ch_buffer *text)
{
    texts seen = {.count = 0};
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_account *account = ch_way_account(&in->exposure->ways[i]);
        size_t before = seen.count;
        add_once(&seen, account->name);
        if ((in->exposure->ways[i].kinds & KIND(ORDER)) == 0 || seen.count == before)
            continue;
        ch_buffer_add_format(text, "account %s: ", account->name);
        ch_buffer_add_text(text, account->has_reference_error ? "reference error " : "no reference error");
        if (account->has_reference_error)
            ch_add_percent(text, account->reference_error);
        ch_buffer_add_text(text, account->has_fees ? ", fees " : ", no fees stated");
        if (account->has_fees)
            ch_add_percent(text, account->fees);
        if (account->has_slippage) {
            ch_buffer_add_text(text, ", market slippage ");
            ch_add_percent(text, account->market_slippage);
        }
        say("assumed", text);
    }
}

static void print_words(const view *in)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    unsigned kinds = all_kinds(in->exposure);
    ch_buffer_add_format(&text, "If %s taken over, until somebody stops it:",
                         in->caller == NULL ? "all callers together are" : in->caller);
    if (in->caller != NULL) {
        ch_buffer_clear(&text);
        ch_buffer_add_format(&text, "If %s is taken over, until somebody stops it:", in->caller);
    }
    ch_output_text(ch_buffer_text(&text));
    puts("\n");
    ch_buffer_clear(&text);
    say_trades(in, &text);
    say_money(in, &text);
    say_uses(in, &text);
    say_moves(in, CH_ITEM_WITHDRAWAL, "can withdraw", &text);
    say_moves(in, CH_ITEM_TRANSFER, "can transfer", &text);
    say_moves(in, CH_ITEM_BORROW, "can borrow", &text);
    say_settings(in, &text);
    say_accounts(in, KIND(CANCEL), "can cancel", "every order of account ", &text);
    say_accounts(in, KIND(READ), "can see", "account ", &text);
    say_accepted(in, &text);
    say_confused(in, &text);
    say_cannot(in, &text);
    say_assumed(in, &text);
    if ((kinds & KIND(ORDER)) == 0)
        return;
    ch_buffer_add_text(&text, "what the market moves until its orders fill, and their own impact; what the account "
                              "holds already; funding, interest and liquidation; leverage that is set elsewhere");
    say("not bounded", &text);
}

/* ---- the command ---- */

static ch_status show(const ch_arguments *arguments, const view *in, ch_error *err)
{
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson object = ch_exposure_json(in->exposure, in->caller);
        return ch_output_json(object, err);
    }
    print_words(in);
    return CH_OK;
}

static ch_status run(const ch_arguments *arguments, ch_error *err)
{
    ch_autopolicy policy = {0};
    ch_exposure exposure = {0};
    uint64_t now_ns = 0;
    size_t caller = CH_ALL_CALLERS;
    const char *name = arguments->positional_count > 0 ? arguments->positional[0] : NULL;
    if (name != NULL && arguments->option[CH_OPT_ALL] != NULL)
        return ch_fail(err, CH_BAD_INPUT, "give either a caller or --all");
    CH_TRY(ch_option_time(arguments, &now_ns, err));
    CH_TRY(ch_policy_open(arguments, NULL, &policy, err));
    if (name != NULL)
        CH_TRY(ch_policy_find_caller(&policy, name, &caller, err));
    ch_exposure_find(&policy, caller, now_ns, &exposure);
    const view in = {.policy = &policy, .exposure = &exposure, .caller = name};
    ch_status st = show(arguments, &in, err);
    ch_exposure_free(&exposure);
    return st;
}

/* clang-format off */
const ch_command ch_commands_of_exposure[] = {
    {
        .family = "policy",
        .name = "exposure",
        .syntax = {.positional = "[CALLER | --all]", .positional_max = 1,
                   .options = CH_OPTION(POLICY) | CH_OPTION(CONFIG) | CH_OPTION(PROFILES) | CH_OPTION(ALL) | CH_OPTION(AT) | CH_OPTION(JSON)},
        .summary = "say what a stolen bot can do at worst",
        .details = "From the policy alone: what whoever takes over CALLER can trade, lose, withdraw\n"
                   "and change in an hour and in a day, what holds that down, and what is not\n"
                   "bounded and why. Loss is against the reference, with every signature used as\n"
                   "often as its exchange lets it; docs/policy-tools.md has the formula. Without\n"
                   "CALLER it is for all callers together: what they can do adds up.",
        .examples = "  chancery policy exposure maker --policy policy.yaml\n"
                    "  chancery policy exposure --all --json\n",
        .run = run,
    },
    {0},
};
/* clang-format on */
