/* Waiting awake. An answer that comes within some tens of microseconds is there sooner than a sleeping process, or
 * worse a halted processor, is woken. Between two looks the processor is yielded: whoever has work comes first. */
#ifndef CH_AGENT_AWAKE_H
#define CH_AGENT_AWAKE_H

#include <stdbool.h>
#include <stdint.h>

/* Yields and calls `look`, until it returns true or `awake_ns` have passed. True if it did; false, without a look, if
 * awake_ns is 0. Who may find something at once looks before. */
bool ch_stay_awake(uint64_t awake_ns, bool (*look)(void *context), void *context);

#endif
