/* A buffer of bytes that grows. It cannot fail: running out of memory ends the process (base/memory.h). Sizes are
 * bounded where bytes come in (64 KiB a frame), so growth is bounded too.
 *
 * Not thread-safe; each buffer has one owner. Buffers are for what is not secret: secrets live in ch_secret. */
#ifndef CH_BASE_BUFFER_H
#define CH_BASE_BUFFER_H

#include "base/error.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

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

/* Drops the content and keeps the memory. */
void ch_buffer_clear(ch_buffer *buffer);
/* Makes room for `size_bytes` more and returns the place for them; valid until the next call that adds or reserves. */
uint8_t *ch_buffer_reserve(ch_buffer *buffer, size_t size_bytes);
/* The first `size_bytes` of what was reserved have been written, and count. */
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
