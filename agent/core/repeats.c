/* Entries lie in chains by the hash of their names. What has expired is taken out by a sweep of all chains, at most
 * once a second: it costs less than a list kept in order would, and needs no timer. */
#include "agent/core/repeats.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/names.h"
#include "wire/frames.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 2 /* by is_urgent: cancels, and all else */
#define CHAINS 4096
#define SWEEP_EVERY_MS 1000
#define PLACE_BYTES 2048 /* of a request that counts as one */

typedef struct caller {
    uid_t uid;
    size_t used[KINDS];    /* places */
    size_t waiting[KINDS]; /* requests */
} caller;

struct repeat_entry {
    struct repeat_entry *next; /* in its chain */
    caller *caller;
    bool is_urgent;
    size_t key_size;
    char key[CH_NAME_MAX];
    size_t chain;
    size_t places;
    ch_buffer asked;
    size_t text_size;
    char text[CH_REPEAT_KEY_MAX];
    bool is_answered;
    uint64_t until_ms; /* once answered */
    ch_buffer answer;
    ch_repeat *waiting;
};

typedef struct repeat_entry entry;

struct ch_repeats {
    entry *chains[CHAINS];
    size_t used[KINDS]; /* places */
    size_t waiting[KINDS];
    caller callers[CH_REPEATS_CALLERS_MAX];
    uint64_t swept_ms;
    ch_repeat *resumed; /* may go on, the first that waited first */
    ch_repeat **resumed_end;
};

static const ch_share places = {CH_REPEATS_MAX, CH_REPEATS_SHARE, CH_REPEATS_RESERVE, CH_REPEATS_FIRST};
static const ch_share waits = {CH_REPEATS_WAITING_MAX, CH_REPEATS_WAITING_SHARE, CH_REPEATS_WAITING_RESERVE,
                               CH_REPEATS_WAITING_FIRST};

/* ---- entries ---- */

static size_t chain_of(const ch_repeat_name *name)
{
    uint64_t hash = 14695981039346656037ULL ^ name->caller; /* FNV-1a */
    for (size_t i = 0; i < name->text.size; i++)
        hash = (hash ^ name->text.data[i]) * 1099511628211ULL;
    return (size_t)(hash ^ hash >> 32) % CHAINS;
}

static bool is_named(const entry *at, const ch_repeat_name *name)
{
    return at->caller->uid == name->caller &&
           ch_slice_equal(name->key, (ch_slice){(const uint8_t *)at->key, at->key_size}) &&
           ch_slice_equal(name->text, (ch_slice){(const uint8_t *)at->text, at->text_size});
}

static entry *find(const ch_repeats *repeats, const ch_repeat_name *name)
{
    entry *at = repeats->chains[chain_of(name)];
    while (at != NULL && !is_named(at, name))
        at = at->next;
    return at;
}

/* A caller without entries leaves its place to another one. NULL if there are too many callers. */
static caller *find_caller(ch_repeats *repeats, uid_t uid)
{
    caller *unused = NULL;
    for (size_t i = 0; i < CH_REPEATS_CALLERS_MAX; i++) {
        caller *at = &repeats->callers[i];
        bool is_used = at->used[false] + at->used[true] > 0;
        if (is_used && at->uid == uid)
            return at;
        if (!is_used && unused == NULL)
            unused = at;
    }
    if (unused != NULL)
        *unused = (caller){.uid = uid};
    return unused;
}

static void free_entry(entry *at)
{
    ch_buffer_free(&at->asked);
    ch_buffer_free(&at->answer);
    free(at);
}

static void remove_entry(ch_repeats *repeats, entry *at)
{
    entry **link = &repeats->chains[at->chain];
    assert(at->waiting == NULL);
    while (*link != at)
        link = &(*link)->next;
    *link = at->next;
    repeats->used[at->is_urgent] -= at->places;
    at->caller->used[at->is_urgent] -= at->places;
    free_entry(at);
}

static void sweep(ch_repeats *repeats, uint64_t now_ms)
{
    if (now_ms - repeats->swept_ms < SWEEP_EVERY_MS)
        return;
    repeats->swept_ms = now_ms;
    for (size_t i = 0; i < CHAINS; i++) {
        for (entry *at = repeats->chains[i], *next; at != NULL; at = next) {
            next = at->next;
            if (at->is_answered && at->until_ms <= now_ms)
                remove_entry(repeats, at);
        }
    }
}

static entry *add_entry(ch_repeats *repeats, const ch_repeat_name *name)
{
    caller *own = find_caller(repeats, name->caller);
    bool kind = name->is_urgent;
    size_t taken = 1 + name->asked.size / PLACE_BYTES;
    if (own == NULL || !ch_share_admits(&places, repeats->used[kind] + taken - 1, own->used[kind] + taken - 1))
        return NULL;
    entry *at = ch_alloc(sizeof *at);
    *at = (entry){.caller = own,
                  .is_urgent = kind,
                  .key_size = name->key.size,
                  .chain = chain_of(name),
                  .places = taken,
                  .text_size = name->text.size};
    ch_buffer_add_slice(&at->asked, name->asked);
    memcpy(at->key, name->key.data, name->key.size);
    memcpy(at->text, name->text.data, name->text.size);
    at->next = repeats->chains[at->chain];
    repeats->chains[at->chain] = at;
    repeats->used[kind] += taken;
    own->used[kind] += taken;
    return at;
}

