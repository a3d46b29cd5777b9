/* Versions of a key: what each has of its own. The first is the key itself; the others get all else of it when the keys
 * have been sorted. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "conf/fields.h"
#include "conf/yaml.h"
#include "pkcs11/uri.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const ch_field fields[] = {
    /* name         required  reader            where                          check */
    { "object",     true,     ch_field_text,    CH_MEMBER(ch_key, object_uri), .check = ch_uri_check_object },
    { "key_id",     true,     ch_field_text,    CH_MEMBER(ch_key, key_id),     .check = ch_key_check_id },
    { "passphrase", false,    ch_field_text,    CH_MEMBER(ch_key, passphrase), .check = ch_key_check_sent },
    { "token",      false,    ch_key_token,     CH_WHOLE },
    { "from",       false,    ch_field_moment,  CH_MEMBER(ch_key, from_ns) },
    { "expires",    false,    ch_field_moment,  CH_MEMBER(ch_key, expires_ns) },
};
/* clang-format on */

/* An object that is there twice would sign under two names of the exchange, of which one is wrong. */
static ch_status check_others(const ch_yaml *list, const ch_key *key, size_t index, ch_error *err)
{
    const ch_key *version = ch_key_version(key, index);
    const ch_yaml *node = ch_yaml_item(list, index);
    for (size_t i = 0; i < index; i++) {
        const ch_key *other = ch_key_version(key, i);
        unsigned line = ch_yaml_line(ch_yaml_item(list, i));
        if (strcmp(version->key_id, other->key_id) == 0)
            return ch_yaml_fail(node, err, "the version in line %u has this 'key_id' already", line);
        if (version->token == other->token && strcmp(version->object_uri, other->object_uri) == 0)
            return ch_yaml_fail(node, err, "the version in line %u has this 'object' already", line);
        if (version->from_ns < other->from_ns)
            return ch_yaml_fail(node, err,
                                "versions stand in the order in which they come, and the one in line %u comes later; "
                                "give this one another 'from', or another place",
                                line);
    }
    return CH_OK;
}

static ch_status read_version(const ch_yaml *list, ch_key *key, const ch_key *base, size_t index, void *context,
                              ch_error *err)
{
    ch_key *version = ch_key_version_at(key, index);
    const ch_yaml *node = ch_yaml_item(list, index);
    version->token = base->token;
    version->expires_ns = base->expires_ns;
    version->profile = base->profile;
    version->scheme = base->scheme;
    free(version->passphrase);
    free(version->token_name);
    version->passphrase = ch_strdup("");
    version->token_name = ch_strdup(base->token_name);
    CH_TRY(ch_fields_read(node, CH_FIELDS(fields), version, context, err));
    CH_TRY(ch_key_check_object(node, version, err));
    CH_TRY(ch_key_check_passphrase(node, version, err));
    return check_others(list, key, index, err);
}

ch_status ch_key_versions(const ch_value *value, ch_error *err)
{
    ch_key *key = value->out;
    ch_autofree char *token_name = ch_strdup(key->token_name);
    ch_key base = *key;
    base.token_name = token_name; /* the first version may have another one */
    CH_TRY(ch_yaml_expect_list(value->node, err));
    size_t count = ch_yaml_count(value->node);
    if (key->object_uri != NULL || key->key_id != NULL || key->passphrase[0] != '\0')
        return ch_yaml_fail(value->node, err,
                            "with 'versions', each version has 'object', 'key_id' and 'passphrase' of its own; delete "
                            "them beside it");
    if (count == 0 || count > CH_VERSIONS_MAX)
        return ch_yaml_fail(value->node, err, "a key has 1 to %d versions", CH_VERSIONS_MAX);
    key->versions = ch_alloc(count * sizeof *key->versions);
    for (size_t i = 0; i < count; i++) {
        key->version_count = i; /* those after the first */
        CH_TRY(read_version(value->node, key, &base, i, value->context, err));
    }
    return CH_OK;
}

ch_status ch_key_check_versions(const ch_yaml *map, ch_error *err)
{
    const ch_yaml *found;
    if (ch_yaml_get(map, "versions") != NULL)
        return CH_OK;
    CH_TRY(ch_yaml_require(map, "object", &found, err));
    return ch_yaml_require(map, "key_id", &found, err);
}

static void complete(ch_key *key)
{
    for (size_t i = 0; i < key->version_count; i++) {
        const ch_key own = key->versions[i];
        ch_key *version = &key->versions[i];
        *version = *key;
        version->object_uri = own.object_uri;
        version->key_id = own.key_id;
        version->passphrase = own.passphrase;
        version->token = own.token;
        version->token_name = own.token_name;
        version->from_ns = own.from_ns;
        version->expires_ns = own.expires_ns;
        version->rotate_by_ns = 0; /* it is said of the key, once */
        version->versions = NULL;
        version->version_count = 0;
        version->of = key;
    }
}

ch_status ch_finish_versions(ch_policy_loader *load, ch_error *err)
{
    ch_policy *policy = load->policy;
    size_t count = policy->key_count;
    for (size_t i = 0; i < policy->key_count; i++) {
        complete(&policy->keys[i]);
        count += policy->keys[i].version_count;
        if (count > CH_KEYS_MAX)
            return ch_yaml_fail(ch_names_find(&load->keys, policy->keys[i].name)->node, err,
                                "there are more than %d keys and versions of keys", CH_KEYS_MAX);
    }
    return CH_OK;
}
