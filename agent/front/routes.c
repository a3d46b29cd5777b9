#include "agent/front/routes.h"

#include "base/names.h"

#include <string.h>

/* clang-format off */
static const ch_route routes[] = {
    /* method  path          suffix    question        takes query */
    { "POST",  "/v1/keys/",  "/sign",  CH_ASK_SIGN,    false },
    { "GET",   "/v1/keys",   NULL,     CH_ASK_KEYS,    true },
    { "GET",   "/v1/status", NULL,     CH_ASK_STATUS,  false },
    { "GET",   "/v1/time",   NULL,     CH_ASK_TIME,    false },
    { "GET",   "/readyz",    NULL,     CH_ASK_READY,   false },
    { "GET",   "/healthz",   NULL,     CH_ASK_HEALTH,  false },
};
/* clang-format on */

static bool fits(const ch_route *route, ch_slice path, ch_slice *key)
{
    *key = CH_LITERAL("");
    if (route->suffix == NULL)
        return ch_slice_is(path, route->path);
    size_t before = strlen(route->path);
    size_t after = strlen(route->suffix);
    if (path.size < before + after || memcmp(path.data, route->path, before) != 0 ||
        memcmp(path.data + path.size - after, route->suffix, after) != 0)
        return false;
    *key = (ch_slice){path.data + before, path.size - before - after};
    return ch_is_name(*key);
}

ch_status ch_route_find(ch_slice method, ch_slice path, const ch_route **out, ch_slice *key, ch_error *err)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        *out = &routes[i];
        if (!fits(*out, path, key))
            continue;
        return ch_slice_is(method, (*out)->method)
                   ? CH_OK
                   : ch_fail(err, CH_BAD_METHOD, "this path takes %s only", (*out)->method);
    }
    *out = NULL;
    return ch_fail(err, CH_NOT_FOUND, "no such path; see docs/openapi.yaml. Key names use a-z, 0-9, '.', '_' and '-'");
}

bool ch_route_takes_query(ch_slice path)
{
    ch_slice key;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (fits(&routes[i], path, &key))
            return routes[i].takes_query;
    }
    return false;
}

/* ---- pages ---- */

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define LIMIT_DIGITS 4

static ch_status read_limit(ch_slice value, ch_page *out, ch_error *err)
{
    unsigned limit = 0;
    bool is_number = value.size > 0 && value.size <= LIMIT_DIGITS && value.data[0] != '0' &&
                     ch_slice_count_digits(value) == value.size;
    for (size_t i = 0; is_number && i < value.size; i++)
        limit = limit * 10 + (unsigned)(value.data[i] - '0');
    if (!is_number || limit > LIMIT_MAX)
        return ch_fail(err, CH_BAD_INPUT, "limit must be a whole number from 1 to %d", LIMIT_MAX);
    out->limit = (uint16_t)limit;
    return CH_OK;
}

static ch_status read_after(ch_slice value, ch_page *out, ch_error *err)
{
    out->after = value;
    return ch_is_name(value) ? CH_OK
                             : ch_fail(err, CH_BAD_INPUT, "after must be the name of a key, as \"next\" has it");
}

/* clang-format off */
static const struct {
    const char *name;
    ch_status (*read)(ch_slice value, ch_page *out, ch_error *err);
} page_fields[] = {
    /* name      read by */
    { "limit",   read_limit },
    { "after",   read_after },
};
/* clang-format on */
#define PAGE_FIELDS (sizeof page_fields / sizeof *page_fields)

static ch_status read_pair(ch_slice pair, unsigned *given, ch_page *out, ch_error *err)
{
    const uint8_t *equals = ch_slice_find(pair, '=');
    ch_slice name = {pair.data, equals == NULL ? pair.size : (size_t)(equals - pair.data)};
    size_t i = 0;
    while (i < PAGE_FIELDS && !ch_slice_is(name, page_fields[i].name))
        i++;
    if (i == PAGE_FIELDS || equals == NULL)
        return ch_fail(err, CH_BAD_INPUT, "the query may have limit=N and after=NAME, and nothing else");
    if ((*given & 1U << i) != 0)
        return ch_fail(err, CH_BAD_INPUT, "%s is given twice", page_fields[i].name);
    *given |= 1U << i;
    return page_fields[i].read((ch_slice){equals + 1, pair.size - name.size - 1}, out, err);
}

ch_status ch_page_read(ch_slice query, ch_page *out, ch_error *err)
{
    unsigned given = 0;
    *out = (ch_page){.limit = LIMIT_DEFAULT};
    if (query.size == 0)
        return CH_OK;
    const uint8_t *end;
    while ((end = ch_slice_find(query, '&')) != NULL) {
        size_t size = (size_t)(end - query.data);
        CH_TRY(read_pair((ch_slice){query.data, size}, &given, out, err));
        query = (ch_slice){end + 1, query.size - size - 1};
    }
    return read_pair(query, &given, out, err);
}
