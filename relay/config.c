/* Defaults are set before a table is read. What depends on several fields of a listener is checked after all of them.
 */
#include "relay/config.h"

#include "base/memory.h"
#include "base/names.h"
#include "base/users.h"
#include "conf/fields.h"

#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define CA_PATH "/etc/ssl/certs/ca-certificates.crt"
#define AGENT_SOCKET "/run/chancery/relay.sock"
#define SOCKET_MODE 0660
#define HOST_MAX 253 /* RFC 1035 */

/* ---- words ---- */

static ch_status check_caller(const char *text, ch_error *err)
{
    return ch_is_name(ch_slice_of(text)) ? CH_OK : ch_fail(err, CH_BAD_INPUT, "'%s' cannot be a caller's name", text);
}

static ch_status check_loopback(const char *text, ch_error *err)
{
    if (strcmp(text, "127.0.0.1") == 0 || strcmp(text, "::1") == 0)
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT, "'%s' is not 127.0.0.1 or ::1; a relay listens on loopback only", text);
}

static bool is_host(const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        if (!ch_byte_is_alphanumeric((uint8_t)text[i]) && text[i] != '.' && text[i] != '-')
            return false;
    }
    return size > 0 && size <= HOST_MAX && text[0] != '.' && text[0] != '-';
}

static ch_status check_host(const char *text, ch_error *err)
{
    return is_host(text) ? CH_OK : ch_fail(err, CH_BAD_INPUT, "'%s' is not the name of a host", text);
}

static ch_status check_port(const char *text, ch_error *err)
{
    size_t digits = ch_slice_count_digits(ch_slice_of(text));
    unsigned long port = strtoul(text, NULL, 10);
    if (digits == 0 || text[digits] != '\0' || digits > 5 || port == 0 || port > UINT16_MAX)
        return ch_fail(err, CH_BAD_INPUT, "'%s' is not a port from 1 to 65535", text);
    return CH_OK;
}

/* "NAME:PORT", "1.2.3.4:PORT" or "[::1]:PORT" */
static ch_status check_destination(const char *text, ch_error *err)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return ch_fail(err, CH_BAD_INPUT, "'%s' has no port; write ADDRESS:PORT", text);
    CH_TRY(check_port(colon + 1, err));
    ch_autofree char *host = ch_slice_strdup((ch_slice){(const uint8_t *)text, (size_t)(colon - text)});
    size_t size = strlen(host);
    if (host[0] == '[' && host[size - 1] == ']') {
        struct in6_addr address;
        host[size - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &address) == 1)
            return CH_OK;
    }
    return check_host(host, err);
}

/* ---- listeners ---- */

static ch_status read_owner(const ch_value *value, ch_error *err)
{
    const char *name = NULL;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    return ch_user_find(name, value->out, err) == CH_OK ? CH_OK
                                                        : ch_yaml_fail(value->node, err, "there is no user '%s'", name);
}

static ch_status read_group(const ch_value *value, ch_error *err)
{
    const char *name = NULL;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    return ch_group_find(name, value->out, err) == CH_OK
               ? CH_OK
               : ch_yaml_fail(value->node, err, "there is no group '%s'", name);
}

/* Octal, as chmod takes it; who may write may connect. */
static ch_status read_mode(const ch_value *value, ch_error *err)
{
    const char *text = NULL;
    char *end;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    unsigned long mode = strtoul(text, &end, 8);
    if (*text < '0' || *text > '7' || *end != '\0' || mode > 0777)
        return ch_yaml_fail(value->node, err, "'%s' is not a mode such as 0660", text);
    *(uint32_t *)value->out = (uint32_t)mode;
    return CH_OK;
}

static ch_status read_host(const ch_value *value, ch_error *err)
{
    const char *text = NULL;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    *(char **)value->out = ch_strdup(text);
    return is_host(text) ? CH_OK : ch_yaml_fail(value->node, err, "'%s' is not the name of a host", text);
}

static const ch_entries hosts = {
    "host", CH_YAML_LIST, 1, 16, {.read = read_host, .size = sizeof(char *)}
};

static ch_status read_hosts(const ch_value *value, ch_error *err)
{
    ch_listener_config *listener = value->out;
    listener->hosts = ch_alloc(ch_yaml_count(value->node) * sizeof *listener->hosts);
    return ch_entries_read(value->node, &hosts, listener->hosts, &listener->host_count, NULL, err);
}

static bool is_unix(const void *out)
{
    return ((const ch_listener_config *)out)->socket_path != NULL;
}

static bool is_tcp(const void *out)
{
    return !is_unix(out);
}

