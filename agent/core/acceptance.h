/* Says what policy accepts of endpoint confusion, and what falls together all the same. */
#ifndef CH_AGENT_CORE_ACCEPTANCE_H
#define CH_AGENT_CORE_ACCEPTANCE_H

#include "policy/policy.h"

/* Says of each key what its policy accepts, and what that lets callers do. */
void ch_acceptance_say(const ch_policy *policy, void (*say)(const char *line));

/* Says of each key which classes its allows may lack, because a signature may open calls of these: once for an exchange
 * that refuses unknown parameters everywhere, once for one that ignores them. Says nothing of a key whose allows lack
 * nothing. For --check; it compares all calls of a profile with each other, which takes some time. */
void ch_confusion_say(const ch_policy *policy, void (*say)(const char *line));

#endif
