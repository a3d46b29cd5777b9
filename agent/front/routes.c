#include "agent/front/routes.h"

#include "base/names.h"

#include <string.h>

/* clang-format off */
static const ch_route routes[] = {
    /* method    path                 part           suffix      question           takes query */
    { "POST",    "/v1/keys/",         CH_PART_NAME,  "/sign",    CH_ASK_SIGN,       false },
    { "POST",    "/v1/keys/",         CH_PART_NAME,  "/check",   CH_ASK_CHECK,      false },
    { "GET",     "/v1/keys/",         CH_PART_NAME,  "/limits",  CH_ASK_LIMITS,     false },
    { "GET",     "/v1/keys",          CH_PART_NONE,  "",         CH_ASK_KEYS,       true },
    { "GET",     "/v1/prices",        CH_PART_NONE,  "",         CH_ASK_PRICES,     true },
    { "PUT",     "/v1/prices",        CH_PART_NONE,  "",         CH_ASK_PUT_PRICES, false },
    { "POST",    "/v1/reservations/", CH_PART_ID,    "/release", CH_ASK_RELEASE,    false },
    { "GET",     "/v1/requests/",     CH_PART_ID,    "",         CH_ASK_REQUEST,    true },
    { "POST",    "/v1/requests/",     CH_PART_ID,    "/sign",    CH_ASK_FETCH,      false },
    { "DELETE",  "/v1/requests/",     CH_PART_ID,    "",         CH_ASK_WITHDRAW,   false },
    { "GET",     "/v1/status",        CH_PART_NONE,  "",         CH_ASK_STATUS,     false },
    { "GET",     "/metrics",          CH_PART_NONE,  "",         CH_ASK_METRICS,    false },
    { "GET",     "/v1/time",          CH_PART_NONE,  "",         CH_ASK_TIME,       false },
    { "GET",     "/readyz",           CH_PART_NONE,  "",         CH_ASK_READY,      true },
    { "GET",     "/healthz",          CH_PART_NONE,  "",         CH_ASK_HEALTH,     false },
};
/* clang-format on */
#define ROUTES (sizeof routes / sizeof *routes)

static bool read_id(ch_slice text, uint64_t *out)
{
    uint64_t id = 0;
    if (text.size == 0 || text.data[0] == '0' || ch_slice_count_digits(text) != text.size)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (__builtin_mul_overflow(id, 10, &id) || __builtin_add_overflow(id, text.data[i] - '0', &id))
            return false;
    }
    *out = id;
    return true;
}

static bool fits_part(const ch_route *route, ch_slice part, ch_route_what *what)
{
    switch (route->part) {
    case CH_PART_NAME:
        what->name = part;
        return ch_is_name(part);
    case CH_PART_ID:
        return read_id(part, &what->id);
    case CH_PART_NONE:
        break;
    }
    return part.size == 0;
}

/* Finds what stands in the place of the route's part. Returns false if the rest of the path is another's. */
static bool find_part(const ch_route *route, ch_slice path, ch_slice *part)
{
    size_t before = strlen(route->path);
    size_t after = strlen(route->suffix);
    if (path.size < before + after || memcmp(path.data, route->path, before) != 0 ||
        memcmp(path.data + path.size - after, route->suffix, after) != 0)
        return false;
    *part = (ch_slice){path.data + before, path.size - before - after};
    return true;
}

static bool fits(const ch_route *route, ch_slice path, ch_route_what *what)
{
    ch_slice part;
    *what = (ch_route_what){.id = 0};
    return find_part(route, path, &part) && fits_part(route, part, what);
}

/* The route, if nothing is wrong with the path but the id in it; else NULL. */
static const ch_route *find_but_for_id(ch_slice path)
{
    ch_slice id;
    for (size_t i = 0; i < ROUTES; i++) {
        if (routes[i].part == CH_PART_ID && find_part(&routes[i], path, &id))
            return &routes[i];
    }
    return NULL;
}

void ch_route_add_methods(ch_slice path, ch_buffer *out)
{
    ch_route_what what;
    const char *comma = "";
    for (size_t i = 0; i < ROUTES; i++) {
        if (!fits(&routes[i], path, &what))
            continue;
        ch_buffer_add_format(out, "%s%s", comma, routes[i].method);
        comma = ", ";
    }
}

ch_status ch_route_find(ch_slice method, ch_slice path, const ch_route **out, ch_route_what *what, ch_error *err)
{
    ch_autobuffer methods = CH_BUFFER_INIT;
    for (size_t i = 0; i < ROUTES; i++) {
        *out = &routes[i];
        if (ch_slice_is(method, routes[i].method) && fits(&routes[i], path, what))
            return CH_OK;
    }
    *out = NULL;
    *what = (ch_route_what){.id = 0};
    ch_route_add_methods(path, &methods);
    if (methods.size > 0)
        return ch_fail(err, CH_BAD_METHOD, "this path takes %s only", ch_buffer_text(&methods));
    const ch_route *route = find_but_for_id(path);
    if (route != NULL && route->question != CH_ASK_RELEASE)
        return ch_fail(err, CH_NOT_FOUND,
                       "there is no such request: its id is a number, as the answer 202 to the request for a signature "
                       "has it in 'id'");
    if (route != NULL)
        return ch_fail(err, CH_NOT_FOUND,
                       "there is no such reservation: its id is a number, as the answer to the request for a signature "
                       "has it in 'reservation'");
    return ch_fail(err, CH_NOT_FOUND, "no such path; see docs/openapi.yaml. Key names use a-z, 0-9, '.', '_' and '-'");
}

