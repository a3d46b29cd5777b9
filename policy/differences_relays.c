/* For whom relays speak, by names: also of a relay that is new, or gone. */
#include "policy/differences_impl.h"

/* True if the relay of that name speaks for the caller of that name. */
static bool speaks_for(const ch_policy *policy, const char *relay, const char *caller)
{
    return ch_policy_speaks_for(policy, ch_policy_caller(policy, ch_slice_of(relay)),
                                ch_policy_caller(policy, ch_slice_of(caller)));
}

/* Says for whom relays of `policy` speak that do not in the other. */
static void say_more(const ch_policy *policy, const ch_policy *other, bool is_now, ch_saying_of *to)
{
    for (size_t i = 0; i < policy->caller_count; i++) {
        for (size_t k = 0; k < policy->caller_count; k++) {
            const char *relay = policy->callers[i].name;
            const char *caller = policy->callers[k].name;
            if (ch_policy_speaks_for(policy, i, k) && !speaks_for(other, relay, caller))
                ch_say_difference(to, is_now ? CH_WIDER : CH_NARROWER, "relay '%s' speaks for '%s' %s", relay, caller,
                                  is_now ? "now" : "no longer");
        }
    }
}

void ch_compare_relays(const ch_policy *old_policy, const ch_policy *new_policy, ch_saying_of *to)
{
    say_more(new_policy, old_policy, true, to);
    say_more(old_policy, new_policy, false, to);
}
