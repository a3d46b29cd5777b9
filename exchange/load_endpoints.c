/* Endpoints point to all the rest: params, recipes, origins. They are sorted by path, so that a request's is found by
 * halving; those whose path has parameters are also in `patterns`, the most literal first. */
#include "exchange/load_endpoints.h"

#include "base/memory.h"
#include "conf/fields.h"
#include "exchange/load_environments.h"
#include "exchange/load_intents.h"
#include "exchange/load_nonces.h"
#include "exchange/load_params.h"
#include "exchange/match.h"

#include <stdlib.h>
#include <string.h>

#define ENDPOINTS_MAX 4096
#define KEY_MAX 64 /* of a parameter in a path */

/* ---- recipes ---- */

/* `choice` is a recipe's name, or a map of methods to names. */
static ch_status find_recipe(const ch_profile *profile, const ch_yaml *choice, const char *method,
                             const ch_recipe **out, ch_error *err)
{
    const char *name = NULL;
    const ch_yaml *node = ch_yaml_kind_of(choice) == CH_YAML_MAP ? ch_yaml_get(choice, method) : choice;
    if (node == NULL)
        return ch_yaml_fail(choice, err, "this chooses no recipe for method %s", method);
    CH_TRY(ch_yaml_text(node, &name, err));
    for (size_t i = 0; i < profile->recipe_count; i++) {
        if (strcmp(profile->recipes[i].name, name) == 0) {
            *out = &profile->recipes[i];
            return CH_OK;
        }
    }
    return ch_yaml_fail(node, err, "there is no recipe '%s'", name);
}

/* A scheme's choice takes precedence over the endpoint's, and that over the profile's. */
static ch_status find_recipes(const ch_loader *load, const ch_yaml *map, ch_endpoint *endpoint, ch_error *err)
{
    const ch_yaml *schemes = ch_yaml_get(load->root, "schemes");
    const ch_yaml *own = ch_yaml_get(map, "recipe");
    const ch_yaml *fallback = own != NULL ? own : ch_yaml_get(load->root, "recipe");
    for (size_t i = 0; i < load->profile->scheme_count; i++) {
        const ch_yaml *of_scheme = ch_yaml_get(ch_yaml_value_at(schemes, i), "recipe");
        const ch_yaml *choice = of_scheme != NULL ? of_scheme : fallback;
        if (choice == NULL)
            return ch_yaml_fail(map, err, "neither the endpoint nor the profile chooses a recipe");
        CH_TRY(find_recipe(load->profile, choice, endpoint->method, &endpoint->recipes[i], err));
    }
    return CH_OK;
}

/* ---- the path ---- */

static ch_status fail_too_many_parts(const ch_yaml *node, ch_error *err)
{
    return ch_yaml_fail(node, err, "the path has too many parts; at most %d parameters and texts between them",
                        CH_PATH_PARTS_MAX);
}

static ch_status add_part(const ch_loader *load, const ch_yaml *node, const char **at, ch_endpoint *endpoint,
                          ch_error *err)
{
    const char *end = strchr(*at, '}');
    char key[KEY_MAX + 1] = "";
    ch_param_def *def = NULL;
    if (end == NULL || end - *at > KEY_MAX)
        return ch_yaml_fail(node, err, "a '{' in the path is not closed");
    memcpy(key, *at + 1, (size_t)(end - *at - 1));
    CH_TRY(ch_params_find(load, node, key, &def, err));
    if (def->depth > 0)
        return ch_yaml_fail(node, err, "'%s' is a list or an object, which can't stand in a path", key);
    if (def->need_count > 0)
        return ch_yaml_fail(node, err, "'%s' has 'needs', so it can't stand in a path", key);
    if (endpoint->part_count == CH_PATH_PARTS_MAX)
        return fail_too_many_parts(node, err);
    endpoint->parts[endpoint->part_count++].def = def;
    *at = end + 1;
    if (**at != '\0' && **at != '/')
        return ch_yaml_fail(node, err, "only a '/' may follow a parameter in the path");
    return CH_OK;
}

