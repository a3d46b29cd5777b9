/* Keys are found through a hash of their names: a search by halves touched two cold cache lines a step, which showed
 * with ten thousand keys. */
#include "policy/policy.h"

#include "base/memory.h"
#include "base/slice.h"
#include "exchange/load.h"

#include <assert.h>
#include <stdlib.h>

/* The slot of the key called `name`, or the empty one that it would take: the table is at least half empty. */
static uint16_t *find_slot(const ch_policy *policy, ch_slice name)
{
    size_t at = ch_slice_hash(name) & policy->slot_mask;
    while (policy->slots[at] != 0 && !ch_slice_equal(name, ch_slice_of(policy->keys[policy->slots[at] - 1].name)))
        at = (at + 1) & policy->slot_mask;
    return &policy->slots[at];
}

static void add_known(ch_policy *policy, const ch_callers *callers)
{
    for (size_t i = 0; i < policy->known_count; i++) {
        if (policy->known[i].uid == callers->uid && policy->known[i].gid == callers->gid)
            return;
    }
    policy->known = ch_realloc_array(policy->known, policy->known_count + 1, sizeof *policy->known);
    policy->known[policy->known_count++] = *callers;
}

static void find_known(ch_policy *policy)
{
    for (size_t i = 0; i < policy->operator_count; i++)
        add_known(policy, &policy->operators[i]);
    for (size_t i = 0; i < policy->key_count; i++) {
        for (size_t k = 0; k < policy->keys[i].grant_count; k++)
            add_known(policy, &policy->keys[i].grants[k].callers);
    }
}

void ch_policy_index(ch_policy *policy)
{
    find_known(policy);
    size_t slots = 2;
    while (slots < 2 * policy->key_count)
        slots *= 2;
    policy->slots = ch_alloc(slots * sizeof *policy->slots);
    policy->slot_mask = slots - 1;
    for (size_t i = 0; i < policy->key_count; i++)
        *find_slot(policy, ch_slice_of(policy->keys[i].name)) = (uint16_t)(i + 1);
}

const ch_key *ch_policy_find_key(const ch_policy *policy, ch_slice name)
{
    assert(policy->slots != NULL);
    const uint16_t *slot = find_slot(policy, name);
    return *slot == 0 ? NULL : &policy->keys[*slot - 1];
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
    free(policy->limits);
    free(policy->known);
    free(policy->profiles);
    *policy = (ch_policy){0};
}
