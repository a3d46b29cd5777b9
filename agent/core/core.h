/* The core process: the decision. It starts the other processes, and nothing is signed that it has not judged.
 *
 * One thread, one loop. What the rooms of this folder write to a channel leaves at the end of a turn, so that one turn
 * costs one packet each way however many requests it served. */
#ifndef CH_AGENT_CORE_CORE_H
#define CH_AGENT_CORE_CORE_H

/* Runs the agent with the configuration in `config_path` until SIGTERM or SIGINT. Returns the process's exit status. */
int ch_core_run(const char *config_path);

#endif
