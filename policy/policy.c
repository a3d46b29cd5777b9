/* Keys are found through a hash of their names: a search by halves touched two cold cache lines a step, which showed
 * with ten thousand keys. */
#include "policy/policy.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/names.h"
#include "conf/yaml.h"
#include "pkcs11/uri.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYS_MAX 65535

/* ---- reading ---- */

static ch_status read_text(const ch_yaml *map, const char *field, bool is_required, char **out, ch_error *err)
{
    const ch_yaml *node = ch_yaml_get(map, field);
    const char *text = "";
    ch_status st = CH_OK;
    if (node == NULL && is_required)
        st = ch_yaml_require(map, field, &node, err);
    else if (node != NULL)
        st = ch_yaml_text(node, &text, err);
    if (st == CH_OK)
        *out = ch_strdup(text);
    return st;
}

static ch_status read_id(const ch_yaml *map, const char *field, bool *has, unsigned *out, ch_error *err)
{
    const ch_yaml *node = ch_yaml_get(map, field);
    uint64_t value = 0;
    *has = node != NULL;
    ch_status st = node == NULL ? CH_OK : ch_yaml_uint(node, &value, UINT32_MAX - 1, err);
    *out = (unsigned)value;
    return st;
}

static ch_status read_caller(const ch_yaml *map, ch_grant *grant, ch_error *err)
{
    ch_status st = ch_yaml_expect_map(map, err);
    if (st == CH_OK)
        st = read_id(map, "uid", &grant->has_uid, &grant->uid, err);
    if (st == CH_OK)
        st = read_id(map, "gid", &grant->has_gid, &grant->gid, err);
    if (st == CH_OK && !grant->has_uid && !grant->has_gid)
        st = ch_yaml_fail(map, err, "this says nothing about who is meant; give a 'uid', a 'gid' or both");
    return st;
}

static ch_status read_classes(const ch_yaml *map, unsigned *classes, ch_error *err)
{
    const ch_yaml *list = NULL;
    ch_status st = ch_yaml_require(map, "classes", &list, err);
    return st == CH_OK ? ch_classes_read(list, classes, err) : st;
}

static ch_status read_grants(const ch_yaml *list, bool has_classes, ch_grant **out, size_t *count, ch_error *err)
{
    ch_status st = ch_yaml_expect_list(list, err);
    if (st != CH_OK)
        return st;
    *out = ch_alloc(ch_yaml_count(list) * sizeof **out);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(list); i++) {
        const ch_yaml *map = ch_yaml_item(list, i);
        st = read_caller(map, &(*out)[i], err);
        if (st == CH_OK && has_classes)
            st = read_classes(map, &(*out)[i].classes, err);
        if (st == CH_OK)
            st = ch_yaml_check_known(map, err);
        (*count)++;
    }
    return st;
}

static ch_status find_profile(const ch_policy_source *source, ch_policy *policy, const ch_yaml *node,
                              const ch_profile **out, ch_error *err)
{
    const char *name = NULL;
    ch_status st = ch_yaml_text(node, &name, err);
    if (st != CH_OK)
        return st;
    for (size_t i = 0; i < policy->profile_count; i++) {
        if (strcmp(ch_profile_name(policy->profiles[i]), name) == 0) {
            *out = policy->profiles[i];
            return CH_OK;
        }
    }
    if (!ch_is_name(ch_slice_of(name)))
        return ch_yaml_fail(node, err, "'%s' is not the name of a profile", name);
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s.yaml", source->profiles_folder, name);
    if (access(ch_buffer_text(&path), F_OK) != 0)
        return ch_yaml_fail(node, err, "there is no profile '%s' in %s", name, source->profiles_folder);
    policy->profiles = ch_realloc_array(policy->profiles, policy->profile_count + 1, sizeof *policy->profiles);
    st = ch_profile_load(ch_buffer_text(&path), &policy->profiles[policy->profile_count], err);
    if (st != CH_OK)
        return st;
    *out = policy->profiles[policy->profile_count++];
    if (strcmp(ch_profile_name(*out), name) != 0)
        return ch_yaml_fail(node, err, "%s calls itself '%s'; name and file must agree", ch_buffer_text(&path),
                            ch_profile_name(*out));
    return CH_OK;
}

static ch_status read_scheme(const ch_policy_source *source, ch_policy *policy, const ch_yaml *map, ch_key *key,
                             ch_error *err)
{
    const ch_yaml *profile = NULL;
    const ch_yaml *scheme = NULL;
    const char *name = NULL;
    ch_status st = ch_yaml_require(map, "profile", &profile, err);
    if (st == CH_OK)
        st = find_profile(source, policy, profile, &key->profile, err);
    if (st == CH_OK)
        st = ch_yaml_require_text(map, "scheme", &scheme, &name, err);
    if (st != CH_OK)
        return st;
    key->scheme = ch_profile_scheme(key->profile, name);
    return key->scheme != NULL
               ? CH_OK
               : ch_yaml_fail(scheme, err, "profile '%s' has no scheme '%s'", ch_profile_name(key->profile), name);
}

