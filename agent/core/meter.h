/* What each caller costs, in time of core and of the tokens, and who must wait because of it.
 *
 * A caller that is alone may have everything. While several are served, a caller that costs more than its share waits,
 * so that those who cost little find core, the tokens and a processor at leisure. If all cost much, they take turns and
 * nobody waits. Strangers, whom no policy names, have one small share between them; they wait for any caller, and no
 * caller waits for them. The turns of the loop are the meter's clock. Core's thread only. */
#ifndef CH_AGENT_CORE_METER_H
#define CH_AGENT_CORE_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CH_STRANGERS ((uid_t)-1) /* all of them, as one caller */

/* Of the last whole second. */
typedef struct ch_meter_rate {
    uid_t caller;
    uint32_t requests;      /* that policy allowed, also above a limit */
    uint32_t work_permille; /* of core and the tokens together, in thousandths of one processor */
} ch_meter_rate;

typedef struct ch_meter ch_meter;

/* For a machine with so many processors. */
ch_meter *ch_meter_new(unsigned processors);
void ch_meter_free(ch_meter *meter);
/* A turn of the loop begins at `now_ns`. */
void ch_meter_turn(ch_meter *meter, uint64_t now_ns);

/* Notes that the caller cost so much. If `meter` is NULL, here and below, nothing is counted and nobody waits. */
void ch_meter_spend(ch_meter *meter, uid_t caller, uint64_t ns);
/* The same for the time that core has worked on something small since `begun_ns`. Core may have been preempted, which
 * is not the caller's fault, so half a millisecond counts at most. */
void ch_meter_spend_since(ch_meter *meter, uid_t caller, uint64_t begun_ns);
/* Notes that the caller came with a request that policy allows. */
void ch_meter_count(ch_meter *meter, uid_t caller);
/* The rates of the caller at `index`; false if there are no more. */
bool ch_meter_rate_at(const ch_meter *meter, size_t index, ch_meter_rate *out);
/* True if the caller has had more than its share, and another is being served for whom it must wait. */
bool ch_meter_must_wait(const ch_meter *meter, uid_t caller);
/* True if a caller, not only strangers, was served in the last moments. */
bool ch_meter_is_serving(const ch_meter *meter);
/* True if more than one caller was served lately. */
bool ch_meter_is_shared(const ch_meter *meter);
/* True if somebody must wait, so that another turn must come soon. */
bool ch_meter_holds_somebody(const ch_meter *meter);
/* How much of one processor's time a process that serves only this caller may take, in thousandths; 0: all, because
 * nobody for whom it must wait has been served for a while. */
uint32_t ch_meter_process_share(const ch_meter *meter, uid_t caller);

#endif
