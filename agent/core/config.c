#include "agent/core/config.h"

#include "base/paths.h"
#include "conf/yaml.h"
#include "wire/frame.h"
#include "pkcs11/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* `path` as seen from the folder of the file `base`. */
static char *resolve(const char *base, const char *path)
{
    const char *slash = strrchr(base, '/');
    if (path[0] == '/' || slash == NULL)
        return ch_strdup(path);
    ch_autobuffer whole = CH_BUFFER_INIT;
    ch_buffer_add(&whole, base, (size_t)(slash - base) + 1);
    ch_buffer_add_text(&whole, path);
    return ch_strdup(ch_buffer_text(&whole));
}

/* Reads an optional path; `otherwise` (taken over) where there is none. */
static ch_status read_path(const char *file, const ch_yaml *map, const char *field, char *otherwise, char **out,
                           ch_error *err)
{
    const ch_yaml *node = ch_yaml_get(map, field);
    const char *text = NULL;
    *out = otherwise;
    if (node == NULL)
        return CH_OK;
    ch_status st = ch_yaml_text(node, &text, err);
    if (st != CH_OK)
        return st;
    if (*text == '\0')
        return ch_yaml_fail(node, err, "'%s' is empty; give a path", field);
    free(otherwise);
    *out = resolve(file, text);
    return CH_OK;
}

static ch_status read_text(const ch_yaml *map, const char *field, char **out, ch_error *err)
{
    const ch_yaml *node = NULL;
    const char *text = NULL;
    ch_status st = ch_yaml_require(map, field, &node, err);
    if (st == CH_OK)
        st = ch_yaml_text(node, &text, err);
    if (st == CH_OK)
        *out = ch_strdup(text);
    return st;
}

static ch_status read_uri(const ch_yaml *map, ch_token_config *token, ch_error *err)
{
    P11KitUri *uri = NULL;
    ch_error reason = CH_ERROR_INIT;
    ch_status st = read_text(map, "uri", &token->uri, err);
    if (st == CH_OK && ch_uri_parse(token->uri, &uri, &reason) != CH_OK)
        return ch_yaml_fail(ch_yaml_get(map, "uri"), err, "%s", reason.message);
    p11_kit_uri_free(uri);
    return st;
}

static uint32_t default_workers(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus < 1 ? 1 : cpus > 4 ? 4 : (uint32_t)cpus;
}

static ch_status read_token(const ch_yaml *map, const char *name, ch_token_config *token, ch_error *err)
{
    uint64_t workers = default_workers();
    token->name = ch_strdup(name);
    token->may_relogin = true;
    ch_status st = read_text(map, "module", &token->module, err);
    if (st == CH_OK)
        st = read_uri(map, token, err);
    const ch_yaml *node = st == CH_OK ? ch_yaml_get(map, "relogin") : NULL;
    if (node != NULL)
        st = ch_yaml_bool(node, &token->may_relogin, err);
    node = st == CH_OK ? ch_yaml_get(map, "workers") : NULL;
    if (node != NULL) {
        st = ch_yaml_uint(node, &workers, CH_WORKERS_MAX, err);
        if (st == CH_OK && workers == 0)
            st = ch_yaml_fail(node, err, "'workers' is 1 to %d", CH_WORKERS_MAX);
    }
    token->workers = (uint32_t)workers;
    return st == CH_OK ? ch_yaml_check_known(map, err) : st;
}

static ch_status read_tokens(const ch_yaml *root, ch_config *out, ch_error *err)
{
    const ch_yaml *tokens = NULL;
    ch_status st = ch_yaml_require(root, "tokens", &tokens, err);
    if (st == CH_OK)
        st = ch_yaml_expect_map(tokens, err);
    if (st != CH_OK)
        return st;
    size_t count = ch_yaml_count(tokens);
    if (count == 0 || count > CH_TOKENS_MAX)
        return ch_yaml_fail(tokens, err, "there must be 1 to %d tokens", CH_TOKENS_MAX);
    out->tokens = ch_alloc(count * sizeof *out->tokens);
    for (; st == CH_OK && out->token_count < count; out->token_count++) {
        const ch_yaml *map = ch_yaml_value_at(tokens, out->token_count);
        st = ch_yaml_expect_map(map, err);
        if (st == CH_OK)
            st = read_token(map, ch_yaml_key_at(tokens, out->token_count), &out->tokens[out->token_count], err);
        out->token_names[out->token_count] = out->tokens[out->token_count].name;
    }
    return st;
}

static ch_status read_config(const char *file, const ch_yaml *root, ch_config *out, ch_error *err)
{
    ch_status st = ch_yaml_expect_map(root, err);
    if (st == CH_OK)
        st = read_path(file, root, "socket", ch_path_agent_socket(), &out->socket_path, err);
    if (st == CH_OK)
        st = read_path(file, root, "operator_socket", resolve(out->socket_path, "operator.sock"),
                       &out->operator_socket_path, err);
    if (st == CH_OK)
        st = read_path(file, root, "state", ch_strdup(CH_PATH_STATE), &out->state_folder, err);
    if (st == CH_OK)
        st = read_path(file, root, "profiles", ch_strdup(CH_PATH_PROFILES), &out->profiles_folder, err);
    if (st == CH_OK)
        st = read_path(file, root, "policy", resolve(file, "policy.yaml"), &out->policy_path, err);
    if (st == CH_OK)
        st = read_tokens(root, out, err);
    return st == CH_OK ? ch_yaml_check_known(root, err) : st;
}

ch_status ch_config_load(const char *path, ch_config *out, ch_error *err)
{
    ch_yaml_document *document = NULL;
    *out = (ch_config){0};
    ch_status st = ch_yaml_load(path, &document, err);
    if (st == CH_OK)
        st = read_config(path, ch_yaml_root(document), out, err);
    ch_yaml_free(document);
    return st;
}

void ch_config_free(ch_config *config)
{
    for (size_t i = 0; i < config->token_count; i++) {
        free(config->tokens[i].name);
        free(config->tokens[i].module);
        free(config->tokens[i].uri);
    }
    free(config->tokens);
    free(config->socket_path);
    free(config->operator_socket_path);
    free(config->state_folder);
    free(config->profiles_folder);
    free(config->policy_path);
    *config = (ch_config){0};
}

ch_policy_source ch_config_policy_source(const ch_config *config)
{
    return (ch_policy_source){.path = config->policy_path,
                              .profiles_folder = config->profiles_folder,
                              .tokens = config->token_names,
                              .token_count = config->token_count};
}

size_t ch_config_find_token(const ch_config *config, ch_slice name)
{
    size_t index = 0;
    while (index < config->token_count && !ch_slice_is(name, config->tokens[index].name))
        index++;
    return index;
}
