/* A definition refers only to definitions above it, so reading them in the file's order is enough, and what a list or
 * an object holds ends: `depth` counts down to plain values. */
#include "exchange/load_params.h"

#include "base/bits.h"
#include "base/memory.h"
#include "conf/fields.h"
#include "exchange/check_value.h"
#include "exchange/load_meanings.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_DEFAULT 64
#define GROUP_DEPTH_MAX 4

/* ---- lists of parameters ---- */

ch_status ch_params_find(const ch_loader *load, const ch_yaml *node, const char *key, ch_param_def **out, ch_error *err)
{
    for (size_t i = 0; i < load->defined; i++) {
        if (strcmp(ch_yaml_key_at(load->params, i), key) == 0) {
            *out = &load->profile->params[i];
            (*out)->is_used = true;
            return CH_OK;
        }
    }
    return ch_yaml_fail(node, err, "'params' does not define '%s' (above this place)", key);
}

void ch_params_begin(const ch_loader *load, ch_param_list *list)
{
    list->words = load->profile->name_words;
    list->listed = ch_alloc(list->words * sizeof(uint64_t));
    list->required = ch_alloc(list->words * sizeof(uint64_t));
}

static ch_status add_param(const ch_loader *load, const ch_yaml *node, bool is_required, ch_param_list *list,
                           ch_error *err)
{
    const char *key = NULL;
    ch_param_def *def = NULL;
    CH_TRY(ch_yaml_text(node, &key, err));
    CH_TRY(ch_params_find(load, node, key, &def, err));
    if (ch_set_has(list->listed, def->name_index))
        return ch_yaml_fail(node, err, "'%s' is listed here already", def->name);
    ch_set_add(list->listed, def->name_index);
    if (is_required)
        ch_set_add(list->required, def->name_index);
    list->params = ch_realloc_array(list->params, list->count + 1, sizeof *list->params);
    list->params[list->count++] = (ch_listed_param){ch_slice_of(def->name), def, is_required};
    return CH_OK;
}

static ch_status add_choice(const ch_loader *load, const ch_yaml *keys, ch_param_list *list, ch_error *err)
{
    list->choices = ch_realloc_array(list->choices, (list->choice_count + 1) * list->words, sizeof *list->choices);
    uint64_t *choice = list->choices + list->choice_count++ * list->words;
    memset(choice, 0, list->words * sizeof *choice);
    for (size_t i = 0; i < ch_yaml_count(keys); i++) {
        CH_TRY(add_param(load, ch_yaml_item(keys, i), false, list, err));
        ch_set_add(choice, list->params[list->count - 1].def->name_index);
    }
    return CH_OK;
}

/* The items of a list that are being read, and of the groups in it. */
typedef struct place {
    const ch_yaml *names;
    size_t next;
} place;

/* Goes on in the group that `node` names, "+name". */
static ch_status enter_group(const ch_loader *load, const ch_yaml *node, const char *name, place *places, size_t *depth,
                             ch_error *err)
{
    const ch_yaml *group = load->groups == NULL ? NULL : ch_yaml_get(load->groups, name);
    if (group == NULL)
        return ch_yaml_fail(node, err, "there is no group '%s'", name);
    if (*depth > GROUP_DEPTH_MAX)
        return ch_yaml_fail(node, err, "groups nest too deeply at '%s'; at most %d deep", name, GROUP_DEPTH_MAX);
    places[(*depth)++] = (place){group, 0};
    return ch_yaml_expect_list(group, err);
}

static ch_status add_one(const ch_loader *load, const ch_yaml *node, bool is_required, ch_param_list *list,
                         place *places, size_t *depth, ch_error *err)
{
    const char *key = NULL;
    if (ch_yaml_kind_of(node) == CH_YAML_LIST) {
        if (!is_required)
            return ch_yaml_fail(node, err, "only 'required' can have a choice");
        return add_choice(load, node, list, err);
    }
    CH_TRY(ch_yaml_text(node, &key, err));
    if (*key == '+')
        return enter_group(load, node, key + 1, places, depth, err);
    return add_param(load, node, is_required, list, err);
}

