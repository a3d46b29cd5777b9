/* Who is at the other end of a Unix socket, as the kernel says. Ask once, when the connection is accepted: what counts
 * is who connected. Thread-safe. */
#ifndef CH_BASE_PEER_H
#define CH_BASE_PEER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CH_PEER_GROUPS_MAX 64
#define CH_PEER_SOCKET_MAX 64
#define CH_PEER_UNIT_MAX 127

typedef struct ch_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid; /* for the log; it may name another process by the time it is read */
    gid_t groups[CH_PEER_GROUPS_MAX];
    size_t group_count;
    char socket[CH_PEER_SOCKET_MAX + 1]; /* the name of the listening socket that it came by; empty: the common one */
    char unit[CH_PEER_UNIT_MAX + 1];     /* the systemd unit that it is part of; empty: none, or not known */
} ch_peer;

/* CH_IO if the kernel does not say; the caller must then close the connection. A peer in more than CH_PEER_GROUPS_MAX
 * supplementary groups counts as being in none of them. */
CH_CHECKED ch_status ch_peer_identify(int fd, ch_peer *out, ch_error *err);
/* CH_REFUSED if the peer's uid is the overflow uid (base/users.h), which says nothing of who it is. */
CH_CHECKED ch_status ch_peer_check_user(const ch_peer *peer, ch_error *err);
bool ch_peer_is_in_group(const ch_peer *peer, gid_t gid);

#endif
