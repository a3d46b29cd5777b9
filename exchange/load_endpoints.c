/* Endpoints point to all the rest: params, recipes, origins. They are sorted by path, so that a request's is found by
 * halving; those whose path has parameters are also in `patterns`, the most literal first. */
#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "exchange/profile_impl.h"

#include <stdlib.h>
#include <string.h>

#define ENDPOINTS_MAX 4096

static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "WS"};
#define METHODS_COUNT (sizeof methods / sizeof methods[0])

/* What is needed while reading and not later. */
typedef struct loader {
    ch_profile *profile;
    const ch_params_loader *params;
    const ch_yaml *root;
    const ch_yaml *everywhere;                    /* NULL if there is none */
    const ch_yaml *scheme_recipe[CH_SCHEMES_MAX]; /* likewise */
} loader;

/* ---- recipes ---- */

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

static ch_status find_recipes(const loader *load, const ch_yaml *map, ch_endpoint *endpoint, ch_error *err)
{
    const ch_yaml *own = ch_yaml_get(map, "recipe");
    const ch_yaml *common = ch_yaml_get(load->root, "recipe");
    ch_status st = CH_OK;
    for (size_t i = 0; st == CH_OK && i < load->profile->scheme_count; i++) {
        const ch_yaml *choice = load->scheme_recipe[i] != NULL ? load->scheme_recipe[i] : own != NULL ? own : common;
        st = choice == NULL ? ch_yaml_fail(map, err, "neither the endpoint nor the profile chooses a recipe")
                            : find_recipe(load, choice, endpoint->method, &endpoint->recipes[i], err);
    }
    return st;
}

/* ---- the path ---- */

static ch_status add_part(const loader *load, const ch_yaml *node, const char **at, ch_endpoint *endpoint,
                          ch_error *err)
{
    const char *end = strchr(*at, '}');
    ch_param_def *def = NULL;
    if (end == NULL || end - *at > 64)
        return ch_yaml_fail(node, err, "a '{' in the path is not closed");
    char key[65] = "";
    memcpy(key, *at + 1, (size_t)(end - *at - 1));
    ch_status st = ch_params_find(load->params, node, key, &def, err);
    if (st != CH_OK)
        return st;
    if (def->depth > 0 || endpoint->part_count == CH_PATH_PARTS_MAX)
        return ch_yaml_fail(node, err, "'%s' can't stand in a path", key);
    endpoint->parts[endpoint->part_count++].def = def;
    *at = end + 1;
    if (**at != '\0' && **at != '/')
        return ch_yaml_fail(node, err, "behind a parameter the path ends or goes on with a '/'");
    return CH_OK;
}

static ch_status split_path(const loader *load, const ch_yaml *node, ch_endpoint *endpoint, ch_error *err)
{
    endpoint->parts = ch_alloc(CH_PATH_PARTS_MAX * sizeof *endpoint->parts);
    const char *at = endpoint->path;
    while (*at != '\0') {
        size_t literal = strcspn(at, "{}");
        if (at[literal] == '}')
            return ch_yaml_fail(node, err, "a '}' in the path closes nothing");
        if (literal > 0 && endpoint->part_count == CH_PATH_PARTS_MAX)
            return ch_yaml_fail(node, err, "the path has too many parts");
        if (literal > 0)
            endpoint->parts[endpoint->part_count++].literal = (ch_slice){(const uint8_t *)at, literal};
        at += literal;
        ch_status st = *at == '{' ? add_part(load, node, &at, endpoint, err) : CH_OK;
        if (st != CH_OK)
            return st;
    }
    return CH_OK;
}

static ch_status read_call(const loader *load, const ch_yaml *map, ch_endpoint *endpoint, ch_error *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/{}";
    const ch_yaml *node = NULL;
    const char *call = NULL;
    ch_status st = ch_yaml_require_text(map, "call", &node, &call, err);
    for (size_t i = 0; st == CH_OK && i < METHODS_COUNT; i++) {
        size_t size = strlen(methods[i]);
        if (strncmp(call, methods[i], size) != 0 || call[size] != ' ')
            continue;
        const char *path = call + size + 1;
        if (*path != '/' || strspn(path, allowed) != strlen(path) || strstr(path, "/.") != NULL)
            return ch_yaml_fail(node, err, "'%s' is not a plain path", path);
        endpoint->method = ch_strdup(methods[i]);
        endpoint->path = ch_strdup(path);
        endpoint->path_slice = ch_slice_of(endpoint->path);
        return strpbrk(path, "{}") == NULL ? CH_OK : split_path(load, node, endpoint, err);
    }
    return st == CH_OK ? ch_yaml_fail(node, err, "'call' is a method and a path, such as GET /api/v3/account") : st;
}

