/* Each user has a lane, a ring of its reservations in the order of their ids. What was taken out leaves a gap. */
#include "agent/core/reservations.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct lane {
    uid_t uid;
    size_t first; /* place of the oldest */
    size_t count; /* gaps too */
    ch_reservation *ring[CH_RESERVATIONS_SHARE];
    uint64_t ids[CH_RESERVATIONS_SHARE];
} lane;

struct ch_reservations {
    lane *lanes[CH_RESERVATIONS_CALLERS];
    size_t lane_count;
    size_t count;
};

ch_reservations *ch_reservations_new(void)
{
    return ch_alloc(sizeof(ch_reservations));
}

ch_reservation *ch_reservation_new(uid_t uid, const char *callers, size_t count)
{
    ch_reservation *made = ch_alloc(sizeof *made + count * sizeof made->taken[0]);
    made->uid = uid;
    made->callers = ch_strdup(callers);
    made->count = count;
    return made;
}

void ch_reservation_free(ch_reservation *reservation)
{
    if (reservation == NULL)
        return;
    ch_buffer_free(&reservation->lines);
    ch_buffer_free(&reservation->record);
    free(reservation->callers);
    free(reservation);
}

/* ---- lanes ---- */

static size_t place(const lane *at, size_t index)
{
    return (at->first + index) % CH_RESERVATIONS_SHARE;
}

static void drop_oldest(ch_reservations *reservations, lane *at)
{
    ch_reservation_free(at->ring[at->first]);
    at->ring[at->first] = NULL;
    at->first = place(at, 1);
    at->count--;
    reservations->count--;
}

static lane *longest(const ch_reservations *reservations)
{
    lane *found = reservations->lanes[0];
    for (size_t i = 1; i < reservations->lane_count; i++) {
        if (reservations->lanes[i]->count > found->count)
            found = reservations->lanes[i];
    }
    return found;
}

static lane *find(const ch_reservations *reservations, uid_t uid)
{
    for (size_t i = 0; i < reservations->lane_count; i++) {
        if (reservations->lanes[i]->uid == uid)
            return reservations->lanes[i];
    }
    return NULL;
}

/* The lane of a user; if there are too many, that of the user who has fewest becomes it. */
static lane *lane_of(ch_reservations *reservations, uid_t uid)
{
    lane *at = find(reservations, uid);
    if (at != NULL)
        return at;
    if (reservations->lane_count < CH_RESERVATIONS_CALLERS) {
        at = reservations->lanes[reservations->lane_count++] = ch_alloc(sizeof *at);
    } else {
        at = reservations->lanes[0];
        for (size_t i = 1; i < reservations->lane_count; i++)
            at = reservations->lanes[i]->count < at->count ? reservations->lanes[i] : at;
        while (at->count > 0)
            drop_oldest(reservations, at);
    }
    at->uid = uid;
    return at;
}

/* What was begun first is not always signed first: tokens have several workers. */
static void put_in_order(lane *at, ch_reservation *reservation)
{
    size_t index = at->count++;
    for (; index > 0 && at->ids[place(at, index - 1)] > reservation->id; index--) {
        at->ring[place(at, index)] = at->ring[place(at, index - 1)];
        at->ids[place(at, index)] = at->ids[place(at, index - 1)];
    }
    at->ring[place(at, index)] = reservation;
    at->ids[place(at, index)] = reservation->id;
}

/* ---- the table ---- */

void ch_reservations_add(ch_reservations *reservations, ch_reservation *reservation)
{
    lane *at = lane_of(reservations, reservation->uid);
    if (at->count == CH_RESERVATIONS_SHARE)
        drop_oldest(reservations, at);
    else if (reservations->count == CH_RESERVATIONS_MAX)
        drop_oldest(reservations, longest(reservations));
    put_in_order(at, reservation);
    reservations->count++;
}

ch_reservation *ch_reservations_take(ch_reservations *reservations, uint64_t id, uid_t uid, ch_slice callers)
{
    lane *at = find(reservations, uid);
    size_t low = 0;
    size_t high = at == NULL ? 0 : at->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (at->ids[place(at, middle)] < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (at == NULL || low == at->count || at->ids[place(at, low)] != id)
        return NULL;
    ch_reservation *found = at->ring[place(at, low)];
    if (found == NULL || !ch_slice_is(callers, found->callers))
        return NULL;
    at->ring[place(at, low)] = NULL;
    return found;
}

void ch_reservations_free(ch_reservations *reservations)
{
    if (reservations == NULL)
        return;
    for (size_t i = 0; i < reservations->lane_count; i++) {
        while (reservations->lanes[i]->count > 0)
            drop_oldest(reservations, reservations->lanes[i]);
        free(reservations->lanes[i]);
    }
    free(reservations);
}
