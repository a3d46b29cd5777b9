/* Bytes that carry their length: a view (ch_slice) and a growing buffer (ch_buffer), and memory that is never NULL.
 *
 * Running out of memory ends the process with a line on stderr, as in OpenSSH: no caller can do better, and a request
 * half built must not go on. Sizes are bounded where bytes come in (64 KiB a frame), so growth is bounded too.
 * Not thread-safe; each buffer has one owner. Buffers are for what is not secret: secrets live in ch_secret. */
#ifndef CH_BASE_BUFFER_H
#define CH_BASE_BUFFER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Never return NULL. Free with free() or ch_autofree. */
void *ch_alloc(size_t size_bytes); /* zeroed */
void *ch_realloc_array(void *memory, size_t count, size_t item_size_bytes);
char *ch_strdup(const char *text);

void ch_autofree_(void *pointer_to_pointer);
#define ch_autofree __attribute__((cleanup(ch_autofree_)))

/* Somebody else's bytes; not terminated. */
typedef struct ch_slice {
    const uint8_t *data;
    size_t size;
} ch_slice;

#define CH_LITERAL(text) ((ch_slice){(const uint8_t *)(text), sizeof(text) - 1})
/* For "%.*s" */
#define CH_SLICE_ARGS(slice) (int)(slice).size, (const char *)(slice).data

ch_slice ch_slice_of(const char *text);
bool ch_slice_equal(ch_slice a, ch_slice b);
bool ch_slice_is(ch_slice slice, const char *text);
/* Order of bytes, shorter first: <0, 0, >0 as memcmp. */
int ch_slice_compare(ch_slice a, ch_slice b);
char *ch_slice_strdup(ch_slice slice);
/* Length of the run of decimal digits at the start. */
size_t ch_slice_count_digits(ch_slice slice);
/* The first `byte` in `slice`, or NULL; an empty slice may have no memory behind it, which memchr does not take. */
const uint8_t *ch_slice_find(ch_slice slice, uint8_t byte);

/* Text is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates) without control characters (U+0000-U+001F,
 * U+007F-U+009F). Is `slice` text as a whole; length in bytes of the text that it begins with. */
bool ch_slice_is_text(ch_slice slice);
size_t ch_slice_count_text(ch_slice slice);

/* ASCII, whatever the locale. */
static inline bool ch_byte_is_alphanumeric(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

typedef struct ch_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
} ch_buffer;

#define CH_BUFFER_INIT                                                                                                 \
    {                                                                                                                  \
        NULL, 0, 0                                                                                                     \
    }

void ch_buffer_free(ch_buffer *buffer);
#define ch_autobuffer __attribute__((cleanup(ch_buffer_free))) ch_buffer

/* Forgets the content and keeps the memory. */
void ch_buffer_clear(ch_buffer *buffer);
/* Makes room for `size_bytes` more and returns where they go; set with ch_buffer_commit. */
uint8_t *ch_buffer_reserve(ch_buffer *buffer, size_t size_bytes);
void ch_buffer_commit(ch_buffer *buffer, size_t size_bytes);
void ch_buffer_add(ch_buffer *buffer, const void *data, size_t size_bytes);
void ch_buffer_add_byte(ch_buffer *buffer, uint8_t byte);
void ch_buffer_add_slice(ch_buffer *buffer, ch_slice slice);
void ch_buffer_add_text(ch_buffer *buffer, const char *text);
void ch_buffer_add_format(ch_buffer *buffer, const char *format, ...) CH_PRINTF(2, 3) __attribute__((nonnull));
ch_slice ch_buffer_slice(const ch_buffer *buffer);
/* Terminates the content without counting the NUL and returns it; valid until the next add. */
const char *ch_buffer_text(ch_buffer *buffer);

#endif
