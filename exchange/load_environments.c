/* An environment begins with all endpoints whose origins it has and that are not of other environments only; `only` and
 * `without` take some away, but none that is of this environment only. An environment's bit is its position. */
#include "exchange/load_environments.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/names.h"
#include "exchange/environments_impl.h"
#include "exchange/load_recipes.h"
#include "exchange/recipe.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENVIRONMENTS_MAX 31

static size_t set_words(const ch_profile *profile)
{
    return profile->endpoint_count / 64 + 1;
}

/* ---- origins ---- */

/* Length of "https://" or "wss://" in front of `url`, else 0. */
static size_t scheme_size(const char *url)
{
    static const char *const schemes[] = {"https://", "wss://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            return strlen(schemes[i]);
    }
    return 0;
}

/* Hosts are compared as text, so each has one spelling: no upper case, no dot at the end, no port that goes without
 * saying. */
static bool is_host(const char *text)
{
    size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    const char *port = text + name;
    if (name == 0 || text[name - 1] == '.')
        return false;
    if (*port == '\0')
        return true;
    size_t digits = strspn(port + 1, "0123456789");
    return *port == ':' && port[1] != '0' && digits > 0 && port[1 + digits] == '\0' && strcmp(port, ":443") != 0;
}

static ch_status read_url(const ch_value *value, ch_origin *origin, ch_error *err)
{
    const char *url = NULL;
    CH_TRY(ch_yaml_text(value->node, &url, err));
    size_t skipped = scheme_size(url);
    if (skipped == 0 || url[skipped] == '\0' || strpbrk(url + skipped, "/?#@ ") != NULL)
        return ch_yaml_fail(value->node, err, "an origin is https:// or wss:// and a host, with nothing after it");
    if (!is_host(url + skipped))
        return ch_yaml_fail(value->node, err,
                            "write the host in lower case, without a dot at its end, and without the port 443");
    origin->url = ch_strdup(url);
    origin->host = ch_slice_of(origin->url + skipped);
    return CH_OK;
}

static ch_status read_origin(const ch_value *value, ch_error *err)
{
    ch_origin *origin = value->out;
    CH_TRY(read_url(value, origin, err));
    origin->name = ch_strdup(value->name);
    return CH_OK;
}

ch_status ch_origins_read(const ch_value *value, ch_error *err)
{
    static const ch_entries origins = {
        "origin", CH_YAML_MAP, 1, 0, {.read = read_origin, .size = sizeof(ch_origin)}
    };
    ch_profile *profile = value->out;
    profile->origins = ch_alloc(ch_yaml_count(value->node) * sizeof *profile->origins);
    return ch_entries_read(value->node, &origins, profile->origins, &profile->origin_count, NULL, err);
}

/* ---- the origins of an environment ---- */

size_t ch_origin_find(const ch_profile *profile, const char *name)
{
    size_t i = 0;
    while (i < profile->origin_count && strcmp(profile->origins[i].name, name) != 0)
        i++;
    return i;
}

static ch_status read_origin_here(ch_environment *environment, const ch_yaml *map, size_t entry, ch_error *err)
{
    const ch_profile *profile = environment->profile;
    const ch_value value = {.node = ch_yaml_value_at(map, entry), .name = ch_yaml_key_at(map, entry)};
    size_t at = ch_origin_find(profile, value.name);
    if (at == profile->origin_count)
        return ch_yaml_fail(value.node, err, "there is no origin '%s' in the profile's 'origins'", value.name);
    CH_TRY(read_url(&value, &environment->origins[at], err));
    if (scheme_size(environment->origins[at].url) == scheme_size(profile->origins[at].url))
        return CH_OK;
    return ch_yaml_fail(value.node, err, "origin '%s' must begin as the profile's does, with https:// or wss://",
                        value.name);
}

static bool is_only_in(const ch_environment *environment, const ch_endpoint *endpoint)
{
    return (endpoint->only_in >> (environment - environment->profile->environments) & 1) != 0;
}

