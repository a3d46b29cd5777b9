/* Problem documents (RFC 9457). */
#ifndef CH_AGENT_FRONT_PROBLEM_H
#define CH_AGENT_FRONT_PROBLEM_H

#include "base/buffer.h"

/* Appends a problem document. `http_status` is most often ch_status_http(problem->status). `step` is the step of a
 * request that refused or failed; empty if there is none. */
void ch_problem_add(ch_buffer *out, const ch_error *problem, unsigned http_status, ch_slice step);

#endif
