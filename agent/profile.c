/* What is asked of a profile for every request. Sets of parameter names are bitsets over the profile's different names,
 * so that one comparison answers for 64 of them. */
#include "agent/profile_data.h"

#include <string.h>

static const char *const class_names[CH_CLASS_COUNT] = {
    [CH_CLASS_READ] = "read",         [CH_CLASS_TRADE] = "trade",       [CH_CLASS_CANCEL] = "cancel",
    [CH_CLASS_TRANSFER] = "transfer", [CH_CLASS_WITHDRAW] = "withdraw", [CH_CLASS_KEYS] = "keys",
    [CH_CLASS_ACCOUNT] = "account",
};

const char *ch_class_name(ch_class class_)
{
    return class_ < CH_CLASS_COUNT ? class_names[class_] : "unknown";
}

ch_class ch_class_find(ch_slice name)
{
    ch_class class_ = 0;
    while (class_ < CH_CLASS_COUNT && !ch_slice_is(name, class_names[class_]))
        class_++;
    return class_;
}

const char *ch_profile_name(const ch_profile *profile)
{
    return profile->name;
}

bool ch_profile_is_test_only(const ch_profile *profile)
{
    return profile->is_test_only;
}

const ch_scheme *ch_profile_scheme(const ch_profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->scheme_count; i++) {
        if (strcmp(profile->schemes[i].name, name) == 0)
            return &profile->schemes[i];
    }
    return NULL;
}

const char *ch_scheme_mechanism(const ch_scheme *scheme)
{
    return scheme->mechanism;
}

const char *ch_scheme_name(const ch_scheme *scheme)
{
    return scheme->name;
}

ch_encoding ch_scheme_secret_encoding(const ch_scheme *scheme)
{
    return scheme->secret;
}

ch_class ch_endpoint_class(const ch_endpoint *endpoint)
{
    return endpoint->class_;
}

