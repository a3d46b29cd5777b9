/* A line has many calls of one origin, since market data is most of an exchange's interface. */
#include "exchange/load_public.h"

#include "base/memory.h"
#include "conf/fields.h"
#include "exchange/load_endpoints.h"
#include "exchange/load_environments.h"
#include "exchange/sdk.h"

#include <stdlib.h>
#include <string.h>

/* A line of the list. */
typedef struct line {
    char *origin; /* NULL: the first */
    bool has_key_id;
    const ch_yaml *calls;
} line;

static ch_status read_calls(const ch_value *value, ch_error *err)
{
    ((line *)value->out)->calls = value->node;
    return ch_yaml_expect_list(value->node, err);
}

/* clang-format off */
static const ch_field fields[] = {
    /* name      required  reader          where */
    { "calls",   true,     read_calls,     CH_WHOLE },
    { "origin",  false,    ch_field_text,  CH_MEMBER(line, origin) },
    { "key_id",  false,    ch_field_bool,  CH_MEMBER(line, has_key_id) },
};
/* clang-format on */

static ch_status check_call(const ch_profile *profile, const ch_public_call *call, const ch_yaml *node, ch_error *err)
{
    const char *method = ch_call_method(call->call);
    if (method == NULL || call->call[strlen(method) + 1] != '/' || strcmp(method, "WS") == 0)
        return ch_yaml_fail(node, err, "write a call as a method and a path, such as GET /api/v3/time");
    if (call->has_key_id && strchr(call->call, '*') != NULL)
        return ch_yaml_fail(node, err, "a call with the key's id must be named whole, without '*'");
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        const ch_endpoint *endpoint = &profile->endpoints[i];
        if (ch_sdk_is_call(endpoint, call->call) && endpoint->origin == &profile->origins[call->origin] &&
            (endpoint->class_ != CH_CLASS_READ || call->has_key_id))
            return ch_yaml_fail(node, err, "%s is an endpoint, and only a plain read may be public too", call->call);
    }
    for (size_t i = 0; i < profile->public_count; i++) {
        const ch_public_call *other = &profile->public_calls[i];
        if (other != call && other->origin == call->origin && strcmp(other->call, call->call) == 0)
            return ch_yaml_fail(node, err, "%s is public twice", call->call);
    }
    return CH_OK;
}

static ch_status read_line_calls(ch_profile *profile, const line *of, const ch_yaml *node, ch_error *err)
{
    size_t origin = of->origin == NULL ? 0 : ch_origin_find(profile, of->origin);
    if (origin == profile->origin_count)
        return ch_yaml_fail(node, err, "the profile has no origin '%s'", of->origin);
    size_t count = ch_yaml_count(of->calls);
    profile->public_calls =
        ch_realloc_array(profile->public_calls, profile->public_count + count + 1, sizeof *profile->public_calls);
    for (size_t i = 0; i < count; i++) {
        const char *text = NULL;
        const ch_yaml *item = ch_yaml_item(of->calls, i);
        CH_TRY(ch_yaml_text(item, &text, err));
        ch_public_call *call = &profile->public_calls[profile->public_count++];
        *call = (ch_public_call){.call = ch_strdup(text), .origin = origin, .has_key_id = of->has_key_id};
        CH_TRY(check_call(profile, call, item, err));
    }
    return CH_OK;
}

ch_status ch_public_calls_read(ch_profile *profile, const ch_yaml *list, ch_error *err)
{
    CH_TRY(ch_yaml_expect_list(list, err));
    for (size_t i = 0; i < ch_yaml_count(list); i++) {
        line of = {.origin = NULL};
        const ch_yaml *node = ch_yaml_item(list, i);
        ch_status st = ch_fields_read(node, CH_FIELDS(fields), &of, NULL, err);
        if (st == CH_OK)
            st = read_line_calls(profile, &of, node, err);
        free(of.origin);
        CH_TRY(st);
    }
    return CH_OK;
}

void ch_public_calls_free(ch_profile *profile)
{
    for (size_t i = 0; i < profile->public_count; i++)
        free(profile->public_calls[i].call);
    free(profile->public_calls);
}
