#include "exchange/sdk.h"

#include <string.h>

bool ch_sdk_is_call(const ch_endpoint *endpoint, const char *call)
{
    size_t size = strlen(endpoint->method);
    return strncmp(call, endpoint->method, size) == 0 && call[size] == ' ' &&
           strcmp(call + size + 1, endpoint->path) == 0;
}

static bool is_named(ch_sdk_habit habit, const char *name, ch_slice wanted)
{
    return habit == CH_SDK_HEADER ? ch_slice_equal_case(ch_slice_of(name), wanted) : ch_slice_is(wanted, name);
}

bool ch_sdk_has(const ch_endpoint *endpoint, ch_sdk_habit habit, ch_slice name, ch_slice value)
{
    const ch_profile *profile = endpoint->profile;
    for (size_t i = 0; i < profile->sdk_count; i++) {
        const ch_sdk_rule *rule = &profile->sdk[i];
        if (rule->habit == habit && is_named(habit, rule->name, name) &&
            (rule->value == NULL || ch_slice_is(value, rule->value)) &&
            (rule->call == NULL || ch_sdk_is_call(endpoint, rule->call)))
            return true;
    }
    return false;
}
