/* The sockets that callers have for themselves: FOLDER/NAME.sock, in the folder of the common one, for each name that
 * policy gives a caller. The socket that a caller used is part of its identity. Core's thread only. */
#ifndef CH_AGENT_CORE_DOORS_H
#define CH_AGENT_CORE_DOORS_H

#include "base/loop.h"
#include "policy/policy.h"

#define CH_DOORS_MAX 64

typedef struct ch_doors ch_doors;

/* Who takes over the connections that come by the socket of that name. */
typedef struct ch_door_owner {
    void *context;
    void (*take)(void *context, int fd, const char *socket);
} ch_door_owner;

/* `path` is that of the common socket. Descriptors from `fd_limit` on are not for these connections. */
ch_doors *ch_doors_new(ch_loop *loop, const char *path, const ch_door_owner *owner, size_t fd_limit);
/* Closes the sockets that are no caller's any more, and makes those that are new. CH_CONFLICT, CH_CONFIG: one cannot be
 * made; those that can are there. */
CH_CHECKED ch_status ch_doors_follow(ch_doors *doors, const ch_policy *policy, ch_error *err);
/* Accepts from now on. */
CH_CHECKED ch_status ch_doors_accept(ch_doors *doors, ch_error *err);
/* Closes and removes all. NULL is fine. */
void ch_doors_close(ch_doors *doors);

#endif
