/* policy exposure: in words and as JSON, from one and the same ch_exposure. */
#include "base/bits.h"
#include "cli/commands.h"
#include "cli/exposure_json.h"
#include "cli/exposure_view.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/policy_file.h"
#include "exchange/symbols.h"
#include "policy/exposure.h"
#include "policy/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND(name) (1U << CH_ITEM_##name)
#define CLASS(name) (1U << CH_CLASS_##name)

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
    ch_shown_texts list = {.count = 0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if ((markets & ch_fact_word_bit(CH_FACT_MARKET, ch_slice_of(names[i]))) != 0)
            ch_shown_texts_add(&list, names[i]);
    }
    ch_shown_texts_print(&list, out);
}

static void say_trades(const ch_exposure_view *in, ch_buffer *text)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        const ch_entry_rule *gate = way->gate[CH_ITEM_ORDER];
        if ((way->kinds & ~way->stray_kinds & KIND(ORDER)) == 0)
            continue;
        add_symbols(text, way);
        ch_buffer_add_text(text, ", ");
        add_markets(text, ch_allow_markets(way->reach.allow));
        ch_buffer_add_format(text, ", account %s", ch_way_account(way)->name);
        if (strcmp(ch_way_account(way)->name, ch_way_key(way)->name) != 0)
            ch_buffer_add_format(text, ", key %s", ch_way_key(way)->name);
        if ((in->caller == NULL || in->relay != NULL) && way->reach.caller != CH_NO_CALLER)
            ch_buffer_add_format(text, ", as %s", in->policy->callers[way->reach.caller].name);
        ch_buffer_add_format(text, " (%s)", way->reach.allow->name);
        if (gate != NULL)
            ch_buffer_add_format(text, ", only with the people of %s", gate->name);
        ch_exposure_say("can trade", text);
    }
}

static void say_money(const ch_exposure_view *in, ch_buffer *text)
{
    if ((all_kinds(in->exposure) & KIND(ORDER)) == 0)
        return;
    add_bounds(text, in->exposure->orders[CH_EXPOSED_VALUE]);
    ch_exposure_say("placed value", text);
    add_bounds(text, in->exposure->orders[CH_EXPOSED_LOSS]);
    ch_buffer_add_text(
        text, in->exposure->orders[CH_EXPOSED_LOSS][CH_HORIZON_DAY].is_unbounded ? "" : ", against the reference");
    ch_exposure_say("can lose", text);
    add_bounds(text, in->exposure->orders[CH_EXPOSED_FEES]);
    ch_exposure_say("and in fees", text);
}

static void add_addresses(const ch_exposure_view *in, ch_item_kind kind, ch_buffer *out)
{
    ch_shown_texts list = {.count = 0};
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        const ch_selector *allow = &way->reach.allow->selector;
        if ((way->kinds >> kind & 1) == 0)
            continue;
        if (allow->to == NULL || allow->is_any_address)
            ch_shown_texts_add(&list, "anywhere");
        for (size_t k = 0; allow->to != NULL && k < in->policy->address_count; k++) {
            if (ch_set_has(allow->to, k))
                ch_shown_texts_add(&list, in->policy->addresses[k].name);
        }
    }
    ch_buffer_add_text(out, ", to ");
    ch_shown_texts_print(&list, out);
}

static const ch_entry_rule *first_gate(const ch_exposure_view *in, ch_item_kind kind)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        if (in->exposure->ways[i].gate[kind] != NULL)
            return in->exposure->ways[i].gate[kind];
    }
    return NULL;
}

static bool is_alone(const ch_exposure_view *in, ch_item_kind kind)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        if ((way->kinds >> kind & 1) != 0 && (way->gated >> kind & 1) == 0)
            return true;
    }
    return false;
}

static void say_moves(const ch_exposure_view *in, ch_item_kind kind, const char *label, ch_buffer *text)
{
    const ch_entry_rule *gate = first_gate(in, kind);
    if (is_alone(in, kind)) {
        add_bounds(text, in->exposure->moved[kind]);
        if (kind != CH_ITEM_BORROW)
            add_addresses(in, kind, text);
        ch_exposure_say(label, text);
    }
    if (gate == NULL)
        return;
    add_bounds(text, in->exposure->gated[kind]);
    if (kind != CH_ITEM_BORROW)
        add_addresses(in, kind, text);
    ch_buffer_add_format(text, "; only with what '%s' requires", gate->name);
    ch_exposure_say(label, text);
}

