/* The token process: the only one that loads vendor code. It opens one token, logs in when told to, and signs.
 *
 * It is made of equal workers, each with a session of its own. A worker waits on the one channel, takes a packet and
 * does the jobs in it; its answers leave together when no more packets are there, or after a moment. Quick jobs keep
 * one worker busy, slow ones all of them. So there is no queue and no hand-over of jobs between threads here: what to
 * sign first, how much at once and for how long to wait is core's business.
 *
 * Frames by state: first START, then KEYS until all are told; after that LOGIN, LOGOUT and JOB at any time. Any other
 * frame ends the process.
 */
#ifndef CH_AGENT_TOKEN_TOKEN_PROCESS_H
#define CH_AGENT_TOKEN_TOKEN_PROCESS_H

/* A signature that takes longer is worth another thread: well above what a hand-over costs. */
#define CH_SLOW_JOB_NS 40000

/* Runs until core closes `channel_fd`. Returns the process's exit status. */
int ch_token_process_main(int channel_fd);

#endif
