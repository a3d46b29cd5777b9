/* Leap days are counted from the year 1 on, so that nothing here depends on when the count of days begins. */
#include "policy/calendar.h"

#define EPOCH 1970

bool ch_is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t leap_days_until(int64_t year)
{
    return year / 4 - year / 100 + year / 400;
}

static int64_t first_of_year(int64_t year)
{
    return 365 * (year - EPOCH) + leap_days_until(year - 1) - leap_days_until(EPOCH - 1);
}

int64_t ch_first_of_month(int64_t month)
{
    static const int16_t days_before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t year = EPOCH + ch_floor_divide(month, 12);
    int64_t in_year = month - 12 * (year - EPOCH);
    return first_of_year(year) + days_before[in_year] + (in_year >= 2 && ch_is_leap_year(year));
}

int64_t ch_month_of(int64_t day)
{
    int64_t month = (day - 3) * 4800 / 146097; /* as long as the mean of 400 years; never too late */
    while (ch_first_of_month(month + 1) <= day)
        month++;
    return month;
}
