/* What the API secrets of an exchange look like as text: how many characters, and of which alphabet. A profile says so
 * if it is known (`secret_shape`), so that an import can tell a secret from half of one, or from another text.
 *
 * Plain values. Thread-safe. */
#ifndef CH_EXCHANGE_SECRET_SHAPE_H
#define CH_EXCHANGE_SECRET_SHAPE_H

#include "base/buffer.h"
#include "base/slice.h"

/* The rows of the table in secret_shape.c, in its order. */
typedef enum ch_alphabet {
    CH_ALPHABET_LOWER_HEX,
    CH_ALPHABET_UPPER_HEX,
    CH_ALPHABET_HEX_DASHES,
    CH_ALPHABET_ALPHANUMERIC,
    CH_ALPHABET_BASE64,
    CH_ALPHABET_BASE64URL,
    CH_ALPHABET_COUNT
} ch_alphabet;

typedef struct ch_secret_shape {
    ch_alphabet alphabet;
    size_t min; /* characters */
    size_t max; /* 0: the shape is not known */
} ch_secret_shape;

/* As profiles write it: "lower-hex". */
const char *ch_alphabet_name(ch_alphabet alphabet);

/* Reads a length as profiles write it, "64" or "27-28", into `shape`. False if `text` is not one; then `shape` stays as
 * it is. */
bool ch_secret_shape_read_length(ch_secret_shape *shape, const char *text);

/* True if `text` has the shape. */
bool ch_secret_shape_fits(const ch_secret_shape *shape, ch_slice text);

/* Appends the shape for people: "64 characters (A-Z, a-z, 0-9)". */
void ch_secret_shape_describe(const ch_secret_shape *shape, ch_buffer *out);

#endif
