/* Rings: the buckets of one level, and their sum. A bucket is a number below UINT64_MAX that rises with time; which
 * ones still count, the caller says. The sum is kept beside them, so that asking for it costs the same however many
 * there are. A ring takes as much memory as the buckets that it holds lie apart. Not thread-safe. */
#ifndef CH_POLICY_RING_H
#define CH_POLICY_RING_H

#include "base/decimal.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define CH_RING_PLACES_MAX 64 /* buckets that are held at once lie less than that apart */

/* All zero: a ring that holds nothing. Read only through the functions, save `sum`. */
typedef struct ch_ring {
    ch_decimal sum;
    ch_decimal *places;   /* bucket n lies at n % place_count */
    uint64_t place_count; /* a power of two, or 0 */
    uint64_t held;        /* bit of each place that holds a bucket */
    uint64_t first;       /* the oldest bucket that is held */
    uint64_t newest;
} ch_ring;

/* What no limit has room for. */
#define CH_RING_BEYOND ((ch_decimal){(unsigned __int128)10000000000000000000U * 10000000000000000000U - 1, 0})

void ch_ring_free(ch_ring *ring);

static inline bool ch_ring_is_empty(const ch_ring *ring)
{
    return ring->held == 0;
}

/* What `bucket` holds; zero if it is not there. */
ch_decimal ch_ring_held(const ch_ring *ring, uint64_t bucket);
/* Adds to a bucket. Returns false, and changes nothing, if a sum does not fit a decimal. */
CH_CHECKED bool ch_ring_add(ch_ring *ring, uint64_t bucket, ch_decimal amount);
/* The same; but if a sum does not fit, the ring then holds CH_RING_BEYOND in that bucket. */
void ch_ring_add_anyway(ch_ring *ring, uint64_t bucket, ch_decimal amount);
/* Takes away from a bucket: no more than it holds, and nothing if it is gone. Returns how much that was. */
ch_decimal ch_ring_subtract(ch_ring *ring, uint64_t bucket, ch_decimal amount);
/* Forgets the buckets before `oldest`. Each bucket that is passed costs a little once, however often this is called. */
void ch_ring_drop(ch_ring *ring, uint64_t oldest);
/* Of a ring that has never held more than one bucket: what it holds is now in that one. */
void ch_ring_move(ch_ring *ring, uint64_t bucket);
/* The oldest bucket at or after `*bucket`; false if there is none. */
bool ch_ring_find(const ch_ring *ring, uint64_t *bucket);

#endif
