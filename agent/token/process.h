/* The token process: the only one that loads vendor code. It opens one token, logs in when core says so, and signs.
 *
 * It is made of equal workers, each with a session of its own. A worker waits on the one channel, takes a packet and
 * does the jobs in it; its answers leave together when no more packets are there, or after a moment. Quick jobs keep
 * one worker busy, slow ones all of them. So there is no queue and no hand-over of jobs between threads here: what to
 * sign first, how much at once and for how long to wait is core's business. */
#ifndef CH_AGENT_TOKEN_PROCESS_H
#define CH_AGENT_TOKEN_PROCESS_H

#include "agent/gaps.h"

/* Runs until core closes `channel_fd`. Returns the process's exit status. The caller hardens the process;
 * `gaps` is what it could not take. */
int ch_token_run(int channel_fd, ch_gaps *gaps);

#endif
