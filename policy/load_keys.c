/* A key's fields are read in the order of the table: its scheme and its kinds are those of its profile. Profiles are
 * loaded when a key first names them, and shared. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "base/names.h"
#include "conf/fields.h"
#include "conf/yaml.h"
#include "exchange/catalogue.h"
#include "exchange/load.h"
#include "exchange/recipe.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/uri.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NONCE_FLOOR_MAX ((1ULL << 62) - 1)
#define USES_MAX 1000000

ch_status ch_key_token(const ch_value *value, ch_error *err)
{
    const char *name = NULL;
    ch_key *key = value->out;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    free(key->token_name); /* a version may have another one than its key */
    key->token_name = ch_strdup(name);
    return ch_load_token_name(value->context, value->node, name, &key->token, err);
}

/* ---- profile, scheme, kinds ---- */

static const ch_profile *find_loaded(const ch_policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->profile_count; i++) {
        if (strcmp(ch_profile_name(policy->profiles[i]), name) == 0)
            return policy->profiles[i];
    }
    return NULL;
}

/* The name becomes part of a path, so it must be a plain one. */
static ch_status load_profile(const ch_policy_loader *load, const ch_yaml *node, const char *name,
                              const ch_profile **out, ch_error *err)
{
    ch_policy *policy = load->policy;
    const char *folder = load->source->profiles_folder;
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s.yaml", folder, name);
    if (!ch_is_name(ch_slice_of(name)))
        return ch_yaml_fail(node, err, "'%s' is not the name of a profile", name);
    if (access(ch_buffer_text(&path), F_OK) != 0 && errno == ENOENT)
        return ch_yaml_fail(node, err, "there is no profile '%s' in %s", name, folder);
    policy->profiles = ch_realloc_array(policy->profiles, policy->profile_count + 1, sizeof *policy->profiles);
    CH_TRY(ch_profile_load(ch_buffer_text(&path), &policy->profiles[policy->profile_count], err));
    *out = policy->profiles[policy->profile_count++];
    if (strcmp(ch_profile_name(*out), name) != 0)
        return ch_yaml_fail(node, err, "%s calls itself '%s'; the profile's name must be the file's",
                            ch_buffer_text(&path), ch_profile_name(*out));
    return CH_OK;
}

static ch_status read_profile(const ch_value *value, ch_error *err)
{
    const ch_policy_loader *load = value->context;
    ch_key *key = value->out;
    const char *name = NULL;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    key->profile = find_loaded(load->policy, name);
    if (key->profile == NULL)
        CH_TRY(load_profile(load, value->node, name, &key->profile, err));
    key->traits.environment = ch_profile_live(key->profile);
    return CH_OK;
}

ch_status ch_key_check_object(const ch_yaml *node, const ch_key *key, ch_error *err)
{
    ch_error reason = CH_ERROR_INIT;
    const ch_mechanism *mechanism = ch_mechanism_find(ch_slice_of(ch_scheme_mechanism(key->scheme)));
    return ch_uri_check_class(key->object_uri, mechanism, &reason) == CH_OK
               ? CH_OK
               : ch_yaml_fail(node, err, "object: %s", reason.message);
}

static ch_status read_scheme(const ch_value *value, ch_error *err)
{
    ch_key *key = value->out;
    const char *name = NULL;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    key->scheme = ch_profile_scheme(key->profile, name);
    if (key->scheme == NULL)
        return ch_yaml_fail(value->node, err, "profile '%s' has no scheme '%s'", ch_profile_name(key->profile), name);
    return key->object_uri == NULL ? CH_OK : ch_key_check_object(value->node, key, err);
}

static ch_status read_environment(const ch_value *value, ch_error *err)
{
    ch_key *key = value->out;
    const char *name = NULL;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    key->traits.environment = ch_profile_environment(key->profile, name);
    if (key->traits.environment != NULL)
        return CH_OK;
    ch_autobuffer names = CH_BUFFER_INIT;
    ch_profile_add_environments(key->profile, &names);
    return ch_yaml_fail(value->node, err, "profile '%s' has no environment '%s'; it has %s",
                        ch_profile_name(key->profile), name, ch_buffer_text(&names));
}

