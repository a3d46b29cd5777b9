#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void out_of_memory(size_t size_bytes)
{
    (void)fprintf(stderr, "chancery: out of memory asking for %zu bytes\n", size_bytes);
    abort();
}

void *ch_alloc(size_t size_bytes)
{
    void *memory = calloc(1, size_bytes == 0 ? 1 : size_bytes);
    if (memory == NULL)
        out_of_memory(size_bytes);
    return memory;
}

void *ch_realloc_array(void *memory, size_t count, size_t item_size_bytes)
{
    void *grown = reallocarray(memory, count == 0 ? 1 : count, item_size_bytes == 0 ? 1 : item_size_bytes);
    if (grown == NULL)
        out_of_memory(count);
    return grown;
}

char *ch_strdup(const char *text)
{
    return ch_slice_strdup(ch_slice_of(text));
}

void ch_autofree_(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

ch_slice ch_slice_of(const char *text)
{
    return (ch_slice){(const uint8_t *)text, strlen(text)};
}

bool ch_slice_equal(ch_slice a, ch_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool ch_slice_is(ch_slice slice, const char *text)
{
    return ch_slice_equal(slice, ch_slice_of(text));
}

int ch_slice_compare(ch_slice a, ch_slice b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

size_t ch_slice_count_digits(ch_slice slice)
{
    size_t count = 0;
    while (count < slice.size && slice.data[count] >= '0' && slice.data[count] <= '9')
        count++;
    return count;
}

const uint8_t *ch_slice_find(ch_slice slice, uint8_t byte)
{
    return slice.size == 0 ? NULL : memchr(slice.data, byte, slice.size);
}

char *ch_slice_strdup(ch_slice slice)
{
    char *copy = ch_alloc(slice.size + 1);
    if (slice.size > 0)
        memcpy(copy, slice.data, slice.size);
    return copy;
}

/* One code point at `at`; returns its length in bytes, 0 if malformed or a control character. */
static size_t text_code_point(const uint8_t *at, size_t left)
{
    if (at[0] < 0x80)
        return at[0] >= 0x20 && at[0] != 0x7f ? 1 : 0;
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < length)
        return 0;
    uint32_t code = at[0] & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    static const uint32_t smallest[] = {0, 0, 0xa0, 0x800, 0x10000};
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= smallest[length] && code <= 0x10ffff && !is_surrogate ? length : 0;
}

size_t ch_slice_count_text(ch_slice slice)
{
    size_t at = 0;
    while (at < slice.size) {
        size_t length = text_code_point(slice.data + at, slice.size - at);
        if (length == 0)
            break;
        at += length;
    }
    return at;
}

bool ch_slice_is_text(ch_slice slice)
{
    return ch_slice_count_text(slice) == slice.size;
}

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
        out_of_memory(size_bytes);
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
        (void)vsnprintf((char *)room, (size_t)length + 1, format, again);
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
