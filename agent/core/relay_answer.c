#include "agent/core/relay_answer.h"

#include "exchange/answers.h"
#include "wire/frames.h"

static void add(const ch_profile *profile, ch_answer_kind kind, ch_slice message, ch_slice id, ch_records *list,
                ch_buffer *records)
{
    ch_autoanswer answer = CH_ANSWER_INIT;
    ch_autobuffer lines = CH_BUFFER_INIT;
    ch_answer_write(profile, kind, message, id, &answer);
    for (size_t i = 0; i < answer.header_count; i++)
        ch_buffer_add_format(&lines, "%s: %s\r\n", answer.headers[i].name, answer.headers[i].value);
    const ch_shape_record shape = {
        .status = (uint16_t)answer.status, .lines = ch_buffer_slice(&lines), .body = ch_buffer_slice(&answer.body)};
    ch_shape_record_put(list, records, &shape);
}

void ch_relay_errors_add(const ch_profile *profile, ch_records *list, ch_buffer *records)
{
    const ch_slice id = CH_LITERAL(CH_RELAY_NO_ID);
    add(profile, CH_ANSWER_NOT_SENT,
        CH_LITERAL("chancery: request " CH_RELAY_NO_ID " did not reach the exchange; it may be sent again"), id, list,
        records);
    add(profile, CH_ANSWER_UNKNOWN,
        CH_LITERAL("chancery: request " CH_RELAY_NO_ID " was sent, and nobody knows how it ended; look at the exchange "
                   "before sending it again"),
        id, list, records);
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

void ch_exchange_error_add(const ch_profile *profile, ch_status status, ch_slice message, ch_slice id, ch_records *list,
                           ch_buffer *records)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(&text, "chancery: %.*s", CH_SLICE_ARGS(message));
    add(profile, kind_of(status), ch_buffer_slice(&text), id, list, records);
}

bool ch_relay_is_rejection(const ch_endpoint *endpoint, unsigned status, ch_slice body)
{
    return status < 500 && ch_answer_is_rejection(endpoint, status, body);
}
