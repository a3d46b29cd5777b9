/* A header is the transport's, the environment's, the agent's, or the SDK's own; there is no other. */
#include "exchange/wire_impl.h"

#include "exchange/environments_impl.h"
#include "exchange/sdk.h"

#include <string.h>

/* What says how a request travels, and nothing to the exchange's account. */
/* clang-format off */
static const struct {
    const char *name;
    const char *value; /* NULL: any */
    bool is_passed_on; /* with a call that is not built anew: it says what answer is wanted */
} transport[] = {
    { "Accept",          NULL, true },
    { "Accept-Charset",  NULL, false },
    { "Accept-Encoding", NULL, false },
    { "Accept-Language", NULL, true },
    { "Cache-Control",   NULL, true },
    { "Connection",      NULL, false },
    { "Content-Length",  NULL, false },
    { "Content-Type",    NULL, true },
    { "Expect",          NULL, false },
    { "Host",            NULL, false },
    { "Keep-Alive",      NULL, false },
    { "Origin",          "*",  false }, /* not a page in a browser: an SDK that would pass through a proxy */
    { "Pragma",          NULL, true },
    { "Sec-Fetch-Mode",  NULL, false },
    { "TE",              NULL, false },
    { "User-Agent",      NULL, true },
};
/* clang-format on */

bool ch_wire_is_of_transport(const ch_header *header, bool *is_passed_on)
{
    for (size_t i = 0; i < sizeof transport / sizeof *transport; i++) {
        if (!ch_slice_equal_case(header->name, ch_slice_of(transport[i].name)))
            continue;
        *is_passed_on = transport[i].is_passed_on;
        return transport[i].value == NULL || ch_slice_is(header->value, transport[i].value);
    }
    return false;
}

static const ch_environment_header *find_environments(const ch_environment *environment, ch_slice name)
{
    for (size_t i = 0; i < environment->header_count; i++) {
        if (ch_slice_equal_case(name, ch_slice_of(environment->headers[i].name)))
            return &environment->headers[i];
    }
    return NULL;
}

bool ch_wire_is_of_environment(const ch_wire *wire, const ch_header *header)
{
    const ch_environment_header *own = find_environments(wire->input->environment, header->name);
    return own != NULL && ch_slice_is(header->value, own->text);
}

/* ---- headers of environments ---- */

static ch_status fail_environment(const ch_wire *wire, const char *other, const char *header)
{
    return ch_fail(
        wire->err, CH_BAD_INPUT,
        "header %s makes this a request of environment '%s', and the key is of '%s'; set the SDK to that, or "
        "give the key its 'environment' in the policy",
        header, other, wire->input->environment->name);
}

/* All that the key's environment has must be there. */
static ch_status check_environment(const ch_wire *wire)
{
    const ch_environment *environment = wire->input->environment;
    for (size_t i = 0; i < environment->header_count; i++) {
        size_t k = 0;
        while (k < wire->request->header_count &&
               !ch_slice_equal_case(wire->request->headers[k].name, ch_slice_of(environment->headers[i].name)))
            k++;
        if (k == wire->request->header_count)
            return ch_fail(wire->err, CH_BAD_INPUT,
                           "the key is of environment '%s', whose requests have header %s, and this one lacks it; set "
                           "the SDK to that environment",
                           environment->name, environment->headers[i].name);
    }
    return CH_OK;
}

/* Where no environment of that header has this value, the header says that this is none of them. */
ch_status ch_wire_fail_header(const ch_wire *wire, const ch_header *header)
{
    const ch_profile *profile = wire->input->profile;
    for (size_t i = 0; i < profile->environment_count; i++) {
        const ch_environment_header *found = find_environments(&profile->environments[i], header->name);
        if (found != NULL && ch_slice_is(header->value, found->text))
            return fail_environment(wire, profile->environments[i].name, found->name);
    }
    return ch_fail(wire->err, CH_BAD_INPUT,
                   "header '%.*s' is none that this exchange's requests have; leave it out, or list it under 'sdk' in "
                   "the profile if SDKs send it",
                   CH_SLICE_ARGS(header->name));
}

/* ---- one header ---- */

ch_status ch_wire_check_header(const ch_wire *wire, size_t at)
{
    const ch_header *header = &wire->request->headers[at];
    if (header->name.size == 0 || !ch_slice_is_text(header->name))
        return ch_fail(wire->err, CH_BAD_INPUT, "header %zu has no plain name", at + 1);
    if (!ch_slice_is_text(header->value))
        return ch_fail(wire->err, CH_BAD_INPUT, "header '%.*s' is not plain text", CH_SLICE_ARGS(header->name));
    for (size_t i = 0; i < at; i++) {
        if (ch_slice_equal_case(wire->request->headers[i].name, header->name))
            return ch_fail(wire->err, CH_BAD_INPUT, "header '%.*s' is given twice", CH_SLICE_ARGS(header->name));
    }
    return ch_slice_equal_case(header->name, CH_LITERAL("Host")) ? ch_wire_check_host(wire, header->value) : CH_OK;
}

static ch_status open_holder(ch_wire *wire, const ch_header *header)
{
    size_t at = wire->values.count;
    if (!ch_fillings_open(header->value, header->name, &wire->values) ||
        wire->values.params[at].kind != CH_PARAM_OBJECT)
        return ch_fail(wire->err, CH_BAD_INPUT, "header '%.*s' does not hold parameters as JSON in base64",
                       CH_SLICE_ARGS(header->name));
    ch_wire_give_members(wire, CH_WIRE_HELD, at);
    return CH_OK;
}

static ch_status read_header(ch_wire *wire, const ch_header *header)
{
    const ch_fillings *fillings = &wire->out->fillings;
    bool has_own = find_environments(wire->input->environment, header->name) != NULL;
    bool is_passed_on;
    if (ch_wire_is_of_environment(wire, header))
        return CH_OK;
    if (!has_own && ch_fillings_is_holder(fillings, CH_WIRE_HEADER, header->name))
        return open_holder(wire, header);
    if (!has_own && ch_fillings_find(fillings, CH_WIRE_HEADER, header->name, NULL) != NULL)
        return ch_wire_note_filling(wire, CH_WIRE_HEADER, header->name, header->value);
    if (!has_own && (ch_wire_is_of_transport(header, &is_passed_on) ||
                     ch_sdk_has(wire->out->endpoint, CH_SDK_HEADER, header->name, header->value)))
        return CH_OK;
    return ch_wire_fail_header(wire, header);
}

ch_status ch_wire_read_headers(ch_wire *wire)
{
    for (size_t i = 0; i < wire->request->header_count; i++) {
        CH_TRY(ch_wire_check_header(wire, i));
        CH_TRY(read_header(wire, &wire->request->headers[i]));
    }
    return check_environment(wire);
}
