/* Who has not asked yet has no count, and the whole burst. */
#include "agent/core/limiter.h"

#include "agent/pace.h"
#include "base/memory.h"
#include "policy/decide.h"

#include <stdlib.h>

typedef struct tally {
    ch_limit limit; /* a copy, because a reload frees it */
    uid_t caller;
    ch_pace paces[2]; /* by is_cancel */
    uint64_t used_ns;
} tally;

struct ch_limiter {
    tally *tallies; /* NULL until something is counted */
    size_t count;
};

ch_limiter *ch_limiter_new(void)
{
    return ch_alloc(sizeof(ch_limiter));
}

void ch_limiter_free(ch_limiter *limiter)
{
    if (limiter == NULL)
        return;
    free(limiter->tallies);
    free(limiter);
}

/* A new one, or the one that was used least lately. */
static tally *spare_tally(ch_limiter *limiter)
{
    if (limiter->tallies == NULL)
        limiter->tallies = ch_alloc(CH_LIMITER_COUNTS_MAX * sizeof *limiter->tallies);
    tally *spare = &limiter->tallies[0];
    if (limiter->count < CH_LIMITER_COUNTS_MAX)
        return &limiter->tallies[limiter->count++];
    for (size_t i = 1; i < limiter->count; i++) {
        if (limiter->tallies[i].used_ns < spare->used_ns)
            spare = &limiter->tallies[i];
    }
    return spare;
}

static bool is_same(const ch_limit *a, const ch_limit *b)
{
    return a->callers.uid == b->callers.uid && a->callers.gid == b->callers.gid &&
           a->messages_per_second == b->messages_per_second && a->burst == b->burst;
}

static tally *tally_of(ch_limiter *limiter, const ch_limit *limit, uid_t caller)
{
    for (size_t i = 0; i < limiter->count; i++) {
        tally *at = &limiter->tallies[i];
        if (at->caller == caller && is_same(&at->limit, limit))
            return at;
    }
    tally *at = spare_tally(limiter);
    const ch_pace fresh = {.a_second = limit->messages_per_second, .burst = limit->burst};
    *at = (tally){
        .limit = *limit, .caller = caller, .paces = {fresh, fresh}
    };
    return at;
}

static ch_status refuse(const ch_peer *caller, const ch_limit *limit, bool is_cancel, ch_error *err)
{
    return ch_fail_rule(err, CH_TOO_OFTEN, "messages", "user %u asks too often: its limit of %s a second is %u",
                        (unsigned)caller->uid, is_cancel ? "cancels" : "requests",
                        (unsigned)limit->messages_per_second);
}

ch_status ch_limiter_count(ch_limiter *limiter, const ch_policy *policy, const ch_peer *caller, bool is_cancel,
                           uint64_t now_ns, ch_error *err)
{
    const ch_limit *limits = policy->limits;
    size_t count = policy->limit_count;
    for (size_t i = 0; i < count; i++) {
        if (!ch_policy_includes(&limits[i].callers, caller))
            continue;
        tally *at = tally_of(limiter, &limits[i], caller->uid);
        at->used_ns = now_ns;
        if (ch_pace_afford_ns(&at->paces[is_cancel], now_ns, 1) > 0)
            return refuse(caller, &limits[i], is_cancel, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (ch_policy_includes(&limits[i].callers, caller))
            ch_pace_spend(&tally_of(limiter, &limits[i], caller->uid)->paces[is_cancel], now_ns, 1);
    }
    return CH_OK;
}
