/* What is asked of a profile for every request: which endpoint it is, and whether its parameters are the endpoint's. */
#include "base/buffer.h"
#include "exchange/profile_impl.h"

#include <string.h>

/* ---- what it is made of ---- */

const char *ch_profile_name(const ch_profile *profile)
{
    return profile->name;
}

const char *ch_profile_title(const ch_profile *profile)
{
    return profile->title;
}

const ch_scheme *ch_profile_scheme(const ch_profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->scheme_count; i++) {
        if (strcmp(profile->schemes[i].name, name) == 0)
            return &profile->schemes[i];
    }
    return NULL;
}

const ch_scheme *ch_profile_scheme_at(const ch_profile *profile, size_t index)
{
    return index < profile->scheme_count ? &profile->schemes[index] : NULL;
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

void ch_scheme_add_signature(const ch_scheme *scheme, ch_slice signature, ch_buffer *out)
{
    ch_encode(out, scheme->signature, signature);
}

const ch_endpoint *ch_profile_endpoint_at(const ch_profile *profile, size_t index)
{
    return index < profile->endpoint_count ? &profile->endpoints[index] : NULL;
}

unsigned ch_profile_kind(const ch_profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->kind_count; i++) {
        if (strcmp(profile->kinds[i], name) == 0)
            return 1U << i;
    }
    return 0;
}

const char *ch_endpoint_kind(const ch_endpoint *endpoint, unsigned kinds)
{
    for (size_t i = 0; i < endpoint->profile->kind_count; i++) {
        if ((endpoint->kind & ~kinds & 1U << i) != 0)
            return endpoint->profile->kinds[i];
    }
    return NULL;
}

ch_class ch_endpoint_class(const ch_endpoint *endpoint)
{
    return endpoint->class_;
}

const char *ch_endpoint_method(const ch_endpoint *endpoint)
{
    return endpoint->method;
}

const char *ch_endpoint_path(const ch_endpoint *endpoint)
{
    return endpoint->path;
}

ch_slice ch_endpoint_host(const ch_endpoint *endpoint)
{
    return endpoint->origin->host;
}

unsigned ch_endpoint_covers(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    return endpoint->recipes[scheme->index]->covers;
}

/* ---- which endpoint ---- */

/* What was found on the way to an endpoint. */
typedef struct ch_search {
    const ch_request *request;
    const ch_endpoint *found;
    bool has_path;
    bool is_ambiguous; /* at two hosts */
} ch_search;

static void look_at(ch_search *search, const ch_endpoint *endpoint)
{
    const ch_request *request = search->request;
    if (request->host.size > 0 && !ch_slice_equal(request->host, endpoint->origin->host))
        return;
    search->has_path = true;
    if (!ch_slice_is(request->method, endpoint->method))
        return;
    if (search->found == NULL)
        search->found = endpoint;
    else if (search->found->origin != endpoint->origin)
        search->is_ambiguous = true;
}

static void look_among_literal(ch_search *search, const ch_profile *profile)
{
    ch_slice path = search->request->path;
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
            look_at(search, &profile->endpoints[i]);
    }
}

static void look_among_patterns(ch_search *search, const ch_profile *profile)
{
    ch_slice captures[CH_PATH_PARTS_MAX];
    for (size_t i = 0; i < profile->pattern_count; i++) {
        const ch_endpoint *endpoint = &profile->endpoints[profile->patterns[i]];
        if (ch_endpoint_fits(endpoint, search->request->path, captures))
            look_at(search, endpoint);
    }
}

ch_status ch_profile_match(const ch_profile *profile, const ch_request *request, const ch_endpoint **out, ch_error *err)
{
    ch_search search = {.request = request};
    look_among_literal(&search, profile);
    if (search.found == NULL)
        look_among_patterns(&search, profile);
    *out = search.found;
    if (search.is_ambiguous)
        return ch_fail(err, CH_BAD_INPUT, "profile '%s' has this path at several hosts; say which with \"host\"",
                       profile->name);
    if (search.found != NULL)
        return CH_OK;
    if (search.has_path)
        return ch_fail(err, CH_BAD_METHOD, "profile '%s' lists this path, but not with this method", profile->name);
    return ch_fail(err, CH_NOT_FOUND,
                   "profile '%s' lists no such path%s; it must be the same to the byte, without query", profile->name,
                   request->host.size > 0 ? " at this host" : "");
}

/* ---- are its parameters right ---- */

