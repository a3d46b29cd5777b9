/* Keys are found through a hash of their names: a search by halves touched two cold cache lines a step, which showed
 * with ten thousand keys. Entries are found by sets: those that may be for a caller, met with those that may be for a
 * key, so that of a thousand entries a decision looks at the few that matter. */
#include "policy/policy.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/slice.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- keys ---- */

/* The slot of the key called `name`, or the empty one that it would take: the table is at least half empty. */
static uint16_t *find_slot(const ch_policy *policy, ch_slice name)
{
    size_t at = ch_slice_hash(name) & policy->slot_mask;
    while (policy->slots[at] != 0 && !ch_slice_equal(name, ch_slice_of(policy->keys[policy->slots[at] - 1].name)))
        at = (at + 1) & policy->slot_mask;
    return &policy->slots[at];
}

void ch_policy_index_keys(ch_policy *policy)
{
    size_t slots = 2;
    while (slots < 2 * policy->key_count)
        slots *= 2;
    policy->slots = ch_alloc(slots * sizeof *policy->slots);
    policy->slot_mask = slots - 1;
    policy->key_words = policy->key_count / 64 + 1;
    for (size_t i = 0; i < policy->key_count; i++)
        *find_slot(policy, ch_slice_of(policy->keys[i].name)) = (uint16_t)(i + 1);
}

const ch_entry_rule *ch_policy_find_limit(const ch_policy *policy, ch_slice name)
{
    for (size_t i = policy->first[CH_VERB_LIMIT]; i < policy->first[CH_VERB_LIMIT + 1]; i++) {
        if (ch_slice_is(name, policy->entries[i].name))
            return &policy->entries[i];
    }
    return NULL;
}

const ch_key *ch_policy_find_key(const ch_policy *policy, ch_slice name)
{
    assert(policy->slots != NULL);
    const uint16_t *slot = find_slot(policy, name);
    return *slot == 0 ? NULL : &policy->keys[*slot - 1];
}

/* ---- tokens ---- */

const ch_unlock_rule *ch_policy_unlock_rule(const ch_policy *policy, size_t token)
{
    for (size_t i = 0; i < policy->token_count; i++) {
        if (policy->tokens[i].token == token)
            return &policy->tokens[i].unlock;
    }
    return &ch_unlock_default;
}

const ch_key *ch_key_version_of(const ch_key *key, ch_slice key_id)
{
    const ch_key *version;
    for (size_t i = 0; (version = ch_key_version(key, i)) != NULL; i++) {
        if (ch_slice_is(key_id, version->key_id))
            return version;
    }
    return NULL;
}

const ch_key *ch_policy_find_version(const ch_policy *policy, ch_slice name)
{
    const uint8_t *slash = ch_slice_find(name, '/');
    size_t size = slash == NULL ? name.size : (size_t)(slash - name.data);
    const ch_key *key = ch_policy_find_key(policy, (ch_slice){name.data, size});
    if (key == NULL)
        return NULL;
    return slash == NULL ? ch_key_version(key, key->version_count)
                         : ch_key_version_of(key, ch_slice_after(name, size + 1));
}

/* ---- entries ---- */

/* A feed signs nothing, nor does a relay for itself, so `caller: any` allows them nothing. */
static bool may_be_for_caller(const ch_policy *policy, const ch_entry_rule *entry, size_t caller)
{
    if (policy->callers[caller].role != CH_CALLER_BOT && entry->verb == CH_VERB_ALLOW)
        return false;
    return entry->selector.is_any_caller || ch_caller_set_has(&entry->selector.callers, caller);
}

static bool may_be_for_key(const ch_entry_rule *entry, size_t key)
{
    return entry->selector.is_any_key || ch_set_has(entry->selector.keys, key);
}

