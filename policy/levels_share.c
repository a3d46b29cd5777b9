/* Levels are shared among callers, as far as scopes name them: one can make up scopes, as for `same_order`, and must
 * not use up those that others need. Callers are few, so they are looked for one by one, and only where levels come and
 * go. */
#include "policy/levels_impl.h"

#include "base/memory.h"
#include "base/share.h"

#include <stdlib.h>

static const ch_share of_all = {
    .total = CH_LEVELS_MAX, .share = CH_LEVELS_MAX / 8, .reserve = CH_LEVELS_MAX / 4, .first = 64};
static const ch_share of_limit = {.total = CH_LEVELS_OF_LIMIT_MAX,
                                  .share = CH_LEVELS_OF_LIMIT_MAX / 8,
                                  .reserve = CH_LEVELS_OF_LIMIT_MAX / 4,
                                  .first = 16};

/* The caller that a scope begins with; empty: levels of it are all callers'. */
static ch_slice caller_of(ch_slice scope)
{
    if (!ch_slice_begins(scope, CH_LITERAL("caller=")))
        return CH_LITERAL("");
    const uint8_t *end = ch_slice_find(scope, ';');
    return (ch_slice){scope.data, end == NULL ? scope.size : (size_t)(end - scope.data)};
}

static ch_level_holder *find(const ch_level_holders *holders, ch_slice caller)
{
    for (size_t i = 0; i < holders->count; i++) {
        if (ch_slice_is(caller, holders->items[i].caller))
            return &holders->items[i];
    }
    return NULL;
}

static size_t held_by(const ch_level_holders *holders, ch_slice caller)
{
    const ch_level_holder *found = find(holders, caller);
    return found == NULL ? 0 : found->levels;
}

bool ch_levels_have_room(const ch_levels *levels, const ch_level_group *group, ch_slice scope)
{
    ch_slice caller = caller_of(scope);
    if (caller.size == 0)
        return levels->level_count < CH_LEVELS_MAX && group->level_count < CH_LEVELS_OF_LIMIT_MAX;
    return ch_share_admits(&of_all, levels->level_count, held_by(&levels->holders, caller)) &&
           ch_share_admits(&of_limit, group->level_count, held_by(&group->holders, caller));
}

void ch_level_holders_add(ch_level_holders *holders, ch_slice scope)
{
    ch_slice caller = caller_of(scope);
    ch_level_holder *found = find(holders, caller);
    if (caller.size == 0)
        return;
    if (found == NULL) {
        holders->items = ch_realloc_array(holders->items, holders->count + 1, sizeof *holders->items);
        found = &holders->items[holders->count++];
        *found = (ch_level_holder){.caller = ch_slice_strdup(caller)};
    }
    found->levels++;
}

/* The last one takes the place of who holds none. */
void ch_level_holders_remove(ch_level_holders *holders, ch_slice scope)
{
    ch_level_holder *found = find(holders, caller_of(scope));
    if (found == NULL || --found->levels > 0)
        return;
    free(found->caller);
    *found = holders->items[--holders->count];
}

void ch_level_holders_free(ch_level_holders *holders)
{
    for (size_t i = 0; i < holders->count; i++)
        free(holders->items[i].caller);
    free(holders->items);
    *holders = (ch_level_holders){0};
}
