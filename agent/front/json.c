/* jansson reads; writing is done here, straight into the buffer that is sent, because it is on the path of each
 * signature and needs no tree. What jansson is relied upon for: JSON_REJECT_DUPLICATES, refusal of NUL in strings and
 * of malformed UTF-8, and that an object is iterated in the order of its text (tests/unit/agent/front/test_json.c holds
 * it to all of these). Its nesting limit is deeper than needed (2048); lists and objects in parameters are followed
 * CH_VALUE_DEPTH_MAX deep and no further. */
#include "agent/front/json.h"

#include "base/encode.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

ch_status ch_json_init(ch_error *err)
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

static void json_free(json_t **json)
{
    json_decref(*json);
}
#define autojson __attribute__((cleanup(json_free))) json_t *

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
    const struct {
        const char *name;
        json_t **value;
    } known[] = {
        {"method", &fields->method},
        {"host",   &fields->host  },
        {"path",   &fields->path  },
        {"params", &fields->params},
        {"string", &fields->string},
        {"raw",    &fields->raw   },
    };

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
        return ch_fail(err, CH_BAD_INPUT, "\"%s\" is %s; it has to be a string", name,
                       value == NULL ? "missing" : "of another type");
    if (!ch_slice_is_text(text_of(value)))
        return ch_fail(err, CH_BAD_INPUT, "\"%s\" holds a control character; remove it", name);
    return CH_OK;
}

static ch_status choose_form(const sign_fields *fields, ch_sign_form *form, ch_error *err)
{
    *form = fields->string != NULL ? CH_SIGN_STRING : fields->raw != NULL ? CH_SIGN_RAW : CH_SIGN_TYPED;
    bool is_mixed = (*form != CH_SIGN_TYPED && fields->params != NULL) ||
                    (fields->raw != NULL && (fields->string != NULL || fields->method != NULL || fields->host != NULL ||
                                             fields->path != NULL));
    return is_mixed ? ch_fail(err, CH_BAD_INPUT,
                              "\"string\" goes without \"params\", and \"raw\" alone: each is a request of its own "
                              "form")
                    : CH_OK;
}

static ch_status check_fields(const sign_fields *fields, ch_sign_form *form, ch_error *err)
{
    ch_status st = choose_form(fields, form, err);
    if (st == CH_OK)
        st = check_text(fields->method, "method", *form == CH_SIGN_TYPED, err);
    if (st == CH_OK)
        st = check_text(fields->path, "path", *form == CH_SIGN_TYPED, err);
    if (st == CH_OK)
        st = check_text(fields->host, "host", false, err);
    if (st == CH_OK)
        st = check_text(fields->raw, "raw", *form == CH_SIGN_RAW, err);
    if (st == CH_OK && *form == CH_SIGN_STRING && !json_is_string(fields->string))
        st = ch_fail(err, CH_BAD_INPUT, "\"string\" has to be a string");
    if (st == CH_OK && fields->params != NULL && !json_is_object(fields->params) && !json_is_array(fields->params))
        st = ch_fail(err, CH_BAD_INPUT,
                     "\"params\" has to be an object of names and values, or a list where the exchange takes one");
    return st;
}

/* How a parameter of each JSON type is taken; a type with advice is refused. */
static const struct {
    ch_value_kind kind;
    const char *refused_as; /* NULL: taken */
    const char *advice;
} param_types[] = {
    [JSON_OBJECT] = {CH_VALUE_OBJECT,      NULL,                                      NULL                  },
    [JSON_ARRAY] = {CH_VALUE_LIST,        NULL,                                      NULL                  },
    [JSON_STRING] = {CH_VALUE_TEXT,        NULL,                                      NULL                  },
    [JSON_INTEGER] = {CH_VALUE_INTEGER,     NULL,                                      NULL                  },
    [JSON_REAL] = {CH_VALUE_KIND_COUNT,  "a number with a fraction or an exponent", "write it as a string"},
    [JSON_TRUE] = {CH_VALUE_BOOLEAN,     NULL,                                      NULL                  },
    [JSON_FALSE] = {CH_VALUE_BOOLEAN,     NULL,                                      NULL                  },
    [JSON_NULL] = {CH_VALUE_PLACEHOLDER, NULL,                                      NULL                  },
};

static ch_slice value_text(const json_t *value, char *digits, size_t capacity)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return text_of(value);
    case JSON_INTEGER:
        (void)snprintf(digits, capacity, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return ch_slice_of(digits);
    case JSON_TRUE:
        return CH_LITERAL("true");
    case JSON_FALSE:
        return CH_LITERAL("false");
    default:
        return CH_LITERAL("");
    }
}

