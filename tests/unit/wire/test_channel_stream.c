/* Relays' connections: a stream has no packets, so frames arrive cut anywhere, and leave as far as there is room. */
#include "wire/channel.h"

#include "base/memory.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEAST_SIZE 32 /* of a SIGNATURE_ONLY frame without a text: header, two lengths and a number */

static ch_error err;
static ch_channel channel = CH_CHANNEL_CLOSED;
static int peer = -1;
static uint64_t seen; /* frames, whose ids count up from 0 */

static void begin(void)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    ch_channel_open_stream(&channel, ends[0]);
    peer = ends[1];
}

static void finish(void)
{
    ch_channel_close(&channel);
    close(peer);
}

/* ---- frames ---- */

/* As large as wanted, with a text that is another for each id. */
static void add_frame(ch_buffer *out, uint64_t id, size_t size)
{
    ch_autofree uint8_t *text = ch_alloc(size);
    memset(text, 'a' + (int)(id % 26), size);
    ch_signature_only_frame frame = {
        .signature = {text, size - LEAST_SIZE}
    };
    ck_assert_int_eq(ch_signature_only_frame_put(out, id, &frame, &err), CH_OK);
}

static void check_frame(ch_frame *frame)
{
    ch_signature_only_frame read;
    ck_assert_uint_eq(frame->id, seen);
    ck_assert_int_eq(ch_signature_only_frame_get(frame, &read, &err), CH_OK);
    for (size_t i = 0; i < read.signature.size; i++)
        ck_assert_uint_eq(read.signature.data[i], 'a' + seen % 26);
    seen++;
}

/* Takes what has come, and returns how many bytes of frames it was. */
static size_t receive(void)
{
    ch_packet packet;
    ch_frame frame;
    ck_assert_msg(ch_channel_receive(&channel, &packet, &err) == CH_OK, "%s", err.message);
    ck_assert_int_eq(packet.fd, -1);
    size_t size = packet.bytes.size;
    while (ch_frame_next(&packet.bytes, &frame))
        check_frame(&frame);
    ck_assert_uint_eq(packet.bytes.size, 0);
    return size;
}

static void say(const uint8_t *bytes, size_t size)
{
    ck_assert_int_eq((int)write(peer, bytes, size), (int)size);
}

/* ---- receiving ---- */

START_TEST(test_frames_that_are_cut_anywhere_arrive_whole)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    for (uint64_t id = 0; id < 3; id++)
        add_frame(&bytes, id, LEAST_SIZE + 3 * id);
    for (size_t cut = 0; cut <= bytes.size; cut++) {
        begin();
        seen = 0;
        say(bytes.data, cut);
        size_t before = receive();
        ck_assert_uint_le(before, cut);
        say(bytes.data + cut, bytes.size - cut);
        ck_assert_uint_eq(before + receive(), bytes.size);
        ck_assert_uint_eq(seen, 3);
        ck_assert_uint_eq(receive(), 0);
        finish();
    }
}
END_TEST

START_TEST(test_frames_may_come_byte_by_byte)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    begin();
    for (uint64_t id = 0; id < 4; id++)
        add_frame(&bytes, id, LEAST_SIZE + 7);
    for (size_t i = 0; i < bytes.size; i++) {
        say(bytes.data + i, 1);
        ck_assert_uint_eq(receive(), (i + 1) % (LEAST_SIZE + 7) == 0 ? LEAST_SIZE + 7 : 0);
    }
    ck_assert_uint_eq(seen, 4);
    finish();
}
END_TEST

START_TEST(test_many_frames_in_one_go_all_arrive)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    size_t received = 0;
    const uint64_t frames = 2000; /* some 90 KB: more than there is room for at once */
    begin();
    for (uint64_t id = 0; id < frames; id++)
        add_frame(&bytes, id, LEAST_SIZE + 13);
    ck_assert_uint_gt(bytes.size, CH_PACKET_MAX);
    say(bytes.data, bytes.size);
    for (size_t size; (size = receive()) > 0; received += size)
        ck_assert_uint_le(size, CH_PACKET_MAX);
    ck_assert_uint_eq(received, bytes.size);
    ck_assert_uint_eq(seen, frames);
    finish();
}
END_TEST

