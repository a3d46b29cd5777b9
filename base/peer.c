#include "base/peer.h"

#include "base/users.h"

#include <sys/socket.h>

ch_status ch_peer_identify(int fd, ch_peer *out, ch_error *err)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 || size != sizeof credentials)
        return ch_fail_errno(err, "asking who connected");
    *out = (ch_peer){.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid};
    size = sizeof out->groups;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out->groups, &size) == 0)
        out->group_count = size / sizeof out->groups[0];
    return CH_OK;
}

ch_status ch_peer_check_user(const ch_peer *peer, ch_error *err)
{
    if (peer->uid != ch_overflow_uid())
        return CH_OK;
    if (ch_is_in_user_namespace())
        return ch_fail_rule(err, CH_REFUSED, "user",
                            "user %u is how this user namespace shows everybody whom it does not map; have it map the "
                            "caller's user",
                            (unsigned)peer->uid);
    return ch_fail_rule(
        err, CH_REFUSED, "user",
        "user %u is the overflow user, usually called 'nobody', and can be anybody; run the caller as a "
        "user of its own",
        (unsigned)peer->uid);
}

bool ch_peer_is_in_group(const ch_peer *peer, gid_t gid)
{
    for (size_t i = 0; i < peer->group_count; i++) {
        if (peer->groups[i] == gid)
            return true;
    }
    return peer->gid == gid;
}
