/* policy.yaml as it is loaded: who the callers and people are, the keys, and the entries that decide. Default deny.
 *
 * policy/load.h reads it, policy/decide.h says what follows from it. Immutable once core has numbered the keys, so safe
 * to read from any thread. docs/policy.md describes the file. */
#ifndef CH_POLICY_POLICY_H
#define CH_POLICY_POLICY_H

#include "base/buffer.h"
#include "base/decimal.h"
#include "base/peer.h"
#include "base/slice.h"
#include "exchange/confusion.h"
#include "exchange/profile.h"
#include "pkcs11/key_rule.h"
#include "policy/period.h"
#include "policy/prepared.h"
#include "policy/unlock.h"

#include <sys/types.h>

#define CH_TOKENS_MAX 16
#define CH_ANY_ID ((uid_t)-1) /* no user and no group has it */
#define CH_CALLERS_MAX 512    /* of a policy */
#define CH_CALLER_WORDS (CH_CALLERS_MAX / 64)
#define CH_VERSIONS_MAX 8 /* of a key */

/* ---- who ---- */

/* Users and groups. CH_ANY_ID leaves one of the two open, never both. */
typedef struct ch_ids {
    uid_t uid;
    gid_t gid;
} ch_ids;

typedef enum ch_caller_role { CH_CALLER_BOT, CH_CALLER_FEED, CH_CALLER_RELAY } ch_caller_role;

/* Some of the callers of a policy: bit by their positions. */
typedef struct ch_caller_set {
    uint64_t bits[CH_CALLER_WORDS];
} ch_caller_set;

/* A named caller: a peer is it if all that is given holds. A peer may be several. */
typedef struct ch_caller {
    char *name;
    ch_ids ids;
    char *socket; /* the name of its own socket; NULL: the common one */
    char *unit;   /* of systemd, by its cgroup; NULL: any */
    ch_caller_role role;
    ch_caller_set speaks_for; /* of a relay: whose requests it brings */
} ch_caller;

enum { CH_ROLE_OPERATOR = 1, CH_ROLE_APPROVER = 2, CH_ROLE_ADMIN = 4, CH_ROLE_AUDITOR = 8 };

/* The seed of somebody's one-time codes: an HMAC key on the token that agent.yaml names for them. */
typedef struct ch_seed {
    char *object_uri;      /* NULL: none */
    const char *mechanism; /* "hmac-sha1" */
    unsigned digits;
} ch_seed;

typedef struct ch_person {
    char *name;
    ch_ids ids;
    unsigned roles; /* bits CH_ROLE_* */
    ch_seed seed;
} ch_person;

/* ---- tokens ---- */

typedef struct ch_token_rule {
    char *name;
    size_t token; /* index in the source's tokens; their count: it is not there, in a policy from elsewhere */
    ch_unlock_rule unlock;
} ch_token_rule;

/* ---- what ---- */

typedef enum ch_price_use { CH_PRICES_MEDIAN, CH_PRICES_NONE } ch_price_use;

typedef struct ch_account {
    char *name;
    ch_decimal reference_error; /* a ratio: 0.005 */
    ch_decimal fees;            /* likewise */
    ch_decimal market_slippage; /* likewise */
    ch_price_use prices;
    bool has_reference_error;
    bool has_fees;
    bool has_slippage;
} ch_account;

typedef struct ch_key {
    char *name;
    char *object_uri;
    char *key_id;
    char *passphrase; /* empty if the exchange has none */
    ch_key_traits traits;
    bool may_sign_raw;   /* any bytes at all: no rule holds for those */
    bool is_relay_only;  /* what callers ask without a relay is refused */
    size_t token;        /* index in the source's tokens */
    char *token_name;    /* as the policy has it */
    ch_lapses tolerated; /* the rules for keys that its key object may break */
    const ch_profile *profile;
    const ch_scheme *scheme;
    const ch_nonce_def *nonce;  /* NULL: the exchange takes none from this key */
    uint64_t nonce_floor;       /* the smallest that may be drawn */
    size_t account;             /* index in the policy's accounts */
    uint32_t receive_window_ms; /* the most that a request may ask for, and the default; 0: the profile's */
    uint32_t assume_uses;       /* how often one signature counts; 0: as the profile says */
    ch_unlock_ends unlock;      /* when it is locked before its token is */
    ch_prepared *flatten;       /* what `chancery flatten` has signed, in this order; its versions have the same */
    size_t flatten_count;
    uint64_t expires_ns;     /* wall clock: from then on it signs nothing; 0: never */
    uint64_t rotate_by_ns;   /* until when people mean to have another one; 0: they do not say */
    size_t token_key;        /* core's: the index that the token's link has for it */
    size_t nonce_counter;    /* core's: the counter of its nonces, if it has any */
    uint64_t from_ns;        /* wall clock: a version signs from then on; 0: from the beginning */
    struct ch_key *versions; /* those after the first, which is the key itself, in the order in which they come */
    size_t version_count;
    const struct ch_key *of; /* the key that this is a version of, after its first; NULL: it is a key itself */
} ch_key;

