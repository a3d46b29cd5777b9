/* A table of up to 65,535 places whose ids carry a generation: the id of a place's earlier life finds nothing.
 *
 * The table hands out places; the caller keeps what belongs to a place in an array of its own, by index. Taking,
 * finding and releasing cost a few instructions. Not thread-safe. */
#ifndef CH_BASE_SLOTS_H
#define CH_BASE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ch_slots ch_slots;

/* A table of `capacity` places, 1 to 65,535. */
ch_slots *ch_slots_new(size_t capacity);
void ch_slots_free(ch_slots *slots);

/* Takes a free place and returns its id, which is never 0 and never handed out again; 0 if all are taken. */
uint64_t ch_slots_take(ch_slots *slots);

/* True, with the place's index, if `id` is taken now. */
bool ch_slots_find(const ch_slots *slots, uint64_t id, size_t *index);

/* `id` must be taken. */
void ch_slots_release(ch_slots *slots, uint64_t id);

/* The id of the place at `index`; 0 if it is free. */
uint64_t ch_slots_id(const ch_slots *slots, size_t index);

/* How many places are taken. */
size_t ch_slots_count(const ch_slots *slots);

#define CH_SLOT_INDEX_BITS 16
/* The index of a place's id. */
static inline size_t ch_slot_index(uint64_t id)
{
    return (size_t)(id & ((1U << CH_SLOT_INDEX_BITS) - 1));
}

#endif