/* An empty text would be left out of the request, and one with a space at an end is cut on its way. */
ch_status ch_key_check_sent(const char *text, ch_error *err)
{
    size_t length = strlen(text);
    if (length == 0)
        return ch_fail(err, CH_CONFIG, "it is empty; is a variable unset?");
    if (text[0] == ' ' || text[length - 1] == ' ')
        return ch_fail(err, CH_CONFIG, "it starts or ends with a space; remove it");
    return CH_OK;
}

ch_status ch_key_check_id(const char *text, ch_error *err)
{
    CH_TRY(ch_key_check_sent(text, err));
    return ch_header_may_hold(ch_slice_of(text))
               ? CH_OK
               : ch_fail(err, CH_CONFIG, "it holds a byte that no header can carry; use printable ASCII");
}

/* Without it, or with one that cannot be sent, no request of the key could ever be right; one that nothing asks for
 * would be ignored. */
ch_status ch_key_check_passphrase(const ch_yaml *map, const ch_key *key, ch_error *err)
{
    ch_phrase_use use = ch_scheme_phrase_use(key->profile, key->scheme);
    const ch_yaml *given = ch_yaml_get(map, "passphrase");
    if (use != CH_PHRASE_UNUSED && given == NULL)
        return ch_yaml_fail(map, err, "%s asks for the key's pass phrase; add 'passphrase'",
                            ch_profile_title(key->profile));
    if (use == CH_PHRASE_UNUSED && given != NULL)
        return ch_yaml_fail(given, err, "profile '%s' sends no pass phrase with scheme '%s'; delete 'passphrase'",
                            ch_profile_name(key->profile), ch_scheme_name(key->scheme));
    if (use == CH_PHRASE_IN_HEADER && !ch_header_may_hold(ch_slice_of(key->passphrase)))
        return ch_yaml_fail(given, err, "passphrase: it holds a byte that no header can carry; use printable ASCII");
    return CH_OK;
}

/* Adds the bits that `find` knows the listed names by; `what` is what the profile has under such names. */
static ch_status add_bits(const ch_value *value, unsigned (*find)(const ch_profile *profile, const char *name),
                          const char *what, unsigned *bits, ch_error *err)
{
    const ch_profile *profile = ((const ch_key *)value->out)->profile;
    CH_TRY(ch_yaml_expect_list(value->node, err));
    for (size_t i = 0; i < ch_yaml_count(value->node); i++) {
        const ch_yaml *item = ch_yaml_item(value->node, i);
        const char *name = NULL;
        CH_TRY(ch_yaml_text(item, &name, err));
        unsigned bit = find(profile, name);
        if (bit == 0)
            return ch_yaml_fail(item, err, "profile '%s' has no %s '%s'", ch_profile_name(profile), what, name);
        *bits |= bit;
    }
    return CH_OK;
}

static ch_status read_kinds(const ch_value *value, ch_error *err)
{
    ch_key *key = value->out;
    return add_bits(value, ch_profile_kind, "keys of kind", &key->traits.kinds, err);
}

static ch_status read_accepts(const ch_value *value, ch_error *err)
{
    ch_key *key = value->out;
    return add_bits(value, ch_profile_acceptance, "acceptable confusion", &key->traits.accepts, err);
}

/* ---- tolerate ---- */

/* What would let others sign with the key, or read it, cannot be tolerated. */
static ch_status read_lapse(const ch_yaml *node, ch_lapses tolerable, ch_lapses *out, ch_error *err)
{
    ch_autobuffer names = CH_BUFFER_INIT;
    const char *name = NULL;
    CH_TRY(ch_yaml_text(node, &name, err));
    *out = ch_lapse_of_name(ch_slice_of(name));
    ch_lapses_add_names(tolerable, &names);
    return (*out & tolerable) != 0
               ? CH_OK
               : ch_yaml_fail(node, err, "'%s' cannot be tolerated of a key of this kind; what can be: %s", name,
                              ch_buffer_text(&names));
}

