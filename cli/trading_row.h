/* A trading state as an operator's commands show it. */
#ifndef CH_CLI_TRADING_ROW_H
#define CH_CLI_TRADING_ROW_H

#include "wire/frames.h"

#include <jansson.h>

/* The time in UTC, or `when_none` for 0. */
json_t *ch_time_json(uint64_t seconds, const char *when_none);
/* {"of": "key", "name": ..., "state": ..., "until": ..., "why": ...}; of "all", without a name. */
json_t *ch_trading_row_json(const ch_trading_row_record *row);

#endif
