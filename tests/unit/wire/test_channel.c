#include "wire/channel.h"

#include "base/memory.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static ch_error err;

static void open_pair(ch_channel *a, ch_channel *b)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ch_channel_open(a, ends[0]);
    ch_channel_open(b, ends[1]);
}

static void close_pair(ch_channel *a, ch_channel *b)
{
    ch_channel_close(a);
    ch_channel_close(b);
}

static void add_frame(ch_channel *channel, uint64_t id, ch_slice text)
{
    ch_signature_only_frame frame = {.signature = text};
    ck_assert_int_eq(ch_signature_only_frame_put(ch_channel_out(channel), id, &frame, &err), CH_OK);
}

/* Receives a packet, checks that its frames have the ids from `*seen` on, and returns how many bytes it had. */
static size_t receive(ch_channel *channel, uint64_t *seen, ch_packet *packet)
{
    ch_frame frame;
    ck_assert_int_eq(ch_channel_receive(channel, packet, &err), CH_OK);
    size_t size = packet->bytes.size;
    while (ch_frame_next(&packet->bytes, &frame))
        ck_assert_uint_eq(frame.id, (*seen)++);
    ck_assert_uint_eq(packet->bytes.size, 0);
    return size;
}

START_TEST(test_pending_frames_leave_in_as_few_packets_as_fit)
{
    ch_channel a;
    ch_channel b;
    ch_packet packet;
    uint64_t seen = 0;
    size_t packets = 0;
    const uint64_t frames = 2500; /* about 85 KiB: two packets */
    open_pair(&a, &b);
    for (uint64_t i = 0; i < frames; i++)
        add_frame(&a, i, CH_LITERAL("0123456789"));
    ck_assert_int_eq(ch_channel_flush(&a, &err), CH_OK);
    while (receive(&b, &seen, &packet) > 0)
        packets++;
    ck_assert_uint_eq(seen, frames);
    ck_assert_uint_eq(packets, 2);
    close_pair(&a, &b);
}
END_TEST

START_TEST(test_a_full_channel_keeps_what_it_could_not_send)
{
    ch_channel a;
    ch_channel b;
    ch_packet packet;
    uint64_t sent = 0;
    uint64_t seen = 0;
    open_pair(&a, &b);
    ch_autofree uint8_t *text = ch_alloc(30000);
    while (ch_channel_pending(&a) == 0) {
        add_frame(&a, sent++, (ch_slice){text, 30000});
        ck_assert_int_eq(ch_channel_flush(&a, &err), CH_OK);
    }
    while (seen < sent) {
        receive(&b, &seen, &packet);
        ck_assert_int_eq(ch_channel_flush(&a, &err), CH_OK);
    }
    ck_assert_uint_eq(ch_channel_pending(&a), 0);
    close_pair(&a, &b);
}
END_TEST

static void check_descriptor(int reader, int writer)
{
    char byte = 0;
    ck_assert_int_ge(reader, 0);
    ck_assert_int_eq((int)write(writer, "k", 1), 1);
    ck_assert_int_eq((int)read(reader, &byte, 1), 1);
    ck_assert_int_eq(byte, 'k');
}

START_TEST(test_a_descriptor_travels_alone_with_its_frame)
{
    ch_channel a;
    ch_channel b;
    ch_packet packet;
    uint64_t seen = 0;
    int ends[2];
    open_pair(&a, &b);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    add_frame(&a, 0, CH_LITERAL(""));
    ch_channel_attach(&a, ends[0]);
    add_frame(&a, 1, CH_LITERAL(""));
    add_frame(&a, 2, CH_LITERAL(""));
    ck_assert_int_eq(ch_channel_flush(&a, &err), CH_OK);
    ck_assert_int_eq(fcntl(ends[0], F_GETFD), -1); /* taken over, and closed once it was sent */
    receive(&b, &seen, &packet);
    ck_assert_uint_eq(seen, 1);
    ck_assert_int_eq(packet.fd, -1);
    receive(&b, &seen, &packet);
    ck_assert_uint_eq(seen, 2);
    check_descriptor(packet.fd, ends[1]);
    close(packet.fd);
    receive(&b, &seen, &packet);
    ck_assert_uint_eq(seen, 3);
    close(ends[1]);
    close_pair(&a, &b);
}
END_TEST

