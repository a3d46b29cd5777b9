/* A parameter's own sense is read first; each condition starts as a copy of it and changes what it says otherwise. */
#include "exchange/load_meanings.h"

#include "base/memory.h"
#include "exchange/check_value.h"

#include <stdlib.h>
#include <string.h>

#define SCALE_MAX 18

/* ---- facts and words ---- */

ch_status ch_fact_read(const ch_yaml *node, ch_fact_name *out, ch_error *err)
{
    const char *text = NULL;
    CH_TRY(ch_yaml_text(node, &text, err));
    for (ch_fact_name name = 0; name < CH_FACT_COUNT; name++) {
        if (strcmp(ch_fact_name_text(name), text) == 0) {
            *out = name;
            return CH_OK;
        }
    }
    return ch_yaml_fail(node, err, "there is no fact '%s'; docs/profiles.md lists them", text);
}

ch_status ch_facts_read(const ch_yaml *list, ch_facts *out, ch_error *err)
{
    CH_TRY(ch_yaml_expect_list(list, err));
    for (size_t i = 0; i < ch_yaml_count(list); i++) {
        ch_fact_name name = CH_FACT_COUNT;
        CH_TRY(ch_fact_read(ch_yaml_item(list, i), &name, err));
        *out |= CH_FACT_BIT(name);
    }
    return CH_OK;
}

static ch_status check_word(const ch_yaml *node, ch_fact_name fact, const char *word, ch_error *err)
{
    bool is_number = ch_is_decimal(ch_slice_of(word));
    if (ch_fact_has_words(fact) && ch_fact_word(fact, ch_slice_of(word)) == NULL)
        return ch_yaml_fail(node, err, "'%s' is no word of the fact %s; docs/profiles.md lists them", word,
                            ch_fact_name_text(fact));
    if (ch_fact_is_number(fact) && !is_number)
        return ch_yaml_fail(node, err, "the fact %s is a plain decimal, which '%s' is not", ch_fact_name_text(fact),
                            word);
    return CH_OK;
}

static ch_status add_saying(const ch_yaml *node, ch_fact_name fact, const char *word, ch_sayings *out, ch_error *err)
{
    for (size_t i = 0; i < out->count; i++) {
        if (out->items[i].fact == fact)
            return ch_yaml_fail(node, err, "the fact %s is stated or hidden here already", ch_fact_name_text(fact));
    }
    out->items = ch_realloc_array(out->items, out->count + 1, sizeof *out->items);
    out->items[out->count++] = (ch_saying){fact, word == NULL ? NULL : ch_strdup(word)};
    return CH_OK;
}

/* "unknown" says that the fact cannot be read. */
ch_status ch_saying_read(const ch_yaml *map, size_t at, ch_sayings *out, ch_error *err)
{
    const ch_yaml *node = ch_yaml_value_at(map, at);
    ch_fact_name fact = CH_FACT_COUNT;
    const char *word = NULL;
    CH_TRY(ch_fact_read(ch_yaml_key_node_at(map, at), &fact, err));
    CH_TRY(ch_yaml_text(node, &word, err));
    if (strcmp(word, "unknown") == 0)
        word = NULL;
    else
        CH_TRY(check_word(node, fact, word, err));
    return add_saying(node, fact, word, out, err);
}

ch_status ch_sayings_read(const ch_value *value, ch_sayings *out, ch_error *err)
{
    CH_TRY(ch_yaml_expect_map(value->node, err));
    for (size_t i = 0; i < ch_yaml_count(value->node); i++)
        CH_TRY(ch_saying_read(value->node, i, out, err));
    return CH_OK;
}

void ch_sayings_free(ch_sayings *sayings)
{
    for (size_t i = 0; i < sayings->count; i++)
        free(sayings->items[i].word);
    free(sayings->items);
}

static ch_status hide(const ch_yaml *list, ch_sayings *out, ch_error *err)
{
    CH_TRY(ch_yaml_expect_list(list, err));
    for (size_t i = 0; i < ch_yaml_count(list); i++) {
        ch_fact_name fact = CH_FACT_COUNT;
        CH_TRY(ch_fact_read(ch_yaml_item(list, i), &fact, err));
        CH_TRY(add_saying(ch_yaml_item(list, i), fact, NULL, out, err));
    }
    return CH_OK;
}

ch_status ch_texts_read(const ch_yaml *list, char ***out, size_t *count, ch_error *err)
{
    CH_TRY(ch_yaml_expect_list(list, err));
    *out = ch_alloc(ch_yaml_count(list) * sizeof **out);
    for (size_t i = 0; i < ch_yaml_count(list); i++) {
        const char *text = NULL;
        CH_TRY(ch_yaml_text(ch_yaml_item(list, i), &text, err));
        (*out)[(*count)++] = ch_strdup(text);
    }
    return CH_OK;
}

