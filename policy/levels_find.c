/* Levels lie in chains by a hash that is seeded at random: callers can choose parts of a scope, such as the quantity of
 * an order, and must not make chains long. Groups are few and are found by the entry's place in the policy; only rows
 * of the journal and entries of no policy look for them by their texts. */
#include "policy/levels_impl.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CHAINS_FIRST 256

/* ---- shapes ---- */

/* clang-format off */
static const struct {
    ch_period_kind kind;
    const char *text;
} periods[] = {
    { CH_PERIOD_DAY,   "day" },
    { CH_PERIOD_WEEK,  "week" },
    { CH_PERIOD_MONTH, "month" },
    { CH_PERIOD_EVER,  "ever" },
};

static const struct {
    unsigned bit;
    const char *text;
} scopes[] = {
    { CH_BY_CALLER,  "caller" },
    { CH_BY_KEY,     "key" },
    { CH_BY_ACCOUNT, "account" },
    { CH_BY_SYMBOL,  "symbol" },
    { CH_BY_ADDRESS, "address" },
    { CH_BY_ASSET,   "asset" },
};
/* clang-format on */

#define SLIDING CH_LITERAL("sliding-")

static void add_period(ch_buffer *out, const ch_period *period)
{
    const char *text = "ever";
    if (period->kind == CH_PERIOD_SLIDING) {
        ch_buffer_add_slice(out, SLIDING);
        ch_buffer_add_format(out, "%llu", (unsigned long long)period->ns);
        return;
    }
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++) {
        if (periods[i].kind == period->kind)
            text = periods[i].text;
    }
    ch_buffer_add_text(out, text);
}

/* Its words are apart by spaces; the period is the first, and the rest is the identity. */
static void add_shape(ch_buffer *out, const ch_limit *limit)
{
    add_period(out, &limit->per);
    ch_buffer_add_format(out, " %s by", ch_control_name(limit->control));
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
        if ((limit->by & scopes[i].bit) != 0)
            ch_buffer_add_format(out, "-%s", scopes[i].text);
    }
    ch_buffer_add_format(out, " %s", limit->asset != NULL ? limit->asset : "");
}

/* A row of the journal may be older than this program, or damaged: what is not understood counts for ever. */
static ch_period read_period(ch_slice shape)
{
    const uint8_t *space = ch_slice_find(shape, ' ');
    ch_slice word = {shape.data, space == NULL ? shape.size : (size_t)(space - shape.data)};
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++) {
        if (ch_slice_is(word, periods[i].text))
            return (ch_period){.kind = periods[i].kind};
    }
    char digits[24];
    if (!ch_slice_begins(word, SLIDING) || word.size - SLIDING.size >= sizeof digits)
        return (ch_period){.kind = CH_PERIOD_EVER};
    word = ch_slice_after(word, SLIDING.size);
    memcpy(digits, word.data, word.size);
    digits[word.size] = '\0';
    char *end;
    uint64_t ns = strtoull(digits, &end, 10);
    if (ch_slice_count_digits(word) != word.size || ns == 0 || ns > INT64_MAX)
        return (ch_period){.kind = CH_PERIOD_EVER};
    return (ch_period){.kind = CH_PERIOD_SLIDING, .ns = ns};
}

/* ---- groups ---- */

static int compare_group(const ch_level_group *group, ch_slice limit, ch_slice shape)
{
    int order = ch_slice_compare(ch_slice_of(group->limit), limit);
    return order != 0 ? order : ch_slice_compare(ch_slice_of(group->shape), shape);
}

