/* Listening Unix sockets, each with a lock beside it: PATH.lock, held as long as the socket is. So no agent takes the
 * path of another that still listens there, and none removes the socket of another. */
#ifndef CH_AGENT_CORE_LISTEN_H
#define CH_AGENT_CORE_LISTEN_H

#include "base/error.h"

#include <sys/types.h>

typedef struct ch_listener ch_listener;

/* Makes the socket `path` of `type` (SOCK_STREAM, SOCK_SEQPACKET) and listens. Everybody may connect: who may do what
 * is decided by who connects, and who may connect by the folder's mode. The folder must be trusted (base/trust.h); it
 * is made with mode 0755 if it is missing. A socket that nobody listens on is a dead agent's, and is removed.
 *
 * Returns the non-blocking descriptor in `*fd`, which is the caller's to close, and in `*out` what ends it:
 * ch_listener_close. CH_CONFLICT: somebody listens on `path`. CH_CONFIG: it cannot be a socket there. */
CH_CHECKED ch_status ch_listen(const char *path, int type, ch_listener **out, int *fd, ch_error *err);

/* Makes the folder of the socket `path`, which is to be made, with `mode` if it is missing: who may not search it
 * cannot connect. */
CH_CHECKED ch_status ch_listen_make_folder(const char *path, mode_t mode, ch_error *err);

/* Removes the socket, unless another has taken its place, and releases the lock. NULL is fine. */
void ch_listener_close(ch_listener *listener);

#endif
