/* Parameters first, then endpoints, which point to them and to recipes. */
#include "agent/profile_data.h"

#include <stdlib.h>
#include <string.h>

#define METHODS_MAX 5
#define ENDPOINTS_MAX 4096

/* What is needed while reading and not later. */
typedef struct loader {
    ch_profile *profile;
    const ch_yaml *root;
    const ch_yaml *params; /* NULL if the profile defines none */
    const ch_yaml *groups; /* likewise */
} loader;

static const char *const methods[METHODS_MAX] = {"GET", "POST", "PUT", "DELETE", "PATCH"};

/* ---- params ---- */

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

static ch_status read_param(const ch_yaml *map, const char *key, ch_param_def *def, ch_error *err)
{
    const ch_yaml *node = NULL;
    const char *text = NULL;
    ch_status st = ch_yaml_require_text(map, "type", &node, &text, err);
    if (st != CH_OK)
        return st;
    def->type = ch_param_type_find(text);
    if (def->type == CH_TYPE_COUNT)
        return ch_yaml_fail(node, err, "there is no type '%s'; types are decimal, integer, enum, text, boolean, symbol",
                            text);
    if (def->type == CH_TYPE_ENUM)
        st = read_enum(map, def, err);
    node = st == CH_OK ? ch_yaml_get(map, "role") : NULL;
    if (node != NULL) {
        st = ch_yaml_text(node, &text, err);
        def->role = st == CH_OK ? ch_role_find(text) : CH_ROLE_NONE;
        if (def->role == CH_ROLE_COUNT)
            st = ch_yaml_fail(node, err, "there is no role '%s'", text);
    }
    if (st == CH_OK)
        st = ch_yaml_flag(map, "negative", &def->may_be_negative, err);
    node = st == CH_OK ? ch_yaml_get(map, "name") : NULL;
    if (node != NULL)
        st = ch_yaml_text(node, &key, err);
    def->name = ch_strdup(key);
    return st == CH_OK ? ch_yaml_check_known(map, err) : st;
}

/* Numbers the different names, so that sets of them are bitsets. */
static ch_status number_names(const loader *load, ch_error *err)
{
    ch_profile *profile = load->profile;
    for (size_t i = 0; i < profile->param_count; i++) {
        size_t same = 0;
        while (same < i && strcmp(profile->params[same].name, profile->params[i].name) != 0)
            same++;
        profile->params[i].name_index = same < i ? profile->params[same].name_index : profile->name_count++;
    }
    if (profile->name_count > CH_PROFILE_NAMES_MAX)
        return ch_yaml_fail(load->params, err, "there are more than %d different names", CH_PROFILE_NAMES_MAX);
    return CH_OK;
}

static ch_status read_params(loader *load, ch_error *err)
{
    ch_profile *profile = load->profile;
    load->params = ch_yaml_get(load->root, "params");
    load->groups = ch_yaml_get(load->root, "groups");
    ch_status st = load->groups == NULL ? CH_OK : ch_yaml_expect_map(load->groups, err);
    if (st != CH_OK || load->params == NULL)
        return st;
    st = ch_yaml_expect_map(load->params, err);
    if (st != CH_OK)
        return st;
    profile->params = ch_alloc(ch_yaml_count(load->params) * sizeof *profile->params);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(load->params); i++)
        st = read_param(ch_yaml_value_at(load->params, i), ch_yaml_key_at(load->params, i),
                        &profile->params[profile->param_count++], err);
    return st == CH_OK ? number_names(load, err) : st;
}

static ch_status find_param(const loader *load, const ch_yaml *node, const char *key, ch_param_def **out, ch_error *err)
{
    for (size_t i = 0; i < load->profile->param_count; i++) {
        if (strcmp(ch_yaml_key_at(load->params, i), key) == 0) {
            *out = &load->profile->params[i];
            (*out)->is_used = true;
            return CH_OK;
        }
    }
    return ch_yaml_fail(node, err, "'params' does not define '%s'", key);
}

static ch_status check_all_used(const loader *load, ch_error *err)
{
    for (size_t i = 0; i < load->profile->param_count; i++) {
        if (!load->profile->params[i].is_used)
            return ch_yaml_fail(ch_yaml_value_at(load->params, i), err, "no endpoint uses parameter '%s'",
                                ch_yaml_key_at(load->params, i));
    }
    return load->groups == NULL ? CH_OK : ch_yaml_check_known(load->groups, err);
}

/* ---- endpoints ---- */

