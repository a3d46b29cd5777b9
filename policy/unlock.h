/* Unlocks: what one needs, and when it ends. Pure: times are arguments, by the clock that counts from the machine's
 * start and that nobody can set, so that a changed wall clock neither ends an unlock nor prolongs it. */
#ifndef CH_POLICY_UNLOCK_H
#define CH_POLICY_UNLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* ---- what policy says ---- */

/* When an unlock ends by itself; 0: never. */
typedef struct ch_unlock_ends {
    uint64_t for_ns;  /* after so long */
    uint64_t idle_ns; /* after so long without a request that was signed */
    bool by_freeze;   /* when the key or all trading is frozen; a token's also when each of its keys is */
} ch_unlock_ends;

enum { CH_FACTOR_PIN = 1, CH_FACTOR_CODE = 2 };

typedef struct ch_unlock_rule {
    ch_unlock_ends ends;
    unsigned factors;      /* bits CH_FACTOR_*: what a person must have; 0: as ch_policy_factors_by says */
    bool is_unattended;    /* the agent unlocks it at its start, with a credential of the service manager */
    bool survives_suspend; /* the machine may sleep meanwhile */
    bool survives_removal; /* the token may be taken out, and put back */
} ch_unlock_rule;

extern const ch_unlock_rule ch_unlock_default; /* of a token of which policy says nothing */

/* ---- one that is under way ---- */

typedef struct ch_unlock_time {
    ch_unlock_ends ends; /* the shortest that policy has said since it began */
    uint64_t since_ns;
    uint64_t used_ns; /* when something was last signed; at first when it began */
    bool is_frozen;   /* a freeze has ended it */
} ch_unlock_time;

typedef enum ch_unlock_end {
    CH_UNLOCK_LASTS,
    CH_UNLOCK_FOR,
    CH_UNLOCK_IDLE,
    CH_UNLOCK_SUSPEND,
    CH_UNLOCK_REMOVAL,
    CH_UNLOCK_FREEZE,
} ch_unlock_end;

#define CH_UNLOCK_NEVER UINT64_MAX

void ch_unlock_begin(ch_unlock_time *time, const ch_unlock_ends *ends, uint64_t now_ns);
/* Policy says this now: what is shorter holds from here on, what is longer only from the next unlock. */
void ch_unlock_narrow(ch_unlock_time *time, const ch_unlock_ends *ends);
/* Something was signed. An unlock that has ended stays so. */
void ch_unlock_use(ch_unlock_time *time, uint64_t now_ns);
/* Ends the unlock if it is to end by a freeze; called when trading is frozen. A thaw does not begin it anew. */
void ch_unlock_freeze(ch_unlock_time *time);
/* Returns when it ends if nothing more is signed, and by what: CH_UNLOCK_NEVER if it does not end, 0 if a freeze has
 * ended it. */
uint64_t ch_unlock_end_ns(const ch_unlock_time *time, ch_unlock_end *by);
/* What has ended it by now. */
ch_unlock_end ch_unlock_ended(const ch_unlock_time *time, uint64_t now_ns);
/* True if the machine was suspended for more than some seconds, by how long it had been when the unlock began, and is
 * now (base/clock.h). */
bool ch_unlock_was_suspended(int64_t before_ns, int64_t now_ns);

/* "for", "idle", "suspend", "removal", "freeze", "". */
const char *ch_unlock_end_name(ch_unlock_end end);

#endif
