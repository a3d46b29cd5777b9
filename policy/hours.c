/* Hours are of local time: of an hour that comes twice, both are meant; one that is skipped does not come. */
#include "policy/period.h"

#include "base/memory.h"
#include "policy/calendar.h"

#include <string.h>

#define NS_PER_S 1000000000ULL
#define DAY_MINUTES 1440
#define AHEAD_S ((int64_t)8 * CH_DAY_S)

/* ---- do they hold ---- */

/* The first second from `from_s` to before `to_s`, by the local clock, at which `span` holds; `to_s` if there is none.
 */
static int64_t first_in_span(const ch_span *span, int64_t from_s, int64_t to_s)
{
    int64_t length_s = ((int64_t)span->to_minute - span->from_minute) * 60;
    if (length_s <= 0)
        length_s += CH_DAY_S;
    for (int64_t day = ch_day_of(from_s) - 1; day * CH_DAY_S < to_s; day++) {
        if ((span->days >> ch_weekday_of(day) & 1) == 0)
            continue;
        int64_t begin_s = day * CH_DAY_S + (int64_t)span->from_minute * 60;
        int64_t first_s = begin_s > from_s ? begin_s : from_s;
        if (first_s < begin_s + length_s && first_s < to_s)
            return first_s;
    }
    return to_s;
}

/* The same in UTC, and from stretch to stretch of the span's zone. */
static int64_t next_of_span(const ch_span *span, int64_t from_s, int64_t to_s)
{
    while (from_s < to_s) {
        ch_zone_stretch stretch = ch_zone_at(span->zone, from_s);
        int64_t end_s = stretch.to_s < to_s ? stretch.to_s : to_s;
        int64_t first_s = first_in_span(span, from_s + stretch.offset_s, end_s + stretch.offset_s) - stretch.offset_s;
        if (first_s < end_s)
            return first_s;
        from_s = end_s;
    }
    return to_s;
}

/* The first second from `from_s` to before `to_s` at which one of them holds; else `to_s`. */
static int64_t next_of(const ch_hours *hours, int64_t from_s, int64_t to_s)
{
    for (size_t i = 0; i < hours->count; i++)
        to_s = next_of_span(&hours->spans[i], from_s, to_s);
    return to_s;
}

bool ch_hours_hold(const ch_hours *hours, uint64_t now_ns)
{
    int64_t now_s = (int64_t)(now_ns / NS_PER_S);
    return hours->count == 0 || next_of(hours, now_s, now_s + 1) == now_s;
}

uint64_t ch_hours_next(const ch_hours *hours, uint64_t now_ns)
{
    if (ch_hours_hold(hours, now_ns))
        return now_ns;
    int64_t now_s = (int64_t)(now_ns / NS_PER_S);
    int64_t next_s = next_of(hours, now_s, now_s + AHEAD_S);
    return next_s < now_s + AHEAD_S ? (uint64_t)next_s * NS_PER_S : UINT64_MAX;
}

/* ---- read them ---- */

static const char weekdays[7][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

static bool read_weekday(ch_slice text, unsigned *out)
{
    for (unsigned i = 0; i < 7; i++) {
        if (ch_slice_is(text, weekdays[i])) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* What stands before the first `byte`, which `rest` loses with it; all if there is none. */
static ch_slice take_until(ch_slice *rest, uint8_t byte)
{
    const uint8_t *found = ch_slice_find(*rest, byte);
    ch_slice part = {rest->data, found != NULL ? (size_t)(found - rest->data) : rest->size};
    *rest = ch_slice_after(*rest, found != NULL ? part.size + 1 : part.size);
    return part;
}

/* "Fri" or "Fri-Mon", as bits. */
static bool read_days(ch_slice text, unsigned *days)
{
    unsigned from;
    unsigned to;
    bool is_range = ch_slice_find(text, '-') != NULL;
    if (!read_weekday(take_until(&text, '-'), &from))
        return false;
    to = from;
    if (is_range && !read_weekday(text, &to))
        return false;
    for (unsigned i = from; i != to; i = (i + 1) % 7)
        *days |= 1U << i;
    *days |= 1U << to;
    return true;
}

/* "Mon-Fri,Sun" */
static ch_status read_all_days(ch_slice text, unsigned *days, ch_error *err)
{
    do {
        bool is_last = ch_slice_find(text, ',') == NULL;
        ch_slice part = take_until(&text, ',');
        if (!read_days(part, days))
            return ch_fail(err, CH_CONFIG,
                           "'%.*s' is not a day of the week; use Mon, Tue, Wed, Thu, Fri, Sat, Sun, or "
                           "a range such as Mon-Fri",
                           CH_SLICE_ARGS(part));
        if (is_last)
            return CH_OK;
    } while (true);
}

/* "09:30", as minutes after midnight; "24:00" is the day's end. */
static bool read_minute(ch_slice text, uint16_t *out)
{
    if (text.size != 5 || ch_slice_count_digits(text) != 2 || text.data[2] != ':' ||
        ch_slice_count_digits(ch_slice_after(text, 3)) != 2)
        return false;
    unsigned hour = (unsigned)(text.data[0] - '0') * 10 + (unsigned)(text.data[1] - '0');
    unsigned minute = (unsigned)(text.data[3] - '0') * 10 + (unsigned)(text.data[4] - '0');
    *out = (uint16_t)(hour * 60 + minute);
    return minute < 60 && *out <= DAY_MINUTES;
}

/* "09:00-17:30" */
static ch_status read_times(ch_slice text, ch_span *out, ch_error *err)
{
    ch_slice to = text;
    ch_slice from = take_until(&to, '-');
    if (!read_minute(from, &out->from_minute) || !read_minute(to, &out->to_minute) || out->from_minute == DAY_MINUTES)
        return ch_fail(err, CH_CONFIG, "'%.*s' is not a time of the day; write it such as 09:00-17:30 or 00:00-24:00",
                       CH_SLICE_ARGS(text));
    if (out->from_minute == out->to_minute)
        return ch_fail(err, CH_CONFIG, "'%.*s' ends when it begins; for the whole day use 00:00-24:00",
                       CH_SLICE_ARGS(text));
    return CH_OK;
}

ch_status ch_span_read(const char *text, ch_span *out, ch_error *err)
{
    ch_slice rest = ch_slice_of(text);
    *out = (ch_span){0};
    ch_slice days = take_until(&rest, ' ');
    ch_slice times = take_until(&rest, ' ');
    if (times.size == 0)
        return ch_fail(err, CH_CONFIG,
                       "'%s' lacks days or times; write hours such as \"Mon-Fri 09:00-17:30 "
                       "Europe/Berlin\"",
                       text);
    CH_TRY(read_all_days(days, &out->days, err));
    CH_TRY(read_times(times, out, err));
    if (times.data + times.size == (const uint8_t *)text + strlen(text))
        return CH_OK;
    ch_autofree char *zone = ch_slice_strdup(rest);
    return ch_zone_load(zone, &out->zone, err);
}
