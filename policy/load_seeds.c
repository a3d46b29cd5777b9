/* People's seeds, and whether unlocks can take codes of them. A seed and a key of the policy must not be one object:
 * who may have the key sign could have it compute codes. Labels say so at load, so both are named by them. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "conf/fields.h"
#include "conf/yaml.h"
#include "exchange/profile.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/uri.h"

#include <p11-kit/uri.h>
#include <string.h>

#define DIGITS 6
#define DIGITS_MAX 8

/* ---- seeds ---- */

/* Enrolment makes the object, and knows it by its label. */
static ch_status check_seed_uri(const char *text, ch_error *err)
{
    P11KitUri *uri = NULL;
    CH_TRY(ch_uri_check_object(text, err));
    CH_TRY(ch_uri_parse(text, &uri, err));
    bool has_label = p11_kit_uri_get_attribute(uri, CKA_LABEL) != NULL;
    bool has_more = p11_kit_uri_get_attribute(uri, CKA_ID) != NULL || p11_kit_uri_get_attribute(uri, CKA_CLASS) != NULL;
    p11_kit_uri_free(uri);
    return has_label && !has_more
               ? CH_OK
               : ch_fail(err, CH_CONFIG, "a seed is named by its label alone, as in \"pkcs11:object=alice-totp\"");
}

enum { SHA1, SHA256, SHA512 };
static const char *const mechanisms[] = {"hmac-sha1", "hmac-sha256", "hmac-sha512"};
static const ch_word hash_words[] = {
    {"sha1",   SHA1  },
    {"sha256", SHA256},
    {"sha512", SHA512},
};
static const ch_words hashes = CH_WORDS("hash", hash_words);

static ch_status read_hash(const ch_value *value, ch_error *err)
{
    uint64_t which = SHA1;
    CH_TRY(ch_words_read(&hashes, value->node, &which, err));
    *(const char **)value->out = mechanisms[which];
    return CH_OK;
}

/* clang-format off */
static const ch_field seed_fields[] = {
    /* name     required  reader          where                            bounds, check */
    { "object", true,     ch_field_text,  CH_MEMBER(ch_seed, object_uri),  .check = check_seed_uri },
    { "hash",   false,    read_hash,      CH_MEMBER(ch_seed, mechanism) },
    { "digits", false,    ch_field_uint,  CH_MEMBER(ch_seed, digits),      .min = DIGITS, .max = DIGITS_MAX },
};
/* clang-format on */

ch_status ch_load_seed(const ch_value *value, ch_error *err)
{
    ch_seed *seed = value->out;
    *seed = (ch_seed){.mechanism = mechanisms[SHA1], .digits = DIGITS};
    if (ch_yaml_kind_of(value->node) == CH_YAML_MAP)
        return ch_fields_read(value->node, CH_FIELDS(seed_fields), seed, NULL, err);
    const ch_value text = {value->node, value->name, &seed_fields[0], &seed->object_uri, NULL};
    return ch_field_text(&text, err);
}

/* ---- the whole ---- */

static bool is_secret_key(const ch_key *key)
{
    const ch_mechanism *mechanism = ch_mechanism_find(ch_slice_of(ch_scheme_mechanism(key->scheme)));
    return mechanism != NULL && mechanism->key_class == CKO_SECRET_KEY;
}

static ch_status check_key(const ch_policy_loader *load, const ch_person *person, const char *seed, const ch_key *key,
                           ch_error *err)
{
    ch_autofree char *label = ch_uri_label(key->object_uri);
    const ch_yaml *node = ch_names_find(&load->keys, key->name)->node;
    if (label == NULL && is_secret_key(key))
        return ch_yaml_fail(
            node, err,
            "key '%s' is on the token of people's seeds and is named by its id, so that nobody can tell "
            "whether it is one of them; add object=LABEL to its URI",
            key->name);
    if (label != NULL && strcmp(label, seed) == 0)
        return ch_yaml_fail(node, err,
                            "key '%s' is the seed of the codes of '%s' (line %u); one object cannot be both, since who "
                            "may sign with it could make codes",
                            key->name, person->name, ch_yaml_line(ch_names_find(&load->people, person->name)->node));
    return CH_OK;
}

