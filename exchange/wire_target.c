/* Hosts are compared with those of the key's environment, and only the others are looked up, for the message. */
#include "exchange/wire_impl.h"

#include "exchange/environments_impl.h"
#include "exchange/match.h"

#include <string.h>

/* ---- the URL ---- */

static ch_slice without_port(ch_slice host)
{
    static const char port[] = ":443";
    size_t size = sizeof port - 1;
    if (host.size > size && ch_slice_is(ch_slice_after(host, host.size - size), port))
        host.size -= size;
    return host;
}

/* Takes "https://host" off `url`. Another scheme, a user and a port are refused. */
static ch_status take_host(ch_slice *url, ch_slice *host, ch_error *err)
{
    static const char scheme[] = "https://";
    size_t size = sizeof scheme - 1;
    if (url->size < size || strncasecmp((const char *)url->data, scheme, size) != 0)
        return ch_fail(err, CH_BAD_INPUT, "the URL must begin with https://, or be a path");
    ch_slice rest = ch_slice_after(*url, size);
    size_t end = 0;
    while (end < rest.size && (ch_byte_is_alphanumeric(rest.data[end]) || strchr("-.:", rest.data[end]) != NULL))
        end++;
    if (end < rest.size && rest.data[end] != '/' && rest.data[end] != '?')
        return ch_fail(err, CH_BAD_INPUT, "the URL must have a plain host, as in https://api.example.com/path");
    *host = without_port((ch_slice){rest.data, end});
    *url = ch_slice_after(rest, end);
    return CH_OK;
}

static ch_status split_url(ch_wire *wire, ch_slice *host)
{
    ch_slice url = wire->request->url;
    *host = (ch_slice){NULL, 0};
    if (url.size == 0 || url.data[0] != '/')
        CH_TRY(take_host(&url, host, wire->err));
    if (ch_slice_find(url, '#') != NULL)
        return ch_fail(wire->err, CH_BAD_INPUT, "the URL has a fragment, which no request has");
    const uint8_t *mark = ch_slice_find(url, '?');
    size_t size = mark == NULL ? url.size : (size_t)(mark - url.data);
    wire->out->request.path = (ch_slice){url.data, size};
    wire->query = ch_slice_after(url, mark == NULL ? size : size + 1);
    return size > 0 ? CH_OK : ch_fail(wire->err, CH_BAD_INPUT, "the URL has no path");
}

/* ---- the host ---- */

static const ch_origin *find_host(const ch_environment *environment, ch_slice host)
{
    for (size_t i = 0; i < environment->profile->origin_count; i++) {
        const ch_origin *origin = &environment->origins[i];
        if (origin->url != NULL && ch_slice_equal_case(origin->host, host))
            return origin;
    }
    return NULL;
}

static const ch_origin *find_origin(const ch_environment *environment, ch_slice name)
{
    const ch_profile *profile = environment->profile;
    for (size_t i = 0; i < profile->origin_count; i++) {
        if (ch_slice_is(name, profile->origins[i].name) && environment->origins[i].url != NULL)
            return &environment->origins[i];
    }
    return NULL;
}

/* CH_BAD_INPUT if the host is one of another environment, and none of this one. */
static ch_status check_environment(const ch_environment *environment, ch_slice host, ch_error *err)
{
    const ch_profile *profile = environment->profile;
    for (size_t i = 0; i < profile->environment_count && find_host(environment, host) == NULL; i++) {
        const ch_environment *other = &profile->environments[i];
        if (find_host(other, host) != NULL)
            return ch_fail(
                err, CH_BAD_INPUT,
                "host '%.*s' is of environment '%s', and the key is of '%s'; set the SDK to that, or give the "
                "key its 'environment' in the policy",
                CH_SLICE_ARGS(host), other->name, environment->name);
    }
    return CH_OK;
}

static ch_status fail_host(const ch_environment *environment, ch_slice host, ch_error *err)
{
    CH_TRY(check_environment(environment, host, err));
    return ch_fail(err, CH_BAD_INPUT, "profile '%s' has no host '%.*s'", environment->profile->name,
                   CH_SLICE_ARGS(host));
}

ch_status ch_wire_check_host(const ch_wire *wire, ch_slice host)
{
    return check_environment(wire->input->environment, without_port(host), wire->err);
}

/* The host that the request names, by URL or origin; empty: neither. */
static ch_status find_named_host(const ch_wire *wire, ch_slice host, ch_slice *out)
{
    const ch_environment *environment = wire->input->environment;
    const ch_origin *of_host = host.size == 0 ? NULL : find_host(environment, host);
    ch_slice name = wire->request->origin;
    const ch_origin *of_name = name.size == 0 ? NULL : find_origin(environment, name);
    *out = CH_LITERAL("");
    if (host.size > 0 && of_host == NULL)
        return fail_host(environment, host, wire->err);
    if (name.size > 0 && of_name == NULL)
        return ch_fail(wire->err, CH_BAD_INPUT, "profile '%s' has no origin '%.*s' in environment '%s'",
                       environment->profile->name, CH_SLICE_ARGS(name), environment->name);
    if (of_host != NULL && of_name != NULL && !ch_slice_equal(of_host->host, of_name->host))
        return ch_fail(wire->err, CH_BAD_INPUT, "host '%.*s' is not that of origin '%.*s'", CH_SLICE_ARGS(host),
                       CH_SLICE_ARGS(name));
    if (of_host != NULL || of_name != NULL)
        *out = of_host != NULL ? of_host->host : of_name->host;
    return CH_OK;
}

ch_status ch_wire_locate(ch_wire *wire)
{
    ch_request *request = &wire->out->request;
    ch_slice host;
    *request = (ch_request){.method = wire->request->method, .params = wire->out->params};
    CH_TRY(split_url(wire, &host));
    return find_named_host(wire, host, &request->host);
}

ch_status ch_wire_find_target(ch_wire *wire)
{
    ch_request *request = &wire->out->request;
    ch_status st = ch_environment_match(wire->input->environment, request, &wire->out->endpoint, wire->err);
    if (st == CH_BAD_INPUT)
        return ch_fail(wire->err, CH_BAD_INPUT,
                       "profile '%s' has this path at several hosts, and the URL names none; name the origin",
                       wire->input->profile->name);
    if (st != CH_OK)
        return st;
    if (ch_slice_is(request->method, "WS"))
        return ch_fail(wire->err, CH_BAD_METHOD, "a message on a socket is no request over HTTP");
    request->host = ch_environment_host(wire->input->environment, wire->out->endpoint);
    return CH_OK;
}
