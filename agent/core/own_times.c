/*   W caller key time                                                     requests named it themselves
 *   W - - time                                                            the last decision, with empty names
 *
 * Entries are sorted by caller and key; there are few of them, mostly none. */
#include "agent/core/own_times.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    char *caller;
    char *key;
    uint64_t before_ns; /* of before this start; 0: none */
    uint64_t noted_ns;  /* since; 0: none */
} entry;

struct ch_own_times {
    entry *entries;
    size_t count;
    size_t capacity;
};

/* In the place of caller and key: the time of the last decision. */
static const ch_slice nobody = {NULL, 0};

ch_own_times *ch_own_times_new(void)
{
    return ch_alloc(sizeof(ch_own_times));
}

static void entry_free(entry *self)
{
    free(self->caller);
    free(self->key);
}

void ch_own_times_free(ch_own_times *times)
{
    if (times == NULL)
        return;
    for (size_t i = 0; i < times->count; i++)
        entry_free(&times->entries[i]);
    free(times->entries);
    free(times);
}

/* Where the entry is; or false, and where it would be. */
static bool find_entry(const ch_own_times *times, ch_slice caller, ch_slice key, size_t *index)
{
    size_t low = 0;
    size_t high = times->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const entry *at = &times->entries[middle];
        int order = ch_slice_compare(ch_slice_of(at->caller), caller);
        order = order != 0 ? order : ch_slice_compare(ch_slice_of(at->key), key);
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

static uint64_t before_ns(const ch_own_times *times, ch_slice caller, ch_slice key)
{
    size_t index;
    return find_entry(times, caller, key, &index) ? times->entries[index].before_ns : 0;
}

uint64_t ch_own_times_before(const ch_own_times *times, ch_slice caller, ch_slice key)
{
    uint64_t own_ns = before_ns(times, caller, key);
    uint64_t decided_ns = before_ns(times, nobody, nobody);
    return own_ns > decided_ns ? own_ns : decided_ns;
}

/* The entry is valid until the table changes. */
static entry *enter(ch_own_times *times, ch_slice caller, ch_slice key)
{
    size_t index;
    if (find_entry(times, caller, key, &index))
        return &times->entries[index];
    if (times->count == times->capacity) {
        times->capacity = times->capacity * 2 + 8;
        times->entries = ch_realloc_array(times->entries, times->capacity, sizeof *times->entries);
    }
    entry *at = &times->entries[index];
    memmove(at + 1, at, (times->count - index) * sizeof *at);
    times->count++;
    *at = (entry){.caller = ch_slice_strdup(caller), .key = ch_slice_strdup(key)};
    return at;
}

static void advance(uint64_t *ns, uint64_t to_ns)
{
    *ns = to_ns > *ns ? to_ns : *ns;
}

static void add_line(ch_slice caller, ch_slice key, uint64_t own_ns, ch_buffer *lines)
{
    ch_buffer_add_byte(lines, 'W');
    ch_line_add_text(lines, caller);
    ch_line_add_text(lines, key);
    ch_buffer_add_format(lines, "\t%" PRIu64 "\n", own_ns);
}

/* The line stands in each row, for the row that says a later time may be lost. */
void ch_own_times_note(ch_own_times *times, ch_slice caller, ch_slice key, uint64_t own_ns, ch_buffer *lines)
{
    advance(&enter(times, caller, key)->noted_ns, own_ns);
    add_line(caller, key, own_ns, lines);
}

void ch_own_times_note_decision(ch_own_times *times, uint64_t now_ns)
{
    advance(&enter(times, nobody, nobody)->noted_ns, now_ns);
}

void ch_own_times_begin_anew(ch_own_times *times)
{
    for (size_t i = 0; i < times->count; i++)
        advance(&times->entries[i].before_ns, times->entries[i].noted_ns);
}

static uint64_t newest_ns(const entry *self)
{
    return self->before_ns > self->noted_ns ? self->before_ns : self->noted_ns;
}

static bool is_over(const entry *self, uint64_t now_ns)
{
    uint64_t ns = newest_ns(self);
    return (ns > now_ns ? ns - now_ns : now_ns - ns) > CH_OWN_TIME_KEPT_NS;
}

void ch_own_times_sweep(ch_own_times *times, uint64_t now_ns)
{
    size_t count = 0;
    for (size_t i = 0; i < times->count; i++) {
        if (is_over(&times->entries[i], now_ns))
            entry_free(&times->entries[i]);
        else
            times->entries[count++] = times->entries[i];
    }
    times->count = count;
}

size_t ch_own_times_count(const ch_own_times *times)
{
    return times->count;
}

/* ---- lines ---- */

void ch_own_times_add_all(const ch_own_times *times, uint64_t now_ns, ch_buffer *lines)
{
    for (size_t i = 0; i < times->count; i++) {
        const entry *at = &times->entries[i];
        if (!is_over(at, now_ns))
            add_line(ch_slice_of(at->caller), ch_slice_of(at->key), newest_ns(at), lines);
    }
}

void ch_own_times_restore_decision(ch_own_times *times, uint64_t row_ns)
{
    advance(&enter(times, nobody, nobody)->before_ns, row_ns);
}

bool ch_own_times_read(ch_own_times *times, ch_line *line)
{
    uint64_t own_ns;
    ch_slice caller;
    ch_slice key;
    if (line->count != 4 || !ch_line_name(line, 1, &caller) || !ch_line_name(line, 2, &key) ||
        !ch_line_number(line, 3, UINT64_MAX, &own_ns))
        return false;
    advance(&enter(times, caller, key)->before_ns, own_ns);
    return true;
}
