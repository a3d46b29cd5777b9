/* The kernel's clocks. Thread-safe. */
#ifndef CH_BASE_CLOCK_H
#define CH_BASE_CLOCK_H

#include <stdint.h>

/* The monotonic clock: how long something took, and when something is due. */
uint64_t ch_clock_ms(void);
uint64_t ch_clock_ns(void);
/* The wall clock: nanoseconds since 1970, UTC. */
uint64_t ch_clock_wall_ns(void);

#endif
