/* A rule names a call to the byte, as `left_out` does, so that one for a call that was renamed is noticed. */
#include "exchange/load_sdk.h"

#include "base/memory.h"
#include "conf/fields.h"
#include "exchange/sdk.h"

#include <stdlib.h>
#include <string.h>

/* What each field of the map holds. */
/* clang-format off */
static const struct {
    const char *name;
    ch_sdk_habit habit;
} habits[] = {
    { "headers",  CH_SDK_HEADER },
    { "left_out", CH_SDK_LEFT_OUT },
    { "single",   CH_SDK_SINGLE },
    { "empty",    CH_SDK_EMPTY },
};
/* clang-format on */

static ch_status check_text(const char *text, ch_error *err)
{
    return *text != '\0' ? CH_OK : ch_fail(err, CH_CONFIG, "write something here, or leave the field out");
}

/* clang-format off */
static const ch_field fields[] = {
    /* name     required  reader          where                           check */
    { "name",   true,     ch_field_text,  CH_MEMBER(ch_sdk_rule, name),   .check = check_text },
    { "value",  false,    ch_field_text,  CH_MEMBER(ch_sdk_rule, value),  .check = check_text },
    { "call",   false,    ch_field_text,  CH_MEMBER(ch_sdk_rule, call),   .check = check_text },
    { "why",    true,     ch_field_text,  CH_MEMBER(ch_sdk_rule, why),    .check = check_text },
};
/* clang-format on */

/* ---- what a rule may say ---- */

static bool has_header(const ch_recipe *recipe, const char *name)
{
    for (size_t i = 0; i < recipe->header_count; i++) {
        if (strcasecmp(recipe->headers[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Where a recipe has the header, it is the agent's, and the rule says nothing. */
static ch_status check_header(const ch_profile *profile, const ch_sdk_rule *rule, const ch_yaml *node, ch_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < profile->recipe_count; i++)
        count += has_header(&profile->recipes[i], rule->name);
    if (count < profile->recipe_count)
        return CH_OK;
    return ch_yaml_fail(node, err, "every recipe has header %s, which is left out of SDKs' requests without this",
                        rule->name);
}

/* True if the rule is for calls of the endpoint, and the endpoint lists a parameter of that name. */
static bool is_listed(const ch_endpoint *endpoint, const ch_sdk_rule *rule)
{
    return (rule->call == NULL || ch_sdk_is_call(endpoint, rule->call)) &&
           ch_param_list_find(&endpoint->params, ch_slice_of(rule->name)) != NULL;
}

/* A parameter that a call takes is never left out; a list must be one that some call takes. */
static ch_status check_param(const ch_profile *profile, const ch_sdk_rule *rule, const ch_yaml *node, ch_error *err)
{
    size_t listed = 0;
    for (size_t i = 0; i < profile->endpoint_count; i++)
        listed += is_listed(&profile->endpoints[i], rule);
    if (rule->habit == CH_SDK_LEFT_OUT && rule->call != NULL && listed > 0)
        return ch_yaml_fail(node, err, "%s takes '%s', so it can't be left out", rule->call, rule->name);
    if (rule->habit == CH_SDK_SINGLE && listed == 0)
        return ch_yaml_fail(node, err, "no such call takes '%s'", rule->name);
    return CH_OK;
}

static ch_status check_call(const ch_profile *profile, const ch_sdk_rule *rule, const ch_yaml *node, ch_error *err)
{
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        if (rule->call == NULL || ch_sdk_is_call(&profile->endpoints[i], rule->call))
            return CH_OK;
    }
    return ch_yaml_fail(node, err, "no endpoint is the call %s", rule->call);
}

/* ---- reading ---- */

/* The context is the profile; the habit stands in the rule. */
static ch_status read_rule(const ch_value *value, ch_error *err)
{
    const ch_profile *profile = value->context;
    ch_sdk_rule *rule = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fields), rule, NULL, err));
    CH_TRY(check_call(profile, rule, value->node, err));
    return rule->habit == CH_SDK_HEADER ? check_header(profile, rule, value->node, err)
                                        : check_param(profile, rule, value->node, err);
}

static ch_status read_rules(ch_profile *profile, const ch_yaml *list, ch_sdk_habit habit, ch_error *err)
{
    static const ch_entries entries = {
        "rule", CH_YAML_LIST, 1, 0, {.read = read_rule, .size = sizeof(ch_sdk_rule)}
    };
    ch_sdk_rule *rules = &profile->sdk[profile->sdk_count];
    size_t count = 0;
    for (size_t i = 0; i < ch_yaml_count(list); i++)
        rules[i].habit = habit;
    ch_status st = ch_entries_read(list, &entries, rules, &count, profile, err);
    profile->sdk_count += count;
    return st;
}

/* clang-format off */
static const ch_field known[] = {
    /* name        required  reader  where */
    { "headers",   false,    NULL,   CH_WHOLE }, /* read_rules reads all of them */
    { "left_out",  false,    NULL,   CH_WHOLE },
    { "single",    false,    NULL,   CH_WHOLE },
    { "empty",     false,    NULL,   CH_WHOLE },
};
/* clang-format on */

ch_status ch_sdk_read(ch_profile *profile, const ch_yaml *map, ch_error *err)
{
    size_t count = 0;
    CH_TRY(ch_fields_read(map, CH_FIELDS(known), profile, NULL, err));
    for (size_t i = 0; i < sizeof habits / sizeof habits[0]; i++)
        count += ch_yaml_get(map, habits[i].name) == NULL ? 0 : ch_yaml_count(ch_yaml_get(map, habits[i].name));
    profile->sdk = ch_alloc(count * sizeof *profile->sdk);
    for (size_t i = 0; i < sizeof habits / sizeof habits[0]; i++) {
        const ch_yaml *list = ch_yaml_get(map, habits[i].name);
        if (list != NULL)
            CH_TRY(read_rules(profile, list, habits[i].habit, err));
    }
    return CH_OK;
}

void ch_sdk_free(ch_profile *profile)
{
    for (size_t i = 0; i < profile->sdk_count; i++) {
        ch_sdk_rule *rule = &profile->sdk[i];
        free(rule->name);
        free(rule->value);
        free(rule->call);
        free(rule->why);
    }
    free(profile->sdk);
}
