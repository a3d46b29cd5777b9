/* The ids of orders that the record has forgotten, so that none of them is taken for new.
 *
 * An id is in the set for CH_FORGOTTEN_AGE_NS at least since it was noted, and for twice as long at most: there are two
 * generations, the younger one takes what is noted, and when it is that old, the older one is dropped. Nothing else
 * takes an id out, above all no number of other ids. The set may claim an id that it does not have, but never
 * misses one that it has. It is bounded, and shared among users: what a user forgets beyond its share cannot be kept,
 * so the whole book in which that was counts as forgotten, for as long as the id would have. Core's thread only. */
#ifndef CH_AGENT_CORE_FORGOTTEN_H
#define CH_AGENT_CORE_FORGOTTEN_H

#include "base/slice.h"

#include <sys/types.h>

#define CH_FORGOTTEN_AGE_NS (7 * 86400 * 1000000000ULL)
#define CH_FORGOTTEN_MAX (1U << 20)     /* ids of a generation; some more for who has next to nothing there */
#define CH_FORGOTTEN_SHARE (1U << 18)   /* of one user */
#define CH_FORGOTTEN_RESERVE (1U << 18) /* for users below their share */
#define CH_FORGOTTEN_FIRST 1024         /* of a user, although all is used up */
#define CH_FORGOTTEN_GENERATIONS 2      /* the younger one first */
#define CH_FORGOTTEN_SHORT (1U << 22)   /* the set once kept hashes modulo this */

typedef struct ch_forgotten ch_forgotten;

/* An id: the hash of its book, and one of both. */
typedef struct ch_forgotten_id {
    uint32_t book;
    uint32_t hash;
} ch_forgotten_id;

ch_forgotten *ch_forgotten_new(void);
void ch_forgotten_free(ch_forgotten *set);
void ch_forgotten_note(ch_forgotten *set, uid_t by, ch_forgotten_id id);
bool ch_forgotten_has(const ch_forgotten *set, ch_forgotten_id id);
/* It is `now_ns` by the wall clock. Call it now and then. */
void ch_forgotten_turn(ch_forgotten *set, uint64_t now_ns);

/* ---- what survives a restart ---- */

typedef struct ch_forgotten_row {
    uint64_t since_ns;
    ch_slice bits;
    ch_slice counts;
} ch_forgotten_row;

/* Notes an id, and counts it for nobody. */
void ch_forgotten_restore(ch_forgotten *set, uint32_t hash);
/* Likewise, by a hash of which nobody knows more than the remainder by CH_FORGOTTEN_SHORT. */
void ch_forgotten_restore_short(ch_forgotten *set, uint32_t hash);
/* What a generation has; false if that is nothing. The row is valid until the next call of any function. */
bool ch_forgotten_row_of(ch_forgotten *set, size_t generation, ch_forgotten_row *out);
/* Adds that to the generation; false if it is malformed. */
bool ch_forgotten_restore_row(ch_forgotten *set, size_t generation, const ch_forgotten_row *row);

#endif
