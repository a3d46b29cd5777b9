/* A front that serves one caller never serves another: what it has read of the one must not reach the other. So the
 * first front, which is started before anyone has come, goes to the first caller.
 *
 * While the front of a caller is starting, a few of its connections wait here. */
#include "agent/core/fronts.h"

#include "agent/core/acceptor.h"
#include "agent/core/units.h"
#include "agent/pace.h"
#include "base/clock.h"
#include "base/close.h"
#include "base/log.h"
#include "base/memory.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define ACCEPT_SHARE 60        /* percent of core's time, for accepting */
#define BUSY_ACCEPT_SHARE 10   /* while callers are served */
#define DESCRIPTOR_RESERVE 300 /* for operators, children and PINs */
#define WAITING_MAX 256        /* connections accepted for fronts that are starting */
#define WAITING_SHARE 64       /* of one of them */
#define UNASSIGNED ((uid_t)-2)

typedef struct lane {
    uid_t uid; /* whose it is; CH_STRANGERS; UNASSIGNED */
    ch_front_link *front;
    ch_pace connects;
} lane;

/* How often new connections of a lane are passed on. A caller's are limited only while others are served. */
static const ch_pace connects_of_strangers = {.a_second = 500, .burst = 64};
static const ch_pace connects_of_caller = {.a_second = 2000, .burst = 256};

typedef struct arrival {
    lane *lane;
    ch_peer peer;
    int fd;
} arrival;

struct ch_fronts {
    ch_loop *loop;
    ch_connections *connections;
    const ch_policy *policy;
    ch_relay_links *relays;
    ch_front_owner owner;
    bool is_shared;
    ch_acceptor acceptor;
    lane lanes[CH_FRONTS_MAX];
    size_t lane_count;
    lane *last_caller;  /* the lane of callers that was made last */
    bool has_strangers; /* a lane for them */
    arrival waiting[WAITING_MAX];
    size_t waiting_count;
    ch_log_limit turned_away;
    bool were_ready;
    bool have_failed; /* before that */
};

static void on_change(void *context, ch_front_link *front);

/* ---- lanes ---- */

static lane *add_lane(ch_fronts *fronts)
{
    char name[32];
    snprintf(name, sizeof name, "front %zu", fronts->lane_count + 1);
    lane *at = &fronts->lanes[fronts->lane_count++];
    ch_front_watcher watcher = {.context = fronts, .on_change = on_change};
    *at = (lane){.uid = UNASSIGNED,
                 .front = ch_front_link_new(fronts->loop, name, fronts->connections, &fronts->owner, watcher)};
    return at;
}

static void assign(ch_fronts *fronts, lane *at, uid_t uid)
{
    at->uid = uid;
    at->connects = uid == CH_STRANGERS ? connects_of_strangers : connects_of_caller;
    ch_front_link_set_caller(at->front, uid);
    if (uid == CH_STRANGERS)
        fronts->has_strangers = true;
    else
        fronts->last_caller = at;
}

/* One place is kept for the lane of strangers: no caller may have to share with them. */
static bool has_place(const ch_fronts *fronts, uid_t uid)
{
    size_t kept = uid == CH_STRANGERS || fronts->has_strangers ? 0 : 1;
    return fronts->lane_count + kept < CH_FRONTS_MAX;
}

static bool is_deserted(const ch_fronts *fronts, const lane *at)
{
    if (at->uid == CH_STRANGERS || ch_connections_of(fronts->connections, ch_front_link_intake(at->front)) > 0)
        return false;
    for (size_t i = 0; i < fronts->waiting_count; i++) {
        if (fronts->waiting[i].lane == at)
            return false;
    }
    return true;
}

/* The lane of a caller who has left, with a new front. NULL if all are here. */
static lane *renew_lane(ch_fronts *fronts)
{
    for (size_t i = 0; i < fronts->lane_count; i++) {
        lane *at = &fronts->lanes[i];
        if (!is_deserted(fronts, at))
            continue;
        ch_front_link_renew(at->front);
        return at;
    }
    return NULL;
}