const ch_listed_param *ch_param_list_find(const ch_param_list *list, ch_slice name)
{
    size_t low = 0;
    size_t high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ch_slice_compare(name, list->params[middle].name);
        if (order == 0)
            return &list->params[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

size_t ch_param_after(const ch_param *params, size_t count, size_t at)
{
    size_t depth = 0;
    do {
        if (params[at].kind == CH_PARAM_LIST || params[at].kind == CH_PARAM_OBJECT)
            depth++;
        else if (params[at].kind == CH_PARAM_END)
            depth--;
        at++;
    } while (depth > 0 && at < count);
    return at;
}

bool ch_recipe_fills_in(const ch_recipe *recipe, ch_slice name)
{
    for (size_t i = 0; i < recipe->list_count; i++) {
        for (size_t j = 0; j < recipe->lists[i].field_count; j++) {
            if (ch_slice_is(name, recipe->lists[i].fields[j].name))
                return true;
        }
    }
    return false;
}

bool ch_endpoint_fills_in(const ch_endpoint *endpoint, const ch_scheme *scheme, ch_slice name)
{
    return ch_recipe_fills_in(endpoint->recipes[scheme->index], name);
}

static ch_status check_agent_field(const ch_request *request, size_t at, ch_error *err)
{
    const ch_param *param = &request->params[at];
    if (param->kind != CH_PARAM_PLACEHOLDER)
        return ch_fail(err, CH_BAD_INPUT,
                       "the agent itself fills in '%.*s'; leave it out, or give null to say where it stands",
                       CH_SLICE_ARGS(param->name));
    for (size_t i = 0; i < at; i = ch_param_after(request->params, at, i)) {
        if (ch_slice_equal(request->params[i].name, param->name))
            return ch_fail(err, CH_BAD_INPUT, "parameter '%.*s' is given twice", CH_SLICE_ARGS(param->name));
    }
    return CH_OK;
}

static const uint64_t *choice_missed(const ch_profile *profile, const ch_param_list *list, const uint64_t *given)
{
    for (size_t i = 0; i < list->choice_count; i++) {
        const uint64_t *choice = list->choices + i * profile->name_words;
        if (!ch_set_meets(choice, given, profile->name_words))
            return choice;
    }
    return NULL;
}

bool ch_param_list_suffices(const ch_profile *profile, const ch_param_list *list, const uint64_t *given)
{
    return ch_set_is_subset(list->required, given, profile->name_words) && choice_missed(profile, list, given) == NULL;
}

ch_status ch_param_list_fail(const ch_profile *profile, const ch_param_list *list, const uint64_t *given,
                             const char *whose, ch_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->params[i].is_required && !ch_set_has(given, list->params[i].def->name_index))
            return ch_fail(err, CH_BAD_INPUT, "parameter '%s' is missing; %s needs it", list->params[i].def->name,
                           whose);
    }
    const uint64_t *choice = choice_missed(profile, list, given);
    ch_autobuffer names = CH_BUFFER_INIT;
    for (size_t i = 0; choice != NULL && i < list->count; i++) {
        if (ch_set_has(choice, list->params[i].def->name_index))
            ch_buffer_add_format(&names, "%s'%s'", names.size == 0 ? "" : ", ", list->params[i].def->name);
    }
    return ch_fail(err, CH_BAD_INPUT, "%s needs at least one of %s", whose, ch_buffer_text(&names));
}

static ch_status check_path(const ch_endpoint *endpoint, const ch_request *request, ch_error *err)
{
    ch_slice captures[CH_PATH_PARTS_MAX] = {0};
    size_t captured = 0;
    if (endpoint->parts == NULL)
        return CH_OK;
    if (!ch_endpoint_fits(endpoint, request->path, captures))
        return ch_fail(err, CH_INTERNAL, "the path does not fit its endpoint");
    ch_status st = CH_OK;
    for (size_t i = 0; st == CH_OK && i < endpoint->part_count; i++) {
        const ch_param_def *def = endpoint->parts[i].def;
        if (def == NULL)
            continue;
        ch_param param = {.kind = CH_PARAM_TEXT, .name = ch_slice_of(def->name), .value = captures[captured++]};
        st = ch_param_check(endpoint->profile, def, &param, 1, 0, err);
    }
    return st;
}

ch_status ch_endpoint_check(const ch_endpoint *endpoint, const ch_scheme *scheme, ch_request *request, ch_error *err)
{
    uint64_t given[CH_NAME_WORDS_MAX];
    memset(given, 0, endpoint->profile->name_words * sizeof given[0]);
    ch_param *params = request->params;
    for (size_t i = 0; i < request->param_count; i = ch_param_after(params, request->param_count, i)) {
        const ch_listed_param *listed = ch_param_list_find(&endpoint->params, params[i].name);
        ch_status st;
        if (listed == NULL && ch_endpoint_fills_in(endpoint, scheme, params[i].name))
            st = check_agent_field(request, i, err);
        else if (listed == NULL)
            st = ch_fail(err, CH_BAD_INPUT, "%s %s takes no parameter '%.*s'", endpoint->method, endpoint->path,
                         CH_SLICE_ARGS(params[i].name));
        else if (ch_set_has(given, listed->def->name_index))
            st = ch_fail(err, CH_BAD_INPUT, "parameter '%s' is given twice", listed->def->name);
        else if (params[i].kind == CH_PARAM_PLACEHOLDER)
            st = ch_fail(err, CH_BAD_INPUT, "parameter '%s' is null; only what the agent fills in may be",
                         listed->def->name);
        else
            st = ch_param_check(endpoint->profile, listed->def, params, request->param_count, i, err);
        if (st != CH_OK)
            return st;
        if (listed != NULL)
            ch_set_add(given, listed->def->name_index);
    }
    ch_status st = check_path(endpoint, request, err);
    if (st != CH_OK || ch_param_list_suffices(endpoint->profile, &endpoint->params, given))
        return st;
    ch_autobuffer call = CH_BUFFER_INIT;
    ch_buffer_add_format(&call, "%s %s", endpoint->method, endpoint->path);
    return ch_param_list_fail(endpoint->profile, &endpoint->params, given, ch_buffer_text(&call), err);
}

ch_role ch_endpoint_role(const ch_endpoint *endpoint, ch_slice name)
{
    const ch_listed_param *listed = ch_param_list_find(&endpoint->params, name);
    return listed == NULL ? CH_ROLE_NONE : listed->def->role;
}
