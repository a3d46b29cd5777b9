/* Extremes: the lowest and the highest of what was seen within a window that moves on. Time is cut into sixtieths of
 * the window, and what was seen counts until the sixtieth that it lies in is wholly outside.
 *
 * Only what can still be an extreme is kept, at most one for each sixtieth, so adding one and asking cost a few
 * instructions on average. Not thread-safe. */
#ifndef CH_POLICY_EXTREMES_H
#define CH_POLICY_EXTREMES_H

#include "base/decimal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ch_extreme {
    ch_decimal value;
    uint64_t end_ns; /* of its sixtieth */
} ch_extreme;

/* The first is the extreme; each one after it is less extreme, and lasts longer. */
typedef struct ch_extreme_list {
    ch_extreme *items;
    size_t count;
    size_t capacity;
} ch_extreme_list;

/* All zero: nothing was seen. */
typedef struct ch_extremes {
    ch_extreme_list low;
    ch_extreme_list high;
} ch_extremes;

void ch_extremes_free(ch_extremes *extremes);
/* Forgets everything, and keeps the memory. */
void ch_extremes_clear(ch_extremes *extremes);
/* Notes what is seen at `now_ns`, and forgets what lies outside of the window. If the clock was set back, what was seen
 * by the clock before lasts until that time has come again. */
void ch_extremes_add(ch_extremes *extremes, ch_decimal value, uint64_t now_ns, uint64_t window_ns);
/* False if nothing was seen. As of the last ch_extremes_add. */
bool ch_extremes_get(const ch_extremes *extremes, ch_decimal *low, ch_decimal *high);

#endif
