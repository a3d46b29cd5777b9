/* An endpoint comes first: what the profile lists is never public, whatever a pattern says, unless it is named there by
 * itself and the request is not signed. Which headers and parameters hold credentials is read off the recipes: those in
 * which a key id, a pass phrase or a signature stands. */
#include "exchange/wire_public.h"

#include "exchange/environments_impl.h"
#include "exchange/match.h"
#include "exchange/sdk.h"
#include "exchange/wire_impl.h"

#include <string.h>

/* ---- which call ---- */

/* What no server resolves to another path. */
static bool is_plain_path(ch_slice path)
{
    for (size_t i = 0; i < path.size; i++) {
        uint8_t byte = path.data[i];
        bool is_after_slash = i > 0 && path.data[i - 1] == '/';
        if (!ch_byte_is_alphanumeric(byte) && (byte == 0 || strchr("-._~:/,", byte) == NULL))
            return false;
        if (is_after_slash && (byte == '/' || byte == '.'))
            return false;
    }
    return true;
}

/* '*' stands for one or more characters. */
static bool fits(const char *pattern, ch_slice path)
{
    const char *star = NULL;
    size_t from = 0;
    size_t at = 0;
    while (at < path.size) {
        if (*pattern == '*') {
            star = pattern++;
            from = ++at;
        } else if (*pattern != '\0' && (uint8_t)*pattern == path.data[at]) {
            pattern++;
            at++;
        } else if (star != NULL) {
            pattern = star + 1;
            at = ++from;
        } else {
            return false;
        }
    }
    return *pattern == '\0';
}

static bool is_call(const ch_public_call *call, const ch_request *request)
{
    size_t size = request->method.size;
    return strlen(call->call) > size && memcmp(call->call, request->method.data, size) == 0 &&
           call->call[size] == ' ' && fits(call->call + size + 1, request->path);
}

/* What the profile leaves out with a reason is not among the many that a pattern fits. */
static bool is_left_out(const ch_profile *profile, const ch_request *request)
{
    for (size_t i = 0; i < profile->left_out_count; i++) {
        const ch_public_call call = {.call = profile->left_out[i].call};
        if (is_call(&call, request))
            return true;
    }
    return false;
}

/* Returns the call that the request is, or NULL if it is none. `*hosts` becomes the number of hosts that have it. */
static const ch_public_call *find_call(const ch_environment *environment, const ch_request *request, size_t *hosts)
{
    const ch_profile *profile = environment->profile;
    const ch_public_call *found = NULL;
    *hosts = 0;
    bool may_fit_many = !is_left_out(profile, request);
    size_t count = is_plain_path(request->path) ? profile->public_count : 0;
    for (size_t i = 0; i < count; i++) {
        const ch_public_call *call = &profile->public_calls[i];
        const ch_origin *origin = &environment->origins[call->origin];
        if (origin->url == NULL || !is_call(call, request) || (!may_fit_many && strchr(call->call, '*') != NULL) ||
            (request->host.size > 0 && !ch_slice_equal(request->host, origin->host)))
            continue;
        *hosts += found == NULL || !ch_slice_equal(environment->origins[found->origin].host, origin->host);
        if (found == NULL || call->has_key_id)
            found = call;
    }
    return found;
}

/* Returns the line that names the endpoint, or NULL if none does. */
static const ch_public_call *find_endpoint(const ch_endpoint *endpoint)
{
    const ch_profile *profile = endpoint->profile;
    for (size_t i = 0; i < profile->public_count; i++) {
        if (&profile->origins[profile->public_calls[i].origin] == endpoint->origin &&
            ch_sdk_is_call(endpoint, profile->public_calls[i].call))
            return &profile->public_calls[i];
    }
    return NULL;
}

/* ---- what holds credentials ---- */

static bool is_secretive(const ch_recipe *recipe, const ch_template_part *part)
{
    return !part->is_literal && part->style == NULL &&
           (part->index == CH_BUILTIN_KEY_ID || part->index == CH_BUILTIN_PASSPHRASE ||
            part->index == CH_BUILTIN_SIGNATURE || part->index >= CH_BUILTIN_COUNT + recipe->value_count);
}

/* `&signature=` and `"signature":"` name a parameter. */
static bool ends_in_name(ch_slice literal, ch_slice name)
{
    size_t end = literal.size;
    while (end > 0 && strchr("\"=: ", literal.data[end - 1]) != NULL)
        end--;
    size_t from = end;
    while (from > 0 && (ch_byte_is_alphanumeric(literal.data[from - 1]) || literal.data[from - 1] == '_' ||
                        literal.data[from - 1] == '-'))
        from--;
    return end > from && ch_slice_equal((ch_slice){literal.data + from, end - from}, name);
}

