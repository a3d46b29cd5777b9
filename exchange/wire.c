/* First the call, then what its recipes fill in, then every entry of query, body and headers by what it is: the
 * agent's, the SDK's own, or the bot's. */
#include "exchange/wire_impl.h"

#include "exchange/profile_impl.h"
#include "exchange/sdk.h"

#include <assert.h>
#include <string.h>

#define NS_A_MS 1000000ULL

static ch_param *param_of(const ch_wire *wire, const ch_wire_given *given)
{
    return &wire->values.params[given->at];
}

static ch_wire_given *give(ch_wire *wire, ch_wire_place place, size_t at)
{
    assert(wire->out->given_count < CH_PARAMS_MAX);
    ch_wire_given *given = &wire->out->given[wire->out->given_count++];
    *given = (ch_wire_given){.at = at, .place = place, .hash = ch_slice_hash(wire->values.params[at].name)};
    return given;
}

void ch_wire_give_members(ch_wire *wire, ch_wire_place place, size_t at)
{
    const ch_wire_values *values = &wire->values;
    for (size_t i = at + 1; values->params[i].kind != CH_PARAM_END;
         i = ch_param_after(values->params, values->count, i))
        give(wire, place, i);
}

/* ---- query and body ---- */

static ch_status read_form(ch_wire *wire, ch_wire_place place, ch_slice form)
{
    size_t from = wire->values.count;
    CH_TRY(ch_wire_read_form(form, &wire->values, wire->err));
    for (size_t i = from; i < wire->values.count; i++)
        give(wire, place, i)->is_pair = true;
    return CH_OK;
}

static bool is_blank(ch_slice text)
{
    size_t i = 0;
    while (i < text.size && strchr(" \t\r\n", text.data[i]) != NULL && text.data[i] != '\0')
        i++;
    return i == text.size;
}

/* A list that is the whole body has no name. */
static ch_status read_body(ch_wire *wire)
{
    ch_slice body = wire->request->body;
    size_t at = wire->values.count;
    if (is_blank(body))
        return CH_OK;
    if (!ch_wire_is_json(body))
        return read_form(wire, CH_WIRE_BODY, body);
    CH_TRY(ch_wire_read_json(body, CH_LITERAL(""), &wire->values, wire->err));
    if (wire->values.params[at].kind == CH_PARAM_LIST)
        give(wire, CH_WIRE_BODY, at);
    else
        ch_wire_give_members(wire, CH_WIRE_BODY, at);
    return CH_OK;
}

/* What a member of the body holds stands beside the others. */
static ch_status open_holders(ch_wire *wire)
{
    for (size_t i = 0; i < wire->out->given_count; i++) {
        ch_wire_given *given = &wire->out->given[i];
        const ch_param param = *param_of(wire, given);
        size_t at = given->at;
        if (given->is_done || !ch_fillings_is_holder(&wire->out->fillings, given->place, param.name))
            continue;
        if (param.kind == CH_PARAM_TEXT) {
            at = wire->values.count;
            if (!ch_fillings_open(param.value, param.name, &wire->values))
                at = given->at;
        }
        if (wire->values.params[at].kind != CH_PARAM_OBJECT)
            return ch_fail(wire->err, CH_BAD_INPUT, "'%.*s' does not hold parameters as JSON",
                           CH_SLICE_ARGS(param.name));
        given->is_done = true;
        ch_wire_give_members(wire, CH_WIRE_HELD, at);
    }
    return CH_OK;
}

/* ---- what is given twice ---- */

/* The size of an entry with all that it holds. */
static size_t size_at(const ch_wire_values *values, size_t at)
{
    return ch_param_after(values->params, values->count, at) - at;
}

