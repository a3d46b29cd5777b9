/* A relay speaks for others, so it must be sure who it is and for whom it speaks: it comes by a socket of its own, and
 * whoever it speaks for is one user, under whom places and shares are counted as if they had come themselves. */
#include "policy/load_impl.h"

#include "base/bits.h"
#include "conf/yaml.h"

#include <string.h>

static ch_status check_socket(const ch_policy_loader *load, size_t at, ch_error *err)
{
    const ch_caller *relay = &load->policy->callers[at];
    const ch_yaml *node = load->callers.rows[at].node;
    if (relay->socket == NULL)
        return ch_yaml_fail(node, err,
                            "'%s' is a relay, and whoever comes as it speaks for others; add 'socket', so that it "
                            "comes by one of its own",
                            relay->name);
    for (size_t i = 0; i < load->policy->caller_count; i++) {
        const ch_caller *other = &load->policy->callers[i];
        if (i != at && other->socket != NULL && strcmp(other->socket, relay->socket) == 0)
            return ch_yaml_fail(node, err,
                                "'%s' is a relay, and shares the socket '%s' with '%s' (line %u); give it one of its "
                                "own",
                                relay->name, relay->socket, other->name, ch_yaml_line(load->callers.rows[i].node));
    }
    return CH_OK;
}

static ch_status add_one(const ch_policy_loader *load, ch_caller *relay, const ch_yaml *node, ch_error *err)
{
    const char *name = NULL;
    CH_TRY(ch_yaml_text(node, &name, err));
    const ch_name_row *row = ch_names_find(&load->callers, name);
    if (row == NULL)
        return ch_yaml_fail(node, err, "there is no caller '%s'; correct the name, or add it to 'callers'", name);
    const ch_caller *caller = &load->policy->callers[row->index];
    if (caller->role != CH_CALLER_BOT)
        return ch_yaml_fail(node, err, "caller '%s' is a %s, and has nothing signed; name callers that do", name,
                            caller->role == CH_CALLER_FEED ? "feed" : "relay");
    if (caller->ids.uid == CH_ANY_ID)
        return ch_yaml_fail(node, err,
                            "caller '%s' is a group, and what a relay brings counts for one user; name it by 'user' "
                            "or 'uid'",
                            name);
    if (ch_caller_set_has(&relay->speaks_for, row->index))
        return ch_yaml_fail(node, err, "'%s' is named twice; delete one", name);
    ch_set_add(relay->speaks_for.bits, row->index);
    return CH_OK;
}

static ch_status finish_relay(const ch_policy_loader *load, size_t at, ch_error *err)
{
    size_t count = 0;
    ch_caller *caller = &load->policy->callers[at];
    const ch_yaml *node = load->callers.rows[at].node;
    const ch_yaml *list = ch_yaml_get(node, "for");
    bool is_relay = caller->role == CH_CALLER_RELAY;
    if (!is_relay && list != NULL)
        return ch_yaml_fail(list, err,
                            "'for' says for whom a relay speaks, and '%s' is none; add 'role: relay', or delete it",
                            caller->name);
    if (!is_relay)
        return CH_OK;
    if (list == NULL)
        return ch_yaml_fail(node, err, "'%s' is a relay; add 'for' with the callers that it speaks for", caller->name);
    CH_TRY(ch_load_count(list, &count, err));
    for (size_t i = 0; i < count; i++)
        CH_TRY(add_one(load, caller, ch_load_item(list, i), err));
    return check_socket(load, at, err);
}

ch_status ch_finish_relays(ch_policy_loader *load, ch_error *err)
{
    for (size_t i = 0; i < load->policy->caller_count; i++)
        CH_TRY(finish_relay(load, i, err));
    return CH_OK;
}

/* ---- what needs a relay ---- */

static bool has_relay(const ch_policy *policy)
{
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (policy->callers[i].role == CH_CALLER_RELAY)
            return true;
    }
    return false;
}

static ch_status check_key(const ch_policy_loader *load, const ch_key *key, ch_error *err)
{
    const ch_yaml *map = ch_names_find(&load->keys, key->name)->node;
    const ch_yaml *node = ch_yaml_get(map, "relay");
    if (node == NULL)
        return CH_OK;
    if (!has_relay(load->policy))
        return ch_yaml_fail(node, err,
                            "no caller has the role relay, so key '%s' would sign nothing; add one, or delete 'relay'",
                            key->name);
    if (key->may_sign_raw)
        return ch_yaml_fail(node, err,
                            "no relay brings raw bytes, so 'raw: true' of key '%s' would let nothing pass; delete one "
                            "of the two",
                            key->name);
    if (key->assume_uses > 0)
        return ch_yaml_fail(ch_yaml_get(map, "assume_uses"), err,
                            "key '%s' is 'relay: only', and what a relay brings counts once; delete 'assume_uses'",
                            key->name);
    return CH_OK;
}

ch_status ch_check_relay_uses(ch_policy_loader *load, ch_error *err)
{
    const ch_policy *policy = load->policy;
    for (size_t i = 0; i < policy->key_count; i++)
        CH_TRY(check_key(load, &policy->keys[i], err));
    for (size_t i = policy->first[CH_VERB_LIMIT]; i < policy->first[CH_VERB_LIMIT + 1]; i++) {
        const ch_yaml *node = ch_yaml_get(load->at[i], "relay_release");
        if (node != NULL && !has_relay(policy))
            return ch_yaml_fail(node, err,
                                "no caller has the role relay, so nobody could report; delete 'relay_release'");
    }
    return CH_OK;
}
