/* JSON has more than parameters do: a number with a fraction is text, as everywhere in Chancery. */
#include "cli/parameters.h"

#include "base/memory.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

/* Any JSON but text and numbers with a fraction, which are written as name=value. NULL for those, and for what is not
 * JSON. */
static json_t *typed_value(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_string(value) && !json_is_real(value))
        return value;
    json_decref(value);
    return NULL;
}

/* "name=value" is text, "name:=value" JSON. The error names the parameter only. */
static ch_status add_parameter(json_t *params, const char *word, ch_error *err)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL || equals == word || (equals == word + 1 && *word == ':'))
        return ch_fail(err, CH_BAD_INPUT, "parameters follow KEY METHOD PATH, as name=value or name:=value");
    bool is_typed = equals[-1] == ':';
    ch_slice name_bytes = {(const uint8_t *)word, (size_t)(equals - word) - (is_typed ? 1 : 0)};
    ch_autofree char *name = ch_slice_strdup(name_bytes);
    if (json_object_get(params, name) != NULL)
        return ch_fail(err, CH_BAD_INPUT, "parameter '%s' is given twice", name);
    json_t *value = is_typed ? typed_value(equals + 1) : json_string(equals + 1);
    if (value == NULL)
        return ch_fail(err, CH_BAD_INPUT, "parameter '%s' is not %s", name,
                       is_typed ? "an integer, true, false, null, a list or an object; write name=value for text"
                                : "text in UTF-8");
    if (json_object_set_new(params, name, value) != 0)
        return ch_fail(err, CH_BAD_INPUT, "a parameter's name is not text in UTF-8");
    return CH_OK;
}

ch_status ch_parameters_read(const char *const *words, size_t count, json_t **out, ch_error *err)
{
    if (count == 1 && strncmp(words[0], ":=", 2) == 0) {
        *out = typed_value(words[0] + 2);
        if (!json_is_array(*out))
            return ch_fail(err, CH_BAD_INPUT, "':=' without a name takes the whole body, a list in JSON");
        return CH_OK;
    }
    *out = json_object();
    for (size_t i = 0; i < count; i++)
        CH_TRY(add_parameter(*out, words[i], err));
    return CH_OK;
}

/* ---- entries ---- */

static void add_entry(ch_parameters *out, ch_param_kind kind, const char *name, const char *value)
{
    if (out->count < CH_PARAMS_MAX)
        out->params[out->count] = (ch_param){.kind = kind, .name = ch_slice_of(name), .value = ch_slice_of(value)};
    out->count++;
}

/* A number is written where the entry with it stands. */
static void add_integer(ch_parameters *out, const char *name, json_int_t value)
{
    if (out->count < CH_PARAMS_MAX)
        snprintf(out->digits[out->count], sizeof out->digits[0], "%" JSON_INTEGER_FORMAT, value);
    add_entry(out, CH_PARAM_INTEGER, name, out->count < CH_PARAMS_MAX ? out->digits[out->count] : "");
}

static void add_value(ch_parameters *out, const char *name, json_t *value);

static void add_held(ch_parameters *out, const char *name, json_t *value)
{
    add_entry(out, json_is_array(value) ? CH_PARAM_LIST : CH_PARAM_OBJECT, name, "");
    for (size_t i = 0; i < json_array_size(value); i++)
        add_value(out, "", json_array_get(value, i));
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at))
        add_value(out, json_object_iter_key(at), json_object_iter_value(at));
    add_entry(out, CH_PARAM_END, "", "");
}

/* Calls itself once for each level of the JSON, whose depth jansson bounds. */
static void add_value(ch_parameters *out, const char *name, json_t *value)
{
    if (json_is_array(value) || json_is_object(value))
        add_held(out, name, value);
    else if (json_is_integer(value))
        add_integer(out, name, json_integer_value(value));
    else if (json_is_boolean(value))
        add_entry(out, CH_PARAM_BOOLEAN, name, json_is_true(value) ? "true" : "false");
    else if (json_is_string(value))
        add_entry(out, CH_PARAM_TEXT, name, json_string_value(value));
    else
        add_entry(out, CH_PARAM_PLACEHOLDER, name, "");
}

ch_status ch_parameters_enter(json_t *params, ch_parameters *out, ch_error *err)
{
    out->count = 0;
    if (json_is_array(params))
        add_value(out, "", params);
    for (void *at = json_object_iter(params); at != NULL; at = json_object_iter_next(params, at))
        add_value(out, json_object_iter_key(at), json_object_iter_value(at));
    if (out->count > CH_PARAMS_MAX)
        return ch_fail(err, CH_TOO_LARGE, "a request has at most %d parameters, with all that they hold",
                       CH_PARAMS_MAX);
    return CH_OK;
}