/* clang-format off */
static const ch_field listener_fields[] = {
    /* name           required  reader           where                                                bounds, check */
    { "caller",       true,     ch_field_text,   CH_MEMBER(ch_listener_config, caller),               .check = check_caller },
    { "socket",       false,    ch_field_path,   CH_MEMBER(ch_listener_config, socket_path) },
    { "owner",        false,    read_owner,      CH_MEMBER(ch_listener_config, owner),                .only_if = is_unix },
    { "group",        false,    read_group,      CH_MEMBER(ch_listener_config, group),                .only_if = is_unix },
    { "mode",         false,    read_mode,       CH_MEMBER(ch_listener_config, mode),                 .only_if = is_unix },
    { "address",      false,    ch_field_text,   CH_MEMBER(ch_listener_config, address),              .check = check_loopback, .only_if = is_tcp },
    { "port",         false,    ch_field_uint,   CH_MEMBER(ch_listener_config, port),                 .min = 1, .only_if = is_tcp },
    { "token",        false,    ch_field_path,   CH_MEMBER(ch_listener_config, token_path),           .only_if = is_tcp },
    { "hosts",        false,    read_hosts,      CH_WHOLE,                                            .only_if = is_tcp },
    { "certificate",  false,    ch_field_path,   CH_MEMBER(ch_listener_config, certificate_path) },
    { "key",          false,    ch_field_path,   CH_MEMBER(ch_listener_config, key_path) },
};
/* clang-format on */

static ch_status check_listener(const ch_listener_config *listener, const ch_yaml *node, ch_error *err)
{
    if (listener->socket_path == NULL && listener->port == 0)
        return ch_yaml_fail(node, err, "a listener needs a 'socket', or a 'port' with a 'token'");
    if (listener->socket_path == NULL && listener->token_path == NULL)
        return ch_yaml_fail(node, err, "everybody on this machine can connect to a port; name the file of its 'token'");
    if ((listener->certificate_path == NULL) != (listener->key_path == NULL))
        return ch_yaml_fail(node, err, "'certificate' and 'key' belong together");
    return CH_OK;
}

static ch_status read_listener(const ch_value *value, ch_error *err)
{
    ch_listener_config *listener = value->out;
    *listener = (ch_listener_config){
        .owner = (uid_t)-1, .group = (gid_t)-1, .mode = SOCKET_MODE, .address = ch_strdup("127.0.0.1")};
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(listener_fields), listener, NULL, err));
    return check_listener(listener, value->node, err);
}

static const ch_entries listeners = {
    "listener", CH_YAML_LIST, 1, CH_LISTENERS_MAX, {.read = read_listener, .size = sizeof(ch_listener_config)}
};

/* Two of one address could not both be opened. */
static bool is_same_address(const ch_listener_config *a, const ch_listener_config *b)
{
    if (a->socket_path != NULL || b->socket_path != NULL)
        return a->socket_path != NULL && b->socket_path != NULL && strcmp(a->socket_path, b->socket_path) == 0;
    return a->port == b->port && strcmp(a->address, b->address) == 0;
}

static ch_status read_listeners(const ch_value *value, ch_error *err)
{
    ch_relay_config *config = value->out;
    config->listeners = ch_alloc(ch_yaml_count(value->node) * sizeof *config->listeners);
    CH_TRY(ch_entries_read(value->node, &listeners, config->listeners, &config->listener_count, NULL, err));
    for (size_t i = 0; i < config->listener_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (is_same_address(&config->listeners[i], &config->listeners[j]))
                return ch_yaml_fail(ch_yaml_item(value->node, i), err, "another listener has the same address");
        }
    }
    return CH_OK;
}

/* ---- routes ---- */

/* clang-format off */
static const ch_field route_fields[] = {
    /* name                 required  reader          where                                         check */
    { "to",                 false,    ch_field_text,  CH_MEMBER(ch_route_config, to),               .check = check_destination },
    { "private_addresses",  false,    ch_field_bool,  CH_MEMBER(ch_route_config, may_be_private) },
};
/* clang-format on */

/* An address that stands here in digits is meant, whichever it is. */
static bool is_literal(const char *to)
{
    struct in_addr address;
    ch_autofree char *host = ch_strdup(to);
    *strrchr(host, ':') = '\0';
    return host[0] == '[' || inet_pton(AF_INET, host, &address) == 1;
}

static ch_status read_route(const ch_value *value, ch_error *err)
{
    ch_route_config *route = value->out;
    route->host = ch_strdup(value->name);
    if (check_host(value->name, err) != CH_OK)
        return ch_yaml_fail(value->node, err, "'%s' is not the name of a host", value->name);
    if (ch_yaml_kind_of(value->node) == CH_YAML_MAP) {
        CH_TRY(ch_fields_read(value->node, CH_FIELDS(route_fields), route, NULL, err));
    } else {
        const char *to = NULL;
        ch_error why = CH_ERROR_INIT;
        CH_TRY(ch_yaml_text(value->node, &to, err));
        route->to = ch_strdup(to);
        if (check_destination(to, &why) != CH_OK)
            return ch_yaml_fail(value->node, err, "%s", why.message);
    }
    route->may_be_private = route->may_be_private || (route->to != NULL && is_literal(route->to));
    return CH_OK;
}