static void find_endpoints(ch_environment *environment)
{
    const ch_profile *profile = environment->profile;
    environment->endpoints = ch_alloc(set_words(profile) * sizeof *environment->endpoints);
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        const ch_endpoint *endpoint = &profile->endpoints[i];
        bool may_be_here = endpoint->only_in == 0 || is_only_in(environment, endpoint);
        if (may_be_here && ch_environment_origin(environment, endpoint)->url != NULL)
            ch_set_add(environment->endpoints, i);
    }
}

static ch_status read_origins(const ch_value *value, ch_error *err)
{
    ch_environment *environment = value->out;
    CH_TRY(ch_yaml_expect_map(value->node, err));
    for (size_t i = 0; i < ch_yaml_count(value->node); i++)
        CH_TRY(read_origin_here(environment, value->node, i, err));
    find_endpoints(environment);
    return CH_OK;
}

/* ---- headers ---- */

static bool has_header(const ch_recipe *recipe, const char *name)
{
    size_t i = 0;
    while (i < recipe->header_count && strcasecmp(recipe->headers[i].name, name) != 0)
        i++;
    return i < recipe->header_count;
}

/* Of two headers with one name, which one counts is up to the server. */
static ch_status check_clashes(const ch_environment *environment, const ch_value *value, ch_error *err)
{
    const ch_profile *profile = environment->profile;
    for (size_t i = 0; i < profile->recipe_count; i++) {
        const ch_recipe *recipe = &profile->recipes[i];
        if (has_header(recipe, value->name))
            return ch_yaml_fail(value->node, err, "recipe '%s' has a header '%s' already", recipe->name, value->name);
        if (recipe->header_count + environment->header_count > CH_HEADERS_MAX)
            return ch_yaml_fail(value->node, err, "with those of recipe '%s' these are more than %d headers",
                                recipe->name, CH_HEADERS_MAX);
    }
    for (size_t i = 0; i + 1 < environment->header_count; i++) {
        if (strcasecmp(environment->headers[i].name, value->name) == 0)
            return ch_yaml_fail(value->node, err, "header '%s' is given twice", value->name);
    }
    return CH_OK;
}

static ch_status read_header(const ch_value *value, ch_error *err)
{
    ch_environment_header *header = value->out;
    const char *text = NULL;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    header->name = ch_strdup(value->name);
    header->text = ch_strdup(text);
    if (!ch_is_header_name(value->name))
        return ch_yaml_fail(value->node, err, "'%s' can't be the name of a header", value->name);
    if (*text == '\0' || strpbrk(text, "{}") != NULL || !ch_header_may_hold(ch_slice_of(text)))
        return ch_yaml_fail(value->node, err, "'%s' must be plain ASCII text; it can't be a template", value->name);
    return check_clashes(value->context, value, err);
}

static ch_status read_headers(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "header",
        CH_YAML_MAP,
        1,
        CH_ENVIRONMENT_HEADERS_MAX,
        {.read = read_header, .size = sizeof(ch_environment_header)}
    };
    ch_environment *environment = value->out;
    return ch_entries_read(value->node, &entries, environment->headers, &environment->header_count, environment, err);
}

/* ---- only, without ---- */

/* True if the path is `prefix` or goes on after it with a new part. */
static bool begins_with(const char *path, const char *prefix)
{
    size_t size = strlen(prefix);
    if (size == 0 || strncmp(path, prefix, size) != 0)
        return false;
    return prefix[size - 1] == '/' || path[size] == '/' || path[size] == '\0';
}

/* Adds the endpoints of the environment whose path begins with `prefix`. Returns false if there is none. */
static bool add_named(const ch_environment *environment, const char *prefix, uint64_t *named)
{
    const ch_profile *profile = environment->profile;
    bool has_found = false;
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        if (!ch_set_has(environment->endpoints, i) || !begins_with(profile->endpoints[i].path, prefix))
            continue;
        ch_set_add(named, i);
        has_found = true;
    }
    return has_found;
}

