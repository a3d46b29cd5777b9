/* The trace of a state: a small file outside of its folder that says how far the state has come, so that one that was
 * restored from a backup, or lost, is noticed.
 *
 * It is replaced as a whole. Not thread-safe: one thread at a time. */
#ifndef CH_STATE_TRACE_H
#define CH_STATE_TRACE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define CH_IDENTITY_SIZE 33 /* 32 hexadecimal digits and the NUL */

typedef struct ch_trace ch_trace;

/* A database, by its identity, and its newest row. */
typedef struct ch_trace_mark {
    char identity[CH_IDENTITY_SIZE];
    uint64_t id;
} ch_trace_mark;

typedef enum ch_trace_kind {
    CH_TRACE_NONE, /* there is no such file */
    CH_TRACE_READ,
    CH_TRACE_STRANGE, /* it is not a trace, or damaged */
} ch_trace_kind;

/* Reads the trace `path`. The folder that it is in is made if it is missing, with mode 0700. CH_CONFIG: others could
 * change it (base/trust.h). Close with ch_trace_close. */
CH_CHECKED ch_status ch_trace_open(const char *path, ch_trace **out, ch_trace_kind *kind, ch_trace_mark *mark,
                                   ch_error *err);
/* NULL is fine. */
void ch_trace_close(ch_trace *trace);

/* Puts a new file in the place of the old one. With `is_synced` it is the new one after a power cut; else it may be the
 * old one. */
CH_CHECKED ch_status ch_trace_write(const ch_trace *trace, const ch_trace_mark *mark, bool is_synced, ch_error *err);

#endif