bool ch_route_takes_query(ch_slice method, ch_slice path)
{
    ch_route_what what;
    bool takes_query = false;
    for (size_t i = 0; i < ROUTES; i++) {
        if (!fits(&routes[i], path, &what))
            continue;
        if (ch_slice_is(method, routes[i].method))
            return routes[i].takes_query;
        takes_query = takes_query || routes[i].takes_query;
    }
    return takes_query;
}

bool ch_route_needs_no_body(ch_slice method, ch_slice path)
{
    ch_slice id;
    for (size_t i = 0; i < ROUTES; i++) {
        if (routes[i].question == CH_ASK_FETCH)
            return ch_slice_is(method, routes[i].method) && find_part(&routes[i], path, &id);
    }
    return false;
}

/* ---- queries ---- */

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define WAIT_S_MAX 60   /* core waits no longer */
#define NUMBER_DIGITS 4 /* that the largest of them has */

/* Reads a whole number from 1 to `most`, in its one spelling. */
static ch_status read_number(ch_slice value, const char *name, uint16_t most, uint16_t *out, ch_error *err)
{
    unsigned number = 0;
    bool is_number = value.size > 0 && value.size <= NUMBER_DIGITS && value.data[0] != '0' &&
                     ch_slice_count_digits(value) == value.size;
    for (size_t i = 0; is_number && i < value.size; i++)
        number = number * 10 + (unsigned)(value.data[i] - '0');
    if (!is_number || number > most)
        return ch_fail(err, CH_BAD_INPUT, "%s must be a whole number from 1 to %u", name, (unsigned)most);
    *out = (uint16_t)number;
    return CH_OK;
}

static ch_status read_limit(ch_slice value, ch_query *out, ch_error *err)
{
    return read_number(value, "limit", LIMIT_MAX, &out->limit, err);
}

static ch_status read_after_key(ch_slice value, ch_query *out, ch_error *err)
{
    out->after = value;
    return ch_is_name(value) ? CH_OK
                             : ch_fail(err, CH_BAD_INPUT, "after must be the name of a key, as \"next\" has it");
}

/* What "next" of a page of prices was; only to_core.c reads it. */
static ch_status read_after_price(ch_slice value, ch_query *out, ch_error *err)
{
    out->after = value;
    return value.size > 0 ? CH_OK : ch_fail(err, CH_BAD_INPUT, "after must be what \"next\" was, to the byte");
}

static ch_status read_key(ch_slice value, ch_query *out, ch_error *err)
{
    out->key = value;
    return ch_is_name(value) ? CH_OK : ch_fail(err, CH_BAD_INPUT, "key must be the name of a key");
}

static ch_status read_wait(ch_slice value, ch_query *out, ch_error *err)
{
    return read_number(value, "wait_s", WAIT_S_MAX, &out->wait_s, err);
}

/* clang-format off */
static const struct {
    ch_question question;
    const char *name;
    ch_status (*read)(ch_slice value, ch_query *out, ch_error *err);
} query_fields[] = {
    /* question         name      read by */
    { CH_ASK_KEYS,      "limit",  read_limit },
    { CH_ASK_KEYS,      "after",  read_after_key },
    { CH_ASK_PRICES,    "limit",  read_limit },
    { CH_ASK_PRICES,    "after",  read_after_price },
    { CH_ASK_READY,     "key",    read_key },
    { CH_ASK_REQUEST,   "wait_s", read_wait },
};
/* clang-format on */
#define QUERY_FIELDS (sizeof query_fields / sizeof *query_fields)

static ch_status fail_unknown(ch_question question, ch_error *err)
{
    const char *known = question == CH_ASK_READY     ? "key=NAME"
                        : question == CH_ASK_REQUEST ? "wait_s=N"
                                                     : "limit=N and after=NEXT";
    return ch_fail(err, CH_BAD_INPUT, "the query may have %s, and nothing else", known);
}

static ch_status read_pair(ch_slice pair, ch_question question, unsigned *given, ch_query *out, ch_error *err)
{
    const uint8_t *equals = ch_slice_find(pair, '=');
    ch_slice name = {pair.data, equals == NULL ? pair.size : (size_t)(equals - pair.data)};
    size_t i = 0;
    while (i < QUERY_FIELDS && !(query_fields[i].question == question && ch_slice_is(name, query_fields[i].name)))
        i++;
    if (i == QUERY_FIELDS || equals == NULL)
        return fail_unknown(question, err);
    if ((*given & 1U << i) != 0)
        return ch_fail(err, CH_BAD_INPUT, "%s is given twice", query_fields[i].name);
    *given |= 1U << i;
    return query_fields[i].read((ch_slice){equals + 1, pair.size - name.size - 1}, out, err);
}

ch_status ch_query_read(ch_slice text, ch_question question, ch_query *out, ch_error *err)
{
    unsigned given = 0;
    *out = (ch_query){.limit = LIMIT_DEFAULT};
    if (text.size == 0)
        return CH_OK;
    const uint8_t *end;
    while ((end = ch_slice_find(text, '&')) != NULL) {
        size_t size = (size_t)(end - text.data);
        CH_TRY(read_pair((ch_slice){text.data, size}, question, &given, out, err));
        text = (ch_slice){end + 1, text.size - size - 1};
    }
    return read_pair(text, question, &given, out, err);
}
