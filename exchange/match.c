/* A path without parameters is found by halving and goes first; the others are tried one by one, the most literal
 * first. */
#include "exchange/match.h"

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
    const ch_request *request;
    const ch_endpoint *found;
    bool has_path;
    bool is_ambiguous; /* at two hosts */
} search;

static void consider(search *in, const ch_endpoint *endpoint)
{
    const ch_request *request = in->request;
    if (request->host.size > 0 && !ch_slice_equal(request->host, endpoint->origin->host))
        return;
    in->has_path = true;
    if (!ch_slice_is(request->method, endpoint->method))
        return;
    if (in->found == NULL)
        in->found = endpoint;
    else if (in->found->origin != endpoint->origin)
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

ch_status ch_profile_match(const ch_profile *profile, const ch_request *request, const ch_endpoint **out, ch_error *err)
{
    search in = {.request = request};
    search_literal(&in, profile);
    if (in.found == NULL)
        search_patterns(&in, profile);
    *out = in.found;
    if (in.is_ambiguous)
        return ch_fail(err, CH_BAD_INPUT, "profile '%s' has this path at several hosts; name one with \"host\"",
                       profile->name);
    if (in.found != NULL)
        return CH_OK;
    if (in.has_path)
        return ch_fail(err, CH_BAD_METHOD, "profile '%s' lists this path, but not with this method", profile->name);
    return ch_fail(err, CH_NOT_FOUND,
                   "profile '%s' does not list this path%s; it must be the same to the byte, without query",
                   profile->name, request->host.size > 0 ? " at this host" : "");
}
