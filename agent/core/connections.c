/* Core accepts the bots' connections and asks the kernel who is there; the front gets the descriptor afterwards and, in
 * its frames, can only name connections that core itself has made. While no front is up nobody is accepted: bots wait
 * in the listener's backlog. */
#include "agent/core/core.h"
#include "base/memory.h"

#include "base/log.h"
#include "agent/core/status.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 32
#define PACKETS_A_TURN 4

/* The state folder's lock is held by now, so a socket that is there is a dead agent's. */
static ch_status remove_stale(const char *path, ch_error *err)
{
    struct stat facts;
    if (lstat(path, &facts) != 0)
        return errno == ENOENT ? CH_OK : ch_fail_errno(err, "looking at %s", path);
    if (!S_ISSOCK(facts.st_mode))
        return ch_fail(err, CH_CONFIG, "%s exists and is not a socket; move it away", path);
    return unlink(path) == 0 ? CH_OK : ch_fail_errno(err, "removing the old socket %s", path);
}

static ch_status make_folder_of(const char *path, ch_error *err)
{
    ch_autofree char *folder = ch_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder)
        return CH_OK;
    *slash = '\0';
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return ch_fail_errno(err, "making the folder %s", folder);
    return CH_OK;
}

ch_status ch_listen(const char *path, int type, int *fd, ch_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return ch_fail(err, CH_CONFIG, "the socket path %s is longer than %zu bytes", path,
                       sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    ch_status st = make_folder_of(path, err);
    if (st == CH_OK)
        st = remove_stale(path, err);
    if (st != CH_OK)
        return st;
    *fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return ch_fail_errno(err, "making the socket %s", path);
    /* Who may do what is decided by who connects, not by the file's mode. */
    if (bind(*fd, (struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0666) != 0 || listen(*fd, 512) != 0)
        return ch_fail_errno(err, "listening on %s", path);
    return CH_OK;
}

/* ---- connections ---- */

static uint64_t connection_id(const ch_core *core, const ch_connection *connection)
{
    return (uint64_t)connection->generation << 16 | (uint64_t)(connection - core->connections);
}

const ch_connection *ch_clients_find(const ch_core *core, uint64_t id)
{
    uint64_t index = id & 0xffff;
    if (index >= CH_CONNECTIONS_MAX)
        return NULL;
    const ch_connection *connection = &core->connections[index];
    return connection->is_open && connection->generation == id >> 16 ? connection : NULL;
}

static void close_connection(ch_core *core, uint64_t id)
{
    if (ch_clients_find(core, id) == NULL)
        return;
    ch_connection *connection = &core->connections[id & 0xffff];
    connection->is_open = false;
    connection->generation++;
    core->connection_count--;
}

static ch_status pass_to_front(ch_core *core, const ch_connection *connection, int fd, ch_error *err)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    size_t begin = ch_frame_begin(&packet, CH_FRAME_CONNECTION, connection_id(core, connection));
    ch_status st = ch_frame_end(&packet, begin, err);
    return st == CH_OK ? ch_channel_send_fd(&core->front.channel, &packet, fd, err) : st;
}

static ch_status admit(ch_core *core, int fd, ch_error *err)
{
    size_t index = 0;
    while (index < CH_CONNECTIONS_MAX && core->connections[index].is_open)
        index++;
    if (index == CH_CONNECTIONS_MAX)
        return ch_fail(err, CH_BUSY, "%d connections are open", CH_CONNECTIONS_MAX);
    ch_connection *connection = &core->connections[index];
    ch_status st = ch_peer_identify(fd, &connection->peer, err);
    if (st != CH_OK)
        return st;
    connection->is_open = true;
    core->connection_count++;
    st = pass_to_front(core, connection, fd, err);
    if (st != CH_OK)
        ch_front_down(core, err->message);
    return CH_OK;
}

void ch_clients_accept(ch_core *core)
{
    for (size_t i = 0; i < ACCEPTS_A_TURN && core->is_front_ready; i++) {
        ch_error err = CH_ERROR_INIT;
        int fd = accept4(core->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        if (admit(core, fd, &err) != CH_OK)
            ch_log("turned a connection away: %s", err.message);
        (void)close(fd);
    }
}

static void stop_listening(ch_core *core)
{
    if (core->is_listening)
        (void)epoll_ctl(core->epoll_fd, EPOLL_CTL_DEL, core->listen_fd, NULL);
    core->is_listening = false;
}

/* ---- the front process ---- */

void ch_front_keep_up(ch_core *core, uint64_t now_ms)
{
    ch_error err = CH_ERROR_INIT;
    if (ch_process_is_up(&core->front) || now_ms < core->front.restart_at_ms)
        return;
    ch_status st = ch_process_start(&core->front, now_ms, &err);
    if (st == CH_OK) {
        st = ch_core_watch(core, core->front.channel.fd, CH_TAG(CH_TAG_FRONT, 0), &err);
        ch_buffer *out = ch_channel_out(&core->front.channel);
        size_t begin = ch_frame_begin(out, CH_FRAME_FRONT_START, 0);
        ch_frame_u32(out, CH_FRAME_VERSION);
        if (st == CH_OK)
            st = ch_frame_end(out, begin, &err);
    }
    if (st != CH_OK)
        ch_front_down(core, err.message);
}

void ch_front_down(ch_core *core, const char *why)
{
    ch_log("front: process ended (%s); starting it again", why);
    ch_process_end(&core->front, ch_clock_ms());
    core->is_front_ready = false;
    core->front_life++;
    stop_listening(core);
    for (size_t i = 0; i < CH_CONNECTIONS_MAX; i++) {
        if (core->connections[i].is_open)
            close_connection(core, connection_id(core, &core->connections[i]));
    }
}

void ch_front_fail(ch_core *core, uint64_t request_id, const ch_error *err)
{
    ch_error ignored = CH_ERROR_INIT;
    if (!ch_process_is_up(&core->front))
        return;
    bool is_passing = err->status == CH_BUSY || err->status == CH_UNAVAILABLE;
    ch_buffer *out = ch_channel_out(&core->front.channel);
    size_t begin = ch_frame_begin(out, CH_FRAME_FAILED, request_id);
    ch_frame_error(out, err);
    ch_frame_u32(out, is_passing ? 1 : 0);
    (void)!ch_frame_end(out, begin, &ignored); /* an error fits a frame by its type */
}

void ch_front_flush(ch_core *core)
{
    ch_error err = CH_ERROR_INIT;
    if (ch_process_is_up(&core->front) && ch_channel_flush(&core->front.channel, &err) != CH_OK)
        ch_front_down(core, err.message);
}

static ch_status on_ready(ch_core *core, ch_error *err)
{
    core->is_front_ready = true;
    core->is_listening = true;
    return ch_core_watch(core, core->listen_fd, CH_TAG(CH_TAG_LISTEN, 0), err);
}

static ch_status on_frame(ch_core *core, ch_frame *frame, ch_error *err)
{
    if (core->is_front_ready) {
        switch (frame->type) {
        case CH_FRAME_SIGN:
            ch_sign_request(core, frame);
            return CH_OK;
        case CH_FRAME_CLOSED:
            close_connection(core, frame->id);
            return CH_OK;
        case CH_FRAME_LIST_KEYS:
            ch_status_list_keys(core, frame);
            return CH_OK;
        case CH_FRAME_GET_STATUS:
            ch_status_report(core, frame);
            return CH_OK;
        default:
            break;
        }
    } else if (frame->type == CH_FRAME_FRONT_READY) {
        return on_ready(core, err);
    }
    return ch_fail(err, CH_INTERNAL, "it sent frame %u, which is not its to send now", frame->type);
}

void ch_front_receive(ch_core *core)
{
    for (size_t i = 0; i < PACKETS_A_TURN && ch_process_is_up(&core->front); i++) {
        ch_error err = CH_ERROR_INIT;
        ch_slice packet;
        ch_frame frame;
        int fd = -1;
        ch_status st = ch_channel_receive(&core->front.channel, &packet, &fd, &err);
        if (fd >= 0)
            (void)close(fd);
        size_t received = packet.size;
        while (st == CH_OK && ch_frame_next(&packet, &frame))
            st = on_frame(core, &frame, &err);
        if (st == CH_OK && packet.size != 0)
            st = ch_fail(&err, CH_INTERNAL, "it sent a malformed packet");
        if (st != CH_OK)
            ch_front_down(core, err.message);
        if (received == 0)
            return;
    }
}
