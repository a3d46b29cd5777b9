/* Defaults are set before a table is read, save that of `operator_socket`, which depends on `socket`. */
#include "agent/core/config.h"

#include "agent/core/socket_paths.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/paths.h"
#include "conf/fields.h"
#include "wire/frames.h"
#include "pkcs11/module_path.h"
#include "pkcs11/uri.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIN_TRIES 3 /* of most cards */

static uint32_t default_workers(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus < 1 ? 1 : cpus > 4 ? 4 : (uint32_t)cpus;
}

/* clang-format off */
static const ch_word login_words[] = {{"pin", CH_LOGIN_PIN}, {"pinpad", CH_LOGIN_PINPAD}, {"none", CH_LOGIN_NONE}};
static const ch_words logins = CH_WORDS("kind of login", login_words);

static const ch_field token_fields[] = {
    /* name           required  reader               where                                      bounds, check */
    { "module",       true,     ch_field_text,       CH_MEMBER(ch_token_config, module)       },
    { "init_args",    false,    ch_field_text,       CH_MEMBER(ch_token_config, init_args),     .check = ch_module_check_init_args },
    { "environment",  false,    ch_field_variables,  CH_MEMBER(ch_token_config, variables)    },
    { "uri",          true,     ch_field_text,       CH_MEMBER(ch_token_config, uri),           .check = ch_uri_check_token },
    { "login",        false,    ch_field_choice,     CH_MEMBER(ch_token_config, login),         .words = &logins },
    { "relogin",      false,    ch_field_bool,       CH_MEMBER(ch_token_config, may_relogin)  },
    { "pin_tries",    false,    ch_field_uint,       CH_MEMBER(ch_token_config, pin_tries),     .max = 100 },
    { "workers",      false,    ch_field_uint,       CH_MEMBER(ch_token_config, workers),       .min = 1, .max = CH_WORKERS_MAX },
};
/* clang-format on */

static ch_status read_token(const ch_value *value, ch_error *err)
{
    ch_token_config *token = value->out;
    *token = (ch_token_config){
        .name = ch_strdup(value->name), .pin_tries = PIN_TRIES, .may_relogin = true, .workers = default_workers()};
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(token_fields), token, NULL, err));
    /* Somebody must be at the pad, so no login comes by itself. */
    token->may_relogin = token->may_relogin && token->login != CH_LOGIN_PINPAD;
    return CH_OK;
}

static const ch_entries tokens = {
    "token", CH_YAML_MAP, 1, CH_TOKENS_MAX, {.read = read_token, .size = sizeof(ch_token_config)}
};

static ch_status read_tokens(const ch_value *value, ch_error *err)
{
    ch_config *config = value->out;
    config->tokens = ch_alloc(ch_yaml_count(value->node) * sizeof *config->tokens);
    CH_TRY(ch_entries_read(value->node, &tokens, config->tokens, &config->token_count, NULL, err));
    for (size_t i = 0; i < config->token_count; i++)
        config->token_names[i] = config->tokens[i].name;
    return CH_OK;
}

/* Read after the tokens. */
static ch_status read_totp_token(const ch_value *value, ch_error *err)
{
    ch_config *config = value->out;
    const char *name = NULL;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    config->totp_token_name = ch_strdup(name);
    if (ch_config_find_token(config, ch_slice_of(name)) == config->token_count)
        return ch_yaml_fail(value->node, err, "there is no token '%s' under 'tokens'; name one of them", name);
    return CH_OK;
}

static size_t find_totp_token(const ch_config *config)
{
    if (config->totp_token_name != NULL)
        return ch_config_find_token(config, ch_slice_of(config->totp_token_name));
    return config->token_count == 1 ? 0 : config->token_count;
}

/* clang-format off */
static const ch_word front_words[] = {{"per-caller", false}, {"shared", true}};
static const ch_words front_kinds = CH_WORDS("way to run fronts", front_words);

static const ch_word confinement_words[] = {{"best-effort", false}, {"required", true}};
static const ch_words confinement_kinds = CH_WORDS("kind of confinement", confinement_words);

