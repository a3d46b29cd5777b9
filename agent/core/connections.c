/* How many connections each caller holds is counted anew when somebody connects: the table is small, and callers keep
 * their connections.
 *
 * A caller sees the end of its connection only when both copies of the socket are closed, the front's and ours. So ours
 * is closed as soon as the front says that its own is, and when the front ends.
 *
 * Nobody sleeps on the epoll of our copies: a caller that shuts its socket down again and again would wake core each
 * time, and the kernel tells no event of it by which to know whom. */
#include "agent/core/connections.h"

#include "base/clock.h"
#include "base/close.h"
#include "base/memory.h"
#include "base/share.h"
#include "base/slots.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define NOBODY ((uid_t)-1)
#define ENDS_A_LOOK 64
#define DESCRIPTORS_KEPT 64 /* for operators and for core itself; a quarter, if there are few */

typedef struct connection {
    ch_peer peer;
    ch_intake *intake;
    int fd;           /* our copy of its socket, watched for the caller's hanging up; -1: none is kept */
    bool has_left;    /* it has hung up, and is watched no more */
    unsigned serving; /* requests that are being served */
    uint64_t used_ms; /* when it was opened, or its last request began or ended */
} connection;

struct ch_connections {
    int ends_fd;    /* an epoll of all copies; -1: there was none yet */
    size_t serving; /* requests of all connections */
    ch_slots *slots;
    connection table[CH_CONNECTIONS_MAX];
    /* Close together, for counting. */
    uid_t uids[CH_CONNECTIONS_MAX]; /* NOBODY: the place is free */
    bool is_stranger[CH_CONNECTIONS_MAX];
    ch_share callers;
    ch_share strangers;
};

static const ch_share most_callers = {CH_CONNECTIONS_MAX, CH_CONNECTIONS_SHARE, CH_CONNECTIONS_RESERVE, 0};
static const ch_share most_strangers = {CH_STRANGERS_MAX, CH_STRANGER_SHARE, CH_STRANGERS_RESERVE, 0};

/* Where few files can be open, everything is smaller in proportion: a connection is a descriptor here. */
static ch_share scale(ch_share most, size_t descriptors)
{
    if (descriptors >= CH_CONNECTIONS_MAX)
        return most;
    return (ch_share){.total = 1 + most.total * descriptors / CH_CONNECTIONS_MAX,
                      .share = 1 + most.share * descriptors / CH_CONNECTIONS_MAX,
                      .reserve = most.reserve * descriptors / CH_CONNECTIONS_MAX};
}

ch_connections *ch_connections_new(size_t descriptors)
{
    ch_connections *connections = ch_alloc(sizeof *connections);
    connections->ends_fd = -1;
    connections->callers = scale(most_callers, descriptors);
    connections->strangers = scale(most_strangers, descriptors);
    connections->slots = ch_slots_new(CH_CONNECTIONS_MAX);
    for (size_t i = 0; i < CH_CONNECTIONS_MAX; i++)
        connections->uids[i] = NOBODY;
    return connections;
}

/* ---- shares ---- */

static size_t count_of(const ch_connections *connections, uid_t uid)
{
    size_t count = 0;
    for (size_t i = 0; i < CH_CONNECTIONS_MAX; i++)
        count += connections->uids[i] == uid;
    return count;
}

static size_t count_strangers(const ch_connections *connections)
{
    size_t count = 0;
    for (size_t i = 0; i < CH_CONNECTIONS_MAX; i++)
        count += connections->uids[i] != NOBODY && connections->is_stranger[i];
    return count;
}

/* The index of the longest idle connection of `uid`; CH_CONNECTIONS_MAX if all are in use. */
static size_t find_idle(const ch_connections *connections, uid_t uid)
{
    uint64_t now_ms = ch_clock_ms();
    size_t found = CH_CONNECTIONS_MAX;
    uint64_t oldest_ms = now_ms < CH_IDLE_AFTER_MS ? 0 : now_ms - CH_IDLE_AFTER_MS;
    for (size_t i = 0; i < CH_CONNECTIONS_MAX; i++) {
        const connection *at = &connections->table[i];
        if (connections->uids[i] != uid || at->serving > 0 || at->used_ms > oldest_ms)
            continue;
        oldest_ms = at->used_ms;
        found = i;
    }
    return found;
}

