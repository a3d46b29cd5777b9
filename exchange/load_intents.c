/* An endpoint that says what it means must say so of every parameter that it takes: what is overlooked here would be
 * missing from what policy judges. */
#include "exchange/load_intents.h"

#include "base/memory.h"
#include "exchange/load_meanings.h"
#include "exchange/loader.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 16

/* ---- items ---- */

static ch_status read_kind(const ch_yaml *node, const char *text, ch_item_def *item, ch_error *err)
{
    item->is_amendment = strcmp(text, "amend") == 0;
    item->kind = item->is_amendment ? CH_ITEM_ORDER : 0;
    while (!item->is_amendment && item->kind < CH_ITEM_KIND_COUNT && strcmp(ch_item_kind_name(item->kind), text) != 0)
        item->kind++;
    if (item->kind < CH_ITEM_KIND_COUNT)
        return CH_OK;
    return ch_yaml_fail(
        node, err, "unknown kind of item '%s'; use order, amend, cancel, transfer, withdrawal, borrow, setting or read",
        text);
}

static ch_status read_constant(ch_loader *load, const ch_yaml *map, size_t at, ch_item_def *item, ch_error *err)
{
    const char *key = ch_yaml_key_at(map, at);
    const ch_yaml *node = ch_yaml_value_at(map, at);
    const char *word = NULL;
    if (strcmp(key, "leg") == 0)
        return ch_leg_read(load->profile, node, &item->leg, err);
    if (strcmp(key, "shares") == 0)
        return ch_facts_read(node, &item->shares, err);
    CH_TRY(ch_yaml_text(node, &word, err));
    if (strcmp(key, "side") == 0 && strcmp(word, "opposite") == 0) {
        item->is_opposite = true;
        return CH_OK;
    }
    return ch_saying_read(map, at, &item->constants, err);
}

static ch_status check_facts(const ch_yaml *map, const ch_item_def *item, ch_error *err)
{
    ch_facts facts = ch_sayings_facts(&item->constants) | item->shares;
    if ((facts & ~ch_item_kind_facts(item->kind)) != 0)
        return ch_yaml_fail(map, err, "items of kind %s don't have all these facts", ch_item_kind_name(item->kind));
    if (item->leg == 0 && (item->shares != 0 || item->is_opposite))
        return ch_yaml_fail(map, err, "only a leg has something from the request itself; name its 'leg'");
    return CH_OK;
}

/* A kind alone, or a map of one kind to its constants. */
static ch_status read_item(const ch_value *value, ch_error *err)
{
    ch_item_def *item = value->out;
    const char *kind = NULL;
    if (ch_yaml_kind_of(value->node) == CH_YAML_SCALAR) {
        CH_TRY(ch_yaml_text(value->node, &kind, err));
        return read_kind(value->node, kind, item, err);
    }
    CH_TRY(ch_yaml_expect_map(value->node, err));
    if (ch_yaml_count(value->node) != 1)
        return ch_yaml_fail(value->node, err, "write an item as one kind and its facts: { order: { market: spot } }");
    CH_TRY(read_kind(value->node, ch_yaml_key_at(value->node, 0), item, err));
    const ch_yaml *constants = ch_yaml_value_at(value->node, 0);
    CH_TRY(ch_yaml_expect_map(constants, err));
    for (size_t i = 0; i < ch_yaml_count(constants); i++)
        CH_TRY(read_constant(value->context, constants, i, item, err));
    return check_facts(constants, item, err);
}

ch_status ch_intent_read_items(const ch_value *value, ch_error *err)
{
    static const ch_entries items = {
        "item", CH_YAML_LIST, 1, ITEMS_MAX, {.read = read_item, .size = sizeof(ch_item_def)}
    };
    ch_endpoint *endpoint = value->out;
    bool is_list = ch_yaml_kind_of(value->node) == CH_YAML_LIST;
    endpoint->items = ch_alloc((is_list ? ch_yaml_count(value->node) : 1) * sizeof *endpoint->items);
    if (is_list)
        return ch_entries_read(value->node, &items, endpoint->items, &endpoint->item_count, value->context, err);
    ch_value only = *value;
    only.out = endpoint->items;
    endpoint->item_count = 1;
    return read_item(&only, err);
}

