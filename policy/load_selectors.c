/* A name that is nobody's would make an entry apply to nothing, or be left open: every one is looked up. */
#include "policy/load_impl.h"

#include "base/bits.h"
#include "base/memory.h"
#include "conf/fields.h"
#include "conf/yaml.h"
#include "exchange/catalogue.h"
#include "exchange/symbols.h"

#include <stdlib.h>
#include <string.h>

static bool is_any(const ch_yaml *node)
{
    const char *text = NULL;
    ch_error ignored = CH_ERROR_INIT;
    return ch_yaml_kind_of(node) == CH_YAML_SCALAR && ch_yaml_text(node, &text, &ignored) == CH_OK &&
           strcmp(text, "any") == 0;
}

/* Reads the names of a list, or one alone, and has each taken. */
typedef ch_status (*ch_name_taker)(const ch_value *value, const ch_yaml *node, const char *name, ch_error *err);

static ch_status read_names(const ch_value *value, ch_name_taker take, ch_error *err)
{
    size_t count = 0;
    CH_TRY(ch_load_count(value->node, &count, err));
    for (size_t i = 0; i < count; i++) {
        const ch_yaml *node = ch_load_item(value->node, i);
        const char *name = NULL;
        CH_TRY(ch_yaml_text(node, &name, err));
        CH_TRY(take(value, node, name, err));
    }
    return CH_OK;
}

/* In what narrows, a selector for everything is one that should not be there: it leaves out what has no such fact. */
static ch_status check_any(const ch_value *value, ch_error *err)
{
    if (((const ch_entry_rule *)value->out)->verb == CH_VERB_ALLOW)
        return CH_OK;
    return ch_yaml_fail(value->node, err, "'any' is for an allow; without '%s' this entry is for all", value->name);
}

/* ---- callers ---- */

static ch_status take_caller(const ch_value *value, const ch_yaml *node, const char *name, ch_error *err)
{
    const ch_policy_loader *load = value->context;
    ch_entry_rule *entry = value->out;
    const ch_name_row *row = ch_names_find(&load->callers, name);
    if (row == NULL)
        return ch_yaml_fail(node, err, "there is no caller '%s'; correct the name, or add it to 'callers'", name);
    if (load->policy->callers[row->index].role == CH_CALLER_FEED)
        return ch_yaml_fail(
            node, err, "caller '%s' is a feed, which reports prices and has nothing signed; name another caller", name);
    if (load->policy->callers[row->index].role == CH_CALLER_RELAY)
        return ch_yaml_fail(
            node, err,
            "caller '%s' is a relay, which asks for others and never for itself; name the callers that it "
            "speaks for",
            name);
    ch_set_add(entry->selector.callers.bits, row->index);
    return CH_OK;
}

ch_status ch_select_callers(const ch_value *value, ch_error *err)
{
    ch_entry_rule *entry = value->out;
    if (is_any(value->node))
        return CH_OK;
    entry->selector.is_any_caller = false;
    return read_names(value, take_caller, err);
}

/* ---- keys ---- */

void ch_find_profiles(ch_policy_loader *load, const ch_selector *selector)
{
    for (size_t i = 0; i < load->policy->profile_count; i++)
        load->takes[i] = selector->is_any_key;
    for (size_t i = 0; !selector->is_any_key && i < load->policy->key_count; i++) {
        if (ch_set_has(selector->keys, i))
            load->takes[load->profile_of_key[i]] = true;
    }
}

static ch_status take_key(const ch_value *value, const ch_yaml *node, const char *name, ch_error *err)
{
    const ch_policy_loader *load = value->context;
    ch_entry_rule *entry = value->out;
    const ch_key *key = ch_policy_find_key(load->policy, ch_slice_of(name));
    if (key == NULL)
        return ch_yaml_fail(node, err, "there is no key '%s'; correct the name, or add it to 'keys'", name);
    ch_set_add(entry->selector.keys, ch_policy_key_index(load->policy, key));
    return CH_OK;
}

