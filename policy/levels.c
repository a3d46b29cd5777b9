/* Looking forgets too: what no longer counts is dropped from a level whenever it is looked at, so that nobody adds up
 * buckets. */
#include "policy/levels.h"

#include "policy/levels_impl.h"

#include <assert.h>
#include <string.h>

#define SWEEP_EVERY_NS 1000000000

/* ---- buckets ---- */

static bool is_sliding(const ch_level_group *group)
{
    return group->period.kind == CH_PERIOD_SLIDING;
}

/* When the present calendar period ends. Asking a zone costs more than all the rest, so the answer is kept. */
static uint64_t present_end(ch_level_group *group, uint64_t now_ns)
{
    if (group->period.kind == CH_PERIOD_EVER || group->period.kind == CH_PERIOD_NONE)
        return CH_LEVEL_EVER;
    if (now_ns < group->end_from_ns || now_ns >= group->end_ns) {
        group->end_from_ns = now_ns;
        group->end_ns = ch_period_end(&group->period, ch_period_bucket(&group->period, now_ns));
        if (group->end_ns > CH_LEVEL_EVER)
            group->end_ns = CH_LEVEL_EVER;
    }
    return group->end_ns;
}

/* When `bucket` stops counting; UINT64_MAX: never. */
static uint64_t end_of(const ch_level_group *group, uint64_t bucket)
{
    if (is_sliding(group))
        return ch_period_end(&group->period, bucket);
    return bucket == CH_LEVEL_EVER ? UINT64_MAX : bucket;
}

void ch_level_drop(ch_level *level, uint64_t now_ns)
{
    const ch_level_group *group = level->group;
    ch_ring_drop(&level->ring, is_sliding(group) ? ch_period_oldest(&group->period, now_ns) : now_ns + 1);
}

uint64_t ch_level_present(ch_level *level, uint64_t now_ns)
{
    ch_ring *ring = &level->ring;
    ch_level_drop(level, now_ns);
    if (!is_sliding(level->group)) {
        uint64_t end = present_end(level->group, now_ns);
        if (ch_ring_is_empty(ring) || end >= ring->newest)
            return end;
        return ring->newest; /* of the clock before it was set back */
    }
    uint64_t bucket = ch_period_bucket(&level->group->period, now_ns);
    /* The clock was set back by more than the window: the oldest bucket that a ring can have ends later, so it will do.
     */
    if (!ch_ring_is_empty(ring) && ring->newest - bucket > CH_WINDOW_BUCKETS && ring->newest > bucket)
        return ring->newest - CH_WINDOW_BUCKETS;
    return bucket;
}

/* A level has one bucket if its window does not slide, whatever moved that bucket. */
static void make_present(ch_level *level, uint64_t bucket)
{
    if (!is_sliding(level->group))
        ch_ring_move(&level->ring, bucket);
}

static bool add(ch_level *level, ch_decimal amount, uint64_t now_ns, uint64_t *bucket)
{
    *bucket = ch_level_present(level, now_ns);
    make_present(level, *bucket);
    return ch_ring_add(&level->ring, *bucket, amount);
}

/* ---- looking ---- */

static ch_level *find(const ch_levels *levels, const ch_charge *charge)
{
    const ch_level_name name = {charge->scope, charge->is_closing, false};
    return ch_level_find(levels, ch_level_group_of(levels, charge->entry), &name);
}

static ch_decimal used_of(ch_level *level, uint64_t now_ns)
{
    if (level == NULL)
        return CH_DECIMAL_ZERO;
    ch_level_drop(level, now_ns);
    return level->ring.sum;
}

ch_decimal ch_levels_used(const ch_levels *levels, const ch_charge *charge, uint64_t now_ns)
{
    return used_of(find(levels, charge), now_ns);
}

/* How much the charge's level may hold after it. */
static ch_decimal most_of(const ch_charge *charge)
{
    const ch_limit *limit = &charge->entry->limit;
    if (charge->is_closing)
        return limit->closing;
    ch_decimal most = limit->most;
    if (limit->control == CH_CONTROL_MESSAGES && !charge->may_use_reserve &&
        !ch_decimal_subtract(most, ch_decimal_of(limit->reserve_cancels), &most))
        return CH_DECIMAL_ZERO;
    return most;
}

static bool has_room(ch_decimal used, ch_decimal amount, ch_decimal most)
{
    ch_decimal sum;
    return ch_decimal_add(used, amount, &sum) && ch_decimal_compare(sum, most) <= 0;
}

bool ch_levels_fits(const ch_levels *levels, const ch_charge *charge, uint64_t now_ns, ch_decimal *used)
{
    *used = ch_levels_used(levels, charge, now_ns);
    return has_room(*used, charge->amount, most_of(charge));
}

