#include "cli/trading_row.h"

#include "base/utc.h"
#include "cli/jansson.h"
#include "policy/states.h"

json_t *ch_time_json(uint64_t seconds, const char *when_none)
{
    char text[CH_UTC_TEXT_SIZE];
    ch_utc_text(seconds, text);
    return json_string(seconds == 0 || *text == '\0' ? when_none : text);
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
    return json_pack("{s:s s:o s:s s:o s:o}", "of", kind, "name", ch_jansson_slice(row->name), "state", state_of(row),
                     "until", ch_time_json(row->until_ns / 1000000000, when_none), "why", ch_jansson_slice(row->why));
}