static ch_status read_tolerate(const ch_value *value, ch_error *err)
{
    ch_key *key = value->out;
    const ch_mechanism *mechanism = ch_mechanism_find(ch_slice_of(ch_scheme_mechanism(key->scheme)));
    ch_lapses tolerable = ch_lapses_tolerable(mechanism->key_class);
    CH_TRY(ch_yaml_expect_list(value->node, err));
    for (size_t i = 0; i < ch_yaml_count(value->node); i++) {
        ch_lapses lapse = 0;
        CH_TRY(read_lapse(ch_yaml_item(value->node, i), tolerable, &lapse, err));
        key->tolerated |= lapse;
    }
    return CH_OK;
}

/* ---- account, window ---- */

static ch_status read_account(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    const char *name = NULL;
    size_t *account = value->out;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    const ch_name_row *row = ch_names_find(&load->accounts, name);
    if (row == NULL)
        return ch_yaml_fail(value->node, err, "there is no account '%s'; add it to 'accounts'", name);
    *account = row->index;
    return CH_OK;
}

/* A key that names no account is one of its own. */
static ch_status make_account(ch_policy_loader *load, const ch_yaml *node, ch_key *key, ch_error *err)
{
    ch_policy *policy = load->policy;
    const ch_name_row *row = ch_names_find(&load->accounts, key->name);
    if (row != NULL)
        return ch_yaml_fail(node, err,
                            "'%s' names no account, and would be one of its own, but there is an account of that name "
                            "(line %u); add 'account', or rename one of them",
                            key->name, ch_yaml_line(row->node));
    if (policy->account_count >= load->account_room) {
        load->account_room = 2 * policy->account_count + 1;
        policy->accounts = ch_realloc_array(policy->accounts, load->account_room, sizeof(ch_account));
    }
    key->account = policy->account_count;
    policy->accounts[policy->account_count++] = (ch_account){.name = ch_strdup(key->name)};
    return CH_OK;
}

/* A window that the exchange does not take would be a promise that nothing keeps. What every request keeps anyway needs
 * no clamp. */
static ch_status check_fixed_window(const ch_yaml *node, const ch_profile *profile, uint64_t ns, ch_error *err)
{
    uint64_t fixed_ns = ch_profile_fixed_validity_ns(profile);
    if (fixed_ns == 0)
        return ch_yaml_fail(node, err, "requests of profile '%s' have no receive window; delete 'receive_window'",
                            ch_profile_name(profile));
    if (ns >= fixed_ns)
        return CH_OK;
    return ch_yaml_fail(node, err,
                        "%s takes requests for %llu ms, whatever they say, so nothing can keep them to less; delete "
                        "'receive_window'",
                        ch_profile_title(profile), (unsigned long long)(fixed_ns / 1000000));
}

static ch_status read_window(const ch_value *value, ch_error *err)
{
    ch_key *key = value->out;
    static const ch_field window_duration = {.size = sizeof(uint64_t)};
    uint64_t ns = 0;
    uint32_t max_ms = ch_profile_window_max_ms(key->profile);
    const ch_value duration = {value->node, value->name, &window_duration, &ns, NULL};
    CH_TRY(ch_field_duration(&duration, err));
    if (max_ms == 0)
        return check_fixed_window(value->node, key->profile, ns, err);
    if (ns % 1000000 != 0 || ns / 1000000 > max_ms)
        return ch_yaml_fail(value->node, err, "%s takes whole milliseconds up to %u ms", ch_profile_title(key->profile),
                            (unsigned)max_ms);
    key->receive_window_ms = (uint32_t)(ns / 1000000);
    return CH_OK;
}

