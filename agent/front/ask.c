/* What jansson is relied upon for: JSON_REJECT_DUPLICATES, refusal of NUL in strings and of malformed UTF-8, and that
 * an object is iterated in the order of its text (tests/unit/agent/front/test_ask.c holds it to all of these). Its
 * nesting limit is deeper than needed (2048); lists and objects in parameters are followed CH_VALUE_DEPTH_MAX deep and
 * no further. */
#include "agent/front/ask.h"

#include "base/encode.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

ch_status ch_ask_init(ch_error *err)
{
    size_t seed = 0;
    while (seed == 0) { /* 0 asks jansson to find a seed itself */
        if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
            return ch_fail_errno(err, "drawing a seed for JSON");
    }
    json_object_seed(seed);
    return CH_OK;
}

/* ---- reading ---- */

/* The fields of a request; NULL when absent. */
typedef struct sign_fields {
    json_t *method;
    json_t *host;
    json_t *path;
    json_t *params;
    json_t *string;
    json_t *raw;
} sign_fields;

static ch_slice text_of(const json_t *string)
{
    return (ch_slice){(const uint8_t *)json_string_value(string), json_string_length(string)};
}

/* jansson knows the number's place but not what to do about it. */
static ch_status fail_parse(const json_error_t *where, ch_error *err)
{
    if (json_error_code(where) == json_error_numeric_overflow)
        return ch_fail(err, CH_BAD_INPUT,
                       "a number in the body, line %d, column %d, is too large for JSON to carry safely: write it as a "
                       "string",
                       where->line, where->column);
    return ch_fail(err, CH_BAD_INPUT, "the body is not the JSON expected, line %d, column %d: %s", where->line,
                   where->column, where->text);
}

static ch_status take_fields(json_t *root, sign_fields *fields, ch_error *err)
{
    /* clang-format off */
    const struct { const char *name; json_t **value; } known[] = {
        { "method", &fields->method },
        { "host",   &fields->host },
        { "path",   &fields->path },
        { "params", &fields->params },
        { "string", &fields->string },
        { "raw",    &fields->raw },
    };
    /* clang-format on */
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && strcmp(known[i].name, name) != 0)
            i++;
        if (i == sizeof known / sizeof known[0])
            return ch_fail(err, CH_BAD_INPUT,
                           "the body has an unknown field '%.64s'; it may have \"method\", \"host\", \"path\" and "
                           "\"params\", or \"string\", or \"raw\"",
                           name);
        *known[i].value = value;
    }
    return CH_OK;
}

static ch_status check_text(json_t *value, const char *name, bool is_required, ch_error *err)
{
    if (value == NULL && !is_required)
        return CH_OK;
    if (!json_is_string(value))
        return ch_fail(err, CH_BAD_INPUT, "\"%s\" is %s; it must be a string", name,
                       value == NULL ? "missing" : "of another type");
    if (!ch_slice_is_text(text_of(value)))
        return ch_fail(err, CH_BAD_INPUT, "\"%s\" holds a control character; remove it", name);
    return CH_OK;
}

static ch_status choose_form(const sign_fields *fields, ch_form *form, ch_error *err)
{
    *form = fields->string != NULL ? CH_FORM_STRING : fields->raw != NULL ? CH_FORM_RAW : CH_FORM_TYPED;
    bool is_mixed = (*form != CH_FORM_TYPED && fields->params != NULL) ||
                    (fields->raw != NULL && (fields->string != NULL || fields->method != NULL || fields->host != NULL ||
                                             fields->path != NULL));
    if (!is_mixed)
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT,
                   "\"string\" goes without \"params\", and \"raw\" goes alone: each is a form of its own");
}

static ch_status check_fields(const sign_fields *fields, ch_form *form, ch_error *err)
{
    CH_TRY(choose_form(fields, form, err));
    CH_TRY(check_text(fields->method, "method", *form == CH_FORM_TYPED, err));
    CH_TRY(check_text(fields->path, "path", *form == CH_FORM_TYPED, err));
    CH_TRY(check_text(fields->host, "host", false, err));
    CH_TRY(check_text(fields->raw, "raw", *form == CH_FORM_RAW, err));
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
        return text_of(value);
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

/* ---- the ask ---- */

void ch_ask_clear(ch_ask *ask)
{
    json_decref(ask->tree);
    ask->tree = NULL;
    ask->sign = (ch_sign_frame){0};
    ch_buffer_clear(&ask->records);
    ch_buffer_clear(&ask->raw);
}

void ch_ask_free(ch_ask *ask)
{
    ch_ask_clear(ask);
    ch_buffer_free(&ask->records);
    ch_buffer_free(&ask->raw);
}

static ch_status parse(ch_ask *ask, ch_slice body, ch_error *err)
{
    json_error_t where;
    if (ch_slice_find(body, 0) != NULL) /* jansson takes one after the object for the end */
        return ch_fail(err, CH_BAD_INPUT, "the body is not JSON: it holds a NUL byte");
    ask->tree = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &where);
    if (ask->tree == NULL)
        return fail_parse(&where, err);
    return json_is_object(ask->tree) ? CH_OK : ch_fail(err, CH_BAD_INPUT, "the body must be one JSON object");
}

static ch_slice optional_text(const json_t *string)
{
    return string == NULL ? CH_LITERAL("") : text_of(string);
}

ch_status ch_ask_read(ch_ask *ask, ch_slice body, ch_error *err)
{
    sign_fields fields = {.method = NULL};
    ch_form form = CH_FORM_TYPED;
    ch_ask_clear(ask);
    CH_TRY(parse(ask, body, err));
    CH_TRY(take_fields(ask->tree, &fields, err));
    CH_TRY(check_fields(&fields, &form, err));
    ask->sign = (ch_sign_frame){.form = (uint8_t)form,
                                .method = optional_text(fields.method),
                                .host = optional_text(fields.host),
                                .path = optional_text(fields.path),
                                .text = optional_text(fields.string)};
    if (form == CH_FORM_RAW)
        CH_TRY(decode_raw(ask, text_of(fields.raw), err));
    return add_params(ask, fields.params, err);
}
