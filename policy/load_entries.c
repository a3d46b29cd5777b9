/* All entries are rows of one array, verb after verb, and all their fields of one table; what a verb does not have does
 * not exist for it. Limits that an allow names are found when all entries are there. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "conf/fields.h"
#include "conf/yaml.h"
#include "exchange/facts.h"

#include <stdlib.h>
#include <string.h>

#define APPROVALS_MAX 16

/* ---- words of facts ---- */

/* Bits by the position among the fact's words (exchange/facts.c). */
/* clang-format off */
static const ch_word side_words[] = {
    { "buy", 1 << 0 }, { "sell", 1 << 1 },
};
static const ch_word type_words[] = {
    { "market",            1 << 0 }, { "limit",    1 << 1 }, { "limit-maker",    1 << 2 },  { "stop", 1 << 3 },
    { "stop-limit",        1 << 4 }, { "take-profit", 1 << 5 },
    { "take-profit-limit", 1 << 6 }, { "trailing", 1 << 7 }, { "trailing-limit", 1 << 8 },  { "twap", 1 << 9 },
    { "vwap",              1 << 10 },
};
static const ch_word time_words[] = {
    { "gtc", 1 << 0 }, { "gtd", 1 << 1 }, { "day", 1 << 2 }, { "ioc", 1 << 3 }, { "fok", 1 << 4 },
};
static const ch_word item_words[] = {
    { "order",      1 << CH_ITEM_ORDER },      { "cancel", 1 << CH_ITEM_CANCEL }, { "transfer", 1 << CH_ITEM_TRANSFER },
    { "withdrawal", 1 << CH_ITEM_WITHDRAWAL }, { "borrow", 1 << CH_ITEM_BORROW }, { "setting",  1 << CH_ITEM_SETTING },
    { "read",       1 << CH_ITEM_READ },
};
static const ch_word then_words[] = {
    { "reducing", CH_TRADING_REDUCING }, { "halted", CH_TRADING_HALTED },
};
static const ch_word until_words[] = {
    { "operator", true }, { "window", false },
};
/* clang-format on */
static const ch_words sides = CH_WORDS("side", side_words);
static const ch_words types = CH_WORDS("type of order", type_words);
static const ch_words times = CH_WORDS("time in force", time_words);
static const ch_words items = CH_WORDS("kind of item", item_words);
static const ch_words thens = CH_WORDS("trading state", then_words);
static const ch_words untils = CH_WORDS("end", until_words);

/* ---- fields ---- */

static bool is_allow(const void *out)
{
    return ((const ch_entry_rule *)out)->verb == CH_VERB_ALLOW;
}

static bool is_limit(const void *out)
{
    return ((const ch_entry_rule *)out)->verb == CH_VERB_LIMIT;
}

static bool is_requirement(const void *out)
{
    return ((const ch_entry_rule *)out)->verb == CH_VERB_REQUIRE;
}

/* Refusals carry an entry's name, or that of a rule that is built in. */
static ch_status check_built_in(const ch_yaml *node, const char *name, ch_error *err)
{
    static const char *const built_in[] = {"grant",   "raw",     "kind",   "class",       "confusion",
                                           "allow",   "state",   "record", "user",        "expires",
                                           "revoked", "version", "relay",  "already-sent"};
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++) {
        if (strcmp(name, built_in[i]) == 0)
            return ch_yaml_fail(node, err, "'%s' is a rule that is built in; use another name", name);
    }
    return CH_OK;
}

static ch_status read_name(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_entry_rule *entry = value->out;
    const char *name = NULL;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    CH_TRY(check_built_in(value->node, name, err));
    entry->name = ch_strdup(name);
    return ch_names_add_given(&load->entries, "an entry", name, value->node, (size_t)(entry - load->policy->entries),
                              err);
}

#define SELECTOR(member) CH_MEMBER(ch_entry_rule, selector.member)
#define LIMIT(member) CH_MEMBER(ch_entry_rule, limit.member), .only_if = is_limit
#define REQUIREMENT(member) CH_MEMBER(ch_entry_rule, requirement.member), .only_if = is_requirement
#define CONTROL CH_WHOLE, .only_if = is_limit