static void index_entry(ch_policy *policy, size_t at)
{
    const ch_entry_rule *entry = &policy->entries[at];
    size_t words = policy->entry_words;
    if (entry->selector.is_any_caller)
        ch_set_add(policy->any_caller, at);
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (may_be_for_caller(policy, entry, i))
            ch_set_add(policy->by_caller + i * words, at);
    }
    for (size_t i = 0; i < policy->key_count; i++) {
        if (may_be_for_key(entry, i))
            ch_set_add(policy->by_key + i * words, at);
    }
}

void ch_policy_index(ch_policy *policy)
{
    policy->entry_words = policy->entry_count / 64 + 1;
    size_t words = policy->entry_words;
    policy->by_caller = ch_alloc(policy->caller_count * words * sizeof *policy->by_caller);
    policy->by_key = ch_alloc(policy->key_count * words * sizeof *policy->by_key);
    policy->any_caller = ch_alloc(words * sizeof *policy->any_caller);
    for (size_t i = 0; i < policy->entry_count; i++)
        index_entry(policy, i);
}

/* ---- who ---- */

static bool has_ids(const ch_ids *ids, const ch_peer *peer)
{
    bool is_user = ids->uid == CH_ANY_ID || ids->uid == peer->uid;
    return is_user && (ids->gid == CH_ANY_ID || ch_peer_is_in_group(peer, ids->gid));
}

/* Who has a socket of its own is that caller there and nowhere else, and nobody else is anybody there. */
static bool is_caller(const ch_caller *caller, const ch_peer *peer)
{
    const char *socket = caller->socket == NULL ? "" : caller->socket;
    bool is_unit = caller->unit == NULL || strcmp(caller->unit, peer->unit) == 0;
    return is_unit && strcmp(socket, peer->socket) == 0 && has_ids(&caller->ids, peer);
}

bool ch_policy_identify(const ch_policy *policy, const ch_peer *peer, ch_caller_set *out)
{
    bool is_any = false;
    *out = (ch_caller_set){0};
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (!is_caller(&policy->callers[i], peer))
            continue;
        ch_set_add(out->bits, i);
        is_any = true;
    }
    return is_any;
}

size_t ch_policy_caller(const ch_policy *policy, ch_slice name)
{
    size_t at = 0;
    while (at < policy->caller_count && !ch_slice_is(name, policy->callers[at].name))
        at++;
    return at;
}

size_t ch_policy_relay(const ch_policy *policy, const ch_caller_set *callers)
{
    size_t at = 0;
    while (at < policy->caller_count &&
           !(ch_caller_set_has(callers, at) && policy->callers[at].role == CH_CALLER_RELAY))
        at++;
    return at;
}

bool ch_policy_speaks_for(const ch_policy *policy, size_t relay, size_t caller)
{
    return relay < policy->caller_count && caller < policy->caller_count &&
           ch_caller_set_has(&policy->callers[relay].speaks_for, caller);
}

bool ch_policy_is_relayed(const ch_policy *policy, size_t caller)
{
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (ch_policy_speaks_for(policy, i, caller))
            return true;
    }
    return false;
}

unsigned ch_policy_roles(const ch_policy *policy, const ch_peer *peer)
{
    unsigned roles = 0;
    for (size_t i = 0; i < policy->person_count; i++) {
        if (has_ids(&policy->people[i].ids, peer))
            roles |= policy->people[i].roles;
    }
    return roles;
}

const ch_person *ch_policy_find_person(const ch_policy *policy, const ch_peer *peer, unsigned roles)
{
    const ch_person *found = NULL;
    for (size_t i = 0; i < policy->person_count; i++) {
        const ch_person *person = &policy->people[i];
        bool is_one = (person->roles & roles) != 0 && has_ids(&person->ids, peer);
        if (is_one && (found == NULL || (found->seed.object_uri == NULL && person->seed.object_uri != NULL)))
            found = person;
    }
    return found;
}

const ch_person *ch_policy_person(const ch_policy *policy, ch_slice name)
{
    for (size_t i = 0; i < policy->person_count; i++) {
        if (ch_slice_is(name, policy->people[i].name))
            return &policy->people[i];
    }
    return NULL;
}

