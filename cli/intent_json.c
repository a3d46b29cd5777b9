/* A fact that a request has not is not there; one that is unknown is listed as such. */
#include "cli/intent_json.h"

#include "exchange/intent_survey.h"

static json_t *text_of(ch_slice text)
{
    json_t *value = json_stringn((const char *)text.data, text.size);
    return value == NULL ? json_string("?") : value;
}

static void set_text(json_t *object, ch_slice name, ch_slice text)
{
    ch_autobuffer key = CH_BUFFER_INIT;
    ch_buffer_add_slice(&key, name);
    json_object_set_new(object, ch_buffer_text(&key), text_of(text));
}

static void add_facts(const ch_item *item, json_t *stated, json_t *unknown)
{
    for (ch_fact_name i = 0; i < CH_FACT_COUNT; i++) {
        const char *name = ch_fact_name_text(i);
        if (item->facts[i].state == CH_FACT_STATED)
            json_object_set_new(stated, name, text_of(item->facts[i].text));
        if (item->facts[i].state == CH_FACT_UNKNOWN)
            json_array_append_new(unknown, json_string(name));
    }
}

/* Names repeat if two elements of a list have them. */
static json_t *details_of(const ch_item *item)
{
    json_t *details = json_object();
    for (size_t i = 0; i < item->detail_count; i++)
        set_text(details, item->details[i].param, item->details[i].text);
    return details;
}

static json_t *item_json(const ch_item *item)
{
    static const char *const units[CH_UNIT_COUNT] = {"base", "quote", "contracts"};
    json_t *stated = json_object();
    json_t *unknown = json_array();
    add_facts(item, stated, unknown);
    json_t *row = json_pack("{s:s s:b s:o s:o s:o}", "kind", ch_item_kind_name(item->kind), "amends",
                            (int)item->is_amendment, "facts", stated, "unknown", unknown, "also", details_of(item));
    if (item->facts[CH_FACT_QUANTITY].state == CH_FACT_STATED)
        json_object_set_new(row, "unit", json_string(units[item->unit]));
    if (item->contract_size.size > 0)
        json_object_set_new(
            row, "contract",
            json_pack("{s:o s:o}", "size", text_of(item->contract_size), "of", text_of(item->contract_asset)));
    return row;
}

json_t *ch_intent_json(const ch_intent *intent)
{
    json_t *items = json_array();
    for (size_t i = 0; i < ch_intent_count(intent); i++)
        json_array_append_new(items, item_json(ch_intent_item(intent, i)));
    return json_pack("{s:o}", "items", items);
}

static json_t *names_of(ch_facts facts)
{
    json_t *names = json_array();
    for (ch_fact_name i = 0; i < CH_FACT_COUNT; i++) {
        if ((facts & CH_FACT_BIT(i)) != 0)
            json_array_append_new(names, json_string(ch_fact_name_text(i)));
    }
    return names;
}

json_t *ch_survey_json(const ch_endpoint *endpoint)
{
    ch_survey survey;
    json_t *items = ch_intent_is_said(endpoint) ? json_array() : NULL;
    for (size_t i = 0; ch_intent_survey(endpoint, i, &survey); i++)
        json_array_append_new(items, json_pack("{s:s s:s* s:b s:o s:o s:o}", "kind", ch_item_kind_name(survey.kind),
                                               "leg", survey.leg, "amends", (int)survey.is_amendment, "reads",
                                               names_of(survey.can_read), "may_hide", names_of(survey.can_hide),
                                               "unknown", names_of(survey.is_unknown)));
    return items;
}
