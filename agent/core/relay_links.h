/* Core's end of relays' connections. A relay comes by the sockets that bots come by, and is known by what policy says
 * of the peer; its connection is not passed to a front. It carries the fronts' frames: to core a relay is a front with
 * one connection, which is the relay itself. So what is said of fronts holds here too: nothing that comes is trusted.
 *
 * A relay needs one connection. It may have a few, and when another comes the oldest of its own makes room: it may have
 * been restarted. Core's thread only. */
#ifndef CH_AGENT_CORE_RELAY_LINKS_H
#define CH_AGENT_CORE_RELAY_LINKS_H

#include "agent/core/callers.h"
#include "agent/core/connections.h"
#include "agent/core/intake.h"
#include "agent/core/meter.h"
#include "base/loop.h"
#include "policy/policy.h"
#include "wire/frames.h"

#define CH_RELAY_LINKS_MAX 16  /* connections of all relays */
#define CH_RELAY_LINKS_SHARE 4 /* of one user by one socket; beyond it a user's make room for another user's */

typedef struct ch_relay_links ch_relay_links;

typedef struct ch_relay_owner {
    void *context;
    ch_connections *connections; /* all that follow must outlive the room */
    const ch_policy *policy;
    ch_callers *callers;
    ch_meter *meter; /* NULL: none */
    /* The frames are views, valid during the call. */
    void (*on_sign)(void *context, ch_asker asker, const ch_sign_frame *sign);
    void (*on_outcomes)(void *context, ch_asker asker, const ch_outcomes_frame *outcomes);
} ch_relay_owner;

ch_relay_links *ch_relay_links_new(ch_loop *loop, const ch_relay_owner *owner);
void ch_relay_links_free(ch_relay_links *links);

/* True if policy calls the peer a relay. */
bool ch_relay_links_want(const ch_relay_links *links, const ch_peer *peer);
/* Takes over the accepted socket of such a peer, unless it fails: then it must be closed. */
CH_CHECKED ch_status ch_relay_links_take(ch_relay_links *links, int fd, const ch_peer *peer, ch_error *err);
/* Sends what was answered. At the end of each turn of the loop. */
void ch_relay_links_flush(ch_relay_links *links);

#endif
