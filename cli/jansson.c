#include "cli/jansson.h"

#include "base/buffer.h"

void ch_jansson_free_(json_t **value)
{
    json_decref(*value);
}

json_t *ch_jansson_text(const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    ch_autofree char *plain = ch_strdup(text);
    for (char *at = plain; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
    return json_string(plain);
}

const char *ch_jansson_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}
