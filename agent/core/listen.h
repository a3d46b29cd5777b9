/* Listening Unix sockets. */
#ifndef CH_AGENT_CORE_LISTEN_H
#define CH_AGENT_CORE_LISTEN_H

#include "base/error.h"

/* Makes the socket `path` of `type` (SOCK_STREAM, SOCK_SEQPACKET), its folder too if that is missing, and listens. A
 * socket that is there already is taken for a dead agent's and removed: the state folder's lock must be held. Returns
 * the non-blocking descriptor in `*fd`. */
CH_CHECKED ch_status ch_listen(const char *path, int type, int *fd, ch_error *err);

#endif
