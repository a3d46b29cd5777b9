/* Fields stand unaligned: each is copied in and out with memcpy, so nothing here depends on where a packet lies in
 * memory. */
#include "wire/frame.h"

#include <string.h>

typedef struct frame_header {
    uint32_t size; /* header included */
    uint16_t type;
    uint16_t zero;
    uint64_t id;
} frame_header;

_Static_assert(sizeof(frame_header) == 16, "the header has no padding");

/* ---- frames ---- */

bool ch_frame_next(ch_slice *packet, ch_frame *out)
{
    frame_header header;
    if (packet->size < sizeof header)
        return false;
    memcpy(&header, packet->data, sizeof header);
    if (header.size < sizeof header || header.size > packet->size || header.zero != 0)
        return false;
    *out = (ch_frame){.type = header.type,
                      .id = header.id,
                      .at = packet->data + sizeof header,
                      .end = packet->data + header.size,
                      .is_broken = false};
    packet->data += header.size;
    packet->size -= header.size;
    return true;
}

size_t ch_frame_begin(ch_buffer *packet, uint16_t type, uint64_t id)
{
    size_t begin = packet->size;
    frame_header header = {.size = 0, .type = type, .zero = 0, .id = id};
    ch_buffer_add(packet, &header, sizeof header);
    return begin;
}

ch_status ch_frame_end(ch_buffer *packet, size_t begin, ch_error *err)
{
    size_t size = packet->size - begin;
    if (size > CH_PACKET_MAX) {
        packet->size = begin;
        return ch_fail(err, CH_TOO_LARGE, "a message of %zu bytes is over the limit of %d", size, CH_PACKET_MAX);
    }
    uint32_t written = (uint32_t)size;
    memcpy(packet->data + begin, &written, sizeof written);
    return CH_OK;
}

bool ch_frame_is_read(const ch_frame *frame)
{
    return !frame->is_broken && frame->at == frame->end;
}

/* ---- writing ---- */

void ch_put_u8(ch_buffer *packet, uint8_t value)
{
    ch_buffer_add_byte(packet, value);
}

void ch_put_u16(ch_buffer *packet, uint16_t value)
{
    ch_buffer_add(packet, &value, sizeof value);
}

void ch_put_u32(ch_buffer *packet, uint32_t value)
{
    ch_buffer_add(packet, &value, sizeof value);
}

void ch_put_u64(ch_buffer *packet, uint64_t value)
{
    ch_buffer_add(packet, &value, sizeof value);
}

void ch_put_flag(ch_buffer *packet, bool value)
{
    ch_buffer_add_byte(packet, value);
}

void ch_put_bytes(ch_buffer *packet, ch_slice bytes)
{
    ch_put_u32(packet, (uint32_t)bytes.size);
    ch_buffer_add_slice(packet, bytes);
}

void ch_put_error(ch_buffer *packet, ch_error err)
{
    ch_put_u32(packet, (uint32_t)err.status);
    ch_put_bytes(packet, ch_slice_of(err.rule));
    ch_put_bytes(packet, ch_slice_of(err.message));
}

void ch_put_records(ch_buffer *packet, ch_records list)
{
    ch_put_u16(packet, (uint16_t)list.count);
    ch_buffer_add_slice(packet, list.records);
}

/* ---- reading ---- */

static void read_field(ch_frame *frame, void *out, size_t size)
{
    if (frame->is_broken || (size_t)(frame->end - frame->at) < size) {
        frame->is_broken = true;
        memset(out, 0, size);
        return;
    }
    memcpy(out, frame->at, size);
    frame->at += size;
}

uint8_t ch_get_u8(ch_frame *frame)
{
    uint8_t value;
    read_field(frame, &value, sizeof value);
    return value;
}

uint16_t ch_get_u16(ch_frame *frame)
{
    uint16_t value;
    read_field(frame, &value, sizeof value);
    return value;
}

uint32_t ch_get_u32(ch_frame *frame)
{
    uint32_t value;
    read_field(frame, &value, sizeof value);
    return value;
}

uint64_t ch_get_u64(ch_frame *frame)
{
    uint64_t value;
    read_field(frame, &value, sizeof value);
    return value;
}

bool ch_get_flag(ch_frame *frame)
{
    uint8_t value = ch_get_u8(frame);
    if (value > 1)
        frame->is_broken = true;
    return value == 1;
}

ch_slice ch_get_bytes(ch_frame *frame)
{
    size_t size = ch_get_u32(frame);
    if (frame->is_broken || (size_t)(frame->end - frame->at) < size) {
        frame->is_broken = true;
        return CH_LITERAL("");
    }
    ch_slice bytes = {frame->at, size};
    frame->at += size;
    return bytes;
}

ch_error ch_get_error(ch_frame *frame)
{
    ch_error err = CH_ERROR_INIT;
    uint32_t status = ch_get_u32(frame);
    ch_slice rule = ch_get_bytes(frame);
    ch_slice message = ch_get_bytes(frame);
    if (status >= CH_STATUS_COUNT)
        frame->is_broken = true;
    if (frame->is_broken || status == CH_OK)
        return err;
    char rule_text[sizeof err.rule] = "";
    memcpy(rule_text, rule.data, rule.size < sizeof rule_text ? rule.size : sizeof rule_text - 1);
    ch_error_set(&err, (ch_status)status, rule_text, "%.*s", CH_SLICE_ARGS(message));
    return err;
}

ch_records ch_get_records(ch_frame *frame, void (*skip)(ch_frame *frame))
{
    ch_records list = {
        .count = ch_get_u16(frame), .records = {frame->at, 0}
    };
    for (size_t i = 0; i < list.count && !frame->is_broken; i++)
        skip(frame);
    if (frame->is_broken)
        return (ch_records){0};
    list.records.size = (size_t)(frame->at - list.records.data);
    return list;
}
