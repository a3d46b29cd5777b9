/* What survives a restart, and what a reload does. Rows with another period than the policy's make groups of their own;
 * binding a policy then moves what of them still counts, the same way after a restart as in a reload. */
#include "policy/levels_impl.h"

#include "base/memory.h"

#include <stdlib.h>

/* ---- rows ---- */

static ch_level_row row_of(const ch_level *level, uint64_t bucket, ch_decimal amount)
{
    return (ch_level_row){
        .limit = ch_slice_of(level->group->limit),
        .shape = ch_slice_of(level->group->shape),
        .scope = {level->scope, level->scope_size},
        .is_closing = level->is_closing,
        .is_released = level->is_released,
        .bucket = bucket,
        .amount = amount,
    };
}

ch_level_row ch_levels_row(const ch_levels *levels, const ch_taken *taken)
{
    const ch_level *level = ch_level_find_id(levels, taken->level);
    if (level == NULL)
        return (ch_level_row){0};
    return row_of(level, taken->bucket, taken->amount);
}

ch_level_row ch_levels_released_row(const ch_levels *levels, const ch_taken *taken, ch_decimal amount, uint64_t now_ns)
{
    const ch_level *level = ch_level_find_id(levels, taken->level);
    if (level == NULL)
        return (ch_level_row){0};
    ch_level_name name = ch_level_name_of(level);
    name.is_released = true;
    ch_level *released = ch_level_find(levels, level->group, &name);
    if (released == NULL)
        return (ch_level_row){0};
    return row_of(released, ch_level_present(released, now_ns), amount);
}

void ch_levels_each(const ch_levels *levels, uint64_t now_ns, void (*take)(void *context, const ch_level_row *row),
                    void *context)
{
    for (size_t i = 0; i < levels->place_count; i++) {
        ch_level *level = levels->places[i].level;
        if (level == NULL)
            continue;
        ch_level_drop(level, now_ns);
        for (uint64_t bucket = 0; ch_ring_find(&level->ring, &bucket); bucket++) {
            ch_level_row row = row_of(level, bucket, ch_ring_held(&level->ring, bucket));
            take(context, &row);
        }
    }
}

static ch_level_name name_of(const ch_level_row *row)
{
    return (ch_level_name){row->scope, row->is_closing, row->is_released};
}

static ch_level *find_row(const ch_levels *levels, const ch_level_row *row)
{
    ch_level_name name = name_of(row);
    return ch_level_find(levels, ch_level_group_find(levels, row->limit, row->shape), &name);
}

/* True if a reload made a calendar's period longer: what was counted in it counts on. */
static bool was_moved(const ch_level *level, const ch_level_row *row)
{
    const ch_ring *ring = &level->ring;
    return level->group->period.kind != CH_PERIOD_SLIDING && !ch_ring_is_empty(ring) && row->at_ns != 0 &&
           row->at_ns < ring->newest && row->bucket > ring->newest;
}

/* A row stands in the journal as it was taken, so a later bucket says what no longer counted by then. */
void ch_levels_restore(ch_levels *levels, const ch_level_row *row)
{
    ch_level_name name = name_of(row);
    if (row->limit.size == 0 || row->bucket > CH_LEVEL_EVER)
        return; /* of a level that was gone; or at a time that no clock shows */
    ch_level *level = ch_level_make(levels, ch_level_group_make(levels, row->limit, row->shape), &name);
    uint64_t reach = level->group->period.kind == CH_PERIOD_SLIDING ? CH_WINDOW_BUCKETS : 0;
    ch_ring *ring = &level->ring;
    if (was_moved(level, row))
        ch_ring_move(ring, row->bucket);
    if (!ch_ring_is_empty(ring) && row->bucket < ring->newest && ring->newest - row->bucket > reach)
        return;
    ch_ring_drop(ring, row->bucket > reach ? row->bucket - reach : 0);
    ch_ring_add_anyway(ring, row->bucket, row->amount);
}

