/* When an SDK made its request, as far as the request says it. A request that was made long ago, or for later, is not
 * made anew: it would trade at a moment that nobody chose. Pure. */
#ifndef CH_EXCHANGE_WIRE_TIME_H
#define CH_EXCHANGE_WIRE_TIME_H

#include "exchange/fillings.h"

#define CH_WIRE_WINDOW_NS 60000000000ULL /* how old a request may be if its exchange has no window */

/* A time is read to the second at least; `end_ns` is the end of the second, or of what it says instead. */
typedef struct ch_wire_time {
    uint64_t ns;
    uint64_t end_ns;
} ch_wire_time;

/* Reads seconds, milliseconds, microseconds or nanoseconds since 1970 (10, 13, 16 or 19 digits), maybe with a fraction,
 * or a date of ISO 8601 in UTC. False if `text` is none of them. */
bool ch_wire_time_read(ch_slice text, ch_wire_time *out);

/* Finds the time in a value of that filling, a header's or a parameter's; `values` is room to read a token in. */
bool ch_wire_time_find(const ch_filling *filling, ch_slice value, ch_wire_values *values, ch_wire_time *out);

/* The same for a nonce that is a time; false if the filling is no nonce. */
bool ch_wire_time_find_nonce(const ch_filling *filling, ch_slice value, ch_wire_time *out);

/* The clock that a request's time is held against. */
typedef struct ch_wire_clock {
    uint64_t now_ns;
    uint64_t started_ns; /* when the agent started: nothing from before is signed */
    uint64_t signed_ns;  /* the newest time that was signed before the start and was ahead then; 0: none */
    uint64_t window_ns;  /* for how long the request is good */
} ch_wire_clock;

/* CH_BAD_INPUT, naming `name`, unless the request is of now; `*until_ns` becomes when it will be too old. */
CH_CHECKED ch_status ch_wire_time_check(const ch_wire_clock *clock, const ch_wire_time *time, ch_slice name,
                                        uint64_t *until_ns, ch_error *err);

/* CH_BAD_INPUT, naming `name`, if the newest of the request's times is not newer than what was signed before the start:
 * it may be the same request. */
CH_CHECKED ch_status ch_wire_time_check_newest(const ch_wire_clock *clock, const ch_wire_time *time, ch_slice name,
                                               ch_error *err);

/* A nonce that is a day or more from now is a number like any. */
bool ch_wire_nonce_is_time(const ch_wire_clock *clock, const ch_wire_time *time);

/* CH_BAD_INPUT if the nonce `name` reads as a time from before the agent's start, and that was in the last
 * CH_WIRE_WINDOW_NS, or if it is not above what was signed before: the request may be one that was sent before. Later,
 * who begins with the time and counts on from there is not refused for that. */
CH_CHECKED ch_status ch_wire_nonce_check(const ch_wire_clock *clock, const ch_wire_time *time, ch_slice name,
                                         ch_error *err);

#endif
