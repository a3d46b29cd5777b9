/* Which callers of the policy a peer is. That is asked for each request, so the answers for the last peers are kept
 * until the policy is another. Core's thread only. */
#ifndef CH_AGENT_CORE_CALLERS_H
#define CH_AGENT_CORE_CALLERS_H

#include "base/buffer.h"
#include "policy/policy.h"

typedef struct ch_callers ch_callers;

ch_callers *ch_callers_new(void);
void ch_callers_free(ch_callers *callers);
/* The policy is another, or will be: what is kept is forgotten. */
void ch_callers_forget(ch_callers *callers);
/* Which callers of `policy` the peer is; the set is empty if it is not a caller. Valid until the next call. */
const ch_caller_set *ch_callers_find(ch_callers *callers, const ch_policy *policy, const ch_peer *peer);

/* Appends the names of the callers in `set`, with ", " between them. */
void ch_callers_print(const ch_policy *policy, const ch_caller_set *set, ch_buffer *out);
/* True if one of the callers in `set` has the role. */
bool ch_callers_have_role(const ch_policy *policy, const ch_caller_set *set, ch_caller_role role);

#endif
