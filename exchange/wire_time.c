/* The unit of a number of digits is known from how many there are, from 2001 to 2286. */
#include "exchange/wire_time.h"

#include <string.h>
#include <time.h>

#define NS_A_S 1000000000ULL
#define DATE_SIZE 19                          /* "2025-11-24T16:00:00" */
#define AHEAD_MIN_NS 60000000000ULL           /* clocks differ, and what expires is written with the SDK's own margin */
#define NONCE_AGE_MAX_NS (24 * 3600 * NS_A_S) /* what reads as an older time, or a later one, is a number like any */

/* Adds what stands after a point, as parts of `unit_ns`, and takes it off. */
static bool read_fraction(ch_slice *text, uint64_t unit_ns, ch_wire_time *out)
{
    out->end_ns = out->ns + unit_ns;
    if (text->size == 0 || text->data[0] != '.')
        return true;
    *text = ch_slice_after(*text, 1);
    size_t digits = ch_slice_count_digits(*text);
    uint64_t part_ns = unit_ns;
    for (size_t i = 0; i < digits; i++) {
        part_ns /= 10;
        out->ns += part_ns * (uint64_t)(text->data[i] - '0');
    }
    out->end_ns = out->ns + (part_ns > 0 ? part_ns : 1);
    *text = ch_slice_after(*text, digits);
    return digits > 0;
}

/* Takes a number off `text`. */
static bool read_number(ch_slice *text, ch_wire_time *out)
{
    static const uint64_t units[] = {NS_A_S, 1000000, 1000, 1};
    size_t digits = ch_slice_count_digits(*text);
    uint64_t number = 0;
    if (digits < 10 || digits > 19 || (digits - 10) % 3 != 0)
        return false;
    for (size_t i = 0; i < digits; i++)
        number = number * 10 + (uint64_t)(text->data[i] - '0');
    out->ns = number * units[(digits - 10) / 3];
    *text = ch_slice_after(*text, digits);
    return read_fraction(text, units[(digits - 10) / 3], out);
}

static bool read_date(ch_slice *text, ch_wire_time *out)
{
    char date[DATE_SIZE + 1] = "";
    struct tm utc = {0};
    if (text->size < DATE_SIZE)
        return false;
    memcpy(date, text->data, DATE_SIZE);
    const char *end = strptime(date, "%Y-%m-%dT%H:%M:%S", &utc);
    if (end != date + DATE_SIZE)
        return false;
    time_t seconds = timegm(&utc);
    if (seconds < 1000000000 || seconds > 9999999999)
        return false;
    out->ns = (uint64_t)seconds * NS_A_S;
    *text = ch_slice_after(*text, DATE_SIZE);
    if (!read_fraction(text, NS_A_S, out))
        return false;
    if (ch_slice_begins(*text, CH_LITERAL("+00:00")))
        *text = ch_slice_after(*text, 6);
    else if (ch_slice_begins(*text, CH_LITERAL("Z")))
        *text = ch_slice_after(*text, 1);
    return true;
}

static bool read_time(ch_slice *text, ch_wire_time *out)
{
    return read_number(text, out) || read_date(text, out);
}

bool ch_wire_time_read(ch_slice text, ch_wire_time *out)
{
    return read_time(&text, out) && text.size == 0;
}

/* ---- where it stands ---- */

static bool find_after(const ch_filling *filling, ch_slice value, ch_wire_time *out)
{
    size_t size = filling->before.size;
    for (size_t i = 0; i + size <= value.size; i++) {
        ch_slice rest = ch_slice_after(value, i);
        if (!ch_slice_begins(rest, filling->before))
            continue;
        rest = ch_slice_after(rest, size);
        return read_time(&rest, out);
    }
    return false;
}

static bool find_in_token(const ch_filling *filling, ch_slice value, ch_wire_values *values, ch_wire_time *out)
{
    const ch_wire_mark before = ch_wire_mark_of(values);
    bool is_found = false;
    if (!ch_fillings_open_token(value, values))
        return false;
    for (size_t i = before.count + 1; !is_found && values->params[i].kind != CH_PARAM_END;
         i = ch_param_after(values->params, values->count, i))
        is_found =
            ch_slice_equal(values->params[i].name, filling->before) && ch_wire_time_read(values->params[i].value, out);
    ch_wire_go_back(values, before);
    return is_found;
}