void ch_texts_free(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

/* ---- legs ---- */

static ch_status find_leg(ch_profile *profile, const ch_yaml *node, ch_slice name, uint8_t within, uint8_t *out,
                          ch_error *err)
{
    for (size_t i = 0; i < profile->leg_count; i++) {
        if (ch_slice_is(name, profile->legs[i].name)) {
            *out = (uint8_t)(i + 1);
            return CH_OK;
        }
    }
    if (profile->leg_count == CH_LEGS_MAX)
        return ch_yaml_fail(node, err, "the profile has too many legs; at most %d", CH_LEGS_MAX);
    profile->legs = ch_realloc_array(profile->legs, profile->leg_count + 1, sizeof *profile->legs);
    profile->legs[profile->leg_count++] = (ch_leg){ch_slice_strdup(name), within};
    *out = (uint8_t)profile->leg_count;
    return CH_OK;
}

ch_status ch_leg_read(ch_profile *profile, const ch_yaml *node, uint8_t *out, ch_error *err)
{
    const char *text = NULL;
    uint8_t within = 0;
    CH_TRY(ch_yaml_text(node, &text, err));
    for (const char *dot = strchr(text, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
        CH_TRY(find_leg(profile, node, (ch_slice){(const uint8_t *)text, (size_t)(dot - text)}, within, &within, err));
    return find_leg(profile, node, ch_slice_of(text), within, out, err);
}

/* ---- the sense of a value ---- */

static const ch_word unit_words[CH_UNIT_COUNT] = {
    {"base",      CH_UNIT_BASE     },
    {"quote",     CH_UNIT_QUOTE    },
    {"contracts", CH_UNIT_CONTRACTS},
};
static const ch_words units = CH_WORDS("unit", unit_words);

/* `quote_quantity` is a quantity in quote; `none` is a condition's way to take a role away. */
static ch_status read_role(const ch_value *value, ch_error *err)
{
    ch_sense *sense = value->out;
    const char *text = NULL;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    sense->has_role = strcmp(text, "none") != 0;
    if (!sense->has_role)
        return CH_OK;
    if (strcmp(text, "quote_quantity") != 0)
        return ch_fact_read(value->node, &sense->role, err);
    sense->role = CH_FACT_QUANTITY;
    sense->unit = CH_UNIT_QUOTE;
    return CH_OK;
}

static ch_status read_scale(const ch_value *value, ch_error *err)
{
    ch_sense *sense = value->out;
    const char *text = NULL;
    uint64_t scale = 0;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    sense->is_unscaled = strcmp(text, "unknown") == 0;
    if (!sense->is_unscaled)
        CH_TRY(ch_yaml_uint_in(value->node, &scale, 0, SCALE_MAX, err));
    sense->scale = (uint8_t)scale;
    return CH_OK;
}

static ch_status read_sign(const ch_value *value, ch_error *err)
{
    static const ch_word words[] = {
        {"side", true}
    };
    static const ch_words signs = CH_WORDS("use of the sign", words);
    uint64_t has_side = 0;
    CH_TRY(ch_words_read(&signs, value->node, &has_side, err));
    ((ch_sense *)value->out)->has_side = has_side != 0;
    return CH_OK;
}

static ch_status read_says(const ch_value *value, ch_error *err)
{
    return ch_sayings_read(value, &((ch_sense *)value->out)->says, err);
}

static ch_status read_hides(const ch_value *value, ch_error *err)
{
    return hide(value->node, &((ch_sense *)value->out)->says, err);
}

/* clang-format off */
static const ch_field sense_fields[] = {
    /* name     required  reader            where                        words */
    { "role",   false,    read_role,        CH_WHOLE                     },
    { "unit",   false,    ch_field_choice,  CH_MEMBER(ch_sense, unit),   .words = &units },
    { "scale",  false,    read_scale,       CH_WHOLE                     },
    { "sign",   false,    read_sign,        CH_WHOLE                     },
    { "says",   false,    read_says,        CH_WHOLE                     },
    { "hides",  false,    read_hides,       CH_WHOLE                     },
};
/* clang-format on */

#define SENSE_FIELD_COUNT (sizeof sense_fields / sizeof sense_fields[0])

/* Reads those of the map's fields that are in the table; others may stand beside them. */
static ch_status read_some(const ch_yaml *map, const ch_field *fields, size_t count, void *out, void *context,
                           ch_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const ch_yaml *node = ch_yaml_get(map, fields[i].name);
        ch_value value = {node, fields[i].name, &fields[i], (char *)out + fields[i].offset, context};
        if (node != NULL)
            CH_TRY(fields[i].read(&value, err));
    }
    return CH_OK;
}

/* ---- conditions ---- */

static ch_status read_condition_param(const ch_value *value, ch_error *err)
{
    const ch_loader *load = value->context;
    const char *name = NULL;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    for (size_t i = 0; i <= load->defined; i++) { /* the last is the one that is being read */
        if (strcmp(load->profile->params[i].name, name) == 0) {
            ((ch_condition *)value->out)->param = ch_strdup(name);
            return CH_OK;
        }
    }
    return ch_yaml_fail(value->node, err, "neither this parameter nor one above is sent as '%s'", name);
}

static ch_status read_condition_values(const ch_value *value, ch_error *err)
{
    ch_condition *condition = value->out;
    return ch_texts_read(value->node, &condition->values, &condition->value_count, err);
}

static ch_status read_condition(const ch_value *value, ch_error *err)
{
    /* clang-format off */
    static const ch_field fields[] = {
        /* name      required  reader                  where */
        { "param",   true,     read_condition_param,   CH_WHOLE },
        { "values",  false,    read_condition_values,  CH_WHOLE },
        { "role",    false,    NULL,                   CH_WHOLE }, /* sense_fields */
        { "unit",    false,    NULL,                   CH_WHOLE },
        { "scale",   false,    NULL,                   CH_WHOLE },
        { "sign",    false,    NULL,                   CH_WHOLE },
        { "says",    false,    NULL,                   CH_WHOLE },
        { "hides",   false,    NULL,                   CH_WHOLE },
    };
    /* clang-format on */
    ch_condition *condition = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fields), condition, value->context, err));
    return read_some(value->node, sense_fields, SENSE_FIELD_COUNT, &condition->sense, NULL, err);
}

