/* The terms in which entries speak: accounts, reference prices, conversions, addresses. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "base/names.h"
#include "conf/fields.h"
#include "conf/yaml.h"

#include <string.h>

#define SOURCES_MAX 8 /* policy/prices.h */

/* ---- accounts ---- */

static const ch_word price_words[] = {
    {"median", CH_PRICES_MEDIAN},
    {"none",   CH_PRICES_NONE  },
};
static const ch_words price_uses = CH_WORDS("use of prices", price_words);

/* clang-format off */
static const ch_field account_fields[] = {
    /* name               required  reader            where                                      words */
    { "prices",           false,    ch_field_choice,  CH_MEMBER(ch_account, prices),             .words = &price_uses },
    { "reference_error",  false,    ch_field_ratio,   CH_MEMBER(ch_account, reference_error) },
    { "fees",             false,    ch_field_ratio,   CH_MEMBER(ch_account, fees) },
    { "market_slippage",  false,    ch_field_ratio,   CH_MEMBER(ch_account, market_slippage) },
};
/* clang-format on */

/* What would be ignored is refused. */
static ch_status check_account(const ch_yaml *map, const ch_account *account, ch_error *err)
{
    static const char *const of_references[] = {"reference_error", "market_slippage"};
    for (size_t i = 0; i < 2; i++) {
        const ch_yaml *node = ch_yaml_get(map, of_references[i]);
        if (node != NULL && account->prices == CH_PRICES_NONE)
            return ch_yaml_fail(node, err, "with 'prices: none' there is no reference; delete '%s'", of_references[i]);
    }
    return CH_OK;
}

static ch_status read_account(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_account *account = value->out;
    account->name = ch_strdup(value->name);
    CH_TRY(ch_names_add_given(&load->accounts, "an account", account->name, value->node,
                              (size_t)(account - load->policy->accounts), err));
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(account_fields), account, load, err));
    account->has_reference_error = ch_yaml_get(value->node, "reference_error") != NULL;
    account->has_fees = ch_yaml_get(value->node, "fees") != NULL;
    account->has_slippage = ch_yaml_get(value->node, "market_slippage") != NULL;
    return check_account(value->node, account, err);
}

static const ch_entries accounts = {
    "account", CH_YAML_MAP, 0, 0, {.read = read_account, .size = sizeof(ch_account)}
};

ch_status ch_load_accounts(const ch_value *value, ch_error *err)
{
    ch_policy *policy = value->out;
    return ch_load_append(value, &accounts, &policy->accounts, &policy->account_count, err);
}

/* ---- prices ---- */

static ch_status read_source(const ch_value *value, ch_error *err)
{
    const char *text = NULL;
    char **out = value->out;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    if (!ch_is_name(ch_slice_of(text)))
        return ch_yaml_fail(
            value->node, err,
            "'%s' cannot be the name of a source; use a-z, 0-9, '.', '_' and '-', at most %d, and begin "
            "with a letter or a digit",
            text, CH_NAME_MAX);
    *out = ch_strdup(text);
    return CH_OK;
}

static const ch_entries sources = {
    "source", CH_YAML_LIST, 1, SOURCES_MAX, {.read = read_source, .size = sizeof(char *)}
};

static ch_status read_sources(const ch_value *value, ch_error *err)
{
    ch_price_rules *rules = value->out;
    CH_TRY(ch_load_append(value, &sources, &rules->sources, &rules->source_count, err));
    for (size_t i = 0; i < rules->source_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(rules->sources[k], rules->sources[i]) == 0)
                return ch_yaml_fail(ch_yaml_item(value->node, i), err,
                                    "source '%s' is listed twice, and would count twice in the median; delete one",
                                    rules->sources[i]);
        }
    }
    return CH_OK;
}

/* clang-format off */
static const ch_field move_fields[] = {
    /* name        required  reader              where                                        bounds */
    { "by",        true,     ch_field_ratio,     CH_MEMBER(ch_price_rules, max_move),         .min = 1, .max = 1000 },
    { "within",    true,     ch_field_duration,  CH_MEMBER(ch_price_rules, move_window_ns) },
};

static ch_status read_move(const ch_value *value, ch_error *err);

static const ch_field price_fields[] = {
    /* name        required  reader              where                                        bounds */
    { "sources",   true,     read_sources,       CH_WHOLE },
    { "at_least",  false,    ch_field_uint,      CH_MEMBER(ch_price_rules, at_least),         .min = 1 },
    { "max_move",  false,    read_move,          CH_WHOLE },
};
/* clang-format on */

static ch_status read_move(const ch_value *value, ch_error *err)
{
    ch_price_rules *rules = value->out;
    rules->has_max_move = true;
    return ch_fields_read(value->node, CH_FIELDS(move_fields), rules, value->context, err);
}

ch_status ch_load_prices(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_price_rules *rules = &load->policy->prices;
    load->prices_at = value->node;
    rules->at_least = 1;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(price_fields), rules, load, err));
    if (rules->at_least > rules->source_count)
        return ch_yaml_fail(ch_yaml_get(value->node, "at_least"), err,
                            "there are %zu sources, so %u of them can never be fresh; name more, or lower it",
                            rules->source_count, (unsigned)rules->at_least);
    return CH_OK;
}

ch_status ch_finish_prices(ch_policy_loader *load, ch_error *err)
{
    for (size_t i = 0; load->prices_at == NULL && i < load->policy->caller_count; i++) {
        const ch_caller *caller = &load->policy->callers[i];
        if (caller->role == CH_CALLER_FEED)
            return ch_yaml_fail(load->callers.rows[i].node, err,
                                "'%s' is a feed, but no source is named under which it may report; add 'prices' with "
                                "'sources'",
                                caller->name);
    }
    return CH_OK;
}

