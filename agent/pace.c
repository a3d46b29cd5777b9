/* Credit is kept in billionths, so that no nanosecond's share is rounded off. */
#include "agent/pace.h"

#include <assert.h>

#define BILLION 1000000000

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void earn(ch_pace *pace, uint64_t now_ns)
{
    int64_t most = (int64_t)pace->burst * BILLION;
    uint64_t rest_ns = pace->at_ns == 0 || now_ns - pace->at_ns > BILLION ? BILLION : now_ns - pace->at_ns;
    pace->at_ns = now_ns;
    pace->credit = lesser(pace->credit + (int64_t)(rest_ns * pace->a_second), most);
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

uint64_t ch_pace_wait_ns(ch_pace *pace, uint64_t now_ns)
{
    assert(pace->a_second > 0);
    earn(pace, now_ns);
    return pace->credit >= 0 ? 0 : (uint64_t)-pace->credit / pace->a_second + 1;
}
