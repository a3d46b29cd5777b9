/* policy.yaml as it is loaded: the keys, the grants of each, and who the operators are. Default deny.
 *
 * policy/load.h reads it, policy/decide.h says what follows from it. Immutable once core has numbered the keys, so safe
 * to read from any thread. docs/policy.md describes the fields. */
#ifndef CH_POLICY_POLICY_H
#define CH_POLICY_POLICY_H

#include "base/slice.h"
#include "exchange/confusion.h"
#include "exchange/profile.h"
#include "pkcs11/key_rule.h"

#include <sys/types.h>

#define CH_TOKENS_MAX 16
#define CH_ANY_ID ((uid_t)-1) /* no user and no group has it */

/* The callers that have this user and are in this group. CH_ANY_ID leaves one of the two open, never both. */
typedef struct ch_callers {
    uid_t uid;
    gid_t gid;
} ch_callers;

/* The classes of endpoints that the callers may ask for. */
typedef struct ch_grant {
    ch_callers callers;
    unsigned classes; /* bit 1 << ch_class */
} ch_grant;

/* How many requests a second each of the callers may have signed, and how many at once after a rest. */
typedef struct ch_limit {
    ch_callers callers;
    uint32_t messages_per_second;
    uint32_t burst;
} ch_limit;

typedef struct ch_key {
    char *name;
    char *object_uri;
    char *key_id;
    char *passphrase; /* empty if the exchange has none */
    ch_key_traits traits;
    bool may_sign_raw;   /* any bytes at all: no rule holds for those */
    size_t token;        /* index in the source's tokens */
    ch_lapses tolerated; /* the rules for keys that its key object may break */
    const ch_profile *profile;
    const ch_scheme *scheme;
    const ch_nonce_def *nonce; /* NULL: the exchange takes none from this key */
    uint64_t nonce_floor;      /* the smallest that may be drawn */
    size_t token_key;          /* core's: the index that the token's link has for it */
    size_t nonce_counter;      /* core's: the counter of its nonces, if it has any */
    ch_grant *grants;
    size_t grant_count;
} ch_key;

typedef struct ch_policy {
    ch_key *keys; /* sorted by name */
    size_t key_count;
    uint16_t *slots; /* the keys by the hash of their names: an index into `keys` plus one, or 0 */
    size_t slot_mask;
    ch_callers *operators;
    size_t operator_count;
    ch_limit *limits; /* every one that includes a caller must hold */
    size_t limit_count;
    ch_callers *known; /* everyone whom a grant or the operators' list names, once */
    size_t known_count;
    ch_profile **profiles;
    size_t profile_count;
} ch_policy;

/* Frees what policy/load.h loaded, also if loading failed. */
void ch_policy_free(ch_policy *policy);

/* Fills `slots` and `known`, when the rest is there. */
void ch_policy_index(ch_policy *policy);

/* Returns NULL if there is no key of that name. The policy must have been indexed. */
const ch_key *ch_policy_find_key(const ch_policy *policy, ch_slice name);

#endif
