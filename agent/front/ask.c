/* Lists and objects in parameters are followed CH_VALUE_DEPTH_MAX deep and no further, however deep the JSON is. */
#include "agent/front/ask.h"

#include "agent/front/body.h"
#include "base/encode.h"

#include <stdio.h>

/* ---- reading ---- */

/* The fields of a request; NULL when absent. */
typedef struct sign_fields {
    json_t *method;
    json_t *host;
    json_t *path;
    json_t *params;
    json_t *string;
    json_t *raw;
    json_t *wire;
    json_t *key_id;
} sign_fields;

static ch_status take_fields(json_t *root, sign_fields *fields, ch_error *err)
{
    /* clang-format off */
    const ch_body_field known[] = {
        { "method", &fields->method },
        { "host",   &fields->host },
        { "path",   &fields->path },
        { "params", &fields->params },
        { "string", &fields->string },
        { "raw",    &fields->raw },
        { "wire",   &fields->wire },
        { "key_id", &fields->key_id },
    };
    /* clang-format on */
    return ch_body_fields(
        root, known, sizeof known / sizeof *known,
        "\"method\", \"host\", \"path\" and \"params\", or \"string\", or \"raw\", or \"wire\", and \"key_id\"", err);
}

static ch_status choose_form(const sign_fields *fields, ch_form *form, ch_error *err)
{
    *form = fields->wire != NULL     ? CH_FORM_WIRE
            : fields->string != NULL ? CH_FORM_STRING
            : fields->raw != NULL    ? CH_FORM_RAW
                                     : CH_FORM_TYPED;
    bool has_call = fields->method != NULL || fields->host != NULL || fields->path != NULL;
    bool is_mixed = (*form != CH_FORM_TYPED && fields->params != NULL) ||
                    (fields->raw != NULL && (fields->string != NULL || has_call)) ||
                    (fields->wire != NULL && (fields->string != NULL || fields->raw != NULL || has_call));
    if (!is_mixed)
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT,
                   "\"string\" goes without \"params\", and \"raw\" and \"wire\" go alone: each is a form of its own");
}

static ch_status check_fields(const sign_fields *fields, ch_form *form, ch_error *err)
{
    CH_TRY(choose_form(fields, form, err));
    CH_TRY(ch_body_check_text(fields->method, "method", *form == CH_FORM_TYPED, err));
    CH_TRY(ch_body_check_text(fields->path, "path", *form == CH_FORM_TYPED, err));
    CH_TRY(ch_body_check_text(fields->host, "host", false, err));
    CH_TRY(ch_body_check_text(fields->raw, "raw", *form == CH_FORM_RAW, err));
    CH_TRY(ch_body_check_text(fields->key_id, "key_id", false, err));
    if (*form == CH_FORM_STRING && !json_is_string(fields->string))
        return ch_fail(err, CH_BAD_INPUT, "\"string\" must be a string");
    if (fields->params != NULL && !json_is_object(fields->params) && !json_is_array(fields->params))
        return ch_fail(err, CH_BAD_INPUT,
                       "\"params\" must be an object of names and values, or a list if the exchange takes one");
    return CH_OK;
}

/* How a parameter of each JSON type is taken. */
/* clang-format off */
static const struct {
    ch_value_kind kind;
    const char *refused_as; /* NULL: it is taken */
    const char *advice;
} param_types[] = {
    /*                kind                    refused as                                  advice */
    [JSON_OBJECT]  = { CH_VALUE_OBJECT,      NULL,                                       NULL },
    [JSON_ARRAY]   = { CH_VALUE_LIST,        NULL,                                       NULL },
    [JSON_STRING]  = { CH_VALUE_TEXT,        NULL,                                       NULL },
    [JSON_INTEGER] = { CH_VALUE_INTEGER,     NULL,                                       NULL },
    [JSON_REAL]    = { CH_VALUE_KIND_COUNT,  "a number with a fraction or an exponent",  "write it as a string" },
    [JSON_TRUE]    = { CH_VALUE_BOOLEAN,     NULL,                                       NULL },
    [JSON_FALSE]   = { CH_VALUE_BOOLEAN,     NULL,                                       NULL },
    [JSON_NULL]    = { CH_VALUE_NULL,        NULL,                                       NULL },
};
/* clang-format on */

