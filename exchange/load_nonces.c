#include "exchange/load_nonces.h"

#include "base/memory.h"

#define WINDOW_S_MAX 3600

static const ch_word unit_words[] = {
    {"s",  1000000000},
    {"ms", 1000000   },
    {"us", 1000      },
    {"ns", 1         },
};
static const ch_words units = CH_WORDS("nonce unit", unit_words);

/* clang-format off */
static const ch_field fields[] = {
    /* name        required  reader            where                                   words, bounds */
    { "unit",      true,     ch_field_choice,  CH_MEMBER(ch_nonce_def, unit_ns),       .words = &units },
    { "ahead_s",   false,    ch_field_uint,    CH_MEMBER(ch_nonce_def, ahead_s),       .min = 1, .max = WINDOW_S_MAX },
    { "behind_s",  false,    ch_field_uint,    CH_MEMBER(ch_nonce_def, behind_s),      .min = 1, .max = WINDOW_S_MAX },
    { "repeats",   false,    ch_field_bool,    CH_MEMBER(ch_nonce_def, may_repeat) },
};
/* clang-format on */

/* A unit alone, or a map. */
static ch_status read_def(const ch_value *value, ch_error *err)
{
    ch_nonce_def *def = value->out;
    if (ch_yaml_kind_of(value->node) == CH_YAML_SCALAR)
        return ch_words_read(&units, value->node, &def->unit_ns, err);
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fields), def, NULL, err));
    if ((def->ahead_s == 0) != (def->behind_s == 0))
        return ch_yaml_fail(value->node, err, "a window has two sides; give both 'ahead_s' and 'behind_s'");
    if (def->may_repeat && def->ahead_s == 0)
        return ch_yaml_fail(
            value->node, err,
            "only nonces in a window may repeat; give 'ahead_s' and 'behind_s', or leave out 'repeats'");
    return CH_OK;
}

ch_status ch_nonce_read(const ch_value *value, ch_error *err)
{
    ch_profile *profile = value->out;
    ch_value def = *value;
    def.out = &profile->nonce;
    return read_def(&def, err);
}

ch_status ch_profile_make_kind(ch_profile *profile, const ch_yaml *node, const char *name, unsigned *bit, ch_error *err)
{
    *bit = ch_profile_kind(profile, name);
    if (*bit != 0)
        return CH_OK;
    if (profile->kind_count == CH_KINDS_MAX)
        return ch_yaml_fail(node, err, "there are more than %d kinds of keys", CH_KINDS_MAX);
    *bit = 1U << profile->kind_count;
    profile->kinds[profile->kind_count++] = ch_strdup(name);
    return CH_OK;
}

static ch_status read_for_kind(const ch_value *value, ch_error *err)
{
    ch_profile *profile = value->context;
    ch_kind_nonce *nonce = value->out;
    CH_TRY(ch_profile_make_kind(profile, value->node, value->name, &nonce->kind, err));
    ch_value def = *value;
    def.out = &nonce->def;
    return read_def(&def, err);
}

ch_status ch_nonce_for_read(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "kind of key", CH_YAML_MAP, 1, CH_KINDS_MAX, {.read = read_for_kind, .size = sizeof(ch_kind_nonce)}
    };
    ch_profile *profile = value->out;
    if (profile->nonce.unit_ns == 0)
        return ch_yaml_fail(value->node, err, "'nonce_for' needs 'nonce': the nonces of all other keys");
    return ch_entries_read(value->node, &entries, profile->kind_nonces, &profile->kind_nonce_count, profile, err);
}
