/* What operators may see and change of nonces and time, and the time that bots may ask for. Core's thread only. */
#ifndef CH_AGENT_CORE_TIMEKEEPER_H
#define CH_AGENT_CORE_TIMEKEEPER_H

#include "agent/core/clockwatch.h"
#include "agent/core/front_link.h"
#include "policy/policy.h"
#include "state/nonces.h"
#include "wire/frames.h"

typedef struct ch_timekeeper {
    const ch_policy *policy;
    ch_nonces *nonces;
    ch_clockwatch *clock;
} ch_timekeeper;

/* Who waits for a change to be on disk; `answer` is called once, unless ch_timekeeper_forget comes first. */
typedef struct ch_time_waiter {
    void *context;
    void (*answer)(void *context, const ch_error *outcome);
    uid_t uid; /* for the log */
} ch_time_waiter;

/* Answers NONCE_LIST: keys that have nonces, in the order of their names, from the first after `ask->after`; and on the
 * last page what an older agent counted for names that the policy does not have. */
CH_CHECKED ch_status ch_timekeeper_list(const ch_timekeeper *keeper, const ch_nonce_list_frame *ask, ch_buffer *out,
                                        ch_error *err);
/* Raises or resets a key's counter. After a failure nobody is called. */
CH_CHECKED ch_status ch_timekeeper_set(const ch_timekeeper *keeper, const ch_nonce_set_frame *set,
                                       const ch_time_waiter *waiter, ch_error *err);
/* Confirms that the clock is right. After a failure nobody is called. */
CH_CHECKED ch_status ch_timekeeper_confirm(const ch_timekeeper *keeper, const ch_time_waiter *waiter, ch_error *err);
void ch_timekeeper_forget(const ch_timekeeper *keeper, const void *context);

/* Answers GET_TIME. Anybody who can connect may ask. */
void ch_timekeeper_tell(const ch_timekeeper *keeper, ch_asker asker);

/* The state of the clock in a word. */
const char *ch_timekeeper_clock(const ch_timekeeper *keeper, ch_error *why);

#endif