static uid_t find_greediest(const ch_connections *connections)
{
    uid_t found = NOBODY;
    size_t most = 0;
    for (size_t i = 0; i < CH_CONNECTIONS_MAX; i++) {
        uid_t uid = connections->uids[i];
        size_t count = uid == NOBODY || uid == found ? 0 : count_of(connections, uid);
        if (count > most) {
            most = count;
            found = uid;
        }
    }
    return found;
}

/* The front has the same socket, so that closing ours would not do. */
static void forget_end(const ch_connections *connections, const connection *at)
{
    epoll_ctl(connections->ends_fd, EPOLL_CTL_DEL, at->fd, NULL);
}

static void release(ch_connections *connections, uint64_t id)
{
    size_t index = ch_slot_index(id);
    connection *at = &connections->table[index];
    if (at->fd >= 0) {
        forget_end(connections, at);
        ch_close_quickly(at->fd);
    }
    connections->serving -= at->serving;
    connections->uids[index] = NOBODY;
    ch_slots_release(connections->slots, id);
}

void ch_connections_free(ch_connections *connections)
{
    if (connections == NULL)
        return;
    for (size_t i = 0; i < CH_CONNECTIONS_MAX; i++) {
        if (connections->uids[i] != NOBODY)
            release(connections, ch_slots_id(connections->slots, i));
    }
    ch_slots_free(connections->slots);
    if (connections->ends_fd >= 0)
        close(connections->ends_fd);
    free(connections);
}

/* The table is full, and a caller below its share has come. The victim leaves the table first, because its intake may
 * remove it, too. */
static ch_status make_room(ch_connections *connections, ch_error *err)
{
    size_t index = find_idle(connections, find_greediest(connections));
    if (index == CH_CONNECTIONS_MAX)
        return ch_fail(err, CH_BUSY, "all %zu connections are open and in use", ch_slots_count(connections->slots));
    uint64_t victim = ch_slots_id(connections->slots, index);
    const ch_intake *intake = connections->table[index].intake;
    release(connections, victim);
    intake->close(intake->self, victim);
    return CH_OK;
}

static ch_status admit(ch_connections *connections, uid_t uid, bool is_stranger, ch_error *err)
{
    size_t own = count_of(connections, uid);
    size_t used = ch_slots_count(connections->slots);
    if (is_stranger && !ch_share_admits(&connections->strangers, count_strangers(connections), own))
        return ch_fail(err, CH_BUSY, "user %u, whom policy does not name, has %zu connections, and strangers share %zu",
                       (unsigned)uid, own, connections->strangers.total);
    if (ch_share_admits(&connections->callers, used, own))
        return CH_OK;
    if (own < connections->callers.share && !is_stranger)
        return make_room(connections, err);
    return ch_fail(err, CH_BUSY,
                   "user %u already has %zu connections, and the last %zu are reserved for other users; close some",
                   (unsigned)uid, own, connections->callers.reserve);
}

/* ---- the table ---- */

ch_status ch_connections_add(ch_connections *connections, const ch_peer *peer, bool is_stranger, ch_intake *intake,
                             uint64_t *id, ch_error *err)
{
    CH_TRY(admit(connections, peer->uid, is_stranger, err));
    *id = ch_slots_take(connections->slots);
    size_t index = ch_slot_index(*id);
    connections->table[index] = (connection){.peer = *peer, .intake = intake, .fd = -1, .used_ms = ch_clock_ms()};
    connections->uids[index] = peer->uid;
    connections->is_stranger[index] = is_stranger;
    return CH_OK;
}

static connection *find(const ch_connections *connections, uint64_t id)
{
    size_t index;
    if (!ch_slots_find(connections->slots, id, &index))
        return NULL;
    return (connection *)&connections->table[index];
}

