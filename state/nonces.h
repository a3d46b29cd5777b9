/* Nonces that only go up, for each key, across restarts and clocks that step back.
 *
 * A nonce is the wall clock in the profile's unit, or the last one plus one if the clock has not moved on. What may
 * have been given out is on disk first: a stretch of CH_NONCE_AHEAD_MS is reserved at a time in SQLite, and a restart
 * begins above it. So a crash can skip nonces and never repeat one. Core only; not thread-safe. */
#ifndef CH_STATE_NONCES_H
#define CH_STATE_NONCES_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CH_NONCE_AHEAD_MS 10000

typedef struct ch_nonces ch_nonces;

/* Opens the state in `folder` (made if missing, mode 0700) and takes its lock. CH_CONFLICT: another agent has it. */
CH_CHECKED ch_status ch_nonces_open(const char *folder, ch_nonces **out, ch_error *err);

/* Gives back what was reserved and not used, and closes. */
void ch_nonces_close(ch_nonces *nonces);

/* The counter of key `name`, for ch_nonces_next; made when there is none. Asked for once a key, at load. */
size_t ch_nonces_counter(ch_nonces *nonces, const char *name);

/* The counter's next nonce. `unit_ns` is the nonce's unit in nanoseconds, `now_ns` the wall clock. CH_IO when it can't
 * be written down; then nothing may be signed. */
CH_CHECKED ch_status ch_nonces_next(ch_nonces *nonces, size_t counter, uint64_t unit_ns, uint64_t now_ns,
                                    uint64_t *nonce, ch_error *err);

#endif
