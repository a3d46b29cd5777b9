#include "agent/core/nonce_counters.h"

#include "base/log.h"
#include "exchange/profile.h"

#define S_NS 1000000000ULL

static ch_nonce_rule rule_of(const ch_nonce_def *def)
{
    return (ch_nonce_rule){.unit_ns = def->unit_ns,
                           .ahead_ns = def->ahead_s * S_NS,
                           .behind_ns = def->behind_s * S_NS,
                           .may_repeat = def->may_repeat};
}

static void find_counter(ch_key *version, ch_nonces *nonces)
{
    const ch_nonce_name name = {ch_profile_name(version->profile), ch_environment_keys(version->traits.environment),
                                version->key_id};
    const ch_nonce_rule rule = rule_of(version->nonce);
    version->nonce_counter = ch_nonces_counter(nonces, &name, &rule);
    ch_nonces_set_floor(nonces, version->nonce_counter, version->nonce_floor);
    if (version->of == NULL)
        ch_nonces_adopt(nonces, version->nonce_counter, version->name);
}

void ch_nonce_counters_find(ch_policy *policy, ch_nonces *nonces)
{
    for (size_t i = 0; i < policy->key_count; i++) {
        ch_key *version;
        for (size_t v = 0; (version = ch_key_version_at(&policy->keys[i], v)) != NULL; v++) {
            if (version->nonce != NULL)
                find_counter(version, nonces);
        }
    }
}

ch_status ch_nonce_counters_save_adopted(ch_nonces *nonces, ch_error *err)
{
    CH_TRY(ch_nonces_save_adopted(nonces, err));
    uint64_t next = 0;
    const char *orphan;
    for (size_t i = 0; (orphan = ch_nonces_orphan(nonces, i, &next)) != NULL; i++)
        ch_log("an older agent counted nonces up to %llu for key '%s', which the policy does not name; if that key has "
               "another name now, raise its nonces: chancery nonce raise",
               (unsigned long long)next, orphan);
    return CH_OK;
}