/* An entry that names the user comes before one that names a group. */
static const ch_person *find_anybody(const ch_policy *policy, const ch_peer *peer)
{
    const ch_person *found = NULL;
    for (size_t i = 0; i < policy->person_count; i++) {
        const ch_person *person = &policy->people[i];
        if (has_ids(&person->ids, peer) && (found == NULL || found->ids.uid == CH_ANY_ID))
            found = person;
    }
    return found;
}

void ch_policy_name_user(const ch_policy *policy, const ch_peer *peer, ch_buffer *out)
{
    const ch_person *person = find_anybody(policy, peer);
    if (person == NULL)
        ch_buffer_add_format(out, "user %u", (unsigned)peer->uid);
    else if (person->ids.uid == CH_ANY_ID)
        ch_buffer_add_format(out, "%s (user %u)", person->name, (unsigned)peer->uid);
    else
        ch_buffer_add_text(out, person->name);
}

bool ch_policy_has_seeds(const ch_policy *policy)
{
    bool has_seeds = false;
    for (size_t i = 0; i < policy->person_count; i++)
        has_seeds = has_seeds || policy->people[i].seed.object_uri != NULL;
    return has_seeds;
}

unsigned ch_policy_factors_by(const ch_policy *policy, const ch_unlock_rule *rule)
{
    if (rule->factors != 0)
        return rule->factors;
    return ch_policy_has_seeds(policy) ? CH_FACTOR_PIN | CH_FACTOR_CODE : CH_FACTOR_PIN;
}

unsigned ch_policy_factors(const ch_policy *policy, size_t token)
{
    return ch_policy_factors_by(policy, ch_policy_unlock_rule(policy, token));
}

void ch_roles_text(unsigned roles, char out[static CH_ROLES_TEXT_MAX])
{
    static const char *const names[] = {"operator", "approver", "admin", "auditor"}; /* by bit */
    size_t size = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if ((roles >> i & 1) != 0)
            size += (size_t)snprintf(out + size, CH_ROLES_TEXT_MAX - size, "%s%s", size == 0 ? "" : ", ", names[i]);
    }
}

bool ch_policy_knows(const ch_policy *policy, const ch_peer *peer)
{
    ch_caller_set callers;
    return ch_policy_identify(policy, peer, &callers) || ch_policy_roles(policy, peer) != 0;
}

/* ---- names ---- */

const char *ch_control_name(ch_control control)
{
    static const char *const names[CH_CONTROL_COUNT] = {
        [CH_CONTROL_ORDER_VALUE] = "maximum-order-value",
        [CH_CONTROL_ORDER_VOLUME] = "maximum-order-volume",
        [CH_CONTROL_COLLAR] = "price-collar",
        [CH_CONTROL_LOSS] = "loss-budget",
        [CH_CONTROL_VALUE] = "value-window",
        [CH_CONTROL_VOLUME] = "volume-window",
        [CH_CONTROL_AMOUNT] = "amount-window",
        [CH_CONTROL_OPEN_VALUE] = "open-value",
        [CH_CONTROL_ORDERS] = "order-count",
        [CH_CONTROL_MESSAGES] = "message-limit",
        [CH_CONTROL_SAME_ORDER] = "repeated-execution",
        [CH_CONTROL_LEVERAGE] = "maximum-leverage",
        [CH_CONTROL_VALIDITY] = "maximum-validity",
    };
    assert(control < CH_CONTROL_COUNT);
    return names[control];
}

const char *ch_trading_name(ch_trading state)
{
    static const char *const names[] = {"active", "reducing", "halted"};
    assert(state <= CH_TRADING_HALTED);
    return names[state];
}

const char *ch_verb_name(ch_verb verb)
{
    static const char *const names[CH_VERB_COUNT] = {"allow", "deny", "limit", "require"};
    assert(verb < CH_VERB_COUNT);
    return names[verb];
}
