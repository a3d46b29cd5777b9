/* What jansson is relied upon for: JSON_REJECT_DUPLICATES, refusal of NUL in strings and of malformed UTF-8, and that
 * an object is iterated in the order of its text (tests/unit/agent/front/test_ask.c holds it to all of these). Its
 * nesting limit is deeper than needed (2048). */
#include "agent/front/body.h"

#include <string.h>
#include <sys/random.h>

ch_status ch_body_init(ch_error *err)
{
    size_t seed = 0;
    while (seed == 0) { /* 0 asks jansson to find a seed itself */
        if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
            return ch_fail_errno(err, "drawing a seed for JSON");
    }
    json_object_seed(seed);
    return CH_OK;
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

ch_status ch_body_read(ch_slice body, json_t **out, ch_error *err)
{
    json_error_t where;
    if (ch_slice_find(body, 0) != NULL) /* jansson takes one after the object for the end */
        return ch_fail(err, CH_BAD_INPUT, "the body is not JSON: it holds a NUL byte");
    json_t *tree = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &where);
    if (tree == NULL)
        return fail_parse(&where, err);
    if (!json_is_object(tree)) {
        json_decref(tree);
        return ch_fail(err, CH_BAD_INPUT, "the body must be one JSON object");
    }
    *out = tree;
    return CH_OK;
}

ch_status ch_body_fields(json_t *object, const ch_body_field *fields, size_t count, const char *may_have, ch_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        size_t i = 0;
        while (i < count && strcmp(fields[i].name, name) != 0)
            i++;
        if (i == count)
            return ch_fail(err, CH_BAD_INPUT, "the body has an unknown field '%.64s'; it may have %s", name, may_have);
        *fields[i].value = value;
    }
    return CH_OK;
}

ch_status ch_body_check_text(const json_t *value, const char *name, bool is_required, ch_error *err)
{
    if (value == NULL && !is_required)
        return CH_OK;
    if (!json_is_string(value))
        return ch_fail(err, CH_BAD_INPUT, "\"%s\" is %s; it must be a string", name,
                       value == NULL ? "missing" : "of another type");
    if (!ch_slice_is_text(ch_body_text(value)))
        return ch_fail(err, CH_BAD_INPUT, "\"%s\" holds a control character; remove it", name);
    return CH_OK;
}

ch_slice ch_body_text(const json_t *string)
{
    if (string == NULL)
        return CH_LITERAL("");
    return (ch_slice){(const uint8_t *)json_string_value(string), json_string_length(string)};
}