static ch_status find_recipe(const loader *load, const ch_yaml *choice, const char *method, const ch_recipe **out,
                             ch_error *err)
{
    const char *name = NULL;
    const ch_yaml *node = choice;
    if (ch_yaml_kind_of(choice) == CH_YAML_MAP)
        node = ch_yaml_get(choice, method);
    if (node == NULL)
        return ch_yaml_fail(choice, err, "this chooses no recipe for method %s", method);
    ch_status st = ch_yaml_text(node, &name, err);
    if (st != CH_OK)
        return st;
    for (size_t i = 0; i < load->profile->recipe_count; i++) {
        if (strcmp(load->profile->recipes[i].name, name) == 0) {
            *out = &load->profile->recipes[i];
            return CH_OK;
        }
    }
    return ch_yaml_fail(node, err, "there is no recipe '%s'", name);
}

static ch_status read_call(const ch_yaml *map, ch_endpoint *endpoint, ch_error *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    const ch_yaml *node = NULL;
    const char *call = NULL;
    ch_status st = ch_yaml_require_text(map, "call", &node, &call, err);
    for (size_t i = 0; st == CH_OK && i < METHODS_MAX; i++) {
        size_t size = strlen(methods[i]);
        const char *path = call + size + 1;
        if (strncmp(call, methods[i], size) != 0 || call[size] != ' ')
            continue;
        if (*path != '/' || strspn(path, allowed) != strlen(path) || strstr(path, "/.") != NULL)
            return ch_yaml_fail(node, err, "'%s' is not a plain path", path);
        endpoint->method = ch_strdup(methods[i]);
        endpoint->path = ch_strdup(path);
        endpoint->path_slice = ch_slice_of(endpoint->path);
        return CH_OK;
    }
    return st == CH_OK ? ch_yaml_fail(node, err, "'call' is a method and a path, such as GET /api/v3/account") : st;
}

static ch_status add_param(const loader *load, const ch_yaml *node, const char *key, bool is_required,
                           ch_endpoint *endpoint, ch_error *err)
{
    ch_param_def *def = NULL;
    ch_status st = find_param(load, node, key, &def, err);
    if (st != CH_OK)
        return st;
    uint64_t bit = (uint64_t)1 << (def->name_index % 64);
    uint64_t *listed = &endpoint->listed[def->name_index / 64];
    if ((*listed & bit) != 0)
        return ch_yaml_fail(node, err, "'%s' is listed here already", def->name);
    *listed |= bit;
    if (is_required)
        endpoint->required[def->name_index / 64] |= bit;
    endpoint->params = ch_realloc_array(endpoint->params, endpoint->param_count + 1, sizeof *endpoint->params);
    endpoint->params[endpoint->param_count++] = (ch_endpoint_param){ch_slice_of(def->name), def, is_required};
    return CH_OK;
}

/* A list of params; "+name" stands for the params of a group. */
static ch_status add_params(const loader *load, const ch_yaml *list, bool is_required, ch_endpoint *endpoint,
                            ch_error *err)
{
    ch_status st = list == NULL ? CH_OK : ch_yaml_expect_list(list, err);
    for (size_t i = 0; st == CH_OK && list != NULL && i < ch_yaml_count(list); i++) {
        const ch_yaml *node = ch_yaml_item(list, i);
        const char *key = NULL;
        st = ch_yaml_text(node, &key, err);
        if (st == CH_OK && *key != '+') {
            st = add_param(load, node, key, is_required, endpoint, err);
            continue;
        }
        const ch_yaml *group = st == CH_OK && load->groups != NULL ? ch_yaml_get(load->groups, key + 1) : NULL;
        if (st == CH_OK)
            st = group == NULL ? ch_yaml_fail(node, err, "there is no group '%s'", key + 1)
                               : ch_yaml_expect_list(group, err);
        for (size_t j = 0; st == CH_OK && j < ch_yaml_count(group); j++) {
            st = ch_yaml_text(ch_yaml_item(group, j), &key, err);
            if (st == CH_OK)
                st = add_param(load, node, key, is_required, endpoint, err);
        }
    }
    return st;
}

static ch_status read_class(const ch_yaml *map, ch_class *out, ch_error *err)
{
    const ch_yaml *node = NULL;
    const char *name = NULL;
    ch_status st = ch_yaml_require_text(map, "class", &node, &name, err);
    if (st != CH_OK)
        return st;
    *out = ch_class_find(ch_slice_of(name));
    if (*out == CH_CLASS_COUNT)
        return ch_yaml_fail(node, err, "there is no class '%s': read, trade, cancel, transfer, withdraw, keys, account",
                            name);
    return CH_OK;
}

static ch_status read_origin(const loader *load, const ch_yaml *map, const ch_origin **out, ch_error *err)
{
    const ch_yaml *node = ch_yaml_get(map, "origin");
    const char *name = NULL;
    *out = &load->profile->origins[0];
    if (node == NULL)
        return CH_OK;
    ch_status st = ch_yaml_text(node, &name, err);
    for (size_t i = 0; st == CH_OK && i < load->profile->origin_count; i++) {
        *out = &load->profile->origins[i];
        if (strcmp((*out)->name, name) == 0)
            return CH_OK;
    }
    return st == CH_OK ? ch_yaml_fail(node, err, "there is no origin '%s'", name) : st;
}