/* The profiles of the entry's keys are known from here on. */
ch_status ch_select_keys(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_selector *selector = &((ch_entry_rule *)value->out)->selector;
    if (!is_any(value->node)) {
        selector->is_any_key = false;
        selector->keys = ch_alloc(load->policy->key_words * sizeof *selector->keys);
        CH_TRY(read_names(value, take_key, err));
    }
    ch_find_profiles(load, selector);
    return CH_OK;
}

void ch_select_all(ch_policy_loader *load, ch_selector *selector)
{
    selector->is_any_caller = true;
    selector->is_any_key = true;
    ch_find_profiles(load, selector);
}

/* ---- accounts ---- */

/* Adds the keys of an account to the set. */
static void add_keys(const ch_policy *policy, size_t account, uint64_t *keys)
{
    for (size_t i = 0; i < policy->key_count; i++) {
        if (policy->keys[i].account == account)
            ch_set_add(keys, i);
    }
}

/* By its name; a key that names no account is one of its own. */
static bool find_account(const ch_policy_loader *load, const char *name, size_t *out)
{
    const ch_name_row *row = ch_names_find(&load->accounts, name);
    const ch_key *key = ch_policy_find_key(load->policy, ch_slice_of(name));
    if (row != NULL)
        *out = row->index;
    else if (key != NULL)
        *out = key->account;
    return row != NULL || (key != NULL && strcmp(load->policy->accounts[key->account].name, name) == 0);
}

static ch_status read_accounts(const ch_value *value, uint64_t *keys, ch_error *err)
{
    const ch_policy_loader *load = value->context;
    size_t count = 0;
    CH_TRY(ch_load_count(value->node, &count, err));
    for (size_t i = 0; i < count; i++) {
        const ch_yaml *node = ch_load_item(value->node, i);
        const char *name = NULL;
        size_t account = 0;
        CH_TRY(ch_yaml_text(node, &name, err));
        if (!find_account(load, name, &account))
            return ch_yaml_fail(node, err, "there is no account '%s'; correct the name, or add it to 'accounts'", name);
        add_keys(load->policy, account, keys);
    }
    return CH_OK;
}

/* Accounts stand for their keys, and leave of those that are named the ones of these accounts. */
ch_status ch_select_accounts(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_selector *selector = &((ch_entry_rule *)value->out)->selector;
    size_t words = load->policy->key_words;
    ch_autofree uint64_t *keys = ch_alloc(words * sizeof *keys);
    bool is_empty = true;
    CH_TRY(read_accounts(value, keys, err));
    for (size_t i = 0; i < words; i++) {
        keys[i] &= selector->is_any_key ? UINT64_MAX : selector->keys[i];
        is_empty = is_empty && keys[i] == 0;
    }
    if (is_empty)
        return ch_yaml_fail(value->node, err, "none of the keys of this entry is of that account; correct one of them");
    free(selector->keys);
    selector->keys = keys;
    keys = NULL;
    selector->is_any_key = false;
    ch_find_profiles(load, selector);
    return CH_OK;
}

/* ---- classes, endpoints ---- */

ch_status ch_select_classes(const ch_value *value, ch_error *err)
{
    ch_entry_rule *entry = value->out;
    CH_TRY(ch_classes_read(value->node, &entry->selector.classes, err));
    if (entry->selector.classes == 0)
        return ch_yaml_fail(value->node, err, "this list is empty; delete it, or say what is meant");
    return CH_OK;
}

static void add_endpoint(ch_selector *selector, const ch_endpoint *endpoint)
{
    if ((selector->endpoint_count & (selector->endpoint_count - 1)) == 0)
        selector->endpoints =
            ch_realloc_array(selector->endpoints, 2 * selector->endpoint_count + 1, sizeof(const ch_endpoint *));
    selector->endpoints[selector->endpoint_count++] = endpoint;
}

