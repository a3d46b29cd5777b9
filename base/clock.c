#include "base/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t ch_clock_ms(void)
{
    return ch_clock_ns() / 1000000;
}

uint64_t ch_clock_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t ch_clock_wall_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}
