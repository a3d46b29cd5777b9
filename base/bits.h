/* Sets of small numbers: bit `index` of an array of 64-bit words. The owner of the array knows how many words it has,
 * and keeps every index below 64 times that. Thread-safe for readers. */
#ifndef CH_BASE_BITS_H
#define CH_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool ch_set_has(const uint64_t *set, size_t index)
{
    return (set[index / 64] >> (index % 64) & 1) != 0;
}

static inline void ch_set_add(uint64_t *set, size_t index)
{
    set[index / 64] |= (uint64_t)1 << (index % 64);
}

/* True if the two, of `words` words each, have a number in common. */
static inline bool ch_set_meets(const uint64_t *one, const uint64_t *other, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if ((one[i] & other[i]) != 0)
            return true;
    }
    return false;
}

static inline bool ch_set_is_subset(const uint64_t *part, const uint64_t *whole, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if ((part[i] & ~whole[i]) != 0)
            return false;
    }
    return true;
}

#endif
