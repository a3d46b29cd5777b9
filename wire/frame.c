/* A frame is 16 bytes of header, then its fields one after the other, unaligned: each is copied in and out with memcpy,
 * so nothing here depends on where a packet lies in memory. */
#include "wire/frame.h"

#include "base/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct frame_header {
    uint32_t size; /* header included */
    uint16_t type;
    uint16_t zero;
    uint64_t id;
} frame_header;

_Static_assert(sizeof(frame_header) == 16, "the header has no padding");

/* ---- writing ---- */

size_t ch_frame_begin(ch_buffer *packet, ch_frame_type type, uint64_t id)
{
    size_t begin = packet->size;
    frame_header header = {.size = 0, .type = (uint16_t)type, .zero = 0, .id = id};
    ch_buffer_add(packet, &header, sizeof header);
    return begin;
}

void ch_frame_u8(ch_buffer *packet, uint8_t value)
{
    ch_buffer_add_byte(packet, value);
}

void ch_frame_u16(ch_buffer *packet, uint16_t value)
{
    ch_buffer_add(packet, &value, sizeof value);
}

void ch_frame_u32(ch_buffer *packet, uint32_t value)
{
    ch_buffer_add(packet, &value, sizeof value);
}

void ch_frame_u64(ch_buffer *packet, uint64_t value)
{
    ch_buffer_add(packet, &value, sizeof value);
}

void ch_frame_bytes(ch_buffer *packet, ch_slice bytes)
{
    ch_frame_u32(packet, (uint32_t)bytes.size);
    ch_buffer_add_slice(packet, bytes);
}

void ch_frame_text(ch_buffer *packet, const char *text)
{
    ch_frame_bytes(packet, ch_slice_of(text));
}

void ch_frame_error(ch_buffer *packet, const ch_error *err)
{
    ch_frame_u32(packet, (uint32_t)err->status);
    ch_frame_text(packet, err->rule);
    ch_frame_text(packet, err->message);
}

ch_status ch_frame_end(ch_buffer *packet, size_t begin, ch_error *err)
{
    size_t size = packet->size - begin;
    if (size > CH_PACKET_MAX) {
        packet->size = begin;
        return ch_fail(err, CH_TOO_LARGE, "a message of %zu bytes is over the limit of %d", size, CH_PACKET_MAX);
    }
    uint32_t written = (uint32_t)size;
    memcpy(packet->data + begin, &written, sizeof written);
    return CH_OK;
}

/* ---- reading ---- */

bool ch_frame_next(ch_slice *packet, ch_frame *out)
{
    frame_header header;
    if (packet->size < sizeof header)
        return false;
    memcpy(&header, packet->data, sizeof header);
    if (header.size < sizeof header || header.size > packet->size || header.zero != 0)
        return false;
    *out = (ch_frame){.type = header.type,
                      .id = header.id,
                      .at = packet->data + sizeof header,
                      .end = packet->data + header.size,
                      .is_broken = false};
    packet->data += header.size;
    packet->size -= header.size;
    return true;
}

static void read_field(ch_frame *frame, void *out, size_t size)
{
    if (frame->is_broken || (size_t)(frame->end - frame->at) < size) {
        frame->is_broken = true;
        memset(out, 0, size);
        return;
    }
    memcpy(out, frame->at, size);
    frame->at += size;
}

uint8_t ch_frame_read_u8(ch_frame *frame)
{
    uint8_t value;
    read_field(frame, &value, sizeof value);
    return value;
}

uint16_t ch_frame_read_u16(ch_frame *frame)
{
    uint16_t value;
    read_field(frame, &value, sizeof value);
    return value;
}

uint32_t ch_frame_read_u32(ch_frame *frame)
{
    uint32_t value;
    read_field(frame, &value, sizeof value);
    return value;
}

uint64_t ch_frame_read_u64(ch_frame *frame)
{
    uint64_t value;
    read_field(frame, &value, sizeof value);
    return value;
}

ch_slice ch_frame_read_bytes(ch_frame *frame)
{
    size_t size = ch_frame_read_u32(frame);
    if (frame->is_broken || (size_t)(frame->end - frame->at) < size) {
        frame->is_broken = true;
        return (ch_slice){(const uint8_t *)"", 0};
    }
    ch_slice bytes = {frame->at, size};
    frame->at += size;
    return bytes;
}

ch_status ch_frame_read_error(ch_frame *frame, ch_error *out)
{
    uint32_t status = ch_frame_read_u32(frame);
    ch_slice rule = ch_frame_read_bytes(frame);
    ch_slice message = ch_frame_read_bytes(frame);
    if (frame->is_broken || status >= CH_STATUS_COUNT)
        return ch_fail(out, CH_INTERNAL, "a malformed error came from another process");
    if (status == CH_OK)
        return CH_OK;
    char rule_text[sizeof out->rule] = "";
    memcpy(rule_text, rule.data, rule.size < sizeof rule_text ? rule.size : sizeof rule_text - 1);
    return ch_fail_rule(out, (ch_status)status, rule_text, "%.*s", CH_SLICE_ARGS(message));
}

bool ch_frame_done(const ch_frame *frame)
{
    return !frame->is_broken && frame->at == frame->end;
}

