/* Everything that can be wrong with a profile is found when it is loaded, with its line; what runs later relies on it.
 * The order of the table of fields matters: each part may point to those above it. */
#include "exchange/load.h"

#include "base/memory.h"
#include "base/names.h"
#include "conf/fields.h"
#include "exchange/check_value.h"
#include "exchange/confusion.h"
#include "exchange/load_confusion.h"
#include "exchange/load_doctor.h"
#include "exchange/load_endpoints.h"
#include "exchange/load_environments.h"
#include "exchange/load_intents.h"
#include "exchange/load_left_out.h"
#include "exchange/load_nonces.h"
#include "exchange/load_params.h"
#include "exchange/load_public.h"
#include "exchange/load_rates.h"
#include "exchange/load_recipes.h"
#include "exchange/load_sdk.h"
#include "exchange/load_symbols.h"
#include "exchange/profile_impl.h"
#include "exchange/recuts.h"
#include "pkcs11/mechanism.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- name, window ---- */

static ch_status check_name(const char *text, ch_error *err)
{
    if (ch_is_name(ch_slice_of(text)))
        return CH_OK;
    return ch_fail(err, CH_CONFIG, "'%s' can't be a profile's name; use a-z, 0-9, '.', '_' and '-'", text);
}

/* clang-format off */
static const ch_field window_fields[] = {
    /* name       required  reader          where                               bounds */
    { "param",    true,     ch_field_text,  CH_MEMBER(ch_window, param)         },
    { "default",  true,     ch_field_uint,  CH_MEMBER(ch_window, default_ms),   .min = 1, .max = CH_WINDOW_MAX_MS },
    { "max",      true,     ch_field_uint,  CH_MEMBER(ch_window, max_ms),       .min = 1, .max = CH_WINDOW_MAX_MS },
};
/* clang-format on */

static ch_status read_window(const ch_value *value, ch_error *err)
{
    ch_window *window = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(window_fields), window, NULL, err));
    snprintf(window->default_text, sizeof window->default_text, "%u", (unsigned)window->default_ms);
    return window->default_ms <= window->max_ms
               ? CH_OK
               : ch_yaml_fail(value->node, err, "the default is greater than max; lower it");
}

/* ---- schemes ---- */

static ch_status check_mechanism(const char *text, ch_error *err)
{
    if (ch_mechanism_find(ch_slice_of(text)) != NULL)
        return CH_OK;
    return ch_fail(err, CH_CONFIG, "unknown mechanism '%s'; use one that 'chancery key import --help' lists", text);
}

static const ch_word encoding_words[] = {
    {"text",      CH_ENCODE_TEXT     },
    {"hex",       CH_ENCODE_HEX      },
    {"base64",    CH_ENCODE_BASE64   },
    {"base64url", CH_ENCODE_BASE64URL},
};
static const ch_words encodings = CH_WORDS("encoding", encoding_words);

static ch_status read_length(const ch_value *value, ch_error *err)
{
    const char *text = NULL;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    if (ch_secret_shape_read_length(value->out, text))
        return CH_OK;
    return ch_yaml_fail(value->node, err, "'%s' is not a length; write a number of characters, or two as in 27-28",
                        text);
}

static ch_status read_alphabet(const ch_value *value, ch_error *err)
{
    ch_word words[CH_ALPHABET_COUNT];
    const ch_words alphabets = {"alphabet", words, CH_ALPHABET_COUNT};
    uint64_t alphabet = 0;
    for (ch_alphabet i = 0; i < CH_ALPHABET_COUNT; i++)
        words[i] = (ch_word){ch_alphabet_name(i), i};
    CH_TRY(ch_words_read(&alphabets, value->node, &alphabet, err));
    ((ch_secret_shape *)value->out)->alphabet = (ch_alphabet)alphabet;
    return CH_OK;
}

/* clang-format off */
static const ch_field shape_fields[] = {
    /* name        required  reader          where */
    { "length",    true,     read_length,    CH_WHOLE },
    { "alphabet",  true,     read_alphabet,  CH_WHOLE },
};
/* clang-format on */

static ch_status read_shape(const ch_value *value, ch_error *err)
{
    ch_scheme *scheme = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(shape_fields), &scheme->secret_shape, NULL, err));
    if (ch_mechanism_find(ch_slice_of(scheme->mechanism))->key_class == CKO_SECRET_KEY)
        return CH_OK;
    return ch_yaml_fail(value->node, err, "'secret_shape' is for API secrets, and %s signs with a private key",
                        scheme->mechanism);
}

