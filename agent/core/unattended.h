/* Unlocks without a person: once, when the agent starts, of the tokens for which policy allows that, with the PIN that
 * the service manager has for each. The credential of any other token is not even opened.
 *
 * Core's thread only. */
#ifndef CH_AGENT_CORE_UNATTENDED_H
#define CH_AGENT_CORE_UNATTENDED_H

#include "agent/core/clockwatch.h"
#include "agent/core/links.h"
#include "base/loop.h"
#include "policy/policy.h"
#include "policy/states.h"

typedef struct ch_unattended ch_unattended;

/* Reads the credentials `chancery-pin-TOKEN`; children of this process do not learn where they are. What is wrong with
 * one is logged, and shown as why its token is locked. A token of which policy says that no unlock survives a freeze is
 * left to its operators if `states` cover it now, or when its process is there. All arguments must outlive this. */
ch_unattended *ch_unattended_new(ch_loop *loop, ch_links *links, const ch_policy *policy, const ch_states *states,
                                 const ch_clockwatch *clock);
/* Wipes what was not used. NULL is fine. */
void ch_unattended_free(ch_unattended *unattended);
/* From here on each token is unlocked as soon as its process is there. */
void ch_unattended_start(ch_unattended *unattended);

#endif