/* ---- the channel ---- */

void ch_channel_open(ch_channel *channel, int fd)
{
    *channel = (ch_channel){.fd = fd, .pending = CH_BUFFER_INIT, .incoming = ch_alloc(CH_PACKET_MAX)};
}

void ch_channel_close(ch_channel *channel)
{
    if (channel->fd >= 0)
        (void)close(channel->fd);
    ch_buffer_free(&channel->pending);
    free(channel->incoming);
    *channel = (ch_channel){.fd = -1};
}

ch_buffer *ch_channel_out(ch_channel *channel)
{
    return &channel->pending;
}

bool ch_channel_is_blocked(const ch_channel *channel)
{
    return channel->pending.size > channel->pending_start;
}

/* As many whole frames as one packet takes. */
static size_t next_packet_size(const ch_channel *channel)
{
    size_t size = 0;
    while (channel->pending_start + size < channel->pending.size) {
        frame_header header;
        memcpy(&header, channel->pending.data + channel->pending_start + size, sizeof header);
        if (size + header.size > CH_PACKET_MAX)
            break;
        size += header.size;
    }
    return size;
}

ch_status ch_channel_flush(ch_channel *channel, ch_error *err)
{
    while (ch_channel_is_blocked(channel)) {
        size_t size = next_packet_size(channel);
        ssize_t sent =
            send(channel->fd, channel->pending.data + channel->pending_start, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return CH_OK;
        if (sent < 0)
            return ch_fail_errno(err, "sending %zu bytes of frames", size);
        channel->pending_start += size;
    }
    ch_buffer_clear(&channel->pending);
    channel->pending_start = 0;
    return CH_OK;
}

static ch_status wait_for_room(const ch_channel *channel, ch_error *err)
{
    struct pollfd room = {.fd = channel->fd, .events = POLLOUT};
    int ready = poll(&room, 1, 1000);
    if (ready < 0 && errno != EINTR)
        return ch_fail_errno(err, "waiting for room on a channel");
    return ready == 0 ? ch_fail(err, CH_UNAVAILABLE, "a process took no frames for a second") : CH_OK;
}

ch_status ch_channel_send_fd(ch_channel *channel, const ch_buffer *packet, int fd, ch_error *err)
{
    ch_status st = ch_channel_flush(channel, err);
    while (st == CH_OK && ch_channel_is_blocked(channel)) {
        st = wait_for_room(channel, err);
        if (st == CH_OK)
            st = ch_channel_flush(channel, err);
    }
    struct iovec bytes = {.iov_base = packet->data, .iov_len = packet->size};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.space = {0}};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    while (st == CH_OK) {
        if (sendmsg(channel->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return CH_OK;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            st = wait_for_room(channel, err);
        else if (errno != EINTR)
            st = ch_fail_errno(err, "passing a descriptor");
    }
    return st;
}

/* Takes the descriptors out of a received message; all but a single one are closed and refused. */
static ch_status take_descriptor(struct msghdr *message, int *fd, ch_error *err)
{
    size_t count = 0;
    int taken[4];
    for (struct cmsghdr *item = CMSG_FIRSTHDR(message); item != NULL; item = CMSG_NXTHDR(message, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here && count < 4; i++)
            memcpy(&taken[count++], CMSG_DATA(item) + i * sizeof(int), sizeof(int));
    }
    if (count == 1 && (message->msg_flags & MSG_CTRUNC) == 0) {
        *fd = taken[0];
        return CH_OK;
    }
    for (size_t i = 0; i < count; i++)
        (void)close(taken[i]);
    if (count > 0 || (message->msg_flags & MSG_CTRUNC) != 0)
        return ch_fail(err, CH_BAD_INPUT, "a packet carried more than one descriptor");
    return CH_OK;
}

static ch_status receive(ch_channel *channel, int wait_flag, ch_slice *packet, int *fd, ch_error *err)
{
    *packet = (ch_slice){channel->incoming, 0};
    *fd = -1;
    struct iovec bytes = {.iov_base = channel->incoming, .iov_len = CH_PACKET_MAX};
    union {
        char space[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t got;
    do {
        got = recvmsg(channel->fd, &message, wait_flag | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return CH_OK;
    if (got < 0 && errno != ECONNRESET)
        return ch_fail_errno(err, "receiving frames");
    if (got <= 0)
        return ch_fail(err, CH_UNAVAILABLE, "the other process is gone");
    ch_status st = take_descriptor(&message, fd, err);
    if (st == CH_OK && (message.msg_flags & MSG_TRUNC) != 0)
        st = ch_fail(err, CH_TOO_LARGE, "a packet was larger than %d bytes", CH_PACKET_MAX);
    if (st != CH_OK && *fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
    packet->size = st == CH_OK ? (size_t)got : 0;
    return st;
}

ch_status ch_channel_receive(ch_channel *channel, ch_slice *packet, int *fd, ch_error *err)
{
    return receive(channel, MSG_DONTWAIT, packet, fd, err);
}

ch_status ch_channel_receive_wait(ch_channel *channel, ch_slice *packet, int *fd, ch_error *err)
{
    return receive(channel, 0, packet, fd, err);
}
