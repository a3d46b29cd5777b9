/* What each process gives up. Called early, by a single-threaded process. What cannot be given up is a gap
 * (agent/gaps.h): the process works without it, unless agent.yaml says `confinement: required`. */
#ifndef CH_AGENT_HARDEN_H
#define CH_AGENT_HARDEN_H

#include "agent/gaps.h"
#include "base/error.h"

/* Every process: no core dumps (limit, dumpable flag and core-dump filter), no new privileges. */
CH_CHECKED ch_status ch_harden_process(ch_error *err);

/* Core, once it has its files and sockets: as root, all capabilities but those to start children as other users and to
 * end them; the system calls that nobody here needs. Children inherit both. */
void ch_harden_core(ch_gaps *gaps);

/* The front, which reads strangers' bytes: another user where started as root, no capabilities, no file system
 * (Landlock), and only the system calls that serving needs (seccomp: any other kills the process). */
CH_CHECKED ch_status ch_harden_front(ch_gaps *gaps, ch_error *err);

/* The token process, before the module is loaded: another user where started as root and if there is one for it, no
 * capabilities, locked memory. */
CH_CHECKED ch_status ch_harden_token(ch_gaps *gaps, ch_error *err);
/* And once it is loaded: it runs vendor code, which may need files, sockets and threads, so only what no driver needs
 * is taken away: running programs, signalling and tracing others, mounting, loading kernel code. */
void ch_harden_token_calls(ch_gaps *gaps);

#endif