/* Where funds may go. For a withdrawal asset, network and address; for a transfer `from` and `to`. */
typedef struct ch_address {
    char *name;
    char *asset; /* NULL: any, of a transfer only */
    char *network;
    char *address;
    char *tag; /* NULL: there must be none */
    char *from;
    char *to;
} ch_address;

typedef struct ch_conversion {
    char *from;
    char *to;
    bool has_rate; /* else it is the reference price of from/to */
    ch_decimal rate;
    uint64_t max_age_ns;
    ch_decimal haircut; /* a ratio */
} ch_conversion;

/* How feeds are believed. */
typedef struct ch_price_rules {
    char **sources;
    size_t source_count;
    uint32_t at_least; /* fresh sources that a reference needs; 1 at least */
    bool has_max_move;
    ch_decimal max_move; /* a ratio */
    uint64_t move_window_ns;
} ch_price_rules;

/* ---- entries ---- */

typedef struct ch_text_list {
    char **items;
    size_t count;
} ch_text_list;

/* To which requests, and which of their items, an entry applies. What is not given is open. */
typedef struct ch_selector {
    bool is_any_caller;
    bool is_any_key;
    bool is_any_market;  /* `markets: any` was written */
    bool is_any_address; /* `to: any` likewise */
    bool has_endpoints;
    bool has_pattern; /* a symbol was written with '*' */
    ch_caller_set callers;
    uint64_t *keys;                /* bits by position, key_words of the policy */
    const ch_endpoint **endpoints; /* sorted by address; given if has_endpoints */
    size_t endpoint_count;
    ch_text_list symbols; /* upper case, sorted; in what narrows, '*' stands for any characters */
    ch_text_list pairs;   /* in what narrows: "BTC/USDT" for a symbol that has several spellings; patterns too */
    unsigned classes;     /* bit 1 << ch_class; 0: not given */
    unsigned markets;     /* bits CH_MARKET_*; 0: not given */
    unsigned sides;       /* bits by the position of the fact's words; 0: not given */
    unsigned types;
    unsigned times;
    unsigned items;            /* bit 1 << ch_item_kind; 0: not given */
    ch_text_list settings;     /* lower case, with '-' for '_', sorted */
    uint64_t *to;              /* bits by position of the policy's addresses; NULL: not given */
    ch_text_list assets;       /* upper case, sorted */
    ch_text_list usual_assets; /* in what narrows: BTC for XBT */
    ch_hours hours;            /* count 0: always */
    uint64_t expires_ns;       /* wall clock; 0: never */
} ch_selector;

typedef enum ch_verb { CH_VERB_ALLOW, CH_VERB_DENY, CH_VERB_LIMIT, CH_VERB_REQUIRE, CH_VERB_COUNT } ch_verb;

typedef enum ch_control {
    CH_CONTROL_ORDER_VALUE,
    CH_CONTROL_ORDER_VOLUME,
    CH_CONTROL_COLLAR,
    CH_CONTROL_LOSS,
    CH_CONTROL_VALUE,
    CH_CONTROL_VOLUME,
    CH_CONTROL_AMOUNT,
    CH_CONTROL_OPEN_VALUE,
    CH_CONTROL_ORDERS,
    CH_CONTROL_MESSAGES,
    CH_CONTROL_SAME_ORDER,
    CH_CONTROL_LEVERAGE,
    CH_CONTROL_VALIDITY,
    CH_CONTROL_COUNT
} ch_control;

