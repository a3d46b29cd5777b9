/* What a test of core's rooms stands on: a loop, and the processes that core starts in it.
 *
 * A process is started as in the agent: forked, run, with a channel of its own. Its program is a stand-in
 * (tests/support/standin) that hands the channel to the test, so that the test plays the process, frame by frame and in
 * its own time. Every function ends the test if it cannot do what it says. */
#ifndef CH_TESTS_UNIT_AGENT_CORE_STAGE_H
#define CH_TESTS_UNIT_AGENT_CORE_STAGE_H

#include "base/loop.h"
#include "wire/channel.h"

#include <sys/types.h>

/* A process, played by the test. */
typedef struct stage_actor {
    pid_t pid;
    ch_channel channel; /* frames for core are written to its ch_channel_out */
    ch_packet packet;   /* what is left of the last one that came */
    char arguments[256];
} stage_actor;

/* First thing in a test. Returns the loop. */
ch_loop *stage_set_up(void);

/* A socket in the test's folder that core listens on, non-blocking, and a connection to it. `type` as for socket(). */
int stage_listen(const char *name, int type);
int stage_connect(const char *name, int type);

/* Turns the loop until nothing is ready any more. Never sleeps. */
void stage_settle(void);
/* The same, until there is something to read. On a busy machine, a socket that core accepts from may have had its share
 * of the time, and what is waited for come later; nothing at all after two seconds. */
void stage_await(int fd);
/* Turns the loop until the next process has been started, and takes its end of the channel. */
void stage_meet(stage_actor *actor);

/* Sends what was written, and lets core take it. */
void stage_send(stage_actor *actor);
/* Reads the next frame from core, which must be of that type and may carry a descriptor only if `fd` is not NULL. Views
 * into the channel. Pings are answered, and not shown. */
ch_frame stage_hear_with(stage_actor *actor, ch_frame_type type, int *fd);
ch_frame stage_hear(stage_actor *actor, ch_frame_type type);
/* True if core has sent nothing more. */
bool stage_is_silent(stage_actor *actor);

/* Closes the process's end of the channel; the process lives on. */
void stage_hang_up(stage_actor *actor);
/* Ends the process, which is then a zombie. */
void stage_kill(const stage_actor *actor);
/* Waits for the end of a process that core has killed, and closes what the test has of it. */
void stage_bury(stage_actor *actor);

/* From here on log lines are kept, and not shown. */
void stage_record_log(void);
/* What was logged since then; from here on lines are shown again. Valid until the next call. */
const char *stage_logged(void);

#endif