bool ch_wire_time_find(const ch_filling *filling, ch_slice value, ch_wire_values *values, ch_wire_time *out)
{
    bool is_found = filling->kind == CH_FILLING_TIME            ? ch_wire_time_read(value, out)
                    : filling->kind == CH_FILLING_TIME_AFTER    ? find_after(filling, value, out)
                    : filling->kind == CH_FILLING_TIME_IN_TOKEN ? find_in_token(filling, value, values, out)
                                                                : false;
    uint64_t ahead_ns = (uint64_t)filling->ahead_s * NS_A_S;
    if (is_found && out->ns >= ahead_ns) {
        out->ns -= ahead_ns;
        out->end_ns -= ahead_ns;
    }
    return is_found;
}

bool ch_wire_time_find_nonce(const ch_filling *filling, ch_slice value, ch_wire_time *out)
{
    return filling->kind == CH_FILLING_NONCE         ? ch_wire_time_read(value, out)
           : filling->kind == CH_FILLING_NONCE_AFTER ? find_after(filling, value, out)
                                                     : false;
}

/* ---- holding it against the clock ---- */

static unsigned long long seconds(uint64_t ns)
{
    return (ns + NS_A_S - 1) / NS_A_S;
}

/* A time that names only the second in which the agent started is refused too: the same bytes may have been sent before
 * the start, in that second. */
static ch_status check_start(const ch_wire_clock *clock, const ch_wire_time *time, ch_slice name, ch_error *err)
{
    if (time->ns >= clock->started_ns)
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT,
                   "by its '%.*s' the request was made before the agent started, so it may be one that was given up; "
                   "have the SDK make it anew",
                   CH_SLICE_ARGS(name));
}

static ch_status check_signed(uint64_t signed_ns, const ch_wire_time *time, ch_slice name, ch_error *err)
{
    if (time->ns > signed_ns)
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT,
                   "by its '%.*s' the request is no newer than one that was signed before the agent started, so it may "
                   "be the same; have the SDK make it anew",
                   CH_SLICE_ARGS(name));
}

/* What was signed for later than the clock allows now, it allowed before it was set back. To wait for that could take
 * days. */
ch_status ch_wire_time_check_newest(const ch_wire_clock *clock, const ch_wire_time *time, ch_slice name, ch_error *err)
{
    uint64_t most_ns = clock->started_ns + 2 * AHEAD_MIN_NS;
    return check_signed(clock->signed_ns < most_ns ? clock->signed_ns : most_ns, time, name, err);
}

ch_status ch_wire_time_check(const ch_wire_clock *clock, const ch_wire_time *time, ch_slice name, uint64_t *until_ns,
                             ch_error *err)
{
    uint64_t ahead_max_ns = clock->window_ns > AHEAD_MIN_NS ? clock->window_ns : AHEAD_MIN_NS;
    if (time->ns > clock->now_ns && time->ns - clock->now_ns > ahead_max_ns)
        return ch_fail(err, CH_BAD_INPUT,
                       "by its '%.*s' the request is of a time %llu s ahead; set the bot's clock by NTP",
                       CH_SLICE_ARGS(name), seconds(time->ns - clock->now_ns));
    if (clock->now_ns > time->end_ns && clock->now_ns - time->end_ns > clock->window_ns)
        return ch_fail(err, CH_BAD_INPUT,
                       "by its '%.*s' the request is %llu s old, and good for %llu s; have the SDK make it anew",
                       CH_SLICE_ARGS(name), seconds(clock->now_ns - time->ns), seconds(clock->window_ns));
    CH_TRY(check_start(clock, time, name, err));
    uint64_t end_ns = time->end_ns + clock->window_ns;
    if (*until_ns == 0 || end_ns < *until_ns)
        *until_ns = end_ns;
    return CH_OK;
}

bool ch_wire_nonce_is_time(const ch_wire_clock *clock, const ch_wire_time *time)
{
    uint64_t apart_ns = time->ns > clock->now_ns ? time->ns - clock->now_ns : clock->now_ns - time->ns;
    return apart_ns < NONCE_AGE_MAX_NS;
}

ch_status ch_wire_nonce_check(const ch_wire_clock *clock, const ch_wire_time *time, ch_slice name, ch_error *err)
{
    bool has_just_started = clock->now_ns < clock->started_ns + CH_WIRE_WINDOW_NS;
    if (!has_just_started || !ch_wire_nonce_is_time(clock, time))
        return CH_OK;
    CH_TRY(check_start(clock, time, name, err));
    return check_signed(clock->signed_ns, time, name, err);
}