static void say_accounts(const ch_exposure_view *in, unsigned kind, const char *label, const char *what,
                         ch_buffer *text)
{
    ch_shown_texts list = {.count = 0};
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        if ((in->exposure->ways[i].kinds & kind) != 0)
            ch_shown_texts_add(&list, ch_way_account(&in->exposure->ways[i])->name);
    }
    if (list.count == 0)
        return;
    ch_buffer_add_text(text, what);
    ch_shown_texts_print(&list, text);
    ch_exposure_say(label, text);
}

static void say_settings(const ch_exposure_view *in, ch_buffer *text)
{
    unsigned classes = all_classes(in->exposure);
    if (in->exposure->can_lever) {
        ch_buffer_add_text(text, "leverage, up to ");
        if (in->exposure->has_leverage)
            ch_add_figure(text, in->exposure->leverage);
        else
            ch_buffer_add_text(text, "whatever the exchange lets");
        ch_exposure_say("can set", text);
    }
    if ((classes & CLASS(ACCOUNT)) != 0) {
        ch_buffer_add_text(text, "settings of the account");
        ch_exposure_say("can set", text);
    }
    if ((classes & CLASS(KEYS)) != 0) {
        ch_buffer_add_text(text, "API keys, with which no policy is asked: without bound");
        ch_exposure_say("can make", text);
    }
    if ((classes & CLASS(SESSION)) != 0) {
        ch_buffer_add_text(text, "sockets on which orders are placed and no policy is asked: without bound");
        ch_exposure_say("can open", text);
    }
}

/* ---- what it cannot, and what is assumed ---- */

static void say_cannot(const ch_exposure_view *in, ch_buffer *text)
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
    ch_shown_texts list = {.count = 0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!rows[i].can)
            ch_shown_texts_add(&list, rows[i].what);
    }
    ch_shown_texts_print(&list, text);
    if (list.count > 0)
        ch_exposure_say("cannot", text);
}

static void say_assumed(const ch_exposure_view *in, ch_buffer *text)
{
    ch_shown_texts seen = {.count = 0};
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_account *account = ch_way_account(&in->exposure->ways[i]);
        size_t before = seen.count;
        ch_shown_texts_add(&seen, account->name);
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
        ch_exposure_say("assumed", text);
    }
}

static void print_words(const ch_exposure_view *in)
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
    ch_exposure_say_relay(in, &text);
    say_trades(in, &text);
    say_money(in, &text);
    ch_exposure_say_uses(in, &text);
    say_moves(in, CH_ITEM_WITHDRAWAL, "can withdraw", &text);
    say_moves(in, CH_ITEM_TRANSFER, "can transfer", &text);
    say_moves(in, CH_ITEM_BORROW, "can borrow", &text);
    say_settings(in, &text);
    say_accounts(in, KIND(CANCEL), "can cancel", "every order of account ", &text);
    say_accounts(in, KIND(READ), "can see", "account ", &text);
    ch_exposure_say_confusion(in, &text);
    say_cannot(in, &text);
    say_assumed(in, &text);
    if ((kinds & KIND(ORDER)) == 0)
        return;
    ch_buffer_add_text(&text, "what the market moves until its orders fill, and their own impact; what the account "
                              "holds already; funding, interest and liquidation; leverage that is set elsewhere");
    ch_exposure_say("not bounded", &text);
}

/* ---- the command ---- */

static ch_status show(const ch_arguments *arguments, const ch_exposure_view *in, ch_error *err)
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
    const ch_exposure_view in = {
        .policy = &policy,
        .exposure = &exposure,
        .caller = name,
        .relay = name != NULL && policy.callers[caller].role == CH_CALLER_RELAY ? &policy.callers[caller] : NULL};
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
                   "often as its exchange lets it; docs/policy-tools.md has the formula. Of a relay:\n"
                   "for all that it speaks for, what it can send again or elsewhere, and report.\n"
                   "Without CALLER it is for all callers together: what they can do adds up.",
        .examples = "  chancery policy exposure maker --policy policy.yaml\n"
                    "  chancery policy exposure --all --json\n",
        .run = run,
    },
    {0},
};
/* clang-format on */
