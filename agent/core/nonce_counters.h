/* Which counter each key of a policy has: its `nonce_counter`. Core's thread only. */
#ifndef CH_AGENT_CORE_NONCE_COUNTERS_H
#define CH_AGENT_CORE_NONCE_COUNTERS_H

#include "policy/policy.h"
#include "state/nonces.h"

/* Finds or makes the counter of each key that has nonces, and sees to its floor. */
void ch_nonce_counters_find(ch_policy *policy, ch_nonces *nonces);

/* Moves what an older agent counted by the policy's names to the counters; once, at start. CH_IO if it cannot be
 * written. What the policy no longer names stays, and the log says so. */
CH_CHECKED ch_status ch_nonce_counters_adopt(const ch_policy *policy, ch_nonces *nonces, ch_error *err);

#endif
