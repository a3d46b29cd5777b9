/* A front that serves one caller never serves another: what it has read of the one must not reach the other. So the
 * first front, which is started before anyone has come, goes to the first caller.
 *
 * While the front of a caller is starting, a few of its connections wait here. */
#include "agent/core/fronts.h"

#include "base/clock.h"
#include "base/close.h"
#include "base/log.h"
#include "base/memory.h"
#include "policy/decide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 16
#define WAITING_MAX 64  /* connections accepted for fronts that are starting */
#define WAITING_SHARE 8 /* of one of them */
#define PAUSE_MS 100
#define STRANGERS ((uid_t)-1)
#define UNASSIGNED ((uid_t)-2)

typedef struct lane {
    uid_t uid; /* whose it is; STRANGERS; UNASSIGNED */
    ch_front_link *front;
} lane;

typedef struct arrival {
    lane *lane;
    ch_peer peer;
    int fd;
} arrival;

struct ch_fronts {
    ch_loop *loop;
    ch_connections *connections;
    const ch_policy *policy;
    ch_front_owner owner;
    bool is_shared;
    ch_source listener;
    ch_timer resume; /* accepting, after the process had no descriptor left */
    lane lanes[CH_FRONTS_MAX];
    size_t lane_count;
    arrival waiting[WAITING_MAX];
    size_t waiting_count;
    ch_log_limit turned_away;
    bool were_ready;
    bool have_failed; /* before that */
};

static void on_change(void *context, ch_front_link *front);

/* ---- lanes ---- */

static lane *add_lane(ch_fronts *fronts, uid_t uid)
{
    char name[32];
    snprintf(name, sizeof name, "front %zu", fronts->lane_count + 1);
    lane *at = &fronts->lanes[fronts->lane_count++];
    ch_front_watcher watcher = {.context = fronts, .on_change = on_change};
    *at = (lane){uid, ch_front_link_new(fronts->loop, name, fronts->connections, &fronts->owner, watcher)};
    return at;
}

/* The lane of a caller; it may be new, and its front not running yet. */
static lane *lane_of(ch_fronts *fronts, uid_t uid)
{
    if (fronts->is_shared)
        return &fronts->lanes[0];
    for (size_t i = 0; i < fronts->lane_count; i++) {
        lane *at = &fronts->lanes[i];
        if (at->uid == UNASSIGNED)
            at->uid = uid;
        if (at->uid == uid)
            return at;
    }
    if (fronts->lane_count == CH_FRONTS_MAX)
        return &fronts->lanes[CH_FRONTS_MAX - 1];
    lane *at = add_lane(fronts, uid);
    ch_front_link_start(at->front);
    return at;
}

/* ---- connections ---- */

static ch_status enter(ch_fronts *fronts, lane *at, const ch_peer *peer, int fd, uint64_t *id, ch_error *err)
{
    ch_victim victim;
    bool is_stranger = !ch_policy_knows(fronts->policy, peer);
    if (!ch_front_link_has_room(at->front))
        return ch_fail(err, CH_BUSY, "the front of user %u does not take its connections", (unsigned)peer->uid);
    CH_TRY(ch_connections_add(fronts->connections, peer, is_stranger, at->front, id, &victim, err));
    if (victim.id != 0)
        ch_front_link_close(victim.front, victim.id);
    return ch_connections_keep(fronts->connections, *id, fd, err);
}

/* Takes `fd` over. */
static ch_status pass(ch_fronts *fronts, lane *at, const ch_peer *peer, int fd, ch_error *err)
{
    uint64_t id = 0;
    ch_status st = enter(fronts, at, peer, fd, &id, err);
    if (st == CH_OK)
        return ch_front_link_pass(at->front, fd, id, err);
    ch_connections_remove(fronts->connections, at->front, id);
    ch_close_stream(fd);
    return st;
}