static connection *find_of(const ch_connections *connections, const ch_intake *intake, uint64_t id)
{
    connection *at = find(connections, id);
    return at != NULL && at->intake == intake ? at : NULL;
}

const ch_peer *ch_connections_peer(const ch_connections *connections, const ch_intake *intake, uint64_t id)
{
    const connection *at = find_of(connections, intake, id);
    return at == NULL ? NULL : &at->peer;
}

size_t ch_connections_of(const ch_connections *connections, const ch_intake *intake)
{
    size_t count = 0;
    for (size_t i = 0; i < CH_CONNECTIONS_MAX; i++)
        count += connections->uids[i] != NOBODY && connections->table[i].intake == intake;
    return count;
}

/* The kernel uses the lowest number that is free. */
static bool is_scarce(int fd)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    rlim_t kept = limit.rlim_cur / 4 < DESCRIPTORS_KEPT ? limit.rlim_cur / 4 : DESCRIPTORS_KEPT;
    return (rlim_t)fd >= limit.rlim_cur - kept;
}

static ch_status watch_end(ch_connections *connections, uint64_t id, int fd, ch_error *err)
{
    struct epoll_event hang_up = {.events = 0, .data = {.u64 = id}}; /* a caller that only stops writing is there */
    if (connections->ends_fd < 0)
        connections->ends_fd = epoll_create1(EPOLL_CLOEXEC);
    if (connections->ends_fd < 0 || epoll_ctl(connections->ends_fd, EPOLL_CTL_ADD, fd, &hang_up) != 0)
        return ch_fail_errno(err, "watching a connection's end");
    return CH_OK;
}

ch_status ch_connections_keep(ch_connections *connections, uint64_t id, int fd, ch_error *err)
{
    connection *at = find(connections, id);
    assert(at != NULL && at->fd < 0);
    at->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    ch_status st = at->fd < 0 || is_scarce(at->fd)
                       ? ch_fail(err, CH_BUSY, "too few descriptors are left; raise the limit of open files")
                       : watch_end(connections, id, at->fd, err);
    if (st != CH_OK)
        release(connections, id);
    return st;
}

void ch_connections_look(ch_connections *connections)
{
    struct epoll_event ended[ENDS_A_LOOK];
    int count = ENDS_A_LOOK;
    while (connections->serving > 0 && connections->ends_fd >= 0 && count == ENDS_A_LOOK) {
        count = epoll_wait(connections->ends_fd, ended, ENDS_A_LOOK, 0);
        for (int i = 0; i < count; i++) {
            connection *at = find(connections, ended[i].data.u64);
            assert(at != NULL);
            at->has_left = true;
            forget_end(connections, at);
        }
    }
}

bool ch_connections_is_there(const ch_connections *connections, const ch_intake *intake, uint64_t id)
{
    const connection *at = find_of(connections, intake, id);
    return at != NULL && !at->has_left;
}

void ch_connections_serve_begin(ch_connections *connections, const ch_intake *intake, uint64_t id)
{
    connection *at = find_of(connections, intake, id);
    if (at == NULL)
        return;
    at->serving++;
    connections->serving++;
    at->used_ms = ch_clock_ms();
}

void ch_connections_serve_end(ch_connections *connections, const ch_intake *intake, uint64_t id)
{
    connection *at = find_of(connections, intake, id);
    if (at == NULL)
        return;
    assert(at->serving > 0);
    at->serving--;
    connections->serving--;
    at->used_ms = ch_clock_ms();
}

void ch_connections_remove(ch_connections *connections, const ch_intake *intake, uint64_t id)
{
    if (find_of(connections, intake, id) != NULL)
        release(connections, id);
}

void ch_connections_remove_all(ch_connections *connections, const ch_intake *intake)
{
    for (size_t i = 0; i < CH_CONNECTIONS_MAX; i++)
        ch_connections_remove(connections, intake, ch_slots_id(connections->slots, i));
}
