/* A listing is what a pattern in an allow expands to, once, so that what the exchange lists tomorrow is not allowed
 * today. If it stands in a file of its own, that file is part of the policy, and of its hash. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "base/paths.h"
#include "conf/fields.h"
#include "conf/yaml.h"
#include "exchange/profile.h"

#include <stdlib.h>
#include <string.h>

#define SYMBOL_MAX 64

static ch_status add_symbol(const ch_yaml *node, ch_listing *listing, ch_slice text, ch_error *err)
{
    static const char unwanted[] = "*, \"'";
    bool is_symbol = text.size > 0 && text.size <= SYMBOL_MAX && ch_slice_is_text(text);
    for (const char *at = unwanted; *at != '\0'; at++)
        is_symbol = is_symbol && ch_slice_find(text, (uint8_t)*at) == NULL;
    if (!is_symbol)
        return ch_yaml_fail(node, err,
                            "'%.*s' in the listing of '%s' is no symbol; write one a line, as the exchange does",
                            CH_SLICE_ARGS(text), listing->profile);
    ch_autofree char *symbol = ch_slice_strdup(text);
    ch_text_list_add(&listing->symbols, ch_upper(symbol));
    return CH_OK;
}

/* ---- a file of lines ---- */

static ch_slice next_line(ch_slice *rest)
{
    const uint8_t *end = ch_slice_find(*rest, '\n');
    ch_slice line = {rest->data, end == NULL ? rest->size : (size_t)(end - rest->data)};
    *rest = ch_slice_after(*rest, end == NULL ? rest->size : line.size + 1);
    while (line.size > 0 && strchr(" \t\r", line.data[line.size - 1]) != NULL)
        line.size--;
    return line;
}

static ch_status read_lines(const ch_yaml *node, ch_listing *listing, ch_slice rest, ch_error *err)
{
    while (rest.size > 0) {
        ch_slice line = next_line(&rest);
        if (line.size > 0 && line.data[0] != '#')
            CH_TRY(add_symbol(node, listing, line, err));
    }
    return CH_OK;
}

static ch_status read_file(ch_policy_loader *load, const ch_yaml *node, ch_listing *listing, ch_error *err)
{
    const char *name = NULL;
    ch_autobuffer bytes = CH_BUFFER_INIT;
    CH_TRY(ch_yaml_text(node, &name, err));
    ch_autofree char *path = ch_path_beside(ch_yaml_path(node), name);
    ch_error reason = CH_ERROR_INIT;
    if (ch_yaml_read(path, load->source->is_elsewhere, &bytes, &reason) != CH_OK)
        return ch_yaml_fail(node, err, "%s", reason.message);
    if (bytes.size > CH_YAML_SIZE_MAX)
        return ch_yaml_fail(node, err, "%s is larger than 4 MiB", path);
    ch_load_count_bytes(load, ch_buffer_slice(&bytes));
    return read_lines(node, listing, ch_buffer_slice(&bytes), err);
}

/* ---- the section ---- */

static ch_status read_items(const ch_yaml *node, ch_listing *listing, ch_error *err)
{
    for (size_t i = 0; i < ch_yaml_count(node); i++) {
        const char *text = NULL;
        CH_TRY(ch_yaml_text(ch_yaml_item(node, i), &text, err));
        CH_TRY(add_symbol(ch_yaml_item(node, i), listing, ch_slice_of(text), err));
    }
    return CH_OK;
}

static ch_status check_first(const ch_policy_loader *load, const ch_listing *listing, ch_error *err)
{
    for (const ch_listing *other = load->listings; other != listing; other++) {
        if (strcmp(other->profile, listing->profile) == 0)
            return ch_yaml_fail(listing->node, err, "'%s' is there already, at %s:%u; join the two", listing->profile,
                                ch_yaml_path(other->node), ch_yaml_line(other->node));
    }
    return CH_OK;
}

static ch_status read_listing(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_listing *listing = value->out;
    listing->node = value->node;
    listing->profile = ch_strdup(value->name);
    CH_TRY(check_first(load, listing, err));
    if (ch_yaml_kind_of(value->node) == CH_YAML_SCALAR) {
        CH_TRY(read_file(load, value->node, listing, err));
    } else {
        CH_TRY(ch_yaml_expect_list(value->node, err));
        CH_TRY(read_items(value->node, listing, err));
    }
    if (listing->symbols.count == 0)
        return ch_yaml_fail(value->node, err, "the listing of '%s' is empty; delete it, or add symbols", value->name);
    ch_text_list_sort(&listing->symbols);
    return CH_OK;
}

static const ch_entries listings = {
    "listing", CH_YAML_MAP, 0, 0, {.read = read_listing, .size = sizeof(ch_listing)}
};

ch_status ch_load_listings(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    return ch_load_append(value, &listings, &load->listings, &load->listing_count, err);
}

const ch_listing *ch_listing_of(const ch_policy_loader *load, size_t profile)
{
    const char *name = ch_profile_name(load->policy->profiles[profile]);
    for (size_t i = 0; i < load->listing_count; i++) {
        if (strcmp(load->listings[i].profile, name) == 0)
            return &load->listings[i];
    }
    return NULL;
}

static bool is_used(const ch_policy_loader *load, const ch_listing *listing)
{
    for (size_t i = 0; i < load->policy->profile_count; i++) {
        if (ch_listing_of(load, i) == listing)
            return true;
    }
    return false;
}

ch_status ch_finish_listings(ch_policy_loader *load, ch_error *err)
{
    for (size_t i = 0; i < load->listing_count; i++) {
        const ch_listing *listing = &load->listings[i];
        if (!is_used(load, listing))
            return ch_yaml_fail(listing->node, err,
                                "no key here has the profile '%s'; correct the name, or delete this", listing->profile);
    }
    return CH_OK;
}

void ch_listings_free(ch_policy_loader *load)
{
    for (size_t i = 0; i < load->listing_count; i++) {
        ch_listing *listing = &load->listings[i];
        for (size_t k = 0; k < listing->symbols.count; k++)
            free(listing->symbols.items[k]);
        free(listing->symbols.items);
        free(listing->profile);
    }
    free(load->listings);
}
