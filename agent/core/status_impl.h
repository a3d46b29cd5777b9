/* What the files of status.h share: what there is to say of a key (status_keys.c), in the list of keys and in the
 * report (status.c). Of a key with versions, that is said of the one that signs. */
#ifndef CH_AGENT_CORE_STATUS_IMPL_H
#define CH_AGENT_CORE_STATUS_IMPL_H

#include "agent/core/status.h"

/* Returns the version that a request would be signed by or, if none can sign, the one whose trouble tells most. */
const ch_key *ch_status_version_in_use(const ch_status_context *context, const ch_key *key);
/* Returns true if that version could sign now. */
bool ch_status_is_ready(const ch_status_context *context, const ch_key *version);
/* Returns why it could not. */
ch_error ch_status_problem(const ch_status_context *context, const ch_key *version);

/* Returns the end of an unlock by the wall clock as it stands now, or 0 if it does not end or nobody knows the time. */
uint64_t ch_status_wall_ms(uint64_t end_ns);

CH_CHECKED ch_status ch_status_find_caller(const ch_status_context *context, const ch_intake *intake,
                                           uint64_t connection, const ch_peer **out, ch_error *err);

#endif
