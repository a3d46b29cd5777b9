/* A request while it is undone. For exchange/wire*.c only: wire.c takes it apart, wire_target.c finds the call,
 * wire_headers.c explains its headers. */
#ifndef CH_EXCHANGE_WIRE_IMPL_H
#define CH_EXCHANGE_WIRE_IMPL_H

#include "exchange/wire.h"
#include "exchange/wire_time.h"

#define CH_WIRE_TIMES_MAX 8

/* The request's own times are held against the clock when its window is known. */
typedef struct ch_wire_seen_time {
    ch_wire_time time;
    ch_slice name;
} ch_wire_seen_time;

typedef struct ch_wire {
    const ch_wire_input *input;
    const ch_wire_request *request;
    ch_wire_reading *out;
    ch_wire_values values; /* what was read, in out->read */
    ch_slice query;        /* without the '?' */
    ch_slice window;       /* that a header says; empty: none does */
    ch_wire_seen_time times[CH_WIRE_TIMES_MAX];
    size_t time_count;
    ch_wire_seen_time nonce; /* without a name: it has none, or one that is no time */
    ch_slice unread;         /* what should say a time and does not; empty: nothing */
    ch_error *err;
} ch_wire;

/* Makes room for the request's text, and empties what was read before. CH_TOO_LARGE if it is too much. */
CH_CHECKED ch_status ch_wire_prepare(ch_wire *wire);

/* Splits the URL: fills in `query` and out->request, whose host is empty if the request names none. CH_BAD_INPUT if it
 * is no host of the environment. */
CH_CHECKED ch_status ch_wire_locate(ch_wire *wire);
/* CH_BAD_INPUT if a header's host, maybe with the port, is of another environment. What the profile does not know is
 * where the SDK's own connection goes, such as a relay. */
CH_CHECKED ch_status ch_wire_check_host(const ch_wire *wire, ch_slice host);
/* Finds the endpoint that was located: fills in out->endpoint and its host. */
CH_CHECKED ch_status ch_wire_find_target(ch_wire *wire);

/* True if the header says how a request travels; `*is_passed_on`, whether it says something of the answer too. */
bool ch_wire_is_of_transport(const ch_header *header, bool *is_passed_on);
/* True if the environment has that header with this value. */
bool ch_wire_is_of_environment(const ch_wire *wire, const ch_header *header);
/* CH_BAD_INPUT if the header has no plain name or text, is given twice, or names another environment's host. */
CH_CHECKED ch_status ch_wire_check_header(const ch_wire *wire, size_t at);
/* Returns CH_BAD_INPUT, and says why nobody can explain the header. */
CH_CHECKED ch_status ch_wire_fail_header(const ch_wire *wire, const ch_header *header);

/* Explains every header: fills in `window` and `times`, and adds what a header holds to what is given. */
CH_CHECKED ch_status ch_wire_read_headers(ch_wire *wire);

/* Notes a value that the agent fills in, by what it is: all fillings of that name and place. CH_BAD_INPUT if it is
 * another call's path. */
CH_CHECKED ch_status ch_wire_note_filling(ch_wire *wire, ch_wire_place place, ch_slice name, ch_slice value);

/* Adds the members of the object at `at` among the values to what is given. */
void ch_wire_give_members(ch_wire *wire, ch_wire_place place, size_t at);

#endif