ch_status ch_params_add(const ch_loader *load, const ch_yaml *names, bool is_required, ch_param_list *list,
                        ch_error *err)
{
    place places[GROUP_DEPTH_MAX + 1] = {
        {names, 0}
    };
    size_t depth = 1;
    CH_TRY(ch_yaml_expect_list(names, err));
    while (depth > 0) {
        place *at = &places[depth - 1];
        if (at->next == ch_yaml_count(at->names))
            depth--;
        else
            CH_TRY(add_one(load, ch_yaml_item(at->names, at->next++), is_required, list, places, &depth, err));
    }
    return CH_OK;
}

static int compare_names(const void *a, const void *b)
{
    return ch_slice_compare(((const ch_listed_param *)a)->name, ((const ch_listed_param *)b)->name);
}

void ch_params_sort(ch_param_list *list)
{
    if (list->count > 0)
        qsort(list->params, list->count, sizeof *list->params, compare_names);
}

/* ---- the fields of a definition ---- */

static ch_status read_enum_value(const ch_value *value, ch_error *err)
{
    const char *text = NULL;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    *(char **)value->out = ch_strdup(text);
    return CH_OK;
}

static ch_status read_values(const ch_value *value, ch_error *err)
{
    static const ch_entries values = {
        "value", CH_YAML_LIST, 1, 0, {.read = read_enum_value, .size = sizeof(char *)}
    };
    ch_param_def *def = value->out;
    def->values = ch_alloc(ch_yaml_count(value->node) * sizeof *def->values);
    return ch_entries_read(value->node, &values, def->values, &def->value_count, NULL, err);
}

static ch_status read_need(const ch_value *value, ch_error *err)
{
    ch_need *need = value->out;
    need->value = ch_strdup(value->name);
    return ch_class_read(value->node, &need->class_, err);
}

static ch_status read_needs(const ch_value *value, ch_error *err)
{
    static const ch_entries needs = {
        "value", CH_YAML_MAP, 1, 0, {.read = read_need, .size = sizeof(ch_need)}
    };
    ch_param_def *def = value->out;
    def->needs = ch_alloc(ch_yaml_count(value->node) * sizeof *def->needs);
    return ch_entries_read(value->node, &needs, def->needs, &def->need_count, NULL, err);
}

static ch_status read_items(const ch_value *value, ch_error *err)
{
    ch_param_def *def = value->out;
    const char *key = NULL;
    ch_param_def *items = NULL;
    CH_TRY(ch_yaml_text(value->node, &key, err));
    CH_TRY(ch_params_find(value->context, value->node, key, &items, err));
    def->items = items;
    def->depth = items->depth + 1;
    return CH_OK;
}

static ch_status read_members(const ch_value *value, bool is_required, ch_error *err)
{
    ch_param_list *members = value->out;
    if (members->listed == NULL)
        ch_params_begin(value->context, members);
    return ch_params_add(value->context, value->node, is_required, members, err);
}

static ch_status read_required(const ch_value *value, ch_error *err)
{
    return read_members(value, true, err);
}

static ch_status read_optional(const ch_value *value, ch_error *err)
{
    return read_members(value, false, err);
}

static bool is_enum(const void *def)
{
    return ((const ch_param_def *)def)->type == CH_TYPE_ENUM;
}

static bool has_one_spelling(const void *def)
{
    ch_param_type type = ((const ch_param_def *)def)->type;
    return type == CH_TYPE_ENUM || type == CH_TYPE_INTEGER || type == CH_TYPE_BOOLEAN;
}

static bool is_list(const void *def)
{
    return ((const ch_param_def *)def)->type == CH_TYPE_LIST;
}

static bool is_symbol(const void *def)
{
    return ((const ch_param_def *)def)->type == CH_TYPE_SYMBOL;
}

static const ch_word letters_words[] = {
    {"ascii",     false},
    {"latin-cjk", true },
};
static const ch_words letters = CH_WORDS("set of letters", letters_words);

static bool is_object(const void *def)
{
    return ((const ch_param_def *)def)->type == CH_TYPE_OBJECT;
}

static const ch_word type_words[CH_TYPE_COUNT] = {
    {"decimal", CH_TYPE_DECIMAL},
    {"integer", CH_TYPE_INTEGER},
    {"enum",    CH_TYPE_ENUM   },
    {"text",    CH_TYPE_TEXT   },
    {"boolean", CH_TYPE_BOOLEAN},
    {"symbol",  CH_TYPE_SYMBOL },
    {"list",    CH_TYPE_LIST   },
    {"object",  CH_TYPE_OBJECT },
};
static const ch_words types = CH_WORDS("type", type_words);

