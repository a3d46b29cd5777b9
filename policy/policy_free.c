/* What a policy owns, from the leaves to the root. Everything may be half loaded: what is not there is NULL. */
#include "policy/policy.h"

#include "exchange/load.h"
#include "policy/prepared.h"

#include <stdlib.h>

static void free_texts(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(items[i]);
    free(items);
}

static void free_list(ch_text_list *list)
{
    free_texts(list->items, list->count);
}

static void free_callers(ch_policy *policy)
{
    for (size_t i = 0; i < policy->caller_count; i++) {
        free(policy->callers[i].name);
        free(policy->callers[i].socket);
        free(policy->callers[i].unit);
    }
    for (size_t i = 0; i < policy->person_count; i++) {
        free(policy->people[i].name);
        free(policy->people[i].seed.object_uri);
    }
    free(policy->callers);
    free(policy->people);
}

static void free_flatten(ch_prepared *flatten, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ch_prepared_free(&flatten[i]);
    free(flatten);
}

/* Versions have the name of their key, and flatten by the same requests. */
static void free_keys(ch_policy *policy)
{
    for (size_t i = 0; i < policy->key_count; i++) {
        ch_key *version;
        for (size_t v = 0; (version = ch_key_version_at(&policy->keys[i], v)) != NULL; v++) {
            free(version->object_uri);
            free(version->key_id);
            free(version->passphrase);
            free(version->token_name);
        }
        free_flatten(policy->keys[i].flatten, policy->keys[i].flatten_count);
        free(policy->keys[i].name);
        free(policy->keys[i].versions);
    }
    for (size_t i = 0; i < policy->account_count; i++)
        free(policy->accounts[i].name);
    for (size_t i = 0; i < policy->token_count; i++)
        free(policy->tokens[i].name);
    free(policy->tokens);
    free(policy->keys);
    free(policy->accounts);
    free(policy->slots);
}

static void free_address(ch_address *address)
{
    char *const texts[] = {address->name, address->asset, address->network, address->address,
                           address->tag,  address->from,  address->to};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
}

static void free_terms(ch_policy *policy)
{
    for (size_t i = 0; i < policy->address_count; i++)
        free_address(&policy->addresses[i]);
    for (size_t i = 0; i < policy->conversion_count; i++) {
        free(policy->conversions[i].from);
        free(policy->conversions[i].to);
    }
    free(policy->addresses);
    free(policy->conversions);
    free_texts(policy->prices.sources, policy->prices.source_count);
}

static void free_selector(ch_selector *selector)
{
    for (size_t i = 0; i < selector->hours.count; i++)
        ch_zone_free(selector->hours.spans[i].zone);
    free(selector->hours.spans);
    free(selector->keys);
    free(selector->endpoints);
    free(selector->to);
    free_list(&selector->symbols);
    free_list(&selector->pairs);
    free_list(&selector->settings);
    free_list(&selector->assets);
    free_list(&selector->usual_assets);
}

static void free_entry(ch_entry_rule *entry)
{
    free_selector(&entry->selector);
    ch_zone_free(entry->limit.per.zone);
    free(entry->limit.asset);
    free(entry->requirement.asset);
    free_list(&entry->requirement.of);
    free(entry->limits);
    free(entry->name);
    free(entry->path);
}

void ch_policy_free(ch_policy *policy)
{
    free_callers(policy);
    free_keys(policy);
    free_terms(policy);
    for (size_t i = 0; i < policy->entry_count; i++)
        free_entry(&policy->entries[i]);
    for (size_t i = 0; i < policy->profile_count; i++)
        ch_profile_free(policy->profiles[i]);
    free(policy->entries);
    free(policy->by_caller);
    free(policy->by_key);
    free(policy->any_caller);
    free(policy->profiles);
    *policy = (ch_policy){0};
}
