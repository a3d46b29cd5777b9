/* Reservations: what signed requests have taken of limits, as long as it may be given back because a bot reports that
 * the exchange rejected the order. Each user has a share, and above it its oldest is forgotten, which then stays
 * counted. Nothing is kept over a restart. Core's thread only. */
#ifndef CH_AGENT_CORE_RESERVATIONS_H
#define CH_AGENT_CORE_RESERVATIONS_H

#include "base/buffer.h"
#include "policy/levels.h"

#include <sys/types.h>

#define CH_RESERVATIONS_MAX 16384   /* above it, the user who has most loses its oldest */
#define CH_RESERVATIONS_SHARE 1024  /* of one user */
#define CH_RESERVATIONS_CALLERS 256 /* users who have some */

/* What one request has taken. */
typedef struct ch_reservation {
    uint64_t id;  /* of its row in the journal; 0: none yet */
    bool is_lost; /* that row never came to the disk */
    uid_t uid;
    uint64_t approval;               /* the one that it uses; 0: none */
    char *callers;                   /* their names */
    ch_buffer lines;                 /* of the ledger: for the orders that are placed; then for what is given back */
    ch_buffer record;                /* what is known of it so far */
    struct ch_reservation *previous; /* among those that have no row yet */
    struct ch_reservation *next;
    size_t count;
    ch_taken taken[];
} ch_reservation;

typedef struct ch_reservations ch_reservations;

ch_reservations *ch_reservations_new(void);
void ch_reservations_free(ch_reservations *reservations);

ch_reservation *ch_reservation_new(uid_t uid, const char *callers, size_t count);
void ch_reservation_free(ch_reservation *reservation);

/* Takes it over. No two have the same id. */
void ch_reservations_add(ch_reservations *reservations, ch_reservation *reservation);
/* Takes it out, for the caller to free; NULL if the user has none of that id as those callers. */
ch_reservation *ch_reservations_take(ch_reservations *reservations, uint64_t id, uid_t uid, ch_slice callers);

#endif
