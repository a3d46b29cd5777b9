/* The newest time that the agent has trusted, so that a clock that went back while it was not running is noticed; and,
 * while the clock has jumped and nobody has confirmed it, where it stood before. Core's thread only. */
#ifndef CH_STATE_SEEN_TIME_H
#define CH_STATE_SEEN_TIME_H

#include "state/store.h"

#include <stdint.h>

#define CH_BOOT_ID_SIZE 40 /* of the kernel's text, with its NUL */

typedef struct ch_seen_time {
    uint64_t newest_ns;            /* wall clock; 0: none was seen yet */
    char boot_id[CH_BOOT_ID_SIZE]; /* of the boot during which the clock jumped; empty: it has not */
    int64_t offset_ns;             /* then: wall clock minus boot clock, before the jump */
} ch_seen_time;

/* Reads what was kept; zeroed if nothing was. */
CH_CHECKED ch_status ch_seen_time_load(ch_store *store, ch_seen_time *out, ch_error *err);
/* For a ch_write's `run`, in the thread; or at the end, when the writer has been stopped. */
CH_CHECKED ch_status ch_seen_time_save(ch_store *store, const ch_seen_time *seen, ch_error *err);

#endif
