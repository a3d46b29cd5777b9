#include "cli/connect.h"

#include "base/memory.h"
#include "base/peer.h"
#include "base/users.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_USER "chancery"

/* The uid of the agent's user; our own if nobody says and there is no user of the default's name. */
static ch_status find_agent_user(const ch_arguments *arguments, uid_t *out, ch_error *err)
{
    ch_error ignored = CH_ERROR_INIT;
    const char *user = ch_option_agent_user(arguments);
    *out = geteuid();
    if (user == NULL) {
        ch_ignore(ch_user_find(DEFAULT_USER, out, &ignored)); /* there need not be one */
        return CH_OK;
    }
    if (ch_user_find(user, out, err) != CH_OK)
        return ch_error_wrap(err, "the agent's user (--agent-user or CHANCERY_AGENT_USER)");
    return CH_OK;
}

ch_status ch_connect_check(const ch_arguments *arguments, int fd, const char *path, ch_error *err)
{
    ch_peer peer;
    uid_t agent = 0;
    CH_TRY(find_agent_user(arguments, &agent, err));
    CH_TRY(ch_peer_identify(fd, &peer, err));
    if (peer.uid == ch_overflow_uid() && ch_is_in_user_namespace())
        return ch_fail(err, CH_REFUSED,
                       "who listens on %s cannot be told from inside this user namespace, so nothing was sent; run "
                       "chancery outside it",
                       path);
    if (peer.uid == 0 || peer.uid == geteuid() || peer.uid == agent)
        return CH_OK;
    return ch_fail(err, CH_REFUSED,
                   "user %u listens on %s, who is not root, not you and not the agent's user, so nothing was sent; if "
                   "the agent runs as that user, say so with --agent-user or CHANCERY_AGENT_USER",
                   (unsigned)peer.uid, path);
}

static ch_status reach(int fd, const char *path, ch_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return ch_fail(err, CH_BAD_INPUT, "the socket path '%s' is too long; a socket's path has at most %zu bytes",
                       path, sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return CH_OK;
    return ch_fail(err, CH_UNAVAILABLE,
                   "no agent answers at %s (%s); is chancery-agent running, and may you reach that path? "
                   "--operator-socket or CHANCERY_OPERATOR_SOCK names another",
                   path, strerror(errno));
}

ch_status ch_connect_operator(const ch_arguments *arguments, int *fd, ch_error *err)
{
    ch_autofree char *path = ch_option_operator_socket(arguments);
    *fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return ch_fail_errno(err, "making a socket");
    ch_status st = reach(*fd, path, err);
    if (st == CH_OK)
        st = ch_connect_check(arguments, *fd, path, err);
    if (st == CH_OK)
        return CH_OK;
    close(*fd);
    *fd = -1;
    return st;
}
