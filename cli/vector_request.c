/* A vector's params do not suit its endpoint, and its client may have added some and ordered them in its own way. So
 * what the agent would have been asked is worked out from both: the params, in the order in which they stand in the
 * finished request, the client's additions among them, and null for what the agent fills in. */
#include "cli/vector_request.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "cli/jansson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAMES_MAX 64

typedef struct place {
    const char *name;
    const json_t *value; /* NULL: the agent's, or `text` */
    char *text;
    size_t at;
} place;

/* Where `name` begins in a query, a form or JSON; SIZE_MAX if nowhere. */
static size_t find_name(const char *text, const char *name)
{
    ch_autobuffer json = CH_BUFFER_INIT;
    ch_autobuffer form = CH_BUFFER_INIT;
    ch_buffer_add_format(&json, "\"%s\":", name);
    ch_buffer_add_format(&form, "%s=", name);
    const char *at = strstr(text, ch_buffer_text(&json));
    if (at != NULL)
        return (size_t)(at - text);
    for (at = text; (at = strstr(at, ch_buffer_text(&form))) != NULL; at++) {
        if (at == text || at[-1] == '&' || at[-1] == '?' || at[-1] == '\n')
            return (size_t)(at - text);
    }
    return SIZE_MAX;
}

static void add_place(place *places, size_t *count, const char *name, const json_t *value, char *text, size_t at)
{
    if (*count == NAMES_MAX) {
        free(text);
        return;
    }
    places[(*count)++] = (place){name, value, text, at};
}

/* Blanks out what is known in a form, so that the client's additions are left. */
static void blank_known(char *text, const char *name, const char *value)
{
    size_t at = find_name(text, name);
    if (at == SIZE_MAX)
        return;
    ch_autobuffer encoded = CH_BUFFER_INIT;
    ch_encode_percent(&encoded, ch_slice_of(value), "");
    const char *const spellings[] = {value, ch_buffer_text(&encoded)};
    size_t begin = at + strlen(name) + 1;
    for (size_t i = 0; i < 2; i++) {
        size_t size = strlen(spellings[i]);
        if (strncmp(text + begin, spellings[i], size) == 0 &&
            (text[begin + size] == '&' || text[begin + size] == '\0')) {
            memset(text + at, ' ', begin + size - at);
            return;
        }
    }
}

static bool is_signature_name(const char *name)
{
    return strcasecmp(name, "signature") == 0 || strcasecmp(name, "sign") == 0 || strcasecmp(name, "sig") == 0;
}

/* What the client added to a form by itself: recvWindow and the like. A signature is none of it. */
static void find_additions(char *form, const json_t *vector, place *places, size_t *count)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(vector, "params"), name, value)
        blank_known(form, name, json_is_string(value) ? json_string_value(value) : "");
    char *rest = form;
    for (char *pair; (pair = strsep(&rest, "&")) != NULL;) {
        char *equals = strchr(pair, '=');
        if (equals == NULL || *pair == ' ')
            continue;
        *equals = '\0';
        if (!is_signature_name(pair) && json_object_get(json_object_get(vector, "params"), pair) == NULL)
            add_place(places, count, pair, NULL, ch_strdup(equals + 1), (size_t)(pair - form));
    }
}

/* The same of a JSON body whose members are the params. */
static void find_json_additions(const json_t *body, const char *text, const json_t *vector, place *places,
                                size_t *count)
{
    const char *name;
    json_t *value;
    json_t *params = json_object_get(vector, "params");
    const char *first = json_object_iter_key(json_object_iter(params));
    if (first == NULL || json_object_get(body, first) == NULL)
        return;
    json_object_foreach((json_t *)(uintptr_t)body, name, value)
    {
        if (json_object_get(params, name) == NULL && !is_signature_name(name))
            add_place(places, count, name, value, NULL, find_name(text, name));
    }
}

static int compare_places(const void *a, const void *b)
{
    size_t left = ((const place *)a)->at;
    size_t right = ((const place *)b)->at;
    return left < right ? -1 : left > right;
}

static ch_slice own(ch_asked *out, const char *text)
{
    if (out->owned_count == CH_ASKED_TEXTS_MAX)
        return (ch_slice){NULL, 0};
    return ch_slice_of(out->owned[out->owned_count++] = ch_strdup(text));
}