/* Keeps of the environment's endpoints those that the list names, or the others. */
static ch_status keep(const ch_value *value, bool keeps_named, ch_error *err)
{
    const ch_environment *environment = value->out;
    size_t words = set_words(environment->profile);
    ch_autofree uint64_t *named = ch_alloc(words * sizeof *named);
    CH_TRY(ch_yaml_expect_list(value->node, err));
    if (ch_yaml_count(value->node) == 0)
        return ch_yaml_fail(value->node, err, "there must be at least 1 path");
    for (size_t i = 0; i < ch_yaml_count(value->node); i++) {
        const char *prefix = NULL;
        const ch_yaml *item = ch_yaml_item(value->node, i);
        CH_TRY(ch_yaml_text(item, &prefix, err));
        if (!add_named(environment, prefix, named))
            return ch_yaml_fail(
                item, err, "no endpoint at this environment's origins has a path that is or is under '%s'", prefix);
    }
    for (size_t i = 0; i < environment->profile->endpoint_count; i++) {
        if (ch_set_has(named, i) != keeps_named && !is_only_in(environment, &environment->profile->endpoints[i]))
            environment->endpoints[i / 64] &= ~((uint64_t)1 << (i % 64));
    }
    return CH_OK;
}

static ch_status read_only(const ch_value *value, ch_error *err)
{
    return keep(value, true, err);
}

static ch_status read_without(const ch_value *value, ch_error *err)
{
    return keep(value, false, err);
}

/* ---- an environment ---- */

/* clang-format off */
static const ch_word keys_words[] = {{ CH_ENVIRONMENT_LIVE, true }};
static const ch_words keys = CH_WORDS("keys", keys_words);
static const ch_field fields[] = {
    /* name       required  reader            where                                          words */
    { "title",    false,    ch_field_text,    CH_MEMBER(ch_environment, title)              },
    { "origins",  true,     read_origins,     CH_WHOLE                                      },
    { "headers",  false,    read_headers,     CH_WHOLE                                      },
    { "keys",     false,    ch_field_choice,  CH_MEMBER(ch_environment, has_keys_of_live),  .words = &keys },
    { "only",     false,    read_only,        CH_WHOLE                                      },
    { "without",  false,    read_without,     CH_WHOLE                                      },
};
/* clang-format on */

/* True if the two are one call at one host, so that no request could say which of them it means. */
static bool are_one_call(const ch_environment *environment, const ch_endpoint *one, const ch_endpoint *other)
{
    return strcmp(one->method, other->method) == 0 && ch_environment_has(environment, one) &&
           ch_environment_has(environment, other) &&
           ch_slice_equal(ch_environment_host(environment, one), ch_environment_host(environment, other));
}

/* Endpoints are sorted by path. */
static ch_status check_calls(const ch_yaml *map, const ch_environment *environment, ch_error *err)
{
    const ch_profile *profile = environment->profile;
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        const ch_endpoint *one = &profile->endpoints[i];
        for (size_t j = i + 1;
             j < profile->endpoint_count && ch_slice_equal(one->path_slice, profile->endpoints[j].path_slice); j++) {
            if (are_one_call(environment, one, &profile->endpoints[j]))
                return ch_yaml_fail(map, err, "%s %s is listed twice for one host in environment '%s'", one->method,
                                    one->path, environment->name);
        }
    }
    return CH_OK;
}

static ch_status check(const ch_yaml *map, const ch_environment *environment, ch_error *err)
{
    if (ch_environment_endpoint_count(environment) == 0)
        return ch_yaml_fail(map, err, "no endpoint of the profile exists in environment '%s'", environment->name);
    return check_calls(map, environment, err);
}

static void begin(ch_environment *environment, const ch_profile *profile, const char *name)
{
    environment->profile = profile;
    environment->name = ch_strdup(name);
}

static ch_status read_environment(const ch_value *value, ch_error *err)
{
    const ch_loader *load = value->context;
    ch_environment *environment = value->out;
    begin(environment, load->profile, value->name);
    environment->origins = ch_alloc(load->profile->origin_count * sizeof *environment->origins);
    if (!ch_is_name(ch_slice_of(value->name)))
        return ch_yaml_fail(value->node, err, "'%s' can't be an environment's name; use a-z, 0-9, '.', '_' and '-'",
                            value->name);
    if (strcmp(value->name, CH_ENVIRONMENT_LIVE) == 0)
        return ch_yaml_fail(value->node, err, "the profile's own 'origins' are environment 'live'; leave it out here");
    if (ch_yaml_get(value->node, "only") != NULL && ch_yaml_get(value->node, "without") != NULL)
        return ch_yaml_fail(value->node, err, "give either 'only' or 'without'");
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fields), environment, value->context, err));
    return check(value->node, environment, err);
}

