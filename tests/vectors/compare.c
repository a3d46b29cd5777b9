/* Is the finished request the client's? */
#include "tests/vectors/vectors.h"

#include "base/encode.h"
#include "base/memory.h"

#include <string.h>
#include <strings.h>

#define SHOWN_MAX 200

/* Bytes of a digest would upset a terminal, so they are shown in hex. */
static void add_shown(ch_buffer *out, ch_slice text)
{
    ch_slice start = {text.data, text.size > SHOWN_MAX ? SHOWN_MAX : text.size};
    if (ch_slice_is_text(text) || ch_slice_find(start, '\n') != NULL)
        ch_buffer_add_slice(out, start);
    else
        ch_encode(out, CH_ENCODE_HEX, start);
}

ch_status differ(ch_error *err, const char *what, ch_slice ours, ch_slice theirs)
{
    ch_autobuffer our_text = CH_BUFFER_INIT;
    ch_autobuffer their_text = CH_BUFFER_INIT;
    add_shown(&our_text, ours);
    add_shown(&their_text, theirs);
    return ch_fail(err, CH_CONFLICT, "%s differs: ours is '%s', theirs '%s'", what, ch_buffer_text(&our_text),
                   ch_buffer_text(&their_text));
}

/* True if both mean the same once percent-encoding is undone. */
static bool is_same_decoded(ch_slice ours, ch_slice theirs)
{
    ch_autobuffer our_text = CH_BUFFER_INIT;
    ch_autobuffer their_text = CH_BUFFER_INIT;
    return ch_decode_percent(&our_text, ours, false) && ch_decode_percent(&their_text, theirs, false) &&
           ch_slice_equal(ch_buffer_slice(&our_text), ch_buffer_slice(&their_text));
}

static ch_slice header_of(const json_t *request, ch_slice wanted)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(request, "headers"), name, value)
    {
        if (wanted.size == strlen(name) && strncasecmp(name, (const char *)wanted.data, wanted.size) == 0)
            return ch_slice_of(json_string_value(value));
    }
    return (ch_slice){NULL, 0};
}

static ch_status compare_header(const json_t *request, const ch_header *ours, ch_error *err)
{
    ch_slice theirs = header_of(request, ours->name);
    bool is_left_to_library = theirs.size == 0 && ch_slice_is(ours->name, "Content-Type");
    if (is_left_to_library || ch_slice_equal(ours->value, theirs))
        return CH_OK;
    ch_autofree char *name = ch_slice_strdup(ours->name);
    return differ(err, name, ours->value, theirs);
}

ch_status compare_request(const json_t *request, const ch_finished *ours, const char **note, ch_error *err)
{
    ch_slice url = ch_slice_of(text_of(request, "url"));
    ch_slice body = ch_slice_of(text_of(request, "body"));
    if (!ch_slice_equal(ours->url, url)) {
        if (!is_same_decoded(ours->url, url))
            return differ(err, "the URL", ours->url, url);
        *note = "the client leaves the encoding of its URL to its HTTP library";
    }
    if (!ch_slice_equal(ours->body, body))
        return differ(err, "the body", ours->body, body);
    for (size_t i = 0; i < ours->header_count; i++)
        CH_TRY(compare_header(request, &ours->headers[i], err));
    return CH_OK;
}
