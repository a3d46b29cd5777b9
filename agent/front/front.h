/* The front process: bytes of clients in, frames to core, and back.
 *
 * It knows HTTP and JSON and nothing else: no PIN, no policy, no state, no module. What it says about a caller is not
 * believed: core accepts the connections itself and knows who is behind each. */
#ifndef CH_AGENT_FRONT_FRONT_H
#define CH_AGENT_FRONT_FRONT_H

#include "agent/gaps.h"

/* Serves until core closes `core_fd`, which is taken over. Returns the process's exit status: 0 if core went away, 1,
 * with a line in the log, if core broke the protocol or the system failed. The caller hardens the process;
 * `gaps` is what it could not take. */
int ch_front_run(int core_fd, const ch_gaps *gaps);

#endif
