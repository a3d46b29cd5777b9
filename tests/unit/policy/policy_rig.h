/* A sound policy, what it loads to, and changes to it. */
#ifndef CH_TESTS_UNIT_POLICY_RIG_H
#define CH_TESTS_UNIT_POLICY_RIG_H

#include "policy/policy.h"

/* The text of the sound policy, and of the profile that its keys have (called t, and another called u). */
extern const char rig_policy[];
extern const char rig_profile[];

/* The text of the sound policy with its first `from` replaced; free it with free(). */
char *rig_change(const char *from, const char *to);
/* Writes the files and loads the policy; `name` is of a file, or of a folder that is there. Free the policy also after
 * a failure. */
ch_status rig_load_file(const char *name, ch_policy *out, ch_error *err);
ch_status rig_load(const char *text, ch_policy *out, ch_error *err);
/* The same; ends the test on failure. */
void rig_load_sound(ch_policy *out);
const ch_entry_rule *rig_entry(const ch_policy *policy, const char *name);

#endif
