#include "base/utc.h"

#include <string.h>
#include <time.h>

#define SECONDS_END 18446744073ULL /* more do not fit 64 bits as nanoseconds */

void ch_utc_text(uint64_t seconds, char text[static CH_UTC_TEXT_SIZE])
{
    struct tm utc;
    time_t at = (time_t)seconds;
    if (gmtime_r(&at, &utc) == NULL || strftime(text, CH_UTC_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        text[0] = '\0';
}

/* timegm turns the 30th of February into a day of March; writing the moment again shows that. */
bool ch_utc_read(const char *text, uint64_t *seconds)
{
    struct tm parts = {0};
    char again[CH_UTC_TEXT_SIZE];
    const char *format = strlen(text) == strlen("2027-01-31") ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%SZ";
    const char *end = strptime(text, format, &parts);
    time_t at = end == NULL || *end != '\0' ? -1 : timegm(&parts);
    struct tm *back = at < 0 ? NULL : gmtime_r(&at, &parts);
    if (back == NULL || strftime(again, sizeof again, format, back) == 0)
        return false;
    *seconds = (uint64_t)at;
    return strcmp(again, text) == 0 && *seconds < SECONDS_END;
}