/* What may stand for a parameter in a path: nothing that a server could decode, split or resolve. */
static size_t capture_size(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at;
    while (at < end && (ch_byte_is_alphanumeric(*at) || memchr("-._~:", *at, 5) != NULL))
        at++;
    return (size_t)(at - from);
}

static bool is_dots(ch_slice text)
{
    return ch_slice_is(text, ".") || ch_slice_is(text, "..");
}

bool ch_endpoint_fits(const ch_endpoint *endpoint, ch_slice path, ch_slice *captures)
{
    if (endpoint->parts == NULL)
        return ch_slice_equal(endpoint->path_slice, path);
    const uint8_t *at = path.data;
    const uint8_t *end = path.data + path.size;
    size_t captured = 0;
    for (size_t i = 0; i < endpoint->part_count; i++) {
        const ch_path_part *part = &endpoint->parts[i];
        size_t size = part->def == NULL ? part->literal.size : capture_size(at, end);
        if (part->def == NULL) {
            if ((size_t)(end - at) < size || memcmp(at, part->literal.data, size) != 0)
                return false;
        } else {
            captures[captured] = (ch_slice){at, size};
            if (size == 0 || is_dots(captures[captured++]))
                return false;
        }
        at += size;
    }
    return at == end;
}

/* ---- the rest of an endpoint ---- */

static ch_status read_class(const ch_yaml *map, ch_class *out, ch_error *err)
{
    const ch_yaml *node = NULL;
    ch_status st = ch_yaml_require(map, "class", &node, err);
    return st == CH_OK ? ch_class_read(node, out, err) : st;
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

static ch_status read_kind(ch_profile *profile, const ch_yaml *map, unsigned *out, ch_error *err)
{
    const ch_yaml *node = ch_yaml_get(map, "only_for");
    const char *name = NULL;
    if (node == NULL)
        return CH_OK;
    ch_status st = ch_yaml_text(node, &name, err);
    if (st != CH_OK)
        return st;
    *out = ch_profile_kind(profile, name);
    if (*out != 0)
        return CH_OK;
    if (profile->kind_count == CH_KINDS_MAX)
        return ch_yaml_fail(node, err, "there are more than %d kinds of keys", CH_KINDS_MAX);
    *out = 1U << profile->kind_count;
    profile->kinds[profile->kind_count++] = ch_strdup(name);
    return CH_OK;
}

/* The agent fills a field in; a parameter of that name would be a second way to give it. */
static ch_status check_fields(const ch_yaml *map, const ch_endpoint *endpoint, const ch_recipe *recipe, ch_error *err)
{
    for (size_t i = 0; i < recipe->list_count; i++) {
        const ch_recipe_list *list = &recipe->lists[i];
        for (size_t j = 0; list->takes != CH_TAKES_NONE && j < list->field_count; j++) {
            if (ch_param_list_find(&endpoint->params, ch_slice_of(list->fields[j].name)) != NULL)
                return ch_yaml_fail(map, err, "recipe '%s' fills in '%s', so it can't be a parameter too", recipe->name,
                                    list->fields[j].name);
        }
    }
    return CH_OK;
}

/* A parameter that stands in no list would be judged and not sent. */
static ch_status check_places(const ch_yaml *map, const ch_endpoint *endpoint, const ch_recipe *recipe, ch_error *err)
{
    bool takes[CH_TAKES_COUNT] = {false};
    for (size_t i = 0; i < recipe->list_count; i++)
        takes[recipe->lists[i].takes] = true;
    for (size_t i = 0; i < endpoint->params.count; i++) {
        const ch_param_def *def = endpoint->params.params[i].def;
        if (!takes[CH_TAKES_PARAMS] && !takes[def->is_in_query ? CH_TAKES_QUERY : CH_TAKES_BODY])
            return ch_yaml_fail(map, err, "recipe '%s' has no list that takes '%s'", recipe->name, def->name);
    }
    return CH_OK;
}

/* A list that is the whole body leaves no room for another parameter. */
static ch_status check_whole_body(const ch_yaml *map, const ch_endpoint *endpoint, ch_error *err)
{
    size_t others = 0;
    for (size_t i = 0; i < endpoint->params.count; i++)
        others += !endpoint->params.params[i].def->is_in_query;
    if (others > 1 && ch_param_list_find(&endpoint->params, CH_LITERAL("")) != NULL)
        return ch_yaml_fail(map, err, "a list that is the whole body can't have parameters beside it");
    return CH_OK;
}

static ch_status read_params(const loader *load, const ch_yaml *map, ch_endpoint *endpoint, ch_error *err)
{
    ch_status st = ch_params_list(load->params, ch_yaml_get(map, "required"), true, &endpoint->params, err);
    if (st == CH_OK)
        st = ch_params_list(load->params, ch_yaml_get(map, "optional"), false, &endpoint->params, err);
    if (st == CH_OK)
        st = ch_params_list(load->params, load->everywhere, false, &endpoint->params, err);
    ch_params_list_sort(&endpoint->params);
    for (size_t i = 0; st == CH_OK && i < load->profile->scheme_count; i++) {
        st = check_fields(map, endpoint, endpoint->recipes[i], err);
        if (st == CH_OK)
            st = check_places(map, endpoint, endpoint->recipes[i], err);
    }
    return st == CH_OK ? check_whole_body(map, endpoint, err) : st;
}

static ch_status read_endpoint(const loader *load, const ch_yaml *map, ch_endpoint *endpoint, ch_error *err)
{
    endpoint->profile = load->profile;
    ch_status st = ch_yaml_expect_map(map, err);
    if (st == CH_OK)
        st = read_call(load, map, endpoint, err);
    if (st == CH_OK)
        st = read_class(map, &endpoint->class_, err);
    if (st == CH_OK)
        st = read_origin(load, map, &endpoint->origin, err);
    if (st == CH_OK && (strcmp(endpoint->method, "WS") == 0) != (strncmp(endpoint->origin->url, "wss:", 4) == 0))
        st = ch_yaml_fail(map, err, "method WS and an origin of wss:// go together");
    if (st == CH_OK)
        st = read_kind(load->profile, map, &endpoint->kind, err);
    if (st == CH_OK)
        st = ch_yaml_flag(map, "ignores_unknown", &endpoint->ignores_unknown, err);
    if (st == CH_OK)
        st = find_recipes(load, map, endpoint, err);
    if (st == CH_OK)
        st = read_params(load, map, endpoint, err);
    return st == CH_OK ? ch_yaml_check_known(map, err) : st;
}

/* ---- all of them ---- */

static int compare_endpoints(const void *a, const void *b)
{
    const ch_endpoint *left = a;
    const ch_endpoint *right = b;
    int order = ch_slice_compare(left->path_slice, right->path_slice);
    if (order == 0)
        order = strcmp(left->method, right->method);
    return order != 0 ? order : ch_slice_compare(left->origin->host, right->origin->host);
}

/* The one whose first '{' comes later is more literal. */
static int compare_patterns(const void *a, const void *b, void *context)
{
    const ch_endpoint *endpoints = context;
    size_t left = strcspn(endpoints[*(const uint16_t *)a].path, "{");
    size_t right = strcspn(endpoints[*(const uint16_t *)b].path, "{");
    return left > right ? -1 : left < right;
}

static void collect_patterns(ch_profile *profile)
{
    profile->patterns = ch_alloc(profile->endpoint_count * sizeof *profile->patterns);
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        if (profile->endpoints[i].parts != NULL)
            profile->patterns[profile->pattern_count++] = (uint16_t)i;
    }
    if (profile->pattern_count > 0)
        qsort_r(profile->patterns, profile->pattern_count, sizeof *profile->patterns, compare_patterns,
                profile->endpoints);
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
    collect_patterns(profile);
    return CH_OK;
}