/* Where parameters go, and what there may still be of them. */
typedef struct entries {
    ch_buffer *packet;
    size_t count;
    ch_error *err;
} entries;

static ch_status add_entry(entries *to, ch_value_kind kind, const char *name, ch_slice text)
{
    if (to->count == CH_VALUES_MAX)
        return ch_fail(to->err, CH_BAD_INPUT, "\"params\" holds more than %d values", CH_VALUES_MAX);
    if (!ch_slice_is_text(ch_slice_of(name)))
        return ch_fail(to->err, CH_BAD_INPUT, "the name of parameter '%.64s' holds a control character", name);
    if (!ch_slice_is_text(text))
        return ch_fail(to->err, CH_BAD_INPUT, "parameter '%.64s' holds a control character; remove it", name);
    to->count++;
    ch_frame_u8(to->packet, (uint8_t)kind);
    ch_frame_text(to->packet, name);
    ch_frame_bytes(to->packet, text);
    return CH_OK;
}

/* Calls itself once a level, `levels` times at most. */
static ch_status add_param(entries *to, const char *name, json_t *value, unsigned levels)
{
    json_type type = json_typeof(value);
    if (param_types[type].refused_as != NULL)
        return ch_fail(to->err, CH_BAD_INPUT, "parameter '%.64s' is %s; %s", name, param_types[type].refused_as,
                       param_types[type].advice);
    char digits[32];
    ch_status st = add_entry(to, param_types[type].kind, name, value_text(value, digits, sizeof digits));
    if (st != CH_OK || (type != JSON_OBJECT && type != JSON_ARRAY))
        return st;
    if (levels == 0)
        return ch_fail(to->err, CH_BAD_INPUT, "parameter '%.64s' nests lists and objects more than %d deep", name,
                       CH_VALUE_DEPTH_MAX);
    for (size_t i = 0; st == CH_OK && type == JSON_ARRAY && i < json_array_size(value); i++)
        st = add_param(to, "", json_array_get(value, i), levels - 1);
    const char *member_name;
    json_t *member;
    json_object_foreach(value, member_name, member)
    {
        if (st == CH_OK)
            st = add_param(to, member_name, member, levels - 1);
    }
    return st == CH_OK ? add_entry(to, CH_VALUE_END, "", CH_LITERAL("")) : st;
}

static ch_status add_params(ch_buffer *packet, json_t *params, ch_error *err)
{
    entries to = {packet, 0, err};
    size_t count_at = packet->size;
    ch_frame_u16(packet, 0);
    ch_status st = json_is_array(params) ? add_param(&to, "", params, CH_VALUE_DEPTH_MAX) : CH_OK;
    const char *name;
    json_t *value;
    json_object_foreach(params, name, value)
    {
        if (st == CH_OK)
            st = add_param(&to, name, value, CH_VALUE_DEPTH_MAX);
    }
    uint16_t count = (uint16_t)to.count;
    memcpy(packet->data + count_at, &count, sizeof count);
    return st;
}

static void add_text(ch_buffer *packet, const json_t *string)
{
    ch_frame_bytes(packet, string == NULL ? CH_LITERAL("") : text_of(string));
}

static ch_status add_raw(ch_buffer *packet, ch_slice text, ch_error *err)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    if (text.size == 0 || ch_decode(&bytes, CH_ENCODE_BASE64, text, err) != CH_OK)
        return ch_fail(err, CH_BAD_INPUT, "\"raw\" is not base64");
    ch_frame_bytes(packet, ch_buffer_slice(&bytes));
    return CH_OK;
}

static ch_status add_sign_frame(ch_buffer *packet, uint64_t connection, ch_slice key, const sign_fields *fields,
                                ch_sign_form form, ch_error *err)
{
    ch_frame_u64(packet, connection);
    ch_frame_bytes(packet, key);
    ch_frame_u8(packet, (uint8_t)form);
    add_text(packet, fields->method);
    add_text(packet, fields->host);
    add_text(packet, fields->path);
    ch_status st = CH_OK;
    if (form == CH_SIGN_RAW)
        st = add_raw(packet, text_of(fields->raw), err);
    else
        add_text(packet, fields->string);
    return st == CH_OK ? add_params(packet, fields->params, err) : st;
}

