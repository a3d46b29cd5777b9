#include "cli/key_choice.h"

#include "base/names.h"
#include "exchange/profile.h"
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    ch_encoding encoding;
} encodings[] = {
    {"text",   CH_ENCODE_TEXT  },
    {"hex",    CH_ENCODE_HEX   },
    {"base64", CH_ENCODE_BASE64}
};

static ch_status find_mechanism(const char *name, const ch_mechanism **out, ch_error *err)
{
    *out = ch_mechanism_find(ch_slice_of(name));
    if (*out != NULL)
        return CH_OK;
    ch_autobuffer known = CH_BUFFER_INIT;
    for (size_t i = 0; ch_mechanism_at(i) != NULL; i++)
        ch_buffer_add_format(&known, "%s%s", i == 0 ? "" : ", ", ch_mechanism_at(i)->name);
    return ch_fail(err, CH_BAD_INPUT, "there is no mechanism '%s'; known are %s", name, ch_buffer_text(&known));
}

static ch_status find_encoding(const char *name, ch_encoding *out, ch_error *err)
{
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        if (strcmp(name, encodings[i].name) == 0) {
            *out = encodings[i].encoding;
            return CH_OK;
        }
    }
    return ch_fail(err, CH_BAD_INPUT, "--encoding is text, hex or base64");
}

static ch_status from_profile(const ch_arguments *arguments, const char *scheme_name, ch_key_choice *out, ch_error *err)
{
    const char *name = arguments->option[CH_OPT_PROFILE];
    if (!ch_is_name(ch_slice_of(name)))
        return ch_fail(err, CH_BAD_INPUT, "--profile is a name such as kraken; its folder is given by --profiles");
    if (scheme_name == NULL)
        return ch_fail(err, CH_BAD_INPUT,
                       "which scheme of profile '%s' is the key for? Give --scheme, for instance --scheme ed25519",
                       name);
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s.yaml", ch_option_profiles(arguments), name);
    ch_profile *profile = NULL;
    ch_status st = ch_profile_load(ch_buffer_text(&path), &profile, err);
    if (st != CH_OK)
        return ch_error_wrap(err, "profile '%s' (--profiles or CHANCERY_PROFILES say where profiles are)", name);
    const ch_scheme *scheme = ch_profile_scheme(profile, scheme_name);
    if (scheme == NULL) {
        st = ch_fail(err, CH_NOT_FOUND, "profile '%s' has no scheme '%s'; give another with --scheme", name,
                     scheme_name);
    } else {
        out->encoding = ch_scheme_secret_encoding(scheme);
        st = find_mechanism(ch_scheme_mechanism(scheme), &out->mechanism, err);
    }
    ch_profile_free(profile);
    return st;
}

ch_status ch_key_choice_make(const ch_arguments *arguments, const char *default_scheme, ch_key_choice *out,
                             ch_error *err)
{
    const char *mechanism = arguments->option[CH_OPT_MECHANISM];
    const char *scheme = arguments->option[CH_OPT_SCHEME];
    bool has_profile = arguments->option[CH_OPT_PROFILE] != NULL;
    *out = (ch_key_choice){NULL, CH_ENCODE_TEXT};
    if (has_profile == (mechanism != NULL) || (scheme != NULL && !has_profile))
        return ch_fail(err, CH_BAD_INPUT,
                       "what is the key for? Give either --profile NAME (and --scheme NAME) or --mechanism NAME");
    ch_status st = has_profile ? from_profile(arguments, scheme != NULL ? scheme : default_scheme, out, err)
                               : find_mechanism(mechanism, &out->mechanism, err);
    if (st == CH_OK && arguments->option[CH_OPT_ENCODING] != NULL)
        st = find_encoding(arguments->option[CH_OPT_ENCODING], &out->encoding, err);
    return st;
}