/* The lane of a caller; it may be new, and its front not running yet. */
static lane *lane_of(ch_fronts *fronts, uid_t uid)
{
    if (fronts->is_shared)
        return &fronts->lanes[0];
    for (size_t i = 0; i < fronts->lane_count; i++) {
        lane *at = &fronts->lanes[i];
        if (at->uid == UNASSIGNED)
            assign(fronts, at, uid);
        if (at->uid == uid)
            return at;
    }
    bool is_new = has_place(fronts, uid);
    lane *at = is_new ? add_lane(fronts) : renew_lane(fronts);
    if (at == NULL)
        return fronts->last_caller;
    assign(fronts, at, uid);
    if (is_new)
        ch_front_link_start(at->front);
    return at;
}

/* ---- connections ---- */

/* In what follows `fd` is taken over by whatever succeeds; turn_away closes it. */

static ch_status pass(ch_fronts *fronts, lane *at, const ch_peer *peer, int fd, ch_error *err)
{
    uint64_t id = 0;
    bool is_stranger = !ch_policy_knows(fronts->policy, peer);
    if (!ch_front_link_has_room(at->front))
        return ch_fail(err, CH_BUSY, "the front of user %u does not take its connections", (unsigned)peer->uid);
    CH_TRY(ch_connections_add(fronts->connections, peer, is_stranger, ch_front_link_intake(at->front), &id, err));
    CH_TRY(ch_connections_keep(fronts->connections, id, fd, err));
    ch_front_link_pass(at->front, fd, id);
    return CH_OK;
}

static size_t count_waiting(const ch_fronts *fronts, const lane *at)
{
    size_t count = 0;
    for (size_t i = 0; i < fronts->waiting_count; i++)
        count += fronts->waiting[i].lane == at;
    return count;
}

static ch_status wait_for_front(ch_fronts *fronts, lane *at, const ch_peer *peer, int fd, ch_error *err)
{
    size_t waiting = count_waiting(fronts, at);
    size_t share = at->uid == CH_STRANGERS ? CH_STRANGER_SHARE : WAITING_SHARE;
    if (waiting >= share || fronts->waiting_count == WAITING_MAX)
        return ch_fail(err, CH_BUSY, "the front of user %u is starting, and %zu connections wait for it",
                       (unsigned)peer->uid, waiting);
    fronts->waiting[fronts->waiting_count++] = (arrival){at, *peer, fd};
    return CH_OK;
}

static ch_status keep_pace(const ch_fronts *fronts, lane *at, const ch_peer *peer, ch_error *err)
{
    uint64_t now_ns = ch_clock_ns();
    if (fronts->is_shared)
        return CH_OK;
    bool is_limited = at->uid == CH_STRANGERS || ch_meter_process_share(fronts->owner.meter, at->uid) != 0;
    if (is_limited && ch_pace_wait_ns(&at->connects, now_ns) > 0)
        return ch_fail(err, CH_BUSY, "user %u connects too often", (unsigned)peer->uid);
    ch_pace_spend(&at->connects, now_ns, 1);
    return CH_OK;
}

static ch_status identify(int fd, const char *socket, ch_peer *peer, ch_error *err)
{
    CH_TRY(ch_peer_identify(fd, peer, err));
    snprintf(peer->socket, sizeof peer->socket, "%s", socket);
    ch_unit_find(fd, peer);
    return ch_peer_check_user(peer, err);
}

static ch_status admit_bot(ch_fronts *fronts, int fd, const ch_peer *peer, ch_error *err)
{
    lane *at = lane_of(fronts, ch_policy_knows(fronts->policy, peer) ? peer->uid : CH_STRANGERS);
    CH_TRY(keep_pace(fronts, at, peer, err));
    return ch_front_link_is_ready(at->front) ? pass(fronts, at, peer, fd, err)
                                             : wait_for_front(fronts, at, peer, fd, err);
}

static ch_status admit(ch_fronts *fronts, int fd, const char *socket, ch_error *err)
{
    ch_peer peer;
    CH_TRY(identify(fd, socket, &peer, err));
    return ch_relay_links_want(fronts->relays, &peer) ? ch_relay_links_take(fronts->relays, fd, &peer, err)
                                                      : admit_bot(fronts, fd, &peer, err);
}

