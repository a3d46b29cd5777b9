/* A key's entry is there as long as somebody uses it, or the agent has said something of it; since any name can stand
 * in a path, only names that the agent knows are remembered. */
#include "relay/turns.h"

#include "base/bits.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "relay/config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

_Static_assert(CH_LISTENERS_MAX <= 64, "a caller has a bit");

#define KEYS_MAX 1024 /* remembered */
#define CALLS_MAX 64  /* of a key, that are known to be public */

/* A call that was public once. Which are the profile says and no bot, so a hash will do. */
typedef struct known_call {
    uint32_t hash;
    bool is_mixed; /* it was also signed: the path does not tell */
} known_call;

struct ch_turn_key {
    char *name;
    ch_turn_key *next;
    ch_turn *waiting; /* in the order in which they came */
    const ch_turn *holder;
    size_t users; /* turns taken and not left */
    size_t last_caller;
    ch_key_errors errors;
    ch_buffer shape_bytes;
    uint64_t callers; /* for whom the agent has signed: a bit for each */
    known_call calls[CALLS_MAX];
    size_t call_count;
    bool is_free; /* it has no nonces */
    bool is_known;
};

struct ch_turns {
    ch_turn_key *keys;
    size_t known;
};

ch_turns *ch_turns_new(void)
{
    return ch_alloc(sizeof(ch_turns));
}

static void free_key(ch_turn_key *key)
{
    ch_buffer_free(&key->shape_bytes);
    free(key->name);
    free(key);
}

void ch_turns_free(ch_turns *turns)
{
    if (turns == NULL)
        return;
    while (turns->keys != NULL) {
        ch_turn_key *next = turns->keys->next;
        free_key(turns->keys);
        turns->keys = next;
    }
    free(turns);
}

static ch_turn_key *find_key(const ch_turns *turns, ch_slice name)
{
    ch_turn_key *key = turns->keys;
    while (key != NULL && !ch_slice_is(name, key->name))
        key = key->next;
    return key;
}

static ch_turn_key *find_or_add_key(ch_turns *turns, ch_slice name)
{
    ch_turn_key *key = find_key(turns, name);
    if (key != NULL)
        return key;
    key = ch_alloc(sizeof *key);
    key->name = ch_slice_strdup(name);
    key->next = turns->keys;
    turns->keys = key;
    return key;
}

static void forget_unknown(ch_turns *turns, ch_turn_key *key)
{
    ch_turn_key **link = &turns->keys;
    if (key->users > 0 || key->is_known)
        return;
    while (*link != key)
        link = &(*link)->next;
    *link = key->next;
    free_key(key);
}

/* ---- turns ---- */

bool ch_turns_take(ch_turns *turns, ch_slice name, ch_turn *turn)
{
    ch_turn_key *key = find_or_add_key(turns, name);
    turn->key = key;
    key->users++;
    if (key->is_free || key->holder == NULL) {
        key->holder = key->is_free ? NULL : turn;
        key->last_caller = turn->caller;
        return true;
    }
    ch_turn **link = &key->waiting;
    while (*link != NULL)
        link = &(*link)->next;
    turn->is_waiting = true;
    turn->next = NULL;
    *link = turn;
    return false;
}

static bool is_before(const ch_turn_key *key, const ch_turn *one, const ch_turn *other)
{
    if (one->is_cancel != other->is_cancel)
        return one->is_cancel;
    return one->caller != key->last_caller && other->caller == key->last_caller;
}

static void unlink_turn(ch_turn_key *key, ch_turn *turn)
{
    ch_turn **link = &key->waiting;
    while (*link != turn)
        link = &(*link)->next;
    *link = turn->next;
    turn->is_waiting = false;
}

static void call_next(ch_turn_key *key)
{
    ch_turn *first = key->waiting;
    if (first == NULL)
        return;
    for (ch_turn *turn = first->next; turn != NULL; turn = turn->next) {
        if (is_before(key, turn, first))
            first = turn;
    }
    unlink_turn(key, first);
    key->holder = key->is_free ? NULL : first;
    key->last_caller = first->caller;
    first->on_turn(first->context);
}

