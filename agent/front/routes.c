#include "agent/front/routes.h"

#include "base/names.h"

#include <string.h>

/* clang-format off */
static const ch_route routes[] = {
    /* method  path          suffix    question */
    { "POST",  "/v1/keys/",  "/sign",  CH_ASK_SIGN },
    { "GET",   "/v1/keys",   NULL,     CH_ASK_KEYS },
    { "GET",   "/v1/status", NULL,     CH_ASK_STATUS },
    { "GET",   "/readyz",    NULL,     CH_ASK_READY },
    { "GET",   "/healthz",   NULL,     CH_ASK_HEALTH },
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
