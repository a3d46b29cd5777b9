/* The newest time that the agent has trusted, and where the clock stood against the boot clock, so that a clock that
 * was set while the agent was not running is noticed. Core's thread only. */
#ifndef CH_STATE_SEEN_TIME_H
#define CH_STATE_SEEN_TIME_H

#include "state/store.h"

#include <stdint.h>

#define CH_BOOT_ID_SIZE 40 /* of the kernel's text, with its NUL */

typedef struct ch_seen_time {
    uint64_t newest_ns;            /* wall clock; 0: none was seen yet */
    char boot_id[CH_BOOT_ID_SIZE]; /* of the boot that `offset_ns` is about; empty: none */
    int64_t offset_ns;             /* wall clock minus boot clock, as it was trusted */
} ch_seen_time;

/* Reads what was kept; zeroed if nothing was. */
CH_CHECKED ch_status ch_seen_time_load(ch_store *store, ch_seen_time *out, ch_error *err);
/* For a ch_write's `run`, in the thread; or at the end, when the writer has been stopped. */
CH_CHECKED ch_status ch_seen_time_save(ch_store *store, const ch_seen_time *seen, ch_error *err);

#endif
