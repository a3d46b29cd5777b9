/* A door that is closed leaves its place: an acceptor must stay where it is as long as it is open. */
#include "agent/core/doors.h"

#include "agent/core/acceptor.h"
#include "agent/core/listen.h"
#include "base/buffer.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ACCEPT_SHARE 10 /* percent of core's time, for each */

typedef struct door {
    ch_doors *doors;
    char *socket; /* its name; NULL: the place is free */
    ch_listener *listener;
    ch_acceptor acceptor;
} door;

struct ch_doors {
    ch_loop *loop;
    char *path; /* of the common one */
    ch_door_owner owner;
    size_t fd_limit;
    bool is_accepting;
    door list[CH_DOORS_MAX];
};

static void take(void *context, int fd)
{
    const door *at = context;
    const ch_doors *doors = at->doors;
    doors->owner.take(doors->owner.context, fd, at->socket);
}

static ch_status find_path(const ch_doors *doors, const char *socket, ch_buffer *out, ch_error *err)
{
    const char *slash = strrchr(doors->path, '/');
    int folder_size = slash == NULL ? 0 : (int)(slash + 1 - doors->path);
    ch_buffer_add_format(out, "%.*s%s.sock", folder_size, doors->path, socket);
    if (strcmp(ch_buffer_text(out), doors->path) == 0)
        return ch_fail(err, CH_CONFIG, "the socket '%s' of a caller is the common one, %s; give it another name",
                       socket, doors->path);
    return CH_OK;
}

static ch_status open_door(ch_doors *doors, door *at, const char *socket, ch_error *err)
{
    int fd = -1;
    ch_autobuffer path = CH_BUFFER_INIT;
    CH_TRY(find_path(doors, socket, &path, err));
    CH_TRY(ch_listen(ch_buffer_text(&path), SOCK_STREAM, &at->listener, &fd, err));
    at->doors = doors;
    at->socket = ch_strdup(socket);
    ch_acceptor_init(&at->acceptor, doors->loop, fd, ACCEPT_SHARE, doors->fd_limit, take, at);
    return doors->is_accepting ? ch_acceptor_open(&at->acceptor, err) : CH_OK;
}

static void close_door(door *at)
{
    ch_acceptor_close(&at->acceptor);
    ch_listener_close(at->listener);
    free(at->socket);
    *at = (door){0};
}

ch_doors *ch_doors_new(ch_loop *loop, const char *path, const ch_door_owner *owner, size_t fd_limit)
{
    ch_doors *doors = ch_alloc(sizeof *doors);
    doors->loop = loop;
    doors->path = ch_strdup(path);
    doors->owner = *owner;
    doors->fd_limit = fd_limit;
    return doors;
}

/* ---- the policy's ---- */

static bool is_wanted(const ch_policy *policy, const char *socket)
{
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (policy->callers[i].socket != NULL && strcmp(policy->callers[i].socket, socket) == 0)
            return true;
    }
    return false;
}

static door *find(ch_doors *doors, const char *socket)
{
    for (size_t i = 0; i < CH_DOORS_MAX; i++) {
        door *at = &doors->list[i];
        if (socket == NULL ? at->socket == NULL : at->socket != NULL && strcmp(at->socket, socket) == 0)
            return at;
    }
    return NULL;
}

static ch_status add_door(ch_doors *doors, const char *socket, ch_error *err)
{
    if (find(doors, socket) != NULL)
        return CH_OK;
    door *at = find(doors, NULL);
    if (at == NULL)
        return ch_fail(err, CH_CONFIG, "callers have more than %d sockets of their own; let some share one",
                       CH_DOORS_MAX);
    return open_door(doors, at, socket, err);
}

ch_status ch_doors_follow(ch_doors *doors, const ch_policy *policy, ch_error *err)
{
    ch_status st = CH_OK;
    for (size_t i = 0; i < CH_DOORS_MAX; i++) {
        if (doors->list[i].socket != NULL && !is_wanted(policy, doors->list[i].socket))
            close_door(&doors->list[i]);
    }
    for (size_t i = 0; i < policy->caller_count; i++) {
        ch_error why = CH_ERROR_INIT;
        const char *socket = policy->callers[i].socket;
        if (socket == NULL || add_door(doors, socket, &why) == CH_OK)
            continue;
        if (st == CH_OK)
            *err = why;
        st = err->status;
    }
    return st;
}

ch_status ch_doors_accept(ch_doors *doors, ch_error *err)
{
    doors->is_accepting = true;
    for (size_t i = 0; i < CH_DOORS_MAX; i++) {
        if (doors->list[i].socket != NULL)
            CH_TRY(ch_acceptor_open(&doors->list[i].acceptor, err));
    }
    return CH_OK;
}

void ch_doors_close(ch_doors *doors)
{
    if (doors == NULL)
        return;
    for (size_t i = 0; i < CH_DOORS_MAX; i++) {
        if (doors->list[i].socket != NULL)
            close_door(&doors->list[i]);
    }
    free(doors->path);
    free(doors);
}
