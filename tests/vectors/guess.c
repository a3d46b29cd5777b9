/* A client's params do not suit the endpoint, and the client added some and ordered them in its own way. So what the
 * agent would have been asked is guessed from both: the params, in the order in which they stand in the finished
 * request, the client's additions among them, and null for what the agent fills in. `vectors --convert` writes the
 * guess into the file, where people can read it; then nothing is guessed any more. */
#include "tests/vectors/vectors.h"

#include "base/encode.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PLACES_MAX 64

typedef struct place {
    const char *name;
    json_t *value; /* owned */
    size_t at;
} place;

typedef struct guess {
    const json_t *params; /* what the client was asked */
    place places[PLACES_MAX];
    size_t count;
} guess;

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
        if (at == text || strchr("&?\n", at[-1]) != NULL)
            return (size_t)(at - text);
    }
    return SIZE_MAX;
}

static void add_place(guess *to, const char *name, json_t *value, size_t at)
{
    if (to->count == PLACES_MAX)
        json_decref(value);
    else
        to->places[to->count++] = (place){name, value, at};
}

/* Overwrites what is known in a form with spaces, so that the client's additions are left. */
static void erase_known(char *text, const char *name, const char *value)
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

/* What the client added to a form by itself: recvWindow and the like, but not its signature. Writes into `form`. */
static void add_form_additions(guess *to, char *form)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)to->params, name, value)
        erase_known(form, name, json_is_string(value) ? json_string_value(value) : "");
    char *rest = form;
    for (char *pair; (pair = strsep(&rest, "&")) != NULL;) {
        char *equals = strchr(pair, '=');
        if (equals == NULL || *pair == ' ')
            continue;
        *equals = '\0';
        if (!is_signature_name(pair) && json_object_get(to->params, pair) == NULL)
            add_place(to, pair, json_string(equals + 1), (size_t)(pair - form));
    }
}

/* The same for a JSON body whose members are the params. */
static void add_json_additions(guess *to, json_t *body, const char *text)
{
    const char *first = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)to->params));
    if (first == NULL || json_object_get(body, first) == NULL)
        return;
    const char *name;
    json_t *value;
    json_object_foreach(body, name, value)
    {
        if (json_object_get(to->params, name) == NULL && !is_signature_name(name))
            add_place(to, name, json_incref(value), find_name(text, name));
    }
}

static int compare_places(const void *a, const void *b)
{
    size_t left = ((const place *)a)->at;
    size_t right = ((const place *)b)->at;
    return left < right ? -1 : left > right;
}

/* A parameter that stands in the path stands nowhere else. */
static bool stands_in_path(const json_t *vector, const char *name)
{
    ch_autobuffer part = CH_BUFFER_INIT;
    ch_buffer_add_format(&part, "{%s}", name);
    return strstr(text_of(vector, "path"), ch_buffer_text(&part)) != NULL;
}

/* Drops the params that the request does not show. Some requests hide them all (in a token, in base64); those keep
 * theirs, in their own order. */
static void drop_unseen(guess *to)
{
    size_t kept = 0;
    for (size_t i = 0; i < to->count; i++)
        kept += to->places[i].at != SIZE_MAX;
    if (kept == 0)
        return;
    kept = 0;
    for (size_t i = 0; i < to->count; i++) {
        if (to->places[i].at == SIZE_MAX)
            json_decref(to->places[i].value);
        else
            to->places[kept++] = to->places[i];
    }
    to->count = kept;
}

static void add_params(guess *to, const json_t *vector, const char *query, const char *body)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)to->params, name, value)
    {
        size_t at = find_name(query, name);
        if (!stands_in_path(vector, name))
            add_place(to, name, json_incref(value), at != SIZE_MAX ? at : find_name(body, name));
    }
    drop_unseen(to);
}

static json_t *in_order(guess *from, const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    json_t *out = json_object();
    if (json_is_array(from->params))
        json_object_set_new(out, "", json_incref((json_t *)(uintptr_t)from->params));
    qsort(from->places, from->count, sizeof *from->places, compare_places);
    for (size_t i = 0; i < from->count; i++) {
        const place *each = &from->places[i];
        bool is_agents = ch_endpoint_fills_in(endpoint, scheme, ch_slice_of(each->name));
        json_object_set_new(out, each->name, is_agents ? json_null() : json_incref(each->value));
        json_decref(each->value);
    }
    return out;
}

json_t *guess_params(const json_t *vector, const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    guess to = {.params = json_object_get(vector, "params")};
    const json_t *request = json_object_get(vector, "request");
    const char *question = strchr(text_of(request, "url"), '?');
    const char *body = text_of(request, "body");
    ch_autofree char *query = ch_strdup(question == NULL ? "" : question + 1);
    ch_autofree char *form = ch_strdup(strchr(body, '{') != NULL ? "" : body);
    json_t *json = json_loads(body, 0, NULL);
    add_params(&to, vector, query, body);
    add_form_additions(&to, query);
    add_form_additions(&to, form);
    add_json_additions(&to, json, body);
    json_t *out = in_order(&to, endpoint, scheme);
    json_decref(json);
    return out;
}
