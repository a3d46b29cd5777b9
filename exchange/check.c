/* The agent's own fields are not the bot's parameters. A bot may only send a placeholder, to say where one goes. */
#include "exchange/check.h"

#include "base/bits.h"
#include "base/buffer.h"
#include "exchange/check_value.h"
#include "exchange/match.h"
#include "exchange/profile_impl.h"

#include <string.h>

static ch_status check_agents(const ch_request *request, size_t at, ch_error *err)
{
    const ch_param *param = &request->params[at];
    if (param->kind != CH_PARAM_PLACEHOLDER)
        return ch_fail(err, CH_BAD_INPUT,
                       "the agent itself fills in '%.*s'; leave it out, or send null to say where it goes",
                       CH_SLICE_ARGS(param->name));
    for (size_t i = 0; i < at; i = ch_param_after(request->params, at, i)) {
        if (ch_slice_equal(request->params[i].name, param->name))
            return ch_fail(err, CH_BAD_INPUT, "parameter '%.*s' is given twice", CH_SLICE_ARGS(param->name));
    }
    return CH_OK;
}

/* Adds the parameter to `given`. */
static ch_status check_listed(const ch_listed_param *listed, ch_request *request, size_t at, uint64_t *given,
                              ch_error *err)
{
    if (ch_set_has(given, listed->def->name_index))
        return ch_fail(err, CH_BAD_INPUT, "parameter '%s' is given twice", listed->def->name);
    if (request->params[at].kind == CH_PARAM_PLACEHOLDER)
        return ch_fail(err, CH_BAD_INPUT,
                       "parameter '%s' is null; send a value, or leave it out (null is for what the agent fills in)",
                       listed->def->name);
    ch_set_add(given, listed->def->name_index);
    return ch_param_check(listed->def, request->params, request->param_count, at, err);
}

/* One that is longer would let a signature outlive what allowed it. */
static ch_status check_window(const ch_window *window, const ch_request *request, size_t at, ch_error *err)
{
    const ch_param *param = &request->params[at];
    for (size_t i = 0; i < at; i = ch_param_after(request->params, at, i)) {
        if (ch_slice_equal(request->params[i].name, param->name))
            return ch_fail(err, CH_BAD_INPUT, "parameter '%s' is given twice", window->param);
    }
    if (param->kind == CH_PARAM_PLACEHOLDER || ch_is_window(param, window->max_ms))
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT, "the receive window '%s' must be a whole number of milliseconds from 1 to %u",
                   window->param, (unsigned)window->max_ms);
}

static ch_status check_path(const ch_endpoint *endpoint, const ch_request *request, ch_error *err)
{
    ch_slice captures[CH_PATH_PARTS_MAX] = {0};
    size_t captured = 0;
    if (endpoint->parts == NULL)
        return CH_OK;
    if (!ch_endpoint_fits(endpoint, request->path, captures))
        return ch_fail(err, CH_INTERNAL, "the path does not fit its endpoint");
    for (size_t i = 0; i < endpoint->part_count; i++) {
        const ch_param_def *def = endpoint->parts[i].def;
        if (def == NULL)
            continue;
        ch_param param = {.kind = CH_PARAM_TEXT, .name = ch_slice_of(def->name), .value = captures[captured++]};
        CH_TRY(ch_param_check(def, &param, 1, 0, err));
    }
    return CH_OK;
}

/* A signature by another scheme would be of no use there. */
static ch_status check_scheme(const ch_endpoint *endpoint, const ch_scheme *scheme, ch_error *err)
{
    if (ch_endpoint_has_scheme(endpoint, scheme->index))
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT, "%s %s takes no signature by scheme '%s', and that is the key's",
                   endpoint->method, endpoint->path, scheme->name);
}

ch_status ch_endpoint_check(const ch_endpoint *endpoint, const ch_scheme *scheme, ch_request *request, ch_error *err)
{
    uint64_t given[CH_NAME_WORDS_MAX];
    memset(given, 0, endpoint->params.words * sizeof given[0]);
    const ch_param *params = request->params;
    CH_TRY(check_scheme(endpoint, scheme, err));
    for (size_t i = 0; i < request->param_count; i = ch_param_after(params, request->param_count, i)) {
        const ch_listed_param *listed = ch_param_list_find(&endpoint->params, params[i].name);
        if (listed != NULL)
            CH_TRY(check_listed(listed, request, i, given, err));
        else if (ch_endpoint_takes_window(endpoint, endpoint->recipes[scheme->index], params[i].name))
            CH_TRY(check_window(&endpoint->profile->window, request, i, err));
        else if (ch_endpoint_fills_in(endpoint, scheme, params[i].name))
            CH_TRY(check_agents(request, i, err));
        else
            return ch_fail(err, CH_BAD_INPUT, "%s %s takes no parameter '%.*s'", endpoint->method, endpoint->path,
                           CH_SLICE_ARGS(params[i].name));
    }
    CH_TRY(check_path(endpoint, request, err));
    if (ch_param_list_is_met(&endpoint->params, given))
        return CH_OK;
    ch_autobuffer call = CH_BUFFER_INIT;
    ch_buffer_add_format(&call, "%s %s", endpoint->method, endpoint->path);
    return ch_param_list_fail(&endpoint->params, given, ch_buffer_text(&call), err);
}
