/* A param refers only to params that stand above it, so reading them in the file's order is enough, and what a list or
 * object holds ends: `depth` counts down to plain values. */
#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "exchange/profile_impl.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_DEFAULT 64
#define GROUP_DEPTH_MAX 4

/* ---- one definition ---- */

static ch_status read_enum(const ch_yaml *map, ch_param_def *def, ch_error *err)
{
    const ch_yaml *list = NULL;
    ch_status st = ch_yaml_require(map, "values", &list, err);
    if (st == CH_OK)
        st = ch_yaml_expect_list(list, err);
    if (st != CH_OK)
        return st;
    def->values = ch_alloc(ch_yaml_count(list) * sizeof(char *));
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(list); i++) {
        const char *value = NULL;
        st = ch_yaml_text(ch_yaml_item(list, i), &value, err);
        if (st == CH_OK)
            def->values[def->value_count++] = ch_strdup(value);
    }
    return st;
}

static ch_status read_list(const ch_params_loader *load, const ch_yaml *map, ch_param_def *def, ch_error *err)
{
    static const char *const spellings[CH_SPELLING_COUNT] = {"json", "comma", "repeat", "brackets", "index"};
    const ch_yaml *node = NULL;
    const char *key = NULL;
    ch_param_def *items = NULL;
    unsigned spelling = CH_SPELLING_JSON;
    uint64_t max = ITEMS_DEFAULT;
    ch_status st = ch_yaml_require_text(map, "items", &node, &key, err);
    if (st == CH_OK)
        st = ch_params_find(load, node, key, &items, err);
    if (st == CH_OK)
        st = ch_yaml_choice(map, "spelling", spellings, CH_SPELLING_COUNT, &spelling, err);
    node = st == CH_OK ? ch_yaml_get(map, "max") : NULL;
    if (node != NULL)
        st = ch_yaml_uint(node, &max, CH_PARAMS_MAX, err);
    if (st != CH_OK)
        return st;
    if (spelling != CH_SPELLING_JSON && items->depth > 0)
        return ch_yaml_fail(map, err, "a list of lists or objects has the spelling json only");
    def->items = items;
    def->items_max = max;
    def->spelling = (ch_spelling)spelling;
    def->depth = items->depth + 1;
    return CH_OK;
}

static ch_status read_object(const ch_params_loader *load, const ch_yaml *map, ch_param_def *def, ch_error *err)
{
    ch_status st = ch_params_list(load, ch_yaml_get(map, "required"), true, &def->members, err);
    if (st == CH_OK)
        st = ch_params_list(load, ch_yaml_get(map, "optional"), false, &def->members, err);
    ch_params_list_sort(&def->members);
    def->depth = 1;
    for (size_t i = 0; i < def->members.count; i++) {
        unsigned depth = def->members.params[i].def->depth + 1;
        def->depth = depth > def->depth ? depth : def->depth;
    }
    return st;
}

static ch_status read_type(const ch_params_loader *load, const ch_yaml *map, ch_param_def *def, ch_error *err)
{
    const ch_yaml *node = NULL;
    const char *text = NULL;
    ch_status st = ch_yaml_require_text(map, "type", &node, &text, err);
    if (st != CH_OK)
        return st;
    def->type = ch_param_type_find(text);
    if (def->type == CH_TYPE_COUNT)
        return ch_yaml_fail(node, err,
                            "there is no type '%s'; types are decimal, integer, enum, text, boolean, symbol, list, "
                            "object",
                            text);
    if (def->type == CH_TYPE_ENUM)
        st = read_enum(map, def, err);
    else if (def->type == CH_TYPE_LIST)
        st = read_list(load, map, def, err);
    else if (def->type == CH_TYPE_OBJECT)
        st = read_object(load, map, def, err);
    if (st == CH_OK && def->depth > CH_PARAM_DEPTH_MAX)
        st = ch_yaml_fail(map, err, "lists and objects nest %d deep at most", CH_PARAM_DEPTH_MAX);
    return st;
}

