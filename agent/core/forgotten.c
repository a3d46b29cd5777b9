/* A generation is a Bloom filter. With CH_FORGOTTEN_MAX ids, which only four users or more can note, it mistakes one
 * new id in forty for one that it has; with a single user's share, one in some thousand. */
#include "agent/core/forgotten.h"

#include "base/memory.h"
#include "base/share.h"

#include <stdlib.h>
#include <string.h>

#define BITS (1U << 23)
#define WORDS (BITS / 32)
#define SPARSE_MAX (WORDS / 4) /* words; with more of them, all are kept */
#define PROBES 4
#define USERS_MAX 64 /* all beyond the last are one with it */
#define BOOKS_MAX 64 /* likewise: if more are full, all are */

/* Numbers of 32 bits only, in this machine's order of bytes, so that it is kept as so many of them. */
typedef struct counts {
    uint32_t used;
    uint32_t has_short; /* an id was noted by ch_forgotten_restore_short */
    uint32_t user_count;
    uint32_t uids[USERS_MAX];
    uint32_t used_by[USERS_MAX];
    uint32_t book_count; /* BOOKS_MAX + 1: all */
    uint32_t books[BOOKS_MAX];
} counts;

typedef struct generation {
    uint64_t since_ns; /* 0: since the next turn */
    uint32_t *bits;    /* words; NULL: none is set */
    counts counts;
} generation;

struct ch_forgotten {
    generation generations[CH_FORGOTTEN_GENERATIONS];
    uint32_t sparse[SPARSE_MAX][2]; /* words that are not zero, each after its index: what a row has */
};

ch_forgotten *ch_forgotten_new(void)
{
    return ch_alloc(sizeof(ch_forgotten));
}

void ch_forgotten_free(ch_forgotten *set)
{
    for (size_t i = 0; set != NULL && i < CH_FORGOTTEN_GENERATIONS; i++)
        free(set->generations[i].bits);
    free(set);
}

/* ---- bits ---- */

/* Of splitmix64. */
static uint64_t mix(uint64_t from)
{
    from = (from ^ from >> 30) * 0xbf58476d1ce4e5b9U;
    from = (from ^ from >> 27) * 0x94d049bb133111ebU;
    return from ^ from >> 31;
}

static uint32_t probe(uint64_t mixed, unsigned index)
{
    return ((uint32_t)mixed + index * ((uint32_t)(mixed >> 32) | 1)) % BITS;
}

static uint64_t mix_short(uint32_t hash)
{
    return mix(1ULL << 32 | hash % CH_FORGOTTEN_SHORT);
}

static void set_bits(generation *in, uint64_t mixed)
{
    if (in->bits == NULL)
        in->bits = ch_alloc(BITS / 8);
    for (unsigned i = 0; i < PROBES; i++) {
        uint32_t bit = probe(mixed, i);
        in->bits[bit / 32] |= 1U << bit % 32;
    }
}

static bool has_bits(const generation *in, uint64_t mixed)
{
    bool has = in->bits != NULL;
    for (unsigned i = 0; has && i < PROBES; i++) {
        uint32_t bit = probe(mixed, i);
        has = (in->bits[bit / 32] >> bit % 32 & 1) != 0;
    }
    return has;
}

/* ---- shares ---- */

static size_t user_of(counts *in, uid_t uid)
{
    for (size_t i = 0; i < in->user_count; i++) {
        if (in->uids[i] == uid)
            return i;
    }
    if (in->user_count == USERS_MAX)
        return USERS_MAX - 1;
    in->uids[in->user_count] = uid;
    return in->user_count++;
}

static bool is_full(const counts *in, uint32_t book)
{
    for (size_t i = 0; i < in->book_count && i < BOOKS_MAX; i++) {
        if (in->books[i] == book)
            return true;
    }
    return in->book_count > BOOKS_MAX;
}

static void note_full(counts *in, uint32_t book)
{
    if (is_full(in, book))
        return;
    if (in->book_count < BOOKS_MAX)
        in->books[in->book_count] = book;
    in->book_count++;
}