/* clang-format off */
static const ch_field fields[] = {
    /* name               required  reader                where                                   words, bounds */
    { "name",             true,     read_name,            CH_WHOLE },
    { "caller",           false,    ch_select_callers,    CH_WHOLE },
    { "key",              false,    ch_select_keys,       CH_WHOLE },
    { "account",          false,    ch_select_accounts,   CH_WHOLE },
    { "classes",          false,    ch_select_classes,    CH_WHOLE },
    { "endpoints",        false,    ch_select_endpoints,  CH_WHOLE },
    { "markets",          false,    ch_select_markets,    CH_WHOLE },
    { "symbols",          false,    ch_select_symbols,    CH_WHOLE },
    { "sides",            false,    ch_field_words,       SELECTOR(sides),                        .words = &sides },
    { "types",            false,    ch_field_words,       SELECTOR(types),                        .words = &types },
    { "time_in_force",    false,    ch_field_words,       SELECTOR(times),                        .words = &times },
    { "items",            false,    ch_field_words,       SELECTOR(items),                        .words = &items },
    { "settings",         false,    ch_select_settings,   CH_WHOLE },
    { "to",               false,    ch_select_addresses,  CH_WHOLE },
    { "assets",           false,    ch_select_assets,     CH_WHOLE },
    { "hours",            false,    ch_select_hours,      CH_WHOLE },
    /* of an allow */
    { "expires",          false,    ch_select_expiry,     CH_WHOLE,                               .only_if = is_allow },
    { "limits",           false,    NULL,                 CH_WHOLE,                               .only_if = is_allow },
    { "unlimited",        false,    ch_field_bool,        CH_MEMBER(ch_entry_rule, is_unlimited), .only_if = is_allow },
    /* of a limit */
    { "order_value",      false,    ch_limit_control,     CONTROL },
    { "order_volume",     false,    ch_limit_control,     CONTROL },
    { "price_within",     false,    ch_limit_control,     CONTROL },
    { "loss",             false,    ch_limit_control,     CONTROL },
    { "value",            false,    ch_limit_control,     CONTROL },
    { "volume",           false,    ch_limit_control,     CONTROL },
    { "amount",           false,    ch_limit_control,     CONTROL },
    { "open_value",       false,    ch_limit_control,     CONTROL },
    { "orders",           false,    ch_limit_control,     CONTROL },
    { "messages",         false,    ch_limit_control,     CONTROL },
    { "same_order",       false,    ch_limit_control,     CONTROL },
    { "leverage",         false,    ch_limit_control,     CONTROL },
    { "validity",         false,    ch_limit_control,     CONTROL },
    { "price_age",        false,    ch_field_duration,    LIMIT(age_ns) },
    { "per",              false,    ch_limit_period,      CONTROL },
    { "time_zone",        false,    ch_limit_zone,        CONTROL },
    { "by",               false,    ch_field_words,       LIMIT(by),                              .words = &ch_by_words },
    { "then",             false,    ch_field_choice,      LIMIT(then),                            .words = &thens },
    { "until",            false,    ch_field_choice,      LIMIT(is_until_operator),               .words = &untils },
    { "closing",          false,    ch_limit_closing,     CONTROL },
    { "release",          false,    ch_field_ratio,       LIMIT(release),                         .max = 100 },
    { "relay_release",    false,    ch_field_ratio,       LIMIT(relay_release),                   .max = 100 },
    { "reserve_cancels",  false,    ch_field_uint,        LIMIT(reserve_cancels),                 .min = 1 },
    /* of a requirement */
    { "approvals",        false,    ch_field_uint,        REQUIREMENT(approvals),                 .min = 1, .max = APPROVALS_MAX },
    { "of",               false,    ch_require_people,    CH_WHOLE,                               .only_if = is_requirement },
    { "within",           false,    ch_field_duration,    REQUIREMENT(within_ns) },
    { "code",             false,    ch_field_bool,        REQUIREMENT(needs_code) },
    { "delay",            false,    ch_field_duration,    REQUIREMENT(delay_ns) },
    { "above",            false,    ch_require_above,     CH_WHOLE,                               .only_if = is_requirement },
};
/* clang-format on */

/* ---- an entry ---- */

