/* The texts that a request is built of here are such that none is found in another, nor in what a profile writes. */
#include "exchange/fillings.h"

#include "base/encode.h"
#include "exchange/profile_impl.h"

#include <assert.h>
#include <string.h>

#define MARK_INNER "chanceryinner"
#define MARK_OUTER "chanceryouter"
#define MARK_VALUE "mark"
#define MARK_WINDOW "54321"
#define MARK_NONCE 7777666655554444
#define MARK_NONCE_TEXT "7777666655554444"
#define MARK_NS 1111222233444555000U /* 2005-03-19 */
#define MARK_S (MARK_NS / 1000000000U)
#define AHEAD_MAX_S 3600
#define TEXT_MAX 262144 /* of all requests that one endpoint's schemes make of so little */
#define DECODINGS 8     /* at most so many times its size is what one of them is decoded to */

static const ch_param_def inner_def = {.name = MARK_INNER, .type = CH_TYPE_ENUM};
static const ch_param_def outer_def = {.name = MARK_OUTER, .type = CH_TYPE_ENUM, .is_in_query = true};

/* ---- one filling ---- */

static bool is_same(const ch_filling *a, const ch_filling *b)
{
    return a->place == b->place && a->kind == b->kind && a->ahead_s == b->ahead_s && ch_slice_equal(a->name, b->name) &&
           ch_slice_equal(a->before, b->before);
}

static void add(ch_fillings *out, ch_filling filling)
{
    out->sees_time |= filling.kind >= CH_FILLING_TIME;
    for (size_t i = 0; i < out->count; i++) {
        if (is_same(&out->items[i], &filling))
            return;
    }
    if (out->count < CH_FILLINGS_MAX)
        out->items[out->count++] = filling;
}

/* Reads a whole number of seconds, or of a thousandth or a millionth of them, that lies near the time of all requests
 * here. */
static bool is_near(ch_slice digits, int64_t *ahead_s)
{
    uint64_t number = 0;
    static const uint64_t units[] = {1, 1000, 1000000};
    if (digits.size < 10 || digits.size > 16 || (digits.size - 10) % 3 != 0)
        return false;
    for (size_t i = 0; i < digits.size; i++)
        number = number * 10 + (uint64_t)(digits.data[i] - '0');
    *ahead_s = (int64_t)(number / units[(digits.size - 10) / 3]) - (int64_t)MARK_S;
    return *ahead_s >= 0 && *ahead_s <= AHEAD_MAX_S;
}

/* Returns where the time, a number or a date, begins in the text, or the text's size if it has none. */
static size_t find_time(ch_slice text, int64_t *ahead_s)
{
    static const char date[] = "2005-03-19T";
    for (size_t i = 0; i < text.size; i++) {
        ch_slice rest = ch_slice_after(text, i);
        size_t digits = ch_slice_count_digits(rest);
        *ahead_s = 0;
        if (ch_slice_begins(rest, CH_LITERAL(date)) || (digits > 0 && is_near((ch_slice){rest.data, digits}, ahead_s)))
            return i;
        i += digits > 0 ? digits - 1 : 0;
    }
    return text.size;
}

/* Returns where the nonce begins in the text, or the text's size if it has none. */
static size_t find_nonce(ch_slice text)
{
    size_t at = 0;
    while (at < text.size && !ch_slice_begins(ch_slice_after(text, at), CH_LITERAL(MARK_NONCE_TEXT)))
        at++;
    return at;
}

/* The text before a time or a nonce, back to what separates it from the part before, and with that. */
static ch_slice text_before(ch_slice value, size_t at)
{
    size_t from = at;
    while (from > 0 && strchr(" ,;.:", value.data[from - 1]) == NULL)
        from--;
    from -= from > 0;
    return (ch_slice){value.data + from, at - from};
}

/* True if the text is some of the path's last parts, as `private/order` of "/v1/private/order". One part alone may be
 * there by chance. */
static bool is_end_of(ch_slice path, ch_slice text)
{
    size_t before = path.size - text.size;
    return text.size < path.size && ch_slice_find(text, '/') != NULL && path.data[before - 1] == '/' &&
           ch_slice_equal(ch_slice_after(path, before), text);
}