static int compare_params(const void *a, const void *b)
{
    return ch_slice_compare(((const ch_endpoint_param *)a)->name, ((const ch_endpoint_param *)b)->name);
}

/* The agent fills a field in; a parameter of that name would be a second way to give it. */
static ch_status check_fields(const ch_yaml *map, const ch_endpoint *endpoint, ch_error *err)
{
    for (size_t i = 0; i < endpoint->recipe->list_count; i++) {
        const ch_recipe_list *list = &endpoint->recipe->lists[i];
        for (size_t j = 0; j < list->field_count; j++) {
            ch_endpoint_param wanted = {.name = ch_slice_of(list->fields[j].name)};
            if (endpoint->param_count > 0 &&
                bsearch(&wanted, endpoint->params, endpoint->param_count, sizeof wanted, compare_params) != NULL)
                return ch_yaml_fail(map, err, "recipe '%s' fills in '%s', so it can't be a parameter too",
                                    endpoint->recipe->name, list->fields[j].name);
        }
    }
    return CH_OK;
}

static ch_status read_endpoint(const loader *load, const ch_yaml *map, ch_endpoint *endpoint, ch_error *err)
{
    size_t words = (load->profile->name_count + 63) / 64;
    endpoint->profile = load->profile;
    endpoint->listed = ch_alloc(words * sizeof(uint64_t));
    endpoint->required = ch_alloc(words * sizeof(uint64_t));
    const ch_yaml *recipe = NULL;
    ch_status st = read_call(map, endpoint, err);
    if (st == CH_OK)
        st = read_class(map, &endpoint->class_, err);
    if (st == CH_OK)
        st = read_origin(load, map, &endpoint->origin, err);
    if (st == CH_OK)
        st = ch_yaml_flag(map, "ignores_unknown", &endpoint->ignores_unknown, err);
    if (st == CH_OK && (recipe = ch_yaml_get(map, "recipe")) == NULL)
        st = ch_yaml_require(load->root, "recipe", &recipe, err);
    if (st == CH_OK)
        st = find_recipe(load, recipe, endpoint->method, &endpoint->recipe, err);
    if (st == CH_OK)
        st = add_params(load, ch_yaml_get(map, "required"), true, endpoint, err);
    if (st == CH_OK)
        st = add_params(load, ch_yaml_get(map, "optional"), false, endpoint, err);
    if (st == CH_OK)
        st = add_params(load, ch_yaml_get(load->root, "everywhere"), false, endpoint, err);
    if (endpoint->param_count > 0)
        qsort(endpoint->params, endpoint->param_count, sizeof *endpoint->params, compare_params);
    if (st == CH_OK)
        st = check_fields(map, endpoint, err);
    return st == CH_OK ? ch_yaml_check_known(map, err) : st;
}

static int compare_endpoints(const void *a, const void *b)
{
    const ch_endpoint *left = a;
    const ch_endpoint *right = b;
    int order = ch_slice_compare(left->path_slice, right->path_slice);
    return order != 0 ? order : strcmp(left->method, right->method);
}

static ch_status read_endpoints(const loader *load, ch_error *err)
{
    ch_profile *profile = load->profile;
    const ch_yaml *list = NULL;
    ch_status st = ch_yaml_require(load->root, "endpoints", &list, err);
    if (st == CH_OK)
        st = ch_yaml_expect_list(list, err);
    if (st == CH_OK && (ch_yaml_count(list) == 0 || ch_yaml_count(list) > ENDPOINTS_MAX))
        st = ch_yaml_fail(list, err, "there must be 1 to %d endpoints", ENDPOINTS_MAX);
    if (st != CH_OK)
        return st;
    profile->endpoints = ch_alloc(ch_yaml_count(list) * sizeof *profile->endpoints);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(list); i++)
        st = read_endpoint(load, ch_yaml_item(list, i), &profile->endpoints[profile->endpoint_count++], err);
    if (st != CH_OK)
        return st;
    qsort(profile->endpoints, profile->endpoint_count, sizeof *profile->endpoints, compare_endpoints);
    for (size_t i = 1; i < profile->endpoint_count; i++) {
        if (compare_endpoints(&profile->endpoints[i - 1], &profile->endpoints[i]) == 0)
            return ch_yaml_fail(list, err, "%s %s is listed twice", profile->endpoints[i].method,
                                profile->endpoints[i].path);
    }
    return CH_OK;
}

ch_status ch_endpoints_load(ch_profile *profile, const ch_yaml *root, ch_error *err)
{
    loader load = {.profile = profile, .root = root};
    ch_status st = read_params(&load, err);
    if (st == CH_OK)
        st = read_endpoints(&load, err);
    return st == CH_OK ? check_all_used(&load, err) : st;
}
