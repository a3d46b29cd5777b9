#include "base/clock.h"

#include <time.h>

#define NS_PER_S 1000000000ULL
#define READINGS 4
#define QUICK_NS 100000

static uint64_t to_ns(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_nsec;
}

uint64_t ch_clock_ms(void)
{
    return ch_clock_ns() / 1000000;
}

uint64_t ch_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return to_ns(&now);
}

uint64_t ch_clock_boot_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return to_ns(&now);
}

/* A thread that is interrupted between two readings sees too little sleep, so the largest of a few counts. */
int64_t ch_clock_slept_ns(void)
{
    int64_t most_ns = INT64_MIN;
    for (int i = 0; i < READINGS; i++) {
        uint64_t begun_ns = ch_clock_ns();
        uint64_t boot_ns = ch_clock_boot_ns();
        uint64_t now_ns = ch_clock_ns();
        int64_t slept_ns = (int64_t)(boot_ns - now_ns);
        most_ns = slept_ns > most_ns ? slept_ns : most_ns;
        if (now_ns - begun_ns < QUICK_NS)
            break;
    }
    return most_ns;
}

bool ch_moment_now(ch_moment *out)
{
    struct timespec wall;
    struct timespec boot;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    bool is_sound = wall.tv_sec >= 0 && wall.tv_sec < (time_t)(CH_WALL_NS_END / NS_PER_S);
    *out = (ch_moment){.wall_ns = is_sound ? to_ns(&wall) : 0, .boot_ns = to_ns(&boot)};
    return is_sound;
}