static ch_status read_when(const ch_value *value, ch_error *err)
{
    static const ch_entries conditions = {
        "condition", CH_YAML_LIST, 1, 0, {.read = read_condition, .size = sizeof(ch_condition)}
    };
    ch_meaning *meaning = value->out;
    size_t count = ch_yaml_count(value->node);
    meaning->conditions = ch_alloc(count * sizeof *meaning->conditions);
    for (size_t i = 0; i < count; i++) {
        meaning->conditions[i].sense = meaning->sense;
        meaning->conditions[i].sense.says = (ch_sayings){NULL, 0};
    }
    return ch_entries_read(value->node, &conditions, meaning->conditions, &meaning->condition_count, value->context,
                           err);
}

/* ---- values ---- */

/* A word of the role, `unknown`, `none`, or a map of facts. */
static ch_status read_value_meaning(const ch_value *value, ch_error *err)
{
    const ch_meaning *meaning = value->context;
    ch_value_meaning *out = value->out;
    const char *word = NULL;
    out->value = ch_strdup(value->name);
    if (ch_yaml_kind_of(value->node) == CH_YAML_MAP)
        return ch_sayings_read(value, &out->says, err);
    CH_TRY(ch_yaml_text(value->node, &word, err));
    out->is_nothing = strcmp(word, "none") == 0;
    if (out->is_nothing)
        return CH_OK;
    if (!meaning->sense.has_role)
        return ch_yaml_fail(value->node, err, "the parameter has no role, so its values mean maps of facts");
    if (strcmp(word, "unknown") == 0)
        return add_saying(value->node, meaning->sense.role, NULL, &out->says, err);
    out->word = ch_strdup(word);
    return check_word(value->node, meaning->sense.role, word, err);
}

static ch_status read_means(const ch_value *value, ch_error *err)
{
    static const ch_entries values = {
        "value", CH_YAML_MAP, 1, 0, {.read = read_value_meaning, .size = sizeof(ch_value_meaning)}
    };
    ch_meaning *meaning = value->out;
    meaning->values = ch_alloc(ch_yaml_count(value->node) * sizeof *meaning->values);
    return ch_entries_read(value->node, &values, meaning->values, &meaning->value_count, meaning, err);
}

/* ---- the whole ---- */

static ch_status read_leg(const ch_value *value, ch_error *err)
{
    return ch_leg_read(((ch_loader *)value->context)->profile, value->node, &((ch_meaning *)value->out)->leg, err);
}

