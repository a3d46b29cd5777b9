/* What bots may see of their limits and prices, and what they and feeds report: the frames GET_LIMITS, RELEASE,
 * PUT_PRICES and LIST_PRICES. Core's thread only. */
#ifndef CH_AGENT_CORE_DESK_H
#define CH_AGENT_CORE_DESK_H

#include "agent/core/callers.h"
#include "agent/core/clockwatch.h"
#include "agent/core/connections.h"
#include "agent/core/intake.h"
#include "agent/core/ledger.h"
#include "agent/pace.h"
#include "policy/policy.h"
#include "wire/frames.h"

#define CH_LOOKERS_MAX 64

/* Set all but the last two; everything must outlive the desk. */
typedef struct ch_desk {
    const ch_policy *policy;
    const ch_connections *connections;
    ch_callers *callers;
    ch_ledger *ledger;
    const ch_clockwatch *clock;
    ch_pace looks; /* at all levels, which may be many */
    struct {
        uid_t uid;
        ch_pace pace;          /* a_second is 0: it is nobody's */
    } lookers[CH_LOOKERS_MAX]; /* what each user may have besides */
} ch_desk;

/* What of each limit is used that applies to the caller and the key, and the state that counts. */
void ch_desk_tell_limits(ch_desk *desk, ch_asker asker, const ch_get_limits_frame *get);
/* Gives back what a reservation took, as far as policy lets. */
void ch_desk_release(ch_desk *desk, ch_asker asker, const ch_release_frame *release);
/* Takes prices of a caller with the role `feed`. */
void ch_desk_take_prices(ch_desk *desk, ch_asker asker, const ch_put_prices_frame *put);
/* A page of all prices, for any caller whom policy names. */
void ch_desk_list_prices(ch_desk *desk, ch_asker asker, const ch_list_prices_frame *list);

#endif
