/* A packet holds whole frames. One that carries a descriptor holds a single frame, so that there is no doubt whose the
 * descriptor is. */
#include "wire/channel.h"

#include "base/close.h"
#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As many as the kernel lets a message carry (SCM_MAX_FD). If there were room for fewer, it would close the others
 * itself, and might wait. */
#define DESCRIPTORS_SEEN 253

void ch_channel_open(ch_channel *channel, int fd)
{
    *channel = (ch_channel){.fd = fd, .pending = CH_BUFFER_INIT, .incoming = ch_alloc(CH_PACKET_MAX)};
}

void ch_channel_open_stream(ch_channel *channel, int fd)
{
    ch_channel_open(channel, fd);
    channel->is_stream = true;
}

void ch_channel_close(ch_channel *channel)
{
    if (channel->fd >= 0)
        ch_close_quickly(channel->fd);
    for (size_t i = 0; i < channel->attachment_count; i++)
        ch_close_quickly(channel->attachments[i].fd);
    free(channel->attachments);
    ch_buffer_free(&channel->pending);
    free(channel->incoming);
    *channel = (ch_channel)CH_CHANNEL_CLOSED;
}

ch_buffer *ch_channel_out(ch_channel *channel)
{
    assert(channel->fd >= 0);
    return &channel->pending;
}

size_t ch_channel_pending(const ch_channel *channel)
{
    return channel->pending.size - channel->sent;
}

/* ---- sending ---- */

void ch_channel_attach(ch_channel *channel, int fd)
{
    if (channel->attachment_count == channel->attachment_capacity) {
        channel->attachment_capacity = channel->attachment_capacity == 0 ? 8 : channel->attachment_capacity * 2;
        channel->attachments =
            ch_realloc_array(channel->attachments, channel->attachment_capacity, sizeof *channel->attachments);
    }
    channel->attachments[channel->attachment_count++] = (ch_attachment){channel->pending.size, fd};
}

ch_status ch_channel_attach_secret(ch_channel *channel, const ch_secret *secret, ch_error *err)
{
    int fd = -1;
    CH_TRY(ch_secret_to_pipe(secret, &fd, err));
    ch_channel_attach(channel, fd);
    return CH_OK;
}

void ch_channel_detach(ch_channel *channel)
{
    assert(channel->attachment_count > 0);
    close(channel->attachments[--channel->attachment_count].fd);
}

size_t ch_channel_attached(const ch_channel *channel)
{
    return channel->attachment_count;
}

static bool is_attached_at(const ch_channel *channel, size_t offset)
{
    return channel->attachment_count > 0 && channel->attachments[0].at == offset;
}

/* As many whole frames as one packet takes; one frame if a descriptor goes with it. */
static size_t next_packet_size(const ch_channel *channel)
{
    size_t size = 0;
    bool is_alone = is_attached_at(channel, channel->sent);
    while (channel->sent + size < channel->pending.size) {
        uint32_t frame_size;
        memcpy(&frame_size, channel->pending.data + channel->sent + size, sizeof frame_size);
        bool fits = size + frame_size <= CH_PACKET_MAX && !(size > 0 && is_attached_at(channel, channel->sent + size));
        if (!fits)
            break;
        size += frame_size;
        if (is_alone)
            break;
    }
    return size;
}

