/* What a child writes to its standard output and error: logged line by line under the child's name.
 *
 * Whatever the child writes, core reads it, a little a turn, so that a child never waits for core; of a flood a bounded
 * number of lines a second is logged, and the rest is counted. Core's thread only. */
#ifndef CH_AGENT_CORE_CHILD_OUTPUT_H
#define CH_AGENT_CORE_CHILD_OUTPUT_H

#include "base/loop.h"

#include <stddef.h>

#define CH_OUTPUT_LINES_A_SECOND 200 /* a report of a sanitizer comes through whole */
#define CH_OUTPUT_LINE_MAX 900       /* longer ones are logged in pieces */

typedef struct ch_child_output {
    ch_loop *loop;
    const char *name; /* of the child */
    ch_source source;
    uint64_t second; /* monotonic */
    unsigned count;  /* lines in it, the dropped ones too */
    size_t size;     /* of the line that is not complete yet */
    char line[CH_OUTPUT_LINE_MAX + 1];
} ch_child_output;

/* `name` must outlive the output, which must stay where it is. */
void ch_child_output_init(ch_child_output *output, ch_loop *loop, const char *name);
/* Reads from `fd`, a non-blocking pipe, which is taken over. */
CH_CHECKED ch_status ch_child_output_open(ch_child_output *output, int fd, ch_error *err);
/* Logs what the child wrote before it ended, as much as a pipe holds, and closes the pipe. */
void ch_child_output_close(ch_child_output *output);

#endif
