/* Nonces that only go up, for each key, across restarts and clocks that step back.
 *
 * A nonce is the wall clock in the profile's unit, or the last one plus one if the clock has not moved on. Whatever may
 * be handed out is on disk first: a stretch of CH_NONCE_AHEAD_MS at a time is reserved in the store, and a restart
 * begins above it. So a crash can skip nonces, and never repeats one. Core only; not thread-safe. */
#ifndef CH_STATE_NONCES_H
#define CH_STATE_NONCES_H

#include "state/store.h"

#include <stddef.h>
#include <stdint.h>

#define CH_NONCE_AHEAD_MS 10000

typedef struct ch_nonces ch_nonces;

/* Reads the nonces of `store`, which must outlive `*out`. CH_IO if they cannot be read. Close with ch_nonces_close. */
CH_CHECKED ch_status ch_nonces_open(ch_store *store, ch_nonces **out, ch_error *err);

/* Returns to the store what was reserved and not used. NULL is fine. */
void ch_nonces_close(ch_nonces *nonces);

/* Returns the counter of key `name`, for ch_nonces_next; made if there is none. Slow: ask once for each key. */
size_t ch_nonces_counter(ch_nonces *nonces, const char *name);

/* Draws the counter's next nonce. `unit_ns` is the nonce's unit in nanoseconds, `now_ns` the wall clock. CH_IO if it
 * cannot be reserved on disk; then nothing may be signed. */
CH_CHECKED ch_status ch_nonces_next(ch_nonces *nonces, size_t counter, uint64_t unit_ns, uint64_t now_ns,
                                    uint64_t *nonce, ch_error *err);

#endif
