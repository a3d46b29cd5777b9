/* Each end is a sum that can only become smaller, save by use; so no order of reloads and uses prolongs anything. */
#include "policy/unlock.h"

#define SUSPEND_NS 3000000000LL

const ch_unlock_rule ch_unlock_default = {0};

static uint64_t shorter(uint64_t one, uint64_t other)
{
    return one == 0 || (other != 0 && other < one) ? other : one;
}

void ch_unlock_begin(ch_unlock_time *time, const ch_unlock_ends *ends, uint64_t now_ns)
{
    *time = (ch_unlock_time){.ends = *ends, .since_ns = now_ns, .used_ns = now_ns};
}

void ch_unlock_narrow(ch_unlock_time *time, const ch_unlock_ends *ends)
{
    time->ends.for_ns = shorter(time->ends.for_ns, ends->for_ns);
    time->ends.idle_ns = shorter(time->ends.idle_ns, ends->idle_ns);
    time->ends.by_freeze = time->ends.by_freeze || ends->by_freeze;
}

void ch_unlock_freeze(ch_unlock_time *time)
{
    time->is_frozen = time->is_frozen || time->ends.by_freeze;
}

void ch_unlock_use(ch_unlock_time *time, uint64_t now_ns)
{
    if (ch_unlock_ended(time, now_ns) == CH_UNLOCK_LASTS && now_ns > time->used_ns)
        time->used_ns = now_ns;
}

uint64_t ch_unlock_end_ns(const ch_unlock_time *time, ch_unlock_end *by)
{
    if (time->is_frozen) {
        *by = CH_UNLOCK_FREEZE;
        return 0;
    }
    uint64_t for_ns = time->ends.for_ns == 0 ? CH_UNLOCK_NEVER : time->since_ns + time->ends.for_ns;
    uint64_t idle_ns = time->ends.idle_ns == 0 ? CH_UNLOCK_NEVER : time->used_ns + time->ends.idle_ns;
    *by = for_ns <= idle_ns ? CH_UNLOCK_FOR : CH_UNLOCK_IDLE;
    if (for_ns == CH_UNLOCK_NEVER && idle_ns == CH_UNLOCK_NEVER)
        *by = CH_UNLOCK_LASTS;
    return for_ns <= idle_ns ? for_ns : idle_ns;
}

ch_unlock_end ch_unlock_ended(const ch_unlock_time *time, uint64_t now_ns)
{
    ch_unlock_end by;
    return now_ns >= ch_unlock_end_ns(time, &by) ? by : CH_UNLOCK_LASTS;
}

bool ch_unlock_was_suspended(int64_t before_ns, int64_t now_ns)
{
    return now_ns - before_ns > SUSPEND_NS;
}

const char *ch_unlock_end_name(ch_unlock_end end)
{
    static const char *const names[] = {
        [CH_UNLOCK_LASTS] = "",          [CH_UNLOCK_FOR] = "for",         [CH_UNLOCK_IDLE] = "idle",
        [CH_UNLOCK_SUSPEND] = "suspend", [CH_UNLOCK_REMOVAL] = "removal", [CH_UNLOCK_FREEZE] = "freeze"};
    return names[end];
}