static void add_entry(ch_asked *out, ch_param_kind kind, const char *name, const char *text)
{
    if (out->count < CH_PARAMS_MAX)
        out->params[out->count++] = (ch_param){.kind = kind, .name = own(out, name), .value = own(out, text)};
}

/* Calls itself once a level of the file's own JSON, whose depth jansson bounds. */
static void add_value(ch_asked *out, const char *name, const json_t *value, const char *text)
{
    char digits[32];
    switch (value == NULL ? JSON_STRING : json_typeof(value)) {
    case JSON_INTEGER:
        (void)snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        add_entry(out, CH_PARAM_INTEGER, name, digits);
        break;
    case JSON_REAL:
        (void)snprintf(digits, sizeof digits, "%.15g", json_real_value(value));
        add_entry(out, CH_PARAM_INTEGER, name, digits); /* bare, as it stands in the vector */
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        add_entry(out, CH_PARAM_BOOLEAN, name, json_is_true(value) ? "true" : "false");
        break;
    case JSON_ARRAY:
        add_entry(out, CH_PARAM_LIST, name, "");
        for (size_t i = 0; i < json_array_size(value); i++)
            add_value(out, "", json_array_get(value, i), "");
        add_entry(out, CH_PARAM_END, "", "");
        break;
    case JSON_OBJECT:
        add_entry(out, CH_PARAM_OBJECT, name, "");
        for (void *at = json_object_iter((json_t *)(uintptr_t)value); at != NULL;
             at = json_object_iter_next((json_t *)(uintptr_t)value, at))
            add_value(out, json_object_iter_key(at), json_object_iter_value(at), "");
        add_entry(out, CH_PARAM_END, "", "");
        break;
    case JSON_STRING:
        add_entry(out, CH_PARAM_TEXT, name, value != NULL ? json_string_value(value) : text);
        break;
    default:
        break;
    }
}

void ch_asked_free(ch_asked *out)
{
    for (size_t i = 0; i < out->owned_count; i++)
        free(out->owned[i]);
}

/* A parameter that stands in the path is none of the list. */
static bool stands_in_path(const json_t *vector, const char *name)
{
    ch_autobuffer part = CH_BUFFER_INIT;
    ch_buffer_add_format(&part, "{%s}", name);
    return strstr(ch_jansson_member(vector, "path"), ch_buffer_text(&part)) != NULL;
}

static size_t find_places(const json_t *vector, const char *query, const char *body, place *places)
{
    size_t count = 0;
    size_t found = 0;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(vector, "params"), name, value)
    {
        if (stands_in_path(vector, name))
            continue;
        size_t at = find_name(query, name);
        at = at != SIZE_MAX ? at : find_name(body, name);
        found += at != SIZE_MAX;
        add_place(places, &count, name, value, NULL, at);
    }
    /* Some requests hide them all (in a token, in base64); then they are taken in their own order. */
    if (found > 0) {
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
            if (places[i].at != SIZE_MAX)
                places[kept++] = places[i];
        }
        count = kept;
    }
    return count;
}

void ch_vector_ask(const json_t *vector, const ch_endpoint *endpoint, const ch_scheme *scheme, ch_asked *out)
{
    const json_t *request = json_object_get(vector, "request");
    const char *question = strchr(ch_jansson_member(request, "url"), '?');
    const char *body = ch_jansson_member(request, "body");
    ch_autofree char *query = ch_strdup(question == NULL ? "" : question + 1);
    ch_autofree char *form = ch_strdup(strchr(body, '{') != NULL ? "" : body);
    place places[NAMES_MAX];
    size_t count = find_places(vector, query, body, places);
    json_t *json = json_loads(body, 0, NULL);
    find_additions(query, vector, places, &count);
    find_additions(form, vector, places, &count);
    find_json_additions(json, body, vector, places, &count);
    qsort(places, count, sizeof *places, compare_places);
    out->count = 0;
    out->owned_count = 0;
    if (json_is_array(json_object_get(vector, "params")))
        add_value(out, "", json_object_get(vector, "params"), "");
    for (size_t i = 0; i < count; i++) {
        if (ch_endpoint_fills_in(endpoint, scheme, ch_slice_of(places[i].name))) {
            add_entry(out, CH_PARAM_PLACEHOLDER, places[i].name, "");
        } else {
            add_value(out, places[i].name, places[i].value, places[i].text);
        }
        free(places[i].text);
    }
    json_decref(json);
}
