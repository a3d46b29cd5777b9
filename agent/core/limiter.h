/* How often each caller may ask: the limits of policy, counted.
 *
 * Each user has counts of its own, also where a limit names a group. Cancels are counted by themselves, so that orders
 * never use up what cancels need. Counts outlive a reload that leaves their
 * limit as it was, and are forgotten at the end of the agent. Core's thread only. */
#ifndef CH_AGENT_CORE_LIMITER_H
#define CH_AGENT_CORE_LIMITER_H

#include "base/peer.h"
#include "policy/policy.h"

#define CH_LIMITER_COUNTS_MAX 1024 /* users times limits; above it, the one that asked longest ago is forgotten */

typedef struct ch_limiter ch_limiter;

ch_limiter *ch_limiter_new(void);
void ch_limiter_free(ch_limiter *limiter);

/* Counts a request at `now_ns` of the monotonic clock. Returns CH_TOO_OFTEN, and counts nothing, if a limit that
 * `policy` sets the caller would not hold. */
CH_CHECKED ch_status ch_limiter_count(ch_limiter *limiter, const ch_policy *policy, const ch_peer *caller,
                                      bool is_cancel, uint64_t now_ns, ch_error *err);

#endif