static ssize_t send_packet(const ch_channel *channel, size_t size, int attached)
{
    uint8_t *packet = channel->pending.data + channel->sent;
    if (attached < 0)
        return send(channel->fd, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    struct iovec bytes = {.iov_base = packet, .iov_len = size};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.space = {0}};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof attached);
    memcpy(CMSG_DATA(rights), &attached, sizeof attached);
    return sendmsg(channel->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void forget_attachment(ch_channel *channel)
{
    close(channel->attachments[0].fd);
    channel->attachment_count--;
    memmove(channel->attachments, channel->attachments + 1, channel->attachment_count * sizeof *channel->attachments);
}

/* Frees the space of what has left, once it is more than half. */
static void compact(ch_channel *channel)
{
    size_t left = ch_channel_pending(channel);
    if (left > channel->sent)
        return;
    if (left > 0)
        memmove(channel->pending.data, channel->pending.data + channel->sent, left);
    for (size_t i = 0; i < channel->attachment_count; i++)
        channel->attachments[i].at -= channel->sent;
    channel->pending.size = left;
    channel->sent = 0;
}

ch_status ch_channel_flush(ch_channel *channel, ch_error *err)
{
    while (ch_channel_pending(channel) > 0) {
        size_t size = channel->is_stream ? ch_channel_pending(channel) : next_packet_size(channel);
        bool is_attached = is_attached_at(channel, channel->sent);
        ssize_t sent = send_packet(channel, size, is_attached ? channel->attachments[0].fd : -1);
        if (sent < 0 && errno == EINTR)
            continue;
        /* ETOOMANYREFS: too many descriptors are on their way; it passes as they are received. */
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ETOOMANYREFS))
            break;
        if (sent < 0)
            return ch_fail_errno(err, "sending %zu bytes of frames", size);
        if (is_attached)
            forget_attachment(channel);
        channel->sent += (size_t)sent; /* all of a packet */
    }
    compact(channel);
    return CH_OK;
}

/* ---- receiving ---- */

/* Takes the descriptors out of a received message. All but a single one are closed. */
static size_t take_descriptors(struct msghdr *message, int *fd)
{
    size_t count = 0;
    int taken[DESCRIPTORS_SEEN];
    for (struct cmsghdr *item = CMSG_FIRSTHDR(message); item != NULL; item = CMSG_NXTHDR(message, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here && count < DESCRIPTORS_SEEN; i++)
            memcpy(&taken[count++], CMSG_DATA(item) + i * sizeof(int), sizeof(int));
    }
    if (count == 1)
        *fd = taken[0];
    for (size_t i = 0; count > 1 && i < count; i++)
        ch_close_quickly(taken[i]);
    return count;
}

