#include "agent/awake.h"

#include "base/clock.h"

#include <sched.h>

bool ch_stay_awake(uint64_t awake_ns, bool (*look)(void *context), void *context)
{
    if (awake_ns == 0)
        return false;
    uint64_t end_ns = ch_clock_ns() + awake_ns;
    do {
        sched_yield();
        if (look(context))
            return true;
    } while (ch_clock_ns() < end_ns);
    return false;
}