/* A peer that does not read must not keep the sender waiting, and what was attached follows later. */
START_TEST(test_a_descriptor_waits_in_a_full_channel)
{
    ch_channel a;
    ch_channel b;
    ch_packet packet = {.fd = -1};
    uint64_t sent = 0;
    uint64_t seen = 0;
    int ends[2];
    open_pair(&a, &b);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ch_autofree uint8_t *text = ch_alloc(30000);
    while (ch_channel_pending(&a) == 0) {
        add_frame(&a, sent++, (ch_slice){text, 30000});
        ck_assert_int_eq(ch_channel_flush(&a, &err), CH_OK);
    }
    ch_channel_attach(&a, ends[0]);
    add_frame(&a, sent++, CH_LITERAL(""));
    ck_assert_int_eq(ch_channel_flush(&a, &err), CH_OK);
    while (packet.fd < 0 && seen < sent) {
        receive(&b, &seen, &packet);
        ck_assert_int_eq(ch_channel_flush(&a, &err), CH_OK);
    }
    ck_assert_uint_eq(seen, sent);
    check_descriptor(packet.fd, ends[1]);
    close(packet.fd);
    close(ends[1]);
    close_pair(&a, &b);
}
END_TEST

START_TEST(test_closing_closes_what_is_attached)
{
    ch_channel a;
    ch_channel b;
    int ends[2];
    open_pair(&a, &b);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ch_channel_attach(&a, ends[0]);
    add_frame(&a, 0, CH_LITERAL(""));
    close_pair(&a, &b);
    ck_assert_int_eq(fcntl(ends[0], F_GETFD), -1);
    close(ends[1]);
}
END_TEST

START_TEST(test_two_descriptors_in_a_packet_are_refused_and_closed)
{
    ch_channel a;
    ch_channel b;
    ch_packet packet;
    int fds[2];
    open_pair(&a, &b);
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    char byte = 'x';
    struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
    union {
        char space[CMSG_SPACE(sizeof fds)];
        struct cmsghdr align;
    } control = {.space = {0}};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(rights), fds, sizeof fds);
    ck_assert_int_eq((int)sendmsg(a.fd, &message, 0), 1);
    ck_assert_int_eq(ch_channel_receive(&b, &packet, &err), CH_BAD_INPUT);
    ck_assert_int_eq(packet.fd, -1);
    /* Only our own write end is left: with every reader closed, writing breaks. */
    close(fds[0]);
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq((int)write(fds[1], "x", 1), -1);
    close(fds[1]);
    close_pair(&a, &b);
}
END_TEST

START_TEST(test_a_descriptor_without_room_is_lost_and_the_packet_arrives)
{
    ch_channel a;
    ch_channel b;
    ch_packet packet;
    uint64_t seen = 0;
    open_pair(&a, &b);
    ch_channel_attach(&a, dup(STDIN_FILENO));
    add_frame(&a, 0, CH_LITERAL(""));
    ck_assert_int_eq(ch_channel_flush(&a, &err), CH_OK);
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    receive(&b, &seen, &packet);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(seen, 1);
    ck_assert_int_eq(packet.fd, -1);
    ck_assert(packet.is_fd_lost);
    close_pair(&a, &b);
}
END_TEST

START_TEST(test_a_closed_peer_is_noticed)
{
    ch_channel a;
    ch_channel b;
    ch_packet packet;
    open_pair(&a, &b);
    ch_channel_close(&a);
    ck_assert_int_eq(ch_channel_receive(&b, &packet, &err), CH_UNAVAILABLE);
    ch_channel_close(&b);
}
END_TEST

/* ---- receivers ---- */