void ch_levels_restore_return(ch_levels *levels, const ch_level_row *row)
{
    ch_level *level = find_row(levels, row);
    if (level != NULL)
        ch_ring_subtract(&level->ring, row->bucket, row->amount);
}

bool ch_levels_find_row(const ch_levels *levels, const ch_level_row *row, ch_taken *out)
{
    const ch_level *level = find_row(levels, row);
    if (level == NULL || ch_decimal_is_zero(ch_ring_held(&level->ring, row->bucket)))
        return false;
    *out = (ch_taken){level->id, row->bucket, row->amount};
    return true;
}

/* ---- forgetting ---- */

void ch_level_sweep(ch_levels *levels, uint64_t now_ns)
{
    levels->swept_ns = now_ns;
    for (size_t i = 0; i < levels->place_count; i++) {
        ch_level *level = levels->places[i].level;
        if (level == NULL)
            continue;
        ch_level_drop(level, now_ns);
        if (ch_ring_is_empty(&level->ring))
            ch_level_remove(levels, level);
    }
}

void ch_levels_sweep(ch_levels *levels, uint64_t now_ns)
{
    ch_level_sweep(levels, now_ns);
    ch_level_groups_sweep(levels);
}

/* ---- the policy ---- */

static void unbind(ch_levels *levels)
{
    for (size_t i = 0; i < levels->group_count; i++) {
        levels->groups[i]->is_bound = false;
        levels->groups[i]->period.zone = NULL;
    }
}

static void bind(ch_levels *levels, const ch_policy *policy)
{
    levels->entries = policy->entries;
    levels->entry_count = policy->entry_count;
    free(levels->bound);
    levels->bound = ch_alloc((policy->entry_count + 1) * sizeof(ch_level_group *));
    for (size_t i = 0; i < policy->entry_count; i++) {
        if (policy->entries[i].verb != CH_VERB_LIMIT)
            continue;
        levels->bound[i] = ch_level_group_make_for(levels, &policy->entries[i]);
        levels->bound[i]->is_bound = true;
    }
}

/* Puts all that counts of a level into the present bucket of the limit's new period. */
static void carry(ch_levels *levels, ch_level *from, ch_level_group *group, uint64_t now_ns)
{
    ch_level_name name = ch_level_name_of(from);
    ch_level *to = ch_level_make(levels, group, &name);
    uint64_t bucket = ch_level_present(to, now_ns);
    if (group->period.kind != CH_PERIOD_SLIDING)
        ch_ring_move(&to->ring, bucket);
    ch_ring_add_anyway(&to->ring, bucket, from->ring.sum);
    ch_level_remove(levels, from);
}

/* Of a bound level. A calendar's period may end later than it did, in another zone. Sooner would give something back.
 */
static bool move_on(ch_level *level, uint64_t now_ns)
{
    uint64_t bucket = ch_level_present(level, now_ns);
    if (level->group->period.kind == CH_PERIOD_SLIDING || bucket == level->ring.newest)
        return false;
    ch_ring_move(&level->ring, bucket);
    return true;
}

bool ch_levels_set_policy(ch_levels *levels, const ch_policy *policy, uint64_t now_ns)
{
    bool has_moved = false;
    unbind(levels);
    bind(levels, policy);
    ch_levels_sweep(levels, now_ns); /* so that each level has something that counts */
    for (size_t i = 0; i < levels->place_count; i++) {
        ch_level *level = levels->places[i].level;
        if (level == NULL)
            continue;
        ch_level_group *group = level->group->is_bound ? NULL : ch_level_group_after(levels, level->group);
        if (level->group->is_bound)
            has_moved |= move_on(level, now_ns);
        if (group == NULL)
            continue;
        carry(levels, level, group, now_ns);
        has_moved = true;
    }
    ch_level_groups_sweep(levels);
    return has_moved;
}