enum {
    CH_BY_CALLER = 1,
    CH_BY_KEY = 2,
    CH_BY_ACCOUNT = 4,
    CH_BY_SYMBOL = 8,
    CH_BY_ADDRESS = 16,
    CH_BY_ASSET = 32,
};

typedef enum ch_trading { CH_TRADING_ACTIVE, CH_TRADING_REDUCING, CH_TRADING_HALTED } ch_trading;

typedef struct ch_limit {
    ch_control control;
    unsigned by;     /* bits CH_BY_* */
    ch_trading then; /* once it is used up; ACTIVE: nothing changes */
    uint32_t reserve_cancels;
    ch_decimal most; /* an amount of `asset`, a ratio (collar), a count (orders, messages, same order), a leverage */
    char *asset;     /* upper case; NULL: the limit has no unit */
    uint64_t age_ns; /* of a collar's reference; of validity the most, in ns */
    ch_period per;   /* CH_PERIOD_NONE: each order by itself; of same_order the time in which orders are the same */
    bool is_until_operator;
    bool has_closing;
    bool is_named; /* by some allow: then it applies to what those allow, and nothing else */
    ch_decimal closing;
    ch_decimal release;       /* a ratio of `most` that bots' reports may return within a period; 0: none */
    ch_decimal relay_release; /* likewise those of relays */
} ch_limit;

typedef struct ch_requirement {
    uint32_t approvals; /* 0: none */
    bool needs_code;
    uint64_t delay_ns;
    uint64_t within_ns; /* in which the approvals must come */
    ch_text_list of;    /* people */
    bool has_above;
    ch_decimal above;
    char *asset; /* of `above` */
} ch_requirement;

typedef struct ch_entry_rule {
    char *name;
    char *path; /* of the file, and the line that it begins at */
    unsigned line;
    ch_verb verb;
    ch_selector selector;
    bool is_unlimited; /* allow */
    size_t *limits;    /* allow: positions of the entries that it names */
    size_t limit_count;
    ch_limit limit;             /* CH_VERB_LIMIT */
    ch_requirement requirement; /* CH_VERB_REQUIRE */
} ch_entry_rule;

/* What a trading state lets pass at most. */
typedef struct ch_state_rule {
    unsigned classes; /* bit 1 << ch_class */
    bool keeps_stops; /* cancels of stop orders are refused */
} ch_state_rule;

#define CH_POLICY_HASH_SIZE 32

typedef struct ch_policy {
    uint8_t hash[CH_POLICY_HASH_SIZE]; /* SHA-256 of the files, each with its length before it */
    ch_caller *callers;
    size_t caller_count;
    ch_person *people;
    size_t person_count;
    ch_token_rule *tokens;
    size_t token_count;
    size_t totp_token; /* where people's seeds are: an index in the source's tokens */
    ch_account *accounts;
    size_t account_count;
    ch_key *keys; /* sorted by name */
    size_t key_count;
    size_t key_words; /* of sets of keys */
    uint16_t *slots;  /* the keys by the hash of their names: an index into `keys` plus one, or 0 */
    size_t slot_mask;
    ch_address *addresses;
    size_t address_count;
    ch_conversion *conversions;
    size_t conversion_count;
    ch_price_rules prices;
    ch_state_rule states[CH_TRADING_HALTED + 1];
    uint64_t keep_decisions_ns;
    bool is_power_cut_safe;
    ch_entry_rule *entries; /* sorted by verb, then as in the file */
    size_t entry_count;
    size_t first[CH_VERB_COUNT + 1]; /* where each verb's entries begin */
    size_t entry_words;
    uint64_t *by_caller;  /* for each caller a set of the entries that may be for it */
    uint64_t *by_key;     /* likewise for each key */
    uint64_t *any_caller; /* the entries for peers that are no named caller: none but what says any */
    ch_profile **profiles;
    size_t profile_count;
} ch_policy;

/* Frees what policy/load.h loaded, also if loading failed (policy_free.c). */
void ch_policy_free(ch_policy *policy);

/* Fills in what keys are looked up by, when they are there and sorted; and what entries are found by, when the rest is
 * there too. */
void ch_policy_index_keys(ch_policy *policy);
void ch_policy_index(ch_policy *policy);

