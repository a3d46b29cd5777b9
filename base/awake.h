/* Waiting awake. An answer that is made on another processor meanwhile is there sooner than a sleeping process, or
 * worse a halted processor, is woken. If all share one processor, the answer can only be made while we yield, and
 * waiting awake does nothing but keep the scheduler busy: then it is better to sleep.
 *
 * So who waits awake looks how each answer came. Right after a quick yield: it was made beside us. After a yield that
 * lasted: we were in the way. If the latter prevails, nobody waits awake, save for a moment in each tenth of a second.
 */
#ifndef CH_BASE_AWAKE_H
#define CH_BASE_AWAKE_H

#include <stdbool.h>
#include <stdint.h>

/* What one thread has learnt from its waits. Zeroed: nothing yet. */
typedef struct ch_awake {
    int losses;        /* answers that took the processor, less those that gains paid for */
    uint64_t sleep_ns; /* until then it does not wait awake; monotonic */
} ch_awake;

/* Yields and calls `look`, until it returns true or `awake_ns` have passed. True if it did; false, without a look, if
 * awake_ns is 0 or waiting awake has not paid of late. Who may find something at once looks before. If `awake` is NULL,
 * nothing is judged: where many requests are on their way, a yield that lasts is one that lets the others work. */
bool ch_stay_awake(ch_awake *awake, uint64_t awake_ns, bool (*look)(void *context), void *context);

/* The judgement alone: an answer was found at `now_ns`, after a last yield and look of `yield_ns`. */
void ch_awake_note(ch_awake *awake, uint64_t now_ns, uint64_t yield_ns);

#endif
