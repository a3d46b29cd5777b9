#include "cli/exposure_json.h"

#include "cli/jansson.h"
#include "cli/policy_file.h"
#include "exchange/facts.h"
#include "policy/scope.h"

static const char *const horizon_names[CH_HORIZON_COUNT] = {"hour", "day"};
static const char *const exposed_names[CH_EXPOSED_COUNT] = {"value", "loss", "fees"};

static json_t *texts_json(const ch_text_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, ch_jansson_text(list->items[i]));
    return array;
}

static json_t *bound_json(const ch_bound *bound)
{
    json_t *sums = json_array();
    for (size_t i = 0; i < bound->sum_count; i++)
        json_array_append_new(sums, json_pack("{s:o s:o}", "amount", ch_decimal_json(bound->sums[i].amount), "asset",
                                              ch_jansson_text(bound->sums[i].asset)));
    return json_pack("{s:b s:o s:o s:o}", "bounded", (int)!bound->is_unbounded, "at_most", sums, "limits",
                     texts_json(&bound->limits), "unbounded_because", texts_json(&bound->open));
}

static json_t *bounds_json(const ch_bound bounds[CH_HORIZON_COUNT])
{
    json_t *both = json_object();
    for (ch_horizon h = 0; h < CH_HORIZON_COUNT; h++)
        json_object_set_new(both, horizon_names[h], bound_json(&bounds[h]));
    return both;
}

static json_t *way_json(const ch_way *way)
{
    json_t *kinds = json_array();
    json_t *gated = json_object();
    for (unsigned kind = 0; kind < CH_ITEM_KIND_COUNT; kind++) {
        if ((way->kinds >> kind & 1) == 0)
            continue;
        json_array_append_new(kinds, json_string(ch_item_kind_name((ch_item_kind)kind)));
        if (way->gate[kind] != NULL)
            json_object_set_new(gated, ch_item_kind_name((ch_item_kind)kind), ch_jansson_text(way->gate[kind]->name));
    }
    size_t caller = way->reach.caller;
    json_t *stray = json_array();
    for (unsigned class_ = 0; class_ < CH_CLASS_COUNT; class_++) {
        if ((way->stray >> class_ & 1) != 0)
            json_array_append_new(stray, json_string(ch_class_name((ch_class)class_)));
    }
    return json_pack("{s:s s:o s:s s:s s:o s:o s:o s:i s:i s:i s:b s:o}", "allow", way->reach.allow->name, "caller",
                     caller == CH_NO_CALLER ? json_null() : ch_jansson_text(way->reach.policy->callers[caller].name),
                     "key", ch_way_key(way)->name, "account", ch_way_account(way)->name, "items", kinds, "symbols",
                     texts_json(&way->reach.allow->selector.symbols), "needs", gated, "uses_counted", (int)way->uses,
                     "uses_possible", (int)way->true_uses, "valid_ms", (int)(way->valid_ns / 1000000), "by_relay",
                     (int)way->is_by_relay, "good_elsewhere_for", stray);
}

json_t *ch_exposure_json(const ch_exposure *exposure, const char *caller)
{
    static const ch_item_kind moving[] = {CH_ITEM_WITHDRAWAL, CH_ITEM_TRANSFER, CH_ITEM_BORROW};
    unsigned kinds = 0;
    json_t *object = json_pack("{s:o}", "caller", caller == NULL ? json_null() : ch_jansson_text(caller));
    json_t *ways = json_array();
    for (size_t i = 0; i < exposure->way_count; i++) {
        kinds |= exposure->ways[i].kinds;
        json_array_append_new(ways, way_json(&exposure->ways[i]));
    }
    json_object_set_new(object, "ways", ways);
    for (ch_exposed what = 0; what < CH_EXPOSED_COUNT; what++)
        json_object_set_new(object, exposed_names[what], bounds_json(exposure->orders[what]));
    for (size_t i = 0; i < sizeof moving / sizeof *moving; i++) {
        const char *name = ch_item_kind_name(moving[i]);
        ch_autobuffer gated = CH_BUFFER_INIT;
        ch_buffer_add_format(&gated, "%s_with_people", name);
        if ((kinds >> moving[i] & 1) == 0)
            continue;
        json_object_set_new(object, name, bounds_json(exposure->moved[moving[i]]));
        json_object_set_new(object, ch_buffer_text(&gated), bounds_json(exposure->gated[moving[i]]));
    }
    if (exposure->can_lever)
        json_object_set_new(object, "leverage",
                            exposure->has_leverage ? ch_decimal_json(exposure->leverage) : json_string("unbounded"));
    return object;
}
