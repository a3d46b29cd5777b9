/* Core's end of one front process: connections that are passed to it, requests that come back, and their answers.
 *
 * Requests go up to the owner, who answers them (agent/core/intake.h). What is answered leaves with
 * ch_front_link_flush. Core's thread only. */
#ifndef CH_AGENT_CORE_FRONT_LINK_H
#define CH_AGENT_CORE_FRONT_LINK_H

#include "agent/core/confinement.h"
#include "agent/core/connections.h"
#include "agent/core/intake.h"
#include "agent/core/meter.h"
#include "base/loop.h"
#include "wire/frames.h"

typedef struct ch_front_link ch_front_link;

typedef struct ch_front_owner {
    void *context;
    ch_confinement *confinement; /* what the front could not give up is reported there; may be NULL */
    ch_meter *meter;             /* NULL: none */
    /* The frames are views, valid during the call. */
    void (*on_sign)(void *context, ch_asker asker, const ch_sign_frame *sign);
    void (*on_list_keys)(void *context, ch_asker asker, const ch_list_keys_frame *list);
    void (*on_get_status)(void *context, ch_asker asker, const ch_get_status_frame *get);
    void (*on_get_time)(void *context, ch_asker asker);
    void (*on_get_limits)(void *context, ch_asker asker, const ch_get_limits_frame *get);
    void (*on_put_prices)(void *context, ch_asker asker, const ch_put_prices_frame *put);
    void (*on_list_prices)(void *context, ch_asker asker, const ch_list_prices_frame *list);
    void (*on_release)(void *context, ch_asker asker, const ch_release_frame *release);
    void (*on_get_request)(void *context, ch_asker asker, const ch_get_request_frame *get);
    void (*on_fetch)(void *context, ch_asker asker, const ch_fetch_frame *fetch);
    void (*on_withdraw)(void *context, ch_asker asker, const ch_withdraw_frame *withdraw);
} ch_front_owner;

/* Who must know when the front is ready for connections, and when it has ended. */
typedef struct ch_front_watcher {
    void *context;
    void (*on_change)(void *context, ch_front_link *front);
} ch_front_watcher;

/* `name` is for the log. `connections` must outlive the link. */
ch_front_link *ch_front_link_new(ch_loop *loop, const char *name, ch_connections *connections,
                                 const ch_front_owner *owner, ch_front_watcher watcher);
void ch_front_link_free(ch_front_link *front);
void ch_front_link_start(ch_front_link *front);
/* Ends its process, and starts another, which knows nothing of what this one has read. */
void ch_front_link_renew(ch_front_link *front);
/* True while it is ready for connections. */
bool ch_front_link_is_ready(const ch_front_link *front);
/* False while too many connections are on their way to it already. */
bool ch_front_link_has_room(const ch_front_link *front);
/* For whom this front works, so that the meter counts it. Without a caller it is not metered. */
void ch_front_link_set_caller(ch_front_link *front, uid_t caller);
/* Passes the accepted socket `fd`, which is taken over, to the front, which must be ready. */
void ch_front_link_pass(ch_front_link *front, int fd, uint64_t connection);
/* What the front's connections are entered as. */
ch_intake *ch_front_link_intake(ch_front_link *front);

/* True, and the front is ended, if `pid` was its process. */
bool ch_front_link_died(ch_front_link *front, pid_t pid);

void ch_front_link_flush(ch_front_link *front);

#endif
