/* Views of bytes that somebody else owns, with their length; valid as long as those bytes are. Thread-safe. */
#ifndef CH_BASE_SLICE_H
#define CH_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not terminated; `data` may be NULL if `size` is 0. */
typedef struct ch_slice {
    const uint8_t *data;
    size_t size;
} ch_slice;

#define CH_LITERAL(text) ((ch_slice){(const uint8_t *)(text), sizeof(text) - 1})
/* For "%.*s" */
#define CH_SLICE_ARGS(slice) (int)(slice).size, (const char *)(slice).data

ch_slice ch_slice_of(const char *text);
bool ch_slice_equal(ch_slice a, ch_slice b);
/* The same, with ASCII letters alike in any case. */
bool ch_slice_equal_case(ch_slice a, ch_slice b);
bool ch_slice_is(ch_slice slice, const char *text);
bool ch_slice_begins(ch_slice slice, ch_slice start);
/* The same, with ASCII letters alike in any case. */
bool ch_slice_begins_case(ch_slice slice, ch_slice start);
/* Compares as memcmp does (<0, 0, >0); of two that begin alike, the shorter is less. */
int ch_slice_compare(ch_slice a, ch_slice b);
/* FNV-1a (Fowler, Noll, Vo), 32 bits: for tables whose keys nobody can choose to collide. */
uint32_t ch_slice_hash(ch_slice slice);
/* A terminated copy; the caller frees it. */
char *ch_slice_strdup(ch_slice slice);
/* How many decimal digits `slice` begins with. */
size_t ch_slice_count_digits(ch_slice slice);
/* What stands after the first `size` bytes; `size` is at most the slice's. */
ch_slice ch_slice_after(ch_slice slice, size_t size);
/* The first `byte` in `slice`, or NULL. Unlike memchr it takes an empty slice, which may have no memory. */
const uint8_t *ch_slice_find(ch_slice slice, uint8_t byte);

/* Text is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates) without control characters (U+0000-U+001F,
 * U+007F-U+009F). True if all of `slice` is text; how many bytes of text it begins with. */
bool ch_slice_is_text(ch_slice slice);
size_t ch_slice_count_text(ch_slice slice);
/* True if it is text but for tabs and line breaks, as in the bodies of requests. */
bool ch_slice_is_document(ch_slice slice);
/* True if it is ASCII of which everything can be seen: no space, no control character. */
bool ch_slice_is_visible(ch_slice slice);
/* The first character of text that is not empty: returns its length in bytes, or 0 if no text begins there. */
size_t ch_slice_code_point(ch_slice slice, uint32_t *out);

/* ASCII, whatever the locale. */
static inline bool ch_byte_is_alphanumeric(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

#endif