/* ---- those that wait ---- */

static ch_status wait_for_first(ch_repeats *repeats, entry *at, ch_repeat *repeat, ch_error *err)
{
    if (!ch_share_admits(&waits, repeats->waiting[at->is_urgent], at->caller->waiting[at->is_urgent]))
        return ch_fail(err, CH_BUSY,
                       "too many requests are waiting for an earlier one with the same Idempotency-Key; try again in a "
                       "moment");
    ch_repeat **link = &at->waiting;
    while (*link != NULL)
        link = &(*link)->next;
    *link = repeat;
    *repeat = (ch_repeat){.owner = repeat->owner, .place = CH_REPEAT_WAITING, .entry = at};
    repeats->waiting[at->is_urgent]++;
    at->caller->waiting[at->is_urgent]++;
    return CH_OK;
}

static void stop_waiting(ch_repeats *repeats, const entry *at)
{
    repeats->waiting[at->is_urgent]--;
    at->caller->waiting[at->is_urgent]--;
}

static void resume_all(ch_repeats *repeats, entry *at)
{
    while (at->waiting != NULL) {
        ch_repeat *repeat = at->waiting;
        at->waiting = repeat->next;
        *repeat = (ch_repeat){.owner = repeat->owner, .place = CH_REPEAT_RESUMED};
        stop_waiting(repeats, at);
        *repeats->resumed_end = repeat;
        repeats->resumed_end = &repeat->next;
    }
}

/* One that leaves may be among them. */
static void take_resumed(ch_repeats *repeats, ch_repeat *repeat)
{
    ch_repeat **link = &repeats->resumed;
    while (*link != repeat)
        link = &(*link)->next;
    *link = repeat->next;
    if (repeats->resumed_end == &repeat->next)
        repeats->resumed_end = link;
    *repeat = (ch_repeat){.owner = repeat->owner};
}

ch_repeat *ch_repeats_next(ch_repeats *repeats)
{
    ch_repeat *first = repeats->resumed;
    if (first != NULL)
        take_resumed(repeats, first);
    return first;
}

/* ---- what requests do ---- */

ch_status ch_repeats_enter(ch_repeats *repeats, const ch_repeat_name *name, uint64_t now_ms, ch_repeat *repeat,
                           ch_slice *answer, ch_error *err)
{
    assert(repeat->place == CH_REPEAT_OUT && name->text.size <= CH_REPEAT_KEY_MAX);
    assert(name->key.size <= CH_NAME_MAX);
    *answer = (ch_slice){NULL, 0};
    sweep(repeats, now_ms);
    entry *at = find(repeats, name);
    if (at != NULL && at->is_answered && at->until_ms <= now_ms) {
        remove_entry(repeats, at);
        at = NULL;
    }
    if (at == NULL) {
        at = add_entry(repeats, name);
        if (at == NULL)
            return ch_fail(err, CH_BUSY,
                           "too many requests with an Idempotency-Key in the last seconds; try again in a moment");
        *repeat = (ch_repeat){.owner = repeat->owner, .place = CH_REPEAT_FIRST, .entry = at};
        return CH_OK;
    }
    if (!ch_slice_equal(ch_buffer_slice(&at->asked), name->asked))
        return ch_fail(err, CH_CONFLICT, "another request had this Idempotency-Key; take a new one for each request");
    if (!at->is_answered)
        return wait_for_first(repeats, at, repeat, err);
    *answer = ch_buffer_slice(&at->answer);
    return CH_OK;
}

void ch_repeats_answer(ch_repeats *repeats, ch_repeat *first, ch_slice answer, uint64_t until_ms)
{
    entry *at = first->entry;
    assert(first->place == CH_REPEAT_FIRST && !at->is_answered);
    ch_buffer_add_slice(&at->answer, answer);
    at->is_answered = true;
    at->until_ms = until_ms;
    *first = (ch_repeat){.owner = first->owner};
    resume_all(repeats, at);
}

void ch_repeats_leave(ch_repeats *repeats, ch_repeat *repeat)
{
    entry *at = repeat->entry;
    if (repeat->place == CH_REPEAT_FIRST) {
        resume_all(repeats, at);
        remove_entry(repeats, at);
    } else if (repeat->place == CH_REPEAT_WAITING) {
        ch_repeat **link = &at->waiting;
        while (*link != repeat)
            link = &(*link)->next;
        *link = repeat->next;
        stop_waiting(repeats, at);
    } else if (repeat->place == CH_REPEAT_RESUMED) {
        take_resumed(repeats, repeat);
    }
    *repeat = (ch_repeat){.owner = repeat->owner};
}

ch_repeats *ch_repeats_new(void)
{
    ch_repeats *repeats = ch_alloc(sizeof *repeats);
    repeats->resumed_end = &repeats->resumed;
    return repeats;
}

void ch_repeats_free(ch_repeats *repeats)
{
    if (repeats == NULL)
        return;
    for (size_t i = 0; i < CHAINS; i++) {
        for (entry *at = repeats->chains[i], *next; at != NULL; at = next) {
            next = at->next;
            free_entry(at);
        }
    }
    free(repeats);
}
