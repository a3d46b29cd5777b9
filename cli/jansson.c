#include "cli/jansson.h"

#include "base/memory.h"
#include "base/printable.h"

#include <stdio.h>

void ch_jansson_free_(json_t **value)
{
    json_decref(*value);
}

json_t *ch_jansson_text(const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    ch_autofree char *printable = ch_strdup(text);
    ch_make_printable(printable);
    return json_string(printable);
}

json_t *ch_jansson_slice(ch_slice text)
{
    ch_autofree char *copy = ch_slice_strdup(text);
    return ch_jansson_text(copy);
}

const char *ch_jansson_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

void ch_jansson_print_joined(const json_t *list, const char *when_empty)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        printf("%s%s", i == 0 ? "" : ",", json_string_value(json_array_get(list, i)));
    if (json_array_size(list) == 0)
        printf("%s", when_empty);
}