/* The position of the first group that is not before that name and shape. */
static size_t position_of(const ch_levels *levels, ch_slice limit, ch_slice shape)
{
    size_t from = 0;
    size_t to = levels->group_count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (compare_group(levels->groups[middle], limit, shape) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

ch_level_group *ch_level_group_find(const ch_levels *levels, ch_slice limit, ch_slice shape)
{
    size_t position = position_of(levels, limit, shape);
    if (position >= levels->group_count || compare_group(levels->groups[position], limit, shape) != 0)
        return NULL;
    return levels->groups[position];
}

ch_level_group *ch_level_group_make(ch_levels *levels, ch_slice limit, ch_slice shape)
{
    ch_level_group *group = ch_level_group_find(levels, limit, shape);
    if (group != NULL)
        return group;
    group = ch_alloc(sizeof *group);
    *group = (ch_level_group){
        .limit = ch_slice_strdup(limit), .shape = ch_slice_strdup(shape), .period = read_period(shape)};
    group->identity = strchr(group->shape, ' ');
    if (group->identity == NULL)
        group->identity = "";
    levels->groups = ch_realloc_array(levels->groups, levels->group_count + 1, sizeof *levels->groups);
    size_t position = position_of(levels, limit, shape);
    ch_level_group **at = &levels->groups[position];
    memmove(at + 1, at, (levels->group_count++ - position) * sizeof(ch_level_group *));
    *at = group;
    return group;
}

ch_level_group *ch_level_group_make_for(ch_levels *levels, const ch_entry_rule *entry)
{
    ch_autobuffer shape = CH_BUFFER_INIT;
    add_shape(&shape, &entry->limit);
    ch_level_group *group = ch_level_group_make(levels, ch_slice_of(entry->name), ch_buffer_slice(&shape));
    group->period.zone = entry->limit.per.zone;
    group->end_ns = 0; /* it may be another zone */
    return group;
}

static ch_level_group *find_group(const ch_levels *levels, const ch_entry_rule *entry)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    add_shape(&text, &entry->limit);
    return ch_level_group_find(levels, ch_slice_of(entry->name), ch_buffer_slice(&text));
}

ch_level_group *ch_level_group_of(const ch_levels *levels, const ch_entry_rule *entry)
{
    uintptr_t first = (uintptr_t)levels->entries;
    size_t index = ((uintptr_t)entry - first) / sizeof *entry;
    if ((uintptr_t)entry >= first && index < levels->entry_count && &levels->entries[index] == entry)
        return levels->bound[index];
    return find_group(levels, entry);
}

ch_level_group *ch_level_group_after(const ch_levels *levels, const ch_level_group *group)
{
    ch_slice limit = ch_slice_of(group->limit);
    for (size_t i = position_of(levels, limit, CH_LITERAL("")); i < levels->group_count; i++) {
        ch_level_group *at = levels->groups[i];
        if (strcmp(at->limit, group->limit) != 0)
            return NULL;
        if (at->is_bound && strcmp(at->identity, group->identity) == 0)
            return at;
    }
    return NULL;
}

static void free_group(ch_level_group *group)
{
    ch_level_holders_free(&group->holders);
    free(group->limit);
    free(group->shape);
    free(group);
}

void ch_level_groups_sweep(ch_levels *levels)
{
    size_t kept = 0;
    for (size_t i = 0; i < levels->group_count; i++) {
        ch_level_group *group = levels->groups[i];
        if (group->is_bound || group->level_count > 0)
            levels->groups[kept++] = group;
        else
            free_group(group);
    }
    levels->group_count = kept;
}

/* ---- levels ---- */

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const ch_levels *levels, const ch_level_group *group, const ch_level_name *name)
{
    const uint64_t odd = 0x9e3779b97f4a7c15U; /* 2^64 / the golden ratio */
    uint64_t hash = fold(levels->seed ^ (uintptr_t)group, odd ^ name->scope.size);
    hash ^= (uint64_t)name->is_closing << 1 | (uint64_t)name->is_released;
    for (size_t done = 0; done < name->scope.size; done += sizeof hash) {
        uint64_t word = 0;
        size_t left = name->scope.size - done;
        memcpy(&word, name->scope.data + done, left < sizeof word ? left : sizeof word);
        hash = fold(hash ^ word, odd);
    }
    return fold(hash, levels->seed | 1);
}

static bool is_named(const ch_level *level, const ch_level_group *group, const ch_level_name *name)
{
    return level->group == group && level->is_closing == name->is_closing && level->is_released == name->is_released &&
           ch_slice_equal((ch_slice){level->scope, level->scope_size}, name->scope);
}

static ch_level *find_hashed(const ch_levels *levels, const ch_level_group *group, const ch_level_name *name,
                             uint64_t hash)
{
    ch_level *level = levels->chains[hash & (levels->chain_count - 1)];
    while (level != NULL && (level->hash != hash || !is_named(level, group, name)))
        level = level->next;
    return level;
}

ch_level *ch_level_find(const ch_levels *levels, const ch_level_group *group, const ch_level_name *name)
{
    if (group == NULL || group->level_count == 0)
        return NULL;
    return find_hashed(levels, group, name, hash_of(levels, group, name));
}