START_TEST(test_the_largest_frame_arrives_behind_a_small_one)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    begin();
    add_frame(&bytes, 0, LEAST_SIZE);
    add_frame(&bytes, 1, CH_PACKET_MAX);
    add_frame(&bytes, 2, LEAST_SIZE + 1);
    add_frame(&bytes, 3, CH_PACKET_MAX);
    say(bytes.data, bytes.size);
    size_t received = 0;
    while (received < bytes.size) {
        size_t size = receive();
        ck_assert_uint_gt(size, 0);
        received += size;
    }
    ck_assert_uint_eq(seen, 4);
    ck_assert_uint_eq(receive(), 0);
    finish();
}
END_TEST

static unsigned state_of(const void *self)
{
    (void)self;
    return CH_WHILE_SERVING;
}

static ch_status take_signature(void *self, ch_frame *frame, int *fd, ch_error *error)
{
    (void)self;
    (void)fd;
    (void)error;
    check_frame(frame);
    return CH_OK;
}

/* Takes what has come as a receiver does. */
static ch_status take(void)
{
    static const ch_handler handlers[] = {
        {CH_FRAME_SIGNATURE_ONLY, take_signature}
    };
    static const ch_receiver receiver = {
        .direction = CH_CORE_TO_FRONT, .handlers = handlers, .handler_count = 1, .state = state_of};
    ch_packet packet;
    CH_TRY(ch_channel_receive(&channel, &packet, &err));
    return ch_packet_take(&packet, &receiver, NULL, &err);
}

/* clang-format off */
static const uint32_t bad_sizes[] = { 0, 1, 3, 4, 15, CH_PACKET_MAX + 1, 0x80000000, UINT32_MAX };
/* clang-format on */

START_TEST(test_a_size_that_no_frame_has_is_refused)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    begin();
    add_frame(&bytes, 0, LEAST_SIZE);
    size_t whole = bytes.size;
    add_frame(&bytes, 1, LEAST_SIZE);
    memcpy(bytes.data + whole, &bad_sizes[_i], sizeof bad_sizes[_i]);
    say(bytes.data, whole);
    ck_assert_int_eq(take(), CH_OK);
    ck_assert_uint_eq(seen, 1);
    say(bytes.data + whole, bytes.size - whole);
    ck_assert_int_eq(take(), CH_INTERNAL);
    ck_assert_uint_eq(seen, 1);
    finish();
}
END_TEST

START_TEST(test_a_size_that_is_not_here_yet_is_waited_for)
{
    begin();
    say((const uint8_t[]){0xff, 0xff, 0xff}, 3);
    ck_assert_int_eq(take(), CH_OK);
    say((const uint8_t[]){0xff}, 1);
    ck_assert_int_eq(take(), CH_INTERNAL);
    finish();
}
END_TEST

