/* Processes that core has closed its channel to, and that may end by themselves: a module that is cut short while it
 * writes can lose its token. One that lives on after CH_DYING_MS is killed. Core's thread only. */
#ifndef CH_AGENT_CORE_DYING_H
#define CH_AGENT_CORE_DYING_H

#include "base/loop.h"

#include <sys/types.h>

#define CH_DYING_MS 2000 /* for the call into a module that a process is in */
#define CH_DYING_MAX 32  /* with one more, the oldest is killed */

typedef struct ch_dying ch_dying;

ch_dying *ch_dying_new(ch_loop *loop);
/* Takes over `pid`, a child that has not been reaped. */
void ch_dying_add(ch_dying *dying, pid_t pid);
/* `pid` has been reaped, and its id may be another's by now. True if it was one of these. */
bool ch_dying_died(ch_dying *dying, pid_t pid);
/* Reaps children until none of these is left, but for no longer than `wait_ms`. */
void ch_dying_await(ch_dying *dying, unsigned wait_ms);
/* Kills what is left. */
void ch_dying_free(ch_dying *dying);

#endif