/* ---- nonces ---- */

static ch_status read_nonce_floor(const ch_value *value, ch_error *err)
{
    ch_key *key = value->out;
    const ch_nonce_def *nonce = ch_profile_nonce(key->profile, key->traits.kinds);
    CH_TRY(ch_yaml_uint(value->node, &key->nonce_floor, NONCE_FLOOR_MAX, err));
    if (nonce == NULL)
        return ch_yaml_fail(value->node, err, "profile '%s' has no nonces; delete 'nonce_floor'",
                            ch_profile_name(key->profile));
    if (nonce->ahead_s > 0)
        return ch_yaml_fail(value->node, err,
                            "%s compares this key's nonces with its clock, so they follow the clock and have no floor; "
                            "delete 'nonce_floor'",
                            ch_profile_title(key->profile));
    return CH_OK;
}

static bool share_id(const ch_key *key, const ch_key *other)
{
    const ch_key *version;
    for (size_t i = 0; (version = ch_key_version(key, i)) != NULL; i++) {
        if (ch_key_version_of(other, ch_slice_of(version->key_id)) != NULL)
            return true;
    }
    return false;
}

static bool counts_otherwise(const ch_key *key, const ch_key *other)
{
    return key->profile == other->profile && key->nonce != other->nonce && share_id(key, other) &&
           strcmp(ch_environment_keys(key->traits.environment), ch_environment_keys(other->traits.environment)) == 0;
}

/* Two names for one key of the exchange share a counter, so they must agree on how it counts. */
static ch_status check_nonces(const ch_policy_loader *load, const ch_key *key, ch_error *err)
{
    for (size_t i = 0; i < load->policy->key_count; i++) {
        const ch_key *other = &load->policy->keys[i];
        if (counts_otherwise(key, other))
            return ch_yaml_fail(ch_names_find(&load->keys, key->name)->node, err,
                                "'%s' and '%s' are one key at %s, but of different kinds; give both the same 'kinds'",
                                key->name, other->name, ch_profile_title(key->profile));
    }
    return CH_OK;
}

static ch_status find_nonces(const ch_policy_loader *load, ch_error *err)
{
    ch_policy *policy = load->policy;
    for (size_t i = 0; i < policy->key_count; i++)
        policy->keys[i].nonce = ch_profile_nonce(policy->keys[i].profile, policy->keys[i].traits.kinds);
    for (size_t i = 0; i < policy->key_count; i++) {
        const ch_key *key = &policy->keys[i];
        if (key->nonce != ch_profile_nonce(key->profile, 0))
            CH_TRY(check_nonces(load, key, err));
    }
    return CH_OK;
}

/* ---- keys ---- */

static const ch_word relay_words[] = {
    {"only", true},
};
static const ch_words relay_uses = CH_WORDS("use of relays", relay_words);

/* clang-format off */
static const ch_field fields[] = {
    /* name          required  reader                 where                             check */
    { "token",       true,     ch_key_token,          CH_WHOLE },
    { "object",      false,    ch_field_text,         CH_MEMBER(ch_key, object_uri),      .check = ch_uri_check_object },
    { "profile",     true,     read_profile,          CH_WHOLE },
    { "environment", false,    read_environment,      CH_WHOLE },
    { "scheme",      true,     read_scheme,           CH_WHOLE },
    { "key_id",      false,    ch_field_text,         CH_MEMBER(ch_key, key_id),          .check = ch_key_check_id },
    { "passphrase",  false,    ch_field_text,         CH_MEMBER(ch_key, passphrase),      .check = ch_key_check_sent },
    { "raw",         false,    ch_field_bool,         CH_MEMBER(ch_key, may_sign_raw) },
    { "relay",       false,    ch_field_choice,       CH_MEMBER(ch_key, is_relay_only),  .words = &relay_uses },
    { "kinds",       false,    read_kinds,            CH_WHOLE },
    { "accepts",     false,    read_accepts,          CH_WHOLE },
    { "tolerate",    false,    read_tolerate,         CH_WHOLE },
    { "nonce_floor", false,    read_nonce_floor,      CH_WHOLE },
    { "account",     false,    read_account,          CH_MEMBER(ch_key, account) },
    { "receive_window", false, read_window,           CH_WHOLE },
    { "assume_uses", false,    ch_field_uint,         CH_MEMBER(ch_key, assume_uses),     .min = 1, .max = USES_MAX },
    { "unlock",      false,    ch_load_key_unlock,    CH_MEMBER(ch_key, unlock) },
    { "expires",     false,    ch_field_moment,       CH_MEMBER(ch_key, expires_ns) },
    { "rotate_by",   false,    ch_field_moment,       CH_MEMBER(ch_key, rotate_by_ns) },
    { "versions",    false,    ch_key_versions,       CH_WHOLE },
    { "flatten",     false,    ch_load_flatten,       CH_WHOLE },
};
/* clang-format on */

