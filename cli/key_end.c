#include "cli/key_end.h"

#include "base/utc.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

ch_status ch_key_end_read(const ch_arguments *arguments, ch_key_end *out, ch_error *err)
{
    const char *text = arguments->option[CH_OPT_EXPIRES];
    char today[CH_UTC_TEXT_SIZE];
    uint64_t seconds = 0;
    *out = (ch_key_end){.is_given = text != NULL};
    if (text == NULL)
        return CH_OK;
    if (strlen(text) != CH_DATE_SIZE - 1 || !ch_utc_read(text, &seconds))
        return ch_fail(err, CH_BAD_INPUT, "--expires takes a day, as in 2027-01-31");
    ch_utc_text((uint64_t)time(NULL), today);
    snprintf(out->first_day, sizeof out->first_day, "%.10s", today);
    snprintf(out->last_day, sizeof out->last_day, "%s", text);
    return strcmp(out->last_day, out->first_day) >= 0
               ? CH_OK
               : ch_fail(err, CH_BAD_INPUT, "--expires names a day that has passed; today is %s", out->first_day);
}

ch_status ch_key_end_note(ch_session *session, const char *uri, ch_key_end *end, ch_error *err)
{
    if (!end->is_given)
        return CH_OK;
    return ch_key_dates_set(session, uri, end->first_day, end->last_day, &end->is_kept, err);
}
