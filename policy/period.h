/* Periods that limits count in, and durations (period.c); hours in which entries hold (hours.c). Pure: the time is an
 * argument.
 *
 * A sliding window is sixty buckets; a bucket counts until it lies wholly outside. A calendar period is one bucket,
 * from its beginning in its time zone. Immutable once a policy is loaded, so thread-safe. */
#ifndef CH_POLICY_PERIOD_H
#define CH_POLICY_PERIOD_H

#include "base/buffer.h"
#include "base/error.h"
#include "policy/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CH_WINDOW_BUCKETS 60

/* ---- periods ---- */

typedef enum ch_period_kind {
    CH_PERIOD_NONE, /* counts as EVER does */
    CH_PERIOD_SLIDING,
    CH_PERIOD_DAY,
    CH_PERIOD_WEEK, /* from Monday */
    CH_PERIOD_MONTH,
    CH_PERIOD_EVER,
} ch_period_kind;

typedef struct ch_period {
    ch_period_kind kind;
    uint64_t ns;   /* of a sliding one; counts as the next multiple of CH_WINDOW_BUCKETS */
    ch_zone *zone; /* of a calendar one */
} ch_period;

/* The bucket that `now_ns` (wall clock) lies in: a number that rises with time, and never falls when clocks are put
 * back, because a day begins once: when it is first there. */
uint64_t ch_period_bucket(const ch_period *period, uint64_t now_ns);
/* The oldest bucket that still counts at `now_ns`. */
uint64_t ch_period_oldest(const ch_period *period, uint64_t now_ns);
/* When `bucket` stops counting; UINT64_MAX: never. */
uint64_t ch_period_end(const ch_period *period, uint64_t bucket);

/* ---- hours ---- */

/* From `from_minute` to `to_minute` of the days whose bit is set (Monday is bit 0), in the zone. */
typedef struct ch_span {
    unsigned days;
    uint16_t from_minute;
    uint16_t to_minute; /* 1440: midnight; smaller than `from_minute`: on the next day */
    ch_zone *zone;
} ch_span;

typedef struct ch_hours {
    ch_span *spans;
    size_t count;
} ch_hours;

/* Reads "Mon-Fri 09:00-17:30 Europe/Berlin", "Sat,Sun 00:00-24:00". CH_CONFIG says what is wrong. The span's zone is to
 * be freed with ch_zone_free, also after a failure. */
CH_CHECKED ch_status ch_span_read(const char *text, ch_span *out, ch_error *err);
/* True if `now_ns` lies in one of them, or there are none. */
bool ch_hours_hold(const ch_hours *hours, uint64_t now_ns);
/* When they hold next: `now_ns` if they do now; UINT64_MAX: not within eight days. */
uint64_t ch_hours_next(const ch_hours *hours, uint64_t now_ns);

/* Reads "250ms", "5s", "10m", "12h", "30d" as ns. False if it is none, is 0, or is above a hundred years. */
bool ch_duration_read(const char *text, uint64_t *ns);
/* Appends it in the largest unit that it is a multiple of; below that of reading, in ns. */
void ch_duration_print(uint64_t ns, ch_buffer *out);
/* The length of a sliding window as it was written: in whole buckets it may be some ns longer. */
void ch_window_print(const ch_period *period, ch_buffer *out);
/* Appends a period as limits say it: " per 24h", " per calendar-day", " in all"; nothing if there is none. */
void ch_period_print(const ch_period *period, ch_buffer *out);

#endif
