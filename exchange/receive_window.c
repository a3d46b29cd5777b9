/* The parameter is added before the request is checked, so that whatever judges the request, or makes it, sees it like
 * one of the bot's. */
#include "exchange/receive_window.h"

#include "exchange/profile_impl.h"
#include "exchange/readings.h"

#include <stdio.h>

#define RULE "receive_window"
#define MS_NS 1000000

/* NULL: the endpoint takes none. */
static const char *param_of(const ch_endpoint *endpoint)
{
    const char *name = endpoint->profile->validity.param;
    bool is_taken = name != NULL && ch_param_list_find(&endpoint->params, ch_slice_of(name)) != NULL;
    return is_taken ? name : NULL;
}

/* NULL: the bot did not give it. */
static const ch_param *find(const ch_request *request, const char *name)
{
    for (size_t i = 0; i < request->param_count; i = ch_param_after(request->params, request->param_count, i)) {
        if (ch_slice_is(request->params[i].name, name))
            return &request->params[i];
    }
    return NULL;
}

static bool is_in_recipe(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    return endpoint->recipes[scheme->index]->uses[CH_BUILTIN_WINDOW];
}

bool ch_receive_window_add(const ch_endpoint *endpoint, const ch_scheme *scheme, uint32_t max_ms, char *text,
                           ch_request *request)
{
    const char *name = param_of(endpoint);
    bool is_needed = max_ms != 0 && endpoint->profile->validity.ns > (uint64_t)max_ms * MS_NS;
    if (!is_needed || name == NULL || is_in_recipe(endpoint, scheme) || request->param_count >= CH_PARAMS_MAX ||
        find(request, name) != NULL)
        return false;
    snprintf(text, CH_RECEIVE_WINDOW_TEXT_MAX, "%u", (unsigned)max_ms);
    request->params[request->param_count++] =
        (ch_param){.kind = CH_PARAM_INTEGER, .name = ch_slice_of(name), .value = ch_slice_of(text)};
    return true;
}

/* ---- what is valid for too long ---- */

static ch_status fail_lacking(const ch_endpoint *endpoint, const char *name, uint32_t max_ms, ch_error *err)
{
    return ch_fail_rule(err, CH_REFUSED, RULE,
                        "without '%s', %s takes this request for %llu ms, longer than the %u ms that the key's policy "
                        "lets it be; set %s to at most %u, in the SDK's options if an SDK makes the request",
                        name, endpoint->profile->title, (unsigned long long)(endpoint->profile->validity.ns / MS_NS),
                        (unsigned)max_ms, name, (unsigned)max_ms);
}

/* 0 stands for the exchange's default; what is not known is longer than any. */
static ch_status fail_given(const char *name, uint64_t valid_ns, uint32_t max_ms, ch_error *err)
{
    char length[64] = "";
    if (valid_ns != 0)
        snprintf(length, sizeof length, " of %llu ms", (unsigned long long)(valid_ns / MS_NS));
    return ch_fail_rule(err, CH_REFUSED, RULE,
                        "the receive window%s is longer than the %u ms that the key's policy lets it be; set %s to at "
                        "most %u",
                        length, (unsigned)max_ms, name, (unsigned)max_ms);
}

static ch_status fail_fixed(const ch_endpoint *endpoint, uint64_t valid_ns, uint32_t max_ms, ch_error *err)
{
    char length[64] = "nobody knows how long it is valid";
    if (valid_ns != 0)
        snprintf(length, sizeof length, "it is valid for %llu ms", (unsigned long long)(valid_ns / MS_NS));
    return ch_fail_rule(err, CH_REFUSED, RULE,
                        "%s %s takes no receive window that is signed, so %s, and the key's policy lets it "
                        "be %u ms; use a key whose policy has a longer 'receive_window', or none",
                        endpoint->method, endpoint->path, length, (unsigned)max_ms);
}

ch_status ch_receive_window_check(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_request *request,
                                  uint32_t max_ms, bool is_harmless, ch_error *err)
{
    if (is_in_recipe(endpoint, scheme))
        return CH_OK;
    uint64_t valid_ns = ch_request_validity_ns(endpoint, scheme, request);
    if (valid_ns != 0 && valid_ns <= (uint64_t)max_ms * MS_NS)
        return CH_OK;
    const char *name = ch_endpoint_signs_validity(endpoint, scheme) ? param_of(endpoint) : NULL;
    if (name == NULL)
        return is_harmless ? CH_OK : fail_fixed(endpoint, valid_ns, max_ms, err);
    return find(request, name) == NULL && valid_ns == endpoint->profile->validity.ns
               ? fail_lacking(endpoint, name, max_ms, err)
               : fail_given(name, valid_ns, max_ms, err);
}
