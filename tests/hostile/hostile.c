#include "tests/hostile/hostile.h"

#include "agent/spawn.h"
#include "base/clock.h"
#include "tests/fuzz/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 253    /* that one message can carry */
#define LINE_MAX_ 2048 /* of the record */

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL)
        exit(2);
    return value;
}

void hostile_begin(hostile *self, const char *attack_variable)
{
    uint64_t seed = strtoull(environment("CHANCERY_HOSTILE_SEED"), NULL, 10);
    self->attack = environment(attack_variable);
    self->chance.state = mix(seed + (uint64_t)getpid());
    self->record_fd = open(environment("CHANCERY_HOSTILE_RECORD"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (self->record_fd < 0)
        exit(2);
    ch_channel_open(&self->channel, ch_spawn_channel());
}

void hostile_record(const hostile *self, const char *format, ...)
{
    char line[LINE_MAX_];
    va_list arguments;
    int size = snprintf(line, sizeof line, "%llu %d ", (unsigned long long)ch_clock_ns(), (int)getpid());
    va_start(arguments, format);
    size += vsnprintf(line + size, sizeof line - (size_t)size - 1, format, arguments);
    va_end(arguments);
    if (size > LINE_MAX_ - 2)
        size = LINE_MAX_ - 2;
    line[size++] = '\n';
    if (write(self->record_fd, line, (size_t)size) != size)
        exit(2);
}

/* ---- the channel ---- */

static bool wait_for(const hostile *self, short events, int wait_ms)
{
    struct pollfd poll_fd = {.fd = self->channel.fd, .events = events};
    return poll(&poll_fd, 1, wait_ms) > 0;
}

bool hostile_try_send(hostile *self, int wait_ms)
{
    ch_error err = CH_ERROR_INIT;
    if (ch_channel_flush(&self->channel, &err) != CH_OK)
        exit(0);
    if (ch_channel_pending(&self->channel) > 0 && wait_for(self, POLLOUT, wait_ms) &&
        ch_channel_flush(&self->channel, &err) != CH_OK)
        exit(0);
    return ch_channel_pending(&self->channel) == 0;
}

void hostile_send(hostile *self)
{
    while (!hostile_try_send(self, 1000))
        continue;
}

void hostile_send_bytes(hostile *self, ch_slice bytes, size_t fd_count)
{
    struct iovec all = {.iov_base = (void *)bytes.data, .iov_len = bytes.size};
    struct msghdr message = {.msg_iov = &all, .msg_iovlen = 1};
    union {
        char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control = {.space = {0}};
    if (fd_count > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        *rights = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(fd_count * sizeof(int))};
        for (size_t i = 0; i < fd_count; i++)
            memcpy(CMSG_DATA(rights) + i * sizeof(int), &self->channel.fd, sizeof(int));
    }
    wait_for(self, POLLOUT, 1000);
    if (sendmsg(self->channel.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && (errno == EPIPE || errno == ECONNRESET))
        exit(0);
}

bool hostile_hear(hostile *self, int wait_ms, ch_packet *packet)
{
    ch_error err = CH_ERROR_INIT;
    if (!wait_for(self, POLLIN, wait_ms))
        return false;
    if (ch_channel_receive(&self->channel, packet, &err) != CH_OK)
        exit(0);
    return packet->bytes.size > 0;
}

void hostile_pause(int ms)
{
    poll(NULL, 0, ms);
}

/* ---- what is wrong ---- */

ch_slice hostile_text(hostile *self)
{
    static const char *const texts[] = {"\x1b[2J\x1b]0;owned\x07",
                                        "\x9b"
                                        "31m",
                                        "\xff\xfe\xc3",
                                        "two\nlines\r",
                                        "\xe2\x80\xae"
                                        "backwards",
                                        "%s%n",
                                        "",
                                        "{\"detail\":\"\\u0000\"}"};
    static uint8_t large[30000];
    if (dice_chance(&self->chance, 70))
        return ch_slice_of(texts[dice_below(&self->chance, sizeof texts / sizeof *texts)]);
    memset(large, (int)dice_below(&self->chance, 256), sizeof large);
    return (ch_slice){large, dice_below(&self->chance, sizeof large)};
}

/* Written past base/error.h, which would make the texts fit to show. */
ch_error hostile_error(hostile *self)
{
    ch_error err = {.status = (ch_status)(1 + dice_below(&self->chance, CH_STATUS_COUNT - 1))};
    ch_slice message = hostile_text(self);
    ch_slice rule = hostile_text(self);
    snprintf(err.message, sizeof err.message, "%.*s", CH_SLICE_ARGS(message));
    snprintf(err.rule, sizeof err.rule, "%.*s", CH_SLICE_ARGS(rule));
    return err;
}

void hostile_spoil(hostile *self)
{
    ch_buffer *out = ch_channel_out(&self->channel);
    if (out->size > CH_PACKET_MAX)
        return;
    for (size_t i = 1 + dice_below(&self->chance, 4); i > 0 && out->size > 0; i--)
        out->data[dice_below(&self->chance, out->size)] = (uint8_t)dice_next(&self->chance);
    /* The channel cuts packets at frames, which may be none by now. */
    hostile_send_bytes(self, ch_buffer_slice(out), 0);
    ch_buffer_clear(out);
}

void hostile_add_any(hostile *self, ch_direction direction)
{
    for (size_t i = 1 + dice_below(&self->chance, 4); i > 0; i--)
        fuzz_add_frame(&self->chance, direction, ch_channel_out(&self->channel));
}

static void make_noise(void)
{
    static const char noise[] = "\x1b[31mnoise\x9b\xff without an end\n";
    for (int i = 0; i < 1000; i++) {
        if (write(STDERR_FILENO, noise, sizeof noise) < 0)
            return;
    }
}

void hostile_be_rude(hostile *self)
{
    static uint8_t bytes[4 * CH_PACKET_MAX];
    ch_buffer *out = ch_channel_out(&self->channel);
    switch (dice_below(&self->chance, 5)) {
    case 0:
        hostile_send_bytes(self, (ch_slice){bytes, dice_below(&self->chance, sizeof bytes)}, 0);
        break;
    case 1:
        fuzz_add_any_frame(&self->chance, out);
        hostile_send_bytes(self, ch_buffer_slice(out), 1 + dice_below(&self->chance, FDS_MAX));
        break;
    case 2: /* a packet that ends inside a frame */
        fuzz_add_any_frame(&self->chance, out);
        hostile_send_bytes(self, (ch_slice){out->data, dice_below(&self->chance, out->size)}, 0);
        break;
    case 3:
        fuzz_add_any_frame(&self->chance, out);
        hostile_send_bytes(self, ch_buffer_slice(out), 0);
        break;
    default:
        make_noise();
    }
    ch_buffer_clear(out);
}
