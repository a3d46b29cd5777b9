#include "base/buffer.h"

#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ch_buffer_free(ch_buffer *buffer)
{
    free(buffer->data);
    *buffer = (ch_buffer)CH_BUFFER_INIT;
}

void ch_buffer_clear(ch_buffer *buffer)
{
    buffer->size = 0;
}

uint8_t *ch_buffer_reserve(ch_buffer *buffer, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX / 4 - buffer->size)
        ch_out_of_memory(size_bytes);
    size_t needed = buffer->size + size_bytes;
    if (needed > buffer->capacity || buffer->data == NULL) {
        size_t capacity = buffer->capacity < 128 ? 128 : buffer->capacity;
        while (capacity < needed)
            capacity *= 2;
        buffer->data = ch_realloc_array(buffer->data, capacity, 1);
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->size;
}

void ch_buffer_commit(ch_buffer *buffer, size_t size_bytes)
{
    assert(size_bytes <= buffer->capacity - buffer->size);
    buffer->size += size_bytes;
}

void ch_buffer_add(ch_buffer *buffer, const void *data, size_t size_bytes)
{
    if (size_bytes == 0)
        return;
    memcpy(ch_buffer_reserve(buffer, size_bytes), data, size_bytes);
    buffer->size += size_bytes;
}

void ch_buffer_add_byte(ch_buffer *buffer, uint8_t byte)
{
    *ch_buffer_reserve(buffer, 1) = byte;
    buffer->size++;
}

void ch_buffer_add_slice(ch_buffer *buffer, ch_slice slice)
{
    ch_buffer_add(buffer, slice.data, slice.size);
}

void ch_buffer_add_text(ch_buffer *buffer, const char *text)
{
    ch_buffer_add(buffer, text, strlen(text));
}

void ch_buffer_add_format(ch_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length > 0) {
        uint8_t *room = ch_buffer_reserve(buffer, (size_t)length + 1);
        vsnprintf((char *)room, (size_t)length + 1, format, again);
        buffer->size += (size_t)length;
    }
    va_end(again);
}

ch_slice ch_buffer_slice(const ch_buffer *buffer)
{
    return (ch_slice){buffer->data, buffer->size};
}

const char *ch_buffer_text(ch_buffer *buffer)
{
    *ch_buffer_reserve(buffer, 1) = '\0';
    return (const char *)buffer->data;
}
