/* From YAML to a ch_profile. Everything that can be wrong with a profile is found here, with its line; what runs later
 * relies on it. Order matters: recipes and params first, then endpoints, which point to both. */
#include "agent/profile_data.h"

#include "pkcs11/mechanism.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    ch_encoding encoding;
} encodings[] = {
    {"text",   CH_ENCODE_TEXT  },
    {"hex",    CH_ENCODE_HEX   },
    {"base64", CH_ENCODE_BASE64},
};

/* ---- name, origins, nonce, schemes ---- */

static ch_status read_name(ch_profile *profile, const ch_yaml *root, ch_error *err)
{
    const ch_yaml *node = NULL;
    const char *name = NULL;
    ch_status st = ch_yaml_require_text(root, "name", &node, &name, err);
    if (st != CH_OK)
        return st;
    if (*name == '\0' || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name))
        return ch_yaml_fail(node, err, "'%s' can't be a profile's name: a-z, 0-9 and -", name);
    profile->name = ch_strdup(name);
    const char *title = NULL;
    st = ch_yaml_require_text(root, "title", &node, &title, err);
    return st == CH_OK ? ch_yaml_flag(root, "test_only", &profile->is_test_only, err) : st;
}

static ch_status read_origins(ch_profile *profile, const ch_yaml *root, ch_error *err)
{
    static const char scheme[] = "https://";
    const ch_yaml *map = NULL;
    ch_status st = ch_yaml_require(root, "origins", &map, err);
    if (st == CH_OK)
        st = ch_yaml_expect_map(map, err);
    if (st == CH_OK && ch_yaml_count(map) == 0)
        st = ch_yaml_fail(map, err, "there must be at least one origin");
    if (st != CH_OK)
        return st;
    profile->origins = ch_alloc(ch_yaml_count(map) * sizeof(ch_origin));
    for (size_t i = 0; i < ch_yaml_count(map); i++) {
        const char *url = NULL;
        const ch_yaml *node = ch_yaml_value_at(map, i);
        st = ch_yaml_text(node, &url, err);
        if (st != CH_OK)
            return st;
        size_t skipped = sizeof scheme - 1;
        bool is_https = strncmp(url, scheme, skipped) == 0;
        if (!is_https || url[skipped] == '\0' || strpbrk(url + skipped, "/?#@ ") != NULL)
            return ch_yaml_fail(node, err, "an origin is https:// and a host, with nothing after it");
        ch_origin *origin = &profile->origins[profile->origin_count++];
        origin->name = ch_strdup(ch_yaml_key_at(map, i));
        origin->url = ch_strdup(url);
        origin->host = ch_slice_of(origin->url + skipped);
    }
    return CH_OK;
}

static ch_status read_nonce(ch_profile *profile, const ch_yaml *root, ch_error *err)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {
        {"s",  1000000000},
        {"ms", 1000000   },
        {"us", 1000      },
        {"ns", 1         },
    };
    const ch_yaml *node = ch_yaml_get(root, "nonce");
    const char *unit = NULL;
    if (node == NULL)
        return CH_OK;
    ch_status st = ch_yaml_text(node, &unit, err);
    for (size_t i = 0; st == CH_OK && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].name) == 0)
            profile->nonce_ns = units[i].ns;
    }
    if (st == CH_OK && profile->nonce_ns == 0)
        st = ch_yaml_fail(node, err, "'%s' is no unit of a nonce: s, ms, us or ns", unit);
    return st;
}

static ch_status read_encoding(const ch_yaml *map, const char *key, ch_encoding *out, ch_error *err)
{
    const ch_yaml *node = NULL;
    const char *name = NULL;
    ch_status st = ch_yaml_require_text(map, key, &node, &name, err);
    for (size_t i = 0; st == CH_OK && i < sizeof encodings / sizeof encodings[0]; i++) {
        if (strcmp(name, encodings[i].name) == 0) {
            *out = encodings[i].encoding;
            return CH_OK;
        }
    }
    return st == CH_OK ? ch_yaml_fail(node, err, "'%s' is text, hex or base64", key) : st;
}