/* clang-format off */
static const ch_field meaning_fields[] = {
    /* name       required  reader           where                              */
    { "means",    false,    read_means,      CH_WHOLE                           },
    { "when",     false,    read_when,       CH_WHOLE                           },
    { "leg",      false,    read_leg,        CH_WHOLE                           },
    { "detail",   false,    ch_field_bool,   CH_MEMBER(ch_meaning, is_detail)   },
    { "unique",   false,    ch_field_bool,   CH_MEMBER(ch_meaning, is_unique)   },
    { "neutral",  false,    ch_field_text,   CH_MEMBER(ch_meaning, neutral)     },
};
/* clang-format on */

static bool has_any(const ch_yaml *map)
{
    static const char *const names[] = {CH_MEANING_FIELD_NAMES};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (ch_yaml_get(map, names[i]) != NULL)
            return true;
    }
    return false;
}

/* A mapped value that the parameter does not take is a slip of the pen. */
static ch_status check_values(const ch_yaml *map, const ch_param_def *def, ch_error *err)
{
    for (size_t i = 0; i < def->meaning->value_count; i++) {
        ch_error ignored = CH_ERROR_INIT;
        const char *text = def->meaning->values[i].value;
        ch_param value = {.kind = CH_PARAM_TEXT, .name = ch_slice_of(def->name), .value = ch_slice_of(text)};
        if (ch_param_check(def, &value, 1, 0, &ignored) != CH_OK)
            return ch_yaml_fail(map, err, "'means' has '%s', which the parameter does not take", text);
    }
    return CH_OK;
}

static ch_status check_meaning(const ch_yaml *map, const ch_param_def *def, ch_error *err)
{
    const ch_meaning *meaning = def->meaning;
    if (meaning->neutral != NULL && (ch_meaning_facts(meaning) != 0 || meaning->is_detail))
        return ch_yaml_fail(map, err, "what is neutral has no other meaning");
    if (meaning->sense.has_side && !def->may_be_negative)
        return ch_yaml_fail(map, err, "'sign' is for numbers that may be negative");
    bool is_container = def->type == CH_TYPE_LIST || def->type == CH_TYPE_OBJECT;
    if (is_container && (meaning->sense.has_role || meaning->value_count > 0 || meaning->condition_count > 0))
        return ch_yaml_fail(map, err, "a list or an object has no role; what it holds has");
    return check_values(map, def, err);
}

ch_status ch_meaning_read(ch_loader *load, const ch_yaml *map, ch_param_def *def, ch_error *err)
{
    if (!has_any(map))
        return CH_OK;
    ch_meaning *meaning = ch_alloc(sizeof *meaning);
    def->meaning = meaning;
    CH_TRY(read_some(map, sense_fields, SENSE_FIELD_COUNT, &meaning->sense, load, err));
    CH_TRY(read_some(map, meaning_fields, sizeof meaning_fields / sizeof meaning_fields[0], meaning, load, err));
    return check_meaning(map, def, err);
}

void ch_meaning_free(ch_meaning *meaning)
{
    if (meaning == NULL)
        return;
    for (size_t i = 0; i < meaning->value_count; i++) {
        free(meaning->values[i].value);
        free(meaning->values[i].word);
        ch_sayings_free(&meaning->values[i].says);
    }
    for (size_t i = 0; i < meaning->condition_count; i++) {
        ch_condition *condition = &meaning->conditions[i];
        free(condition->param);
        ch_texts_free(condition->values, condition->value_count);
        ch_sayings_free(&condition->sense.says);
    }
    ch_sayings_free(&meaning->sense.says);
    free(meaning->values);
    free(meaning->conditions);
    free(meaning->neutral);
    free(meaning);
}

/* ---- what it may say ---- */

ch_facts ch_sayings_facts(const ch_sayings *sayings)
{
    ch_facts facts = 0;
    for (size_t i = 0; i < sayings->count; i++)
        facts |= CH_FACT_BIT(sayings->items[i].fact);
    return facts;
}

static ch_facts sensed(const ch_sense *sense)
{
    ch_facts role = sense->has_role ? CH_FACT_BIT(sense->role) : 0;
    return role | ch_sayings_facts(&sense->says) | (sense->has_side ? CH_FACT_BIT(CH_FACT_SIDE) : 0);
}

ch_facts ch_meaning_facts(const ch_meaning *meaning)
{
    ch_facts facts = sensed(&meaning->sense);
    for (size_t i = 0; i < meaning->value_count; i++)
        facts |= ch_sayings_facts(&meaning->values[i].says);
    for (size_t i = 0; i < meaning->condition_count; i++)
        facts |= sensed(&meaning->conditions[i].sense);
    return facts;
}
