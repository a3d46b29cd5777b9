#include "agent/core/relay_answer.h"

#include "base/encode.h"
#include "exchange/answers.h"

#include <inttypes.h>

#define TAG "%016" PRIx64

static void add_shape(const ch_answer *answer, ch_buffer *out)
{
    const char *separator = "";
    ch_buffer_add_format(out, "{\"status\":%u,\"headers\":{", answer->status);
    for (size_t i = 0; i < answer->header_count; i++) {
        ch_buffer_add_text(out, separator);
        ch_encode_json(out, ch_slice_of(answer->headers[i].name));
        ch_buffer_add_byte(out, ':');
        ch_encode_json(out, ch_slice_of(answer->headers[i].value));
        separator = ",";
    }
    ch_buffer_add_text(out, "},\"body\":");
    ch_encode_json(out, ch_buffer_slice(&answer->body));
    ch_buffer_add_byte(out, '}');
}

static void add(const ch_profile *profile, ch_answer_kind kind, ch_slice message, ch_slice id, ch_buffer *out)
{
    ch_autoanswer answer = CH_ANSWER_INIT;
    ch_answer_write(profile, kind, message, id, &answer);
    add_shape(&answer, out);
}

/* They hold for every request with the key, so they need not be told with each. */
static void add_errors(const ch_profile *profile, uint64_t tag, ch_buffer *out)
{
    const ch_slice id = CH_LITERAL(CH_RELAY_NO_ID);
    ch_buffer_add_format(out, ",\"errors\":{\"tag\":\"" TAG "\",\"not-sent\":", tag);
    add(profile, CH_ANSWER_NOT_SENT,
        CH_LITERAL("chancery: request " CH_RELAY_NO_ID " did not reach the exchange; it may be sent again"), id, out);
    ch_buffer_add_text(out, ",\"unknown\":");
    add(profile, CH_ANSWER_UNKNOWN,
        CH_LITERAL("chancery: request " CH_RELAY_NO_ID " was sent, and nobody knows how it ended; look at the exchange "
                   "before sending it again"),
        id, out);
    ch_buffer_add_byte(out, '}');
}

void ch_relay_answer_add(const ch_relay_told *told, ch_buffer *out)
{
    ch_buffer_add_format(out, "{\"effects\":%s,\"serial\":%s", told->has_effects ? "true" : "false",
                         told->is_serial ? "true" : "false");
    if (told->errors_tag != 0)
        add_errors(told->profile, told->errors_tag, out);
    ch_buffer_add_byte(out, '}');
}

bool ch_relay_has_errors(ch_slice shown, uint64_t tag)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    if (shown.size == 0)
        return false;
    ch_buffer_add_format(&text, TAG, tag);
    return ch_slice_equal(shown, ch_buffer_slice(&text));
}

/* Nothing was sent in any of these cases but the one in which it was sent before. What passes by itself may be tried
 * again; what a person must change may not. */
static ch_answer_kind kind_of(ch_status status)
{
    switch (status) {
    case CH_LOCKED:
        return CH_ANSWER_LOCKED;
    case CH_ALREADY_SENT:
        return CH_ANSWER_UNKNOWN;
    case CH_BUSY:
    case CH_TOO_OFTEN:
    case CH_UNAVAILABLE:
    case CH_TOKEN:
    case CH_IO:
    case CH_INTERNAL:
        return CH_ANSWER_NOT_SENT;
    default:
        return CH_ANSWER_REFUSED;
    }
}

void ch_exchange_error_add(const ch_profile *profile, ch_status status, ch_slice message, ch_slice id, ch_buffer *out)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(&text, "chancery: %.*s", CH_SLICE_ARGS(message));
    add(profile, kind_of(status), ch_buffer_slice(&text), id, out);
}

bool ch_relay_is_rejection(const ch_endpoint *endpoint, unsigned status, ch_slice body)
{
    return status < 500 && ch_answer_is_rejection(endpoint, status, body);
}