/* One that is always the same, or as little known as a key's id, may hold anything. */
static void add_value(ch_fillings *out, ch_wire_place place, ch_slice name, ch_slice value, ch_slice path)
{
    ch_filling filling = {.place = place, .name = name};
    size_t at = find_time(value, &filling.ahead_s);
    size_t nonce_at = at < value.size ? value.size : find_nonce(value);
    if (at < value.size) {
        filling.before = text_before(value, at);
        filling.kind = at == 0 ? CH_FILLING_TIME : CH_FILLING_TIME_AFTER;
    } else if (ch_slice_is(value, MARK_WINDOW)) {
        filling.kind = CH_FILLING_WINDOW;
    } else if (nonce_at < value.size) {
        filling.before = text_before(value, nonce_at);
        filling.kind = ch_slice_is(value, MARK_NONCE_TEXT) ? CH_FILLING_NONCE : CH_FILLING_NONCE_AFTER;
    } else if (ch_slice_begins(value, path) && (value.size == path.size || value.data[path.size] == '?')) {
        filling.kind = CH_FILLING_PATH;
    } else if (is_end_of(path, value)) {
        filling.before = value;
        filling.kind = CH_FILLING_CALL;
    }
    if (filling.kind < CH_FILLING_TIME)
        filling.ahead_s = 0;
    add(out, filling);
}

/* ---- what holds the parameters ---- */

bool ch_fillings_open(ch_slice text, ch_slice name, ch_wire_values *out)
{
    ch_error err = CH_ERROR_INIT;
    const ch_wire_mark before = ch_wire_mark_of(out);
    if (!ch_wire_is_json(text)) {
        if (text.size == 0 || ch_decode(out->text, CH_ENCODE_BASE64, text, &err) != CH_OK)
            return false;
        text = (ch_slice){out->text->data + before.text_size, out->text->size - before.text_size};
    }
    if (ch_wire_is_json(text) && ch_wire_read_json(text, name, out, &err) == CH_OK)
        return true;
    ch_wire_go_back(out, before);
    return false;
}

bool ch_fillings_open_token(ch_slice value, ch_wire_values *out)
{
    ch_error err = CH_ERROR_INIT;
    const uint8_t *dot = ch_slice_find(value, '.');
    if (dot == NULL)
        return false;
    ch_slice claims = ch_slice_after(value, (size_t)(dot - value.data) + 1);
    const uint8_t *end = ch_slice_find(claims, '.');
    const ch_wire_mark before = ch_wire_mark_of(out);
    if (end == NULL)
        return false;
    claims.size = (size_t)(end - claims.data);
    if (ch_decode(out->text, CH_ENCODE_BASE64URL, claims, &err) != CH_OK)
        return false;
    claims = (ch_slice){out->text->data + before.text_size, out->text->size - before.text_size};
    if (ch_wire_is_json(claims) && ch_wire_read_json(claims, CH_LITERAL(""), out, &err) == CH_OK &&
        out->params[before.count].kind == CH_PARAM_OBJECT)
        return true;
    ch_wire_go_back(out, before);
    return false;
}

static void add_holder(ch_fillings *out, ch_wire_place place, ch_slice name)
{
    if (!ch_fillings_is_holder(out, place, name) && out->holder_count < CH_HOLDERS_MAX)
        out->holders[out->holder_count++] = (ch_holder){place, name};
}

/* ---- looking at a built request ---- */

typedef struct look {
    const ch_fillings_input *input;
    ch_fillings *out;
    ch_wire_values values;
    unsigned in_query; /* set of marks that stand there */
    unsigned in_body;
} look;

/* Returns the bit of the mark of that name, or 0 if it is no mark. */
static unsigned mark_of(ch_slice name)
{
    return ch_slice_is(name, MARK_INNER) ? 1 : ch_slice_is(name, MARK_OUTER) ? 2 : 0;
}

static unsigned marks_in(const look *of, size_t from, size_t to)
{
    unsigned marks = 0;
    for (size_t i = from; i < to; i++)
        marks |= mark_of(of->values.params[i].name);
    return marks;
}

/* The members of the object at `at` that are not the bot's. */
static void add_members(look *of, ch_wire_place place, size_t at)
{
    const ch_wire_values *values = &of->values;
    for (size_t i = at + 1; i < values->count && values->params[i].kind != CH_PARAM_END;
         i = ch_param_after(values->params, values->count, i)) {
        const ch_param *param = &values->params[i];
        if (mark_of(param->name) == 0)
            add_value(of->out, place, param->name, param->value, of->input->path);
    }
}