/* Texts and numbers are alike by their text, for a query has no numbers. */
static bool is_alike_at(const ch_wire_values *values, size_t a, size_t b)
{
    size_t size = size_at(values, a);
    if (size != size_at(values, b))
        return false;
    for (size_t i = 0; i < size; i++) {
        const ch_param *one = &values->params[a + i];
        const ch_param *other = &values->params[b + i];
        bool is_deep = one->kind >= CH_PARAM_PLACEHOLDER || other->kind >= CH_PARAM_PLACEHOLDER;
        if ((is_deep && one->kind != other->kind) || !ch_slice_equal(one->value, other->value) ||
            !ch_slice_equal(one->name, other->name))
            return false;
    }
    return true;
}

/* What is a list or an object in one place may be JSON in the other. */
static bool is_alike(ch_wire *wire, size_t a, size_t b)
{
    const ch_param *one = &wire->values.params[a];
    const ch_param *other = &wire->values.params[b];
    const ch_wire_mark before = ch_wire_mark_of(&wire->values);
    bool is_text = one->kind == CH_PARAM_TEXT;
    if (size_at(&wire->values, a) == size_at(&wire->values, b) || (is_text == (other->kind == CH_PARAM_TEXT)))
        return is_alike_at(&wire->values, a, b);
    const ch_param *text = is_text ? one : other;
    bool is_same = ch_fillings_open(text->value, text->name, &wire->values) &&
                   is_alike_at(&wire->values, before.count, is_text ? b : a);
    ch_wire_go_back(&wire->values, before);
    return is_same;
}

static ch_status check_pair(ch_wire *wire, ch_wire_given *first, ch_wire_given *second)
{
    ch_slice name = param_of(wire, first)->name;
    if (first->place == second->place && first->is_pair && ch_wire_is_of_list(wire->out->endpoint, name))
        return CH_OK;
    if (first->place == second->place || !wire->out->fillings.has_copies)
        return ch_fail(wire->err, CH_BAD_INPUT, "parameter '%.*s' is given twice", CH_SLICE_ARGS(name));
    if (!is_alike(wire, first->at, second->at))
        return ch_fail(wire->err, CH_BAD_INPUT, "parameter '%.*s' is given twice, and not alike", CH_SLICE_ARGS(name));
    (first->place == CH_WIRE_QUERY ? first : second)->is_done = true; /* a body knows numbers from texts */
    return CH_OK;
}

static ch_status check_twice(ch_wire *wire)
{
    ch_wire_given *given = wire->out->given;
    for (size_t i = 0; i < wire->out->given_count; i++) {
        for (size_t k = 0; k < i && !given[i].is_done; k++) {
            if (given[k].hash == given[i].hash && !given[k].is_done &&
                ch_slice_equal(param_of(wire, &given[k])->name, param_of(wire, &given[i])->name))
                CH_TRY(check_pair(wire, &given[k], &given[i]));
        }
    }
    return CH_OK;
}

/* ---- what the agent fills in ---- */

/* By another scheme, the same header may say no time, or say it otherwise. */
static void note_time(ch_wire *wire, const ch_filling *filling, ch_slice value)
{
    ch_wire_seen_time seen = {.name = filling->name};
    bool is_found = ch_wire_time_find(filling, value, &wire->values, &seen.time);
    if (!is_found)
        wire->unread = filling->name;
    else if (wire->time_count < CH_WIRE_TIMES_MAX)
        wire->times[wire->time_count++] = seen;
}

static ch_status check_path(const ch_wire *wire, const ch_filling *filling, ch_slice name, ch_slice value)
{
    ch_slice path = filling->kind == CH_FILLING_CALL ? filling->before : wire->out->request.path;
    bool may_have_query = filling->kind == CH_FILLING_PATH;
    if (ch_slice_begins(value, path) && (value.size == path.size || (may_have_query && value.data[path.size] == '?')))
        return CH_OK;
    return ch_fail(wire->err, CH_BAD_INPUT, "'%.*s' names another call than the URL", CH_SLICE_ARGS(name));
}

