#include "agent/core/rules.h"

#include "agent/core/freeze_file.h"
#include "policy/load.h"

#include <string.h>

static ch_status load_policy(const ch_config *config, const char *path, ch_policy *out, ch_error *err)
{
    const ch_policy_source source = ch_config_policy_source(config, path);
    return ch_policy_load(&source, out, err);
}

ch_status ch_rules_load(const char *config_path, ch_rules *out, ch_error *err)
{
    *out = (ch_rules){0};
    CH_TRY(ch_config_load(config_path, &out->config, err));
    CH_TRY(load_policy(&out->config, out->config.policy_path, &out->policy, err));
    if (out->config.shadow_path != NULL)
        CH_TRY(load_policy(&out->config, out->config.shadow_path, &out->shadow, err));
    if (out->config.freeze_path != NULL)
        CH_TRY(ch_freeze_file_check(out->config.freeze_path, err));
    return ch_config_check_modules(&out->config, err);
}

void ch_rules_free(ch_rules *rules)
{
    ch_policy_free(&rules->policy);
    ch_policy_free(&rules->shadow);
    ch_config_free(&rules->config);
    *rules = (ch_rules){0};
}

static bool is_same_path(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

ch_status ch_rules_may_follow(const ch_rules *now, const ch_rules *fresh, ch_error *err)
{
    const ch_config *a = &now->config;
    const ch_config *b = &fresh->config;
    /* clang-format off */
    const struct { const char *field; bool is_same; } fixed[] = {
        { "socket",          strcmp(a->socket_path, b->socket_path) == 0 },
        { "operator_socket", strcmp(a->operator_socket_path, b->operator_socket_path) == 0 },
        { "state",           strcmp(a->state_folder, b->state_folder) == 0 },
        { "trace",           strcmp(a->trace_path, b->trace_path) == 0 },
        { "fronts",          a->is_front_shared == b->is_front_shared },
        { "freeze_file",     is_same_path(a->freeze_path, b->freeze_path) },
        { "confinement",     a->is_confinement_required == b->is_confinement_required },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (!fixed[i].is_same)
            return ch_fail(err, CH_CONFIG, "'%s' in agent.yaml cannot change while the agent runs; restart it",
                           fixed[i].field);
    }
    return CH_OK;
}
