/* From YAML to a ch_profile. Everything that can be wrong with a profile is found here, with its line; what runs later
 * relies on it. Order matters: recipes and params first, then endpoints, which point to both. */
#include "base/error.h"
#include "base/memory.h"
#include "exchange/profile_impl.h"

#include "base/names.h"
#include "pkcs11/mechanism.h"

#include <stdlib.h>
#include <string.h>

/* ---- name, origins, nonce, schemes ---- */

static ch_status read_name(ch_profile *profile, const ch_yaml *root, ch_error *err)
{
    const ch_yaml *node = NULL;
    const char *name = NULL;
    ch_status st = ch_yaml_require_text(root, "name", &node, &name, err);
    if (st != CH_OK)
        return st;
    if (!ch_is_name(ch_slice_of(name)))
        return ch_yaml_fail(node, err, "'%s' can't be a profile's name; use a-z, 0-9, '.', '_' and '-'", name);
    profile->name = ch_strdup(name);
    st = ch_yaml_require_text(root, "title", &node, &name, err);
    if (st == CH_OK)
        profile->title = ch_strdup(name);
    return st;
}

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

static ch_status read_origins(ch_profile *profile, const ch_yaml *root, ch_error *err)
{
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
        size_t skipped = scheme_size(url);
        if (skipped == 0 || url[skipped] == '\0' || strpbrk(url + skipped, "/?#@ ") != NULL)
            return ch_yaml_fail(node, err, "an origin is https:// or wss:// and a host, with nothing after it");
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
    static const char *const names[] = {"text", "hex", "base64", "base64url"};
    static const ch_encoding encodings[] = {CH_ENCODE_TEXT, CH_ENCODE_HEX, CH_ENCODE_BASE64, CH_ENCODE_BASE64URL};
    const ch_yaml *node = NULL;
    unsigned which = 0;
    ch_status st = ch_yaml_require(map, key, &node, err);
    if (st == CH_OK)
        st = ch_yaml_choice(map, key, names, sizeof names / sizeof names[0], &which, err);
    *out = encodings[which];
    return st;
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
    node = st == CH_OK ? ch_yaml_get(map, "alg") : NULL;
    const char *alg = "";
    if (node != NULL)
        st = ch_yaml_text(node, &alg, err);
    scheme->alg = ch_strdup(alg);
    (void)ch_yaml_get(map, "recipe"); /* chosen when the endpoints are read */
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
    if (ch_yaml_count(map) == 0 || ch_yaml_count(map) > CH_SCHEMES_MAX)
        return ch_yaml_fail(map, err, "there must be 1 to %d schemes", CH_SCHEMES_MAX);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(map); i++) {
        ch_scheme *scheme = &profile->schemes[profile->scheme_count];
        scheme->index = profile->scheme_count++;
        scheme->name = ch_strdup(ch_yaml_key_at(map, i));
        st = read_scheme(ch_yaml_value_at(map, i), scheme, err);
    }
    return st;
}

/* ---- contracts ---- */

static ch_status read_contract(const ch_yaml *map, ch_contract *out, ch_error *err)
{
    const struct {
        const char *field;
        char **text;
    } fields[] = {
        {"symbol", &out->symbol},
        {"size",   &out->size  },
        {"of",     &out->of    },
    };
    ch_status st = ch_yaml_expect_map(map, err);
    for (size_t i = 0; st == CH_OK && i < sizeof fields / sizeof fields[0]; i++) {
        const ch_yaml *node = NULL;
        const char *text = NULL;
        st = ch_yaml_require_text(map, fields[i].field, &node, &text, err);
        if (st == CH_OK)
            *fields[i].text = ch_strdup(text);
    }
    if (st == CH_OK && !ch_is_decimal(ch_slice_of(out->size)))
        st = ch_yaml_fail(map, err, "'%s' is not a plain decimal", out->size);
    return st == CH_OK ? ch_yaml_check_known(map, err) : st;
}

static ch_status read_contracts(ch_profile *profile, const ch_yaml *root, ch_error *err)
{
    const ch_yaml *list = ch_yaml_get(root, "contracts");
    ch_status st = list == NULL ? CH_OK : ch_yaml_expect_list(list, err);
    if (st != CH_OK || list == NULL)
        return st;
    profile->contracts = ch_alloc(ch_yaml_count(list) * sizeof *profile->contracts);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(list); i++)
        st = read_contract(ch_yaml_item(list, i), &profile->contracts[profile->contract_count++], err);
    return st;
}

/* ---- the whole ---- */

static ch_status read_profile(ch_profile *profile, const ch_yaml *root, ch_error *err)
{
    const ch_yaml *recipes = NULL;
    ch_params_loader params;
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
        st = read_contracts(profile, root, err);
    if (st == CH_OK)
        st = ch_params_load(profile, root, &params, err);
    if (st == CH_OK)
        st = ch_endpoints_load(profile, root, &params, err);
    if (st == CH_OK)
        st = ch_params_check_used(&params, err);
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
    ch_profile_find_confusions(profile);
    *out = profile;
    return CH_OK;
}

void ch_profile_free(ch_profile *profile)
{
    if (profile == NULL)
        return;
    ch_endpoints_free(profile);
    ch_params_free(profile);
    for (size_t i = 0; i < profile->scheme_count; i++) {
        free(profile->schemes[i].name);
        free(profile->schemes[i].mechanism);
        free(profile->schemes[i].alg);
    }
    for (size_t i = 0; i < profile->origin_count; i++) {
        free(profile->origins[i].name);
        free(profile->origins[i].url);
    }
    for (size_t i = 0; i < profile->contract_count; i++) {
        free(profile->contracts[i].symbol);
        free(profile->contracts[i].size);
        free(profile->contracts[i].of);
    }
    ch_recipes_free(profile);
    free(profile->contracts);
    free(profile->origins);
    free(profile->title);
    free(profile->name);
    free(profile);
}