/* Returns NULL if there is no limit of that name. */
const ch_entry_rule *ch_policy_find_limit(const ch_policy *policy, ch_slice name);
/* Returns NULL if there is no key of that name. The policy must have been indexed. */
const ch_key *ch_policy_find_key(const ch_policy *policy, ch_slice name);
static inline size_t ch_policy_key_index(const ch_policy *policy, const ch_key *key)
{
    return (size_t)((key->of != NULL ? key->of : key) - policy->keys);
}

/* What holds for the token at index `token` of the source's. */
const ch_unlock_rule *ch_policy_unlock_rule(const ch_policy *policy, size_t token);

/* The versions of a key, the first of which is the key itself. All are the key to selectors and limits, and each is one
 * of the exchange's keys, with an object, a key id and nonces of its own. NULL after the last one. */
static inline ch_key *ch_key_version_at(ch_key *key, size_t index)
{
    if (index > key->version_count)
        return NULL;
    return index == 0 ? key : &key->versions[index - 1];
}
static inline const ch_key *ch_key_version(const ch_key *key, size_t index)
{
    if (index > key->version_count)
        return NULL;
    return index == 0 ? key : &key->versions[index - 1];
}
/* True if the name does not say which of the exchange's keys it is, because the key has several versions. */
static inline bool ch_key_has_versions(const ch_key *key)
{
    return key->of != NULL || key->version_count > 0;
}
/* "NAME/KEY_ID" names a version, "NAME" the last one. NULL if there is none. */
const ch_key *ch_policy_find_version(const ch_policy *policy, ch_slice name);
/* The version of the key with that key id; NULL if it has none. */
const ch_key *ch_key_version_of(const ch_key *key, ch_slice key_id);

/* Which callers `peer` is. False if it is none. */
bool ch_policy_identify(const ch_policy *policy, const ch_peer *peer, ch_caller_set *out);
static inline bool ch_caller_set_has(const ch_caller_set *set, size_t index)
{
    return (set->bits[index / 64] >> (index % 64) & 1) != 0;
}
/* The roles that the people have together who have these ids; 0: it is nobody. */
unsigned ch_policy_roles(const ch_policy *policy, const ch_peer *peer);
/* Returns a person with these ids and one of the roles, if possible one with a seed; NULL if there is nobody. */
const ch_person *ch_policy_find_person(const ch_policy *policy, const ch_peer *peer, unsigned roles);
/* Returns the person of that name, or NULL. */
const ch_person *ch_policy_person(const ch_policy *policy, ch_slice name);
/* Appends what policy calls that user: "alice", "ops (user 1000)" if the entry names a group alone, or "user 1000" if
 * policy does not know them. */
void ch_policy_name_user(const ch_policy *policy, const ch_peer *peer, ch_buffer *out);
/* True if some person has a seed. */
bool ch_policy_has_seeds(const ch_policy *policy);
/* What an unlock by that rule takes, as bits CH_FACTOR_*; one of the token at that index. */
unsigned ch_policy_factors_by(const ch_policy *policy, const ch_unlock_rule *rule);
unsigned ch_policy_factors(const ch_policy *policy, size_t token);
/* The roles as text: "operator, admin". `out` has room for all of them. */
#define CH_ROLES_TEXT_MAX 48
void ch_roles_text(unsigned roles, char out[static CH_ROLES_TEXT_MAX]);
/* Returns the position of the caller with that name, or `caller_count`. */
size_t ch_policy_caller(const ch_policy *policy, ch_slice name);
/* Returns the position of the first relay among `callers`, or `caller_count`. */
size_t ch_policy_relay(const ch_policy *policy, const ch_caller_set *callers);
/* True if the caller at position `relay` speaks for the one at `caller`. False if either is `caller_count`. */
bool ch_policy_speaks_for(const ch_policy *policy, size_t relay, size_t caller);
/* True if some relay speaks for the caller at that position. */
bool ch_policy_is_relayed(const ch_policy *policy, size_t caller);
/* True if policy names `peer`: as a caller or one of its people. Otherwise it is a stranger. */
bool ch_policy_knows(const ch_policy *policy, const ch_peer *peer);

/* The text of a control in refusals: "maximum-order-value". */
const char *ch_control_name(ch_control control);
const char *ch_trading_name(ch_trading state);
const char *ch_verb_name(ch_verb verb);

#endif
