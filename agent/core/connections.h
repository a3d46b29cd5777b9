/* Who is behind each connection that core has accepted and passed to the front.
 *
 * Core asked the kernel; the front, in its frames, can only name connections that are in this table. Core's thread
 * only. */
#ifndef CH_AGENT_CORE_CONNECTIONS_H
#define CH_AGENT_CORE_CONNECTIONS_H

#include "base/peer.h"

#include <stdint.h>

#define CH_CONNECTIONS_MAX 1024

typedef struct ch_connections ch_connections;

ch_connections *ch_connections_new(void);
void ch_connections_free(ch_connections *connections);

/* Enters a connection and returns its id. CH_BUSY: CH_CONNECTIONS_MAX are open. */
CH_CHECKED ch_status ch_connections_add(ch_connections *connections, const ch_peer *peer, uint64_t *id, ch_error *err);
/* The peer of an open connection; NULL if there is no such connection. */
const ch_peer *ch_connections_peer(const ch_connections *connections, uint64_t id);
/* Harmless if there is no such connection. */
void ch_connections_remove(ch_connections *connections, uint64_t id);
void ch_connections_remove_all(ch_connections *connections);

#endif
