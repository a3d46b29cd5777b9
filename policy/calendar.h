/* The calendar: days, weeks and months (Gregorian), as numbers that can be counted with. No zone: whoever asks has
 * added its offset. Thread-safe. */
#ifndef CH_POLICY_CALENDAR_H
#define CH_POLICY_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define CH_DAY_S 86400

/* Divides by a positive number and rounds down, below zero too. */
static inline int64_t ch_floor_divide(int64_t number, int64_t by)
{
    return number / by - (number % by < 0);
}

/* The day that a second since 1970 lies in; day 0 is 1970-01-01. */
static inline int64_t ch_day_of(int64_t second)
{
    return ch_floor_divide(second, CH_DAY_S);
}

/* 0 to 6, from Monday. */
static inline unsigned ch_weekday_of(int64_t day)
{
    return (unsigned)(day + 3 - 7 * ch_floor_divide(day + 3, 7));
}

bool ch_is_leap_year(int64_t year);
/* The first day of a month; month 0 is January 1970. Years from 1 to 9999. */
int64_t ch_first_of_month(int64_t month);
/* The month that a day lies in, for days from 1970 on. */
int64_t ch_month_of(int64_t day);

#endif
