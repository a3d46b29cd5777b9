/* What a process could not have taken from it, for want of a right or of a feature of the kernel.
 *
 * Each gap is a sentence, with what to do, for the log and the status. Children send theirs to core, which says them.
 * One thread. */
#ifndef CH_AGENT_GAPS_H
#define CH_AGENT_GAPS_H

#include "base/error.h"
#include "base/buffer.h"
#include "wire/frame.h"

typedef struct ch_gaps {
    ch_records list; /* of ch_text_record; views of `bytes` */
    ch_buffer bytes;
} ch_gaps;

void ch_gaps_add(ch_gaps *gaps, const char *format, ...) CH_PRINTF(2, 3);
/* The same, with ": " and the text of errno after it. */
void ch_gaps_add_errno(ch_gaps *gaps, const char *format, ...) CH_PRINTF(2, 3);

#endif