/* One entry of the query or the body: a parameter, what holds the parameters, or the agent's. */
static void look_at_entry(look *of, ch_wire_place place, size_t at)
{
    ch_wire_values *values = &of->values;
    const ch_param param = values->params[at];
    size_t after = ch_param_after(values->params, values->count, at);
    if (mark_of(param.name) != 0) {
        *(place == CH_WIRE_QUERY ? &of->in_query : &of->in_body) |= mark_of(param.name);
        return;
    }
    size_t held = at;
    if (param.kind == CH_PARAM_TEXT) {
        held = values->count;
        after = ch_fillings_open(param.value, param.name, values) ? values->count : held;
    }
    unsigned marks = marks_in(of, held, after);
    if (marks != 0) {
        add_holder(of->out, place, param.name);
        add_members(of, CH_WIRE_HELD, held);
        of->in_body |= marks;
    } else {
        add_value(of->out, place, param.name, param.value, of->input->path);
    }
}

static void look_at_entries(look *of, ch_wire_place place, size_t from, size_t to)
{
    for (size_t i = from; i < to; i = ch_param_after(of->values.params, of->values.count, i))
        look_at_entry(of, place, i);
}

static ch_status look_at_form(look *of, ch_wire_place place, ch_slice form, ch_error *err)
{
    size_t from = of->values.count;
    CH_TRY(ch_wire_read_form(form, &of->values, err));
    look_at_entries(of, place, from, of->values.count);
    return CH_OK;
}

static ch_status look_at_body(look *of, ch_slice body, ch_error *err)
{
    size_t from = of->values.count;
    if (!ch_wire_is_json(body))
        return look_at_form(of, CH_WIRE_BODY, body, err);
    CH_TRY(ch_wire_read_json(body, CH_LITERAL(""), &of->values, err));
    look_at_entries(of, CH_WIRE_BODY, from + 1, of->values.count - 1);
    return CH_OK;
}

static void look_at_token(look *of, const ch_header *header)
{
    size_t from = of->values.count;
    if (!ch_fillings_open_token(header->value, &of->values))
        return;
    for (size_t i = from + 1; of->values.params[i].kind != CH_PARAM_END;
         i = ch_param_after(of->values.params, of->values.count, i)) {
        ch_filling filling = {.place = CH_WIRE_HEADER,
                              .kind = CH_FILLING_TIME_IN_TOKEN,
                              .name = header->name,
                              .before = of->values.params[i].name};
        if (find_time(of->values.params[i].value, &filling.ahead_s) == 0 && of->values.params[i].value.size > 0)
            add(of->out, filling);
    }
}

/* A copy of a header's text outlives the draft. */
static ch_slice keep(ch_fillings *out, ch_slice text)
{
    size_t from = out->text.size;
    ch_buffer_add_slice(&out->text, text);
    return (ch_slice){out->text.data + from, text.size};
}

static void look_at_header(look *of, ch_header header)
{
    size_t from = of->values.count;
    header = (ch_header){keep(of->out, header.name), keep(of->out, header.value)};
    bool is_open = ch_fillings_open(header.value, header.name, &of->values);
    unsigned marks = is_open ? marks_in(of, from, of->values.count) : 0;
    if ((marks & ~(of->in_query | of->in_body)) != 0) {
        add_holder(of->out, CH_WIRE_HEADER, header.name);
        add_members(of, CH_WIRE_HELD, from);
        of->out->has_copies = true; /* SDKs may send them in the body too, where nobody looks */
        return;
    }
    add_value(of->out, CH_WIRE_HEADER, header.name, header.value, of->input->path);
    look_at_token(of, &header);
}

static size_t size_of(const ch_finished *built)
{
    size_t size = built->url.size + built->body.size;
    for (size_t i = 0; i < built->header_count; i++)
        size += built->headers[i].name.size + built->headers[i].value.size;
    return size;
}

static ch_status look_at(look *of, const ch_finished *built, ch_error *err)
{
    const uint8_t *query = ch_slice_find(built->url, '?');
    of->values = (ch_wire_values){.params = of->out->seen, .capacity = CH_PARAMS_MAX, .text = &of->out->text};
    if (size_of(built) > (TEXT_MAX - of->out->text.size) / DECODINGS)
        return ch_fail(err, CH_TOO_LARGE, "the path is too long");
    if (query != NULL)
        CH_TRY(look_at_form(of, CH_WIRE_QUERY, ch_slice_after(built->url, (size_t)(query - built->url.data) + 1), err));
    if (built->body.size > 0)
        CH_TRY(look_at_body(of, built->body, err));
    for (size_t i = 0; i < built->header_count; i++)
        look_at_header(of, built->headers[i]);
    of->out->has_copies |= (of->in_query & of->in_body) != 0;
    return CH_OK;
}

/* ---- building it ---- */