/* Whoever is to rotate it by a day on which it signs nothing any more comes too late. By now `key` may have the end of
 * its first version, so that of the key is read again. */
static ch_status check_dates(const ch_yaml *map, const ch_key *key, ch_error *err)
{
    uint64_t expires_ns = 0;
    const ch_yaml *expires = ch_yaml_get(map, "expires");
    if (expires == NULL)
        return CH_OK;
    CH_TRY(ch_load_moment(expires, &expires_ns, err));
    if (key->rotate_by_ns <= expires_ns)
        return CH_OK;
    return ch_yaml_fail(ch_yaml_get(map, "rotate_by"), err,
                        "rotate_by is later than expires (line %u), when the key signs nothing any more; make it "
                        "earlier",
                        ch_yaml_line(expires));
}

static ch_status read_key(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_key *key = value->out;
    key->name = ch_strdup(value->name);
    key->passphrase = ch_strdup("");
    CH_TRY(ch_names_add_given(&load->keys, "a key", key->name, value->node, 0, err));
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fields), key, load, err));
    CH_TRY(ch_key_check_versions(value->node, err));
    if (ch_yaml_get(value->node, "account") == NULL)
        CH_TRY(make_account(load, value->node, key, err));
    CH_TRY(ch_check_key_unlock(load, value->node, key, err));
    CH_TRY(check_dates(value->node, key, err));
    return ch_yaml_get(value->node, "versions") != NULL ? CH_OK : ch_key_check_passphrase(value->node, key, err);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const ch_key *)a)->name, ((const ch_key *)b)->name);
}

static const ch_entries keys = {
    "key", CH_YAML_MAP, 0, CH_KEYS_MAX, {.read = read_key, .size = sizeof(ch_key)}
};

ch_status ch_load_keys(const ch_value *value, ch_error *err)
{
    ch_policy *policy = value->out;
    return ch_load_append(value, &keys, &policy->keys, &policy->key_count, err);
}

static size_t find_profile(const ch_policy *policy, const ch_profile *profile)
{
    size_t at = 0;
    while (policy->profiles[at] != profile)
        at++;
    return at;
}

ch_status ch_finish_keys(ch_policy_loader *load, ch_error *err)
{
    ch_policy *policy = load->policy;
    qsort(policy->keys, policy->key_count, sizeof *policy->keys, compare_keys);
    ch_policy_index_keys(policy);
    load->takes = ch_alloc(policy->profile_count * sizeof *load->takes);
    load->profile_of_key = ch_alloc(policy->key_count * sizeof *load->profile_of_key);
    for (size_t i = 0; i < policy->key_count; i++)
        load->profile_of_key[i] = find_profile(policy, policy->keys[i].profile);
    CH_TRY(find_nonces(load, err));
    CH_TRY(ch_finish_versions(load, err));
    CH_TRY(ch_finish_flatten(load, err));
    return ch_finish_seeds(load, err);
}