static ch_status read_entry(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_entry_rule *entry = value->out;
    entry->verb = load->verb;
    entry->path = ch_strdup(ch_yaml_path(value->node));
    entry->line = ch_yaml_line(value->node);
    load->at[entry - load->policy->entries] = value->node;
    ch_select_all(load, &entry->selector);
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fields), entry, load, err));
    if (entry->verb == CH_VERB_LIMIT)
        CH_TRY(ch_check_limit(value->node, &entry->limit, err));
    if (entry->verb == CH_VERB_REQUIRE)
        CH_TRY(ch_check_requirement(value->node, &entry->requirement, err));
    return ch_check_entry(load, value->node, entry, err);
}

static const ch_entries entries = {
    "entry", CH_YAML_LIST, 0, 0, {.read = read_entry, .size = sizeof(ch_entry_rule)}
};

ch_status ch_load_entries(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_policy *policy = load->policy;
    size_t count = 0;
    load->verb = (ch_verb)value->field->min;
    size_t *read = &load->read[load->verb];
    CH_TRY(
        ch_entries_read(value->node, &entries, policy->entries + policy->first[load->verb] + *read, &count, load, err));
    *read += count;
    return CH_OK;
}

/* ---- all of them ---- */

ch_status ch_start_entries(ch_policy_loader *load, ch_error *err)
{
    ch_policy *policy = load->policy;
    for (ch_verb verb = 0; verb < CH_VERB_COUNT; verb++) {
        policy->first[verb + 1] = policy->first[verb];
        for (size_t i = 0; i < load->document_count; i++) {
            const ch_yaml *list = ch_yaml_get(ch_yaml_root(load->documents[i]), ch_verb_name(verb));
            if (list == NULL)
                continue;
            CH_TRY(ch_yaml_expect_list(list, err));
            policy->first[verb + 1] += ch_yaml_count(list);
        }
    }
    policy->entry_count = policy->first[CH_VERB_COUNT];
    policy->entries = ch_alloc(policy->entry_count * sizeof *policy->entries);
    load->at = ch_alloc(policy->entry_count * sizeof(const ch_yaml *));
    return CH_OK;
}

static ch_status name_limit(ch_policy_loader *load, ch_entry_rule *allow, const ch_yaml *node, ch_error *err)
{
    const char *name = NULL;
    CH_TRY(ch_yaml_text(node, &name, err));
    const ch_name_row *row = ch_names_find(&load->entries, name);
    if (row == NULL)
        return ch_yaml_fail(node, err, "there is no limit '%s'; correct the name, or add it to 'limit'", name);
    ch_entry_rule *limit = &load->policy->entries[row->index];
    if (limit->verb != CH_VERB_LIMIT)
        return ch_yaml_fail(node, err, "'%s' (line %u) is no limit but stands under '%s'; name a limit", name,
                            limit->line, ch_verb_name(limit->verb));
    for (size_t i = 0; i < allow->limit_count; i++) {
        if (allow->limits[i] == row->index)
            return ch_yaml_fail(node, err, "'%s' is named twice; delete one", name);
    }
    allow->limits[allow->limit_count++] = row->index;
    limit->limit.is_named = true;
    return ch_check_named(load, allow, limit, node, err);
}

static ch_status name_limits(ch_policy_loader *load, ch_entry_rule *allow, ch_error *err)
{
    const ch_yaml *list = ch_yaml_get(load->at[allow - load->policy->entries], "limits");
    if (list == NULL)
        return CH_OK;
    allow->limits = ch_alloc(ch_yaml_count(list) * sizeof *allow->limits);
    for (size_t i = 0; i < ch_yaml_count(list); i++)
        CH_TRY(name_limit(load, allow, ch_yaml_item(list, i), err));
    return ch_check_covered(load, allow, list, err);
}

ch_status ch_finish_entries(ch_policy_loader *load, ch_error *err)
{
    ch_policy *policy = load->policy;
    for (size_t i = policy->first[CH_VERB_ALLOW]; i < policy->first[CH_VERB_ALLOW + 1]; i++)
        CH_TRY(name_limits(load, &policy->entries[i], err));
    for (size_t i = policy->first[CH_VERB_LIMIT]; i < policy->first[CH_VERB_LIMIT + 1]; i++)
        CH_TRY(ch_check_unnamed(load, &policy->entries[i], err));
    return ch_check_relay_uses(load, err);
}
