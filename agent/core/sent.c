/* Entries lie in two sets of chains, by digest and by id. What has expired is taken out a few chains at a time,
 * whenever a request comes, so that no turn of the loop is long. */
#include "agent/core/sent.h"

#include "base/memory.h"
#include "base/share.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define KINDS 2 /* by is_urgent */
#define CHAINS 65536
#define SWEPT_AT_ONCE 64
#define SWEEP_ALL_EVERY_MS 1000
#define SEED_SIZE 16

typedef struct caller {
    uid_t uid;
    size_t used[KINDS];
} caller;

/* The facts, and their texts one after the other behind them. */
typedef struct owed {
    ch_sent_facts facts;
    uint8_t texts[];
} owed;

struct ch_sent_entry {
    ch_sent_entry *next_by_digest;
    ch_sent_entry *next_by_id;
    caller *caller;
    owed *owed;        /* NULL: it is on its way, or told */
    uint64_t until_ms; /* 0: it is on its way */
    uint8_t digest[CH_SENT_DIGEST_SIZE];
    uint8_t id[CH_SENT_ID_SIZE];
    uint16_t chain; /* of its id */
    bool has_digest;
    bool is_urgent;
};

typedef ch_sent_entry entry;

struct ch_sent {
    entry **by_digest; /* CHAINS each; NULL: no relay has come yet */
    entry **by_id;
    size_t used[KINDS];
    caller callers[CH_SHARE_CALLERS];
    size_t swept;          /* the next chain to be swept */
    uint64_t swept_all_ms; /* when all were */
    uint8_t seed[SEED_SIZE];
};

static const ch_share places = {CH_SENT_MAX, CH_SENT_SHARE, CH_SENT_RESERVE, CH_SENT_FIRST};

ch_sent *ch_sent_new(void)
{
    return ch_alloc(sizeof(ch_sent));
}

/* ---- ids ---- */