static const ch_field fields[] = {
    /* name               required  reader            where */
    { "socket",           false,    ch_field_path,    CH_MEMBER(ch_config, socket_path) },
    { "operator_socket",  false,    ch_field_path,    CH_MEMBER(ch_config, operator_socket_path) },
    { "state",            false,    ch_field_path,    CH_MEMBER(ch_config, state_folder) },
    { "profiles",         false,    ch_field_path,    CH_MEMBER(ch_config, profiles_folder) },
    { "policy",           false,    ch_field_path,    CH_MEMBER(ch_config, policy_path) },
    { "shadow_policy",    false,    ch_field_path,    CH_MEMBER(ch_config, shadow_path) },
    { "trace",            false,    ch_field_path,    CH_MEMBER(ch_config, trace_path) },
    { "freeze_file",      false,    ch_field_path,    CH_MEMBER(ch_config, freeze_path) },
    { "fronts",           false,    ch_field_choice,  CH_MEMBER(ch_config, is_front_shared), .words = &front_kinds },
    { "confinement",      false,    ch_field_choice,  CH_MEMBER(ch_config, is_confinement_required),
                                                      .words = &confinement_kinds },
    { "tokens",           true,     read_tokens,      CH_WHOLE },
    { "totp_token",       false,    read_totp_token,  CH_WHOLE },
};
/* clang-format on */

/* Beside the folder and not in it: who restores the folder from a backup must not restore this. */
static char *trace_of(const char *state_folder)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_text(&path, state_folder);
    while (path.size > 1 && path.data[path.size - 1] == '/')
        path.size--;
    ch_buffer_add_text(&path, ".trace");
    return ch_strdup(ch_buffer_text(&path));
}

ch_status ch_config_load(const char *path, ch_config *out, ch_error *err)
{
    ch_autoyaml *document = NULL;
    *out = (ch_config){.socket_path = ch_path_agent_socket(),
                       .state_folder = ch_strdup(CH_PATH_STATE),
                       .profiles_folder = ch_strdup(ch_path_profiles),
                       .policy_path = ch_path_beside(path, "policy.yaml")};
    CH_TRY(ch_yaml_load(path, &document, err));
    CH_TRY(ch_fields_read(ch_yaml_root(document), CH_FIELDS(fields), out, NULL, err));
    out->totp_token = find_totp_token(out);
    if (out->operator_socket_path == NULL)
        out->operator_socket_path = ch_path_beside(out->socket_path, "people/operator.sock");
    if (out->trace_path == NULL)
        out->trace_path = trace_of(out->state_folder);
    const ch_agent_paths paths = {.config = path,
                                  .socket = out->socket_path,
                                  .operator_socket = out->operator_socket_path,
                                  .policy = out->policy_path,
                                  .profiles = out->profiles_folder,
                                  .state = out->state_folder,
                                  .trace = out->trace_path,
                                  .shadow_policy = out->shadow_path,
                                  .freeze_file = out->freeze_path};
    return ch_socket_paths_check(&paths, err);
}

ch_status ch_config_check_modules(const ch_config *config, ch_error *err)
{
    for (size_t i = 0; i < config->token_count; i++) {
        if (ch_module_path_check(config->tokens[i].module, err) != CH_OK)
            return ch_error_wrap(err, "token '%s'", config->tokens[i].name);
    }
    return CH_OK;
}

void ch_config_free(ch_config *config)
{
    for (size_t i = 0; i < config->token_count; i++) {
        free(config->tokens[i].name);
        free(config->tokens[i].module);
        free(config->tokens[i].init_args);
        ch_variables_free(&config->tokens[i].variables);
        free(config->tokens[i].uri);
    }
    free(config->tokens);
    free(config->socket_path);
    free(config->operator_socket_path);
    free(config->state_folder);
    free(config->profiles_folder);
    free(config->policy_path);
    free(config->shadow_path);
    free(config->trace_path);
    free(config->freeze_path);
    free(config->totp_token_name);
    *config = (ch_config){0};
}

ch_policy_source ch_config_policy_source(const ch_config *config, const char *path)
{
    return (ch_policy_source){.path = path,
                              .profiles_folder = config->profiles_folder,
                              .tokens = config->token_names,
                              .token_count = config->token_count,
                              .totp_token = config->totp_token};
}

size_t ch_config_find_token(const ch_config *config, ch_slice name)
{
    size_t index = 0;
    while (index < config->token_count && !ch_slice_is(name, config->tokens[index].name))
        index++;
    return index;
}
