/* Requests that carry an Idempotency-Key, and what they were answered: who repeats one gets the same bytes, while what
 * was signed is good, instead of a second order.
 *
 * A request is known by its caller, its key and its Idempotency-Key; all else that was asked must be the same, too. The
 * first one is signed; those that come while it is on its way wait for it. Only signatures are kept: what was refused
 * or failed is judged anew. The table is bounded, and so is each caller's part of it; cancels have places of their own.
 * A repeat stands in the caller's memory and must stay there until it has left. Core's thread only. */
#ifndef CH_AGENT_CORE_REPEATS_H
#define CH_AGENT_CORE_REPEATS_H

#include "base/error.h"
#include "base/share.h"
#include "base/slice.h"

#include <sys/types.h>

/* Of cancels, and as many of all other requests. */
#define CH_REPEATS_MAX 4096   /* on their way or answered; a large one counts as several */
#define CH_REPEATS_SHARE 1024 /* of a caller; above it, only while RESERVE are left */
#define CH_REPEATS_RESERVE 2048
#define CH_REPEATS_FIRST 64         /* a caller has besides, when all is taken */
#define CH_REPEATS_WAITING_MAX 256  /* requests that wait for the first one */
#define CH_REPEATS_WAITING_SHARE 32 /* of a caller; above it, only while RESERVE are left */
#define CH_REPEATS_WAITING_RESERVE 128
#define CH_REPEATS_WAITING_FIRST 4

#define CH_REPEATS_WAITERS_MAX (2 * CH_SHARE_MOST(CH_REPEATS_WAITING_MAX, CH_REPEATS_WAITING_FIRST))
#define CH_REPEATS_CALLERS_MAX CH_SHARE_CALLERS
#define CH_REPEAT_VALID_MS 10000 /* for which an answer is kept at least */

typedef enum ch_repeat_place {
    CH_REPEAT_OUT,
    CH_REPEAT_FIRST,   /* it is signed for all */
    CH_REPEAT_WAITING, /* for the first one */
    CH_REPEAT_RESUMED, /* may go on, and was not returned by ch_repeats_next yet */
} ch_repeat_place;

/* Zero it and set `owner`; the rest is ours. */
typedef struct ch_repeat {
    void *owner;
    ch_repeat_place place;
    struct repeat_entry *entry;
    struct ch_repeat *next; /* of those that wait for the same, or that may go on */
} ch_repeat;

/* What a request is known by. */
typedef struct ch_repeat_name {
    uid_t caller;
    ch_slice key;  /* its name, at most CH_NAME_MAX bytes: a reload replaces the key itself */
    ch_slice text; /* the Idempotency-Key */
    ch_slice
        asked; /* all else, in any form that is the same for the same request; the answer will be about that large */
    bool is_urgent; /* a cancel */
} ch_repeat_name;

typedef struct ch_repeats ch_repeats;

ch_repeats *ch_repeats_new(void);
void ch_repeats_free(ch_repeats *repeats);

/* Enters a request, which is out. It is the first one, or waits, or `*answer` is what the first one was answered: a
 * view that is valid until the next call. Returns CH_CONFLICT if another request had that Idempotency-Key, CH_BUSY if
 * the caller, or all together, have too many. */
CH_CHECKED ch_status ch_repeats_enter(ch_repeats *repeats, const ch_repeat_name *name, uint64_t now_ms,
                                      ch_repeat *repeat, ch_slice *answer, ch_error *err);
/* Keeps the answer to the first one until `until_ms`. It is out, and those that waited may go on. */
void ch_repeats_answer(ch_repeats *repeats, ch_repeat *first, ch_slice answer, uint64_t until_ms);
/* Takes a request out that was not answered; if it was the first one, those that waited may go on. Harmless if it is
 * out already. */
void ch_repeats_leave(ch_repeats *repeats, ch_repeat *repeat);

/* Returns the next request that waited and may go on, or NULL. It has been taken out, so enter it again. */
ch_repeat *ch_repeats_next(ch_repeats *repeats);

#endif