static const ch_word spelling_words[CH_SPELLING_COUNT] = {
    {"json",     CH_SPELLING_JSON    },
    {"comma",    CH_SPELLING_COMMA   },
    {"repeat",   CH_SPELLING_REPEAT  },
    {"brackets", CH_SPELLING_BRACKETS},
    {"index",    CH_SPELLING_INDEX   },
};
static const ch_words spellings = CH_WORDS("spelling", spelling_words);

static const ch_word place_words[] = {
    {"body",  false},
    {"query", true },
};
static const ch_words in_places = CH_WORDS("place", place_words);

/* clang-format off */
static const ch_field fields[] = {
    /* name        required  reader            where                                     words, bounds, if */
    { "type",      true,     ch_field_choice,  CH_MEMBER(ch_param_def, type),            .words = &types },
    { "name",      false,    ch_field_text,    CH_MEMBER(ch_param_def, name)             },
    { "values",    true,     read_values,      CH_WHOLE,                                 .only_if = is_enum },
    { "needs",     false,    read_needs,       CH_WHOLE,                                 .only_if = has_one_spelling },
    { "items",     true,     read_items,       CH_WHOLE,                                 .only_if = is_list },
    { "max",       false,    ch_field_uint,    CH_MEMBER(ch_param_def, items_max),       .only_if = is_list,
                                                                                         .min = 1, .max = CH_PARAMS_MAX },
    { "spelling",  false,    ch_field_choice,  CH_MEMBER(ch_param_def, spelling),        .only_if = is_list,
                                                                                         .words = &spellings },
    { "required",  false,    read_required,    CH_MEMBER(ch_param_def, members),         .only_if = is_object },
    { "optional",  false,    read_optional,    CH_MEMBER(ch_param_def, members),         .only_if = is_object },
    { "role",      false,    NULL,             CH_WHOLE }, /* ch_meaning_read */
    { "unit",      false,    NULL,             CH_WHOLE },
    { "scale",     false,    NULL,             CH_WHOLE },
    { "sign",      false,    NULL,             CH_WHOLE },
    { "says",      false,    NULL,             CH_WHOLE },
    { "hides",     false,    NULL,             CH_WHOLE },
    { "means",     false,    NULL,             CH_WHOLE },
    { "when",      false,    NULL,             CH_WHOLE },
    { "leg",       false,    NULL,             CH_WHOLE },
    { "detail",    false,    NULL,             CH_WHOLE },
    { "unique",    false,    NULL,             CH_WHOLE },
    { "neutral",   false,    NULL,             CH_WHOLE },
    { "in",        false,    ch_field_choice,  CH_MEMBER(ch_param_def, is_in_query),     .words = &in_places },
    { "letters",   false,    ch_field_choice,  CH_MEMBER(ch_param_def, takes_more_letters), .only_if = is_symbol,
                                                                                         .words = &letters },
    { "negative",  false,    ch_field_bool,    CH_MEMBER(ch_param_def, may_be_negative)  },
    { "bare",      false,    ch_field_bool,    CH_MEMBER(ch_param_def, is_bare)          },
};
/* clang-format on */

/* ---- definitions ---- */

static ch_status check_needs(const ch_yaml *node, const ch_param_def *def, ch_error *err)
{
    for (size_t i = 0; i < def->need_count; i++) {
        ch_error ignored = CH_ERROR_INIT;
        const char *text = def->needs[i].value;
        ch_param value = {.kind = CH_PARAM_TEXT, .name = ch_slice_of(def->name), .value = ch_slice_of(text)};
        if (ch_param_check(def, &value, 1, 0, &ignored) != CH_OK)
            return ch_yaml_fail(node, err, "'needs' has '%s', which the parameter does not take", text);
    }
    return CH_OK;
}

/* Needs are looked for among the parameters of an endpoint, not in what these hold. */
static ch_status check_holds_no_needs(const ch_yaml *node, const ch_param_def *def, ch_error *err)
{
    bool holds_needs = def->items != NULL && def->items->need_count > 0;
    for (size_t i = 0; i < def->members.count; i++)
        holds_needs |= def->members.params[i].def->need_count > 0;
    return holds_needs ? ch_yaml_fail(node, err, "a list or an object can't hold a parameter that has 'needs'") : CH_OK;
}

