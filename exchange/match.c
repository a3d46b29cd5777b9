/* A path without parameters is found by halving and goes first; the others are tried one by one, the most literal
 * first. */
#include "exchange/match.h"

#include "exchange/environments_impl.h"
#include "exchange/profile_impl.h"

#include <assert.h>
#include <string.h>

/* ---- paths with parameters ---- */

/* What may stand for a parameter in a path: nothing that a server could decode, split or resolve. */
static size_t capture_size(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at;
    while (at < end && (ch_byte_is_alphanumeric(*at) || memchr("-._~:", *at, 5) != NULL))
        at++;
    return (size_t)(at - from);
}

static bool is_dots(ch_slice text)
{
    return ch_slice_is(text, ".") || ch_slice_is(text, "..");
}

bool ch_endpoint_fits(const ch_endpoint *endpoint, ch_slice path, ch_slice captures[CH_PATH_PARTS_MAX])
{
    if (endpoint->parts == NULL)
        return ch_slice_equal(endpoint->path_slice, path);
    if (path.size == 0)
        return false; /* it may have no memory, to which nothing can be added */
    const uint8_t *at = path.data;
    const uint8_t *end = path.data + path.size;
    size_t captured = 0;
    assert(endpoint->part_count <= CH_PATH_PARTS_MAX);
    for (size_t i = 0; i < endpoint->part_count; i++) {
        const ch_path_part *part = &endpoint->parts[i];
        size_t size = part->def == NULL ? part->literal.size : capture_size(at, end);
        if (part->def == NULL) {
            if ((size_t)(end - at) < size || memcmp(at, part->literal.data, size) != 0)
                return false;
        } else {
            captures[captured] = (ch_slice){at, size};
            if (size == 0 || is_dots(captures[captured++]))
                return false;
        }
        at += size;
    }
    return at == end;
}

/* ---- finding ---- */

/* What was found on the way to an endpoint. */
typedef struct search {
    const ch_environment *environment;
    const ch_request *request;
    const ch_endpoint *found;
    bool has_path;
    bool is_ambiguous; /* at two hosts */
    bool is_elsewhere; /* the profile lists the call, but it does not exist in the environment */
} search;

static void consider(search *in, const ch_endpoint *endpoint)
{
    const ch_request *request = in->request;
    bool has_method = ch_slice_is(request->method, endpoint->method);
    if (!ch_environment_has(in->environment, endpoint)) {
        in->is_elsewhere |= has_method;
        return;
    }
    ch_slice host = ch_environment_host(in->environment, endpoint);
    if (request->host.size > 0 && !ch_slice_equal(request->host, host))
        return;
    in->has_path = true;
    if (!has_method)
        return;
    if (in->found == NULL)
        in->found = endpoint;
    else if (!ch_slice_equal(ch_environment_host(in->environment, in->found), host))
        in->is_ambiguous = true;
}

static void search_literal(search *in, const ch_profile *profile)
{
    ch_slice path = in->request->path;
    size_t low = 0;
    size_t high = profile->endpoint_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ch_slice_compare(profile->endpoints[middle].path_slice, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < profile->endpoint_count && ch_slice_equal(profile->endpoints[i].path_slice, path); i++) {
        if (profile->endpoints[i].parts == NULL)
            consider(in, &profile->endpoints[i]);
    }
}

static void search_patterns(search *in, const ch_profile *profile)
{
    ch_slice captures[CH_PATH_PARTS_MAX];
    for (size_t i = 0; i < profile->pattern_count; i++) {
        const ch_endpoint *endpoint = &profile->endpoints[profile->patterns[i]];
        if (ch_endpoint_fits(endpoint, in->request->path, captures))
            consider(in, endpoint);
    }
}

/* The reason why the profile does not list the request's call, or NULL. */
static const char *why_left_out(const ch_profile *profile, const ch_request *request)
{
    for (size_t i = 0; i < profile->left_out_count; i++) {
        const char *call = profile->left_out[i].call;
        size_t size = strcspn(call, " ");
        if (ch_slice_equal(request->method, (ch_slice){(const uint8_t *)call, size}) &&
            ch_slice_is(request->path, call + size + 1))
            return profile->left_out[i].why;
    }
    return NULL;
}

static ch_status fail(const search *in, ch_error *err)
{
    const ch_profile *profile = in->environment->profile;
    const char *why = why_left_out(profile, in->request);
    if (in->is_elsewhere)
        return ch_fail(err, CH_NOT_FOUND, "profile '%s' lists this call, but it does not exist in environment '%s'",
                       profile->name, in->environment->name);
    if (why != NULL)
        return ch_fail(err, in->has_path ? CH_BAD_METHOD : CH_NOT_FOUND, "profile '%s' leaves this call out: %s",
                       profile->name, why);
    if (in->has_path)
        return ch_fail(err, CH_BAD_METHOD, "profile '%s' lists this path, but not with this method", profile->name);
    return ch_fail(err, CH_NOT_FOUND,
                   "profile '%s' does not list this path%s; it must be the same to the byte, without query",
                   profile->name, in->request->host.size > 0 ? " at this host" : "");
}

/* A call that does not exist in the environment, or is left out, is not taken for one with a parameter in its path. */
ch_status ch_environment_match(const ch_environment *environment, const ch_request *request, const ch_endpoint **out,
                               ch_error *err)
{
    search in = {.environment = environment, .request = request};
    search_literal(&in, environment->profile);
    if (in.found == NULL && !in.is_elsewhere && why_left_out(environment->profile, request) == NULL)
        search_patterns(&in, environment->profile);
    *out = in.found;
    if (in.is_ambiguous)
        return ch_fail(err, CH_BAD_INPUT, "profile '%s' has this path at several hosts; name one with \"host\"",
                       environment->profile->name);
    return in.found != NULL ? CH_OK : fail(&in, err);
}
