/* A value is compared as text, so only types with one spelling for each value may have needs: 0 is an integer in one
 * way only, a decimal in many. */
#include "exchange/needs.h"

#include "exchange/check_value.h"
#include "exchange/profile_impl.h"

#include <string.h>

/* ---- of one parameter ---- */

static unsigned all_needs(const ch_param_def *def)
{
    unsigned classes = 0;
    for (size_t i = 0; i < def->need_count; i++)
        classes |= 1U << def->needs[i].class_;
    return classes;
}

static unsigned needs_of_value(const ch_param_def *def, const ch_param *param)
{
    unsigned classes = 0;
    for (size_t i = 0; i < def->need_count; i++) {
        if (ch_slice_is(param->value, def->needs[i].value))
            classes |= 1U << def->needs[i].class_;
    }
    return classes;
}

/* The exchange may read a value that `def` does not know, such as 00, as one that it knows. */
static bool is_known(const ch_param_def *def, const ch_param *param)
{
    ch_error ignored = CH_ERROR_INIT;
    ch_param copy = *param;
    return param->kind != CH_PARAM_LIST && param->kind != CH_PARAM_OBJECT &&
           ch_param_check(def, &copy, 1, 0, &ignored) == CH_OK;
}

static const ch_param *find(const ch_request *request, const char *name)
{
    for (size_t i = 0; i < request->param_count; i = ch_param_after(request->params, request->param_count, i)) {
        if (ch_slice_is(request->params[i].name, name))
            return &request->params[i];
    }
    return NULL;
}

static bool is_longer(ch_slice text, const char *part)
{
    return *part != '\0' && text.size > strlen(part);
}

/* What a cut can make of the request: a value with which `def` needs a class is the beginning of one, or its name the
 * end of another. */
static unsigned needs_by_cuts(const ch_param_def *def, const ch_request *request)
{
    unsigned classes = 0;
    for (size_t i = 0; i < request->param_count; i = ch_param_after(request->params, request->param_count, i)) {
        const ch_param *param = &request->params[i];
        bool is_it = ch_slice_is(param->name, def->name);
        for (size_t k = 0; is_it && k < def->need_count; k++) {
            const char *value = def->needs[k].value;
            if (is_longer(param->value, value) && ch_slice_begins(param->value, ch_slice_of(value)))
                classes |= 1U << def->needs[k].class_;
        }
        if (is_longer(param->name, def->name) &&
            ch_slice_is(ch_slice_after(param->name, param->name.size - strlen(def->name)), def->name))
            classes |= all_needs(def);
    }
    return classes;
}

static bool is_shown(const ch_endpoint *endpoint, size_t scheme, const ch_param_def *def)
{
    return (endpoint->recipes[scheme]->shows & (def->is_in_query ? CH_SHOWS_QUERY : CH_SHOWS_BODY)) != 0;
}

/* ---- of all ---- */

unsigned ch_needs_of_request(const ch_endpoint *endpoint, const ch_request *request)
{
    unsigned classes = 0;
    for (size_t i = 0; endpoint->has_needs && i < endpoint->params.count; i++) {
        const ch_param_def *def = endpoint->params.params[i].def;
        const ch_param *param = def->need_count == 0 ? NULL : find(request, def->name);
        classes |= param == NULL ? 0 : needs_of_value(def, param);
    }
    return classes;
}

unsigned ch_needs_left_open(const ch_endpoint *endpoint, size_t scheme)
{
    unsigned classes = 0;
    for (size_t i = 0; endpoint->has_needs && i < endpoint->params.count; i++) {
        const ch_param_def *def = endpoint->params.params[i].def;
        classes |= is_shown(endpoint, scheme, def) ? 0 : all_needs(def);
    }
    return classes;
}

unsigned ch_needs_of_endpoint(const ch_endpoint *endpoint)
{
    unsigned classes = 0;
    for (size_t i = 0; endpoint->has_needs && i < endpoint->params.count; i++)
        classes |= all_needs(endpoint->params.params[i].def);
    return classes;
}

unsigned ch_needs_of_signature(const ch_endpoint *endpoint, size_t scheme, const ch_endpoint *asked,
                               const ch_request *request)
{
    unsigned classes = ch_needs_left_open(endpoint, scheme) | ch_needs_of_request(endpoint, request);
    for (size_t i = 0; endpoint->has_needs && i < endpoint->params.count; i++) {
        const ch_param_def *def = endpoint->params.params[i].def;
        const ch_param *param = def->need_count == 0 ? NULL : find(request, def->name);
        bool is_agents = ch_recipe_fills_in(asked->recipes[scheme], ch_slice_of(def->name));
        classes |= is_agents || (param != NULL && !is_known(def, param)) ? all_needs(def) : 0;
        if (def->need_count > 0 && endpoint->recipes[scheme]->joins_body)
            classes |= needs_by_cuts(def, request);
    }
    return classes;
}