static ssize_t receive_message(const ch_channel *channel, struct msghdr *message, int wait_flag)
{
    ssize_t got;
    do {
        got = recvmsg(channel->fd, message, wait_flag | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Receives into `incoming` from `at` on. CH_OK with nothing in `packet`: nothing was there. */
static ch_status receive_at(ch_channel *channel, size_t at, int wait_flag, ch_packet *packet, ch_error *err)
{
    *packet = (ch_packet){
        .bytes = {channel->incoming + at, 0},
          .fd = -1
    };
    struct iovec bytes = {.iov_base = channel->incoming + at, .iov_len = CH_PACKET_MAX - at};
    union {
        char space[CMSG_SPACE(DESCRIPTORS_SEEN * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t got = receive_message(channel, &message, wait_flag);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return CH_OK;
    if (got < 0 && errno != ECONNRESET)
        return ch_fail_errno(err, "receiving frames");
    if (got == 0) { /* the end, or an empty packet, beside which a descriptor may have come */
        take_descriptors(&message, &packet->fd);
        ch_packet_close(packet);
    }
    if (got <= 0)
        return ch_fail(err, CH_UNAVAILABLE, "the other process is gone");
    size_t count = take_descriptors(&message, &packet->fd);
    if (count > 1)
        return ch_fail(err, CH_BAD_INPUT, "a packet carried more than one descriptor");
    /* Without room for a descriptor the kernel cuts it off: the peer is not to blame. */
    packet->is_fd_lost = count == 0 && (message.msg_flags & MSG_CTRUNC) != 0;
    packet->bytes.size = (size_t)got;
    if ((message.msg_flags & MSG_TRUNC) == 0)
        return CH_OK;
    ch_packet_close(packet);
    packet->bytes.size = 0;
    return ch_fail(err, CH_TOO_LARGE, "a packet was larger than %d bytes", CH_PACKET_MAX);
}

/* How many of the bytes that came are whole frames. */
static ch_status count_whole(const ch_channel *channel, size_t *out, ch_error *err)
{
    *out = 0;
    for (uint32_t size; *out + sizeof size <= channel->incoming_size; *out += size) {
        memcpy(&size, channel->incoming + *out, sizeof size);
        if (size < sizeof size || size > CH_PACKET_MAX)
            return ch_fail(err, CH_INTERNAL, "what came are no frames");
        if (size > channel->incoming_size - *out)
            break;
    }
    return CH_OK;
}

static ch_status receive_stream(ch_channel *channel, int wait_flag, ch_packet *packet, ch_error *err)
{
    channel->incoming_size -= channel->taken_size;
    memmove(channel->incoming, channel->incoming + channel->taken_size, channel->incoming_size);
    channel->taken_size = 0;
    CH_TRY(receive_at(channel, channel->incoming_size, wait_flag, packet, err));
    if (packet->fd >= 0 || packet->is_fd_lost) {
        ch_packet_close(packet);
        packet->bytes.size = 0;
        return ch_fail(err, CH_BAD_INPUT, "a descriptor came by a stream");
    }
    channel->incoming_size += packet->bytes.size;
    packet->bytes = (ch_slice){channel->incoming, 0};
    CH_TRY(count_whole(channel, &channel->taken_size, err));
    packet->bytes.size = channel->taken_size;
    return CH_OK;
}

static ch_status receive(ch_channel *channel, int wait_flag, ch_packet *packet, ch_error *err)
{
    return channel->is_stream ? receive_stream(channel, wait_flag, packet, err)
                              : receive_at(channel, 0, wait_flag, packet, err);
}

ch_status ch_channel_receive(ch_channel *channel, ch_packet *packet, ch_error *err)
{
    return receive(channel, MSG_DONTWAIT, packet, err);
}

ch_status ch_channel_receive_wait(ch_channel *channel, ch_packet *packet, ch_error *err)
{
    return receive(channel, 0, packet, err);
}

/* ---- receivers ---- */

static const ch_handler *find_handler(const ch_receiver *receiver, uint16_t type)
{
    for (size_t i = 0; i < receiver->handler_count; i++) {
        if (receiver->handlers[i].type == type)
            return &receiver->handlers[i];
    }
    return NULL;
}

static ch_status hand_over(ch_packet *packet, ch_frame *frame, const ch_receiver *receiver, void *self,
                           ch_receiving state, ch_error *err)
{
    bool has_descriptor = packet->fd >= 0 || packet->is_fd_lost;
    CH_TRY(ch_frame_admit(frame->type, receiver->direction, state, has_descriptor, err));
    const ch_handler *handler = find_handler(receiver, frame->type);
    if (handler == NULL)
        return ch_fail(err, CH_INTERNAL, "frame %s has no handler here", ch_frame_name(frame->type));
    CH_TRY(handler->take(self, frame, &packet->fd, err));
    if (has_descriptor && packet->bytes.size > 0)
        return ch_fail(err, CH_INTERNAL, "a descriptor came with several frames");
    return CH_OK;
}

static ch_status take_frame(ch_packet *packet, const ch_receiver *receiver, void *self, ch_error *err)
{
    ch_frame frame;
    unsigned state = receiver->state(self);
    if (state == 0) {
        packet->bytes.size = 0;
        return CH_OK;
    }
    if (!ch_frame_next(&packet->bytes, &frame))
        return ch_fail(err, CH_INTERNAL, "a malformed packet came");
    return hand_over(packet, &frame, receiver, self, (ch_receiving)state, err);
}

ch_status ch_packet_take_frame(ch_packet *packet, const ch_receiver *receiver, void *self, ch_error *err)
{
    ch_status st = packet->bytes.size == 0 ? CH_OK : take_frame(packet, receiver, self, err);
    if (st != CH_OK)
        packet->bytes.size = 0;
    ch_packet_close(packet);
    return st;
}

ch_status ch_packet_take(ch_packet *packet, const ch_receiver *receiver, void *self, ch_error *err)
{
    ch_status st = CH_OK;
    while (st == CH_OK && packet->bytes.size > 0)
        st = ch_packet_take_frame(packet, receiver, self, err);
    ch_packet_close(packet); /* of a packet without a frame */
    return st;
}

void ch_packet_close(ch_packet *packet)
{
    if (packet->fd >= 0)
        ch_close_quickly(packet->fd);
    packet->fd = -1;
}
