/* policy.yaml: the keys, who may have what signed with each, and who the operators are. Default deny.
 *
 * Immutable once loaded. docs/policy.md describes the fields. */
#ifndef CH_POLICY_POLICY_H
#define CH_POLICY_POLICY_H

#include "base/peer.h"
#include "base/slice.h"
#include "exchange/profile.h"

/* Callers that `uid` and `gid` (where set, both must fit) describe, and the classes of endpoints they may ask for. */
typedef struct ch_grant {
    bool has_uid;
    bool has_gid;
    uid_t uid;
    gid_t gid;
    unsigned classes; /* bit 1 << ch_class */
} ch_grant;

typedef struct ch_key {
    char *name;
    char *object_uri;
    char *key_id;
    char *passphrase;   /* empty where the exchange has none */
    unsigned kinds;     /* what the exchange made of the key: see ch_profile_kind */
    bool may_sign_raw;  /* any bytes at all: no rule holds for those */
    size_t token;       /* index in the source's tokens */
    uint16_t token_key; /* index among the keys of that token */
    const ch_profile *profile;
    const ch_scheme *scheme;
    ch_grant *grants;
    size_t grant_count;
} ch_key;

typedef struct ch_policy {
    ch_key *keys; /* sorted by name */
    size_t key_count;
    uint16_t *slots; /* the keys by the hash of their names: an index into `keys` plus one, or 0 */
    size_t slot_mask;
    ch_grant *operators; /* their classes mean nothing */
    size_t operator_count;
    ch_profile **profiles;
    size_t profile_count;
} ch_policy;

/* What a policy is read from, and the tokens that its keys may name. */
typedef struct ch_policy_source {
    const char *path;
    const char *profiles_folder;
    const char *const *tokens;
    size_t token_count;
} ch_policy_source;

#define CH_TOKENS_MAX 16

/* Loads the policy and the profiles that it names. Returns CH_CONFIG with file, line and reason. Free with
 * ch_policy_free, also after a failure. */
CH_CHECKED ch_status ch_policy_load(const ch_policy_source *source, ch_policy *out, ch_error *err);
void ch_policy_free(ch_policy *policy);

/* NULL if there is no key of that name. */
const ch_key *ch_policy_find_key(const ch_policy *policy, ch_slice name);

/* True if `peer` has a grant of any kind for `key`. */
bool ch_policy_may_see(const ch_key *key, const ch_peer *peer);

/* CH_OK if the grants of `peer` for `key` together allow every class in `classes`; else CH_REFUSED with the rule that
 * decided: "class", or "confusion" for a class that only endpoint confusion brings in. `endpoint_class` is the
 * request's own, for the message. */
CH_CHECKED ch_status ch_policy_decide(const ch_key *key, const ch_peer *peer, ch_class endpoint_class, unsigned classes,
                                      ch_error *err);

bool ch_policy_is_operator(const ch_policy *policy, const ch_peer *peer);

#endif