ch_status ch_profile_match(const ch_profile *profile, ch_slice method, ch_slice path, const ch_endpoint **out,
                           ch_error *err)
{
    size_t low = 0;
    size_t high = profile->endpoint_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ch_slice_compare(profile->endpoints[middle].path_slice, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool has_path = false;
    for (size_t i = low; i < profile->endpoint_count && ch_slice_equal(profile->endpoints[i].path_slice, path); i++) {
        has_path = true;
        if (ch_slice_is(method, profile->endpoints[i].method)) {
            *out = &profile->endpoints[i];
            return CH_OK;
        }
    }
    if (has_path)
        return ch_fail(err, CH_BAD_METHOD, "profile '%s' lists this path, but not with this method", profile->name);
    return ch_fail(err, CH_NOT_FOUND, "profile '%s' lists no such path; it must be the same to the byte, without query",
                   profile->name);
}

static const ch_endpoint_param *find_param(const ch_endpoint *endpoint, ch_slice name)
{
    size_t low = 0;
    size_t high = endpoint->param_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ch_slice_compare(name, endpoint->params[middle].name);
        if (order == 0)
            return &endpoint->params[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* True if the recipe has the agent fill in a field of that name. */
static bool is_agent_field(const ch_recipe *recipe, ch_slice name)
{
    for (size_t i = 0; i < recipe->list_count; i++) {
        for (size_t j = 0; j < recipe->lists[i].field_count; j++) {
            if (ch_slice_is(name, recipe->lists[i].fields[j].name))
                return true;
        }
    }
    return false;
}

static ch_status check_agent_field(const ch_request *request, size_t at, ch_error *err)
{
    const ch_param *param = &request->params[at];
    if (param->kind != CH_PARAM_PLACEHOLDER)
        return ch_fail(err, CH_BAD_INPUT,
                       "the agent itself fills in '%.*s'; leave it out, or give null to say where "
                       "it stands",
                       CH_SLICE_ARGS(param->name));
    for (size_t i = 0; i < at; i++) {
        if (ch_slice_equal(request->params[i].name, param->name))
            return ch_fail(err, CH_BAD_INPUT, "parameter '%.*s' is given twice", CH_SLICE_ARGS(param->name));
    }
    return CH_OK;
}

static bool has_bit(const uint64_t *set, size_t index)
{
    return (set[index / 64] >> (index % 64) & 1) != 0;
}

static void set_bit(uint64_t *set, size_t index)
{
    set[index / 64] |= (uint64_t)1 << (index % 64);
}

static bool is_subset(const uint64_t *part, const uint64_t *whole, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if ((part[i] & ~whole[i]) != 0)
            return false;
    }
    return true;
}

static size_t words_of(const ch_profile *profile)
{
    return (profile->name_count + 63) / 64;
}

static ch_status check_required(const ch_endpoint *endpoint, const uint64_t *given, ch_error *err)
{
    if (is_subset(endpoint->required, given, words_of(endpoint->profile)))
        return CH_OK;
    for (size_t i = 0; i < endpoint->param_count; i++) {
        const ch_endpoint_param *param = &endpoint->params[i];
        if (param->is_required && !has_bit(given, param->def->name_index))
            return ch_fail(err, CH_BAD_INPUT, "parameter '%s' is missing; %s %s needs it", param->def->name,
                           endpoint->method, endpoint->path);
    }
    return ch_fail(err, CH_INTERNAL, "the set of required parameters is broken");
}

ch_status ch_endpoint_check(const ch_endpoint *endpoint, const ch_request *request, ch_error *err)
{
    uint64_t given[CH_NAME_WORDS_MAX] = {0};
    if (request->param_count > CH_PARAMS_MAX)
        return ch_fail(err, CH_BAD_INPUT, "there are more than %d parameters", CH_PARAMS_MAX);
    for (size_t i = 0; i < request->param_count; i++) {
        const ch_param *param = &request->params[i];
        const ch_endpoint_param *spec = find_param(endpoint, param->name);
        ch_status st;
        if (spec == NULL && is_agent_field(endpoint->recipe, param->name))
            st = check_agent_field(request, i, err);
        else if (spec == NULL)
            st = ch_fail(err, CH_BAD_INPUT, "%s %s takes no parameter '%.*s'", endpoint->method, endpoint->path,
                         CH_SLICE_ARGS(param->name));
        else if (has_bit(given, spec->def->name_index))
            st = ch_fail(err, CH_BAD_INPUT, "parameter '%s' is given twice", spec->def->name);
        else if (param->kind == CH_PARAM_PLACEHOLDER)
            st = ch_fail(err, CH_BAD_INPUT, "parameter '%s' is null, but the agent does not fill it in",
                         spec->def->name);
        else
            st = ch_param_check(spec->def, param, err);
        if (st != CH_OK)
            return st;
        if (spec != NULL)
            set_bit(given, spec->def->name_index);
    }
    return check_required(endpoint, given, err);
}

ch_role ch_endpoint_role(const ch_endpoint *endpoint, ch_slice name)
{
    const ch_endpoint_param *spec = find_param(endpoint, name);
    return spec == NULL ? CH_ROLE_NONE : spec->def->role;
}

/* ---- endpoint confusion ---- */

/* True if what `endpoint`'s signature does not cover is all that tells `other` apart, parameters aside. */
static bool is_alike(const ch_endpoint *endpoint, const ch_endpoint *other)
{
    unsigned covers = endpoint->recipe->covers;
    if ((covers & CH_COVERS_METHOD) != 0 && strcmp(endpoint->method, other->method) != 0)
        return false;
    return (covers & CH_COVERS_PATH) == 0 || strcmp(endpoint->path, other->path) == 0;
}

/* True if `other` would take parameters that include all of `at_least` and none beyond `at_most`. */
static bool would_take(const ch_endpoint *other, const uint64_t *at_least, const uint64_t *at_most, size_t words)
{
    return is_subset(other->required, at_most, words) &&
           (other->ignores_unknown || is_subset(at_least, other->listed, words));
}

void ch_profile_find_confusable(ch_profile *profile)
{
    size_t words = words_of(profile);
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        ch_endpoint *endpoint = &profile->endpoints[i];
        endpoint->confusable = ch_alloc(profile->endpoint_count * sizeof(const ch_endpoint *));
        bool covers_params = (endpoint->recipe->covers & CH_COVERS_PARAMS) != 0;
        for (size_t j = 0; j < profile->endpoint_count; j++) {
            const ch_endpoint *other = &profile->endpoints[j];
            if (is_alike(endpoint, other) &&
                (!covers_params || would_take(other, endpoint->required, endpoint->listed, words)))
                endpoint->confusable[endpoint->confusable_count++] = other;
        }
    }
}

unsigned ch_endpoint_confused_classes(const ch_endpoint *endpoint, const ch_request *request)
{
    size_t words = words_of(endpoint->profile);
    bool covers_params = (endpoint->recipe->covers & CH_COVERS_PARAMS) != 0;
    uint64_t given[CH_NAME_WORDS_MAX];
    memset(given, 0, words * sizeof given[0]);
    for (size_t i = 0; covers_params && i < request->param_count; i++) {
        const ch_endpoint_param *spec = find_param(endpoint, request->params[i].name);
        if (spec != NULL)
            set_bit(given, spec->def->name_index);
    }
    unsigned classes = 1U << endpoint->class_;
    for (size_t i = 0; i < endpoint->confusable_count; i++) {
        const ch_endpoint *other = endpoint->confusable[i];
        unsigned bit = 1U << other->class_;
        if ((classes & bit) == 0 && (!covers_params || would_take(other, given, given, words)))
            classes |= bit;
    }
    return classes;
}