ch_status ch_uses_read(const ch_value *value, ch_error *err)
{
    static const ch_word words[] = {
        {"once",   CH_USES_ONCE  },
        {"window", CH_USES_WINDOW},
    };
    static const ch_words uses = CH_WORDS("number of uses", words);
    uint64_t read = 0;
    CH_TRY(ch_words_read(&uses, value->node, &read, err));
    *(ch_uses *)value->out = (ch_uses)read;
    return CH_OK;
}

void ch_intent_free_items(ch_endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->item_count; i++)
        ch_sayings_free(&endpoint->items[i].constants);
    free(endpoint->items);
}

/* ---- what must hold of parameters ---- */

static bool is_within(const ch_profile *profile, uint8_t leg, uint8_t outer)
{
    while (leg != 0 && leg != outer)
        leg = profile->legs[leg - 1].within;
    return leg == outer;
}

/* The facts that a parameter of that leg can state of some item; `*is_any`: there is an item that takes it. */
static ch_facts facts_of_leg(const ch_endpoint *endpoint, uint8_t leg, bool *is_any)
{
    ch_facts facts = 0;
    for (size_t i = 0; i < endpoint->item_count; i++) {
        const ch_item_def *item = &endpoint->items[i];
        ch_facts all = ch_item_kind_facts(item->kind);
        bool is_own = leg == item->leg || (leg != 0 && is_within(endpoint->profile, item->leg, leg));
        *is_any |= is_own || leg == 0;
        if (is_own)
            facts |= all;
        else if (leg == 0)
            facts |= ch_item_shares(item) & all;
    }
    return facts;
}

static ch_status check_param(const ch_yaml *map, const ch_endpoint *endpoint, const ch_param_def *def, uint8_t leg,
                             ch_error *err);

static ch_status check_held(const ch_yaml *map, const ch_endpoint *endpoint, const ch_param_def *def, uint8_t leg,
                            ch_error *err)
{
    if (def->type == CH_TYPE_LIST)
        return check_param(map, endpoint, def->items, leg, err);
    for (size_t i = 0; i < def->members.count; i++)
        CH_TRY(check_param(map, endpoint, def->members.params[i].def, leg, err));
    return CH_OK;
}

static ch_status check_meaning(const ch_yaml *map, const ch_endpoint *endpoint, const ch_param_def *def, uint8_t leg,
                               ch_error *err)
{
    bool is_any = false;
    ch_facts has = facts_of_leg(endpoint, leg, &is_any);
    ch_facts lacks = ch_meaning_facts(def->meaning) & ~has;
    if (!is_any)
        return ch_yaml_fail(map, err, "'%s' belongs to leg '%s', and no item of this call does", def->name,
                            endpoint->profile->legs[leg - 1].name);
    for (ch_fact_name i = 0; i < CH_FACT_COUNT && !def->meaning->is_detail; i++) {
        if ((lacks & CH_FACT_BIT(i)) != 0)
            return ch_yaml_fail(map, err, "'%s' says %s, which no item of this call has; make it a detail besides",
                                def->name, ch_fact_name_text(i));
    }
    return CH_OK;
}

/* Calls itself once for each level of the definition, of which there are at most CH_PARAM_DEPTH_MAX. */
static ch_status check_param(const ch_yaml *map, const ch_endpoint *endpoint, const ch_param_def *def, uint8_t leg,
                             ch_error *err)
{
    uint8_t own = def->meaning != NULL && def->meaning->leg != 0 ? def->meaning->leg : leg;
    if (ch_param_is_spread(def))
        return check_held(map, endpoint, def, own, err);
    if (def->meaning != NULL && def->meaning->neutral != NULL)
        return CH_OK;
    if (def->meaning == NULL || (ch_meaning_facts(def->meaning) == 0 && !def->meaning->is_detail))
        return ch_yaml_fail(map, err,
                            "the call has an intent, so '%s' must say what it means: a role, says, means, hides, "
                            "detail: true, or neutral with the reason",
                            def->name);
    return check_meaning(map, endpoint, def, own, err);
}

ch_status ch_intent_check_params(const ch_yaml *map, const ch_endpoint *endpoint, ch_error *err)
{
    if (endpoint->item_count == 0)
        return CH_OK;
    for (size_t i = 0; i < endpoint->params.count; i++)
        CH_TRY(check_param(map, endpoint, endpoint->params.params[i].def, 0, err));
    for (size_t i = 0; i < endpoint->part_count; i++) {
        if (endpoint->parts[i].def != NULL)
            CH_TRY(check_param(map, endpoint, endpoint->parts[i].def, 0, err));
    }
    return CH_OK;
}
