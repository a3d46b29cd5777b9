/* Memory that is never NULL.
 *
 * Running out of memory ends the process with a line on stderr, as in OpenSSH: no caller can do better, and a request
 * half built must not go on. Thread-safe. */
#ifndef CH_BASE_MEMORY_H
#define CH_BASE_MEMORY_H

#include <stddef.h>

/* Never return NULL. The caller frees the memory with free() or ch_autofree. */
void *ch_alloc(size_t size_bytes); /* zeroed */
/* As reallocarray: the memory that is new is not zeroed. */
void *ch_realloc_array(void *memory, size_t count, size_t item_size_bytes);
/* Returns the array of `count` items with room for one more; for arrays that grow one by one. Their room is always a
 * power of two, so that thousands of items are not copied for each new one, and nobody has to keep track of it. The new
 * room is not zeroed. */
void *ch_array_grow(void *array, size_t count, size_t item_size_bytes);
char *ch_strdup(const char *text);

/* Frees what a variable of the scope points to, if anything, when the scope ends. */
void ch_autofree_(void *pointer_to_pointer);
#define ch_autofree __attribute__((cleanup(ch_autofree_)))

/* Ends the process: for sizes that no memory could hold. */
_Noreturn void ch_out_of_memory(size_t size_bytes);

#endif
