/* What was signed for relays: so that the same request is never signed twice, and a relay can say once how a request
 * ended.
 *
 * A request is known by its digest, which is that of caller, key and Idempotency-Key if it has one, else of all that
 * was asked, and by the id that its relay drew for it. While the first one is on its way, and as long afterwards as it
 * is kept, another one with the same digest or the same id is refused. Nothing is kept over a restart. The table is
 * bounded, and so is each caller's part of it: when that is full, callers must wait. Cancels have places of their own.
 * Core's thread only. */
#ifndef CH_AGENT_CORE_SENT_H
#define CH_AGENT_CORE_SENT_H

#include "base/error.h"
#include "base/slice.h"

#include <sys/types.h>

#define CH_SENT_ID_SIZE 16                    /* bytes */
#define CH_SENT_ID_TEXT (2 * CH_SENT_ID_SIZE) /* as relays write it: lower-case hex */
#define CH_SENT_DIGEST_SIZE 32

/* Of cancels, and as many of all other requests. */
#define CH_SENT_MAX (1U << 19)
#define CH_SENT_SHARE (1U << 16) /* of a caller; above it, only while RESERVE are left */
#define CH_SENT_RESERVE (1U << 18)
#define CH_SENT_FIRST 64 /* a caller has besides, when all is taken */

typedef struct ch_sent ch_sent;
typedef struct ch_sent_entry ch_sent_entry;

/* What a request is known by. */
typedef struct ch_sent_name {
    uid_t caller;          /* whose request it is */
    const uint8_t *digest; /* CH_SENT_DIGEST_SIZE bytes; NULL: it may come again */
    const uint8_t *id;     /* CH_SENT_ID_SIZE bytes */
    bool is_urgent;        /* a cancel */
} ch_sent_name;

/* What must be known when the relay says how it ended. Copied. */
typedef struct ch_sent_facts {
    ch_slice relay;   /* its name in policy */
    ch_slice callers; /* whose request it is */
    ch_slice key;
    ch_slice method; /* of the endpoint */
    ch_slice path;
    uid_t uid;
    uint64_t row;     /* of the decision */
    bool has_effects; /* it can change something at the exchange */
} ch_sent_facts;

ch_sent *ch_sent_new(void);
void ch_sent_free(ch_sent *sent);

/* Reads an id as relays write it. */
bool ch_sent_read_id(ch_slice text, uint8_t id[static CH_SENT_ID_SIZE]);

/* Returns CH_ALREADY_SENT if a request with that digest is there, and writes its id to `first`. */
CH_CHECKED ch_status ch_sent_look(const ch_sent *sent, const uint8_t digest[static CH_SENT_DIGEST_SIZE],
                                  uint64_t now_ms, char first[static CH_SENT_ID_TEXT + 1], ch_error *err);

/* Enters a request that is on its way to be signed. Returns CH_ALREADY_SENT if one with that digest is there, and
 * writes its id to `first`; CH_CONFLICT, rule `relay-id`, if one with that id is; CH_BUSY if the caller, or all
 * together, have too many. */
CH_CHECKED ch_status ch_sent_enter(ch_sent *sent, const ch_sent_name *name, uint64_t now_ms, ch_sent_entry **out,
                                   char first[static CH_SENT_ID_TEXT + 1], ch_error *err);
/* It was not signed: takes it out again. */
void ch_sent_leave(ch_sent *sent, ch_sent_entry *entry);
/* It was signed: keeps it until `until_ms`. */
void ch_sent_keep(ch_sent_entry *entry, const ch_sent_facts *facts, uint64_t until_ms);

/* Returns what was signed for that relay under that id, if the relay has not said yet how it ended; else NULL. */
ch_sent_entry *ch_sent_find(ch_sent *sent, const uint8_t id[static CH_SENT_ID_SIZE], ch_slice relay, uint64_t now_ms);
/* Views, until the entry is told. */
ch_sent_facts ch_sent_facts_of(const ch_sent_entry *entry);
/* The relay has said it. If nothing was sent, the same request may come again, under another id. */
void ch_sent_tell(ch_sent *sent, ch_sent_entry *entry, bool may_come_again);

#endif
