/* token probe: what a token really does, tried on scratch keys, as a table for a bug report. */
#ifndef CH_CLI_TOKEN_PROBE_H
#define CH_CLI_TOKEN_PROBE_H

#include "cli/options.h"

/* Runs `token probe`. What the token cannot do is its result, not a failure; scratch keys that are left over are. */
CH_CHECKED ch_status ch_token_probe_run(const ch_arguments *arguments, ch_error *err);

#endif