static ch_status check_keys(const ch_policy_loader *load, const ch_person *person, const char *seed, ch_error *err)
{
    const ch_policy *policy = load->policy;
    const ch_key *version;
    for (size_t i = 0; i < policy->key_count && policy->totp_token < load->source->token_count; i++) {
        for (size_t v = 0; (version = ch_key_version(&policy->keys[i], v)) != NULL; v++) {
            if (version->token == policy->totp_token)
                CH_TRY(check_key(load, person, seed, version, err));
        }
    }
    return CH_OK;
}

static ch_status check_other_people(const ch_policy_loader *load, const ch_person *person, const char *seed,
                                    ch_error *err)
{
    for (const ch_person *other = load->policy->people; other < person; other++) {
        ch_autofree char *label = other->seed.object_uri == NULL ? NULL : ch_uri_label(other->seed.object_uri);
        if (label != NULL && strcmp(label, seed) == 0)
            return ch_yaml_fail(ch_names_find(&load->people, person->name)->node, err,
                                "'%s' and '%s' have one seed, so that each could be taken for the other; give each a "
                                "seed of their own",
                                person->name, other->name);
    }
    return CH_OK;
}

static ch_status check_seed(const ch_policy_loader *load, const ch_person *person, ch_error *err)
{
    const ch_policy_source *source = load->source;
    ch_autofree char *seed = ch_uri_label(person->seed.object_uri);
    if (seed == NULL || (!source->is_elsewhere && source->totp_token >= source->token_count))
        return ch_yaml_fail(ch_names_find(&load->people, person->name)->node, err,
                            "'%s' has a seed, and agent.yaml has several tokens; name the one that holds seeds, as "
                            "'totp_token' there",
                            person->name);
    CH_TRY(check_other_people(load, person, seed, err));
    return check_keys(load, person, seed, err);
}

static bool has_seed_and(const ch_policy *policy, unsigned role)
{
    bool is_there = false;
    for (size_t i = 0; i < policy->person_count; i++)
        is_there = is_there || (policy->people[i].seed.object_uri != NULL && (policy->people[i].roles & role) != 0);
    return is_there;
}

static bool takes_codes(const ch_policy_loader *load)
{
    bool takes = false;
    for (size_t i = 0; i < load->source->token_count; i++)
        takes = takes || (ch_policy_factors(load->policy, i) & CH_FACTOR_CODE) != 0;
    return takes;
}

/* Somebody must be able to enrol others, and somebody to unlock. */
static ch_status check_people(const ch_policy_loader *load, ch_error *err)
{
    const ch_policy *policy = load->policy;
    if (!ch_policy_has_seeds(policy))
        return CH_OK;
    if (!has_seed_and(policy, CH_ROLE_ADMIN))
        return ch_yaml_fail(load->people_at, err,
                            "people have seeds, but no admin has one, so nobody could be enrolled; give an admin a "
                            "'totp'");
    if (takes_codes(load) && !has_seed_and(policy, CH_ROLE_OPERATOR))
        return ch_yaml_fail(
            load->people_at, err,
            "an unlock takes a code, but no operator has a seed, so nobody could unlock a token; give an "
            "operator a 'totp'");
    return CH_OK;
}

ch_status ch_finish_seeds(ch_policy_loader *load, ch_error *err)
{
    const ch_policy *policy = load->policy;
    for (size_t i = 0; i < policy->token_count; i++) {
        if ((policy->tokens[i].unlock.factors & CH_FACTOR_CODE) != 0 && !ch_policy_has_seeds(policy))
            return ch_yaml_fail(ch_names_find(&load->tokens, policy->tokens[i].name)->node, err,
                                "an unlock takes a code, but nobody under 'people' has a 'totp'; give one to each who "
                                "unlocks");
    }
    for (size_t i = 0; i < policy->person_count; i++) {
        if (policy->people[i].seed.object_uri != NULL)
            CH_TRY(check_seed(load, &policy->people[i], err));
    }
    return check_people(load, err);
}
