#include "relay/question.h"

#include "base/names.h"
#include "relay/headers.h"
#include "wire/frames.h"

#include <openssl/evp.h>
#include <string.h>

#define REPEAT_KEY "Idempotency-Key"

/* ---- parts ---- */

/* An empty slice if the bot has sent none. */
static ch_status read_repeat_key(const ch_wire *wire, ch_slice *out, ch_error *err)
{
    const ch_slice *given = ch_bot_head_find(wire->head, REPEAT_KEY);
    *out = given == NULL ? (ch_slice){NULL, 0} : *given;
    if (given == NULL || (out->size > 0 && out->size <= CH_REPEAT_KEY_MAX && ch_slice_is_visible(*out)))
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT, "Idempotency-Key must be 1 to %d visible ASCII characters", CH_REPEAT_KEY_MAX);
}

/* Without those that are not part of the request. */
static ch_status put_headers(const ch_wire *wire, ch_records *list, ch_buffer *records, ch_error *err)
{
    for (size_t i = 0; i < wire->head->count; i++) {
        const ch_header *header = &wire->head->headers[i];
        const ch_header_record record = {.name = header->name, .value = header->value};
        if (ch_is_hop_header(header->name) || ch_header_is(header->name, REPEAT_KEY))
            continue;
        if (list->count == CH_WIRE_HEADERS)
            return ch_fail(err, CH_BAD_INPUT, "\"headers\" has more than %d", CH_WIRE_HEADERS);
        if (!ch_is_http_word(record.name) || !ch_slice_is_text(record.value))
            return ch_fail(err, CH_BAD_INPUT, "a header has a character that headers cannot have");
        ch_header_record_put(list, records, &record);
    }
    return CH_OK;
}

static ch_status check_parts(const ch_wire *wire, const char *id, ch_error *err)
{
    if (!ch_is_name(wire->key) || !ch_is_name(ch_slice_of(wire->caller)) || strlen(id) != CH_DRAWN_SIZE)
        return ch_fail(err, CH_BAD_INPUT, "the request is for no key that can be named");
    if (wire->origin.size > 0 && !ch_is_name(wire->origin))
        return ch_fail(err, CH_BAD_INPUT, "the request is for no origin that can be named");
    if (!ch_is_http_word(wire->head->method) || wire->url.size == 0 || !ch_slice_is_text(wire->url))
        return ch_fail(err, CH_BAD_INPUT, "the method or the path has a character that it cannot have");
    if (!ch_slice_is_document(wire->body))
        return ch_fail(err, CH_BAD_INPUT, "the body is not text in UTF-8");
    return CH_OK;
}

/* ---- the frame ---- */

static ch_status put_sign(ch_buffer *out, uint64_t number, const ch_sign_frame *sign, ch_error *err)
{
    size_t begin = out->size;
    CH_TRY(ch_sign_frame_put(out, number, sign, err));
    if (out->size - begin <= CH_QUESTION_MAX)
        return CH_OK;
    out->size = begin;
    return ch_fail(err, CH_TOO_LARGE, "the request is over the limit of %d bytes", CH_QUESTION_MAX);
}

ch_status ch_question_put(ch_buffer *out, uint64_t number, const ch_wire *wire, const char *id, uint64_t errors_tag,
                          ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_sign_frame sign = {.key = wire->key,
                          .form = CH_FORM_WIRE,
                          .method = wire->head->method,
                          .url = wire->url,
                          .origin = wire->origin,
                          .body = wire->body,
                          .relay_id = ch_slice_of(id),
                          .relay_for = ch_slice_of(wire->caller),
                          .errors_tag = errors_tag};
    CH_TRY(check_parts(wire, id, err));
    CH_TRY(read_repeat_key(wire, &sign.repeat_key, err));
    CH_TRY(put_headers(wire, &sign.headers, &records, err));
    return put_sign(out, number, &sign, err);
}

/* ---- the print ---- */

/* Each part with its length before it, so that no two requests are the same bytes. */
static void add_part(ch_buffer *out, ch_slice part)
{
    const uint64_t size = part.size;
    ch_buffer_add_slice(out, (ch_slice){(const uint8_t *)&size, sizeof size});
    ch_buffer_add_slice(out, part);
}

void ch_wire_print(const ch_wire *wire, uint8_t out[CH_PRINT_SIZE])
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    add_part(&bytes, ch_slice_of(wire->caller));
    add_part(&bytes, wire->key);
    add_part(&bytes, wire->origin);
    add_part(&bytes, wire->head->method);
    add_part(&bytes, wire->url);
    add_part(&bytes, wire->body);
    for (size_t i = 0; i < wire->head->count; i++) {
        if (ch_is_hop_header(wire->head->headers[i].name))
            continue;
        add_part(&bytes, wire->head->headers[i].name);
        add_part(&bytes, wire->head->headers[i].value);
    }
    (void)EVP_Digest(bytes.data, bytes.size, out, NULL, EVP_sha256(), NULL);
}
