/* The nonces of every key that exchanges count, across restarts, crashes and clocks that step back.
 *
 * An exchange counts the nonces of an API key, so there is a counter for each (profile, environment, key id), whatever
 * the policy calls the key and however many names it has for it. Whatever may be drawn is on disk first: a stretch is
 * reserved ahead by state/writer.h, and asked for when half of the one before is used. A restart begins above it, so a
 * crash can skip nonces and never repeats one. state/counter.h says which nonce comes next.
 *
 * A request claims a nonce before it is queued, which may wait for the disk, and draws it when it is built, which never
 * waits. Core's thread only. */
#ifndef CH_STATE_NONCES_H
#define CH_STATE_NONCES_H

#include "state/counter.h"
#include "state/writer.h"

typedef struct ch_nonces ch_nonces;

/* Whose nonces they are; the texts are copied. */
typedef struct ch_nonce_name {
    const char *profile;
    const char *environment;
    const char *key_id;
} ch_nonce_name;

typedef enum ch_claim_place {
    CH_CLAIM_OUT,
    CH_CLAIM_WAITING, /* for the disk */
    CH_CLAIM_HELD,    /* may draw */
} ch_claim_place;

/* A request's claim. Zero it and set `owner`; it must stay where it is until it is out. */
typedef struct ch_nonce_claim {
    void *owner;
    ch_claim_place place;
    size_t counter;
    struct ch_nonce_claim *previous;
    struct ch_nonce_claim *next;
} ch_nonce_claim;

/* Called for each claim that had to wait: it is held now, or `outcome` says why not, and it is out. CH_UNAVAILABLE: the
 * state cannot be written for now. */
typedef struct ch_nonce_owner {
    void *context;
    void (*on_claimed)(void *context, ch_nonce_claim *claim, const ch_error *outcome);
} ch_nonce_owner;

/* ---- start and end ---- */

/* Reads the nonces of `store`, which must outlive `*out`. CH_IO if they cannot be read. Close with ch_nonces_close. */
CH_CHECKED ch_status ch_nonces_open(ch_store *store, ch_nonces **out, ch_error *err);

/* Returns the counter of that name; made if there is none. */
size_t ch_nonces_counter(ch_nonces *nonces, const ch_nonce_name *name, const ch_nonce_rule *rule);

/* No nonce below `floor` is drawn: the key was used elsewhere. */
void ch_nonces_set_floor(ch_nonces *nonces, size_t counter, uint64_t floor);

/* An older agent counted by the policy's names: what it counted for `key_name` belongs to `counter`, which goes on with
 * the highest of its names. ch_nonces_save_adopted makes it so on disk, all at once, before the start only: what is
 * adopted later is adopted again at the next start. */
void ch_nonces_adopt(ch_nonces *nonces, size_t counter, const char *key_name);
CH_CHECKED ch_status ch_nonces_save_adopted(ch_nonces *nonces, ch_error *err);
/* What nobody adopted: NULL past the end. */
const char *ch_nonces_orphan(const ch_nonces *nonces, size_t index, uint64_t *next);

/* From here on nonces can be claimed; the store is `writer`'s, whose ch_writer_collect calls `owner`. */
void ch_nonces_start(ch_nonces *nonces, ch_writer *writer, const ch_nonce_owner *owner);

/* Returns to the store what was reserved and not used. The writer must have been stopped. NULL is fine. */
void ch_nonces_close(ch_nonces *nonces);

/* ---- requests ---- */

/* Claims one of the counter's nonces: afterwards the claim is held or waits. A failure leaves it out: CH_BUSY if the
 * exchange takes no more at this moment. */
CH_CHECKED ch_status ch_nonces_claim(ch_nonces *nonces, size_t counter, ch_nonce_claim *claim, const ch_moment *now,
                                     ch_error *err);
/* Draws what is held; the claim is out afterwards, also after a failure (see ch_counter_draw). */
CH_CHECKED ch_status ch_nonces_draw(ch_nonces *nonces, ch_nonce_claim *claim, const ch_moment *now, uint64_t *nonce,
                                    ch_error *err);
/* Gives a claim up. Harmless if it is out. */
void ch_nonces_leave(ch_nonces *nonces, ch_nonce_claim *claim);

/* Why nonces cannot be reserved for now; NULL: they can. */
const ch_error *ch_nonces_trouble(const ch_nonces *nonces);
/* Tries again what could not be written; to be called now and then. */
void ch_nonces_try_again(ch_nonces *nonces);

/* ---- operators ---- */

typedef struct ch_nonce_change {
    size_t counter;
    uint64_t value;
    bool is_reset; /* `value` may be lower than what was drawn */
    void *context;
    void (*answer)(void *context, const ch_error *outcome); /* called once it is on disk, or has failed */
} ch_nonce_change;

/* The smallest nonce that was not drawn. */
uint64_t ch_nonces_next(const ch_nonces *nonces, size_t counter);
/* Makes `value` the smallest nonce that may be drawn, once that is on disk; until then, and if it fails, all is as
 * before. CH_CONFLICT: it is that or larger already. CH_BAD_INPUT: the counter follows the clock. CH_BUSY: another
 * change is under way. After a failure nobody is called. */
CH_CHECKED ch_status ch_nonces_change(ch_nonces *nonces, const ch_nonce_change *change, ch_error *err);

#endif
