/* Credit is kept in billionths, so that no nanosecond's share is rounded off. */
#include "agent/pace.h"

#include <assert.h>

#define BILLION 1000000000

/* A pace that is new, or has rested long enough, has the whole burst. */
static void earn(ch_pace *pace, uint64_t now_ns)
{
    assert(pace->a_second > 0 && pace->burst > 0);
    int64_t most = (int64_t)pace->burst * BILLION;
    uint64_t rest_ns = now_ns - pace->at_ns;
    uint64_t missing = (uint64_t)(most - pace->credit);
    if (pace->at_ns == 0 || rest_ns > missing / pace->a_second)
        pace->credit = most;
    else
        pace->credit += (int64_t)(rest_ns * pace->a_second);
    pace->at_ns = now_ns;
}

void ch_pace_spend(ch_pace *pace, uint64_t now_ns, uint64_t amount)
{
    int64_t most = (int64_t)pace->burst * BILLION;
    earn(pace, now_ns);
    if (amount > 2 * pace->burst || pace->credit - (int64_t)amount * BILLION < -most)
        pace->credit = -most;
    else
        pace->credit -= (int64_t)amount * BILLION;
}

uint64_t ch_pace_afford_ns(ch_pace *pace, uint64_t now_ns, uint64_t amount)
{
    assert(amount <= pace->burst);
    earn(pace, now_ns);
    int64_t missing = (int64_t)amount * BILLION - pace->credit;
    return missing <= 0 ? 0 : ((uint64_t)missing - 1) / pace->a_second + 1;
}

uint64_t ch_pace_wait_ns(ch_pace *pace, uint64_t now_ns)
{
    return ch_pace_afford_ns(pace, now_ns, 0);
}
