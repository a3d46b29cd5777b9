/* Answers of the relay's own: a problem document (RFC 9457), as the agent writes them, in the body and, on one line of
 * ASCII, in the header Chancery-Problem. Thread-safe. */
#ifndef CH_RELAY_REFUSAL_H
#define CH_RELAY_REFUSAL_H

#include "base/buffer.h"

typedef struct ch_refusal {
    unsigned status;
    ch_buffer lines;   /* whole header lines */
    size_t problem_at; /* where in them the last one begins, which is Chancery-Problem */
    ch_buffer body;
} ch_refusal;

/* Returns the answer to `problem`. `http_status` 0 stands for the error's own. Free with ch_refusal_free. */
ch_refusal ch_refusal_of(const ch_error *problem, unsigned http_status);
void ch_refusal_free(ch_refusal *refusal);
#define ch_autorefusal __attribute__((cleanup(ch_refusal_free))) ch_refusal

/* Appends the header Chancery-Problem with `document`, which is JSON, unless it is too long for a header: ASCII in any
 * case. */
void ch_problem_header_add(ch_buffer *lines, ch_slice document);

/* Returns the reason phrase of a status line, or "" if the status has none here. */
const char *ch_status_phrase(unsigned http_status);

#endif
