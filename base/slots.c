/* An id is generation << 16 | index. Generations begin at 1 and have 48 bits: at a million a second they last for nine
 * years. Free places form a list, the one that was released last first, so that few are used and those stay warm. */
#include "base/slots.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

typedef struct slot {
    uint64_t generation;
    bool is_taken;
    size_t next; /* in the list of free places */
} slot;

struct ch_slots {
    size_t capacity;
    size_t count;
    size_t first_free; /* `capacity`: none */
    slot places[];
};

/* What holds between any two calls. */
static void slots_check(const ch_slots *slots)
{
    (void)slots; /* unused without assertions */
    assert(slots->count <= slots->capacity && slots->first_free <= slots->capacity);
    assert((slots->first_free == slots->capacity) == (slots->count == slots->capacity));
    assert(slots->first_free == slots->capacity || !slots->places[slots->first_free].is_taken);
}

ch_slots *ch_slots_new(size_t capacity)
{
    assert(capacity > 0 && capacity < 1U << CH_SLOT_INDEX_BITS);
    ch_slots *slots = ch_alloc(sizeof *slots + capacity * sizeof slots->places[0]);
    slots->capacity = capacity;
    for (size_t i = 0; i < capacity; i++)
        slots->places[i] = (slot){.generation = 1, .next = i + 1};
    return slots;
}

void ch_slots_free(ch_slots *slots)
{
    free(slots);
}

static uint64_t id_of(const ch_slots *slots, size_t index)
{
    return slots->places[index].generation << CH_SLOT_INDEX_BITS | index;
}

uint64_t ch_slots_take(ch_slots *slots)
{
    size_t index = slots->first_free;
    if (index == slots->capacity)
        return 0;
    slots->first_free = slots->places[index].next;
    slots->places[index].is_taken = true;
    slots->count++;
    slots_check(slots);
    return id_of(slots, index);
}

bool ch_slots_find(const ch_slots *slots, uint64_t id, size_t *index)
{
    *index = ch_slot_index(id);
    return *index < slots->capacity && slots->places[*index].is_taken && id_of(slots, *index) == id;
}

void ch_slots_release(ch_slots *slots, uint64_t id)
{
    size_t index;
    bool is_taken = ch_slots_find(slots, id, &index);
    assert(is_taken);
    if (!is_taken)
        return;
    slots->places[index] =
        (slot){.generation = slots->places[index].generation + 1, .is_taken = false, .next = slots->first_free};
    slots->first_free = index;
    slots->count--;
    slots_check(slots);
}

uint64_t ch_slots_id(const ch_slots *slots, size_t index)
{
    assert(index < slots->capacity);
    return slots->places[index].is_taken ? id_of(slots, index) : 0;
}

size_t ch_slots_count(const ch_slots *slots)
{
    return slots->count;
}
