/* Child processes of core: a program of its own for each role, with a channel as descriptor 3.
 *
 * A child keeps standard output and error and nothing else of core's; it dies with core (parent-death signal, and the
 * channel's end). Core's thread only. */
#ifndef CH_AGENT_SPAWN_H
#define CH_AGENT_SPAWN_H

#include "wire/frame.h"

#include <sys/types.h>

#define CH_CHILD_FD 3

typedef struct ch_process {
    const char *role;
    pid_t pid;              /* 0: not running */
    ch_channel channel;     /* fd -1: not running */
    uint64_t started_ms;    /* monotonic */
    uint64_t restart_at_ms; /* when not running: not before then */
    unsigned quick_deaths;  /* deaths in a row within CH_QUICK_DEATH_MS of the start */
} ch_process;

#define CH_QUICK_DEATH_MS 5000
#define CH_RESTART_MIN_MS 50
#define CH_RESTART_MAX_MS 5000

void ch_process_init(ch_process *process, const char *role);

/* Starts the child. On failure nothing runs and a restart is due later. */
CH_CHECKED ch_status ch_process_start(ch_process *process, uint64_t now_ms, ch_error *err);

/* Closes the channel and kills what still runs; the next start waits 50 ms, doubled with each quick death. */
void ch_process_end(ch_process *process, uint64_t now_ms);

/* Reaps one dead child, whichever it is, and returns its pid; 0 when there is none. */
pid_t ch_process_reap(int *wait_status);

/* How this process, and those that it starts later, share the processors. None of our wake-ups cuts another's work
 * short (SCHED_BATCH), so each does more in a turn. Of those that wait for a processor, the ones with the shorter slice
 * come first: core and the front ask for short ones, for they bring the token its work. 0: the kernel's own. Kernels
 * before 6.12 take no wish for a slice; all works there, with less throughput. */
void ch_process_schedule(uint64_t slice_ns);
#define CH_SLICE_NS 100000 /* of core and the front */

/* True if the process runs. */
bool ch_process_is_up(const ch_process *process);

#endif
