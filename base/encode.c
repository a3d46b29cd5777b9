#include "base/encode.h"

#include <string.h>

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void add_hex(ch_buffer *out, ch_slice bytes, const char *digits)
{
    uint8_t *to = ch_buffer_reserve(out, bytes.size * 2);
    for (size_t i = 0; i < bytes.size; i++) {
        *to++ = (uint8_t)digits[bytes.data[i] >> 4];
        *to++ = (uint8_t)digits[bytes.data[i] & 15];
    }
    ch_buffer_commit(out, bytes.size * 2);
}

static void add_base64(ch_buffer *out, ch_slice bytes, const char *digits, bool has_padding)
{
    uint8_t *start = ch_buffer_reserve(out, (bytes.size + 2) / 3 * 4);
    uint8_t *to = start;
    for (size_t at = 0; at < bytes.size; at += 3) {
        size_t left = bytes.size - at;
        uint32_t group = (uint32_t)bytes.data[at] << 16;
        if (left > 1)
            group |= (uint32_t)bytes.data[at + 1] << 8;
        if (left > 2)
            group |= bytes.data[at + 2];
        size_t digits_used = left > 2 ? 4 : left + 1;
        for (size_t i = 0; i < digits_used; i++)
            *to++ = (uint8_t)digits[group >> (18 - 6 * i) & 63];
        for (size_t i = digits_used; has_padding && i < 4; i++)
            *to++ = '=';
    }
    ch_buffer_commit(out, (size_t)(to - start));
}

void ch_encode(ch_buffer *out, ch_encoding encoding, ch_slice bytes)
{
    switch (encoding) {
    case CH_ENCODE_TEXT:
        ch_buffer_add_slice(out, bytes);
        break;
    case CH_ENCODE_HEX:
        add_hex(out, bytes, "0123456789abcdef");
        break;
    case CH_ENCODE_HEX_UPPER:
        add_hex(out, bytes, "0123456789ABCDEF");
        break;
    case CH_ENCODE_BASE64:
        add_base64(out, bytes, base64_digits, true);
        break;
    case CH_ENCODE_BASE64URL:
        add_base64(out, bytes, base64url_digits, false);
        break;
    }
}

static bool is_unreserved(uint8_t byte)
{
    return ch_byte_is_alphanumeric(byte) || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

void ch_encode_percent(ch_buffer *out, ch_slice bytes, const char *also_plain)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t *start = ch_buffer_reserve(out, bytes.size * 3);
    uint8_t *to = start;
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = bytes.data[i];
        if (is_unreserved(byte) || (byte != 0 && strchr(also_plain, byte) != NULL)) {
            *to++ = byte;
            continue;
        }
        *to++ = '%';
        *to++ = (uint8_t)digits[byte >> 4];
        *to++ = (uint8_t)digits[byte & 15];
    }
    ch_buffer_commit(out, (size_t)(to - start));
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool ch_decode_percent(ch_buffer *out, ch_slice text, bool has_plus)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '%') {
            bool is_whole = text.size - i > 2 && !is_lower(text.data[i + 1]) && !is_lower(text.data[i + 2]);
            int high = is_whole ? hex_digit(text.data[i + 1]) : -1;
            int low = is_whole ? hex_digit(text.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (has_plus && byte == '+') {
            byte = ' ';
        }
        ch_buffer_add_byte(out, byte);
    }
    return true;
}

static ch_status decode_hex(ch_secret *out, const ch_secret *text, ch_error *err)
{
    if (text->size % 2 != 0)
        return ch_fail(err, CH_BAD_INPUT, "hex must have an even number of digits");
    ch_status st = ch_secret_alloc(out, text->size / 2, err);
    for (size_t i = 0; st == CH_OK && i < out->size; i++) {
        int high = hex_digit(text->data[2 * i]);
        int low = hex_digit(text->data[2 * i + 1]);
        if (high < 0 || low < 0)
            st = ch_fail(err, CH_BAD_INPUT, "character %zu is not a hex digit", 2 * i + (high < 0 ? 1 : 2));
        else
            out->data[i] = (uint8_t)(high << 4 | low);
    }
    if (st != CH_OK)
        ch_secret_wipe(out);
    return st;
}

static ch_status decode_base64(ch_secret *out, const ch_secret *text, const char *digits, bool has_padding,
                               ch_error *err)
{
    size_t digit_count = text->size;
    while (has_padding && digit_count > 0 && text->size - digit_count < 2 && text->data[digit_count - 1] == '=')
        digit_count--;
    if (digit_count % 4 == 1 || digit_count < 2 || (has_padding && text->size % 4 != 0))
        return ch_fail(err, CH_BAD_INPUT, "base64 of %zu characters is cut short or lacks its padding", text->size);
    ch_status st = ch_secret_alloc(out, digit_count * 3 / 4, err);
    if (st != CH_OK)
        return st;
    uint32_t group = 0;
    size_t filled = 0;
    for (size_t i = 0; i < digit_count; i++) {
        const char *digit = text->data[i] == 0 ? NULL : strchr(digits, text->data[i]);
        if (digit == NULL) {
            ch_secret_wipe(out);
            return ch_fail(err, CH_BAD_INPUT, "character %zu is not a base64 digit", i + 1);
        }
        group = group << 6 | (uint32_t)(digit - digits);
        if (i % 4 != 0)
            out->data[filled++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
    }
    uint32_t left_over = digit_count % 4 == 0 ? 0 : group & ((1U << (6 - 2 * (digit_count % 4 - 1))) - 1);
    if (left_over != 0) {
        ch_secret_wipe(out);
        return ch_fail(err, CH_BAD_INPUT, "base64 ends in bits that belong to no byte");
    }
    return CH_OK;
}

ch_status ch_decode_secret(ch_secret *out, ch_encoding encoding, const ch_secret *text, ch_error *err)
{
    ch_status st;
    switch (encoding) {
    case CH_ENCODE_HEX:
    case CH_ENCODE_HEX_UPPER:
        return decode_hex(out, text, err);
    case CH_ENCODE_BASE64:
        return decode_base64(out, text, base64_digits, true, err);
    case CH_ENCODE_BASE64URL:
        return decode_base64(out, text, base64url_digits, false, err);
    case CH_ENCODE_TEXT:
        break;
    }
    st = ch_secret_alloc(out, text->size, err);
    if (st == CH_OK)
        memcpy(out->data, text->data, text->size);
    return st;
}

/* ---- JSON ---- */

static bool is_plain_in_json(uint8_t byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\';
}

static void add_escaped(ch_buffer *out, uint8_t byte)
{
    if (byte == '"' || byte == '\\') {
        ch_buffer_add_byte(out, '\\');
        ch_buffer_add_byte(out, byte);
        return;
    }
    ch_buffer_add_format(out, "\\u%04x", (unsigned)byte);
}

void ch_encode_json(ch_buffer *out, ch_slice text)
{
    ch_buffer_add_byte(out, '"');
    size_t start = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (is_plain_in_json(text.data[i]))
            continue;
        ch_buffer_add(out, text.data + start, i - start);
        add_escaped(out, text.data[i]);
        start = i + 1;
    }
    ch_buffer_add(out, text.data + start, text.size - start);
    ch_buffer_add_byte(out, '"');
}