static void finish_object(const ch_loader *load, ch_param_def *def)
{
    if (def->members.listed == NULL)
        ch_params_begin(load, &def->members);
    ch_params_sort(&def->members);
    def->depth = 1;
    for (size_t i = 0; i < def->members.count; i++) {
        unsigned depth = def->members.params[i].def->depth + 1;
        def->depth = depth > def->depth ? depth : def->depth;
    }
}

/* Equal names have the same number. */
static size_t number_name(ch_profile *profile, const ch_param_def *def)
{
    for (const ch_param_def *other = profile->params; other < def; other++) {
        if (strcmp(other->name, def->name) == 0)
            return other->name_index;
    }
    return profile->name_count++;
}

static ch_status read_param(const ch_value *value, ch_error *err)
{
    ch_loader *load = value->context;
    ch_param_def *def = value->out;
    *def = (ch_param_def){.name = ch_strdup(value->name), .items_max = ITEMS_DEFAULT};
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fields), def, load, err));
    if (def->type == CH_TYPE_OBJECT)
        finish_object(load, def);
    def->name_index = number_name(load->profile, def);
    CH_TRY(ch_meaning_read(load, value->node, def, err));
    CH_TRY(check_needs(value->node, def, err));
    CH_TRY(check_holds_no_needs(value->node, def, err));
    if (load->profile->window.param != NULL && strcmp(def->name, load->profile->window.param) == 0)
        return ch_yaml_fail(value->node, err, "'%s' sets the receive window, so it can't be a parameter too",
                            def->name);
    if (def->depth > CH_PARAM_DEPTH_MAX)
        return ch_yaml_fail(value->node, err, "lists and objects nest at most %d deep", CH_PARAM_DEPTH_MAX);
    if (def->spelling != CH_SPELLING_JSON && def->items->depth > 0)
        return ch_yaml_fail(value->node, err, "a list of lists or objects can only have the spelling json");
    if (def->name[0] == '\0' && def->type != CH_TYPE_LIST)
        return ch_yaml_fail(value->node, err, "only a list can be the whole body");
    load->defined++;
    return CH_OK;
}

static int compare_defs(const void *a, const void *b)
{
    const ch_param_def *const *one = a;
    const ch_param_def *const *other = b;
    return strcmp((*one)->name, (*other)->name);
}

static void sort_names(ch_profile *profile)
{
    profile->names = ch_alloc(profile->name_count * sizeof *profile->names);
    for (size_t i = 0; i < profile->param_count; i++)
        profile->names[profile->params[i].name_index] = &profile->params[i];
    qsort(profile->names, profile->name_count, sizeof *profile->names, compare_defs);
}

ch_status ch_params_read(ch_loader *load, const ch_yaml *params, ch_error *err)
{
    static const ch_entries definitions = {
        "param", CH_YAML_MAP, 0, CH_PROFILE_NAMES_MAX, {.read = read_param, .size = sizeof(ch_param_def)}
    };
    ch_profile *profile = load->profile;
    size_t count = ch_yaml_count(params);
    load->params = params;
    profile->params = ch_alloc(count * sizeof *profile->params);
    profile->name_words = (count + 63) / 64;
    CH_TRY(ch_entries_read(params, &definitions, profile->params, &profile->param_count, load, err));
    sort_names(profile);
    return CH_OK;
}

ch_status ch_params_check_used(const ch_loader *load, ch_error *err)
{
    for (size_t i = 0; i < load->profile->param_count; i++) {
        if (!load->profile->params[i].is_used)
            return ch_yaml_fail(ch_yaml_value_at(load->params, i), err, "no endpoint uses parameter '%s'; remove it",
                                ch_yaml_key_at(load->params, i));
    }
    return load->groups == NULL ? CH_OK : ch_yaml_check_known(load->groups, err);
}

void ch_params_free(ch_profile *profile)
{
    for (size_t i = 0; i < profile->param_count; i++) {
        ch_param_def *def = &profile->params[i];
        for (size_t j = 0; j < def->value_count; j++)
            free(def->values[j]);
        free(def->values);
        for (size_t j = 0; j < def->need_count; j++)
            free(def->needs[j].value);
        free(def->needs);
        ch_meaning_free(def->meaning);
        free(def->name);
        ch_param_list_free(&def->members);
    }
    free(profile->params);
    free(profile->names);
}