static ch_status read_meaning(const ch_yaml *map, ch_param_def *def, ch_error *err)
{
    static const char *const units[CH_UNIT_COUNT] = {"base", "quote", "contracts"};
    static const char *const places[] = {"body", "query"};
    const ch_yaml *node = ch_yaml_get(map, "role");
    const char *text = NULL;
    ch_status st = node == NULL ? CH_OK : ch_yaml_text(node, &text, err);
    if (st == CH_OK && node != NULL)
        def->role = ch_role_find(text);
    if (def->role == CH_ROLE_COUNT)
        return ch_yaml_fail(node, err, "there is no role '%s'", text);
    unsigned unit = CH_UNIT_BASE;
    unsigned place = 0;
    if (st == CH_OK)
        st = ch_yaml_choice(map, "unit", units, CH_UNIT_COUNT, &unit, err);
    if (st == CH_OK)
        st = ch_yaml_choice(map, "in", places, 2, &place, err);
    if (st == CH_OK)
        st = ch_yaml_flag(map, "negative", &def->may_be_negative, err);
    if (st == CH_OK)
        st = ch_yaml_flag(map, "bare", &def->is_bare, err);
    def->unit = (ch_unit)unit;
    def->is_in_query = place == 1;
    return st;
}

/* The same name has the same number, so that sets of names are bitsets. */
static size_t number_name(ch_profile *profile, const ch_param_def *def)
{
    for (const ch_param_def *other = profile->params; other < def; other++) {
        if (strcmp(other->name, def->name) == 0)
            return other->name_index;
    }
    return profile->name_count++;
}

static ch_status read_param(const ch_params_loader *load, const ch_yaml *map, const char *key, ch_param_def *def,
                            ch_error *err)
{
    const ch_yaml *node = NULL;
    ch_status st = ch_yaml_expect_map(map, err);
    if (st == CH_OK)
        st = read_type(load, map, def, err);
    if (st == CH_OK)
        st = read_meaning(map, def, err);
    node = st == CH_OK ? ch_yaml_get(map, "name") : NULL;
    if (node != NULL)
        st = ch_yaml_text(node, &key, err);
    def->name = ch_strdup(key);
    def->name_index = number_name(load->profile, def);
    if (st == CH_OK && def->name[0] == '\0' && def->type != CH_TYPE_LIST)
        st = ch_yaml_fail(map, err, "only a list can be the whole body");
    return st == CH_OK ? ch_yaml_check_known(map, err) : st;
}

/* ---- lists of them ---- */

ch_status ch_params_find(const ch_params_loader *load, const ch_yaml *node, const char *key, ch_param_def **out,
                         ch_error *err)
{
    for (size_t i = 0; i < load->profile->param_count; i++) {
        if (strcmp(ch_yaml_key_at(load->params, i), key) == 0) {
            *out = &load->profile->params[i];
            (*out)->is_used = true;
            return CH_OK;
        }
    }
    return ch_yaml_fail(node, err, "'params' does not define '%s' (above this place)", key);
}

static ch_status add_param(const ch_params_loader *load, const ch_yaml *node, const char *key, bool is_required,
                           ch_param_list *out, ch_error *err)
{
    ch_param_def *def = NULL;
    ch_status st = ch_params_find(load, node, key, &def, err);
    if (st != CH_OK)
        return st;
    if (ch_set_has(out->listed, def->name_index))
        return ch_yaml_fail(node, err, "'%s' is listed here already", def->name);
    ch_set_add(out->listed, def->name_index);
    if (is_required)
        ch_set_add(out->required, def->name_index);
    out->params = ch_realloc_array(out->params, out->count + 1, sizeof *out->params);
    out->params[out->count++] = (ch_listed_param){ch_slice_of(def->name), def, is_required};
    return CH_OK;
}

static ch_status add_choice(const ch_params_loader *load, const ch_yaml *keys, ch_param_list *out, ch_error *err)
{
    size_t words = load->profile->name_words;
    out->choices = ch_realloc_array(out->choices, (out->choice_count + 1) * words, sizeof *out->choices);
    uint64_t *choice = out->choices + out->choice_count++ * words;
    memset(choice, 0, words * sizeof *choice);
    ch_status st = CH_OK;
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(keys); i++) {
        const ch_yaml *node = ch_yaml_item(keys, i);
        const char *key = NULL;
        st = ch_yaml_text(node, &key, err);
        if (st == CH_OK)
            st = add_param(load, node, key, false, out, err);
        if (st == CH_OK)
            ch_set_add(choice, out->params[out->count - 1].def->name_index);
    }
    return st;
}

