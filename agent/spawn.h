/* Starting the programs of the other roles, each with one end of a channel as descriptor CH_CHILD_FD.
 *
 * A child keeps nothing of core's: it has a session of its own, and its standard output and error are a pipe that core
 * reads. It dies with core: by the parent-death signal, and by the channel's end. Core's thread only. */
#ifndef CH_AGENT_SPAWN_H
#define CH_AGENT_SPAWN_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

#define CH_CHILD_FD 3
#define CH_CHILD_DEBUG "--debug" /* a child's one argument, if core logs debug lines */

typedef struct ch_spawned {
    pid_t pid;
    int channel_fd; /* our end; the caller closes it */
    int output_fd;  /* what the child writes comes out here; non-blocking; the caller closes it */
} ch_spawned;

/* Looks whether the program chancery-ROLE is there, beside the running one or in PREFIX/libexec/chancery, and whether
 * nobody else can change it (base/trust.h); CH_IO or CH_CONFIG if not. */
CH_CHECKED ch_status ch_spawn_check(const char *role, ch_error *err);
/* Starts it; looks again. `variables`, "NAME=VALUE" and NULL at the end, stand beside our own in its environment, or in
 * the place of ours; NULL: none. */
CH_CHECKED ch_status ch_spawn(const char *role, char *const *variables, ch_spawned *out, ch_error *err);

/* For the child: its channel, which none of the programs that it starts inherits. */
int ch_spawn_channel(void);

/* Kills `pid`, a child, without waiting for it: a module that is stuck in a driver may die late, and core must not. */
void ch_spawn_kill(pid_t pid);

/* Reaps one dead child, whichever it is, and returns its pid; 0 if none is dead. */
pid_t ch_spawn_reap(int *wait_status);

/* How this process, and those that it starts later, share the processors. None of our wake-ups cuts another's work
 * short (SCHED_BATCH), so each does more in a turn. Of those that wait for a processor, the ones with the shorter slice
 * come first: core and the front ask for short ones, because they bring the token its work. 0: the kernel's own.
 * Kernels before 6.12 ignore the slice, at the price of throughput. */
void ch_spawn_schedule(uint64_t slice_ns);
#define CH_SLICE_NS 100000 /* of core and the front */

#endif
