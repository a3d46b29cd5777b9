/* A calendar period begins with a day, and a day begins at the first second at which local time is in it. Where clocks
 * are put back over midnight, the evening that comes twice belongs to the new day: bucket_of and start_of hold to that
 * both, or a limit would count anew each time. */
#include "policy/period.h"

#include "policy/calendar.h"

#include <assert.h>
#include <stdlib.h>

#define NS_PER_S 1000000000ULL
#define DAY_NS (CH_DAY_S * NS_PER_S)
#define LAST_DAY 213501 /* 2^64 ns end two days later */

/* ---- days ---- */

/* No two offsets of a zone are further apart than this: RFC 8536, section 3.2. */
#define SHIFT_MAX_S ((int64_t)3 * CH_DAY_S)

/* The latest day that was there at `utc_s` or before. */
static int64_t latest_day(const ch_zone *zone, int64_t utc_s)
{
    ch_zone_stretch stretch = ch_zone_at(zone, utc_s);
    int64_t latest = ch_day_of(utc_s + stretch.offset_s);
    while (stretch.from_s > utc_s - SHIFT_MAX_S) {
        int64_t last_s = stretch.from_s - 1;
        stretch = ch_zone_at(zone, last_s);
        int64_t day = ch_day_of(last_s + stretch.offset_s);
        latest = day > latest ? day : latest;
    }
    return latest;
}

/* The first second at which it is `day`, or a later one. */
static int64_t start_of_day(const ch_zone *zone, int64_t day)
{
    int64_t local_s = day * CH_DAY_S;
    ch_zone_stretch stretch = ch_zone_at(zone, local_s - SHIFT_MAX_S);
    while (stretch.to_s <= local_s - stretch.offset_s)
        stretch = ch_zone_at(zone, stretch.to_s);
    int64_t start_s = local_s - stretch.offset_s;
    return start_s > stretch.from_s ? start_s : stretch.from_s;
}

/* ---- buckets ---- */

static uint64_t width_of(const ch_period *period)
{
    assert(period->ns > 0);
    return (period->ns + CH_WINDOW_BUCKETS - 1) / CH_WINDOW_BUCKETS;
}

uint64_t ch_period_bucket(const ch_period *period, uint64_t now_ns)
{
    if (period->kind == CH_PERIOD_SLIDING)
        return now_ns / width_of(period);
    if (period->kind == CH_PERIOD_NONE || period->kind == CH_PERIOD_EVER)
        return 0;
    int64_t day = latest_day(period->zone, (int64_t)(now_ns / NS_PER_S));
    if (day < 0)
        day = 0; /* 1970 begins later in the west */
    if (period->kind == CH_PERIOD_WEEK)
        return (uint64_t)(day + 3) / 7; /* week 0 began on Monday, 1969-12-29 */
    return (uint64_t)(period->kind == CH_PERIOD_MONTH ? ch_month_of(day) : day);
}

uint64_t ch_period_oldest(const ch_period *period, uint64_t now_ns)
{
    uint64_t bucket = ch_period_bucket(period, now_ns);
    if (period->kind != CH_PERIOD_SLIDING)
        return bucket;
    /* The oldest has its end after now - 60 widths, wherever in its bucket `now_ns` is. */
    return bucket > CH_WINDOW_BUCKETS ? bucket - CH_WINDOW_BUCKETS : 0;
}

static uint64_t sliding_end(const ch_period *period, uint64_t bucket)
{
    uint64_t end_ns;
    if (__builtin_add_overflow(bucket, CH_WINDOW_BUCKETS + 1, &end_ns) ||
        __builtin_mul_overflow(end_ns, width_of(period), &end_ns))
        return UINT64_MAX;
    return end_ns;
}

uint64_t ch_period_end(const ch_period *period, uint64_t bucket)
{
    if (period->kind == CH_PERIOD_SLIDING)
        return sliding_end(period, bucket);
    if (period->kind == CH_PERIOD_NONE || period->kind == CH_PERIOD_EVER || bucket > LAST_DAY)
        return UINT64_MAX;
    int64_t next = (int64_t)bucket + 1;
    if (period->kind == CH_PERIOD_WEEK)
        next = next * 7 - 3;
    if (period->kind == CH_PERIOD_MONTH)
        next = ch_first_of_month(next);
    if (next > LAST_DAY)
        return UINT64_MAX;
    return (uint64_t)start_of_day(period->zone, next) * NS_PER_S;
}

/* ---- durations ---- */

static const struct {
    const char *name;
    uint64_t ns;
    bool is_read;
} units[] = {
    {"d",  DAY_NS,          true },
    {"h",  3600 * NS_PER_S, true },
    {"m",  60 * NS_PER_S,   true },
    {"s",  NS_PER_S,        true },
    {"ms", NS_PER_S / 1000, true },
    {"ns", 1,               false},
};
#define UNITS (sizeof units / sizeof *units)
#define DURATION_MAX (36525 * DAY_NS)
#define DURATION_DIGITS 13

bool ch_duration_read(const char *text, uint64_t *ns)
{
    ch_slice rest = ch_slice_of(text);
    size_t digits = ch_slice_count_digits(rest);
    if (digits == 0 || digits > DURATION_DIGITS || rest.data[0] == '0')
        return false;
    uint64_t count = strtoull(text, NULL, 10);
    rest = ch_slice_after(rest, digits);
    for (size_t i = 0; i < UNITS; i++) {
        if (units[i].is_read && ch_slice_is(rest, units[i].name) && count <= DURATION_MAX / units[i].ns) {
            *ns = count * units[i].ns;
            return true;
        }
    }
    return false;
}

void ch_duration_print(uint64_t ns, ch_buffer *out)
{
    size_t unit = 0;
    while (ns == 0 ? units[unit].ns != NS_PER_S : ns % units[unit].ns != 0)
        unit++;
    ch_buffer_add_format(out, "%llu%s", (unsigned long long)(ns / units[unit].ns), units[unit].name);
}

void ch_window_print(const ch_period *period, ch_buffer *out)
{
    ch_duration_print(period->ns < 1000 ? period->ns : period->ns / 1000 * 1000, out);
}

void ch_period_print(const ch_period *period, ch_buffer *out)
{
    static const char *const names[] = {
        [CH_PERIOD_NONE] = "",
        [CH_PERIOD_SLIDING] = " per ",
        [CH_PERIOD_DAY] = " per calendar-day",
        [CH_PERIOD_WEEK] = " per calendar-week",
        [CH_PERIOD_MONTH] = " per calendar-month",
        [CH_PERIOD_EVER] = " in all",
    };
    ch_buffer_add_text(out, names[period->kind]);
    if (period->kind == CH_PERIOD_SLIDING)
        ch_window_print(period, out);
}
