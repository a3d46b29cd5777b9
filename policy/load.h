/* From policy.yaml, or a folder of *.yaml files, to a ch_policy. Everything that can be wrong with a policy is found
 * here, with FILE:LINE and what to do. */
#ifndef CH_POLICY_LOAD_H
#define CH_POLICY_LOAD_H

#include "policy/policy.h"

/* What a policy is read from, and the tokens that its keys may name. */
typedef struct ch_policy_source {
    const char *path; /* of a file, or of a folder whose *.yaml files are one policy */
    const char *profiles_folder;
    const char *const *tokens;
    size_t token_count;
    size_t totp_token; /* the index of the one with people's seeds; token_count or more: none is named */
    /* To look at a policy where its agent does not run: tokens, users and groups are not looked up (every name gets a
     * number of its own), and others may be able to change the files. Never to decide by. */
    bool is_elsewhere;
} ch_policy_source;

/* Loads the policy and the profiles that it names. Returns CH_CONFIG with file, line and reason. Free with
 * ch_policy_free, also after a failure. Not thread-safe (it looks up users and groups). */
CH_CHECKED ch_status ch_policy_load(const ch_policy_source *source, ch_policy *out, ch_error *err);

#endif
