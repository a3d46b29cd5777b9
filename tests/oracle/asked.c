#include "tests/oracle/asked.h"

#include <stdio.h>
#include <string.h>

static void add_entry(asked *out, ch_param_kind kind, const char *name, ch_slice value)
{
    if (out->request.param_count < CH_PARAMS_MAX)
        out->params[out->request.param_count++] = (ch_param){.kind = kind, .name = ch_slice_of(name), .value = value};
}

static void add_value(asked *out, const char *name, const json_t *value);

static void add_held(asked *out, const char *name, const json_t *value)
{
    add_entry(out, json_is_array(value) ? CH_PARAM_LIST : CH_PARAM_OBJECT, name, CH_LITERAL(""));
    for (size_t i = 0; i < json_array_size(value); i++)
        add_value(out, "", json_array_get(value, i));
    json_t *object = (json_t *)(uintptr_t)value;
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at))
        add_value(out, json_object_iter_key(at), json_object_iter_value(at));
    add_entry(out, CH_PARAM_END, "", CH_LITERAL(""));
}

static void add_integer(asked *out, const char *name, const json_t *value)
{
    char *digits = out->digits[out->request.param_count % CH_PARAMS_MAX];
    snprintf(digits, sizeof out->digits[0], "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    add_entry(out, CH_PARAM_INTEGER, name, ch_slice_of(digits));
}

/* Calls itself once for each level of the line's JSON, whose depth jansson bounds. */
static void add_value(asked *out, const char *name, const json_t *value)
{
    if (json_is_array(value) || json_is_object(value))
        add_held(out, name, value);
    else if (json_is_integer(value))
        add_integer(out, name, value);
    else if (json_is_boolean(value))
        add_entry(out, CH_PARAM_BOOLEAN, name, ch_slice_of(json_is_true(value) ? "true" : "false"));
    else
        add_entry(out, CH_PARAM_TEXT, name, ch_slice_of(json_string_value(value)));
}

ch_slice asked_text(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));
    return ch_slice_of(text == NULL ? "" : text);
}

uint64_t asked_number(const json_t *line, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(line, name));
}

/* A body that is an array is a list without a name. */
void asked_read(const json_t *line, asked *out)
{
    json_t *params = json_object_get(line, "params");
    out->request =
        (ch_request){.method = asked_text(line, "method"), .path = asked_text(line, "path"), .params = out->params};
    if (json_is_array(params))
        add_value(out, "", params);
    for (void *at = json_object_iter(params); at != NULL; at = json_object_iter_next(params, at))
        add_value(out, json_object_iter_key(at), json_object_iter_value(at));
}

void say_text(ch_buffer *out, const char *name, ch_slice text)
{
    bool is_first = out->size > 0 && (out->data[out->size - 1] == '{' || out->data[out->size - 1] == '[');
    ch_buffer_add_text(out, is_first ? "" : ",");
    if (name[0] != '\0')
        ch_buffer_add_format(out, "\"%s\":", name);
    ch_buffer_add_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            ch_buffer_add_byte(out, '\\');
        ch_buffer_add_byte(out, text.data[i]);
    }
    ch_buffer_add_byte(out, '"');
}