static bool template_has(const ch_recipe *recipe, const ch_template *text, ch_slice name)
{
    for (size_t i = 1; i < text->part_count; i++) {
        if (is_secretive(recipe, &text->parts[i]) && text->parts[i - 1].is_literal &&
            ends_in_name(text->parts[i - 1].literal, name))
            return true;
    }
    return false;
}

static bool list_has(const ch_recipe *recipe, const ch_recipe_list *list, ch_slice name)
{
    for (size_t i = 0; i < list->field_count; i++) {
        const ch_template *value = &list->fields[i].value;
        if (ch_slice_is(name, list->fields[i].name) && value->part_count == 1 && is_secretive(recipe, &value->parts[0]))
            return true;
    }
    return false;
}

static bool is_credential(const ch_profile *profile, ch_slice name)
{
    bool is_found = false;
    for (size_t i = 0; i < profile->recipe_count; i++) {
        const ch_recipe *recipe = &profile->recipes[i];
        is_found |= template_has(recipe, &recipe->url, name) || template_has(recipe, &recipe->body, name);
        for (size_t k = 0; k < recipe->list_count; k++)
            is_found |= list_has(recipe, &recipe->lists[k], name);
    }
    return is_found;
}

static bool is_recipes_header(const ch_profile *profile, ch_slice name)
{
    for (size_t i = 0; i < profile->recipe_count; i++) {
        for (size_t k = 0; k < profile->recipes[i].header_count; k++) {
            if (ch_slice_equal_case(name, ch_slice_of(profile->recipes[i].headers[k].name)))
                return true;
        }
    }
    return false;
}

/* Returns the header that holds the key's id and nothing else, or NULL if no recipe has one. */
static const char *key_id_header(const ch_profile *profile)
{
    for (size_t i = 0; i < profile->recipe_count; i++) {
        for (size_t k = 0; k < profile->recipes[i].header_count; k++) {
            const ch_template *text = &profile->recipes[i].headers[k].text;
            if (text->part_count == 1 && !text->parts[0].is_literal && text->parts[0].index == CH_BUILTIN_KEY_ID &&
                text->parts[0].filter_count == 0)
                return profile->recipes[i].headers[k].name;
        }
    }
    return NULL;
}

static bool is_transports(const ch_header *header)
{
    bool is_passed_on;
    return ch_wire_is_of_transport(header, &is_passed_on);
}

static ch_status read_body(ch_wire *wire, ch_error *err)
{
    ch_slice body = wire->request->body;
    return ch_wire_is_json(body) ? ch_wire_read_json(body, CH_LITERAL(""), &wire->values, err)
                                 : ch_wire_read_form(body, &wire->values, err);
}

/* True if something of the request shows whose it is, or may. */
static bool has_credentials(ch_wire *wire)
{
    const ch_profile *profile = wire->input->profile;
    const ch_wire_mark before = ch_wire_mark_of(&wire->values);
    ch_error ignored = CH_ERROR_INIT;
    bool has = ch_wire_read_form(wire->query, &wire->values, &ignored) != CH_OK || read_body(wire, &ignored) != CH_OK;
    for (size_t i = before.count; i < wire->values.count; i++)
        has |= is_credential(profile, wire->values.params[i].name);
    ch_wire_go_back(&wire->values, before);
    for (size_t i = 0; i < wire->request->header_count; i++) {
        const ch_header *header = &wire->request->headers[i];
        has |= !is_transports(header) && is_recipes_header(profile, header->name);
    }
    return has;
}

/* ---- the request ---- */

typedef struct public
{
    ch_wire wire;
    const ch_public_call *call;
    ch_wire_public *out;
}
public;

static ch_status read_name(public *of, ch_slice pair, ch_slice *name)
{
    size_t at = of->wire.values.count;
    CH_TRY(ch_wire_read_form(pair, &of->wire.values, of->wire.err));
    *name = of->wire.values.count > at ? of->wire.values.params[at].name : CH_LITERAL("");
    return CH_OK;
}

/* What is left of the query stays as the SDK has spelled it. */
static ch_status add_query(public *of)
{
    ch_slice query = of->wire.query;
    char separator = '?';
    while (query.size > 0) {
        const uint8_t *next = ch_slice_find(query, '&');
        ch_slice pair = {query.data, next == NULL ? query.size : (size_t)(next - query.data)};
        ch_slice name;
        CH_TRY(read_name(of, pair, &name));
        query = ch_slice_after(query, next == NULL ? pair.size : pair.size + 1);
        if (name.size == 0 || is_credential(of->wire.input->profile, name))
            continue;
        ch_buffer_add_byte(&of->out->text, (uint8_t)separator);
        ch_buffer_add_slice(&of->out->text, pair);
        separator = '&';
    }
    return CH_OK;
}