/* A URI is checked here already, so that a mistake shows at start and not when the token is there. */
static ch_status read_object(const ch_yaml *map, ch_key *key, ch_error *err)
{
    P11KitUri *uri = NULL;
    ch_error reason = CH_ERROR_INIT;
    ch_status st = read_text(map, "object", true, &key->object_uri, err);
    if (st == CH_OK && ch_uri_parse(key->object_uri, &uri, &reason) != CH_OK)
        return ch_yaml_fail(ch_yaml_get(map, "object"), err, "%s", reason.message);
    p11_kit_uri_free(uri);
    return st;
}

static ch_status read_token(const ch_policy_source *source, const ch_yaml *map, ch_key *key, ch_error *err)
{
    const ch_yaml *node = NULL;
    const char *name = NULL;
    ch_status st = ch_yaml_require_text(map, "token", &node, &name, err);
    if (st != CH_OK)
        return st;
    while (key->token < source->token_count && strcmp(source->tokens[key->token], name) != 0)
        key->token++;
    return key->token < source->token_count ? CH_OK : ch_yaml_fail(node, err, "agent.yaml has no token '%s'", name);
}

static ch_status read_kinds(const ch_yaml *map, ch_key *key, ch_error *err)
{
    const ch_yaml *list = ch_yaml_get(map, "kinds");
    ch_status st = list == NULL ? CH_OK : ch_yaml_expect_list(list, err);
    for (size_t i = 0; st == CH_OK && list != NULL && i < ch_yaml_count(list); i++) {
        const char *name = NULL;
        st = ch_yaml_text(ch_yaml_item(list, i), &name, err);
        unsigned bit = st == CH_OK ? ch_profile_kind(key->profile, name) : 0;
        if (st == CH_OK && bit == 0)
            st = ch_yaml_fail(ch_yaml_item(list, i), err, "profile '%s' knows no keys of kind '%s'",
                              ch_profile_name(key->profile), name);
        key->kinds |= bit;
    }
    return st;
}

static ch_status read_key(const ch_policy_source *source, ch_policy *policy, const ch_yaml *map, ch_key *key,
                          ch_error *err)
{
    const ch_yaml *allow = NULL;
    ch_status st = ch_yaml_expect_map(map, err);
    if (st == CH_OK && !ch_is_name(ch_slice_of(key->name)))
        st = ch_yaml_fail(map, err, "'%s' is not a key's name: a-z, 0-9, '.', '_' and '-', at most 64", key->name);
    if (st == CH_OK)
        st = read_token(source, map, key, err);
    if (st == CH_OK)
        st = read_object(map, key, err);
    if (st == CH_OK)
        st = read_scheme(source, policy, map, key, err);
    if (st == CH_OK)
        st = read_text(map, "key_id", true, &key->key_id, err);
    if (st == CH_OK)
        st = read_text(map, "passphrase", false, &key->passphrase, err);
    if (st == CH_OK)
        st = ch_yaml_flag(map, "raw", &key->may_sign_raw, err);
    if (st == CH_OK)
        st = read_kinds(map, key, err);
    if (st == CH_OK)
        st = ch_yaml_require(map, "allow", &allow, err);
    if (st == CH_OK)
        st = read_grants(allow, true, &key->grants, &key->grant_count, err);
    return st == CH_OK ? ch_yaml_check_known(map, err) : st;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const ch_key *)a)->name, ((const ch_key *)b)->name);
}

static ch_status read_keys(const ch_policy_source *source, const ch_yaml *root, ch_policy *out, ch_error *err)
{
    const ch_yaml *keys = NULL;
    ch_status st = ch_yaml_require(root, "keys", &keys, err);
    if (st == CH_OK)
        st = ch_yaml_expect_map(keys, err);
    if (st != CH_OK)
        return st;
    size_t count = ch_yaml_count(keys);
    if (count > KEYS_MAX)
        return ch_yaml_fail(keys, err, "there are more than %d keys", KEYS_MAX);
    uint16_t used[CH_TOKENS_MAX] = {0};
    out->keys = ch_alloc(count * sizeof *out->keys);
    for (size_t i = 0; st == CH_OK && i < count; i++) {
        ch_key *key = &out->keys[out->key_count++];
        key->name = ch_strdup(ch_yaml_key_at(keys, i));
        st = read_key(source, out, ch_yaml_value_at(keys, i), key, err);
        if (st == CH_OK)
            key->token_key = used[key->token]++;
    }
    qsort(out->keys, out->key_count, sizeof *out->keys, compare_keys);
    return st;
}