/* True if `text` is "METHOD /path" of the endpoint; '*' in it stands for any characters if it is a pattern. */
static bool is_endpoint(const ch_endpoint *endpoint, const char *text, bool is_pattern, ch_buffer *scratch)
{
    const char *method = ch_endpoint_method(endpoint);
    size_t size = strlen(method);
    if (!is_pattern)
        return strncmp(text, method, size) == 0 && text[size] == ' ' &&
               strcmp(text + size + 1, ch_endpoint_path(endpoint)) == 0;
    ch_buffer_clear(scratch);
    ch_buffer_add_text(scratch, method);
    ch_buffer_add_byte(scratch, ' ');
    ch_buffer_add_text(scratch, ch_endpoint_path(endpoint));
    return ch_pattern_fits(text, ch_buffer_slice(scratch));
}

static void add_endpoints(const ch_policy_loader *load, ch_selector *selector, const char *text)
{
    bool is_pattern = strchr(text, '*') != NULL;
    ch_autobuffer scratch = CH_BUFFER_INIT;
    const ch_endpoint *endpoint;
    for (size_t i = 0; i < load->policy->profile_count; i++) {
        for (size_t k = 0; load->takes[i] && (endpoint = ch_profile_endpoint_at(load->policy->profiles[i], k)) != NULL;
             k++) {
            if (is_endpoint(endpoint, text, is_pattern, &scratch))
                add_endpoint(selector, endpoint);
        }
    }
}

static ch_status take_endpoint(const ch_value *value, const ch_yaml *node, const char *name, ch_error *err)
{
    const ch_policy_loader *load = value->context;
    ch_entry_rule *entry = value->out;
    size_t before = entry->selector.endpoint_count;
    if (entry->verb == CH_VERB_ALLOW && strchr(name, '*') != NULL)
        return ch_yaml_fail(node, err,
                            "'%s' would allow what a later profile has under such a path; write each endpoint, as in "
                            "\"POST /api/v3/order\"",
                            name);
    add_endpoints(load, &entry->selector, name);
    if (entry->selector.endpoint_count == before)
        return ch_yaml_fail(node, err,
                            "no key of this entry has the endpoint '%s'; write \"METHOD /path\" as the key's profile "
                            "does",
                            name);
    return CH_OK;
}

static int compare_addresses(const void *a, const void *b)
{
    const ch_endpoint *one = *(const ch_endpoint *const *)a;
    const ch_endpoint *other = *(const ch_endpoint *const *)b;
    return ((uintptr_t)one > (uintptr_t)other) - ((uintptr_t)one < (uintptr_t)other);
}

ch_status ch_select_endpoints(const ch_value *value, ch_error *err)
{
    ch_selector *selector = &((ch_entry_rule *)value->out)->selector;
    size_t kept = 0;
    selector->has_endpoints = true;
    CH_TRY(read_names(value, take_endpoint, err));
    qsort(selector->endpoints, selector->endpoint_count, sizeof *selector->endpoints, compare_addresses);
    for (size_t i = 1; i < selector->endpoint_count; i++) {
        if (selector->endpoints[i] != selector->endpoints[kept])
            selector->endpoints[++kept] = selector->endpoints[i];
    }
    selector->endpoint_count = kept + 1;
    return CH_OK;
}

/* ---- markets, settings, assets ---- */

ch_status ch_select_markets(const ch_value *value, ch_error *err)
{
    static const ch_field field = {.size = sizeof(unsigned), .words = &ch_market_words};
    ch_selector *selector = &((ch_entry_rule *)value->out)->selector;
    selector->is_any_market = is_any(value->node);
    if (selector->is_any_market)
        return check_any(value, err);
    const ch_value markets = {value->node, value->name, &field, &selector->markets, NULL};
    return ch_field_words(&markets, err);
}

