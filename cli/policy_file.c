#include "cli/policy_file.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/paths.h"
#include "cli/jansson.h"
#include "conf/yaml.h"
#include "policy/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- agent.yaml ---- */

/* What of it says how a policy is read. */
typedef struct config {
    char *policy;
    char *profiles;
    char *tokens[CH_TOKENS_MAX];
    size_t token_count;
    char *totp_token; /* NULL: none is named */
    bool has_tokens;
} config;

static void free_config(config *self)
{
    free(self->policy);
    free(self->profiles);
    free(self->totp_token);
    for (size_t i = 0; i < self->token_count; i++)
        free(self->tokens[i]);
}

static ch_status read_path(const ch_yaml *root, const char *file, const char *name, char **out, ch_error *err)
{
    const char *text = NULL;
    const ch_yaml *node = ch_yaml_get(root, name);
    if (node == NULL)
        return CH_OK;
    CH_TRY(ch_yaml_text(node, &text, err));
    *out = ch_path_beside(file, text);
    return CH_OK;
}

static ch_status read_totp_token(const ch_yaml *root, config *out, ch_error *err)
{
    const char *text = NULL;
    const ch_yaml *node = ch_yaml_get(root, "totp_token");
    if (node == NULL)
        return CH_OK;
    CH_TRY(ch_yaml_text(node, &text, err));
    out->totp_token = ch_strdup(text);
    return CH_OK;
}

/* Returns token_count if it is not known. */
static size_t find_totp_token(const config *agent)
{
    size_t at = 0;
    if (agent->totp_token == NULL)
        return agent->token_count == 1 ? 0 : agent->token_count;
    while (at < agent->token_count && strcmp(agent->tokens[at], agent->totp_token) != 0)
        at++;
    return at;
}

static ch_status read_config(const char *path, config *out, ch_error *err)
{
    ch_autoyaml *document = NULL;
    CH_TRY(ch_yaml_load_any(path, &document, err));
    const ch_yaml *root = ch_yaml_root(document);
    CH_TRY(ch_yaml_expect_map(root, err));
    CH_TRY(read_path(root, path, "policy", &out->policy, err));
    CH_TRY(read_path(root, path, "profiles", &out->profiles, err));
    CH_TRY(read_totp_token(root, out, err));
    const ch_yaml *tokens = ch_yaml_get(root, "tokens");
    out->has_tokens = tokens != NULL && ch_yaml_kind_of(tokens) == CH_YAML_MAP;
    for (size_t i = 0; out->has_tokens && i < ch_yaml_count(tokens) && i < CH_TOKENS_MAX; i++)
        out->tokens[out->token_count++] = ch_strdup(ch_yaml_key_at(tokens, i));
    return CH_OK;
}

/* ---- the policy ---- */

static ch_status check_tokens(const ch_policy *policy, const config *agent, ch_error *err)
{
    for (size_t i = 0; agent->has_tokens && i < policy->key_count; i++) {
        const ch_key *version;
        for (size_t v = 0; (version = ch_key_version(&policy->keys[i], v)) != NULL; v++) {
            if (version->token >= agent->token_count)
                return ch_fail(err, CH_CONFIG, "agent.yaml has no token of the name that key '%s' has", version->name);
        }
    }
    return CH_OK;
}

static const char *profiles_of(const ch_arguments *arguments, const config *agent)
{
    const char *profiles = ch_option_given_profiles(arguments);
    if (profiles != NULL)
        return profiles;
    return agent->profiles != NULL ? agent->profiles : ch_option_profiles(arguments);
}

static ch_status load(const ch_arguments *arguments, const char *path, const config *agent, ch_policy *out,
                      ch_error *err)
{
    const ch_policy_source source = {.path = path,
                                     .profiles_folder = profiles_of(arguments, agent),
                                     .tokens = (const char *const *)agent->tokens,
                                     .token_count = agent->token_count,
                                     .totp_token = find_totp_token(agent),
                                     .is_elsewhere = true};
    CH_TRY(ch_policy_load(&source, out, err));
    return check_tokens(out, agent, err);
}

static ch_status open_policy(const ch_arguments *arguments, const char *path, config *agent, ch_policy *out,
                             ch_error *err)
{
    const char *file = ch_option_config(arguments);
    path = path != NULL ? path : ch_option_policy(arguments);
    if (file == NULL && path == NULL)
        file = CH_PATH_CONFIG;
    if (file != NULL && read_config(file, agent, err) != CH_OK)
        return ch_error_wrap(err, "which policy? Give --policy FILE or --config FILE");
    path = path != NULL ? path : agent->policy;
    if (path == NULL)
        return ch_fail(err, CH_CONFIG, "%s names no policy", file);
    return load(arguments, path, agent, out, err);
}

