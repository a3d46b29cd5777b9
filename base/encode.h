/* Encodings of bytes as text and back: hex, base64 and base64url (RFC 4648), percent-encoding (RFC 3986).
 *
 * Encoders append to a buffer and can't fail. Decoders are strict: nothing is skipped, padding must be right, and a
 * value has one spelling (in hex: two, one for each case). Key material is decoded by ch_decode_secret only, which
 * leaves no copy in ordinary memory. Thread-safe. */
#ifndef CH_BASE_ENCODE_H
#define CH_BASE_ENCODE_H

#include "base/buffer.h"
#include "base/secret.h"

typedef enum ch_encoding {
    CH_ENCODE_TEXT, /* the bytes as they are */
    CH_ENCODE_HEX,  /* lower case; decoding takes either case */
    CH_ENCODE_HEX_UPPER,
    CH_ENCODE_BASE64,    /* with padding */
    CH_ENCODE_BASE64URL, /* without padding */
} ch_encoding;

void ch_encode(ch_buffer *out, ch_encoding encoding, ch_slice bytes);

/* Appends what `text` decodes to. CH_BAD_INPUT says what is wrong without quoting the text; then nothing has been
 * appended. */
CH_CHECKED ch_status ch_decode(ch_buffer *out, ch_encoding encoding, ch_slice text, ch_error *err);

/* The same for key material: decodes into `out`, which must be empty and stays so on failure. An empty secret is
 * CH_BAD_INPUT, one longer than CH_SECRET_MAX is CH_TOO_LARGE. The caller wipes `out`. */
CH_CHECKED ch_status ch_decode_secret(ch_secret *out, ch_encoding encoding, const ch_secret *text, ch_error *err);

/* Returns the value of a hex digit of either case, or -1 if `c` is not one. */
int ch_hex_digit(uint8_t c);

/* Percent-encodes every byte but A-Z a-z 0-9 - . _ ~ and those in `also_plain` (may be ""). */
void ch_encode_percent(ch_buffer *out, ch_slice bytes, const char *also_plain);

/* Undoes ch_encode_percent ('+' is a space if `has_plus`): an escape is '%' and two digits, A to F in upper case.
 * False, with a part of it in `out`, if there is another. */
bool ch_decode_percent(ch_buffer *out, ch_slice text, bool has_plus);

/* A JSON string with its quotes (RFC 8259): '"', '\\' and control characters are escaped, all else is copied. */
void ch_encode_json(ch_buffer *out, ch_slice text);

#endif