static ch_request marked_request(const ch_fillings_input *in, const ch_recipe *recipe, ch_param params[3])
{
    ch_request request = {.method = ch_slice_of(in->endpoint->method), .path = in->path, .params = params};
    const char *window = in->profile->window.param;
    if (window != NULL && recipe->uses[CH_BUILTIN_WINDOW])
        params[request.param_count++] = (ch_param){CH_PARAM_TEXT, ch_slice_of(window), CH_LITERAL(MARK_WINDOW), NULL};
    params[request.param_count++] =
        (ch_param){CH_PARAM_TEXT, CH_LITERAL(MARK_OUTER), CH_LITERAL(MARK_VALUE), &outer_def};
    params[request.param_count++] =
        (ch_param){CH_PARAM_TEXT, CH_LITERAL(MARK_INNER), CH_LITERAL(MARK_VALUE), &inner_def};
    return request;
}

static ch_status learn_from(const ch_fillings_input *in, const ch_scheme *scheme, ch_fillings *out, ch_error *err)
{
    const ch_recipe *recipe = in->endpoint->recipes[scheme->index];
    ch_param params[3];
    ch_payloads payloads;
    ch_payloads signatures = {.count = recipe->payload_count};
    ch_finished built;
    const ch_request request = marked_request(in, recipe, params);
    const ch_recipe_input input = {.profile = in->profile,
                                   .scheme = scheme,
                                   .environment = in->environment,
                                   .endpoint = in->endpoint,
                                   .request = &request,
                                   .key_id = CH_LITERAL("chancerykey"),
                                   .passphrase = CH_LITERAL("chanceryphrase"),
                                   .now_ns = MARK_NS,
                                   .nonce = MARK_NONCE};
    look of = {.input = in, .out = out};
    for (size_t i = 0; i < signatures.count; i++)
        signatures.items[i] = CH_LITERAL("chancery signature");
    CH_TRY(ch_recipe_build(&input, in->draft, &payloads, err));
    CH_TRY(ch_recipe_finish(in->draft, &signatures, &built, err));
    out->joins_body |= recipe->joins_body;
    out->sees_time = false;
    CH_TRY(look_at(&of, &built, err));
    out->has_time &= out->sees_time;
    return CH_OK;
}

/* True if a scheme before it has the same recipe there. */
static bool is_learned(const ch_endpoint *endpoint, size_t scheme)
{
    for (size_t i = 0; i < scheme; i++) {
        if (ch_endpoint_has_scheme(endpoint, i) && endpoint->recipes[i] == endpoint->recipes[scheme])
            return true;
    }
    return false;
}

ch_status ch_fillings_learn(const ch_fillings_input *input, ch_fillings *out, ch_error *err)
{
    out->count = 0;
    out->holder_count = 0;
    out->has_copies = out->joins_body = false;
    out->has_time = true;
    ch_buffer_clear(&out->text);
    ch_buffer_reserve(&out->text, TEXT_MAX);
    const uint8_t *text = out->text.data;
    for (size_t i = 0; i < input->profile->scheme_count; i++) {
        if (ch_endpoint_has_scheme(input->endpoint, i) && !is_learned(input->endpoint, i))
            CH_TRY(learn_from(input, &input->profile->schemes[i], out, err));
    }
    assert(out->text.data == text);
    (void)text;
    return CH_OK;
}

/* ---- finding ---- */

static bool is_at(const ch_fillings *fillings, ch_wire_place place, ch_wire_place wanted)
{
    bool is_either = fillings->joins_body && place <= CH_WIRE_BODY && wanted <= CH_WIRE_BODY;
    return place == wanted || is_either;
}

static bool is_named(ch_wire_place place, ch_slice name, ch_slice wanted)
{
    return place == CH_WIRE_HEADER ? ch_slice_equal_case(name, wanted) : ch_slice_equal(name, wanted);
}

const ch_filling *ch_fillings_find(const ch_fillings *fillings, ch_wire_place place, ch_slice name,
                                   const ch_filling *last)
{
    for (size_t i = last == NULL ? 0 : (size_t)(last - fillings->items) + 1; i < fillings->count; i++) {
        const ch_filling *filling = &fillings->items[i];
        if (is_at(fillings, filling->place, place) && is_named(place, filling->name, name))
            return filling;
    }
    return NULL;
}

bool ch_fillings_is_holder(const ch_fillings *fillings, ch_wire_place place, ch_slice name)
{
    for (size_t i = 0; i < fillings->holder_count; i++) {
        if (fillings->holders[i].place == place && is_named(place, fillings->holders[i].name, name))
            return true;
    }
    return false;
}