static ch_status read_scheme(const ch_yaml *map, ch_scheme *scheme, ch_error *err)
{
    const ch_yaml *node = NULL;
    const char *mechanism = NULL;
    ch_status st = ch_yaml_require_text(map, "mechanism", &node, &mechanism, err);
    if (st != CH_OK)
        return st;
    if (ch_mechanism_find(ch_slice_of(mechanism)) == NULL)
        return ch_yaml_fail(node, err, "there is no mechanism '%s'", mechanism);
    scheme->mechanism = ch_strdup(mechanism);
    st = read_encoding(map, "secret", &scheme->secret, err);
    if (st == CH_OK)
        st = read_encoding(map, "signature", &scheme->signature, err);
    return st == CH_OK ? ch_yaml_check_known(map, err) : st;
}

static ch_status read_schemes(ch_profile *profile, const ch_yaml *root, ch_error *err)
{
    const ch_yaml *map = NULL;
    ch_status st = ch_yaml_require(root, "schemes", &map, err);
    if (st == CH_OK)
        st = ch_yaml_expect_map(map, err);
    if (st != CH_OK)
        return st;
    profile->schemes = ch_alloc(ch_yaml_count(map) * sizeof(ch_scheme));
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(map); i++) {
        ch_scheme *scheme = &profile->schemes[profile->scheme_count++];
        scheme->name = ch_strdup(ch_yaml_key_at(map, i));
        st = read_scheme(ch_yaml_value_at(map, i), scheme, err);
    }
    return st;
}

/* ---- the whole ---- */

static ch_status read_profile(ch_profile *profile, const ch_yaml *root, ch_error *err)
{
    const ch_yaml *recipes = NULL;
    ch_status st = ch_yaml_expect_map(root, err);
    if (st == CH_OK)
        st = read_name(profile, root, err);
    if (st == CH_OK)
        st = read_origins(profile, root, err);
    if (st == CH_OK)
        st = read_nonce(profile, root, err);
    if (st == CH_OK)
        st = read_schemes(profile, root, err);
    if (st == CH_OK)
        st = ch_yaml_require(root, "recipes", &recipes, err);
    if (st == CH_OK)
        st = ch_recipes_load(profile, recipes, err);
    if (st == CH_OK)
        st = ch_endpoints_load(profile, root, err);
    (void)ch_yaml_get(root, "recipe");
    (void)ch_yaml_get(root, "everywhere");
    return st == CH_OK ? ch_yaml_check_known(root, err) : st;
}

ch_status ch_profile_load(const char *path, ch_profile **out, ch_error *err)
{
    ch_yaml_document *document = NULL;
    *out = NULL;
    ch_status st = ch_yaml_load(path, &document, err);
    if (st != CH_OK)
        return st;
    ch_profile *profile = ch_alloc(sizeof *profile);
    st = read_profile(profile, ch_yaml_root(document), err);
    ch_yaml_free(document);
    if (st != CH_OK) {
        ch_profile_free(profile);
        return st;
    }
    ch_profile_find_confusable(profile);
    *out = profile;
    return CH_OK;
}

static void free_endpoint(ch_endpoint *endpoint)
{
    free(endpoint->method);
    free(endpoint->path);
    free(endpoint->params);
    free(endpoint->listed);
    free(endpoint->required);
    free(endpoint->confusable);
}

static void free_param(ch_param_def *def)
{
    free(def->name);
    for (size_t i = 0; i < def->value_count; i++)
        free(def->values[i]);
    free(def->values);
}

void ch_profile_free(ch_profile *profile)
{
    if (profile == NULL)
        return;
    for (size_t i = 0; i < profile->endpoint_count; i++)
        free_endpoint(&profile->endpoints[i]);
    for (size_t i = 0; i < profile->param_count; i++)
        free_param(&profile->params[i]);
    for (size_t i = 0; i < profile->scheme_count; i++) {
        free(profile->schemes[i].name);
        free(profile->schemes[i].mechanism);
    }
    for (size_t i = 0; i < profile->origin_count; i++) {
        free(profile->origins[i].name);
        free(profile->origins[i].url);
    }
    ch_recipes_free(profile);
    free(profile->endpoints);
    free(profile->params);
    free(profile->schemes);
    free(profile->origins);
    free(profile->name);
    free(profile);
}