typedef struct taker {
    unsigned state;
    size_t taken;
} taker;

static ch_status take_started(void *self, ch_frame *frame, int *fd, ch_error *error)
{
    (void)fd;
    taker *to = self;
    ch_token_started_frame started;
    CH_TRY(ch_token_started_frame_get(frame, &started, error));
    to->taken++;
    to->state = CH_WHILE_LOCKED;
    return CH_OK;
}

static unsigned state_of(const void *self)
{
    return ((const taker *)self)->state;
}

static ch_status take(taker *to, ch_buffer *bytes)
{
    static const ch_handler handlers[] = {
        {CH_FRAME_TOKEN_STARTED, take_started}
    };
    static const ch_receiver receiver = {
        .direction = CH_TOKEN_TO_CORE, .handlers = handlers, .handler_count = 1, .state = state_of};
    ch_packet packet = {.bytes = ch_buffer_slice(bytes), .fd = -1};
    return ch_packet_take(&packet, &receiver, to, &err);
}

START_TEST(test_a_handler_that_changes_the_state_decides_about_the_next_frame)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    ch_token_started_frame started = {.outcome = CH_ERROR_INIT};
    taker to = {.state = CH_WHILE_STARTING};
    ck_assert_int_eq(ch_token_started_frame_put(&bytes, 0, &started, &err), CH_OK);
    ck_assert_int_eq(ch_token_started_frame_put(&bytes, 0, &started, &err), CH_OK);
    ck_assert_int_eq(take(&to, &bytes), CH_INTERNAL);
    ck_assert_str_eq(err.message, "frame TOKEN_STARTED is not accepted while locked");
    ck_assert_uint_eq(to.taken, 1);
}
END_TEST

START_TEST(test_bytes_that_are_no_frame_break_a_packet)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    ch_token_started_frame started = {.outcome = CH_ERROR_INIT};
    taker to = {.state = CH_WHILE_STARTING};
    ck_assert_int_eq(ch_token_started_frame_put(&bytes, 0, &started, &err), CH_OK);
    ch_buffer_add_text(&bytes, "rest");
    ck_assert_int_eq(take(&to, &bytes), CH_INTERNAL);
    ck_assert_str_eq(err.message, "a malformed packet came");
}
END_TEST

START_TEST(test_the_descriptor_of_an_empty_packet_is_closed)
{
    static const ch_receiver receiver = {.direction = CH_TOKEN_TO_CORE, .state = state_of};
    taker to = {.state = CH_WHILE_STARTING};
    ch_packet packet = {.fd = dup(STDIN_FILENO)};
    int fd = packet.fd;
    ck_assert_int_eq(ch_packet_take(&packet, &receiver, &to, &err), CH_OK);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(test_a_receiver_without_a_state_drops_the_rest)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    taker to = {.state = 0};
    ch_buffer_add_text(&bytes, "nonsense");
    ck_assert_int_eq(take(&to, &bytes), CH_OK);
    ck_assert_uint_eq(to.taken, 0);
}
END_TEST

CH_TESTS("channel", CH_TEST(test_pending_frames_leave_in_as_few_packets_as_fit),
         CH_TEST(test_a_full_channel_keeps_what_it_could_not_send),
         CH_TEST(test_a_descriptor_travels_alone_with_its_frame), CH_TEST(test_a_descriptor_waits_in_a_full_channel),
         CH_TEST(test_closing_closes_what_is_attached),
         CH_TEST(test_two_descriptors_in_a_packet_are_refused_and_closed),
         CH_TEST(test_a_descriptor_without_room_is_lost_and_the_packet_arrives), CH_TEST(test_a_closed_peer_is_noticed),
         CH_TEST(test_a_handler_that_changes_the_state_decides_about_the_next_frame),
         CH_TEST(test_bytes_that_are_no_frame_break_a_packet),
         CH_TEST(test_the_descriptor_of_an_empty_packet_is_closed),
         CH_TEST(test_a_receiver_without_a_state_drops_the_rest))