static ch_status take_setting(const ch_value *value, const ch_yaml *node, const char *name, ch_error *err)
{
    const ch_policy_loader *load = value->context;
    ch_entry_rule *entry = value->out;
    bool is_known = load->policy->profile_count == 0;
    for (size_t i = 0; i < load->policy->profile_count; i++)
        is_known = is_known || (load->takes[i] && ch_profile_has_setting(load->policy->profiles[i], ch_slice_of(name)));
    if (!is_known)
        return ch_yaml_fail(
            node, err, "no key of this entry can make a setting '%s'; correct the name (leverage, margin-mode, ...)",
            name);
    char *folded = ch_strdup(name);
    for (char *at = folded; *at != '\0'; at++)
        *at = (char)(*at == '_' ? '-' : *at >= 'A' && *at <= 'Z' ? *at + ('a' - 'A') : *at);
    ch_text_list_add(&entry->selector.settings, folded);
    return CH_OK;
}

ch_status ch_select_settings(const ch_value *value, ch_error *err)
{
    CH_TRY(read_names(value, take_setting, err));
    ch_text_list_sort(&((ch_entry_rule *)value->out)->selector.settings);
    return CH_OK;
}

/* What narrows one name of an asset narrows all that the exchange has for it. */
static void add_usual_names(const ch_policy_loader *load, ch_entry_rule *entry, const char *asset)
{
    for (size_t i = 0; entry->verb != CH_VERB_ALLOW && i < load->policy->profile_count; i++) {
        ch_slice usual = ch_symbol_asset(load->policy->profiles[i], ch_slice_of(asset));
        if (load->takes[i])
            ch_text_list_add(&entry->selector.usual_assets, ch_slice_strdup(usual));
    }
}

static ch_status take_asset(const ch_value *value, const ch_yaml *node, const char *name, ch_error *err)
{
    static const ch_field field = {.size = sizeof(char *)};
    char *asset = NULL;
    (void)name;
    const ch_value one = {node, value->name, &field, &asset, NULL};
    CH_TRY(ch_field_asset(&one, err));
    add_usual_names(value->context, value->out, asset);
    ch_text_list_add(&((ch_entry_rule *)value->out)->selector.assets, asset);
    return CH_OK;
}

ch_status ch_select_assets(const ch_value *value, ch_error *err)
{
    CH_TRY(read_names(value, take_asset, err));
    ch_text_list_sort(&((ch_entry_rule *)value->out)->selector.assets);
    return CH_OK;
}

/* ---- addresses ---- */

static ch_status take_address(const ch_value *value, const ch_yaml *node, const char *name, ch_error *err)
{
    const ch_policy_loader *load = value->context;
    ch_entry_rule *entry = value->out;
    const ch_name_row *row = ch_names_find(&load->addresses, name);
    if (row == NULL)
        return ch_yaml_fail(node, err, "there is no address '%s'; correct the name, or add it to 'addresses'", name);
    ch_set_add(entry->selector.to, row->index);
    return CH_OK;
}

ch_status ch_select_addresses(const ch_value *value, ch_error *err)
{
    const ch_policy_loader *load = value->context;
    ch_selector *selector = &((ch_entry_rule *)value->out)->selector;
    selector->is_any_address = is_any(value->node);
    if (selector->is_any_address)
        return check_any(value, err);
    selector->to = ch_alloc((load->policy->address_count / 64 + 1) * sizeof *selector->to);
    return read_names(value, take_address, err);
}

/* ---- time ---- */

static ch_status take_hours(const ch_value *value, const ch_yaml *node, const char *name, ch_error *err)
{
    ch_hours *hours = &((ch_entry_rule *)value->out)->selector.hours;
    ch_error reason = CH_ERROR_INIT;
    hours->spans = ch_realloc_array(hours->spans, hours->count + 1, sizeof *hours->spans);
    hours->spans[hours->count] = (ch_span){0};
    if (ch_span_read(name, &hours->spans[hours->count++], &reason) != CH_OK)
        return ch_yaml_fail(node, err, "%s", reason.message);
    return CH_OK;
}

ch_status ch_select_hours(const ch_value *value, ch_error *err)
{
    return read_names(value, take_hours, err);
}

/* From then on the entry does not hold. */
ch_status ch_select_expiry(const ch_value *value, ch_error *err)
{
    ch_entry_rule *entry = value->out;
    return ch_load_moment(value->node, &entry->selector.expires_ns, err);
}
