/* The readers of policy.yaml's parts; for policy/policy.c. */
#ifndef CH_POLICY_LOAD_H
#define CH_POLICY_LOAD_H

#include "conf/fields.h"
#include "policy/policy.h"

/* The context of the readers. */
typedef struct ch_policy_loader {
    const ch_policy_source *source;
    ch_policy *policy;
} ch_policy_loader;

/* Read `keys` and `operators` into a ch_policy, and `allow` into a ch_key. */
CH_CHECKED ch_status ch_policy_read_keys(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_policy_read_operators(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_policy_read_grants(const ch_value *value, ch_error *err);

#endif
