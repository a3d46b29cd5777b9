/* Keeps a process's memory out of core dumps, and from other processes of the same user. */
#ifndef CH_BASE_NODUMP_H
#define CH_BASE_NODUMP_H

#include "base/error.h"

/* From now on the process leaves no core dump, and only root can trace it or read its memory; children inherit the
 * limit. Call it first thing in main, and again after a change of user, which makes a process dumpable. CH_IO if the
 * kernel does not allow it; then no secret may enter the process. Thread-safe. */
CH_CHECKED ch_status ch_forbid_dumps(ch_error *err);

#endif
