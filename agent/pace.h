/* How fast something may go on: so much a second, and a little more at once. What is counted is the user's choice:
 * connections, or nanoseconds of work. */
#ifndef CH_AGENT_PACE_H
#define CH_AGENT_PACE_H

#include <stdint.h>

/* Set the first two, both above 0, and zero the rest. */
typedef struct ch_pace {
    uint64_t a_second; /* at most 2^32 */
    uint64_t burst;    /* at most 2^32: what may be spent at once after a rest; as much may be owed */
    int64_t credit;    /* in billionths; below 0: owed */
    uint64_t at_ns;    /* when the credit was that */
} ch_pace;

/* Notes that so much was spent. `now_ns` is of the monotonic clock and never goes back. */
void ch_pace_spend(ch_pace *pace, uint64_t now_ns, uint64_t amount);
/* How long to rest until so much can be spent and nothing is owed; 0: go on. */
uint64_t ch_pace_afford_ns(ch_pace *pace, uint64_t now_ns, uint64_t amount);
/* How long to rest until nothing is owed; 0: go on. */
uint64_t ch_pace_wait_ns(ch_pace *pace, uint64_t now_ns);

#endif
