/* What each process gives up once it is up. Called once, early, by a single-threaded process. */
#ifndef CH_AGENT_HARDEN_H
#define CH_AGENT_HARDEN_H

#include "base/error.h"

/* Every process: no core dumps (limit, dumpable flag and core-dump filter), no new privileges. */
CH_CHECKED ch_status ch_harden_process(ch_error *err);

/* The front, which reads strangers' bytes: another user where started as root, no file system (Landlock, where the
 * kernel has it), and only the system calls that serving needs (seccomp: any other kills the process). */
CH_CHECKED ch_status ch_harden_front(ch_error *err);

/* The token process: it runs vendor code, which may need files, sockets and threads, so only what no driver needs is
 * taken away: running programs, tracing, mounting, loading kernel code. */
CH_CHECKED ch_status ch_harden_token(ch_error *err);

#endif
