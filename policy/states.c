/* Rows are sorted by what they are of and by name; there are few of them, mostly none. A row whose time has come stays
 * and does not count: only who says the time can tell. */
#include "policy/states.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "exchange/profile.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    ch_state_of of;
    char *name;
    ch_trading state;
    uint64_t until_ns;
    char *why;
} entry;

struct ch_states {
    entry *entries;
    size_t count;
    size_t capacity;
    uint64_t generation;
};

ch_states *ch_states_new(void)
{
    return ch_alloc(sizeof(ch_states));
}

static void entry_free(entry *self)
{
    free(self->name);
    free(self->why);
}

void ch_states_free(ch_states *states)
{
    if (states == NULL)
        return;
    for (size_t i = 0; i < states->count; i++)
        entry_free(&states->entries[i]);
    free(states->entries);
    free(states);
}

/* Where the entry is; or false, and where it would be. */
static bool find_entry(const ch_states *states, ch_state_of of, ch_slice name, size_t *index)
{
    size_t low = 0;
    size_t high = states->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const entry *at = &states->entries[middle];
        int order = at->of != of ? (int)at->of - (int)of : ch_slice_compare(ch_slice_of(at->name), name);
        if (order == 0) {
            *index = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return false;
}

void ch_state_row_whose(const ch_state_row *row, ch_buffer *out)
{
    static const char *const kinds[] = {
        [CH_STATE_OF_CALLER] = "caller", [CH_STATE_OF_KEY] = "key", [CH_STATE_OF_VERSION] = "version"};
    if (row->of == CH_STATE_OF_ALL)
        ch_buffer_add_text(out, "all trading");
    else
        ch_buffer_add_format(out, "%s '%.*s'", kinds[row->of], CH_SLICE_ARGS(row->name));
}

static void insert(ch_states *states, size_t index)
{
    if (states->count == states->capacity) {
        states->capacity = states->capacity * 2 + 8;
        states->entries = ch_realloc_array(states->entries, states->capacity, sizeof *states->entries);
    }
    entry *at = &states->entries[index];
    memmove(at + 1, at, (states->count - index) * sizeof *at);
    states->count++;
}

static void remove_at(ch_states *states, size_t index)
{
    entry *at = &states->entries[index];
    entry_free(at);
    states->count--;
    memmove(at, at + 1, (states->count - index) * sizeof *at);
}

static ch_state_row row_of(const entry *self)
{
    return (ch_state_row){self->of, ch_slice_of(self->name), self->state, self->until_ns, ch_slice_of(self->why)};
}

void ch_states_set(ch_states *states, const ch_state_row *row)
{
    size_t index;
    bool is_there = find_entry(states, row->of, row->name, &index);
    if (!is_there && row->state == CH_TRADING_ACTIVE)
        return;
    states->generation++;
    if (row->state == CH_TRADING_ACTIVE) {
        remove_at(states, index);
        return;
    }
    /* The row may be a view of what is replaced. */
    entry made = {row->of, ch_slice_strdup(row->name), row->state, row->until_ns, ch_slice_strdup(row->why)};
    if (is_there)
        entry_free(&states->entries[index]);
    else
        insert(states, index);
    states->entries[index] = made;
}

static bool counts(const entry *self, uint64_t now_ns)
{
    return self->until_ns == 0 || now_ns < self->until_ns;
}

/* 0, which only an admin ends, is the latest of all. */
static uint64_t later(uint64_t one_ns, uint64_t other_ns)
{
    if (one_ns == 0 || other_ns == 0)
        return 0;
    return one_ns > other_ns ? one_ns : other_ns;
}

bool ch_states_tighten(ch_states *states, const ch_state_row *row, uint64_t now_ns)
{
    size_t index;
    ch_state_row worse = *row;
    if (row->state == CH_TRADING_ACTIVE)
        return false;
    if (find_entry(states, row->of, row->name, &index) && counts(&states->entries[index], now_ns)) {
        const entry *at = &states->entries[index];
        worse.state = at->state > row->state ? at->state : row->state;
        worse.until_ns = later(at->until_ns, row->until_ns);
        if (worse.state == at->state && worse.until_ns == at->until_ns)
            return false;
    }
    ch_states_set(states, &worse);
    return true;
}

/* Takes the row of that name into account, if it counts and is worse than what was found so far. */
static void look_at(const ch_states *states, ch_state_of of, const char *name, uint64_t now_ns, ch_state_row *worst)
{
    size_t index;
    if (!find_entry(states, of, ch_slice_of(name), &index))
        return;
    const entry *at = &states->entries[index];
    if (counts(at, now_ns) && at->state > worst->state)
        *worst = row_of(at);
}

ch_trading ch_states_find(const ch_states *states, const ch_policy *policy, const ch_caller_set *callers,
                          const ch_key *key, uint64_t now_ns, ch_state_row *why)
{
    *why = (ch_state_row){.state = CH_TRADING_ACTIVE};
    if (states->count == 0)
        return CH_TRADING_ACTIVE;
    look_at(states, CH_STATE_OF_ALL, "", now_ns, why);
    look_at(states, CH_STATE_OF_KEY, key->name, now_ns, why);
    for (size_t word = 0; word < CH_CALLER_WORDS; word++) {
        for (uint64_t left = callers->bits[word]; left != 0; left &= left - 1) {
            size_t caller = word * 64 + (size_t)__builtin_ctzll(left);
            if (caller < policy->caller_count)
                look_at(states, CH_STATE_OF_CALLER, policy->callers[caller].name, now_ns, why);
        }
    }
    return why->state;
}

static bool is_on_token(const ch_key *key, size_t token)
{
    const ch_key *version;
    for (size_t i = 0; (version = ch_key_version(key, i)) != NULL; i++) {
        if (version->token == token)
            return true;
    }
    return false;
}

bool ch_states_cover_token(const ch_states *states, const ch_policy *policy, size_t token, uint64_t now_ns)
{
    ch_state_row row;
    size_t count = 0;
    if (ch_states_get(states, CH_STATE_OF_ALL, CH_LITERAL(""), now_ns, &row))
        return true;
    for (size_t i = 0; i < policy->key_count; i++) {
        const ch_key *key = &policy->keys[i];
        if (!is_on_token(key, token))
            continue;
        if (!ch_states_get(states, CH_STATE_OF_KEY, ch_slice_of(key->name), now_ns, &row))
            return false;
        count++;
    }
    return count > 0;
}

void ch_states_name_version(const ch_key *version, ch_buffer *out)
{
    ch_buffer_add_format(out, "%s:%s", ch_profile_name(version->profile), version->key_id);
}

/* They come last. */
bool ch_states_is_revoked(const ch_states *states, const ch_key *version, ch_state_row *why)
{
    ch_autobuffer name = CH_BUFFER_INIT;
    size_t index;
    if (states->count == 0 || states->entries[states->count - 1].of != CH_STATE_OF_VERSION)
        return false;
    ch_states_name_version(version, &name);
    if (!find_entry(states, CH_STATE_OF_VERSION, ch_buffer_slice(&name), &index))
        return false;
    *why = row_of(&states->entries[index]);
    return true;
}

bool ch_states_get(const ch_states *states, ch_state_of of, ch_slice name, uint64_t now_ns, ch_state_row *out)
{
    size_t index;
    bool is_there = find_entry(states, of, name, &index) && counts(&states->entries[index], now_ns);
    *out = is_there ? row_of(&states->entries[index]) : (ch_state_row){.of = of, .name = name};
    return is_there;
}

bool ch_states_at(const ch_states *states, size_t index, ch_state_row *out)
{
    if (index >= states->count)
        return false;
    *out = row_of(&states->entries[index]);
    return true;
}

uint64_t ch_states_generation(const ch_states *states)
{
    return states->generation;
}