void ch_forgotten_note(ch_forgotten *set, uid_t by, ch_forgotten_id id)
{
    static const ch_share share = {.total = CH_FORGOTTEN_MAX,
                                   .share = CH_FORGOTTEN_SHARE,
                                   .reserve = CH_FORGOTTEN_RESERVE,
                                   .first = CH_FORGOTTEN_FIRST};
    generation *in = &set->generations[0];
    uint64_t mixed = mix(id.hash);
    if (has_bits(in, mixed))
        return;
    size_t user = user_of(&in->counts, by);
    if (!ch_share_admits(&share, in->counts.used, in->counts.used_by[user])) {
        note_full(&in->counts, id.book);
        return;
    }
    in->counts.used++;
    in->counts.used_by[user]++;
    set_bits(in, mixed);
}

bool ch_forgotten_has(const ch_forgotten *set, ch_forgotten_id id)
{
    for (size_t i = 0; i < CH_FORGOTTEN_GENERATIONS; i++) {
        const generation *in = &set->generations[i];
        if (is_full(&in->counts, id.book) || has_bits(in, mix(id.hash)) ||
            (in->counts.has_short != 0 && has_bits(in, mix_short(id.hash))))
            return true;
    }
    return false;
}

/* One generation goes at a time, however far the clock went. */
void ch_forgotten_turn(ch_forgotten *set, uint64_t now_ns)
{
    generation *young = &set->generations[0];
    generation *old = &set->generations[1];
    if (young->since_ns == 0 || young->since_ns > now_ns)
        young->since_ns = now_ns;
    if (now_ns - young->since_ns < CH_FORGOTTEN_AGE_NS)
        return;
    free(old->bits);
    *old = *young;
    *young = (generation){.since_ns = now_ns};
}

/* ---- what survives a restart ---- */

void ch_forgotten_restore(ch_forgotten *set, uint32_t hash)
{
    set_bits(&set->generations[0], mix(hash));
}

void ch_forgotten_restore_short(ch_forgotten *set, uint32_t hash)
{
    set->generations[0].counts.has_short = 1;
    set_bits(&set->generations[0], mix_short(hash));
}

/* All words, or those that are not zero if they are few. */
static ch_slice pack(ch_forgotten *set, const generation *in)
{
    size_t count = 0;
    for (uint32_t i = 0; in->bits != NULL && i < WORDS; i++) {
        if (in->bits[i] == 0)
            continue;
        if (count == SPARSE_MAX)
            return (ch_slice){(const uint8_t *)in->bits, BITS / 8};
        set->sparse[count][0] = i;
        set->sparse[count++][1] = in->bits[i];
    }
    return (ch_slice){(const uint8_t *)set->sparse, count * sizeof set->sparse[0]};
}

static bool unpack(generation *in, ch_slice packed)
{
    uint32_t word[2];
    bool is_all = packed.size == BITS / 8;
    size_t step = is_all ? sizeof word[1] : sizeof word;
    if (packed.size % step != 0)
        return false;
    for (size_t i = 0; i < packed.size / step; i++) {
        word[0] = (uint32_t)i;
        memcpy(is_all ? &word[1] : word, packed.data + i * step, step);
        if (word[0] >= WORDS)
            return false;
        in->bits[word[0]] |= word[1];
    }
    return true;
}

bool ch_forgotten_row_of(ch_forgotten *set, size_t at, ch_forgotten_row *out)
{
    const generation *in = &set->generations[at];
    *out = (ch_forgotten_row){
        .since_ns = in->since_ns, .bits = pack(set, in), .counts = {(const uint8_t *)&in->counts, sizeof in->counts}
    };
    return out->bits.size > 0;
}

static bool is_sound(const counts *in)
{
    bool is = in->user_count <= USERS_MAX && in->book_count <= BOOKS_MAX + 1;
    uint64_t sum = 0;
    for (size_t i = 0; is && i < in->user_count; i++)
        sum += in->used_by[i];
    return is && sum == in->used;
}

bool ch_forgotten_restore_row(ch_forgotten *set, size_t at, const ch_forgotten_row *row)
{
    counts read;
    generation *in = &set->generations[at];
    if (row->counts.size != sizeof read)
        return false;
    memcpy(&read, row->counts.data, sizeof read);
    if (!is_sound(&read))
        return false;
    if (in->bits == NULL)
        in->bits = ch_alloc(BITS / 8);
    if (!unpack(in, row->bits))
        return false;
    read.has_short |= in->counts.has_short;
    in->counts = read;
    in->since_ns = row->since_ns;
    return true;
}