ch_status ch_wire_note_filling(ch_wire *wire, ch_wire_place place, ch_slice name, ch_slice value)
{
    const ch_fillings *fillings = &wire->out->fillings;
    const ch_filling *filling = NULL;
    while ((filling = ch_fillings_find(fillings, place, name, filling)) != NULL) {
        if (filling->kind >= CH_FILLING_TIME)
            note_time(wire, filling, value);
        else if (filling->kind == CH_FILLING_PATH || filling->kind == CH_FILLING_CALL)
            CH_TRY(check_path(wire, filling, name, value));
        else if (filling->kind == CH_FILLING_WINDOW)
            wire->window = value;
        else if (ch_wire_time_find_nonce(filling, value, &wire->nonce.time))
            wire->nonce.name = name;
    }
    return CH_OK;
}

/* ---- every entry by what it is ---- */

static ch_status sort_out(ch_wire *wire, ch_wire_given *given)
{
    const ch_param *param = param_of(wire, given);
    const ch_endpoint *endpoint = wire->out->endpoint;
    bool is_listed = ch_param_list_find(&endpoint->params, param->name) != NULL;
    if (ch_fillings_find(&wire->out->fillings, given->place, param->name, NULL) != NULL) {
        given->is_done = true;
        return ch_wire_note_filling(wire, given->place, param->name, param->value);
    }
    given->is_done = !is_listed && ch_sdk_has(endpoint, CH_SDK_LEFT_OUT, param->name, param->value);
    return CH_OK;
}

static ch_status sort_all(ch_wire *wire)
{
    for (size_t i = 0; i < wire->out->given_count; i++) {
        if (!wire->out->given[i].is_done)
            CH_TRY(sort_out(wire, &wire->out->given[i]));
    }
    return CH_OK;
}

/* The window is a parameter unless it is the usual one: then the key's policy may shorten it. */
static ch_status add_window(ch_wire *wire, ch_wire_values *out)
{
    const ch_window *window = &wire->input->profile->window;
    if (wire->window.size == 0 || ch_slice_is(wire->window, window->default_text))
        return CH_OK;
    return ch_wire_add(out, CH_PARAM_TEXT, ch_slice_of(window->param), wire->window, wire->err);
}

/* ---- its own time ---- */

static uint64_t window_ns(const ch_wire *wire)
{
    const ch_request *request = &wire->out->request;
    const ch_profile *profile = wire->input->profile;
    const char *name = profile->window.param != NULL ? profile->window.param : profile->validity.param;
    uint64_t usual_ns = profile->window.param != NULL ? profile->window.default_ms * NS_A_MS : profile->validity.ns;
    for (size_t i = 0; name != NULL && i < request->param_count;
         i = ch_param_after(request->params, request->param_count, i)) {
        uint64_t ms = 0;
        ch_slice value = request->params[i].value;
        size_t digits = ch_slice_count_digits(value);
        for (size_t k = 0; k < digits && k < 9; k++)
            ms = ms * 10 + (uint64_t)(value.data[k] - '0');
        if (ch_slice_is(request->params[i].name, name) && ms > 0)
            usual_ns = ms * NS_A_MS;
    }
    return usual_ns == 0 || usual_ns > CH_WIRE_WINDOW_NS ? CH_WIRE_WINDOW_NS : usual_ns;
}

static ch_wire_clock clock_of(const ch_wire *wire)
{
    return (ch_wire_clock){.now_ns = wire->input->now_ns,
                           .started_ns = wire->input->started_ns,
                           .signed_ns = wire->input->signed_ns,
                           .window_ns = window_ns(wire)};
}

/* Of a request that names no time. */
static ch_status check_nonce(ch_wire *wire, const ch_wire_clock *clock)
{
    const ch_wire_seen_time *nonce = &wire->nonce;
    if (nonce->name.size == 0)
        return CH_OK;
    wire->out->own_ns = ch_wire_nonce_is_time(clock, &nonce->time) ? nonce->time.ns : 0;
    return ch_wire_nonce_check(clock, &nonce->time, nonce->name, wire->err);
}

