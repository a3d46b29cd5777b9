/* One key's nonces, as arithmetic: what may be drawn now, and how much must be reserved on disk.
 *
 * Most exchanges only want numbers that rise. A counter starts with the clock, in the nonce's unit, and goes on by one
 * if the clock has not moved. Some exchanges compare the nonce with their own clock. A counter for such a window stays
 * near the clock, also when that is set back: then it begins a new run there. A nonce that was drawn before may then
 * come again, but only after so long that the exchange can no longer take both.
 *
 * What is drawn was claimed before; a claim is a promise that a reserved nonce is left for it. No I/O; the caller says
 * what time it is. Not thread-safe. */
#ifndef CH_STATE_COUNTER_H
#define CH_STATE_COUNTER_H

#include "base/clock.h"
#include "base/error.h"

#include <stddef.h>

/* How an exchange wants its nonces. */
typedef struct ch_nonce_rule {
    uint64_t unit_ns;
    uint64_t ahead_ns;  /* how far a nonce may be ahead of the exchange's clock; 0: it does not look at the clock */
    uint64_t behind_ns; /* how far behind it */
    bool may_repeat;    /* the exchange looks at nothing else; so nothing is reserved */
} ch_nonce_rule;

#define CH_NONCE_END (1ULL << 62) /* all nonces are smaller */

/* Zero it, and set `rule`; `reserved`, `next` and `earlier` as they were kept. */
typedef struct ch_counter {
    ch_nonce_rule rule;
    uint64_t next;             /* the smallest of this run that was not drawn */
    uint64_t reserved;         /* on disk: whatever was drawn in this run is smaller */
    uint64_t earlier;          /* what was drawn in the run before this one is smaller; 0: forgotten */
    uint64_t earlier_until_ns; /* boot time: then it may be forgotten */
    uint64_t used_ns;          /* boot time of the last draw; 0: none since the start */
    size_t claims;
    unsigned run; /* changes with each run */
} ch_counter;

/* Says whether one more may be claimed, and sets `*is_reserved` if it can be at once. CH_BUSY: all nonces that the
 * exchange takes at this moment were drawn or claimed. CH_INTERNAL: there is no larger number. */
CH_CHECKED ch_status ch_counter_look(ch_counter *counter, const ch_moment *now, bool *is_reserved, ch_error *err);

/* True if something is reserved for one more claim, though it may not be as near to the clock as could be. */
bool ch_counter_has_left(const ch_counter *counter);

/* What should be `reserved` by now; 0 if it is far enough. */
uint64_t ch_counter_target(const ch_counter *counter, const ch_moment *now);

/* Draws a claimed nonce. The claim is used up, also by a failure: CH_BUSY, or CH_UNAVAILABLE if the clock was set, or
 * the counter changed, since the claim. */
CH_CHECKED ch_status ch_counter_draw(ch_counter *counter, const ch_moment *now, uint64_t *nonce, ch_error *err);

#endif
