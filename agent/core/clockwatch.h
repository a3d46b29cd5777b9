/* Whether this machine's clock can be trusted. What is signed names the time, and nonces follow it, so a clock that was
 * set wrongly makes signatures for another time, and nonces that a key may never get past. Nothing is signed while the
 * clock is in doubt.
 *
 * The clock is in doubt if it jumps against the boot clock, which nobody can set, or if it shows a time before this
 * program was built. When the agent starts, it also compares the clock to the newest time that it has seen: a clock
 * that is behind that, or far ahead of it, is in doubt. It is trusted again when the jump is undone or an operator
 * confirms the time. As long as the machine is not started anew, a jump is one whether the agent runs or not. Core's
 * thread only. */
#ifndef CH_AGENT_CORE_CLOCKWATCH_H
#define CH_AGENT_CORE_CLOCKWATCH_H

#include "base/loop.h"
#include "base/clock.h"
#include "state/seen_time.h"
#include "state/writer.h"

#define CH_CLOCK_JUMP_NS 2000000000    /* more than a leap second */
#define CH_CLOCK_BEHIND_NS 10000000000 /* at start: a machine that was off may lose this much */

typedef struct ch_clockwatch ch_clockwatch;

/* `seen` is what the state keeps; `boot_id` is the kernel's, "" if it is not known. */
ch_clockwatch *ch_clockwatch_new(const ch_seen_time *seen, const char *boot_id);
void ch_clockwatch_free(ch_clockwatch *watch);
/* Reads the kernel's boot id into `out`, as `ch_clockwatch_new` takes it. */
void ch_clockwatch_read_boot_id(char out[CH_BOOT_ID_SIZE]);

/* From here on the clock is looked at every few seconds, and what is to be kept is written. */
void ch_clockwatch_start(ch_clockwatch *watch, ch_loop *loop, ch_writer *writer);
/* Keeps the newest time; at the end, when the writer has been stopped. */
void ch_clockwatch_stop(ch_clockwatch *watch, ch_store *store);

/* Reads the clock. CH_UNAVAILABLE, rule `clock`: it is in doubt, and the message says why and what to do. Costs two
 * looks at the clock. */
CH_CHECKED ch_status ch_clockwatch_read(ch_clockwatch *watch, ch_moment *now, ch_error *err);
/* Judges a moment that the caller has read. `now` is NULL if the clock could not be read (see ch_moment_now). */
CH_CHECKED ch_status ch_clockwatch_judge(ch_clockwatch *watch, const ch_moment *now, ch_error *err);
/* Returns the time that limits, states and prices go by: the clock's while it can be trusted; else what it should show
 * by the boot clock or, if nobody knows that, the newest time that was seen. It must not follow a wrong clock, because
 * what no longer counts is forgotten for good. Reads two clocks, and changes nothing. */
uint64_t ch_clockwatch_time_ns(const ch_clockwatch *watch);

/* An operator says that the clock is right as it is. That counts once it is on disk; then, or when it has failed,
 * `answer` is called. Before the start it is not. CH_CONFLICT: the clock shows no time that could be right. CH_BUSY:
 * somebody else is confirming it. After a failure nobody is called. */
CH_CHECKED ch_status ch_clockwatch_confirm(ch_clockwatch *watch, const ch_moment *now, void *context,
                                           void (*answer)(void *context, const ch_error *outcome), ch_error *err);

/* When this program was built, as far as the clock is concerned: it cannot be earlier than that. */
uint64_t ch_clockwatch_built_ns(void);

#endif
