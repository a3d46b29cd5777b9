/* What is in doubt does not count. A person is found by name, for policy may name a group in place of a user. */
#include "policy/given.h"

#include <string.h>

uint64_t ch_given_within_ns(const ch_requirement *requirement)
{
    return requirement->within_ns == 0 ? CH_GIVEN_WITHIN_NS : requirement->within_ns;
}

bool ch_given_is_meant(const ch_requirement *requirement, const char *person)
{
    for (size_t i = 0; i < requirement->of.count; i++) {
        if (strcmp(requirement->of.items[i], person) == 0)
            return true;
    }
    return requirement->of.count == 0 && requirement->approvals == 0;
}

static bool is_approver(const ch_policy *policy, const ch_given_by *by)
{
    const ch_person *person = ch_policy_person(policy, ch_slice_of(by->person));
    return person != NULL && (person->roles & CH_ROLE_APPROVER) != 0 &&
           (person->ids.uid == CH_ANY_ID || person->ids.uid == by->uid);
}

static bool counts(const ch_given *given, const ch_given_by *by, const ch_requirement *requirement,
                   const ch_policy *policy)
{
    uint64_t within_ns = ch_given_within_ns(requirement);
    bool is_in_time = by->at_ns >= given->asked_ns && by->at_ns - given->asked_ns <= within_ns;
    return is_in_time && ch_given_is_meant(requirement, by->person) && by->uid != given->requester &&
           (policy == NULL || is_approver(policy, by));
}

/* A person under two users, or a user under two names, counts once. */
static bool is_counted_already(const ch_given_by *const *counted, size_t count, const ch_given_by *by)
{
    for (size_t i = 0; i < count; i++) {
        if (counted[i]->uid == by->uid || strcmp(counted[i]->person, by->person) == 0)
            return true;
    }
    return false;
}

size_t ch_given_count(const ch_given *given, const ch_requirement *requirement, const ch_policy *policy)
{
    const ch_given_by *counted[CH_GIVEN_MAX];
    size_t count = 0;
    for (size_t i = 0; i < given->count; i++) {
        const ch_given_by *by = &given->by[i];
        if (counts(given, by, requirement, policy) && !is_counted_already(counted, count, by))
            counted[count++] = by;
    }
    return count;
}

static bool has_code(const ch_given *given, const ch_requirement *requirement, const ch_policy *policy)
{
    for (size_t i = 0; i < given->count; i++) {
        if (given->by[i].is_by_code && counts(given, &given->by[i], requirement, policy))
            return true;
    }
    return false;
}

bool ch_given_is_complete(const ch_given *given, const ch_requirement *requirement, const ch_policy *policy)
{
    return ch_given_count(given, requirement, policy) >= requirement->approvals &&
           (!requirement->needs_code || has_code(given, requirement, policy));
}

bool ch_given_meets(const ch_given *given, const ch_requirement *requirement, const ch_policy *policy, uint64_t now_ns)
{
    return ch_given_is_complete(given, requirement, policy) && now_ns >= given->asked_ns &&
           now_ns - given->asked_ns >= requirement->delay_ns;
}
