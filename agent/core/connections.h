/* The bots' connections: who is behind each, and how many each caller may hold.
 *
 * The kernel tells core who connected, and when they hang up; a front's frames can only name connections that core
 * passed to it. A caller is a user here. Callers that policy does not name are strangers: they share one small pool.
 * Core's thread only. */
#ifndef CH_AGENT_CORE_CONNECTIONS_H
#define CH_AGENT_CORE_CONNECTIONS_H

#include "agent/core/intake.h"
#include "base/peer.h"

#include <stdint.h>

#define CH_CONNECTIONS_MAX 1024
#define CH_CONNECTIONS_SHARE 128 /* of a caller; above it, only while RESERVE places are left */
#define CH_CONNECTIONS_RESERVE 256
#define CH_STRANGERS_MAX 32 /* connections of all strangers together */
#define CH_STRANGER_SHARE 8 /* of one of them; above it, only while RESERVE places of the pool are left */
#define CH_STRANGERS_RESERVE 24
#define CH_IDLE_AFTER_MS 1000 /* a connection without a request for so long may be closed for another's sake */

typedef struct ch_connections ch_connections;

/* `descriptors` may be used for connections: with fewer than CH_CONNECTIONS_MAX all shares are smaller in proportion.
 */
ch_connections *ch_connections_new(size_t descriptors);
void ch_connections_free(ch_connections *connections);

/* Enters a connection that is passed to `intake`, and returns its id. If nothing is left for a caller below its share,
 * the longest idle connection of the caller that holds most makes room: it is taken out of the table, and closed by the
 * intake by which it came. Returns CH_BUSY if the caller must be turned away. */
CH_CHECKED ch_status ch_connections_add(ch_connections *connections, const ch_peer *peer, bool is_stranger,
                                        ch_intake *intake, uint64_t *id, ch_error *err);
/* Keeps a copy of the connection's socket, by which ch_connections_look sees whether the caller has hung up. If it
 * fails the connection is removed; CH_BUSY: too few descriptors are left. */
CH_CHECKED ch_status ch_connections_keep(ch_connections *connections, uint64_t id, int fd, ch_error *err);
/* The peer of an open connection of `intake`; NULL if it has no such connection. */
const ch_peer *ch_connections_peer(const ch_connections *connections, const ch_intake *intake, uint64_t id);
/* How many connections `intake` has. */
size_t ch_connections_of(const ch_connections *connections, const ch_intake *intake);
/* Looks who has hung up: once a turn, before anything is signed. */
void ch_connections_look(ch_connections *connections);
/* True if `intake` has that connection, and the caller had not closed its end at the last look, whatever the front says
 * of it. */
bool ch_connections_is_there(const ch_connections *connections, const ch_intake *intake, uint64_t id);
/* A request came by this connection of `intake`, and is being served until ch_connections_serve_end; meanwhile, and for
 * CH_IDLE_AFTER_MS afterwards, it is not idle. Harmless if `intake` has no such connection. */
void ch_connections_serve_begin(ch_connections *connections, const ch_intake *intake, uint64_t id);
void ch_connections_serve_end(ch_connections *connections, const ch_intake *intake, uint64_t id);
/* Harmless if `intake` has no such connection. */
void ch_connections_remove(ch_connections *connections, const ch_intake *intake, uint64_t id);
void ch_connections_remove_all(ch_connections *connections, const ch_intake *intake);

#endif