/* The byte that a descriptor travels beside may be any of a frame. */
static void say_with(const uint8_t *bytes, size_t size, const int *fds, size_t count)
{
    struct iovec text = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    union {
        char space[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {.space = {0}};
    struct msghdr message = {.msg_iov = &text,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
    ck_assert_int_eq((int)sendmsg(peer, &message, 0), (int)size);
}

static const size_t descriptor_counts[] = {1, 2};

START_TEST(test_a_descriptor_by_a_stream_is_refused_and_closed)
{
    ch_packet packet;
    ch_autobuffer bytes = CH_BUFFER_INIT;
    int ends[2];
    begin();
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    add_frame(&bytes, 0, LEAST_SIZE);
    say_with(bytes.data, bytes.size, (const int[]){ends[0], ends[0]}, descriptor_counts[_i]);
    ck_assert_int_eq(ch_channel_receive(&channel, &packet, &err), CH_BAD_INPUT);
    ck_assert_int_eq(packet.fd, -1);
    ck_assert_uint_eq(packet.bytes.size, 0);
    close(ends[0]); /* with every reader closed, writing breaks */
    ck_assert_int_eq((int)write(ends[1], "x", 1), -1);
    close(ends[1]);
    finish();
}
END_TEST

START_TEST(test_what_came_before_a_hang_up_is_taken)
{
    ch_packet packet;
    ch_autobuffer bytes = CH_BUFFER_INIT;
    begin();
    add_frame(&bytes, 0, LEAST_SIZE);
    say(bytes.data, bytes.size);
    say(bytes.data, bytes.size - 1); /* not all of a second */
    close(peer);
    ck_assert_uint_eq(receive(), bytes.size);
    ck_assert_int_eq(ch_channel_receive(&channel, &packet, &err), CH_UNAVAILABLE);
    ck_assert_uint_eq(packet.bytes.size, 0);
    ch_channel_close(&channel);
}
END_TEST

START_TEST(test_a_frame_is_waited_for_with_sleep)
{
    ch_packet packet;
    ch_frame frame;
    ch_autobuffer bytes = CH_BUFFER_INIT;
    begin();
    ck_assert_int_eq(fcntl(channel.fd, F_SETFL, 0), 0);
    add_frame(&bytes, 0, LEAST_SIZE);
    say(bytes.data, bytes.size);
    ck_assert_int_eq(ch_channel_receive_wait(&channel, &packet, &err), CH_OK);
    ck_assert(ch_frame_next(&packet.bytes, &frame));
    ck_assert_uint_eq(packet.bytes.size, 0);
    finish();
}
END_TEST

/* ---- sending ---- */

/* What is sent is compared byte for byte: a send that stopped within a frame must go on at the next byte. */
START_TEST(test_a_slow_reader_gets_all_in_order)
{
    ch_autobuffer wanted = CH_BUFFER_INIT;
    ch_autobuffer got = CH_BUFFER_INIT;
    bool has_stopped_within = false;
    begin();
    for (uint64_t id = 0; id < 40; id++) {
        add_frame(&wanted, id, 30001);
        add_frame(ch_channel_out(&channel), id, 30001);
        ck_assert_int_eq(ch_channel_flush(&channel, &err), CH_OK);
    }
    ck_assert_uint_gt(ch_channel_pending(&channel), 0);
    for (uint64_t id = 40; got.size < wanted.size;) {
        uint8_t *room = ch_buffer_reserve(&got, 7777);
        ssize_t size = read(peer, room, 7777);
        ck_assert_int_gt((int)size, 0);
        got.size += (size_t)size;
        ck_assert_int_eq(ch_channel_flush(&channel, &err), CH_OK);
        has_stopped_within = has_stopped_within || ch_channel_pending(&channel) % 30001 != 0;
        if (id < 45) { /* more is written while some is left */
            add_frame(&wanted, id, 30001);
            add_frame(ch_channel_out(&channel), id++, 30001);
        }
    }
    ck_assert(has_stopped_within);
    ck_assert_uint_eq(ch_channel_pending(&channel), 0);
    ck_assert(ch_slice_equal(ch_buffer_slice(&got), ch_buffer_slice(&wanted)));
    finish();
}
END_TEST

START_TEST(test_two_channels_understand_each_other)
{
    ch_channel other;
    const uint64_t frames = 300;
    begin();
    ch_channel_open_stream(&other, peer);
    for (uint64_t id = 0; id < frames; id++)
        add_frame(ch_channel_out(&other), id, id % 7 == 0 ? CH_PACKET_MAX : LEAST_SIZE + id);
    while (seen < frames) {
        ck_assert_int_eq(ch_channel_flush(&other, &err), CH_OK);
        ck_assert_uint_gt(receive() + ch_channel_pending(&other), 0);
    }
    ck_assert_uint_eq(ch_channel_pending(&other), 0);
    ch_channel_close(&other);
    ch_channel_close(&channel);
}
END_TEST

START_TEST(test_sending_to_who_has_hung_up_fails)
{
    begin();
    close(peer);
    add_frame(ch_channel_out(&channel), 0, LEAST_SIZE);
    ck_assert_int_eq(ch_channel_flush(&channel, &err), CH_IO);
    ch_channel_close(&channel);
}
END_TEST

CH_TESTS("channel_stream", CH_TEST(test_frames_that_are_cut_anywhere_arrive_whole),
         CH_TEST(test_frames_may_come_byte_by_byte), CH_TEST(test_many_frames_in_one_go_all_arrive),
         CH_TEST(test_the_largest_frame_arrives_behind_a_small_one),
         CH_TEST_ROWS(test_a_size_that_no_frame_has_is_refused, bad_sizes),
         CH_TEST(test_a_size_that_is_not_here_yet_is_waited_for),
         CH_TEST_ROWS(test_a_descriptor_by_a_stream_is_refused_and_closed, descriptor_counts),
         CH_TEST(test_what_came_before_a_hang_up_is_taken), CH_TEST(test_a_frame_is_waited_for_with_sleep),
         CH_TEST(test_a_slow_reader_gets_all_in_order), CH_TEST(test_two_channels_understand_each_other),
         CH_TEST(test_sending_to_who_has_hung_up_fails))
