#include "cli/relay_place.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/paths.h"
#include "conf/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNIX "unix:"
#define DEFAULT_ADDRESS "127.0.0.1"

/* ---- the relay's file ---- */

/* The text of that member; NULL if there is none. */
static ch_status read_text(const ch_yaml *map, const char *name, const char **out, ch_error *err)
{
    const ch_yaml *node = ch_yaml_get(map, name);
    *out = NULL;
    return node == NULL ? CH_OK : ch_yaml_text(node, out, err);
}

/* The same of a path, which is taken from the file's folder; the caller frees it. */
static ch_status read_path(const ch_yaml *map, const char *name, char **out, ch_error *err)
{
    const char *text = NULL;
    CH_TRY(read_text(map, name, &text, err));
    *out = text == NULL ? NULL : ch_path_beside(ch_yaml_path(map), text);
    return CH_OK;
}

static ch_status read_base(const ch_yaml *listener, ch_relay_place *out, ch_error *err)
{
    const char *address = NULL;
    const char *port = NULL;
    CH_TRY(read_text(listener, "address", &address, err));
    CH_TRY(read_text(listener, "port", &port, err));
    if (port == NULL && out->socket_path == NULL)
        return ch_yaml_fail(listener, err, "a listener needs a 'socket' or a 'port'");
    address = address == NULL ? DEFAULT_ADDRESS : address;
    bool is_v6 = strchr(address, ':') != NULL;
    ch_autobuffer base = CH_BUFFER_INIT;
    ch_buffer_add_text(&base, out->ca_path == NULL ? "http://" : "https://");
    if (out->socket_path != NULL)
        ch_buffer_add_text(&base, "localhost");
    else
        ch_buffer_add_format(&base, "%s%s%s:%s", is_v6 ? "[" : "", address, is_v6 ? "]" : "", port);
    out->base = ch_slice_strdup(ch_buffer_slice(&base));
    return CH_OK;
}

/* A listener's certificate is of its own making, so it is what it is checked by. */
static ch_status read_listener(const ch_yaml *listener, ch_relay_place *out, ch_error *err)
{
    CH_TRY(ch_yaml_expect_map(listener, err));
    CH_TRY(read_path(listener, "socket", &out->socket_path, err));
    CH_TRY(read_path(listener, "token", &out->token_path, err));
    CH_TRY(read_path(listener, "certificate", &out->ca_path, err));
    return read_base(listener, out, err);
}

static ch_status choose_listener(const ch_arguments *arguments, const ch_yaml *listeners, const ch_yaml **out,
                                 ch_error *err)
{
    const char *wanted = arguments->option[CH_OPT_CALLER];
    ch_autobuffer names = CH_BUFFER_INIT;
    *out = NULL;
    for (size_t i = 0; i < ch_yaml_count(listeners); i++) {
        const ch_yaml *listener = ch_yaml_item(listeners, i);
        const char *caller = NULL;
        CH_TRY(read_text(listener, "caller", &caller, err));
        caller = caller == NULL ? "" : caller;
        ch_buffer_add_format(&names, "%s%s", names.size == 0 ? "" : ", ", caller);
        if (*out == NULL && (wanted == NULL || strcmp(wanted, caller) == 0))
            *out = listener;
    }
    if (*out == NULL || (wanted == NULL && ch_yaml_count(listeners) > 1))
        return ch_fail(err, CH_NOT_FOUND, "whose relay? --caller names one of those in %s: %s", ch_yaml_path(listeners),
                       ch_buffer_text(&names));
    return CH_OK;
}

static ch_status read_file(const ch_arguments *arguments, const char *path, ch_relay_place *out, ch_error *err)
{
    ch_autoyaml *document = NULL;
    const ch_yaml *listeners = NULL;
    const ch_yaml *listener = NULL;
    CH_TRY(ch_yaml_load_any(path, &document, err));
    CH_TRY(ch_yaml_require(ch_yaml_root(document), "listeners", &listeners, err));
    CH_TRY(ch_yaml_expect_list(listeners, err));
    CH_TRY(choose_listener(arguments, listeners, &listener, err));
    return read_listener(listener, out, err);
}

/* ---- an address ---- */

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* A scheme, a host and a port, and nothing after them: token and key are added here. */
static ch_status read_address(const char *text, ch_relay_place *out, ch_error *err)
{
    const char *host = strstr(text, "://") + 3;
    size_t size = strcspn(host, "/?#@ ");
    bool is_bare = host[size] == '\0' || (host[size] == '/' && host[size + 1] == '\0');
    if (size == 0 || !is_bare)
        return ch_fail(
            err, CH_BAD_INPUT,
            "--relay takes an address without token and key, as in http://127.0.0.1:8801; --token-file names "
            "the file of the token");
    out->base = ch_slice_strdup((ch_slice){(const uint8_t *)text, (size_t)(host - text) + size});
    return CH_OK;
}

static ch_status read_place(const ch_arguments *arguments, ch_relay_place *out, ch_error *err)
{
    const char *relay = ch_option_relay(arguments);
    if (relay == NULL && access(CH_PATH_RELAY, R_OK) != 0)
        return ch_fail(err, CH_NOT_FOUND,
                       "where is the relay? %s cannot be read here, so give its address with --relay (or "
                       "CHANCERY_RELAY), as in http://127.0.0.1:8801 or unix:/run/chancery-relay/bot.sock",
                       CH_PATH_RELAY);
    if (relay == NULL)
        return read_file(arguments, CH_PATH_RELAY, out, err);
    if (begins(relay, "http://") || begins(relay, "https://"))
        return read_address(relay, out, err);
    if (!begins(relay, UNIX))
        return read_file(arguments, relay, out, err);
    out->base = ch_strdup("http://localhost");
    out->socket_path = ch_strdup(relay + strlen(UNIX));
    return CH_OK;
}

static void replace(char **text, const char *by)
{
    if (by == NULL)
        return;
    free(*text);
    *text = ch_strdup(by);
}

ch_status ch_relay_place_find(const ch_arguments *arguments, ch_relay_place *out, ch_error *err)
{
    *out = (ch_relay_place){0};
    CH_TRY(read_place(arguments, out, err));
    replace(&out->token_path, arguments->option[CH_OPT_TOKEN_FILE]);
    replace(&out->ca_path, arguments->option[CH_OPT_CA]);
    return CH_OK;
}

void ch_relay_place_free(ch_relay_place *place)
{
    free(place->base);
    free(place->socket_path);
    free(place->token_path);
    free(place->ca_path);
    *place = (ch_relay_place){0};
}