ch_status ch_policy_open(const ch_arguments *arguments, const char *path, ch_policy *out, ch_error *err)
{
    config agent = {0};
    *out = (ch_policy){0};
    ch_status st = open_policy(arguments, path, &agent, out, err);
    free_config(&agent);
    return st;
}

ch_status ch_policy_find_caller(const ch_policy *policy, const char *name, size_t *out, ch_error *err)
{
    ch_autobuffer names = CH_BUFFER_INIT;
    size_t count = 0;
    for (*out = 0; *out < policy->caller_count; (*out)++) {
        if (strcmp(policy->callers[*out].name, name) == 0)
            return CH_OK;
        ch_add_listed(&names, policy->callers[*out].name, &count, *out + 1 == policy->caller_count);
    }
    return ch_fail(err, CH_NOT_FOUND, "the policy has no caller '%s'; it has %s", name,
                   count == 0 ? "none" : ch_buffer_text(&names));
}

ch_status ch_policy_require_key(const ch_policy *policy, const char *name, const ch_key **out, ch_error *err)
{
    ch_autobuffer names = CH_BUFFER_INIT;
    size_t count = 0;
    *out = ch_policy_find_key(policy, ch_slice_of(name));
    for (size_t i = 0; i < policy->key_count; i++)
        ch_add_listed(&names, policy->keys[i].name, &count, i + 1 == policy->key_count);
    return *out != NULL ? CH_OK
                        : ch_fail(err, CH_NOT_FOUND, "the policy has no key '%s'; it has %s", name,
                                  count == 0 ? "none" : ch_buffer_text(&names));
}

/* ---- time ---- */

bool ch_time_read(const char *text, uint64_t *ns)
{
    struct tm utc = {0};
    uint64_t parts = 0;
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    if (at != NULL && *at == '.') {
        uint64_t unit = 100000000;
        for (at++; *at >= '0' && *at <= '9' && unit > 0; at++, unit /= 10)
            parts += (uint64_t)(*at - '0') * unit;
    }
    time_t seconds = at == NULL ? -1 : timegm(&utc);
    if (at == NULL || strcmp(at, "Z") != 0 || seconds < 0 || (uint64_t)seconds >= CH_WALL_NS_END / 1000000000)
        return false;
    *ns = (uint64_t)seconds * 1000000000 + parts;
    return true;
}

ch_status ch_option_time(const ch_arguments *arguments, uint64_t *now_ns, ch_error *err)
{
    ch_moment now;
    const char *given = arguments->option[CH_OPT_AT];
    if (given != NULL)
        return ch_time_read(given, now_ns)
                   ? CH_OK
                   : ch_fail(err, CH_BAD_INPUT, "--at takes a time in UTC, such as 2027-01-31T09:30:00Z");
    if (!ch_moment_now(&now))
        return ch_fail(err, CH_UNAVAILABLE, "the machine's clock shows no time that could be right; give --at");
    *now_ns = now.wall_ns;
    return CH_OK;
}

/* ---- words and figures ---- */

void ch_add_figure(ch_buffer *out, ch_decimal number)
{
    char text[CH_DECIMAL_TEXT_MAX];
    ch_decimal_text(number, text);
    size_t whole = strcspn(text, ".");
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0)
            ch_buffer_add_byte(out, ',');
        ch_buffer_add_byte(out, (uint8_t)text[i]);
    }
}

void ch_add_percent(ch_buffer *out, ch_decimal ratio)
{
    ch_decimal percent = ratio;
    ch_ignore(ch_decimal_multiply(ratio, ch_decimal_of(100), &percent)); /* ratios are small */
    ch_decimal_print(percent, out);
    ch_buffer_add_text(out, " %");
}

void ch_add_listed(ch_buffer *out, const char *text, size_t *count, bool is_last)
{
    if (*count > 0)
        ch_buffer_add_text(out, is_last ? " and " : ", ");
    ch_buffer_add_text(out, text);
    (*count)++;
}

json_t *ch_decimal_json(ch_decimal number)
{
    char text[CH_DECIMAL_TEXT_MAX];
    ch_decimal_text(number, text);
    return ch_jansson_text(text);
}