static ch_slice value_text(const json_t *value, char *digits, size_t capacity)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return ch_body_text(value);
    case JSON_INTEGER:
        snprintf(digits, capacity, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return ch_slice_of(digits);
    case JSON_TRUE:
        return CH_LITERAL("true");
    case JSON_FALSE:
        return CH_LITERAL("false");
    default:
        return CH_LITERAL("");
    }
}

static ch_status add_value(ch_ask *ask, ch_value_kind kind, const char *name, ch_slice text, ch_error *err)
{
    if (ask->sign.values.count == CH_VALUES_MAX)
        return ch_fail(err, CH_BAD_INPUT, "\"params\" holds more than %d values", CH_VALUES_MAX);
    if (!ch_slice_is_text(ch_slice_of(name)))
        return ch_fail(err, CH_BAD_INPUT, "the name of parameter '%.64s' holds a control character", name);
    if (!ch_slice_is_text(text))
        return ch_fail(err, CH_BAD_INPUT, "parameter '%.64s' holds a control character; remove it", name);
    ch_value_record value = {.kind = (uint8_t)kind, .name = ch_slice_of(name), .value = text};
    ch_value_record_put(&ask->sign.values, &ask->records, &value);
    return CH_OK;
}

/* Calls itself once a level, `levels` times at most. */
static ch_status add_param(ch_ask *ask, const char *name, json_t *value, unsigned levels, ch_error *err)
{
    json_type type = json_typeof(value);
    char digits[32];
    if (param_types[type].refused_as != NULL)
        return ch_fail(err, CH_BAD_INPUT, "parameter '%.64s' is %s; %s", name, param_types[type].refused_as,
                       param_types[type].advice);
    CH_TRY(add_value(ask, param_types[type].kind, name, value_text(value, digits, sizeof digits), err));
    if (type != JSON_OBJECT && type != JSON_ARRAY)
        return CH_OK;
    if (levels == 0)
        return ch_fail(err, CH_BAD_INPUT, "parameter '%.64s' nests lists and objects more than %d deep", name,
                       CH_VALUE_DEPTH_MAX);
    for (size_t i = 0; type == JSON_ARRAY && i < json_array_size(value); i++)
        CH_TRY(add_param(ask, "", json_array_get(value, i), levels - 1, err));
    const char *member_name;
    json_t *member;
    json_object_foreach(value, member_name, member)
    {
        CH_TRY(add_param(ask, member_name, member, levels - 1, err));
    }
    return add_value(ask, CH_VALUE_END, "", CH_LITERAL(""), err);
}

static ch_status add_params(ch_ask *ask, json_t *params, ch_error *err)
{
    const char *name;
    json_t *value;
    if (json_is_array(params))
        return add_param(ask, "", params, CH_VALUE_DEPTH_MAX, err);
    json_object_foreach(params, name, value)
    {
        CH_TRY(add_param(ask, name, value, CH_VALUE_DEPTH_MAX, err));
    }
    return CH_OK;
}

static ch_status decode_raw(ch_ask *ask, ch_slice text, ch_error *err)
{
    if (text.size == 0 || ch_decode(&ask->raw, CH_ENCODE_BASE64, text, err) != CH_OK)
        return ch_fail(err, CH_BAD_INPUT, "\"raw\" is not base64");
    ask->sign.text = ch_buffer_slice(&ask->raw);
    return CH_OK;
}

/* ---- a request as an SDK would have sent it ---- */

typedef struct wire_fields {
    json_t *method;
    json_t *url;
    json_t *headers;
    json_t *body;
    json_t *origin;
} wire_fields;