ch_status ch_endpoints_load(ch_profile *profile, const ch_yaml *root, const ch_params_loader *params, ch_error *err)
{
    loader load = {.profile = profile, .params = params, .root = root, .everywhere = ch_yaml_get(root, "everywhere")};
    const ch_yaml *schemes = ch_yaml_get(root, "schemes");
    for (size_t i = 0; i < profile->scheme_count; i++)
        load.scheme_recipe[i] = ch_yaml_get(ch_yaml_value_at(schemes, i), "recipe");
    return read_endpoints(&load, err);
}

void ch_endpoints_free(ch_profile *profile)
{
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        ch_endpoint *endpoint = &profile->endpoints[i];
        for (size_t at = 0; at < profile->scheme_count; at++) {
            bool is_shared = false;
            for (size_t earlier = 0; earlier < at; earlier++)
                is_shared |= endpoint->confusions[earlier].others == endpoint->confusions[at].others;
            if (!is_shared)
                free(endpoint->confusions[at].others);
        }
        free(endpoint->method);
        free(endpoint->path);
        free(endpoint->parts);
        free(endpoint->params.params);
        free(endpoint->params.listed);
        free(endpoint->params.required);
        free(endpoint->params.choices);
        free(endpoint->in_query);
    }
    for (size_t i = 0; i < profile->kind_count; i++)
        free(profile->kinds[i]);
    free(profile->endpoints);
    free(profile->patterns);
}