bool ch_sent_read_id(ch_slice text, uint8_t id[static CH_SENT_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    if (text.size != CH_SENT_ID_TEXT)
        return false;
    memset(id, 0, CH_SENT_ID_SIZE);
    for (size_t i = 0; i < text.size; i++) {
        const char *digit = text.data[i] == '\0' ? NULL : strchr(digits, text.data[i]);
        if (digit == NULL)
            return false;
        id[i / 2] = (uint8_t)(id[i / 2] << 4 | (digit - digits));
    }
    return true;
}

static void print_id(const entry *at, char out[static CH_SENT_ID_TEXT + 1])
{
    for (size_t i = 0; i < CH_SENT_ID_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", at->id[i]);
}

/* ---- chains ---- */

/* A relay that was taken over draws ids as it likes, and must not find those that share a chain. */
static uint16_t chain_of_id(const ch_sent *sent, const uint8_t *id)
{
    uint8_t text[SEED_SIZE + CH_SENT_ID_SIZE];
    uint8_t digest[SHA256_DIGEST_LENGTH];
    memcpy(text, sent->seed, SEED_SIZE);
    memcpy(text + SEED_SIZE, id, CH_SENT_ID_SIZE);
    SHA256(text, sizeof text, digest);
    return (uint16_t)(digest[0] << 8 | digest[1]);
}

/* Nobody chooses digests. */
static entry **chain_by_digest(const ch_sent *sent, const uint8_t *digest)
{
    return &sent->by_digest[digest[0] << 8 | digest[1]];
}

static void unlink_digest(ch_sent *sent, entry *at)
{
    if (!at->has_digest)
        return;
    entry **link = chain_by_digest(sent, at->digest);
    while (*link != at)
        link = &(*link)->next_by_digest;
    *link = at->next_by_digest;
    at->has_digest = false;
}

static void remove_entry(ch_sent *sent, entry *at)
{
    unlink_digest(sent, at);
    entry **link = &sent->by_id[at->chain];
    while (*link != at)
        link = &(*link)->next_by_id;
    *link = at->next_by_id;
    sent->used[at->is_urgent]--;
    at->caller->used[at->is_urgent]--;
    free(at->owed);
    free(at);
}

static bool is_over(const entry *at, uint64_t now_ms)
{
    return at->until_ms != 0 && at->until_ms <= now_ms;
}

static entry *find_digest(const ch_sent *sent, const uint8_t *digest, uint64_t now_ms)
{
    entry *at = *chain_by_digest(sent, digest);
    while (at != NULL && (memcmp(at->digest, digest, sizeof at->digest) != 0 || is_over(at, now_ms)))
        at = at->next_by_digest;
    return at;
}

static entry *find_id(const ch_sent *sent, const uint8_t *id, uint64_t now_ms)
{
    entry *at = sent->by_id[chain_of_id(sent, id)];
    while (at != NULL && (memcmp(at->id, id, sizeof at->id) != 0 || is_over(at, now_ms)))
        at = at->next_by_id;
    return at;
}

static void sweep(ch_sent *sent, size_t chains, uint64_t now_ms)
{
    for (; chains > 0; chains--) {
        sent->swept = (sent->swept + 1) % CHAINS;
        for (entry *at = sent->by_id[sent->swept], *next; at != NULL; at = next) {
            next = at->next_by_id;
            if (is_over(at, now_ms))
                remove_entry(sent, at);
        }
    }
}

/* ---- entries ---- */

/* A caller without entries leaves its place to another one. NULL if there are too many callers. */
static caller *find_caller(ch_sent *sent, uid_t uid)
{
    caller *unused = NULL;
    for (size_t i = 0; i < CH_SHARE_CALLERS; i++) {
        caller *at = &sent->callers[i];
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

static bool has_room(const ch_sent *sent, const caller *own, bool kind)
{
    return own != NULL && ch_share_admits(&places, sent->used[kind], own->used[kind]);
}

static entry *add_entry(ch_sent *sent, const ch_sent_name *name, uint64_t now_ms)
{
    bool kind = name->is_urgent;
    caller *own = find_caller(sent, name->caller);
    if (!has_room(sent, own, kind) && now_ms - sent->swept_all_ms > SWEEP_ALL_EVERY_MS) {
        sent->swept_all_ms = now_ms;
        sweep(sent, CHAINS, now_ms);
        own = find_caller(sent, name->caller);
    }
    if (!has_room(sent, own, kind))
        return NULL;
    entry *at = ch_alloc(sizeof *at);
    *at = (entry){.caller = own, .is_urgent = kind, .has_digest = name->digest != NULL};
    memcpy(at->id, name->id, sizeof at->id);
    at->chain = chain_of_id(sent, at->id);
    at->next_by_id = sent->by_id[at->chain];
    sent->by_id[at->chain] = at;
    if (at->has_digest) {
        memcpy(at->digest, name->digest, sizeof at->digest);
        at->next_by_digest = *chain_by_digest(sent, at->digest);
        *chain_by_digest(sent, at->digest) = at;
    }
    sent->used[kind]++;
    own->used[kind]++;
    return at;
}

/* When the first relay comes. */
static ch_status begin(ch_sent *sent, ch_error *err)
{
    if (sent->by_id != NULL)
        return CH_OK;
    if (getrandom(sent->seed, sizeof sent->seed, 0) != (ssize_t)sizeof sent->seed)
        return ch_fail_errno(err, "drawing random bytes");
    sent->by_digest = ch_alloc(CHAINS * sizeof(entry *));
    sent->by_id = ch_alloc(CHAINS * sizeof(entry *));
    return CH_OK;
}

ch_status ch_sent_look(const ch_sent *sent, const uint8_t digest[static CH_SENT_DIGEST_SIZE], uint64_t now_ms,
                       char first[static CH_SENT_ID_TEXT + 1], ch_error *err)
{
    const entry *same = sent->by_id == NULL ? NULL : find_digest(sent, digest, now_ms);
    if (same == NULL)
        return CH_OK;
    print_id(same, first);
    return ch_fail_rule(err, CH_ALREADY_SENT, "already-sent",
                        "this very request, or one with its Idempotency-Key, %s for the relay as %s, and is never "
                        "signed twice; to send the like of it once more, give it another time, or another "
                        "Idempotency-Key",
                        same->until_ms == 0 ? "is being signed" : "was signed", first);
}

ch_status ch_sent_enter(ch_sent *sent, const ch_sent_name *name, uint64_t now_ms, ch_sent_entry **out,
                        char first[static CH_SENT_ID_TEXT + 1], ch_error *err)
{
    CH_TRY(begin(sent, err));
    sweep(sent, SWEPT_AT_ONCE, now_ms);
    if (name->digest != NULL)
        CH_TRY(ch_sent_look(sent, name->digest, now_ms, first, err));
    if (find_id(sent, name->id, now_ms) != NULL)
        return ch_fail_rule(err, CH_CONFLICT, "relay-id",
                            "another request has that id of the relay's; draw one anew for each request");
    *out = add_entry(sent, name, now_ms);
    return *out != NULL ? CH_OK
                        : ch_fail(err, CH_BUSY,
                                  "too many requests came through relays in the last minutes; try again in a moment");
}

void ch_sent_leave(ch_sent *sent, ch_sent_entry *at)
{
    remove_entry(sent, at);
}

/* ---- what was signed ---- */

static ch_slice copy(uint8_t **to, ch_slice text)
{
    ch_slice copied = {*to, text.size};
    if (text.size > 0)
        memcpy(*to, text.data, text.size);
    *to += text.size;
    return copied;
}

void ch_sent_keep(ch_sent_entry *at, const ch_sent_facts *facts, uint64_t until_ms)
{
    size_t size = facts->relay.size + facts->callers.size + facts->key.size + facts->method.size + facts->path.size;
    assert(at->until_ms == 0 && until_ms != 0);
    at->owed = ch_alloc(sizeof *at->owed + size);
    uint8_t *to = at->owed->texts;
    at->owed->facts = *facts;
    at->owed->facts.relay = copy(&to, facts->relay);
    at->owed->facts.callers = copy(&to, facts->callers);
    at->owed->facts.key = copy(&to, facts->key);
    at->owed->facts.method = copy(&to, facts->method);
    at->owed->facts.path = copy(&to, facts->path);
    at->until_ms = until_ms;
}

ch_sent_entry *ch_sent_find(ch_sent *sent, const uint8_t id[static CH_SENT_ID_SIZE], ch_slice relay, uint64_t now_ms)
{
    entry *at = sent->by_id == NULL ? NULL : find_id(sent, id, now_ms);
    return at != NULL && at->owed != NULL && ch_slice_equal(at->owed->facts.relay, relay) ? at : NULL;
}

ch_sent_facts ch_sent_facts_of(const ch_sent_entry *at)
{
    return at->owed->facts;
}

void ch_sent_tell(ch_sent *sent, ch_sent_entry *at, bool may_come_again)
{
    free(at->owed);
    at->owed = NULL;
    if (may_come_again)
        unlink_digest(sent, at);
}

void ch_sent_free(ch_sent *sent)
{
    if (sent == NULL)
        return;
    for (size_t i = 0; sent->by_id != NULL && i < CHAINS; i++) {
        for (entry *at = sent->by_id[i], *next; at != NULL; at = next) {
            next = at->next_by_id;
            free(at->owed);
            free(at);
        }
    }
    free(sent->by_digest);
    free(sent->by_id);
    free(sent);
}
