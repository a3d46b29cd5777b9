#include "relay/agent_answer.h"

#include "relay/headers.h"

#include <string.h>

#define ALREADY_SENT "already-sent"

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static ch_slice slice_of(const json_t *text)
{
    return (ch_slice){(const uint8_t *)json_string_value(text), json_string_length(text)};
}

static bool are_headers(json_t *headers)
{
    const char *name;
    json_t *value;
    if (!json_is_object(headers))
        return false;
    json_object_foreach(headers, name, value)
    {
        if (!ch_is_http_word(ch_slice_of(name)) || !json_is_string(value) || !ch_slice_is_text(slice_of(value)))
            return false;
    }
    return true;
}

static bool read_request(json_t *document, ch_agent_answer *answer)
{
    const json_t *body = json_object_get(document, "body");
    answer->method = text_of(document, "method");
    answer->url = text_of(document, "url");
    answer->headers = json_object_get(document, "headers");
    answer->body = slice_of(body);
    return answer->method != NULL && ch_is_http_word(ch_slice_of(answer->method)) && answer->url != NULL &&
           are_headers(answer->headers) && (body == NULL || json_is_null(body) || json_is_string(body));
}

static ch_agent_says read_good(json_t *document, ch_agent_answer *answer)
{
    const json_t *relay = json_object_get(document, "relay");
    if (!read_request(document, answer))
        return CH_AGENT_SILENT;
    if (json_is_true(json_object_get(document, "public")))
        return CH_AGENT_PUBLIC;
    if (!json_is_boolean(json_object_get(relay, "effects")))
        return CH_AGENT_SILENT;
    answer->has_effects = json_is_true(json_object_get(relay, "effects"));
    answer->is_serial = json_is_true(json_object_get(relay, "serial"));
    answer->shapes = json_object_get(relay, "errors");
    return CH_AGENT_SIGNED;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = text == NULL ? 0 : strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

void ch_agent_answer_read(json_t *document, ch_agent_answer *answer)
{
    answer->document = json_is_object(document) ? document : NULL;
    if (answer->document == NULL) {
        answer->says = answer->status == 200 ? CH_AGENT_SILENT : CH_AGENT_REFUSES;
        return;
    }
    if (answer->status == 200) {
        answer->says = read_good(document, answer);
        return;
    }
    answer->sent_id = text_of(document, "relay_id");
    answer->says =
        answer->status == 409 && ends_with(text_of(document, "type"), ALREADY_SENT) && answer->sent_id != NULL
            ? CH_AGENT_ALREADY_SENT
            : CH_AGENT_REFUSES;
}

/* Some exchanges write their errors with status 200. */
bool ch_shape_read(const json_t *json, ch_shape *out)
{
    json_t *headers = json_object_get(json, "headers");
    json_int_t status = json_integer_value(json_object_get(json, "status"));
    const json_t *body = json_object_get(json, "body");
    const char *name;
    json_t *value;
    *out = (ch_shape){.lines = CH_BUFFER_INIT};
    if (status < 200 || status > 599 || !json_is_string(body) || (headers != NULL && !are_headers(headers)))
        return false;
    out->status = (unsigned)status;
    out->body = slice_of(body);
    json_object_foreach(headers, name, value)
    {
        if (!ch_is_hop_header(ch_slice_of(name)))
            ch_buffer_add_format(&out->lines, "%s: %s\r\n", name, json_string_value(value));
    }
    return true;
}