static ch_status check_wire(const wire_fields *fields, ch_error *err)
{
    CH_TRY(ch_body_check_text(fields->method, "method", true, err));
    CH_TRY(ch_body_check_text(fields->url, "url", true, err));
    CH_TRY(ch_body_check_text(fields->origin, "origin", false, err));
    if (fields->headers != NULL && !json_is_object(fields->headers))
        return ch_fail(err, CH_BAD_INPUT, "\"headers\" must be an object of names and values");
    if (fields->body != NULL && !json_is_string(fields->body)) /* it may have line feeds */
        return ch_fail(err, CH_BAD_INPUT, "\"body\" must be a string");
    return CH_OK;
}

static ch_status add_headers(ch_ask *ask, json_t *headers, ch_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach(headers, name, value)
    {
        if (ask->sign.headers.count == CH_WIRE_HEADERS)
            return ch_fail(err, CH_BAD_INPUT, "\"headers\" has more than %d", CH_WIRE_HEADERS);
        if (!json_is_string(value) || !ch_slice_is_text(ch_slice_of(name)) || !ch_slice_is_text(ch_body_text(value)))
            return ch_fail(err, CH_BAD_INPUT, "header '%.64s' must be a string without control characters", name);
        ch_header_record header = {.name = ch_slice_of(name), .value = ch_body_text(value)};
        ch_header_record_put(&ask->sign.headers, &ask->headers, &header);
    }
    return CH_OK;
}

static ch_status read_wire(ch_ask *ask, json_t *wire, ch_error *err)
{
    wire_fields fields = {.method = NULL};
    /* clang-format off */
    const ch_body_field known[] = {
        { "method",  &fields.method },
        { "url",     &fields.url },
        { "headers", &fields.headers },
        { "body",    &fields.body },
        { "origin",  &fields.origin },
    };
    /* clang-format on */
    if (!json_is_object(wire))
        return ch_fail(err, CH_BAD_INPUT, "\"wire\" must be an object");
    CH_TRY(ch_body_fields(wire, known, sizeof known / sizeof *known,
                          "in \"wire\" \"method\", \"url\", \"headers\", \"body\" and \"origin\"", err));
    CH_TRY(check_wire(&fields, err));
    ask->sign.method = ch_body_text(fields.method);
    ask->sign.url = ch_body_text(fields.url);
    ask->sign.origin = ch_body_text(fields.origin);
    ask->sign.body = ch_body_text(fields.body);
    return add_headers(ask, fields.headers, err);
}

/* ---- the ask ---- */

void ch_ask_clear(ch_ask *ask)
{
    json_decref(ask->tree);
    ask->tree = NULL;
    ask->sign = (ch_sign_frame){0};
    ch_buffer_clear(&ask->records);
    ch_buffer_clear(&ask->headers);
    ch_buffer_clear(&ask->raw);
}

void ch_ask_free(ch_ask *ask)
{
    ch_ask_clear(ask);
    ch_buffer_free(&ask->records);
    ch_buffer_free(&ask->headers);
    ch_buffer_free(&ask->raw);
}

ch_status ch_ask_read(ch_ask *ask, ch_slice body, ch_error *err)
{
    sign_fields fields = {.method = NULL};
    ch_form form = CH_FORM_TYPED;
    ch_ask_clear(ask);
    CH_TRY(ch_body_read(body, &ask->tree, err));
    CH_TRY(take_fields(ask->tree, &fields, err));
    CH_TRY(check_fields(&fields, &form, err));
    ask->sign = (ch_sign_frame){.form = (uint8_t)form,
                                .method = ch_body_text(fields.method),
                                .host = ch_body_text(fields.host),
                                .path = ch_body_text(fields.path),
                                .text = ch_body_text(fields.string),
                                .key_id = ch_body_text(fields.key_id)};
    if (form == CH_FORM_RAW)
        CH_TRY(decode_raw(ask, ch_body_text(fields.raw), err));
    if (form == CH_FORM_WIRE)
        CH_TRY(read_wire(ask, fields.wire, err));
    return add_params(ask, fields.params, err);
}
