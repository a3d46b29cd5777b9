/* How long the last yield took says who had the processor: a yield to nobody takes about a microsecond, and one to
 * somebody who makes an answer, at least the time of two switches and his work. */
#include "base/awake.h"

#include "base/clock.h"

#include <sched.h>

#define QUICK_NS 5000
/* One gain pays for two losses: a bot's next request may come by our own processor, though the token has another. */
#define GAIN 2
#define LOSSES_MAX 32
/* Who has lost sleeps, and tries again at the beginning of each period. So core and the token's process try together,
 * and as long as the kernel may need to move one of them to another processor. */
#define PERIOD_NS 100000000
#define TRIAL_NS 5000000

void ch_awake_note(ch_awake *awake, uint64_t now_ns, uint64_t yield_ns)
{
    int losses = awake->losses + (yield_ns > QUICK_NS ? 1 : -GAIN);
    awake->losses = losses < 0 ? 0 : losses > LOSSES_MAX ? LOSSES_MAX : losses;
    uint64_t since_ns = now_ns % PERIOD_NS;
    if (awake->losses == LOSSES_MAX && since_ns >= TRIAL_NS)
        awake->sleep_ns = now_ns - since_ns + PERIOD_NS;
}

bool ch_stay_awake(ch_awake *awake, uint64_t awake_ns, bool (*look)(void *context), void *context)
{
    uint64_t now_ns = awake_ns == 0 ? 0 : ch_clock_ns();
    uint64_t end_ns = now_ns + awake_ns;
    if (awake != NULL && now_ns < awake->sleep_ns)
        return false;
    while (now_ns < end_ns) {
        uint64_t before_ns = now_ns;
        sched_yield();
        bool is_there = look(context);
        now_ns = ch_clock_ns();
        if (is_there && awake != NULL)
            ch_awake_note(awake, now_ns, now_ns - before_ns);
        if (is_there)
            return true;
    }
    return false;
}
