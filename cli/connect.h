/* Speaks to the agent, and to nobody else.
 *
 * Whoever can make a socket at the path could take a PIN, or say that a token is locked when it is not. So the kernel
 * is asked who listens, before anything is sent: it must be root, the user of this program, or the agent's user, which
 * --agent-user or CHANCERY_AGENT_USER names (if neither does: the user 'chancery', if there is one). */
#ifndef CH_CLI_CONNECT_H
#define CH_CLI_CONNECT_H

#include "cli/options.h"

/* CH_REFUSED unless one of those users listens on what `fd` is connected to; `path` is for the message. */
CH_CHECKED ch_status ch_connect_check(const ch_arguments *arguments, int fd, const char *path, ch_error *err);

/* Connects to the operators' socket, and checks; the caller closes `*fd`. CH_UNAVAILABLE if nobody listens there. */
CH_CHECKED ch_status ch_connect_operator(const ch_arguments *arguments, int *fd, ch_error *err);

#endif
