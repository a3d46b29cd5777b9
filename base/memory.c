#include "base/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void ch_out_of_memory(size_t size_bytes)
{
    fprintf(stderr, "chancery: out of memory, %zu bytes were needed\n", size_bytes);
    abort();
}

void *ch_alloc(size_t size_bytes)
{
    void *memory = calloc(1, size_bytes == 0 ? 1 : size_bytes);
    if (memory == NULL)
        ch_out_of_memory(size_bytes);
    return memory;
}

void *ch_realloc_array(void *memory, size_t count, size_t item_size_bytes)
{
    void *grown = reallocarray(memory, count == 0 ? 1 : count, item_size_bytes == 0 ? 1 : item_size_bytes);
    if (grown == NULL)
        ch_out_of_memory(count);
    return grown;
}

void *ch_array_grow(void *array, size_t count, size_t item_size_bytes)
{
    bool is_full = (count & (count - 1)) == 0;
    return is_full ? ch_realloc_array(array, count == 0 ? 1 : 2 * count, item_size_bytes) : array;
}

char *ch_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(ch_alloc(size), text, size);
}

void ch_autofree_(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}