static void turn_away(ch_fronts *fronts, int fd, const ch_error *why)
{
    ch_close_stream(fd);
    ch_log_limited(&fronts->turned_away, "turned a connection away: %s", why->message);
}

void ch_fronts_take(ch_fronts *fronts, int fd, const char *socket)
{
    ch_error err = CH_ERROR_INIT;
    if (admit(fronts, fd, socket, &err) != CH_OK)
        turn_away(fronts, fd, &err);
}

static void on_connect(void *context, int fd)
{
    ch_fronts_take(context, fd, "");
}

/* A front is ready: those who wait for it are passed on. It has ended: they are closed, as its other connections are.
 */
static void on_change(void *context, ch_front_link *front)
{
    ch_fronts *fronts = context;
    size_t kept = 0;
    ch_error failure = CH_ERROR_INIT;
    fronts->were_ready = fronts->were_ready || ch_front_link_is_ready(front);
    fronts->have_failed = !fronts->were_ready;
    if (fronts->were_ready && ch_acceptor_open(&fronts->acceptor, &failure) != CH_OK)
        ch_log("%s", failure.message);
    for (size_t i = 0; i < fronts->waiting_count; i++) {
        ch_error err = CH_ERROR_INIT;
        arrival at = fronts->waiting[i];
        if (at.lane->front != front)
            fronts->waiting[kept++] = at;
        else if (!ch_front_link_is_ready(front))
            ch_close_stream(at.fd);
        else if (pass(fronts, at.lane, &at.peer, at.fd, &err) != CH_OK)
            turn_away(fronts, at.fd, &err);
    }
    fronts->waiting_count = kept;
}

/* ---- the room ---- */

size_t ch_fronts_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    return limit.rlim_cur > 2 * DESCRIPTOR_RESERVE ? limit.rlim_cur - DESCRIPTOR_RESERVE : limit.rlim_cur / 2;
}

ch_fronts *ch_fronts_new(ch_loop *loop, int listen_fd, ch_connections *connections, const ch_policy *policy,
                         ch_relay_links *relays, const ch_front_owner *owner, bool is_shared)
{
    ch_fronts *fronts = ch_alloc(sizeof *fronts);
    fronts->loop = loop;
    fronts->connections = connections;
    fronts->policy = policy;
    fronts->relays = relays;
    fronts->owner = *owner;
    fronts->is_shared = is_shared;
    ch_acceptor_init(&fronts->acceptor, loop, listen_fd, ACCEPT_SHARE, ch_fronts_descriptors(), on_connect, fronts);
    add_lane(fronts);
    return fronts;
}

void ch_fronts_free(ch_fronts *fronts)
{
    if (fronts == NULL)
        return;
    for (size_t i = 0; i < fronts->waiting_count; i++)
        ch_close_stream(fronts->waiting[i].fd);
    fronts->waiting_count = 0;
    for (size_t i = 0; i < fronts->lane_count; i++)
        ch_front_link_free(fronts->lanes[i].front);
    ch_acceptor_close(&fronts->acceptor);
    free(fronts);
}

void ch_fronts_start(ch_fronts *fronts)
{
    ch_front_link_start(fronts->lanes[0].front);
}

bool ch_fronts_were_ready(const ch_fronts *fronts)
{
    return fronts->were_ready;
}

bool ch_fronts_have_failed(const ch_fronts *fronts)
{
    return fronts->have_failed;
}

bool ch_fronts_died(ch_fronts *fronts, pid_t pid)
{
    for (size_t i = 0; i < fronts->lane_count; i++) {
        if (ch_front_link_died(fronts->lanes[i].front, pid))
            return true;
    }
    return false;
}

void ch_fronts_flush(ch_fronts *fronts)
{
    ch_acceptor_set_share(&fronts->acceptor,
                          ch_meter_is_serving(fronts->owner.meter) ? BUSY_ACCEPT_SHARE : ACCEPT_SHARE);
    for (size_t i = 0; i < fronts->lane_count; i++)
        ch_front_link_flush(fronts->lanes[i].front);
}