static const ch_entries routes = {
    "route", CH_YAML_MAP, 0, CH_ROUTES_MAX, {.read = read_route, .size = sizeof(ch_route_config)}
};

static ch_status read_routes(const ch_value *value, ch_error *err)
{
    ch_relay_config *config = value->out;
    config->routes = ch_alloc(ch_yaml_count(value->node) * sizeof *config->routes);
    return ch_entries_read(value->node, &routes, config->routes, &config->route_count, NULL, err);
}

/* ---- the file ---- */

/* clang-format off */
static const ch_field time_fields[] = {
    /* name           required  reader          where                                 bounds */
    { "connect_s",    false,    ch_field_uint,  CH_MEMBER(ch_relay_times, connect),   .min = 1, .max = 60 },
    { "answer_s",     false,    ch_field_uint,  CH_MEMBER(ch_relay_times, answer),    .min = 1, .max = 600 },
    { "transfer_s",   false,    ch_field_uint,  CH_MEMBER(ch_relay_times, transfer),  .min = 1, .max = 3600 },
    { "turn_s",       false,    ch_field_uint,  CH_MEMBER(ch_relay_times, turn),      .min = 1, .max = 600 },
    { "agent_s",      false,    ch_field_uint,  CH_MEMBER(ch_relay_times, agent),     .min = 1, .max = 600 },
    { "head_s",       false,    ch_field_uint,  CH_MEMBER(ch_relay_times, head),      .min = 1, .max = 60 },
    { "body_s",       false,    ch_field_uint,  CH_MEMBER(ch_relay_times, body),      .min = 1, .max = 60 },
    { "stalled_s",    false,    ch_field_uint,  CH_MEMBER(ch_relay_times, stalled),   .min = 1, .max = 600 },
    { "idle_s",       false,    ch_field_uint,  CH_MEMBER(ch_relay_times, idle),      .min = 1, .max = 3600 },
    { "stop_s",       false,    ch_field_uint,  CH_MEMBER(ch_relay_times, stop),      .min = 1, .max = 600 },
};
/* clang-format on */

static ch_status read_times(const ch_value *value, ch_error *err)
{
    return ch_fields_read(value->node, CH_FIELDS(time_fields), value->out, NULL, err);
}

/* clang-format off */
static const ch_field fields[] = {
    /* name         required  reader           where                                        bounds */
    { "agent",      false,    ch_field_path,   CH_MEMBER(ch_relay_config, agent_socket) },
    { "ca",         false,    ch_field_path,   CH_MEMBER(ch_relay_config, ca_path) },
    { "listeners",  true,     read_listeners,  CH_WHOLE },
    { "routes",     false,    read_routes,     CH_WHOLE },
    { "times",      false,    read_times,      CH_MEMBER(ch_relay_config, times) },
    { "http2",      false,    ch_field_bool,   CH_MEMBER(ch_relay_config, may_use_http2) },
    { "answer_mib", false,    ch_field_uint,   CH_MEMBER(ch_relay_config, answer_mib),      .min = 1, .max = 4096 },
};
/* clang-format on */

ch_status ch_relay_config_load(const char *path, ch_relay_config *out, ch_error *err)
{
    ch_autoyaml *document = NULL;
    *out = (ch_relay_config){
        .agent_socket = ch_strdup(AGENT_SOCKET),
        .ca_path = ch_strdup(CA_PATH),
        .answer_mib = 64,
        .times = {.connect = 5,
                  .answer = 20,
                  .transfer = 300,
                  .turn = 30,
                  .agent = 15,
                  .head = 10,
                  .body = 15,
                  .stalled = 30,
                  .idle = 120,
                  .stop = 30}
    };
    CH_TRY(ch_yaml_load(path, &document, err));
    return ch_fields_read(ch_yaml_root(document), CH_FIELDS(fields), out, NULL, err);
}

void ch_relay_config_free(ch_relay_config *config)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        ch_listener_config *listener = &config->listeners[i];
        for (size_t j = 0; j < listener->host_count; j++)
            free(listener->hosts[j]);
        free(listener->hosts);
        free(listener->caller);
        free(listener->socket_path);
        free(listener->address);
        free(listener->token_path);
        free(listener->certificate_path);
        free(listener->key_path);
    }
    for (size_t i = 0; i < config->route_count; i++) {
        free(config->routes[i].host);
        free(config->routes[i].to);
    }
    free(config->listeners);
    free(config->routes);
    free(config->agent_socket);
    free(config->ca_path);
    *config = (ch_relay_config){0};
}

const ch_route_config *ch_relay_route(const ch_relay_config *config, ch_slice host)
{
    for (size_t i = 0; i < config->route_count; i++) {
        const ch_route_config *route = &config->routes[i];
        if (ch_slice_equal_case(ch_slice_of(route->host), host))
            return route;
    }
    return NULL;
}
