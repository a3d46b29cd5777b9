/* What the agent goes by: agent.yaml, policy.yaml, and the profiles that it names; and a shadow policy, if there is
 * one. Loaded whole, at the start and at each reload. */
#ifndef CH_AGENT_CORE_RULES_H
#define CH_AGENT_CORE_RULES_H

#include "agent/core/config.h"
#include "policy/policy.h"

typedef struct ch_rules {
    ch_config config;
    ch_policy policy;
    ch_policy shadow; /* if config.shadow_path says so */
} ch_rules;

/* Loads everything that `config_path` names, and checks that the tokens' modules are there and nobody else can change
 * any of it. CH_CONFIG with file, line and reason. Free with ch_rules_free, also after a failure. Slow, for it reads
 * files; any thread may do it. */
CH_CHECKED ch_status ch_rules_load(const char *config_path, ch_rules *out, ch_error *err);
/* Frees them, and zeroes `rules`. Harmless if they are zero. */
void ch_rules_free(ch_rules *rules);

/* CH_CONFIG if `fresh` says something that can be changed by a restart only: sockets, state, the kind of fronts and
 * confinement. */
CH_CHECKED ch_status ch_rules_may_follow(const ch_rules *now, const ch_rules *fresh, ch_error *err);

#endif
