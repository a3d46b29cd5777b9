#include "cli/key_choice.h"

#include "base/buffer.h"
#include "base/names.h"
#include "base/slice.h"
#include "exchange/load.h"

#include <string.h>

static const struct {
    const char *name;
    ch_encoding encoding;
} encodings[] = {
  /* clang-format off */
    /* name     encoding */
    { "text",   CH_ENCODE_TEXT },
    { "hex",    CH_ENCODE_HEX },
    { "base64", CH_ENCODE_BASE64 },
  /* clang-format on */
};

static const ch_choice nothing_chosen = {.encoding = CH_ENCODE_TEXT, .signature = CH_ENCODE_HEX};

static ch_status find_mechanism(const char *name, const ch_mechanism **out, ch_error *err)
{
    *out = ch_mechanism_find(ch_slice_of(name));
    if (*out != NULL)
        return CH_OK;
    ch_autobuffer known = CH_BUFFER_INIT;
    for (size_t i = 0; ch_mechanism_at(i) != NULL; i++)
        ch_buffer_add_format(&known, "%s%s", i == 0 ? "" : ", ", ch_mechanism_at(i)->name);
    return ch_fail(err, CH_BAD_INPUT, "unknown mechanism '%s'; use one of %s", name, ch_buffer_text(&known));
}

static ch_status find_encoding(const char *name, ch_encoding *out, ch_error *err)
{
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        if (strcmp(name, encodings[i].name) == 0) {
            *out = encodings[i].encoding;
            return CH_OK;
        }
    }
    return ch_fail(err, CH_BAD_INPUT, "unknown --encoding; use text, hex or base64");
}

/* In another encoding, the secret is not the text that the exchange hands out, and need not look like it. */
static ch_status choose_encoding(const ch_arguments *arguments, ch_choice *out, ch_error *err)
{
    const char *name = arguments->option[CH_OPT_ENCODING];
    ch_encoding of_profile = out->encoding;
    if (name == NULL)
        return CH_OK;
    CH_TRY(find_encoding(name, &out->encoding, err));
    if (out->encoding != of_profile)
        out->shape.max = 0;
    return CH_OK;
}

static ch_status from_scheme(const ch_scheme *scheme, ch_choice *out, ch_error *err)
{
    out->encoding = ch_scheme_secret_encoding(scheme);
    out->signature = ch_scheme_signature_encoding(scheme);
    if (ch_scheme_secret_shape(scheme) != NULL)
        out->shape = *ch_scheme_secret_shape(scheme);
    return find_mechanism(ch_scheme_mechanism(scheme), &out->mechanism, err);
}

static ch_status from_scheme_of(const ch_profile *profile, const char *name, ch_choice *out, ch_error *err)
{
    const ch_scheme *scheme = ch_profile_scheme(profile, name);
    if (scheme == NULL)
        return ch_fail(err, CH_NOT_FOUND, "profile '%s' has no scheme '%s'; give another with --scheme",
                       ch_profile_name(profile), name);
    return from_scheme(scheme, out, err);
}

static ch_status from_profile(const ch_arguments *arguments, const char *scheme_name, ch_choice *out, ch_error *err)
{
    const char *name = arguments->option[CH_OPT_PROFILE];
    if (!ch_is_name(ch_slice_of(name)))
        return ch_fail(err, CH_BAD_INPUT, "--profile takes a name such as kraken; --profiles names the folder");
    if (scheme_name == NULL)
        return ch_fail(err, CH_BAD_INPUT,
                       "which scheme of profile '%s' is the key for? Give --scheme, for instance --scheme ed25519",
                       name);
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s.yaml", ch_option_profiles(arguments), name);
    ch_profile *profile = NULL;
    if (ch_profile_load(ch_buffer_text(&path), &profile, err) != CH_OK)
        return ch_error_wrap(err, "profile '%s' (--profiles or CHANCERY_PROFILES names the folder)", name);
    ch_status st = from_scheme_of(profile, scheme_name, out, err);
    ch_profile_free(profile);
    return st;
}

ch_status ch_choice_read(const ch_arguments *arguments, const char *default_scheme, ch_choice *out, ch_error *err)
{
    const char *mechanism = arguments->option[CH_OPT_MECHANISM];
    const char *scheme = arguments->option[CH_OPT_SCHEME];
    bool has_profile = arguments->option[CH_OPT_PROFILE] != NULL;
    *out = nothing_chosen;
    if (has_profile == (mechanism != NULL) || (scheme != NULL && !has_profile))
        return ch_fail(err, CH_BAD_INPUT,
                       "what is the key for? Give either --profile NAME (and --scheme NAME) or --mechanism NAME");
    if (has_profile)
        CH_TRY(from_profile(arguments, scheme != NULL ? scheme : default_scheme, out, err));
    else
        CH_TRY(find_mechanism(mechanism, &out->mechanism, err));
    return choose_encoding(arguments, out, err);
}

ch_status ch_choice_of_scheme(const ch_arguments *arguments, const ch_scheme *scheme, ch_choice *out, ch_error *err)
{
    *out = nothing_chosen;
    CH_TRY(from_scheme(scheme, out, err));
    return choose_encoding(arguments, out, err);
}
