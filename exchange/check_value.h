/* Is a value what its parameter must be? Each type has one spelling for each value, so that policy and exchange can't
 * read the same bytes in two ways. Thread-safe. */
#ifndef CH_EXCHANGE_CHECK_VALUE_H
#define CH_EXCHANGE_CHECK_VALUE_H

#include "exchange/param_list.h"

/* Checks params[at], of `count` entries, with all that it holds, and fills in the defs. CH_BAD_INPUT names what is
 * wrong. */
CH_CHECKED ch_status ch_param_check(const ch_param_def *def, ch_param *params, size_t count, size_t at, ch_error *err);

/* True if `text` is a plain decimal, as a parameter that may not be negative takes it. */
bool ch_is_decimal(ch_slice text);

/* True if `param` is a receive window: a whole number of milliseconds from 1 to `max_ms`. */
bool ch_is_window(const ch_param *param, uint32_t max_ms);

#endif
