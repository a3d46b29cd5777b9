/* Two things of real clients can't come out as they are: values that the agent refuses, because they are signed
 * unencoded and hold characters that could end them, and times of a client whose clock gave milliseconds for seconds.
 * Everything else of such a vector can still be compared, once both sides have the same plain word, or time, there. */
#include "tests/vectors/vectors.h"

#include "base/encode.h"

#include <stdlib.h>
#include <string.h>

#define PLAIN CH_LITERAL("plain")

static bool is_plain(ch_slice value)
{
    size_t i = 0;
    while (i < value.size && (ch_byte_is_alphanumeric(value.data[i]) || memchr("-._~,:/@", value.data[i], 8) != NULL))
        i++;
    return i == value.size;
}

static void replace(ch_buffer *text, ch_slice from, ch_slice to)
{
    ch_buffer out = CH_BUFFER_INIT;
    ch_slice rest = ch_buffer_slice(text);
    const uint8_t *found;
    while (rest.size > 0 && (found = memmem(rest.data, rest.size, from.data, from.size)) != NULL) {
        size_t before = (size_t)(found - rest.data);
        ch_buffer_add(&out, rest.data, before);
        ch_buffer_add_slice(&out, to);
        rest = (ch_slice){found + from.size, rest.size - before - from.size};
    }
    ch_buffer_add_slice(&out, rest);
    ch_buffer_free(text);
    *text = out;
}

static void replace_member(json_t *object, const char *name, ch_slice from, ch_slice to)
{
    const char *old = json_string_value(json_object_get(object, name));
    if (old == NULL)
        return;
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_text(&text, old);
    replace(&text, from, to);
    json_object_set_new(object, name, json_string(ch_buffer_text(&text)));
}

static void replace_everywhere(twin *in, ch_slice from, ch_slice to)
{
    for (size_t i = 0; i < in->signed_->count; i++)
        replace(&in->signed_->items[i].twin, from, to);
    replace_member(in->request, "url", from, to);
    replace_member(in->request, "body", from, to);
    json_t *headers = json_object_get(in->request, "headers");
    const char *name;
    json_t *value;
    json_object_foreach(headers, name, value)
    {
        replace_member(headers, name, from, to);
    }
}

void twin_begin(twin *out, signed_payloads *signed_, const json_t *request)
{
    *out = (twin){.signed_ = signed_, .request = json_deep_copy(request)};
    for (size_t i = 0; i < signed_->count; i++) {
        ch_buffer_clear(&signed_->items[i].twin);
        ch_buffer_add_slice(&signed_->items[i].twin, ch_buffer_slice(&signed_->items[i].payload));
    }
}

void twin_end(twin *in)
{
    json_decref(in->request);
}

void twin_use_plain_words(twin *in, asked *asked_)
{
    for (size_t i = 0; i < asked_->count; i++) {
        ch_param *param = &asked_->params[i];
        if (param->kind != CH_PARAM_TEXT || is_plain(param->value))
            continue;
        ch_autobuffer encoded = CH_BUFFER_INIT;
        ch_encode_percent(&encoded, param->value, "");
        replace_everywhere(in, param->value, PLAIN);
        replace_everywhere(in, ch_buffer_slice(&encoded), PLAIN);
        param->value = PLAIN;
    }
}

void twin_use_seconds(twin *in, uint64_t clock_ms)
{
    ch_autobuffer ms = CH_BUFFER_INIT;
    ch_buffer_add_format(&ms, "%llu", (unsigned long long)clock_ms);
    if (ms.size > 3)
        replace_everywhere(in, ch_buffer_slice(&ms), (ch_slice){ms.data, ms.size - 3});
}