/* clang-format off */
static const ch_field scheme_fields[] = {
    /* name            required  reader            where                             check, words */
    { "mechanism",     true,     ch_field_text,    CH_MEMBER(ch_scheme, mechanism),  .check = check_mechanism },
    { "secret",        true,     ch_field_choice,  CH_MEMBER(ch_scheme, secret),     .words = &encodings },
    { "secret_shape",  false,    read_shape,       CH_WHOLE                          },
    { "signature",     true,     ch_field_choice,  CH_MEMBER(ch_scheme, signature),  .words = &encodings },
    { "alg",           false,    ch_field_text,    CH_MEMBER(ch_scheme, alg)         },
    { "recipe",        false,    NULL,             CH_WHOLE                          }, /* load_endpoints.c */
};
/* clang-format on */

static ch_status read_scheme(const ch_value *value, ch_error *err)
{
    ch_scheme *scheme = value->out;
    scheme->name = ch_strdup(value->name);
    scheme->alg = ch_strdup("");
    return ch_fields_read(value->node, CH_FIELDS(scheme_fields), scheme, NULL, err);
}

static ch_status read_schemes(const ch_value *value, ch_error *err)
{
    static const ch_entries schemes = {
        "scheme", CH_YAML_MAP, 1, CH_SCHEMES_MAX, {.read = read_scheme, .size = sizeof(ch_scheme)}
    };
    ch_profile *profile = value->out;
    CH_TRY(ch_entries_read(value->node, &schemes, profile->schemes, &profile->scheme_count, NULL, err));
    for (size_t i = 0; i < profile->scheme_count; i++)
        profile->schemes[i].index = i;
    return CH_OK;
}

/* ---- contracts ---- */

static ch_status check_decimal(const char *text, ch_error *err)
{
    if (ch_is_decimal(ch_slice_of(text)))
        return CH_OK;
    return ch_fail(err, CH_CONFIG, "'%s' is not a plain decimal", text);
}

/* clang-format off */
static const ch_field contract_fields[] = {
    /* name      required  reader          where                             check */
    { "symbol",  true,     ch_field_text,  CH_MEMBER(ch_contract, symbol)   },
    { "size",    true,     ch_field_text,  CH_MEMBER(ch_contract, size),     .check = check_decimal },
    { "of",      true,     ch_field_text,  CH_MEMBER(ch_contract, of)       },
};
/* clang-format on */

static ch_status read_contract(const ch_value *value, ch_error *err)
{
    return ch_fields_read(value->node, CH_FIELDS(contract_fields), value->out, NULL, err);
}

static ch_status read_contracts(const ch_value *value, ch_error *err)
{
    static const ch_entries contracts = {
        "contract", CH_YAML_LIST, 0, 0, {.read = read_contract, .size = sizeof(ch_contract)}
    };
    ch_profile *profile = value->out;
    profile->contracts = ch_alloc(ch_yaml_count(value->node) * sizeof *profile->contracts);
    return ch_entries_read(value->node, &contracts, profile->contracts, &profile->contract_count, NULL, err);
}

/* ---- the whole ---- */

static ch_status read_recipes(const ch_value *value, ch_error *err)
{
    return ch_recipes_read(value->out, value->node, err);
}

static ch_status read_symbols(const ch_value *value, ch_error *err)
{
    return ch_symbols_read(value->out, value->node, err);
}

static ch_status read_asset_names(const ch_value *value, ch_error *err)
{
    return ch_asset_names_read(value->out, value->node, err);
}

static ch_status read_groups(const ch_value *value, ch_error *err)
{
    ch_loader *load = value->context;
    load->groups = value->node;
    return ch_yaml_expect_map(value->node, err);
}

static ch_status read_params(const ch_value *value, ch_error *err)
{
    return ch_params_read(value->context, value->node, err);
}

static ch_status read_endpoints(const ch_value *value, ch_error *err)
{
    return ch_endpoints_read(value->context, value->node, err);
}

static ch_status read_left_out(const ch_value *value, ch_error *err)
{
    return ch_left_out_read(value->out, value->node, err);
}

static ch_status read_sdk(const ch_value *value, ch_error *err)
{
    return ch_sdk_read(value->out, value->node, err);
}

static ch_status read_public(const ch_value *value, ch_error *err)
{
    return ch_public_calls_read(value->out, value->node, err);
}

