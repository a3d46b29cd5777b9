/* The bots' listening socket, and a front process for each caller.
 *
 * Core accepts a connection, asks the kernel who is there, and passes the descriptor to the front of that user; all
 * strangers (whom policy does not name) have one front together. So a caller's bytes cost only its own
 * front, and a front that was taken over speaks for one caller. A front starts when its caller first connects, and ends
 * with the agent; the first is started at once, so that an agent whose front cannot start does not start either. With
 * `is_shared`, one front serves everybody. Core's thread only. */
#ifndef CH_AGENT_CORE_FRONTS_H
#define CH_AGENT_CORE_FRONTS_H

#include "agent/core/connections.h"
#include "agent/core/front_link.h"
#include "agent/core/relay_links.h"
#include "base/loop.h"
#include "policy/policy.h"

#include <sys/types.h>

#define CH_FRONTS_MAX 16 /* callers beyond that share the last one */

typedef struct ch_fronts ch_fronts;

/* How many of the descriptors that the process may have are for bots; connections on their way take some of them. */
size_t ch_fronts_descriptors(void);
/* Takes over `listen_fd`, a listening SOCK_STREAM socket. `policy` and `connections` must outlive the room, and so must
 * `relays`, which gets the connections of relays. */
ch_fronts *ch_fronts_new(ch_loop *loop, int listen_fd, ch_connections *connections, const ch_policy *policy,
                         ch_relay_links *relays, const ch_front_owner *owner, bool is_shared);
void ch_fronts_free(ch_fronts *fronts);
/* Takes over a connection that came by the socket of that name, a caller's own. */
void ch_fronts_take(ch_fronts *fronts, int fd, const char *socket);
/* Starts the first front; connections are accepted as soon as it is ready. */
void ch_fronts_start(ch_fronts *fronts);
/* True once the first front has been ready; and true if it ended before. */
bool ch_fronts_were_ready(const ch_fronts *fronts);
bool ch_fronts_have_failed(const ch_fronts *fronts);
/* True, and it is started again, if `pid` was a front. */
bool ch_fronts_died(ch_fronts *fronts, pid_t pid);
/* Sends what was answered. At the end of each turn of the loop. */
void ch_fronts_flush(ch_fronts *fronts);

#endif