static ch_status check_times(ch_wire *wire)
{
    const ch_fillings *fillings = &wire->out->fillings;
    const ch_wire_clock clock = clock_of(wire);
    const ch_wire_seen_time *newest = &wire->times[0];
    if (fillings->has_time && wire->time_count == 0 && wire->unread.size > 0)
        return ch_fail(wire->err, CH_BAD_INPUT, "'%.*s' does not say the time of the request",
                       CH_SLICE_ARGS(wire->unread));
    if (fillings->has_time && wire->time_count == 0)
        return ch_fail(
            wire->err, CH_BAD_INPUT,
            "the request does not say when it was made, as this exchange's requests do; so it may be an old one");
    if (wire->time_count == 0)
        return check_nonce(wire, &clock);
    for (size_t i = 0; i < wire->time_count; i++) {
        const ch_wire_seen_time *at = &wire->times[i];
        CH_TRY(ch_wire_time_check(&clock, &at->time, at->name, &wire->out->until_ns, wire->err));
        newest = at->time.ns > newest->time.ns ? at : newest;
    }
    wire->out->own_ns = newest->time.ns;
    return ch_wire_time_check_newest(&clock, &newest->time, newest->name, wire->err);
}

/* ---- the whole ---- */

ch_status ch_wire_prepare(ch_wire *wire)
{
    const ch_wire_request *request = wire->request;
    size_t size = request->url.size + request->body.size;
    if (request->header_count > CH_WIRE_HEADERS_MAX)
        return ch_fail(wire->err, CH_TOO_LARGE, "a request has at most %d headers", CH_WIRE_HEADERS_MAX);
    for (size_t i = 0; i < request->header_count; i++)
        size += request->headers[i].name.size + request->headers[i].value.size;
    if (size > CH_WIRE_BYTES_MAX)
        return ch_fail(wire->err, CH_TOO_LARGE, "the request is larger than %d bytes", CH_WIRE_BYTES_MAX);
    ch_buffer_clear(&wire->out->text);
    ch_buffer_reserve(&wire->out->text, ch_wire_text_size(size));
    wire->values = (ch_wire_values){.params = wire->out->read, .capacity = CH_PARAMS_MAX, .text = &wire->out->text};
    return CH_OK;
}

static ch_status fit(ch_wire *wire)
{
    ch_wire_reading *out = wire->out;
    ch_wire_values fitted = {.params = out->params, .capacity = CH_PARAMS_MAX, .text = &out->text};
    const ch_wire_fit all = {out->endpoint, &wire->values, out->given, out->given_count};
    CH_TRY(ch_wire_fit_all(&all, &fitted, wire->err));
    CH_TRY(add_window(wire, &fitted));
    out->request.param_count = fitted.count;
    return CH_OK;
}

static ch_status take_apart(ch_wire *wire)
{
    const ch_fillings_input learn = {.profile = wire->input->profile,
                                     .environment = wire->input->environment,
                                     .endpoint = wire->out->endpoint,
                                     .path = wire->out->request.path,
                                     .draft = wire->input->draft};
    CH_TRY(ch_fillings_learn(&learn, &wire->out->fillings, wire->err));
    CH_TRY(read_form(wire, CH_WIRE_QUERY, wire->query));
    CH_TRY(ch_wire_read_headers(wire));
    CH_TRY(read_body(wire));
    CH_TRY(open_holders(wire));
    CH_TRY(check_twice(wire));
    return sort_all(wire);
}

ch_status ch_wire_read(const ch_wire_input *input, const ch_wire_request *request, ch_wire_reading *out, ch_error *err)
{
    ch_wire wire = {.input = input, .request = request, .out = out, .err = err};
    out->given_count = 0;
    out->until_ns = 0;
    out->own_ns = 0;
    CH_TRY(ch_wire_prepare(&wire));
    const uint8_t *text = out->text.data;
    CH_TRY(ch_wire_locate(&wire));
    CH_TRY(ch_wire_find_target(&wire));
    CH_TRY(take_apart(&wire));
    CH_TRY(fit(&wire));
    assert(out->text.data == text);
    (void)text;
    return check_times(&wire);
}

void ch_wire_free(ch_wire_reading *reading)
{
    ch_buffer_free(&reading->text);
    ch_buffer_free(&reading->fillings.text);
}
