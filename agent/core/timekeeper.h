/* What operators may see and change of nonces and time, and the time that bots may ask for. Core's thread only. */
#ifndef CH_AGENT_CORE_TIMEKEEPER_H
#define CH_AGENT_CORE_TIMEKEEPER_H

#include "agent/core/clockwatch.h"
#include "agent/core/intake.h"
#include "base/names.h"
#include "policy/policy.h"
#include "state/nonces.h"
#include "wire/frames.h"

/* Who waits for a change to be on disk; `answer` is called once, unless ch_timekeeper_forget comes first. */
typedef struct ch_time_waiter {
    void *context;
    void (*answer)(void *context, const ch_error *outcome);
    char name[CH_NAME_MAX + sizeof " (user 4294967295)"]; /* as policy calls them, for the log */
} ch_time_waiter;

#define CH_TIME_CHANGE_SIZE 1024

/* What an operator changes, until its outcome is known, which is logged. */
typedef struct ch_time_change {
    ch_time_waiter waiter;
    const char *verb;
    char text[CH_TIME_CHANGE_SIZE];
} ch_time_change;

/* Set the first three. Of either change there is one at a time. */
typedef struct ch_timekeeper {
    const ch_policy *policy;
    ch_nonces *nonces;
    ch_clockwatch *clock;
    ch_time_change setting;
    ch_time_change confirming;
} ch_timekeeper;

/* Answers NONCE_LIST: keys that have nonces, in the order of their names, from the first after `ask->after`; and on the
 * last page what an older agent counted for names that the policy does not have. */
CH_CHECKED ch_status ch_timekeeper_list(const ch_timekeeper *keeper, const ch_nonce_list_frame *ask, ch_buffer *out,
                                        ch_error *err);
/* Raises or resets a key's counter; it counts, and is logged, when it is on disk. After a failure nobody is called. */
CH_CHECKED ch_status ch_timekeeper_set(ch_timekeeper *keeper, const ch_nonce_set_frame *set,
                                       const ch_time_waiter *waiter, ch_error *err);
/* Confirms that the clock is right. After a failure nobody is called. */
CH_CHECKED ch_status ch_timekeeper_confirm(ch_timekeeper *keeper, const ch_time_waiter *waiter, ch_error *err);
/* Whoever waits with this context has left: nobody is called. The change goes on. */
void ch_timekeeper_forget(ch_timekeeper *keeper, const void *context);

/* Answers GET_TIME. Anybody who can connect may ask. */
void ch_timekeeper_tell(const ch_timekeeper *keeper, ch_asker asker);

/* The state of the clock in a word. */
const char *ch_timekeeper_clock(const ch_timekeeper *keeper, ch_error *why);

#endif