ch_status ch_json_to_sign(ch_buffer *packet, uint64_t request, uint64_t connection, ch_slice key, ch_slice body,
                          ch_error *err)
{
    if (ch_slice_find(body, 0) != NULL) /* jansson takes one behind the object for the end */
        return ch_fail(err, CH_BAD_INPUT, "the body is not JSON: it holds a NUL byte");
    json_error_t where;
    autojson root = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL)
        return fail_parse(&where, err);
    if (!json_is_object(root))
        return ch_fail(err, CH_BAD_INPUT, "the body has to be one JSON object");
    sign_fields fields = {.method = NULL};
    ch_sign_form form = CH_SIGN_TYPED;
    ch_status st = take_fields(root, &fields, err);
    if (st == CH_OK)
        st = check_fields(&fields, &form, err);
    if (st != CH_OK)
        return st;
    size_t begin = ch_frame_begin(packet, CH_FRAME_SIGN, request);
    st = add_sign_frame(packet, connection, key, &fields, form, err);
    if (st != CH_OK) {
        packet->size = begin;
        return st;
    }
    return ch_frame_end(packet, begin, err);
}

/* ---- writing ---- */

/* Appends `lead` (a comma, brace and quoted name, as they are) and the frame's next bytes as a string. */
static void add_member(ch_buffer *out, const char *lead, ch_frame *frame)
{
    ch_buffer_add_text(out, lead);
    ch_encode_json(out, ch_frame_read_bytes(frame));
}

void ch_json_add_signed(ch_buffer *out, ch_frame *frame)
{
    add_member(out, "{\"method\":", frame);
    add_member(out, ",\"url\":", frame);
    ch_slice body = ch_frame_read_bytes(frame);
    ch_buffer_add_text(out, ",\"headers\":{");
    uint16_t count = ch_frame_read_u16(frame);
    for (uint16_t i = 0; i < count && !frame->is_broken; i++) {
        add_member(out, i == 0 ? "" : ",", frame);
        add_member(out, ":", frame);
    }
    ch_buffer_add_text(out, "},\"body\":");
    ch_encode_json(out, body);
    add_member(out, ",\"key\":", frame);
    ch_buffer_add_text(out, "}\n");
}

void ch_json_add_signature(ch_buffer *out, ch_frame *frame)
{
    add_member(out, "{\"signature\":", frame);
    add_member(out, ",\"key\":", frame);
    ch_buffer_add_text(out, "}\n");
}

static void add_boolean(ch_buffer *out, const char *lead, bool is_true)
{
    ch_buffer_add_text(out, lead);
    ch_buffer_add_text(out, is_true ? "true" : "false");
}

void ch_json_add_key_list(ch_buffer *out, ch_frame *frame)
{
    ch_buffer_add_text(out, "{\"keys\":[");
    uint16_t count = ch_frame_read_u16(frame);
    for (uint16_t i = 0; i < count && !frame->is_broken; i++) {
        add_member(out, i == 0 ? "{\"name\":" : ",{\"name\":", frame);
        add_member(out, ",\"profile\":", frame);
        add_member(out, ",\"scheme\":", frame);
        add_member(out, ",\"key_id\":", frame);
        add_member(out, ",\"token\":", frame);
        add_boolean(out, ",\"ready\":", ch_frame_read_u8(frame) != 0);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_text(out, "]}\n");
}

static void add_number(ch_buffer *out, const char *lead, ch_frame *frame)
{
    ch_buffer_add_format(out, "%s%llu", lead, (unsigned long long)ch_frame_read_u64(frame));
}

void ch_json_add_status(ch_buffer *out, ch_frame *frame, bool *is_ready)
{
    add_member(out, "{\"version\":", frame);
    add_number(out, ",\"uptime_s\":", frame);
    *is_ready = ch_frame_read_u8(frame) != 0;
    add_boolean(out, ",\"ready\":", *is_ready);
    add_number(out, ",\"signed\":", frame);
    add_number(out, ",\"refused\":", frame);
    add_number(out, ",\"failed\":", frame);
    ch_buffer_add_text(out, ",\"tokens\":[");
    uint16_t count = ch_frame_read_u16(frame);
    for (uint16_t i = 0; i < count && !frame->is_broken; i++) {
        add_member(out, i == 0 ? "{\"name\":" : ",{\"name\":", frame);
        add_member(out, ",\"state\":", frame);
        add_member(out, ",\"detail\":", frame);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_text(out, "]}\n");
}

void ch_json_add_problem(ch_buffer *out, const ch_error *problem, unsigned http_status)
{
    ch_buffer_add_format(out, "{\"type\":\"urn:chancery:problem:%s\",\"title\":\"%s\",\"status\":%u,\"detail\":",
                         ch_status_name(problem->status), ch_status_title(problem->status), http_status);
    ch_encode_json(out, ch_slice_of(problem->message));
    if (problem->rule[0] != '\0') {
        ch_buffer_add_text(out, ",\"rule\":");
        ch_encode_json(out, ch_slice_of(problem->rule));
    }
    ch_buffer_add_text(out, "}\n");
}
