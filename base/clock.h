/* The kernel's clocks. Thread-safe. */
#ifndef CH_BASE_CLOCK_H
#define CH_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* The monotonic clock: how long something took, and when something is due. */
uint64_t ch_clock_ms(void);
uint64_t ch_clock_ns(void);

/* Since the machine started, including the time that it was suspended; nobody can set this clock. */
uint64_t ch_clock_boot_ns(void);
/* How long the machine has been suspended, from some time on: only differences mean something, since a time namespace
 * can set its two clocks apart, and then it may be negative. Never too much, and hardly ever too little, though the
 * clocks cannot be read at once. */
int64_t ch_clock_slept_ns(void);

#define CH_WALL_NS_END 7258118400000000000ULL /* the year 2200 */

/* One moment, by two clocks. They differ by a constant, unless somebody sets the wall clock. */
typedef struct ch_moment {
    uint64_t wall_ns; /* since 1970, UTC; smaller than CH_WALL_NS_END */
    uint64_t boot_ns; /* since the machine started, including time asleep; nobody can set this clock */
} ch_moment;

/* Returns false if the wall clock shows a time before 1970 or after 2199. Neither can be right, and neither fits the
 * numbers that are made of the time; then only the boot clock's time is set. */
bool ch_moment_now(ch_moment *out);

#endif