/* ---- conversions ---- */

static ch_status read_rate(const ch_value *value, ch_error *err)
{
    ch_conversion *conversion = value->out;
    conversion->has_rate = true;
    return ch_load_decimal(value->node, &conversion->rate, err);
}

/* clang-format off */
static const ch_field conversion_fields[] = {
    /* name       required  reader              where */
    { "from",     true,     ch_field_asset,     CH_MEMBER(ch_conversion, from) },
    { "to",       true,     ch_field_asset,     CH_MEMBER(ch_conversion, to) },
    { "rate",     false,    read_rate,          CH_WHOLE },
    { "max_age",  false,    ch_field_duration,  CH_MEMBER(ch_conversion, max_age_ns) },
    { "haircut",  true,     ch_field_ratio,     CH_MEMBER(ch_conversion, haircut) },
};
/* clang-format on */

/* It has a rate, or the age that a reference price may have. */
static ch_status check_rate(const ch_policy_loader *load, const ch_yaml *map, const ch_conversion *conversion,
                            ch_error *err)
{
    if (conversion->has_rate && conversion->max_age_ns != 0)
        return ch_yaml_fail(map, err, "it has a rate, which has no age; delete 'rate' or 'max_age'");
    if (!conversion->has_rate && conversion->max_age_ns == 0)
        return ch_yaml_fail(map, err, "add 'rate', or 'max_age' to convert by the reference price of %s/%s",
                            conversion->from, conversion->to);
    if (!conversion->has_rate && load->prices_at == NULL)
        return ch_yaml_fail(map, err, "without a rate it needs reference prices, and there are none; add 'prices'");
    return CH_OK;
}

static ch_status read_conversion(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_conversion *conversion = value->out;
    ch_autobuffer pair = CH_BUFFER_INIT;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(conversion_fields), conversion, load, err));
    if (strcmp(conversion->from, conversion->to) == 0)
        return ch_yaml_fail(value->node, err, "it converts %s to itself; delete it", conversion->from);
    ch_buffer_add_format(&pair, "%s to %s", conversion->from, conversion->to);
    CH_TRY(ch_names_add(&load->conversions, ch_buffer_text(&pair), value->node,
                        (size_t)(conversion - load->policy->conversions), err));
    return check_rate(load, value->node, conversion, err);
}

static const ch_entries conversions = {
    "conversion", CH_YAML_LIST, 0, 0, {.read = read_conversion, .size = sizeof(ch_conversion)}
};

ch_status ch_load_conversions(const ch_value *value, ch_error *err)
{
    ch_policy *policy = value->out;
    return ch_load_append(value, &conversions, &policy->conversions, &policy->conversion_count, err);
}

/* ---- addresses ---- */

static ch_status check_stated(const char *text, ch_error *err)
{
    size_t size = strlen(text);
    if (size == 0 || text[0] == ' ' || text[size - 1] == ' ')
        return ch_fail(err, CH_CONFIG, "'%s' is empty, or starts or ends with a space; correct it", text);
    return CH_OK;
}

/* clang-format off */
static const ch_field address_fields[] = {
    /* name       required  reader           where                             check */
    { "asset",    false,    ch_field_asset,  CH_MEMBER(ch_address, asset) },
    { "network",  false,    ch_field_text,   CH_MEMBER(ch_address, network),   .check = check_stated },
    { "address",  false,    ch_field_text,   CH_MEMBER(ch_address, address),   .check = check_stated },
    { "tag",      false,    ch_field_text,   CH_MEMBER(ch_address, tag),       .check = check_stated },
    { "from",     false,    ch_field_text,   CH_MEMBER(ch_address, from),      .check = check_stated },
    { "to",       false,    ch_field_text,   CH_MEMBER(ch_address, to),        .check = check_stated },
};
/* clang-format on */

/* Of a withdrawal or of a transfer, and all that tells it from others. */
static ch_status check_address(const ch_yaml *map, const ch_address *address, ch_error *err)
{
    bool is_withdrawal = address->network != NULL || address->address != NULL || address->tag != NULL;
    bool is_transfer = address->from != NULL || address->to != NULL;
    if (is_withdrawal && is_transfer)
        return ch_yaml_fail(
            map, err,
            "'from' and 'to' are of a transfer, 'network', 'address' and 'tag' of a withdrawal; make two "
            "addresses");
    if (is_transfer && (address->from == NULL || address->to == NULL))
        return ch_yaml_fail(map, err, "a transfer needs both 'from' and 'to'");
    if (!is_transfer && (address->asset == NULL || address->network == NULL || address->address == NULL))
        return ch_yaml_fail(map, err,
                            "a withdrawal needs 'asset', 'network' and 'address' (a transfer: 'from' and 'to')");
    return CH_OK;
}

static ch_status read_address(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_address *address = value->out;
    address->name = ch_strdup(value->name);
    CH_TRY(ch_names_add_given(&load->addresses, "an address", address->name, value->node,
                              (size_t)(address - load->policy->addresses), err));
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(address_fields), address, load, err));
    return check_address(value->node, address, err);
}

static const ch_entries addresses = {
    "address", CH_YAML_MAP, 0, 0, {.read = read_address, .size = sizeof(ch_address)}
};

ch_status ch_load_addresses(const ch_value *value, ch_error *err)
{
    ch_policy *policy = value->out;
    return ch_load_append(value, &addresses, &policy->addresses, &policy->address_count, err);
}