static ch_status split_path(const ch_loader *load, const ch_yaml *node, ch_endpoint *endpoint, ch_error *err)
{
    endpoint->parts = ch_alloc(CH_PATH_PARTS_MAX * sizeof *endpoint->parts);
    const char *at = endpoint->path;
    while (*at != '\0') {
        size_t literal = strcspn(at, "{}");
        if (at[literal] == '}')
            return ch_yaml_fail(node, err, "a '}' in the path closes nothing");
        if (literal > 0 && endpoint->part_count == CH_PATH_PARTS_MAX)
            return fail_too_many_parts(node, err);
        if (literal > 0)
            endpoint->parts[endpoint->part_count++].literal = (ch_slice){(const uint8_t *)at, literal};
        at += literal;
        if (*at == '{')
            CH_TRY(add_part(load, node, &at, endpoint, err));
    }
    return CH_OK;
}

const char *ch_call_method(const char *call)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "WS"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        size_t size = strlen(methods[i]);
        if (strncmp(call, methods[i], size) == 0 && call[size] == ' ')
            return methods[i];
    }
    return NULL;
}

static ch_status read_call(const ch_value *value, ch_error *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/{}";
    ch_endpoint *endpoint = value->out;
    const char *call = NULL;
    CH_TRY(ch_yaml_text(value->node, &call, err));
    const char *method = ch_call_method(call);
    if (method == NULL)
        return ch_yaml_fail(value->node, err, "write 'call' as a method and a path, such as GET /api/v3/account");
    const char *path = call + strlen(method) + 1;
    if (*path != '/' || strspn(path, allowed) != strlen(path) || strstr(path, "/.") != NULL)
        return ch_yaml_fail(
            value->node, err,
            "'%s' is not a plain path; use letters, digits and -._~:/, and no part that starts with a '.'", path);
    endpoint->method = ch_strdup(method);
    endpoint->path = ch_strdup(path);
    endpoint->path_slice = ch_slice_of(endpoint->path);
    return strpbrk(path, "{}") == NULL ? CH_OK : split_path(value->context, value->node, endpoint, err);
}

/* ---- the other fields ---- */

static ch_status read_class(const ch_value *value, ch_error *err)
{
    return ch_class_read(value->node, value->out, err);
}

static ch_status read_origin(const ch_value *value, ch_error *err)
{
    const ch_loader *load = value->context;
    ch_endpoint *endpoint = value->out;
    const char *name = NULL;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    size_t at = ch_origin_find(load->profile, name);
    if (at == load->profile->origin_count)
        return ch_yaml_fail(value->node, err, "there is no origin '%s'", name);
    endpoint->origin = &load->profile->origins[at];
    return CH_OK;
}

static ch_status read_kind(const ch_value *value, ch_error *err)
{
    const ch_loader *load = value->context;
    ch_endpoint *endpoint = value->out;
    const char *name = NULL;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    return ch_profile_make_kind(load->profile, value->node, name, &endpoint->kind, err);
}

static ch_status read_schemes(const ch_value *value, ch_error *err)
{
    const ch_loader *load = value->context;
    unsigned *schemes = value->out;
    *schemes = 0;
    CH_TRY(ch_yaml_expect_list(value->node, err));
    for (size_t i = 0; i < ch_yaml_count(value->node); i++) {
        const ch_yaml *item = ch_yaml_item(value->node, i);
        const char *name = NULL;
        CH_TRY(ch_yaml_text(item, &name, err));
        const ch_scheme *scheme = ch_profile_scheme(load->profile, name);
        if (scheme == NULL)
            return ch_yaml_fail(item, err, "there is no scheme '%s'", name);
        *schemes |= 1U << scheme->index;
    }
    return *schemes != 0 ? CH_OK : ch_yaml_fail(value->node, err, "it names no scheme");
}

static ch_status read_required(const ch_value *value, ch_error *err)
{
    ch_endpoint *endpoint = value->out;
    return ch_params_add(value->context, value->node, true, &endpoint->params, err);
}