/* Those who are called may leave at once, so the key must not go meanwhile. */
static void call_all(ch_turns *turns, ch_turn_key *key)
{
    key->users++;
    while (key->waiting != NULL && (key->is_free || key->holder == NULL))
        call_next(key);
    key->users--;
    forget_unknown(turns, key);
}

void ch_turns_pass(ch_turns *turns, ch_turn *turn)
{
    ch_turn_key *key = turn->key;
    if (key == NULL || key->holder != turn)
        return;
    key->holder = NULL;
    call_all(turns, key);
}

void ch_turns_leave(ch_turns *turns, ch_turn *turn)
{
    ch_turn_key *key = turn->key;
    if (key == NULL)
        return;
    if (turn->is_waiting)
        unlink_turn(key, turn);
    if (key->holder == turn)
        key->holder = NULL;
    turn->key = NULL;
    key->users--;
    call_all(turns, key);
}

/* ---- what the agent said ---- */

static void keep_errors(ch_turn_key *key, ch_key_errors errors)
{
    ch_buffer_clear(&key->shape_bytes);
    ch_buffer_add_slice(&key->shape_bytes, errors.shapes.records);
    errors.shapes.records = ch_buffer_slice(&key->shape_bytes);
    key->errors = errors;
}

void ch_turns_learn(ch_turns *turns, ch_turn *turn, bool is_serial, ch_key_errors errors)
{
    ch_turn_key *key = turn->key;
    if (!key->is_known && turns->known < KEYS_MAX) {
        key->is_known = true;
        turns->known++;
    }
    if (errors.shapes.count > 0)
        keep_errors(key, errors);
    ch_set_add(&key->callers, turn->caller);
    key->is_free = !is_serial;
    if (key->is_free) {
        key->holder = NULL;
        call_all(turns, key);
    } else if (key->holder == NULL) {
        key->holder = turn;
    }
}

ch_key_errors ch_turns_errors(const ch_turns *turns, ch_slice name, size_t caller)
{
    const ch_turn_key *key = find_key(turns, name);
    return key != NULL && ch_set_has(&key->callers, caller) ? key->errors : (ch_key_errors){0};
}

/* ---- calls ---- */

static size_t path_size(ch_slice url)
{
    const uint8_t *mark = ch_slice_find(url, '?');
    return mark == NULL ? url.size : (size_t)(mark - url.data);
}

static uint32_t hash_of(ch_slice method, ch_slice url)
{
    return ch_slice_hash(method) * 31 + ch_slice_hash((ch_slice){url.data, path_size(url)});
}

static size_t find_call(const ch_turn_key *key, uint32_t hash)
{
    size_t at = 0;
    while (at < key->call_count && key->calls[at].hash != hash)
        at++;
    return at;
}

bool ch_turns_is_public(const ch_turns *turns, ch_slice name, ch_slice method, ch_slice url)
{
    const ch_turn_key *key = find_key(turns, name);
    size_t at = key == NULL ? 0 : find_call(key, hash_of(method, url));
    return key != NULL && at < key->call_count && !key->calls[at].is_mixed;
}

void ch_turns_note_public(ch_turns *turns, ch_slice name, ch_slice method, ch_slice url, bool is_public)
{
    ch_turn_key *key = find_key(turns, name);
    uint32_t hash = hash_of(method, url);
    if (key == NULL)
        return;
    size_t at = find_call(key, hash);
    if (is_public && at == key->call_count && at < CALLS_MAX)
        key->calls[key->call_count++] = (known_call){.hash = hash};
    if (!is_public && at < key->call_count)
        key->calls[at].is_mixed = true;
}

bool ch_looks_like_cancel(ch_slice method, ch_slice url)
{
    static const char word[] = "cancel";
    size_t size = path_size(url);
    if (ch_slice_is(method, "DELETE"))
        return true;
    for (size_t i = 0; i + sizeof word - 1 <= size; i++) {
        if (strncasecmp((const char *)url.data + i, word, sizeof word - 1) == 0)
            return true;
    }
    return false;
}
