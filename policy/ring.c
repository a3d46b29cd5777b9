/* Between `first` and `newest` lie fewer buckets than there are places, so a place holds one bucket, whose number
 * follows from `first`. */
#include "policy/ring.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

void ch_ring_free(ch_ring *ring)
{
    free(ring->places);
    *ring = (ch_ring){0};
}

static uint64_t bit_of(const ch_ring *ring, uint64_t bucket)
{
    return (uint64_t)1 << (bucket & (ring->place_count - 1));
}

static ch_decimal *place_of(const ch_ring *ring, uint64_t bucket)
{
    return &ring->places[bucket & (ring->place_count - 1)];
}

static bool holds(const ch_ring *ring, uint64_t bucket)
{
    return ring->held != 0 && bucket >= ring->first && bucket <= ring->newest &&
           (ring->held & bit_of(ring, bucket)) != 0;
}

ch_decimal ch_ring_held(const ch_ring *ring, uint64_t bucket)
{
    return holds(ring, bucket) ? *place_of(ring, bucket) : CH_DECIMAL_ZERO;
}

bool ch_ring_find(const ch_ring *ring, uint64_t *bucket)
{
    if (ring->held == 0 || *bucket > ring->newest)
        return false;
    if (*bucket < ring->first)
        *bucket = ring->first;
    while (*bucket <= ring->newest && !holds(ring, *bucket))
        ++*bucket;
    return *bucket <= ring->newest;
}

/* Makes room for `span` buckets. */
static void grow(ch_ring *ring, uint64_t span)
{
    ch_ring grown = {.place_count = 1};
    assert(span > 0 && span <= CH_RING_PLACES_MAX);
    while (grown.place_count < span)
        grown.place_count *= 2;
    if (grown.place_count <= ring->place_count)
        return;
    grown.places = ch_alloc((size_t)grown.place_count * sizeof *grown.places);
    for (uint64_t bucket = 0; ch_ring_find(ring, &bucket); bucket++) {
        *place_of(&grown, bucket) = *place_of(ring, bucket);
        grown.held |= bit_of(&grown, bucket);
    }
    free(ring->places);
    ring->places = grown.places;
    ring->place_count = grown.place_count;
    ring->held = grown.held;
}

bool ch_ring_add(ch_ring *ring, uint64_t bucket, ch_decimal amount)
{
    ch_decimal sum;
    ch_decimal held;
    assert(bucket < UINT64_MAX);
    if (!ch_decimal_add(ring->sum, amount, &sum) || !ch_decimal_add(ch_ring_held(ring, bucket), amount, &held))
        return false;
    bool was_empty = ch_ring_is_empty(ring);
    uint64_t first = was_empty || bucket < ring->first ? bucket : ring->first;
    uint64_t newest = was_empty || bucket > ring->newest ? bucket : ring->newest;
    grow(ring, newest - first + 1);
    ring->first = first;
    ring->newest = newest;
    ring->held |= bit_of(ring, bucket);
    ring->sum = sum;
    *place_of(ring, bucket) = held;
    return true;
}

void ch_ring_add_anyway(ch_ring *ring, uint64_t bucket, ch_decimal amount)
{
    if (ch_ring_add(ring, bucket, amount))
        return;
    ring->held = 0;
    ring->sum = CH_DECIMAL_ZERO;
    ch_ignore(ch_ring_add(ring, bucket, CH_RING_BEYOND));
}

/* A difference that does not fit goes on counting; with the last bucket it is gone. */
static void lower_sum(ch_ring *ring, ch_decimal amount)
{
    if (ring->held == 0)
        ring->sum = CH_DECIMAL_ZERO;
    else
        ch_ignore(ch_decimal_subtract(ring->sum, amount, &ring->sum));
}

/* Moves `first` on to the oldest that is left. */
static void find_first(ch_ring *ring)
{
    while (ring->held != 0 && !holds(ring, ring->first))
        ring->first++;
}

static void forget(ch_ring *ring, uint64_t bucket)
{
    ring->held &= ~bit_of(ring, bucket);
    lower_sum(ring, *place_of(ring, bucket));
}

ch_decimal ch_ring_subtract(ch_ring *ring, uint64_t bucket, ch_decimal amount)
{
    if (!holds(ring, bucket))
        return CH_DECIMAL_ZERO;
    ch_decimal *held = place_of(ring, bucket);
    ch_decimal rest;
    if (ch_decimal_compare(amount, *held) >= 0) {
        amount = *held;
        forget(ring, bucket);
        find_first(ring);
        return amount;
    }
    if (!ch_decimal_subtract(*held, amount, &rest))
        return CH_DECIMAL_ZERO;
    *held = rest;
    lower_sum(ring, amount);
    return amount;
}

void ch_ring_drop(ch_ring *ring, uint64_t oldest)
{
    while (ring->held != 0 && ring->first < oldest) {
        forget(ring, ring->first);
        find_first(ring);
    }
}

void ch_ring_move(ch_ring *ring, uint64_t bucket)
{
    assert(ring->place_count <= 1 && bucket < UINT64_MAX);
    ring->first = ring->newest = bucket;
}