/* Takes `fd` over. */
static ch_status admit(ch_fronts *fronts, int fd, ch_error *err)
{
    ch_peer peer;
    ch_status st = ch_peer_identify(fd, &peer, err);
    if (st == CH_OK)
        st = ch_peer_check_user(&peer, err);
    if (st != CH_OK) {
        ch_close_stream(fd);
        return st;
    }
    lane *at = lane_of(fronts, ch_policy_knows(fronts->policy, &peer) ? peer.uid : STRANGERS);
    if (ch_front_link_is_ready(at->front))
        return pass(fronts, at, &peer, fd, err);
    size_t waiting = 0;
    for (size_t i = 0; i < fronts->waiting_count; i++)
        waiting += fronts->waiting[i].lane == at;
    if (waiting == WAITING_SHARE) {
        ch_close_stream(fd);
        return ch_fail(err, CH_BUSY, "the front of user %u is starting, and %d connections wait for it",
                       (unsigned)peer.uid, WAITING_SHARE);
    }
    fronts->waiting[fronts->waiting_count++] = (arrival){at, peer, fd};
    return CH_OK;
}

static void note_failure(ch_fronts *fronts, ch_status st, const ch_error *err)
{
    if (st != CH_OK)
        ch_log_limited(&fronts->turned_away, "turned a connection away: %s", err->message);
}

/* Nobody is accepted while the places for arrivals are full, or before the first front is ready. */
static void watch_listener(ch_fronts *fronts)
{
    ch_error err = CH_ERROR_INIT;
    bool may_accept = fronts->waiting_count < WAITING_MAX;
    if (fronts->lane_count == 1)
        may_accept = may_accept && ch_front_link_is_ready(fronts->lanes[0].front);
    if (!may_accept)
        ch_loop_forget(fronts->loop, &fronts->listener);
    else if (ch_loop_watch(fronts->loop, &fronts->listener, EPOLLIN, &err) != CH_OK)
        ch_log("%s", err.message);
}

static void on_resume(void *context)
{
    watch_listener(context);
}

/* The listener would be ready again at once, and core would do nothing else. */
static void pause_accepting(ch_fronts *fronts)
{
    ch_log_limited(&fronts->turned_away, "no descriptor is left for a connection; raise the limit of open files");
    ch_loop_forget(fronts->loop, &fronts->listener);
    ch_loop_set_timer(fronts->loop, &fronts->resume, ch_clock_ms() + PAUSE_MS);
}

static void on_connect(void *context)
{
    ch_fronts *fronts = context;
    for (size_t i = 0; i < ACCEPTS_A_TURN && fronts->waiting_count < WAITING_MAX; i++) {
        ch_error err = CH_ERROR_INIT;
        int fd = accept4(fronts->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
            pause_accepting(fronts);
            return;
        }
        if (fd < 0)
            break;
        note_failure(fronts, admit(fronts, fd, &err), &err);
    }
    watch_listener(fronts);
}

/* A front is ready: those who wait for it are passed on. It has ended: they are closed, as its other connections are.
 */
static void on_change(void *context, ch_front_link *front)
{
    ch_fronts *fronts = context;
    size_t kept = 0;
    fronts->were_ready = fronts->were_ready || ch_front_link_is_ready(front);
    fronts->have_failed = !fronts->were_ready;
    for (size_t i = 0; i < fronts->waiting_count; i++) {
        ch_error err = CH_ERROR_INIT;
        arrival at = fronts->waiting[i];
        if (at.lane->front != front)
            fronts->waiting[kept++] = at;
        else if (ch_front_link_is_ready(front))
            note_failure(fronts, pass(fronts, at.lane, &at.peer, at.fd, &err), &err);
        else
            ch_close_stream(at.fd);
    }
    fronts->waiting_count = kept;
    watch_listener(fronts);
}

/* ---- the room ---- */

ch_fronts *ch_fronts_new(ch_loop *loop, int listen_fd, ch_connections *connections, const ch_policy *policy,
                         const ch_front_owner *owner, bool is_shared)
{
    ch_fronts *fronts = ch_alloc(sizeof *fronts);
    fronts->loop = loop;
    fronts->connections = connections;
    fronts->policy = policy;
    fronts->owner = *owner;
    fronts->is_shared = is_shared;
    fronts->listener = (ch_source){.fd = listen_fd, .on_ready = on_connect, .context = fronts};
    fronts->resume = (ch_timer){.on_due = on_resume, .context = fronts};
    add_lane(fronts, UNASSIGNED);
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
    ch_loop_cancel_timer(fronts->loop, &fronts->resume);
    ch_loop_forget(fronts->loop, &fronts->listener);
    close(fronts->listener.fd);
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
    for (size_t i = 0; i < fronts->lane_count; i++)
        ch_front_link_flush(fronts->lanes[i].front);
}
