/* The request that the agent would have been asked for, so that it makes the client's. */
#include "tests/vectors/vectors.h"

#include "base/memory.h"
#include "exchange/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- parameters ---- */

static ch_slice own(asked *out, const char *text)
{
    if (out->owned_count == CH_PARAMS_MAX)
        return (ch_slice){NULL, 0};
    out->owned[out->owned_count] = ch_strdup(text);
    return ch_slice_of(out->owned[out->owned_count++]);
}

static void add_entry(asked *out, ch_param_kind kind, const char *name, ch_slice value)
{
    if (out->count < CH_PARAMS_MAX)
        out->params[out->count++] = (ch_param){.kind = kind, .name = ch_slice_of(name), .value = value};
}

static void add_number(asked *out, const char *name, const json_t *value)
{
    char digits[32];
    if (json_is_integer(value))
        snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        snprintf(digits, sizeof digits, "%.15g", json_real_value(value));
    add_entry(out, CH_PARAM_INTEGER, name, own(out, digits));
}

static void add_value(asked *out, const char *name, const json_t *value);

static void add_held(asked *out, const char *name, const json_t *value)
{
    add_entry(out, json_is_array(value) ? CH_PARAM_LIST : CH_PARAM_OBJECT, name, CH_LITERAL(""));
    for (size_t i = 0; i < json_array_size(value); i++)
        add_value(out, "", json_array_get(value, i));
    json_t *object = (json_t *)(uintptr_t)value;
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at))
        add_value(out, json_object_iter_key(at), json_object_iter_value(at));
    add_entry(out, CH_PARAM_END, "", CH_LITERAL(""));
}

/* Calls itself once for each level of the file's JSON, whose depth jansson bounds. */
static void add_value(asked *out, const char *name, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_INTEGER:
    case JSON_REAL:
        add_number(out, name, value);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        add_entry(out, CH_PARAM_BOOLEAN, name, ch_slice_of(json_is_true(value) ? "true" : "false"));
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        add_held(out, name, value);
        break;
    case JSON_STRING:
        add_entry(out, CH_PARAM_TEXT, name, ch_slice_of(json_string_value(value)));
        break;
    default:
        add_entry(out, CH_PARAM_PLACEHOLDER, name, CH_LITERAL(""));
        break;
    }
}

void asked_read(const json_t *params, asked *out)
{
    out->count = 0;
    out->owned_count = 0;
    json_t *object = (json_t *)(uintptr_t)params;
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at))
        add_value(out, json_object_iter_key(at), json_object_iter_value(at));
}

void asked_free(asked *out)
{
    for (size_t i = 0; i < out->owned_count; i++)
        free(out->owned[i]);
}

/* ---- the endpoint ---- */

static size_t common_prefix(const char *text, ch_slice other)
{
    size_t size = 0;
    while (size < other.size && text[size] == (char)other.data[size])
        size++;
    return size;
}

static bool is_at(const ch_environment *environment, const ch_endpoint *endpoint, const target *wanted)
{
    return ch_slice_is(wanted->method, ch_endpoint_method(endpoint)) && ch_environment_has(environment, endpoint) &&
           ch_slice_equal(ch_environment_host(environment, endpoint), wanted->host);
}

static const ch_endpoint *nearest(const ch_environment *environment, const ch_profile *profile, const target *wanted)
{
    const ch_endpoint *best = NULL;
    size_t best_likeness = 0;
    const ch_endpoint *endpoint;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++) {
        size_t likeness = 1 + common_prefix(ch_endpoint_path(endpoint), wanted->path);
        if (is_at(environment, endpoint, wanted) && likeness > best_likeness) {
            best = endpoint;
            best_likeness = likeness;
        }
    }
    return best;
}

/* Host and path as "asked" names them, else as the URL does. */
static bool read_place(const json_t *vector, target *out)
{
    const json_t *named = json_object_get(vector, "asked");
    const char *host = strstr(text_of(json_object_get(vector, "request"), "url"), "://");
    const char *path = host == NULL ? NULL : strchr(host + 3, '/');
    out->method = ch_slice_of(text_of(vector, "method"));
    if (named != NULL) {
        out->host = ch_slice_of(text_of(named, "host"));
        out->path = ch_slice_of(text_of(named, "path"));
    } else if (path != NULL) {
        out->host = (ch_slice){(const uint8_t *)host + 3, (size_t)(path - host - 3)};
        out->path = (ch_slice){(const uint8_t *)path, strcspn(path, "?")};
    }
    return named != NULL || path != NULL;
}

ch_status target_find(const ch_profile *profile, const ch_environment *environment, const json_t *vector, target *out,
                      ch_error *err)
{
    *out = (target){.is_listed = false};
    if (!read_place(vector, out))
        return ch_fail(err, CH_BAD_INPUT, "the vector's request has no URL");
    const ch_request request = {.method = out->method, .host = out->host, .path = out->path};
    ch_error reason = CH_ERROR_INIT;
    out->is_listed = ch_environment_match(environment, &request, &out->endpoint, &reason) == CH_OK;
    if (!out->is_listed)
        out->endpoint = nearest(environment, profile, out);
    if (out->endpoint == NULL)
        return ch_fail(err, CH_NOT_FOUND, "the profile has no %.*s at %.*s", CH_SLICE_ARGS(out->method),
                       CH_SLICE_ARGS(out->host));
    return CH_OK;
}
