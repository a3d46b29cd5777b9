/* An environment has as many origins as the profile, in the same order; one without a URL is not there. */
#include "exchange/environments.h"

#include "base/bits.h"
#include "exchange/environments_impl.h"

#include <assert.h>
#include <string.h>

/* ---- which there are ---- */

const ch_environment *ch_profile_environment(const ch_profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->environment_count; i++) {
        if (strcmp(profile->environments[i].name, name) == 0)
            return &profile->environments[i];
    }
    return NULL;
}

const ch_environment *ch_profile_environment_at(const ch_profile *profile, size_t index)
{
    return index < profile->environment_count ? &profile->environments[index] : NULL;
}

const ch_environment *ch_profile_live(const ch_profile *profile)
{
    return &profile->environments[0];
}

void ch_profile_add_environments(const ch_profile *profile, ch_buffer *out)
{
    for (size_t i = 0; i < profile->environment_count; i++) {
        const char *before = i == 0 ? "" : i + 1 < profile->environment_count ? ", " : " and ";
        ch_buffer_add_format(out, "%s%s", before, profile->environments[i].name);
    }
}

const char *ch_environment_name(const ch_environment *environment)
{
    return environment->name;
}

const char *ch_environment_title(const ch_environment *environment)
{
    return environment->title == NULL ? "" : environment->title;
}

const char *ch_environment_keys(const ch_environment *environment)
{
    return environment->has_keys_of_live ? CH_ENVIRONMENT_LIVE : environment->name;
}

const char *ch_environment_origin_at(const ch_environment *environment, size_t index, const char **name)
{
    if (index >= environment->profile->origin_count)
        return NULL;
    *name = environment->profile->origins[index].name;
    return environment->origins[index].url == NULL ? "" : environment->origins[index].url;
}

const char *ch_environment_header_at(const ch_environment *environment, size_t index, const char **name)
{
    if (index >= environment->header_count)
        return NULL;
    *name = environment->headers[index].name;
    return environment->headers[index].text;
}

/* ---- endpoints ---- */

bool ch_environment_has(const ch_environment *environment, const ch_endpoint *endpoint)
{
    assert(environment->profile == endpoint->profile);
    return ch_set_has(environment->endpoints, (size_t)(endpoint - endpoint->profile->endpoints));
}

const ch_origin *ch_environment_origin(const ch_environment *environment, const ch_endpoint *endpoint)
{
    assert(environment->profile == endpoint->profile);
    return &environment->origins[endpoint->origin - endpoint->profile->origins];
}

ch_slice ch_environment_host(const ch_environment *environment, const ch_endpoint *endpoint)
{
    assert(ch_environment_has(environment, endpoint));
    return ch_environment_origin(environment, endpoint)->host;
}

const ch_environment *ch_endpoint_home(const ch_endpoint *endpoint)
{
    const ch_profile *profile = endpoint->profile;
    size_t i = 0;
    while (i + 1 < profile->environment_count && !ch_environment_has(&profile->environments[i], endpoint))
        i++;
    return &profile->environments[i];
}

size_t ch_environment_endpoint_count(const ch_environment *environment)
{
    size_t count = 0;
    for (size_t i = 0; i < environment->profile->endpoint_count; i++)
        count += ch_set_has(environment->endpoints, i);
    return count;
}

/* ---- confusion ---- */

/* True if a key of one is good in the other. */
static bool share_keys(const ch_environment *one, const ch_environment *other)
{
    return one == other || (one->has_keys_of_live && other->has_keys_of_live);
}

bool ch_environment_reaches(const ch_environment *environment, const ch_endpoint *endpoint)
{
    const ch_profile *profile = environment->profile;
    size_t i = 0;
    while (i < profile->environment_count && !(share_keys(environment, &profile->environments[i]) &&
                                               ch_environment_has(&profile->environments[i], endpoint)))
        i++;
    return i < profile->environment_count;
}

bool ch_environment_reaches_both(const ch_environment *environment, const ch_endpoint *asked, const ch_endpoint *other)
{
    const ch_profile *profile = environment->profile;
    bool reaches = false;
    for (size_t i = 0; i < profile->environment_count && ch_environment_has(environment, asked); i++) {
        const ch_environment *way = &profile->environments[i];
        reaches |= share_keys(environment, way) && ch_environment_has(way, other) &&
                   ch_slice_equal(ch_environment_host(environment, asked), ch_environment_host(way, other));
    }
    return reaches;
}

bool ch_endpoints_may_meet(const ch_endpoint *asked, const ch_endpoint *other)
{
    const ch_profile *profile = asked->profile;
    size_t i = 0;
    while (i < profile->environment_count && !(ch_environment_has(&profile->environments[i], asked) &&
                                               ch_environment_reaches(&profile->environments[i], other)))
        i++;
    return i < profile->environment_count;
}

bool ch_endpoints_may_share_host(const ch_endpoint *asked, const ch_endpoint *other)
{
    const ch_profile *profile = asked->profile;
    bool may_share = asked->origin == other->origin;
    for (size_t i = 0; !may_share && i < profile->environment_count; i++)
        may_share = ch_environment_reaches_both(&profile->environments[i], asked, other);
    return may_share;
}