static ch_status read_optional(const ch_value *value, ch_error *err)
{
    ch_endpoint *endpoint = value->out;
    return ch_params_add(value->context, value->node, false, &endpoint->params, err);
}

/* clang-format off */
static const ch_field fields[] = {
    /* name               required  reader          where */
    { "call",             true,     read_call,      CH_WHOLE },
    { "class",            true,     read_class,     CH_MEMBER(ch_endpoint, class_) },
    { "origin",           false,    read_origin,    CH_WHOLE },
    { "only_for",         false,    read_kind,      CH_WHOLE },
    { "only_in",          false,    ch_endpoint_read_only_in, CH_WHOLE },
    { "schemes",          false,    read_schemes,   CH_MEMBER(ch_endpoint, schemes) },
    { "recipe",           false,    NULL,           CH_WHOLE }, /* find_recipes */
    { "intent",           false,    ch_intent_read_items, CH_WHOLE },
    { "uses",             false,    ch_uses_read,   CH_MEMBER(ch_endpoint, uses) },
    { "required",         false,    read_required,  CH_WHOLE },
    { "optional",         false,    read_optional,  CH_WHOLE },
};
/* clang-format on */

/* ---- what must hold of an endpoint ---- */

/* The agent fills a field in. A parameter of that name in the same list would be a second way to give it. */
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
    size_t in_body = 0;
    for (size_t i = 0; i < endpoint->params.count; i++)
        in_body += !endpoint->params.params[i].def->is_in_query;
    if (in_body > 1 && ch_param_list_find(&endpoint->params, CH_LITERAL("")) != NULL)
        return ch_yaml_fail(map, err, "a list that is the whole body can't have parameters beside it");
    return CH_OK;
}

static ch_status check_endpoint(const ch_yaml *map, const ch_endpoint *endpoint, ch_error *err)
{
    if ((strcmp(endpoint->method, "WS") == 0) != (strncmp(endpoint->origin->url, "wss:", 4) == 0))
        return ch_yaml_fail(map, err, "method WS and an origin of wss:// go together");
    for (size_t i = 0; i < endpoint->profile->scheme_count; i++) {
        if (!ch_endpoint_has_scheme(endpoint, i))
            continue;
        CH_TRY(check_fields(map, endpoint, endpoint->recipes[i], err));
        CH_TRY(check_places(map, endpoint, endpoint->recipes[i], err));
    }
    CH_TRY(ch_intent_check_params(map, endpoint, err));
    return check_whole_body(map, endpoint, err);
}

static bool uses_recipe(const ch_endpoint *endpoint, const char *name)
{
    for (size_t i = 0; i < endpoint->profile->scheme_count; i++) {
        if (ch_endpoint_has_scheme(endpoint, i) && strcmp(endpoint->recipes[i]->name, name) == 0)
            return true;
    }
    return false;
}

/* Every key of the map must name a recipe. */
static ch_status check_everywhere(const ch_loader *load, ch_error *err)
{
    const ch_yaml *everywhere = ch_yaml_get(load->root, "everywhere");
    bool is_map = everywhere != NULL && ch_yaml_kind_of(everywhere) == CH_YAML_MAP;
    for (size_t i = 0; is_map && i < ch_yaml_count(everywhere); i++) {
        const char *name = ch_yaml_key_at(everywhere, i);
        size_t at = 0;
        while (at < load->profile->recipe_count && strcmp(load->profile->recipes[at].name, name) != 0)
            at++;
        if (at == load->profile->recipe_count)
            return ch_yaml_fail(ch_yaml_value_at(everywhere, i), err, "there is no recipe '%s'", name);
    }
    return CH_OK;
}

/* `everywhere` is a list of params, or a map of recipes to such lists. */
static ch_status add_everywhere(const ch_loader *load, ch_endpoint *endpoint, ch_error *err)
{
    const ch_yaml *everywhere = ch_yaml_get(load->root, "everywhere");
    if (everywhere == NULL)
        return CH_OK;
    if (ch_yaml_kind_of(everywhere) != CH_YAML_MAP)
        return ch_params_add(load, everywhere, false, &endpoint->params, err);
    for (size_t i = 0; i < ch_yaml_count(everywhere); i++) {
        if (uses_recipe(endpoint, ch_yaml_key_at(everywhere, i)))
            CH_TRY(ch_params_add(load, ch_yaml_value_at(everywhere, i), false, &endpoint->params, err));
    }
    return CH_OK;
}

