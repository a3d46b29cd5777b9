/* What is said of keys that break a rule for signing keys and are accepted all the same, because their policy tolerates
 * it (pkcs11/key_rule.h). It is said loudly: in the log, in the status, and by --check. */
#ifndef CH_AGENT_CORE_TOLERANCE_H
#define CH_AGENT_CORE_TOLERANCE_H

#include "base/buffer.h"
#include "pkcs11/key_rule.h"
#include "policy/policy.h"

/* Appends what the policy tolerates of the key called `name`, and what that means. */
void ch_tolerance_promise(const char *name, ch_lapses tolerated, ch_buffer *out);
/* Appends what the key was found with, and what is tolerated for nothing. */
void ch_tolerance_find(const char *name, ch_lapses tolerated, ch_lapses found, ch_buffer *out);

/* Says what the policy tolerates, a line for each key, and what it accepts (agent/core/acceptance.h). */
void ch_tolerance_say(const ch_policy *policy, void (*say)(const char *line));
void ch_tolerance_log(const char *line);

#endif