/* Groups may name groups, GROUP_DEPTH_MAX deep: this calls itself no more often than that. */
static ch_status add_names(const ch_params_loader *load, const ch_yaml *names, bool is_required, unsigned depth,
                           ch_param_list *out, ch_error *err)
{
    ch_status st = ch_yaml_expect_list(names, err);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(names); i++) {
        const ch_yaml *node = ch_yaml_item(names, i);
        const char *key = NULL;
        if (ch_yaml_kind_of(node) == CH_YAML_LIST) {
            st = is_required ? add_choice(load, node, out, err)
                             : ch_yaml_fail(node, err, "a choice stands among what is required");
            continue;
        }
        st = ch_yaml_text(node, &key, err);
        if (st != CH_OK)
            return st;
        if (*key != '+') {
            st = add_param(load, node, key, is_required, out, err);
            continue;
        }
        const ch_yaml *group = load->groups == NULL ? NULL : ch_yaml_get(load->groups, key + 1);
        if (group == NULL || depth == GROUP_DEPTH_MAX)
            return ch_yaml_fail(node, err, "%s '%s'", group == NULL ? "there is no group" : "groups nest too deeply at",
                                key + 1);
        st = add_names(load, group, is_required, depth + 1, out, err);
    }
    return st;
}

ch_status ch_params_list(const ch_params_loader *load, const ch_yaml *names, bool is_required, ch_param_list *out,
                         ch_error *err)
{
    if (out->listed == NULL) {
        out->listed = ch_alloc(load->profile->name_words * sizeof(uint64_t));
        out->required = ch_alloc(load->profile->name_words * sizeof(uint64_t));
    }
    return names == NULL ? CH_OK : add_names(load, names, is_required, 0, out, err);
}

static int compare_names(const void *a, const void *b)
{
    return ch_slice_compare(((const ch_listed_param *)a)->name, ((const ch_listed_param *)b)->name);
}

void ch_params_list_sort(ch_param_list *list)
{
    if (list->count > 0)
        qsort(list->params, list->count, sizeof *list->params, compare_names);
}

/* ---- all of them ---- */

ch_status ch_params_load(ch_profile *profile, const ch_yaml *root, ch_params_loader *out, ch_error *err)
{
    *out = (ch_params_loader){profile, ch_yaml_get(root, "params"), ch_yaml_get(root, "groups")};
    ch_status st = out->groups == NULL ? CH_OK : ch_yaml_expect_map(out->groups, err);
    if (st != CH_OK || out->params == NULL)
        return st;
    st = ch_yaml_expect_map(out->params, err);
    if (st != CH_OK)
        return st;
    size_t count = ch_yaml_count(out->params);
    if (count > CH_PROFILE_NAMES_MAX)
        return ch_yaml_fail(out->params, err, "there are more than %d params", CH_PROFILE_NAMES_MAX);
    profile->params = ch_alloc(count * sizeof *profile->params);
    profile->name_words = (count + 63) / 64;
    for (size_t i = 0; st == CH_OK && i < count; i++) {
        st =
            read_param(out, ch_yaml_value_at(out->params, i), ch_yaml_key_at(out->params, i), &profile->params[i], err);
        profile->param_count++;
    }
    return st;
}

ch_status ch_params_check_used(const ch_params_loader *load, ch_error *err)
{
    for (size_t i = 0; i < load->profile->param_count; i++) {
        if (!load->profile->params[i].is_used)
            return ch_yaml_fail(ch_yaml_value_at(load->params, i), err, "no endpoint uses parameter '%s'",
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
        free(def->members.params);
        free(def->members.listed);
        free(def->members.required);
        free(def->members.choices);
        free(def->name);
    }
    free(profile->params);
}
