/* What levels are made of. A group is a limit's name and shape, and what all its levels have in common.
 *
 * A bucket of a sliding window is numbered as in policy/period.h. Any other period is one bucket, whose number is the
 * time at which it ends: so it is known when it stops counting also after the zone that said so is gone. */
#ifndef CH_POLICY_LEVELS_IMPL_H
#define CH_POLICY_LEVELS_IMPL_H

#include "policy/levels.h"
#include "policy/ring.h"

#define CH_LEVEL_EVER ((uint64_t)INT64_MAX) /* the end of what never ends */

/* What tells levels of a group apart. */
typedef struct ch_level_name {
    ch_slice scope;
    bool is_closing;
    bool is_released;
} ch_level_name;

/* How many levels a caller has. */
typedef struct ch_level_holder {
    char *caller;
    size_t levels;
} ch_level_holder;

typedef struct ch_level_holders {
    ch_level_holder *items;
    size_t count;
} ch_level_holders;

typedef struct ch_level_group {
    char *limit;
    char *shape;
    const char *identity; /* what of the shape must stay for levels to live on: all but the period */
    ch_period period;     /* its zone is the policy's */
    bool is_bound;        /* the policy has it */
    size_t level_count;
    ch_level_holders holders;
    uint64_t end_from_ns; /* of a calendar's: from then on, until `end_ns`, the present bucket ends at `end_ns` */
    uint64_t end_ns;
} ch_level_group;

typedef struct ch_level {
    struct ch_level *next; /* in its chain */
    ch_level_group *group;
    uint64_t hash;
    uint64_t id;
    ch_ring ring;
    bool is_closing;
    bool is_released;
    size_t scope_size;
    uint8_t scope[];
} ch_level;

/* An id is generation << 32 | index + 1. */
typedef struct ch_level_place {
    ch_level *level; /* NULL: it is free */
    uint32_t generation;
    uint32_t next_free; /* index + 1; 0: none */
} ch_level_place;

struct ch_levels {
    ch_level_group **groups; /* sorted by limit and shape */
    size_t group_count;
    const ch_entry_rule *entries; /* of the policy */
    size_t entry_count;
    ch_level_group **bound; /* the groups of its entries */
    ch_level **chains;      /* by hash */
    size_t chain_count;     /* a power of two */
    size_t level_count;
    ch_level_holders holders;
    ch_level_place *places;
    size_t place_count;
    uint32_t first_free; /* index + 1; 0: none */
    uint64_t seed;
    uint64_t swept_ns;
};

/* ---- levels_find.c ---- */

/* The group of a limit, or NULL. */
ch_level_group *ch_level_group_of(const ch_levels *levels, const ch_entry_rule *entry);
/* The group of that name and shape, or NULL; the same, but made if there is none. */
ch_level_group *ch_level_group_find(const ch_levels *levels, ch_slice limit, ch_slice shape);
ch_level_group *ch_level_group_make(ch_levels *levels, ch_slice limit, ch_slice shape);
/* The same for a limit. */
ch_level_group *ch_level_group_make_for(ch_levels *levels, const ch_entry_rule *entry);
/* The bound group that goes on with the levels of `group`, or NULL. */
ch_level_group *ch_level_group_after(const ch_levels *levels, const ch_level_group *group);
/* Forgets the groups without levels that the policy does not have. */
void ch_level_groups_sweep(ch_levels *levels);

ch_level *ch_level_find(const ch_levels *levels, const ch_level_group *group, const ch_level_name *name);
/* NULL if there is none of that id any more. */
ch_level *ch_level_find_id(const ch_levels *levels, uint64_t id);
/* Finds it, or makes it. */
ch_level *ch_level_make(ch_levels *levels, ch_level_group *group, const ch_level_name *name);
ch_level_name ch_level_name_of(const ch_level *level);
void ch_level_remove(ch_levels *levels, ch_level *level);

/* ---- levels_share.c ---- */

/* May there be one more level of the group, of that scope? */
bool ch_levels_have_room(const ch_levels *levels, const ch_level_group *group, ch_slice scope);
/* A level of that scope comes, or goes. */
void ch_level_holders_add(ch_level_holders *holders, ch_slice scope);
void ch_level_holders_remove(ch_level_holders *holders, ch_slice scope);
void ch_level_holders_free(ch_level_holders *holders);

/* ---- levels.c ---- */

/* Forgets what no longer counts. */
void ch_level_drop(ch_level *level, uint64_t now_ns);
/* The bucket that is taken from at `now_ns`, when what no longer counts is forgotten. */
uint64_t ch_level_present(ch_level *level, uint64_t now_ns);

/* ---- levels_keep.c ---- */

/* Forgets levels that hold nothing, and no group. */
void ch_level_sweep(ch_levels *levels, uint64_t now_ns);

#endif
