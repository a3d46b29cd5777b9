/* How often and for how long a signature is good. What is not known is 0, and never a small number. */
#include "exchange/readings.h"

#include "exchange/check_value.h"
#include "exchange/profile_impl.h"

#define MS_NS 1000000
#define DIGITS_MAX 9 /* of milliseconds */

uint32_t ch_profile_uses_within(const ch_profile *profile, uint64_t validity_ns)
{
    const ch_order_rate *rate = &profile->order_rate;
    if (rate->count == 0 || validity_ns == 0)
        return 0;
    uint64_t periods = validity_ns / rate->per_ns + (validity_ns % rate->per_ns != 0);
    return periods > UINT32_MAX / rate->count ? UINT32_MAX : (uint32_t)periods * rate->count;
}

uint64_t ch_profile_validity_ns(const ch_profile *profile, uint32_t window_ms)
{
    return window_ms > 0 ? (uint64_t)window_ms * MS_NS : profile->validity.ns;
}

uint64_t ch_profile_longest_validity_ns(const ch_profile *profile, uint32_t most_ms)
{
    const ch_window *window = &profile->window;
    if (window->max_ms > 0)
        return (uint64_t)(most_ms > 0 && most_ms < window->max_ms ? most_ms : window->max_ms) * MS_NS;
    return profile->validity.param == NULL ? profile->validity.ns : 0;
}

static const ch_param *find(const ch_request *request, const char *name)
{
    for (size_t i = 0; i < request->param_count; i = ch_param_after(request->params, request->param_count, i)) {
        const ch_param *param = &request->params[i];
        if (ch_slice_is(param->name, name) && param->kind != CH_PARAM_PLACEHOLDER)
            return param;
    }
    return NULL;
}

/* A part of a millisecond counts as a whole one. */
static uint64_t milliseconds_of(ch_slice text)
{
    size_t digits = ch_slice_count_digits(text);
    uint64_t ms = text.size > digits;
    if (!ch_is_decimal(text) || digits > DIGITS_MAX)
        return 0;
    uint64_t whole = 0;
    for (size_t i = 0; i < digits; i++)
        whole = whole * 10 + (uint64_t)(text.data[i] - '0');
    return whole + ms;
}

/* The exchange may take a window of 0, or what it cuts down to that, for its default. */
static uint64_t window_of(const ch_param *param, uint64_t default_ns)
{
    bool is_default = param == NULL || (ch_is_decimal(param->value) && param->value.data[0] == '0');
    return is_default ? default_ns : milliseconds_of(param->value) * MS_NS;
}

/* What an order of a batch says for itself may count too. */
static uint64_t longest_of(const ch_request *request, const char *name, uint64_t default_ns)
{
    uint64_t longest_ns = window_of(find(request, name), default_ns);
    for (size_t i = 0; i < request->param_count && longest_ns != 0; i++) {
        const ch_param *param = &request->params[i];
        if (!ch_slice_is(param->name, name) || param->kind == CH_PARAM_PLACEHOLDER)
            continue;
        uint64_t ns = window_of(param, default_ns);
        longest_ns = ns == 0 || ns > longest_ns ? ns : longest_ns;
    }
    return longest_ns;
}

bool ch_endpoint_signs_validity(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    const char *name = endpoint->profile->validity.param;
    const ch_listed_param *listed = name == NULL ? NULL : ch_param_list_find(&endpoint->params, ch_slice_of(name));
    unsigned shows = endpoint->recipes[scheme->index]->shows;
    return listed != NULL && (shows & (listed->def->is_in_query ? CH_SHOWS_QUERY : CH_SHOWS_BODY)) != 0;
}

/* What a parameter says that no signature covers can be changed by whoever sends the request. */
static uint64_t validity_of(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_request *request)
{
    const ch_validity *validity = &endpoint->profile->validity;
    if (validity->param == NULL || ch_param_list_find(&endpoint->params, ch_slice_of(validity->param)) == NULL)
        return validity->ns;
    return ch_endpoint_signs_validity(endpoint, scheme) ? longest_of(request, validity->param, validity->ns) : 0;
}

uint64_t ch_request_validity_ns(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_request *request)
{
    const ch_window *window = &endpoint->profile->window;
    if (window->param != NULL && endpoint->recipes[scheme->index]->uses[CH_BUILTIN_WINDOW])
        return window_of(find(request, window->param), (uint64_t)window->default_ms * MS_NS);
    return validity_of(endpoint, scheme, request);
}