/* ---- only_in ---- */

/* The environments are read after the endpoints, so these are their names in the file. */
static ch_status find_bit(const ch_loader *load, const ch_yaml *item, uint32_t *bits, ch_error *err)
{
    const ch_yaml *environments = ch_yaml_get(load->root, "environments");
    bool is_map = environments != NULL && ch_yaml_kind_of(environments) == CH_YAML_MAP;
    const char *name = NULL;
    CH_TRY(ch_yaml_text(item, &name, err));
    for (size_t i = 0; is_map && i < ch_yaml_count(environments) && i < ENVIRONMENTS_MAX; i++) {
        if (strcmp(ch_yaml_key_at(environments, i), name) == 0) {
            *bits |= (uint32_t)1 << (i + 1);
            return CH_OK;
        }
    }
    return ch_yaml_fail(item, err, "there is no environment '%s' besides live", name);
}

ch_status ch_endpoint_read_only_in(const ch_value *value, ch_error *err)
{
    ch_endpoint *endpoint = value->out;
    CH_TRY(ch_yaml_expect_list(value->node, err));
    if (ch_yaml_count(value->node) == 0)
        return ch_yaml_fail(value->node, err, "there must be at least 1 environment");
    for (size_t i = 0; i < ch_yaml_count(value->node); i++)
        CH_TRY(find_bit(value->context, ch_yaml_item(value->node, i), &endpoint->only_in, err));
    return CH_OK;
}

/* ---- all of them ---- */

/* What is nowhere could not be asked for. */
static ch_status check_reached(const ch_profile *profile, const ch_yaml *node, ch_error *err)
{
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        const ch_endpoint *endpoint = &profile->endpoints[i];
        if (!ch_environment_has(ch_endpoint_home(endpoint), endpoint))
            return ch_yaml_fail(node, err, "%s %s exists nowhere: no environment of its 'only_in' has its origin",
                                endpoint->method, endpoint->path);
    }
    return CH_OK;
}

ch_status ch_environments_read(ch_loader *load, const ch_yaml *environments, ch_error *err)
{
    static const ch_entries entries = {
        "environment", CH_YAML_MAP, 1, ENVIRONMENTS_MAX, {.read = read_environment, .size = sizeof(ch_environment)}
    };
    ch_profile *profile = load->profile;
    size_t others = environments == NULL ? 0 : ch_yaml_count(environments);
    size_t read = 0;
    profile->environments = ch_alloc((1 + others) * sizeof *profile->environments);
    begin(&profile->environments[0], profile, CH_ENVIRONMENT_LIVE);
    profile->environments[0].origins = profile->origins;
    profile->environments[0].has_keys_of_live = true;
    find_endpoints(&profile->environments[0]);
    profile->environment_count = 1;
    if (environments == NULL)
        return CH_OK;
    ch_status st = ch_entries_read(environments, &entries, profile->environments + 1, &read, load, err);
    profile->environment_count += read;
    return st == CH_OK ? check_reached(profile, environments, err) : st;
}

static void free_origins(const ch_profile *profile, ch_environment *environment)
{
    for (size_t i = 0; environment->origins != profile->origins && i < profile->origin_count; i++)
        free(environment->origins[i].url);
    if (environment->origins != profile->origins)
        free(environment->origins);
}

void ch_environments_free(ch_profile *profile)
{
    for (size_t i = 0; i < profile->environment_count; i++) {
        ch_environment *environment = &profile->environments[i];
        free_origins(profile, environment);
        for (size_t j = 0; j < environment->header_count; j++) {
            free(environment->headers[j].name);
            free(environment->headers[j].text);
        }
        free(environment->endpoints);
        free(environment->title);
        free(environment->name);
    }
    free(profile->environments);
}