/* clang-format off */
static const ch_field fields[] = {
    /* name          required  reader            where                             check, words */
    { "name",        true,     ch_field_text,    CH_MEMBER(ch_profile, name),      .check = check_name },
    { "title",       true,     ch_field_text,    CH_MEMBER(ch_profile, title)     },
    { "origins",     true,     ch_origins_read,  CH_WHOLE                         },
    { "nonce",       false,    ch_nonce_read,    CH_WHOLE                         },
    { "nonce_for",   false,    ch_nonce_for_read, CH_WHOLE                        },
    { "window",      false,    read_window,      CH_MEMBER(ch_profile, window)    },
    { "validity",    false,    ch_validity_read, CH_WHOLE                         },
    { "order_rate",  false,    ch_order_rate_read, CH_WHOLE                       },
    { "schemes",     true,     read_schemes,     CH_WHOLE                         },
    { "recipes",     true,     read_recipes,     CH_WHOLE                         },
    { "contracts",   false,    read_contracts,   CH_WHOLE                         },
    { "symbols",     false,    read_symbols,     CH_WHOLE                         },
    { "asset_names", false,    read_asset_names, CH_WHOLE                         },
    { "uses",        false,    ch_uses_read,     CH_MEMBER(ch_profile, uses)      },
    { "groups",      false,    read_groups,      CH_WHOLE                         },
    { "params",      false,    read_params,      CH_WHOLE                         },
    { "recipe",      false,    NULL,             CH_WHOLE                         }, /* load_endpoints.c reads these two */
    { "everywhere",  false,    NULL,             CH_WHOLE                         },
    { "endpoints",   true,     read_endpoints,   CH_WHOLE                         },
    { "environments", false,   NULL,             CH_WHOLE                         }, /* read_profile */
    { "refuses_unknown",       false, ch_refuses_unknown_read, CH_WHOLE           },
    { "acceptable_confusions", false, ch_acceptances_read,     CH_WHOLE           },
    { "left_out",    false,    read_left_out,    CH_WHOLE                         },
    { "sdk",         false,    read_sdk,         CH_WHOLE                         },
    { "public",      false,    read_public,      CH_WHOLE                         },
    { "doctor",      false,    ch_doctor_read,   CH_WHOLE                         },
};
/* clang-format on */

static ch_status read_profile(ch_profile *profile, const ch_yaml *root, ch_error *err)
{
    ch_loader load = {.profile = profile, .root = root};
    CH_TRY(ch_fields_read(root, CH_FIELDS(fields), profile, &load, err));
    CH_TRY(ch_params_check_used(&load, err));
    CH_TRY(ch_validity_check(profile, ch_yaml_get(root, "validity"), err));
    CH_TRY(ch_environments_read(&load, ch_yaml_get(root, "environments"), err));
    ch_profile_find_confusions(profile);
    CH_TRY(ch_recuts_find(profile, err));
    return ch_acceptances_check_used(profile, ch_yaml_get(root, "acceptable_confusions"), err);
}

static ch_status load(const ch_yaml_document *document, ch_profile **out, ch_error *err)
{
    ch_autoprofile *profile = ch_alloc(sizeof *profile);
    CH_TRY(read_profile(profile, ch_yaml_root(document), err));
    *out = profile;
    profile = NULL;
    return CH_OK;
}

ch_status ch_profile_load(const char *path, ch_profile **out, ch_error *err)
{
    ch_autoyaml *document = NULL;
    *out = NULL;
    CH_TRY(ch_yaml_load(path, &document, err));
    return load(document, out, err);
}

ch_status ch_profile_load_any(const char *path, ch_profile **out, ch_error *err)
{
    ch_autoyaml *document = NULL;
    *out = NULL;
    CH_TRY(ch_yaml_load_any(path, &document, err));
    return load(document, out, err);
}

void ch_profile_free(ch_profile *profile)
{
    if (profile == NULL)
        return;
    ch_environments_free(profile);
    ch_doctor_free(profile);
    ch_left_out_free(profile);
    ch_sdk_free(profile);
    ch_public_calls_free(profile);
    ch_endpoints_free(profile);
    ch_confusion_fields_free(profile);
    ch_recuts_free(profile);
    ch_params_free(profile);
    ch_symbols_free(profile);
    for (size_t i = 0; i < profile->leg_count; i++)
        free(profile->legs[i].name);
    free(profile->legs);
    ch_recipes_free(profile);
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
    free(profile->contracts);
    free(profile->origins);
    free(profile->title);
    free(profile->window.param);
    free(profile->validity.param);
    free(profile->name);
    free(profile);
}

void ch_profile_autofree_(ch_profile **profile)
{
    ch_profile_free(*profile);
}