static void chain(ch_levels *levels, ch_level *level)
{
    ch_level **head = &levels->chains[level->hash & (levels->chain_count - 1)];
    level->next = *head;
    *head = level;
}

static void grow_chains(ch_levels *levels)
{
    ch_level **old = levels->chains;
    size_t count = levels->chain_count;
    levels->chain_count = 2 * count;
    levels->chains = ch_alloc(levels->chain_count * sizeof *levels->chains);
    for (size_t i = 0; i < count; i++) {
        for (ch_level *level = old[i], *next; level != NULL; level = next) {
            next = level->next;
            chain(levels, level);
        }
    }
    free(old);
}

static uint64_t take_place(ch_levels *levels, ch_level *level)
{
    size_t index = levels->first_free;
    if (index == 0) {
        levels->places = ch_realloc_array(levels->places, levels->place_count + 1, sizeof *levels->places);
        levels->places[levels->place_count] = (ch_level_place){.generation = 1};
        index = ++levels->place_count;
    }
    ch_level_place *place = &levels->places[index - 1];
    levels->first_free = place->next_free;
    *place = (ch_level_place){.level = level, .generation = place->generation};
    return (uint64_t)place->generation << 32 | index;
}

ch_level *ch_level_make(ch_levels *levels, ch_level_group *group, const ch_level_name *name)
{
    uint64_t hash = hash_of(levels, group, name);
    ch_level *level = find_hashed(levels, group, name, hash);
    if (level != NULL)
        return level;
    if (levels->level_count >= levels->chain_count)
        grow_chains(levels);
    level = ch_alloc(sizeof *level + name->scope.size);
    level->group = group;
    level->hash = hash;
    level->id = take_place(levels, level);
    level->is_closing = name->is_closing;
    level->is_released = name->is_released;
    level->scope_size = name->scope.size;
    if (name->scope.size > 0)
        memcpy(level->scope, name->scope.data, name->scope.size);
    chain(levels, level);
    group->level_count++;
    levels->level_count++;
    ch_level_holders_add(&group->holders, name->scope);
    ch_level_holders_add(&levels->holders, name->scope);
    return level;
}

ch_level_name ch_level_name_of(const ch_level *level)
{
    return (ch_level_name){
        {level->scope, level->scope_size},
        level->is_closing, level->is_released
    };
}

ch_level *ch_level_find_id(const ch_levels *levels, uint64_t id)
{
    uint64_t index = id & UINT32_MAX;
    if (index == 0 || index > levels->place_count)
        return NULL;
    ch_level *level = levels->places[index - 1].level;
    return level != NULL && level->id == id ? level : NULL;
}

void ch_level_remove(ch_levels *levels, ch_level *level)
{
    ch_level **link = &levels->chains[level->hash & (levels->chain_count - 1)];
    while (*link != level)
        link = &(*link)->next;
    *link = level->next;
    uint32_t index = (uint32_t)level->id;
    ch_level_place *place = &levels->places[index - 1];
    *place = (ch_level_place){.generation = place->generation + 1, .next_free = levels->first_free};
    levels->first_free = index;
    const ch_slice scope = {level->scope, level->scope_size};
    ch_level_holders_remove(&level->group->holders, scope);
    ch_level_holders_remove(&levels->holders, scope);
    level->group->level_count--;
    levels->level_count--;
    ch_ring_free(&level->ring);
    free(level);
}

/* ---- the struct ---- */

ch_levels *ch_levels_new(void)
{
    ch_levels *levels = ch_alloc(sizeof *levels);
    levels->chain_count = CHAINS_FIRST;
    levels->chains = ch_alloc(CHAINS_FIRST * sizeof *levels->chains);
    /* Cannot fail for so few bytes, save in a kernel that is still starting: then it is guessed easily, no more. */
    if (getrandom(&levels->seed, sizeof levels->seed, 0) != (ssize_t)sizeof levels->seed)
        levels->seed = (uintptr_t)levels;
    return levels;
}

void ch_levels_free(ch_levels *levels)
{
    if (levels == NULL)
        return;
    for (size_t i = 0; i < levels->place_count; i++) {
        if (levels->places[i].level != NULL)
            ch_level_remove(levels, levels->places[i].level);
    }
    for (size_t i = 0; i < levels->group_count; i++)
        free_group(levels->groups[i]);
    ch_level_holders_free(&levels->holders);
    free(levels->groups);
    free(levels->bound);
    free(levels->chains);
    free(levels->places);
    free(levels);
}
