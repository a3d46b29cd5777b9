/* A call is compared as text: a path with parameters is written here as an endpoint would write it. */
#include "exchange/load_left_out.h"

#include "base/memory.h"
#include "conf/fields.h"
#include "exchange/load_endpoints.h"

#include <stdlib.h>
#include <string.h>

static bool is_call_of(const ch_endpoint *endpoint, const char *call)
{
    size_t size = strlen(endpoint->method);
    return strncmp(call, endpoint->method, size) == 0 && call[size] == ' ' &&
           strcmp(call + size + 1, endpoint->path) == 0;
}

static ch_status check_call(const char *call, ch_error *err)
{
    const char *method = ch_call_method(call);
    if (method != NULL && call[strlen(method) + 1] == '/')
        return CH_OK;
    return ch_fail(err, CH_CONFIG, "write 'call' as a method and a path, such as GET /api/v3/account");
}

static ch_status check_reason(const char *why, ch_error *err)
{
    return *why != '\0' ? CH_OK : ch_fail(err, CH_CONFIG, "say why the call is left out");
}

/* clang-format off */
static const ch_field fields[] = {
    /* name    required  reader          where                          check */
    { "call",  true,     ch_field_text,  CH_MEMBER(ch_left_out, call),  .check = check_call },
    { "why",   true,     ch_field_text,  CH_MEMBER(ch_left_out, why),   .check = check_reason },
};
/* clang-format on */

static ch_status read_one(const ch_value *value, ch_error *err)
{
    const ch_profile *profile = value->context;
    ch_left_out *one = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fields), one, NULL, err));
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        if (is_call_of(&profile->endpoints[i], one->call))
            return ch_yaml_fail(value->node, err, "%s is left out, and is an endpoint too", one->call);
    }
    for (const ch_left_out *other = profile->left_out; other < one; other++) {
        if (strcmp(other->call, one->call) == 0)
            return ch_yaml_fail(value->node, err, "%s is left out twice", one->call);
    }
    return CH_OK;
}

ch_status ch_left_out_read(ch_profile *profile, const ch_yaml *list, ch_error *err)
{
    static const ch_entries entries = {
        "call", CH_YAML_LIST, 1, 0, {.read = read_one, .size = sizeof(ch_left_out)}
    };
    profile->left_out = ch_alloc(ch_yaml_count(list) * sizeof *profile->left_out);
    return ch_entries_read(list, &entries, profile->left_out, &profile->left_out_count, profile, err);
}

void ch_left_out_free(ch_profile *profile)
{
    for (size_t i = 0; i < profile->left_out_count; i++) {
        free(profile->left_out[i].call);
        free(profile->left_out[i].why);
    }
    free(profile->left_out);
}
