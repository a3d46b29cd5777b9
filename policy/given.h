/* The approvals that people have given to one request. A decision takes them as a fact, as it takes prices. This room
 * decides whose approval counts, and what meets a `require`.
 *
 * An approval counts if a person gave it whom the requirement names (with `code` alone: any approver, if it names
 * nobody), who is still an approver by the policy of now and still that user, who did not ask for the request, and in
 * time: within the requirement's `within` of the asking. Two approvals are two only if they are two names and two
 * users. Pure. */
#ifndef CH_POLICY_GIVEN_H
#define CH_POLICY_GIVEN_H

#include "base/names.h"
#include "policy/policy.h"

#define CH_GIVEN_MAX 32 /* approvals of one request; a requirement asks for 16 at most */
/* The time for approvals, if the requirement does not say `within`. */
#define CH_GIVEN_WITHIN_NS (3600 * UINT64_C(1000000000))

typedef struct ch_given_by {
    char person[CH_NAME_MAX + 1];
    uid_t uid;
    uint64_t at_ns; /* wall clock */
    bool is_by_code;
} ch_given_by;

typedef struct ch_given {
    uid_t requester; /* who never counts */
    uint64_t asked_ns;
    size_t count;
    ch_given_by by[CH_GIVEN_MAX];
} ch_given;

/* True if the requirement names that person, or names nobody and so is content with any approver. */
bool ch_given_is_meant(const ch_requirement *requirement, const char *person);
/* Returns how long after the asking an approval still counts. */
uint64_t ch_given_within_ns(const ch_requirement *requirement);
/* Returns how many of the approvals count for the requirement. If `policy` is NULL, all who gave are taken for
 * approvers. */
size_t ch_given_count(const ch_given *given, const ch_requirement *requirement, const ch_policy *policy);
/* Returns true if people have done their part: approvals and code. */
bool ch_given_is_complete(const ch_given *given, const ch_requirement *requirement, const ch_policy *policy);
/* Returns true if the requirement is met: people have done their part, and the delay since the asking is over. */
bool ch_given_meets(const ch_given *given, const ch_requirement *requirement, const ch_policy *policy, uint64_t now_ns);

#endif
