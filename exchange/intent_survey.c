/* This goes by what the profile says, as reading a request does, and must be changed with it. */
#include "exchange/intent_survey.h"

#include "exchange/meaning.h"
#include "exchange/profile_impl.h"

#include <string.h>

/* An item, and what the parameters that it hears may say of it. */
typedef struct survey_of_item {
    const ch_endpoint *endpoint;
    const ch_item_def *def;
    ch_survey *out;
} survey_of_item;

static void add_sayings(survey_of_item *s, const ch_sayings *sayings, ch_facts may_say)
{
    for (size_t i = 0; i < sayings->count; i++) {
        ch_facts bit = CH_FACT_BIT(sayings->items[i].fact) & may_say;
        if (sayings->items[i].word == NULL)
            s->out->can_hide |= bit;
        else
            s->out->can_read |= bit;
    }
}

static void add_sense(survey_of_item *s, const ch_sense *sense, ch_facts may_say)
{
    add_sayings(s, &sense->says, may_say);
    if (sense->has_side)
        s->out->can_read |= CH_FACT_BIT(CH_FACT_SIDE) & may_say;
    if (sense->has_role && sense->is_unscaled)
        s->out->can_hide |= CH_FACT_BIT(sense->role) & may_say;
    else if (sense->has_role)
        s->out->can_read |= CH_FACT_BIT(sense->role) & may_say;
}

/* A value of an enum that is not mapped hides the role. */
static void add_values(survey_of_item *s, const ch_param_def *def, ch_facts may_say)
{
    const ch_meaning *meaning = def->meaning;
    for (size_t i = 0; i < meaning->value_count; i++)
        add_sayings(s, &meaning->values[i].says, may_say);
    if (meaning->value_count > 0 && meaning->sense.has_role && meaning->value_count < def->value_count)
        s->out->can_hide |= CH_FACT_BIT(meaning->sense.role) & may_say;
}

static bool is_in_leg(const ch_profile *profile, uint8_t leg, uint8_t outer)
{
    while (leg != 0 && leg != outer)
        leg = profile->legs[leg - 1].within;
    return leg == outer;
}

static ch_facts may_say(const survey_of_item *s, uint8_t leg)
{
    ch_facts all = ch_item_kind_facts(s->def->kind);
    if (leg == s->def->leg)
        return all;
    if (leg == 0)
        return all & ch_item_shares(s->def);
    return is_in_leg(s->endpoint->profile, s->def->leg, leg) ? all : 0;
}

static void add_param(survey_of_item *s, const ch_param_def *def, uint8_t leg);

static void add_held(survey_of_item *s, const ch_param_def *def, uint8_t leg)
{
    if (def->type == CH_TYPE_LIST)
        add_param(s, def->items, leg);
    for (size_t i = 0; i < def->members.count; i++)
        add_param(s, def->members.params[i].def, leg);
}

/* Calls itself once for each level of the definition, of which there are at most CH_PARAM_DEPTH_MAX. */
static void add_param(survey_of_item *s, const ch_param_def *def, uint8_t leg)
{
    const ch_meaning *meaning = def->meaning;
    uint8_t own = meaning != NULL && meaning->leg != 0 ? meaning->leg : leg;
    if (ch_param_is_spread(def)) {
        add_held(s, def, own);
        return;
    }
    if (meaning == NULL)
        return;
    add_sense(s, &meaning->sense, may_say(s, own));
    for (size_t i = 0; i < meaning->condition_count; i++)
        add_sense(s, &meaning->conditions[i].sense, may_say(s, own));
    add_values(s, def, may_say(s, own));
}

static void add_constants(survey_of_item *s)
{
    add_sayings(s, &s->def->constants, ch_item_kind_facts(s->def->kind));
    for (size_t i = 0; s->def->leg != 0 && i < s->endpoint->item_count; i++) {
        if (s->endpoint->items[i].leg == 0)
            add_sayings(s, &s->endpoint->items[i].constants, may_say(s, 0));
    }
}

/* What some form of the item's market says. */
static void add_symbol(survey_of_item *s)
{
    const ch_profile *profile = s->endpoint->profile;
    ch_facts found = 0;
    bool has_market = (s->out->can_read & CH_FACT_BIT(CH_FACT_MARKET)) != 0;
    for (size_t i = 0; i < profile->symbol_count; i++) {
        const ch_symbol_form *form = &profile->symbols[i];
        if (form->base != NULL || strstr(form->form, "{base}") != NULL)
            found |= CH_FACT_BIT(CH_FACT_BASE);
        if (form->quote != NULL || strstr(form->form, "{quote}") != NULL)
            found |= CH_FACT_BIT(CH_FACT_QUOTE);
        bool is_one = form->markets != 0 && (form->markets & (form->markets - 1)) == 0;
        if (is_one && !has_market)
            found |= CH_FACT_BIT(CH_FACT_MARKET);
    }
    if ((s->out->can_read & CH_FACT_BIT(CH_FACT_SYMBOL)) != 0)
        s->out->can_read |= found & ch_item_kind_facts(s->def->kind);
}

static bool closes(const ch_item_def *def)
{
    for (size_t i = 0; i < def->constants.count; i++) {
        if (def->constants.items[i].fact == CH_FACT_CLOSE_POSITION)
            return true;
    }
    return false;
}

/* Whether a price is needed depends on the type, of each request. */
static ch_facts needs_of(const ch_item_def *def)
{
    if (def->is_amendment)
        return ch_item_kind_facts(def->kind);
    bool has_quantity = def->kind == CH_ITEM_ORDER && !closes(def);
    return ch_item_kind_needs(def->kind) | (has_quantity ? CH_FACT_BIT(CH_FACT_QUANTITY) : 0);
}

bool ch_intent_is_said(const ch_endpoint *endpoint)
{
    return endpoint->item_count > 0;
}

bool ch_intent_survey(const ch_endpoint *endpoint, size_t index, ch_survey *out)
{
    if (index >= endpoint->item_count)
        return false;
    const ch_item_def *def = &endpoint->items[index];
    survey_of_item s = {endpoint, def, out};
    *out = (ch_survey){.kind = def->kind, .is_amendment = def->is_amendment};
    out->leg = def->leg == 0 ? NULL : endpoint->profile->legs[def->leg - 1].name;
    add_constants(&s);
    for (size_t i = 0; i < endpoint->params.count; i++)
        add_param(&s, endpoint->params.params[i].def, 0);
    for (size_t i = 0; i < endpoint->part_count; i++) {
        if (endpoint->parts[i].def != NULL)
            add_param(&s, endpoint->parts[i].def, 0);
    }
    add_symbol(&s);
    out->is_unknown = needs_of(def) & ~out->can_read;
    out->can_hide &= out->can_read;
    return true;
}
