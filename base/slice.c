#include "base/slice.h"

#include "base/memory.h"

#include <assert.h>
#include <string.h>

ch_slice ch_slice_of(const char *text)
{
    return (ch_slice){(const uint8_t *)text, strlen(text)};
}

bool ch_slice_equal(ch_slice a, ch_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

/* Not strncasecmp, which stops at a NUL and goes by the locale. */
bool ch_slice_equal_case(ch_slice a, ch_slice b)
{
    size_t i = 0;
    while (i < a.size && i < b.size && lower(a.data[i]) == lower(b.data[i]))
        i++;
    return a.size == b.size && i == a.size;
}

bool ch_slice_is(ch_slice slice, const char *text)
{
    return ch_slice_equal(slice, ch_slice_of(text));
}

bool ch_slice_begins(ch_slice slice, ch_slice start)
{
    return slice.size >= start.size && (start.size == 0 || memcmp(slice.data, start.data, start.size) == 0);
}

bool ch_slice_begins_case(ch_slice slice, ch_slice start)
{
    return slice.size >= start.size && ch_slice_equal_case((ch_slice){slice.data, start.size}, start);
}

int ch_slice_compare(ch_slice a, ch_slice b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

uint32_t ch_slice_hash(ch_slice slice)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < slice.size; i++)
        hash = (hash ^ slice.data[i]) * 16777619U;
    return hash;
}

size_t ch_slice_count_digits(ch_slice slice)
{
    size_t count = 0;
    while (count < slice.size && slice.data[count] >= '0' && slice.data[count] <= '9')
        count++;
    return count;
}

ch_slice ch_slice_after(ch_slice slice, size_t size)
{
    assert(size <= slice.size);
    return size == 0 ? slice : (ch_slice){slice.data + size, slice.size - size};
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

size_t ch_slice_code_point(ch_slice slice, uint32_t *out)
{
    const uint8_t *at = slice.data;
    *out = at[0];
    if (at[0] < 0x80)
        return at[0] >= 0x20 && at[0] != 0x7f ? 1 : 0;
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || slice.size < length)
        return 0;
    uint32_t code = at[0] & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    static const uint32_t smallest[] = {0, 0, 0xa0, 0x800, 0x10000};
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    *out = code;
    return code >= smallest[length] && code <= 0x10ffff && !is_surrogate ? length : 0;
}

size_t ch_slice_count_text(ch_slice slice)
{
    size_t at = 0;
    while (at < slice.size) {
        uint32_t code;
        size_t length = ch_slice_code_point(ch_slice_after(slice, at), &code);
        if (length == 0)
            break;
        at += length;
    }
    return at;
}

bool ch_slice_is_document(ch_slice slice)
{
    for (;;) {
        slice = ch_slice_after(slice, ch_slice_count_text(slice));
        if (slice.size == 0)
            return true;
        if (slice.data[0] != '\n' && slice.data[0] != '\r' && slice.data[0] != '\t')
            return false;
        slice = ch_slice_after(slice, 1);
    }
}

bool ch_slice_is_visible(ch_slice slice)
{
    size_t i = 0;
    while (i < slice.size && slice.data[i] > ' ' && slice.data[i] <= '~')
        i++;
    return i == slice.size;
}

bool ch_slice_is_text(ch_slice slice)
{
    return ch_slice_count_text(slice) == slice.size;
}
