/* A listening socket in the loop, and no more of it than core can bear.
 *
 * Accepting takes a share of core's time; above it, who connects waits, in the kernel's queue. A reserve of descriptors
 * is kept for what matters more. Core's thread only. */
#ifndef CH_AGENT_CORE_ACCEPTOR_H
#define CH_AGENT_CORE_ACCEPTOR_H

#include "base/loop.h"
#include "agent/pace.h"

#include <stddef.h>

typedef struct ch_acceptor {
    ch_loop *loop;
    /* Takes over an accepted connection, a non-blocking descriptor. */
    void (*take)(void *context, int fd);
    void *context;
    ch_source listener;
    ch_timer resume;
    ch_pace pace;
    int fd_limit; /* descriptors from here on are not for these connections */
    bool is_open;
} ch_acceptor;

/* Takes over `listen_fd`, and accepts nobody yet. `share` is in percent of core's time; Descriptors from
 * `fd_limit` on are kept for others. The acceptor must stay where it is. */
void ch_acceptor_init(ch_acceptor *acceptor, ch_loop *loop, int listen_fd, unsigned share, size_t fd_limit,
                      void (*take)(void *context, int fd), void *context);
/* Accepts from now on. */
CH_CHECKED ch_status ch_acceptor_open(ch_acceptor *acceptor, ch_error *err);
/* Changes the share. */
void ch_acceptor_set_share(ch_acceptor *acceptor, unsigned share);
/* Closes the listening socket. */
void ch_acceptor_close(ch_acceptor *acceptor);

#endif
