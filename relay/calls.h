/* Calls over a Unix socket: POSTs of JSON to the agent, in HTTP/1.1, on connections that are kept. Each connection has
 * one call at a time; when all have one, further calls wait in turn.
 *
 * A call is written at most once, and only on a connection that had not ended by then. Its end is told from the loop,
 * never from within a call of the caller's. One thread. */
#ifndef CH_RELAY_CALLS_H
#define CH_RELAY_CALLS_H

#include "base/buffer.h"
#include "base/loop.h"

#define CH_CALL_ANSWER_MAX (256 * 1024)

typedef struct ch_calls ch_calls;

typedef enum ch_call_end {
    CH_CALL_ANSWERED,
    CH_CALL_UNASKED, /* nothing of it was written */
    CH_CALL_SILENT,  /* it was written, in part at least, and no answer came that can be read */
} ch_call_end;

/* Views, until on_end returns. */
typedef struct ch_call_answer {
    ch_call_end end;
    unsigned status;
    unsigned retry_after_s; /* 0: not said */
    ch_slice body;
    const char *why; /* no answer came */
} ch_call_answer;

/* The caller's memory, from ch_calls_start until on_end or ch_calls_stop. Set the first four members and zero the
 * rest. */
typedef struct ch_call {
    ch_buffer request; /* the whole of it (ch_call_write); the caller frees it afterwards */
    uint64_t wait_ms;
    void (*on_end)(void *context, const ch_call_answer *answer);
    void *context;
    ch_calls *calls;      /* NULL: it has ended, or has not begun */
    struct ch_line *line; /* NULL: it waits for one */
    ch_timer timer;
    const char *why;      /* it has failed, and that is still to be told */
    struct ch_call *next; /* that waits */
} ch_call;

/* Appends the request. `repeat_key` may be empty. */
void ch_call_write(const char *path, ch_slice repeat_key, ch_slice body, ch_buffer *out);

/* `path` is kept, and must live as long. */
ch_calls *ch_calls_new(ch_loop *loop, const char *path, size_t connections_max);
/* No call may be left. */
void ch_calls_free(ch_calls *calls);

void ch_calls_start(ch_calls *calls, ch_call *call);
/* Ends it without on_end. Does nothing if it has ended. */
void ch_calls_stop(ch_call *call);

#endif
