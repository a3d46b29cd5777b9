/* The front process: bytes of clients in, frames to core, and back.
 *
 * It knows HTTP and JSON and nothing else: no PIN, no policy, no state, no module. What it says about a caller is not
 * believed: core accepts the connections itself and knows who is behind each. */
#ifndef CH_AGENT_FRONT_FRONT_H
#define CH_AGENT_FRONT_FRONT_H

/* Serves until core closes `core_fd`, which is taken over. Gives the process's exit status: 0 when core went away, 1
 * with a line on stderr when core broke the protocol or the system failed. The process is hardened by the caller. */
int ch_front_main(int core_fd);

#endif
