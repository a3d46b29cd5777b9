/* What stands where a secret will be, or is one no longer: masks, place-holders, names of variables, paths, escapes.
 *
 * Decides by looks alone. About one in 100000 secrets drawn at random looks so too; and text (not base64) that begins
 * with '/' or '~' is always taken for a path. Thread-safe. */
#ifndef CH_CLI_PLACEHOLDER_H
#define CH_CLI_PLACEHOLDER_H

#include "base/encode.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>

/* How an error names the way past these checks. */
#define CH_PLACEHOLDER_WAY_OUT "If the exchange did give it out so, pass it with --as-is"

/* `value` is visible ASCII, one line, not yet decoded; `name` ("the API secret") is for messages. Where no exchange
 * made it, it may read like anything, but marks that stand around and between values are refused all the same.
 * CH_BAD_INPUT says what it looks like, without quoting it. */
CH_CHECKED ch_status ch_placeholder_check(ch_slice value, ch_encoding encoding, bool is_of_exchange, const char *name,
                                          ch_error *err);

#endif