uint64_t ch_levels_wait(const ch_levels *levels, const ch_charge *charge, uint64_t now_ns)
{
    ch_decimal most = most_of(charge);
    if (!has_room(CH_DECIMAL_ZERO, charge->amount, most))
        return UINT64_MAX;
    ch_level *level = find(levels, charge);
    ch_decimal used = used_of(level, now_ns);
    uint64_t end = now_ns;
    for (uint64_t bucket = 0; !has_room(used, charge->amount, most); bucket++) {
        if (!ch_ring_find(&level->ring, &bucket))
            return end - now_ns; /* nothing is left then, and so it fits */
        end = end_of(level->group, bucket);
        if (end == UINT64_MAX || !ch_decimal_subtract(used, ch_ring_held(&level->ring, bucket), &used))
            return UINT64_MAX;
    }
    return end - now_ns;
}

/* ---- taking ---- */

/* Makes room, but not at each attempt of somebody who makes up scopes. */
static void sweep_now_and_then(ch_levels *levels, uint64_t now_ns)
{
    if (now_ns < levels->swept_ns || now_ns - levels->swept_ns >= SWEEP_EVERY_NS)
        ch_level_sweep(levels, now_ns);
}

/* NULL if there are too many levels. */
static ch_level *open_level(ch_levels *levels, ch_level_group *group, const ch_level_name *name, uint64_t now_ns)
{
    ch_level *level = ch_level_find(levels, group, name);
    if (level != NULL)
        return level;
    if (!ch_levels_have_room(levels, group, name->scope))
        sweep_now_and_then(levels, now_ns);
    return ch_levels_have_room(levels, group, name->scope) ? ch_level_make(levels, group, name) : NULL;
}

ch_status ch_levels_take(ch_levels *levels, const ch_charge *charge, uint64_t now_ns, ch_taken *out, ch_error *err)
{
    const char *limit = charge->entry->name;
    const ch_level_name name = {charge->scope, charge->is_closing, false};
    assert(charge->scope.size <= CH_SCOPE_MAX);
    ch_level_group *group = ch_level_group_of(levels, charge->entry);
    if (group == NULL)
        group = ch_level_group_make_for(levels, charge->entry);
    ch_level *level = open_level(levels, group, &name, now_ns);
    if (level == NULL)
        return ch_fail_rule(err, CH_REFUSED, limit,
                            "limit '%s' counts too many things apart, or all limits together do, of this caller or in "
                            "all; wait until some of their windows are over, or let limits count `by` less",
                            limit);
    uint64_t bucket;
    if (!add(level, charge->amount, now_ns, &bucket))
        return ch_fail_rule(err, CH_REFUSED, limit,
                            "what limit '%s' counts is too large a number to be added up; ask for less, or for fewer "
                            "digits after the point",
                            limit);
    *out = (ch_taken){level->id, bucket, charge->amount};
    return CH_OK;
}

/* ---- giving back ---- */

void ch_levels_return(ch_levels *levels, const ch_taken *taken)
{
    ch_level *level = ch_level_find_id(levels, taken->level);
    if (level != NULL)
        ch_ring_subtract(&level->ring, taken->bucket, taken->amount);
}

static ch_decimal smaller(ch_decimal a, ch_decimal b)
{
    return ch_decimal_compare(a, b) <= 0 ? a : b;
}

/* How much reports may still return to a level; zero also if it cannot be computed. */
static ch_decimal releasable(const ch_levels *levels, const ch_level *level, const ch_limit *limit, ch_reporter by,
                             uint64_t now_ns)
{
    ch_decimal share = by == CH_REPORTER_RELAY ? limit->relay_release : limit->release;
    ch_level_name name = ch_level_name_of(level);
    name.is_released = true;
    ch_decimal released = used_of(ch_level_find(levels, level->group, &name), now_ns);
    ch_decimal room;
    if (!ch_decimal_multiply(level->is_closing ? limit->closing : limit->most, share, &room) ||
        !ch_decimal_subtract(room, released, &room))
        return CH_DECIMAL_ZERO;
    return room;
}

/* Counts `amount` as released; false if it cannot be counted, and then it must not be returned. */
static bool count_released(ch_levels *levels, const ch_level *level, ch_decimal amount, uint64_t now_ns)
{
    ch_level_name name = ch_level_name_of(level);
    name.is_released = true;
    uint64_t bucket;
    ch_level *released = open_level(levels, level->group, &name, now_ns);
    return released != NULL && add(released, amount, now_ns, &bucket);
}

ch_decimal ch_levels_release(ch_levels *levels, const ch_taken *taken, const ch_entry_rule *entry, ch_reporter by,
                             uint64_t now_ns)
{
    ch_level *level = ch_level_find_id(levels, taken->level);
    if (level == NULL)
        return CH_DECIMAL_ZERO;
    ch_level_drop(level, now_ns);
    ch_decimal amount = smaller(taken->amount, ch_ring_held(&level->ring, taken->bucket));
    if (entry->limit.control != CH_CONTROL_OPEN_VALUE) {
        amount = smaller(amount, releasable(levels, level, &entry->limit, by, now_ns));
        if (ch_decimal_is_zero(amount) || !count_released(levels, level, amount, now_ns))
            return CH_DECIMAL_ZERO;
    }
    /* Making a level may have swept others, but this one still holds what is to be returned. */
    return ch_ring_subtract(&level->ring, taken->bucket, amount);
}