/* ---- finding ---- */

/* FNV-1a. Names come from the policy, so nobody can choose them to collide. */
static uint32_t hash_name(ch_slice name)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ name.data[i]) * 16777619U;
    return hash;
}

/* The slot that names the key called `name`, or the empty one where it would stand: the table is half empty. */
static uint16_t *key_slot(const ch_policy *policy, ch_slice name)
{
    size_t at = hash_name(name) & policy->slot_mask;
    while (policy->slots[at] != 0 && !ch_slice_equal(name, ch_slice_of(policy->keys[policy->slots[at] - 1].name)))
        at = (at + 1) & policy->slot_mask;
    return &policy->slots[at];
}

static void index_keys(ch_policy *policy)
{
    size_t slots = 2;
    while (slots < 2 * policy->key_count)
        slots *= 2;
    policy->slots = ch_alloc(slots * sizeof *policy->slots);
    policy->slot_mask = slots - 1;
    for (size_t i = 0; i < policy->key_count; i++)
        *key_slot(policy, ch_slice_of(policy->keys[i].name)) = (uint16_t)(i + 1);
}

ch_status ch_policy_load(const ch_policy_source *source, ch_policy *out, ch_error *err)
{
    ch_yaml_document *document = NULL;
    *out = (ch_policy){0};
    ch_status st = ch_yaml_load(source->path, &document, err);
    const ch_yaml *root = st == CH_OK ? ch_yaml_root(document) : NULL;
    const ch_yaml *operators = NULL;
    if (st == CH_OK)
        st = ch_yaml_expect_map(root, err);
    if (st == CH_OK)
        st = read_keys(source, root, out, err);
    if (st == CH_OK)
        st = ch_yaml_require(root, "operators", &operators, err);
    if (st == CH_OK)
        st = read_grants(operators, false, &out->operators, &out->operator_count, err);
    if (st == CH_OK)
        st = ch_yaml_check_known(root, err);
    ch_yaml_free(document);
    if (st == CH_OK)
        index_keys(out);
    return st;
}

void ch_policy_free(ch_policy *policy)
{
    for (size_t i = 0; i < policy->key_count; i++) {
        free(policy->keys[i].name);
        free(policy->keys[i].object_uri);
        free(policy->keys[i].key_id);
        free(policy->keys[i].passphrase);
        free(policy->keys[i].grants);
    }
    for (size_t i = 0; i < policy->profile_count; i++)
        ch_profile_free(policy->profiles[i]);
    free(policy->keys);
    free(policy->slots);
    free(policy->operators);
    free(policy->profiles);
    *policy = (ch_policy){0};
}

/* ---- deciding ---- */

const ch_key *ch_policy_find_key(const ch_policy *policy, ch_slice name)
{
    const uint16_t *slot = key_slot(policy, name);
    return *slot == 0 ? NULL : &policy->keys[*slot - 1];
}

static bool fits(const ch_grant *grant, const ch_peer *peer)
{
    return (!grant->has_uid || grant->uid == peer->uid) && (!grant->has_gid || ch_peer_is_in_group(peer, grant->gid));
}

bool ch_policy_may_see(const ch_key *key, const ch_peer *peer)
{
    for (size_t i = 0; i < key->grant_count; i++) {
        if (fits(&key->grants[i], peer))
            return true;
    }
    return false;
}

bool ch_policy_is_operator(const ch_policy *policy, const ch_peer *peer)
{
    for (size_t i = 0; i < policy->operator_count; i++) {
        if (fits(&policy->operators[i], peer))
            return true;
    }
    return false;
}

static ch_status refuse(const ch_key *key, const ch_peer *peer, ch_class own, unsigned missing, ch_error *err)
{
    if ((missing & 1U << own) != 0)
        return ch_fail_rule(err, CH_REFUSED, "class",
                            "user %u may not have requests of class '%s' signed with key '%s'", (unsigned)peer->uid,
                            ch_class_name(own), key->name);
    unsigned other = 0;
    while ((missing & 1U << other) == 0)
        other++;
    return ch_fail_rule(err, CH_REFUSED, "confusion",
                        "this signature would also open an endpoint of class '%s', which user %u has no grant for: the "
                        "exchange's signature does not cover method and path",
                        ch_class_name((ch_class)other), (unsigned)peer->uid);
}

ch_status ch_policy_decide(const ch_key *key, const ch_peer *peer, ch_class endpoint_class, unsigned classes,
                           ch_error *err)
{
    unsigned allowed = 0;
    for (size_t i = 0; i < key->grant_count; i++) {
        if (fits(&key->grants[i], peer))
            allowed |= key->grants[i].classes;
    }
    unsigned missing = classes & ~allowed;
    return missing == 0 ? CH_OK : refuse(key, peer, endpoint_class, missing, err);
}
