#include "cli/trading_row.h"

#include "base/buffer.h"
#include "cli/jansson.h"
#include "policy/states.h"

#include <time.h>

json_t *ch_time_json(uint64_t seconds, const char *when_none)
{
    char text[40];
    struct tm utc;
    time_t at = (time_t)seconds;
    if (seconds == 0 || gmtime_r(&at, &utc) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        return json_string(when_none);
    return json_string(text);
}

static json_t *text_of(ch_slice text)
{
    ch_autobuffer copy = CH_BUFFER_INIT;
    ch_buffer_add_slice(&copy, text);
    return ch_jansson_text(ch_buffer_text(&copy));
}

static const char *state_of(const ch_trading_row_record *row)
{
    if (row->of == CH_STATE_OF_VERSION)
        return "revoked";
    return row->state <= CH_TRADING_HALTED ? ch_trading_name((ch_trading)row->state) : "unknown";
}

json_t *ch_trading_row_json(const ch_trading_row_record *row)
{
    static const char *const kinds[] = {[CH_STATE_OF_CALLER] = "caller",
                                        [CH_STATE_OF_KEY] = "key",
                                        [CH_STATE_OF_ALL] = "all",
                                        [CH_STATE_OF_VERSION] = "version"};
    const char *kind = row->of <= CH_STATE_OF_VERSION ? kinds[row->of] : "unknown";
    const char *when_none = row->state == CH_TRADING_ACTIVE  ? ""
                            : row->of == CH_STATE_OF_VERSION ? "for good"
                                                             : "an admin thaws it";
    return json_pack("{s:s s:o s:s s:o s:o}", "of", kind, "name", text_of(row->name), "state", state_of(row), "until",
                     ch_time_json(row->until_ns / 1000000000, when_none), "why", text_of(row->why));
}
