/* What the agent has decided, page by page over the operators' socket. */
#ifndef CH_CLI_DECISIONS_H
#define CH_CLI_DECISIONS_H

#include "cli/options.h"

#include <jansson.h>

/* Appends {"id", "kind", "of", "record"} for what was decided after `after`, `limit` at most (0: all). */
CH_CHECKED ch_status ch_decisions_read(const ch_arguments *arguments, uint64_t after, uint64_t limit, json_t *rows,
                                       ch_error *err);

#endif
