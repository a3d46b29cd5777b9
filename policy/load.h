/* From policy.yaml to a ch_policy: load.c reads the whole, load_keys.c the keys, load_grants.c who is meant, what
 * each may do and how often. Everything that can be wrong with a policy is found here, with its line. */
#ifndef CH_POLICY_LOAD_H
#define CH_POLICY_LOAD_H

#include "conf/fields.h"
#include "policy/policy.h"

/* What a policy is read from, and the tokens that its keys may name. */
typedef struct ch_policy_source {
    const char *path;
    const char *profiles_folder;
    const char *const *tokens;
    size_t token_count;
} ch_policy_source;

/* Loads the policy and the profiles that it names. Returns CH_CONFIG with file, line and reason. Free with
 * ch_policy_free, also after a failure. */
CH_CHECKED ch_status ch_policy_load(const ch_policy_source *source, ch_policy *out, ch_error *err);

/* ---- the readers of its parts ---- */

/* Their context. */
typedef struct ch_policy_loader {
    const ch_policy_source *source;
    ch_policy *policy;
} ch_policy_loader;

/* Read `keys`, `operators` and `limits` into a ch_policy, and `allow` into a ch_key. */
CH_CHECKED ch_status ch_policy_read_keys(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_policy_read_operators(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_policy_read_limits(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_policy_read_grants(const ch_value *value, ch_error *err);

#endif
