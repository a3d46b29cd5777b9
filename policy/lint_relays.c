/* What is dangerous about relays, and of no use. */
#include "policy/lint_impl.h"

#include "policy/exposure.h"
#include "policy/scope.h"

/* ---- a relay ---- */

/* Whoever takes over its user is also that caller, or that person. */
static void look_at_user(const ch_lint *in, const ch_caller *relay)
{
    for (size_t i = 0; i < in->policy->caller_count; i++) {
        const ch_caller *other = &in->policy->callers[i];
        if (other == relay || other->ids.uid != relay->ids.uid || relay->ids.uid == CH_ANY_ID)
            continue;
        ch_lint_say(in, "relay-user",
                    "it is the same user as caller '%s', so that one can be the relay; give it a user "
                    "of its own",
                    other->name);
        return;
    }
    for (size_t i = 0; i < in->policy->person_count; i++) {
        const ch_person *person = &in->policy->people[i];
        if (person->ids.uid != relay->ids.uid || relay->ids.uid == CH_ANY_ID)
            continue;
        ch_lint_say(in, "relay-user",
                    "it is the same user as '%s' of 'people', so that whoever takes it over has their "
                    "roles; give it a user of its own",
                    person->name);
        return;
    }
}

/* Whom the relay speaks for, and who gets signatures without it. */
static void look_at_ways_around(const ch_lint *in, const ch_caller *relay)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        size_t caller = way->reach.caller;
        if (caller == CH_NO_CALLER || !ch_caller_set_has(&relay->speaks_for, caller) || ch_way_key(way)->is_relay_only)
            continue;
        ch_lint_say(in, "around-relay",
                    "it speaks for '%s', who may have signatures of key '%s' without it, and use them again; add "
                    "'relay: only' to the key",
                    in->policy->callers[caller].name, ch_way_key(way)->name);
        return;
    }
}

void ch_lint_caller(const ch_lint *in, size_t caller)
{
    const ch_caller *relay = &in->policy->callers[caller];
    if (relay->role != CH_CALLER_RELAY)
        return;
    look_at_user(in, relay);
    look_at_ways_around(in, relay);
}

/* ---- a key that is for relays only ---- */

void ch_lint_relay_only(const ch_lint *in, const ch_key *key)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        size_t caller = way->reach.caller;
        if (!key->is_relay_only || ch_way_key(way) != key || ch_policy_is_relayed(in->policy, caller))
            continue;
        ch_lint_say(in, "no-relay", "it is 'relay: only', and no relay speaks for %s, whom '%s' allows to use it",
                    caller == CH_NO_CALLER ? "callers without a name" : in->policy->callers[caller].name,
                    way->reach.allow->name);
        return;
    }
}
