/* What the agent cannot do, or cannot tell apart, where it runs: sentences that are logged at the start and stand in
 * every status, so that nobody relies on what is not there. Core's thread only. */
#ifndef CH_AGENT_CORE_NOTICES_H
#define CH_AGENT_CORE_NOTICES_H

#include "base/error.h"

#include <stddef.h>

#define CH_NOTICES_MAX 16

typedef struct ch_notices ch_notices;

ch_notices *ch_notices_new(void);
/* NULL is fine. */
void ch_notices_free(ch_notices *notices);

/* Logs the sentence and keeps it. At most CH_NOTICES_MAX are kept. */
void ch_notices_add(ch_notices *notices, const char *format, ...) CH_PRINTF(2, 3);
/* Adds what is to be said of the ids of users: that the agent is in a user namespace, if it is. */
void ch_notices_add_users(ch_notices *notices);

/* NULL has none. */
size_t ch_notices_count(const ch_notices *notices);
const char *ch_notices_at(const ch_notices *notices, size_t index);

#endif