static ch_status add_url(public *of)
{
    const ch_environment *environment = of->wire.input->environment;
    if (!ch_slice_is_visible(of->wire.query))
        return ch_fail(of->wire.err, CH_BAD_INPUT, "the URL holds what must be percent-encoded");
    ch_buffer_add_text(&of->out->text, environment->origins[of->call->origin].url);
    ch_buffer_add_slice(&of->out->text, of->wire.out->request.path);
    CH_TRY(add_query(of));
    of->out->url = ch_buffer_slice(&of->out->text);
    return CH_OK;
}

static ch_status check_body(public *of)
{
    const ch_wire_values *values = &of->wire.values;
    size_t at = values->count;
    CH_TRY(read_body(&of->wire, of->wire.err));
    for (size_t i = at; i < values->count; i++) {
        if (is_credential(of->wire.input->profile, values->params[i].name))
            return ch_fail(of->wire.err, CH_BAD_INPUT, "a public call has no '%.*s' in its body",
                           CH_SLICE_ARGS(values->params[i].name));
    }
    of->out->body = of->wire.request->body;
    return CH_OK;
}

static void add_header(public *of, ch_slice name, ch_slice value)
{
    of->out->headers[of->out->header_count++] = (ch_header){name, value};
}

static bool is_sdks(const ch_profile *profile, const ch_header *header)
{
    bool is_found = false;
    for (size_t i = 0; i < profile->sdk_count; i++)
        is_found |= profile->sdk[i].habit == CH_SDK_HEADER &&
                    ch_slice_equal_case(header->name, ch_slice_of(profile->sdk[i].name));
    return is_found;
}

static ch_status take_headers(public *of)
{
    const ch_profile *profile = of->wire.input->profile;
    for (size_t i = 0; i < of->wire.request->header_count; i++) {
        const ch_header *header = &of->wire.request->headers[i];
        bool is_passed_on = false;
        CH_TRY(ch_wire_check_header(&of->wire, i));
        if (ch_wire_is_of_transport(header, &is_passed_on)) {
            if (is_passed_on)
                add_header(of, header->name, header->value);
        } else if (!ch_wire_is_of_environment(&of->wire, header) && !is_recipes_header(profile, header->name) &&
                   !is_sdks(profile, header)) {
            return ch_wire_fail_header(&of->wire, header);
        }
    }
    return CH_OK;
}

static void add_own_headers(public *of, ch_slice key_id)
{
    const ch_environment *environment = of->wire.input->environment;
    const char *name = of->call->has_key_id ? key_id_header(environment->profile) : NULL;
    for (size_t i = 0; i < environment->header_count; i++)
        add_header(of, ch_slice_of(environment->headers[i].name), ch_slice_of(environment->headers[i].text));
    if (name != NULL)
        add_header(of, ch_slice_of(name), key_id);
}

static ch_status make(public *of, ch_slice key_id)
{
    CH_TRY(add_url(of));
    CH_TRY(check_body(of));
    CH_TRY(take_headers(of));
    add_own_headers(of, key_id);
    return CH_OK;
}

/* Returns the public call that the request is, or NULL if it is none. */
static const ch_public_call *find(ch_wire *wire, size_t *hosts)
{
    ch_error ignored = CH_ERROR_INIT;
    const ch_endpoint *endpoint = NULL;
    const ch_environment *environment = wire->input->environment;
    ch_status st = ch_environment_match(environment, &wire->out->request, &endpoint, &ignored);
    if (endpoint == NULL)
        return find_call(environment, &wire->out->request, hosts);
    *hosts = 1;
    const ch_public_call *call = st == CH_OK ? find_endpoint(endpoint) : NULL;
    return call == NULL || has_credentials(wire) ? NULL : call;
}

bool ch_wire_public_read(const ch_wire_input *input, const ch_wire_request *request, ch_slice key_id,
                         ch_wire_reading *reading, ch_wire_public *out, ch_status *status, ch_error *err)
{
    size_t hosts;
  public
    of = {
        .wire = {.input = input, .request = request, .out = reading, .err = err},
          .out = out
    };
    *out = (ch_wire_public){.method = request->method};
    if (ch_wire_prepare(&of.wire) != CH_OK || ch_wire_locate(&of.wire) != CH_OK)
        return false;
    of.call = find(&of.wire, &hosts);
    if (of.call == NULL)
        return false;
    *status = hosts == 1 ? make(&of, key_id)
                         : ch_fail(err, CH_BAD_INPUT,
                                   "this path is at several hosts, and the URL names none; name the origin");
    return true;
}
