#include "agent/core/links.h"

#include "base/log.h"
#include "exchange/profile.h"

/* ---- what they are ---- */

static ch_link_key object_of(const ch_key *key)
{
    return (ch_link_key){key->name, key->object_uri, ch_scheme_mechanism(key->scheme), key->tolerated, key->unlock};
}

/* Of the keys of the token at index `token`, those that the link does not know. */
static size_t count_new(const ch_token_link *link, const ch_policy *policy, size_t token)
{
    size_t count = 0;
    for (size_t i = 0; i < policy->key_count; i++) {
        const ch_key *version;
        for (size_t v = 0; (version = ch_key_version(&policy->keys[i], v)) != NULL; v++) {
            const ch_link_key object = object_of(version);
            count += version->token == token && !ch_token_link_knows(link, &object);
        }
    }
    return count;
}

/* Takes over the link of an earlier configuration, if there is one that fits. */
static ch_token_link *take_old(ch_links *old, const ch_link_config *config, const ch_policy *policy, size_t token)
{
    for (size_t i = 0; i < old->count; i++) {
        ch_token_link *link = old->links[i];
        if (link == NULL || !ch_token_link_is_of(link, config) ||
            !ch_token_link_has_room(link, count_new(link, policy, token)))
            continue;
        old->links[i] = NULL;
        ch_token_link_set_relogin(link, config->may_relogin);
        ch_token_link_set_pin_tries(link, config->pin_tries);
        return link;
    }
    return NULL;
}

static ch_token_link *make_link(ch_links *links, ch_links *old, const ch_config *to, const ch_policy *policy,
                                size_t index)
{
    const ch_token_config *token = &to->tokens[index];
    const ch_link_config config = {.name = token->name,
                                   .module = token->module,
                                   .init_args = token->init_args,
                                   .uri = token->uri,
                                   .variables = token->variables,
                                   .login = token->login,
                                   .workers = token->workers,
                                   .pin_tries = token->pin_tries,
                                   .tries = links->tries == NULL ? NULL : ch_tries_of(links->tries, token->name),
                                   .may_relogin = token->may_relogin,
                                   .confinement = links->confinement,
                                   .prints = links->prints,
                                   .dying = links->dying};
    ch_token_link *link = take_old(old, &config, policy, index);
    if (link == NULL)
        link = ch_token_link_new(links->loop, &config, &links->owner);
    ch_token_link_set_unlock(link, ch_policy_unlock_rule(policy, index));
    ch_token_link_begin_keys(link);
    return link;
}

static void add_keys(ch_links *links, ch_policy *policy)
{
    for (size_t i = 0; i < policy->key_count; i++) {
        ch_key *version;
        for (size_t v = 0; (version = ch_key_version_at(&policy->keys[i], v)) != NULL; v++) {
            const ch_link_key object = object_of(version);
            version->token_key = ch_token_link_add_key(links->links[version->token], &object);
        }
    }
}

static void retire(ch_token_link *link)
{
    if (link == NULL)
        return;
    ch_log("token '%s' was removed or changed; its process is ended, and what has taken its place is locked",
           ch_token_link_name(link));
    ch_token_link_retire(link);
    ch_token_link_free(link);
}

void ch_links_apply(ch_links *links, const ch_config *config, ch_policy *policy)
{
    ch_links old = *links;
    links->count = config->token_count;
    for (size_t i = 0; i < links->count; i++)
        links->links[i] = make_link(links, &old, config, policy, i);
    add_keys(links, policy);
    for (size_t i = 0; i < old.count; i++)
        retire(old.links[i]);
    for (size_t i = 0; i < links->count; i++)
        ch_token_link_find_keys(links->links[i]);
}

void ch_links_free(ch_links *links)
{
    for (size_t i = 0; i < links->count; i++)
        ch_token_link_free(links->links[i]);
    links->count = 0;
}

/* ---- all of them ---- */

void ch_links_start(ch_links *links)
{
    for (size_t i = 0; i < links->count; i++)
        ch_token_link_start(links->links[i]);
}

bool ch_links_died(ch_links *links, pid_t pid)
{
    bool is_ours = false;
    for (size_t i = 0; i < links->count && !is_ours; i++)
        is_ours = ch_token_link_died(links->links[i], pid);
    return is_ours;
}

void ch_links_look_at_ends(ch_links *links)
{
    for (size_t i = 0; i < links->count; i++)
        ch_token_link_look_at_end(links->links[i]);
}

void ch_links_freeze(ch_links *links, const ch_policy *policy, ch_slice key, const ch_states *states, uint64_t now_ns)
{
    const ch_key *frozen = key.size == 0 ? policy->keys : ch_policy_find_key(policy, key);
    size_t count = key.size == 0 ? policy->key_count : frozen != NULL;
    for (size_t token = 0; token < links->count; token++) {
        ch_token_link *link = links->links[token];
        for (size_t i = 0; i < count; i++)
            ch_token_link_freeze_key(link, frozen[i].name);
        if (ch_states_cover_token(states, policy, token, now_ns))
            ch_token_link_freeze(link);
    }
}

void ch_links_dispatch(ch_links *links)
{
    for (size_t i = 0; i < links->count; i++)
        ch_token_link_dispatch(links->links[i]);
}

bool ch_links_are_finding(const ch_links *links)
{
    bool are_finding = false;
    for (size_t i = 0; i < links->count; i++)
        are_finding = are_finding || ch_token_link_is_finding(links->links[i]);
    return are_finding;
}

size_t ch_links_sent(const ch_links *links)
{
    size_t sent = 0;
    for (size_t i = 0; i < links->count; i++)
        sent += ch_token_link_sent(links->links[i]);
    return sent;
}

void ch_links_hurry(const ch_links *links)
{
    for (size_t i = 0; i < links->count; i++)
        ch_token_link_hurry(links->links[i]);
}

void ch_links_forget_waiter(ch_links *links, const void *context)
{
    for (size_t i = 0; i < links->count; i++)
        ch_token_link_forget_waiter(links->links[i], context);
}

size_t ch_links_index(const ch_links *links, const ch_token_link *link)
{
    size_t token = 0;
    while (links->links[token] != link)
        token++;
    return token;
}

ch_status ch_links_find(const ch_links *links, ch_slice name, ch_token_link **out, ch_error *err)
{
    *out = links->links[0];
    if (name.size == 0 && links->count == 1)
        return CH_OK;
    for (size_t i = 0; i < links->count; i++) {
        *out = links->links[i];
        if (ch_slice_is(name, ch_token_link_name(*out)))
            return CH_OK;
    }
    return ch_fail(err, CH_NOT_FOUND, "there is no token '%.*s' in agent.yaml; name one of its tokens",
                   CH_SLICE_ARGS(name));
}
