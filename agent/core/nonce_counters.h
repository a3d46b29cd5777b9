/* Which counter each key of a policy has: its `nonce_counter`. Core's thread only. */
#ifndef CH_AGENT_CORE_NONCE_COUNTERS_H
#define CH_AGENT_CORE_NONCE_COUNTERS_H

#include "policy/policy.h"
#include "state/nonces.h"

/* Finds or makes the counter of each key that has nonces, and sees that it goes on above its floor and what an older
 * agent counted by the key's name. */
void ch_nonce_counters_find(ch_policy *policy, ch_nonces *nonces);

/* Writes what was taken over from an older agent; once, at start. CH_IO if it cannot be written. What no policy has
 * named stays, and the log says so. */
CH_CHECKED ch_status ch_nonce_counters_save_adopted(ch_nonces *nonces, ch_error *err);

#endif
