/* Each reader takes what it reads from the beginning of `rest`, and returns false if something else stands there. */
#include "policy/zone_rule.h"

#include "policy/calendar.h"

#define HOUR_S 3600
#define OFFSET_HOURS_MAX 24
#define TIME_HOURS_MAX 167 /* RFC 8536, section 3.3.1 */

static bool take(ch_slice *rest, char byte)
{
    if (rest->size == 0 || rest->data[0] != (uint8_t)byte)
        return false;
    *rest = ch_slice_after(*rest, 1);
    return true;
}

static bool take_number(ch_slice *rest, unsigned least, unsigned most, unsigned *out)
{
    size_t size = ch_slice_count_digits(*rest);
    unsigned number = 0;
    if (size == 0 || size > 3)
        return false;
    for (size_t i = 0; i < size; i++)
        number = number * 10 + (unsigned)(rest->data[i] - '0');
    *rest = ch_slice_after(*rest, size);
    *out = number;
    return number >= least && number <= most;
}

static bool is_of_name(uint8_t byte, bool is_quoted)
{
    if ((byte >= '0' && byte <= '9') || byte == '+' || byte == '-')
        return is_quoted;
    return ch_byte_is_alphanumeric(byte);
}

/* "CET" or "<+0330>": nobody sees it. */
static bool take_name(ch_slice *rest)
{
    bool is_quoted = take(rest, '<');
    size_t size = 0;
    while (size < rest->size && is_of_name(rest->data[size], is_quoted))
        size++;
    *rest = ch_slice_after(*rest, size);
    return size >= 3 && (!is_quoted || take(rest, '>'));
}

/* "2", "-1:30" or "+02:00:15", as seconds. */
static bool take_time(ch_slice *rest, unsigned hours_max, int32_t *out)
{
    bool is_negative = take(rest, '-');
    unsigned hours;
    unsigned minutes = 0;
    unsigned seconds = 0;
    if (!is_negative)
        (void)take(rest, '+');
    if (!take_number(rest, 0, hours_max, &hours))
        return false;
    if (take(rest, ':')) {
        if (!take_number(rest, 0, 59, &minutes))
            return false;
        if (take(rest, ':') && !take_number(rest, 0, 59, &seconds))
            return false;
    }
    int32_t time_s = (int32_t)(hours * HOUR_S + minutes * 60 + seconds);
    *out = is_negative ? -time_s : time_s;
    return true;
}

static bool take_day(ch_slice *rest, ch_zone_moment *out)
{
    *out = (ch_zone_moment){.kind = 'n'};
    if (take(rest, 'J')) {
        out->kind = 'J';
        return take_number(rest, 1, 365, &out->day);
    }
    if (!take(rest, 'M'))
        return take_number(rest, 0, 365, &out->day);
    out->kind = 'M';
    return take_number(rest, 1, 12, &out->month) && take(rest, '.') && take_number(rest, 1, 5, &out->week) &&
           take(rest, '.') && take_number(rest, 0, 6, &out->day);
}

static bool take_moment(ch_slice *rest, ch_zone_moment *out)
{
    if (!take(rest, ',') || !take_day(rest, out))
        return false;
    out->time_s = 2 * HOUR_S;
    return !take(rest, '/') || take_time(rest, TIME_HOURS_MAX, &out->time_s);
}

/* An offset is what is added to local time, so its sign is turned around. */
static bool take_offset(ch_slice *rest, int32_t *out)
{
    bool is_there = take_time(rest, OFFSET_HOURS_MAX, out);
    *out = is_there ? -*out : 0;
    return is_there;
}

bool ch_zone_rule_read(ch_slice text, ch_zone_rule *out)
{
    ch_slice rest = text;
    *out = (ch_zone_rule){0};
    if (!take_name(&rest) || !take_offset(&rest, &out->standard_s))
        return false;
    if (rest.size == 0)
        return true;
    out->has_summer = true;
    out->summer_s = out->standard_s + HOUR_S;
    if (!take_name(&rest) || rest.size == 0)
        return false;
    if (rest.data[0] != ',' && !take_offset(&rest, &out->summer_s))
        return false;
    return take_moment(&rest, &out->begin) && take_moment(&rest, &out->end) && rest.size == 0;
}

/* ---- the changes of a year ---- */

static int64_t day_in(int64_t year, const ch_zone_moment *moment)
{
    int64_t january = (year - 1970) * 12;
    int64_t first = ch_first_of_month(january);
    if (moment->kind == 'n')
        return first + moment->day;
    if (moment->kind == 'J')
        return first + moment->day - 1 + (moment->day >= 60 && ch_is_leap_year(year));
    int64_t month = january + moment->month - 1;
    first = ch_first_of_month(month);
    unsigned weekday = (moment->day + 6) % 7; /* from Monday */
    int64_t day = first + (weekday + 7 - ch_weekday_of(first)) % 7 + 7 * (int64_t)(moment->week - 1);
    return day < ch_first_of_month(month + 1) ? day : day - 7;
}

void ch_zone_rule_changes(const ch_zone_rule *rule, int64_t year, ch_zone_change out[2])
{
    int64_t begin = day_in(year, &rule->begin) * CH_DAY_S + rule->begin.time_s - rule->standard_s;
    int64_t end = day_in(year, &rule->end) * CH_DAY_S + rule->end.time_s - rule->summer_s;
    bool is_north = begin <= end;
    out[is_north ? 0 : 1] = (ch_zone_change){begin, rule->summer_s};
    out[is_north ? 1 : 0] = (ch_zone_change){end, rule->standard_s};
}
