/* Chance that a seed repeats. */
#ifndef CH_TESTS_SUPPORT_DICE_H
#define CH_TESTS_SUPPORT_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct dice {
    uint64_t state;
} dice;

/* splitmix64, by Sebastiano Vigna. */
static inline uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static inline uint64_t dice_next(dice *d)
{
    return mix(d->state += 0x9e3779b97f4a7c15U);
}

static inline size_t dice_below(dice *d, size_t count)
{
    return count == 0 ? 0 : (size_t)(dice_next(d) % count);
}

static inline bool dice_chance(dice *d, unsigned percent)
{
    return dice_next(d) % 100 < percent;
}

#endif
