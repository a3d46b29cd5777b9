/* A selector is a row. What is not given is all, but an allow's types and items, which have a default. */
#include "policy/differences_impl.h"

#include "base/bits.h"
#include "base/memory.h"
#include "exchange/class.h"
#include "policy/reach.h"

#include <stdlib.h>
#include <string.h>

static void add(ch_said_set *out, const char *text)
{
    out->texts.items = ch_realloc_array(out->texts.items, out->texts.count + 1, sizeof *out->texts.items);
    out->texts.items[out->texts.count++] = ch_strdup(text);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

ch_said_set ch_said_list(const ch_said_row *row, const ch_said *said)
{
    ch_said_set set = {0};
    row->list(said, &set);
    if (set.texts.count > 0)
        qsort(set.texts.items, set.texts.count, sizeof *set.texts.items, compare_texts);
    return set;
}

void ch_said_set_free(ch_said_set *set)
{
    for (size_t i = 0; i < set->texts.count; i++)
        free(set->texts.items[i]);
    free(set->texts.items);
}

bool ch_said_set_has(const ch_said_set *set, const char *text)
{
    return set->is_all || (set->texts.count > 0 && bsearch(&text, set->texts.items, set->texts.count,
                                                           sizeof *set->texts.items, compare_texts) != NULL);
}

bool ch_said_set_is_part(const ch_said_set *part, const ch_said_set *whole)
{
    if (part->is_all)
        return whole->is_all;
    for (size_t i = 0; i < part->texts.count; i++) {
        if (!ch_said_set_has(whole, part->texts.items[i]))
            return false;
    }
    return true;
}

/* ---- selectors ---- */

static void add_words(ch_said_set *out, ch_fact_name fact, const char *const *words, unsigned bits)
{
    out->is_all = bits == 0;
    for (size_t i = 0; words[i] != NULL; i++) {
        if ((bits & ch_fact_word_bit(fact, ch_slice_of(words[i]))) != 0)
            add(out, words[i]);
    }
}

static void add_list(ch_said_set *out, const ch_text_list *list)
{
    out->is_all = list->count == 0;
    for (size_t i = 0; i < list->count; i++)
        add(out, list->items[i]);
}

static void list_callers(const ch_said *said, ch_said_set *out)
{
    const ch_selector *selector = &said->entry->selector;
    out->is_all = selector->is_any_caller;
    for (size_t i = 0; !out->is_all && i < said->policy->caller_count; i++) {
        if (ch_caller_set_has(&selector->callers, i))
            add(out, said->policy->callers[i].name);
    }
}

static void list_keys(const ch_said *said, ch_said_set *out)
{
    const ch_selector *selector = &said->entry->selector;
    out->is_all = selector->is_any_key;
    for (size_t i = 0; !out->is_all && i < said->policy->key_count; i++) {
        if (ch_set_has(selector->keys, i))
            add(out, said->policy->keys[i].name);
    }
}

static void list_classes(const ch_said *said, ch_said_set *out)
{
    unsigned classes = said->entry->selector.classes;
    out->is_all = classes == 0;
    for (unsigned i = 0; i < CH_CLASS_COUNT; i++) {
        if ((classes >> i & 1) != 0)
            add(out, ch_class_name((ch_class)i));
    }
}

static void list_endpoints(const ch_said *said, ch_said_set *out)
{
    const ch_selector *selector = &said->entry->selector;
    out->is_all = !selector->has_endpoints;
    for (size_t i = 0; i < selector->endpoint_count; i++) {
        ch_autobuffer text = CH_BUFFER_INIT;
        ch_buffer_add_format(&text, "%s %s", ch_endpoint_method(selector->endpoints[i]),
                             ch_endpoint_path(selector->endpoints[i]));
        add(out, ch_buffer_text(&text));
    }
}

static void list_markets(const ch_said *said, ch_said_set *out)
{
    static const char *const words[] = {"spot", "margin", "linear", "inverse", "option", NULL};
    add_words(out, CH_FACT_MARKET, words, said->entry->selector.is_any_market ? 0 : said->entry->selector.markets);
}

static void list_symbols(const ch_said *said, ch_said_set *out)
{
    add_list(out, &said->entry->selector.symbols);
}

static void list_sides(const ch_said *said, ch_said_set *out)
{
    static const char *const words[] = {"buy", "sell", NULL};
    add_words(out, CH_FACT_SIDE, words, said->entry->selector.sides);
}

static void list_types(const ch_said *said, ch_said_set *out)
{
    static const char *const words[] = {
        "market",   "limit",          "limit-maker", "stop", "stop-limit", "take-profit", "take-profit-limit",
        "trailing", "trailing-limit", "twap",        "vwap", NULL};
    bool is_allow = said->entry->verb == CH_VERB_ALLOW;
    add_words(out, CH_FACT_TYPE, words, is_allow ? ch_allow_types(said->entry) : said->entry->selector.types);
}

static void list_times(const ch_said *said, ch_said_set *out)
{
    static const char *const words[] = {"gtc", "gtd", "day", "ioc", "fok", NULL};
    add_words(out, CH_FACT_TIME_IN_FORCE, words, said->entry->selector.times);
}

static void list_items(const ch_said *said, ch_said_set *out)
{
    unsigned items = said->entry->selector.items;
    if (items == 0 && said->entry->verb == CH_VERB_ALLOW)
        items = ((1U << CH_ITEM_KIND_COUNT) - 1) & ~(1U << CH_ITEM_BORROW);
    out->is_all = items == 0;
    for (unsigned i = 0; i < CH_ITEM_KIND_COUNT; i++) {
        if ((items >> i & 1) != 0)
            add(out, ch_item_kind_name((ch_item_kind)i));
    }
}

static void list_settings(const ch_said *said, ch_said_set *out)
{
    add_list(out, &said->entry->selector.settings);
}

static void list_addresses(const ch_said *said, ch_said_set *out)
{
    const ch_selector *selector = &said->entry->selector;
    out->is_all = selector->to == NULL || selector->is_any_address;
    for (size_t i = 0; !out->is_all && i < said->policy->address_count; i++) {
        if (ch_set_has(selector->to, i))
            add(out, said->policy->addresses[i].name);
    }
}

static void list_assets(const ch_said *said, ch_said_set *out)
{
    add_list(out, &said->entry->selector.assets);
}

/* Of an allow: by which of them it is held. */
static void list_limits(const ch_said *said, ch_said_set *out)
{
    for (size_t i = 0; i < said->entry->limit_count; i++)
        add(out, said->policy->entries[said->entry->limits[i]].name);
}

/* clang-format off */
static const ch_said_row rows[] = {
    /* name             lists            more of it narrows */
    { "callers",        list_callers,    false },
    { "keys",           list_keys,       false },
    { "classes",        list_classes,    false },
    { "endpoints",      list_endpoints,  false },
    { "markets",        list_markets,    false },
    { "symbols",        list_symbols,    false },
    { "sides",          list_sides,      false },
    { "types",          list_types,      false },
    { "time_in_force",  list_times,      false },
    { "items",          list_items,      false },
    { "settings",       list_settings,   false },
    { "to",             list_addresses,  false },
    { "assets",         list_assets,     false },
    { "limits",         list_limits,     true },
};
/* clang-format on */

const ch_said_row *ch_said_row_at(size_t index)
{
    return index < sizeof rows / sizeof *rows ? &rows[index] : NULL;
}
