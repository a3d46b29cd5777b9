#include "base/encode.h"

#include <assert.h>
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
    size_t at = 0;
    for (; bytes.size - at > 2; at += 3, to += 4) { /* apart, because a megabyte must not take long */
        uint32_t group = (uint32_t)bytes.data[at] << 16 | (uint32_t)bytes.data[at + 1] << 8 | bytes.data[at + 2];
        for (unsigned i = 0; i < 4; i++)
            to[i] = (uint8_t)digits[group >> (18 - 6 * i) & 63];
    }
    if (at < bytes.size) {
        size_t left = bytes.size - at;
        uint32_t group = (uint32_t)bytes.data[at] << 16;
        if (left > 1)
            group |= (uint32_t)bytes.data[at + 1] << 8;
        size_t digits_used = left + 1;
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

/* ---- decoding: the size first, then the bytes, so that a secret is decoded into the place that it keeps ---- */

int ch_hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static size_t count_base64_digits(ch_slice text, bool has_padding)
{
    size_t count = text.size;
    while (has_padding && count > 0 && text.size - count < 2 && text.data[count - 1] == '=')
        count--;
    return count;
}

static ch_status find_base64_size(ch_slice text, bool has_padding, size_t *size, ch_error *err)
{
    size_t digit_count = count_base64_digits(text, has_padding);
    if (digit_count % 4 == 1 || (has_padding && text.size % 4 != 0))
        return ch_fail(err, CH_BAD_INPUT, "base64 of %zu characters is cut short or lacks its padding", text.size);
    *size = digit_count / 4 * 3 + digit_count % 4 * 3 / 4;
    return CH_OK;
}

/* What `text` decodes to has `*size` bytes if every character is a digit. */
static ch_status find_size(ch_encoding encoding, ch_slice text, size_t *size, ch_error *err)
{
    *size = text.size;
    switch (encoding) {
    case CH_ENCODE_TEXT:
        return CH_OK;
    case CH_ENCODE_HEX:
    case CH_ENCODE_HEX_UPPER:
        if (text.size % 2 != 0)
            return ch_fail(err, CH_BAD_INPUT, "hex must have an even number of digits");
        *size = text.size / 2;
        return CH_OK;
    case CH_ENCODE_BASE64:
    case CH_ENCODE_BASE64URL:
        return find_base64_size(text, encoding == CH_ENCODE_BASE64, size, err);
    }
    return ch_fail(err, CH_INTERNAL, "unknown encoding %d", (int)encoding);
}

static ch_status decode_hex(uint8_t *to, ch_slice text, ch_error *err)
{
    for (size_t i = 0; i < text.size; i += 2) {
        int high = ch_hex_digit(text.data[i]);
        int low = ch_hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            return ch_fail(err, CH_BAD_INPUT, "character %zu is not a hex digit", i + (high < 0 ? 1 : 2));
        *to++ = (uint8_t)(high << 4 | low);
    }
    return CH_OK;
}

static int base64_digit(uint8_t c, bool is_url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (is_url ? '-' : '+'))
        return 62;
    return c == (is_url ? '_' : '/') ? 63 : -1;
}

static ch_status decode_base64(uint8_t *to, ch_slice text, bool is_url, ch_error *err)
{
    size_t digit_count = count_base64_digits(text, !is_url);
    uint32_t group = 0;
    for (size_t i = 0; i < digit_count; i++) {
        int digit = base64_digit(text.data[i], is_url);
        if (digit < 0)
            return ch_fail(err, CH_BAD_INPUT, "character %zu is not a base64 digit", i + 1);
        group = group << 6 | (uint32_t)digit;
        if (i % 4 != 0)
            *to++ = (uint8_t)(group >> (6 - 2 * (i % 4)));
    }
    size_t over = digit_count % 4; /* 2 digits leave 4 bits over, 3 leave 2 */
    if (over != 0 && (group & ((1U << (8 - 2 * over)) - 1)) != 0)
        return ch_fail(err, CH_BAD_INPUT, "base64 ends in bits that belong to no byte");
    return CH_OK;
}

/* `to` has room for what find_size found. */
static ch_status decode(uint8_t *to, ch_encoding encoding, ch_slice text, ch_error *err)
{
    switch (encoding) {
    case CH_ENCODE_TEXT:
        if (text.size > 0)
            memcpy(to, text.data, text.size);
        return CH_OK;
    case CH_ENCODE_HEX:
    case CH_ENCODE_HEX_UPPER:
        return decode_hex(to, text, err);
    case CH_ENCODE_BASE64:
    case CH_ENCODE_BASE64URL:
        return decode_base64(to, text, encoding == CH_ENCODE_BASE64URL, err);
    }
    return ch_fail(err, CH_INTERNAL, "unknown encoding %d", (int)encoding);
}

ch_status ch_decode(ch_buffer *out, ch_encoding encoding, ch_slice text, ch_error *err)
{
    size_t size = 0;
    CH_TRY(find_size(encoding, text, &size, err));
    CH_TRY(decode(ch_buffer_reserve(out, size), encoding, text, err));
    ch_buffer_commit(out, size);
    return CH_OK;
}

ch_status ch_decode_secret(ch_secret *out, ch_encoding encoding, const ch_secret *text, ch_error *err)
{
    assert(out->data == NULL);
    ch_slice slice = {text->data, text->size};
    size_t size = 0;
    CH_TRY(find_size(encoding, slice, &size, err));
    if (size == 0)
        return ch_fail(err, CH_BAD_INPUT, "the secret is empty");
    CH_TRY(ch_secret_alloc(out, size, err));
    ch_status st = decode(out->data, encoding, slice, err);
    if (st != CH_OK)
        ch_secret_wipe(out);
    return st;
}

/* ---- percent-encoding ---- */

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

/* The value of two hex digits at `at`, A to F in upper case; -1 if they are not. */
static int upper_hex_byte(const uint8_t *at)
{
    int high = ch_hex_digit(at[0]);
    int low = ch_hex_digit(at[1]);
    bool is_upper = at[0] <= 'F' && at[1] <= 'F';
    return high < 0 || low < 0 || !is_upper ? -1 : high << 4 | low;
}

bool ch_decode_percent(ch_buffer *out, ch_slice text, bool has_plus)
{
    for (size_t i = 0; i < text.size; i++) {
        int byte = text.data[i];
        if (byte == '%') {
            byte = text.size - i > 2 ? upper_hex_byte(text.data + i + 1) : -1;
            i += 2;
        } else if (has_plus && byte == '+') {
            byte = ' ';
        }
        if (byte < 0)
            return false;
        ch_buffer_add_byte(out, (uint8_t)byte);
    }
    return true;
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
    if (start < text.size) /* empty text may have no memory */
        ch_buffer_add(out, text.data + start, text.size - start);
    ch_buffer_add_byte(out, '"');
}