static ch_status read_endpoint(const ch_value *value, ch_error *err)
{
    const ch_loader *load = value->context;
    ch_endpoint *endpoint = value->out;
    endpoint->profile = load->profile;
    endpoint->origin = &load->profile->origins[0];
    endpoint->schemes = (1U << load->profile->scheme_count) - 1;
    ch_params_begin(load, &endpoint->params);
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fields), endpoint, value->context, err));
    CH_TRY(find_recipes(load, value->node, endpoint, err));
    CH_TRY(add_everywhere(load, endpoint, err));
    ch_params_sort(&endpoint->params);
    for (size_t i = 0; i < endpoint->params.count; i++)
        endpoint->has_needs |= endpoint->params.params[i].def->need_count > 0;
    return check_endpoint(value->node, endpoint, err);
}

/* ---- all of them ---- */

static int compare_endpoints(const void *a, const void *b)
{
    const ch_endpoint *left = a;
    const ch_endpoint *right = b;
    int order = ch_slice_compare(left->path_slice, right->path_slice);
    if (order == 0)
        order = strcmp(left->method, right->method);
    if (order == 0)
        order = ch_slice_compare(left->origin->host, right->origin->host);
    return order != 0 ? order : (left->only_in > right->only_in) - (left->only_in < right->only_in);
}

static ch_status sort_endpoints(ch_profile *profile, const ch_yaml *list, ch_error *err)
{
    qsort(profile->endpoints, profile->endpoint_count, sizeof *profile->endpoints, compare_endpoints);
    for (size_t i = 1; i < profile->endpoint_count; i++) {
        if (compare_endpoints(&profile->endpoints[i - 1], &profile->endpoints[i]) == 0)
            return ch_yaml_fail(list, err, "%s %s is listed twice", profile->endpoints[i].method,
                                profile->endpoints[i].path);
    }
    return CH_OK;
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

ch_status ch_endpoints_read(ch_loader *load, const ch_yaml *endpoints, ch_error *err)
{
    static const ch_entries entries = {
        "endpoint", CH_YAML_LIST, 1, ENDPOINTS_MAX, {.read = read_endpoint, .size = sizeof(ch_endpoint)}
    };
    ch_profile *profile = load->profile;
    CH_TRY(check_everywhere(load, err));
    profile->endpoints = ch_alloc(ch_yaml_count(endpoints) * sizeof *profile->endpoints);
    CH_TRY(ch_entries_read(endpoints, &entries, profile->endpoints, &profile->endpoint_count, load, err));
    CH_TRY(sort_endpoints(profile, endpoints, err));
    collect_patterns(profile);
    return CH_OK;
}

/* ---- freeing ---- */

/* Schemes with the same recipes share what they found. */
static void free_confusions(const ch_profile *profile, ch_endpoint *endpoint)
{
    for (size_t at = 0; at < profile->scheme_count; at++) {
        bool is_shared = false;
        for (size_t earlier = 0; earlier < at; earlier++)
            is_shared |= endpoint->confusions[earlier].others == endpoint->confusions[at].others;
        if (!is_shared)
            free(endpoint->confusions[at].others);
    }
}

void ch_endpoints_free(ch_profile *profile)
{
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        ch_endpoint *endpoint = &profile->endpoints[i];
        free_confusions(profile, endpoint);
        free(endpoint->alike);
        ch_intent_free_items(endpoint);
        free(endpoint->method);
        free(endpoint->path);
        free(endpoint->parts);
        free(endpoint->in_query);
        free(endpoint->texts);
        ch_param_list_free(&endpoint->params);
    }
    for (size_t i = 0; i < profile->kind_count; i++)
        free(profile->kinds[i]);
    free(profile->endpoints);
    free(profile->patterns);
}
