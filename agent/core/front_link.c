/* Replies that the front does not read are bounded: above REPLIES_MAX core reads no more requests from it. */
#include "agent/core/front_link.h"

#include "base/memory.h"
#include "agent/core/child.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 32
#define REPLIES_MAX (1U << 20) /* bytes */
#define RETRY_AFTER_S 1

struct ch_front_link {
    ch_loop *loop;
    ch_front_owner owner;
    ch_connections *connections;
    ch_child child;
    ch_source listener;
    ch_receiving state;
    uint64_t life;
};

/* ---- frames of the front ---- */

static ch_asker asker_of(const ch_front_link *front, const ch_frame *frame)
{
    return (ch_asker){.life = front->life, .request = frame->id};
}

static ch_status on_ready(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_front_link *front = self;
    ch_front_ready_frame ready;
    CH_TRY(ch_front_ready_frame_get(frame, &ready, err));
    front->state = CH_WHILE_SERVING;
    return ch_loop_watch(front->loop, &front->listener, EPOLLIN, err);
}

static ch_status on_closed(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_front_link *front = self;
    ch_closed_frame closed;
    CH_TRY(ch_closed_frame_get(frame, &closed, err));
    ch_connections_remove(front->connections, frame->id);
    return CH_OK;
}

static ch_status on_sign(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_front_link *front = self;
    ch_sign_frame sign;
    CH_TRY(ch_sign_frame_get(frame, &sign, err));
    front->owner.on_sign(front->owner.context, asker_of(front, frame), &sign);
    return CH_OK;
}

static ch_status on_list_keys(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_front_link *front = self;
    ch_list_keys_frame list;
    CH_TRY(ch_list_keys_frame_get(frame, &list, err));
    front->owner.on_list_keys(front->owner.context, asker_of(front, frame), &list);
    return CH_OK;
}

static ch_status on_get_status(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_front_link *front = self;
    ch_get_status_frame get;
    CH_TRY(ch_get_status_frame_get(frame, &get, err));
    front->owner.on_get_status(front->owner.context, asker_of(front, frame));
    return CH_OK;
}

static unsigned state_of(const void *self)
{
    const ch_front_link *front = self;
    return ch_child_is_up(&front->child) ? front->state : 0;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame                 taken by */
    { CH_FRAME_SIGN,         on_sign },
    { CH_FRAME_CLOSED,       on_closed },
    { CH_FRAME_LIST_KEYS,    on_list_keys },
    { CH_FRAME_GET_STATUS,   on_get_status },
    { CH_FRAME_FRONT_READY,  on_ready },
};
/* clang-format on */

static const ch_receiver receiver = {
    .direction = CH_FRONT_TO_CORE,
    .handlers = handlers,
    .handler_count = sizeof handlers / sizeof *handlers,
    .state = state_of,
};

/* ---- connections ---- */

static ch_status pass_on(ch_front_link *front, int fd, uint64_t id, ch_error *err)
{
    ch_channel_attach(&front->child.channel, fd);
    return ch_connection_frame_put(ch_channel_out(&front->child.channel), id, &(ch_connection_frame){}, err);
}

/* Takes `fd` over. */
static ch_status admit(ch_front_link *front, int fd, ch_error *err)
{
    ch_peer peer;
    uint64_t id = 0;
    ch_status st = ch_peer_identify(fd, &peer, err);
    if (st == CH_OK)
        st = ch_connections_add(front->connections, &peer, &id, err);
    if (st == CH_OK)
        return pass_on(front, fd, id, err);
    close(fd);
    return st;
}

static void on_connect(void *context)
{
    ch_front_link *front = context;
    for (size_t i = 0; i < ACCEPTS_A_TURN && front->state == CH_WHILE_SERVING; i++) {
        ch_error err = CH_ERROR_INIT;
        int fd = accept4(front->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        if (admit(front, fd, &err) != CH_OK)
            ch_log("turned a connection away: %s", err.message);
    }
}

/* ---- life ---- */

static ch_status on_up(void *self, ch_error *err)
{
    ch_front_link *front = self;
    front->state = CH_WHILE_STARTING;
    ch_front_start_frame start = {.version = CH_FRAMES_VERSION};
    return ch_front_start_frame_put(ch_channel_out(&front->child.channel), 0, &start, err);
}

static void on_down(void *self, const char *why)
{
    (void)why;
    ch_front_link *front = self;
    front->state = CH_WHILE_STARTING;
    front->life++;
    ch_loop_forget(front->loop, &front->listener);
    ch_connections_remove_all(front->connections);
}

static bool may_read(void *self)
{
    const ch_front_link *front = self;
    return ch_channel_pending(&front->child.channel) < REPLIES_MAX;
}

ch_front_link *ch_front_link_new(ch_loop *loop, int listen_fd, ch_connections *connections, const ch_front_owner *owner)
{
    ch_front_link *front = ch_alloc(sizeof *front);
    front->loop = loop;
    front->owner = *owner;
    front->connections = connections;
    front->state = CH_WHILE_STARTING;
    front->listener = (ch_source){.fd = listen_fd, .on_ready = on_connect, .context = front};
    ch_child_owner child_owner = {
        .receiver = &receiver, .self = front, .on_up = on_up, .on_down = on_down, .may_read = may_read};
    ch_child_init(&front->child, loop, "front", "front", &child_owner);
    return front;
}

void ch_front_link_free(ch_front_link *front)
{
    if (front == NULL)
        return;
    ch_child_stop(&front->child);
    ch_loop_forget(front->loop, &front->listener);
    close(front->listener.fd);
    free(front);
}

void ch_front_link_start(ch_front_link *front)
{
    ch_child_start(&front->child);
}

bool ch_front_link_died(ch_front_link *front, pid_t pid)
{
    return ch_child_died(&front->child, pid);
}

/* ---- answers ---- */

ch_buffer *ch_front_link_out(ch_front_link *front, ch_asker asker)
{
    bool is_waiting = asker.life == front->life && ch_child_is_up(&front->child);
    return is_waiting ? ch_channel_out(&front->child.channel) : NULL;
}

void ch_front_link_failed(ch_front_link *front, ch_asker asker, const char *step, const ch_error *why)
{
    ch_error ignored = CH_ERROR_INIT;
    ch_buffer *out = ch_front_link_out(front, asker);
    if (out == NULL)
        return;
    bool is_passing = why->status == CH_BUSY || why->status == CH_UNAVAILABLE;
    ch_failed_frame failed = {.why = *why, .step = ch_slice_of(step), .retry_after_s = is_passing ? RETRY_AFTER_S : 0};
    /* An error fits a frame by its type. */
    ch_ignore(ch_failed_frame_put(out, asker.request, &failed, &ignored));
}

void ch_front_link_flush(ch_front_link *front)
{
    ch_child_flush(&front->child);
}
