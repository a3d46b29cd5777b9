#include "base/memory.h"
#include "wire/frame.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ch_error err;

static void add_number(ch_buffer *packet, uint64_t id, uint32_t number, const char *text)
{
    size_t begin = ch_frame_begin(packet, CH_FRAME_JOB, id);
    ch_frame_u32(packet, number);
    ch_frame_text(packet, text);
    ck_assert_int_eq(ch_frame_end(packet, begin, &err), CH_OK);
}

static void open_pair(ch_channel *a, ch_channel *b)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ch_channel_open(a, ends[0]);
    ch_channel_open(b, ends[1]);
}

START_TEST(test_frames_of_a_packet_come_back_as_written)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame;
    add_number(&packet, 7, 42, "one");
    add_number(&packet, 8, 43, "");
    ch_slice rest = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_uint_eq(frame.type, CH_FRAME_JOB);
    ck_assert_uint_eq(frame.id, 7);
    ck_assert_uint_eq(ch_frame_read_u32(&frame), 42);
    ck_assert(ch_slice_is(ch_frame_read_bytes(&frame), "one"));
    ck_assert(ch_frame_done(&frame));
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_uint_eq(frame.id, 8);
    ck_assert(!ch_frame_done(&frame));
    ck_assert(!ch_frame_next(&rest, &frame) && rest.size == 0);
}
END_TEST

/* Every cut of a good packet is either fewer whole frames or a broken rest; none is read past its end. */
START_TEST(test_a_cut_packet_is_never_read_past_its_end)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    add_number(&packet, 1, 2, "three");
    for (size_t size = 0; size < packet.size; size++) {
        uint8_t *copy = ch_alloc(size);
        memcpy(copy, packet.data, size);
        ch_slice rest = {copy, size};
        ch_frame frame;
        ck_assert(!ch_frame_next(&rest, &frame));
        ck_assert_uint_eq(rest.size, size);
        free(copy);
    }
}
END_TEST

START_TEST(test_a_length_that_does_not_fit_breaks_the_frame)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame;
    size_t begin = ch_frame_begin(&packet, CH_FRAME_JOB, 1);
    ch_frame_u32(&packet, UINT32_MAX);
    ch_frame_u8(&packet, 1);
    ck_assert_int_eq(ch_frame_end(&packet, begin, &err), CH_OK);
    ch_slice rest = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_uint_eq(ch_frame_read_bytes(&frame).size, 0);
    ck_assert_uint_eq(ch_frame_read_u64(&frame), 0);
    ck_assert(!ch_frame_done(&frame));
}
END_TEST

START_TEST(test_header_sizes_that_lie_are_refused)
{
    static const uint32_t sizes[] = {0, 1, 15, 17, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t bytes[16] = {0};
        memcpy(bytes, &sizes[i], sizeof sizes[i]);
        ch_slice rest = {bytes, sizeof bytes};
        ch_frame frame;
        ck_assert_msg(!ch_frame_next(&rest, &frame), "size %u was taken", sizes[i]);
    }
}
END_TEST

START_TEST(test_a_frame_over_the_limit_is_taken_out_again)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_autofree uint8_t *large = ch_alloc(CH_PACKET_MAX);
    add_number(&packet, 1, 2, "small");
    size_t before = packet.size;
    size_t begin = ch_frame_begin(&packet, CH_FRAME_JOB, 2);
    ch_frame_bytes(&packet, (ch_slice){large, CH_PACKET_MAX});
    ck_assert_int_eq(ch_frame_end(&packet, begin, &err), CH_TOO_LARGE);
    ck_assert_uint_eq(packet.size, before);
}
END_TEST

START_TEST(test_an_error_crosses_whole)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_error sent = CH_ERROR_INIT;
    ch_error got = CH_ERROR_INIT;
    ch_frame frame;
    (void)!ch_fail_rule(&sent, CH_TOKEN, "CKR_DEVICE_ERROR", "C_Sign on token '%s'", "main");
    size_t begin = ch_frame_begin(&packet, CH_FRAME_LOGIN_DONE, 0);
    ch_frame_error(&packet, &sent);
    ck_assert_int_eq(ch_frame_end(&packet, begin, &err), CH_OK);
    ch_slice rest = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_int_eq(ch_frame_read_error(&frame, &got), CH_TOKEN);
    ck_assert_str_eq(got.rule, sent.rule);
    ck_assert_str_eq(got.message, sent.message);
}
END_TEST

START_TEST(test_pending_frames_leave_in_as_few_packets_as_fit)
{
    ch_channel a;
    ch_channel b;
    open_pair(&a, &b);
    size_t frames = 3000; /* about 100 KiB: two packets */
    for (size_t i = 0; i < frames; i++)
        add_number(ch_channel_out(&a), i, (uint32_t)i, "0123456789");
    ck_assert_int_eq(ch_channel_flush(&a, &err), CH_OK);
    size_t seen = 0;
    size_t packets = 0;
    for (;;) {
        ch_slice packet;
        ch_frame frame;
        int fd;
        ck_assert_int_eq(ch_channel_receive(&b, &packet, &fd, &err), CH_OK);
        if (packet.size == 0)
            break;
        packets++;
        while (ch_frame_next(&packet, &frame))
            ck_assert_uint_eq(frame.id, seen++);
        ck_assert_uint_eq(packet.size, 0);
    }
    ck_assert_uint_eq(seen, frames);
    ck_assert_uint_eq(packets, 2);
    ch_channel_close(&a);
    ch_channel_close(&b);
}
END_TEST

START_TEST(test_a_full_channel_keeps_what_it_could_not_send)
{
    ch_channel a;
    ch_channel b;
    open_pair(&a, &b);
    ch_autofree char *text = ch_alloc(30001);
    memset(text, 'x', 30000);
    size_t sent = 0;
    while (!ch_channel_is_blocked(&a)) {
        add_number(ch_channel_out(&a), sent++, 0, text);
        ck_assert_int_eq(ch_channel_flush(&a, &err), CH_OK);
    }
    size_t seen = 0;
    while (seen < sent) {
        ch_slice packet;
        ch_frame frame;
        int fd;
        ck_assert_int_eq(ch_channel_receive(&b, &packet, &fd, &err), CH_OK);
        while (ch_frame_next(&packet, &frame))
            ck_assert_uint_eq(frame.id, seen++);
        ck_assert_int_eq(ch_channel_flush(&a, &err), CH_OK);
    }
    ck_assert(!ch_channel_is_blocked(&a));
    ch_channel_close(&a);
    ch_channel_close(&b);
}
END_TEST

START_TEST(test_a_descriptor_travels_beside_its_frame)
{
    ch_channel a;
    ch_channel b;
    ch_slice packet;
    int pipe_ends[2];
    int fd = -1;
    char byte = 0;
    open_pair(&a, &b);
    ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
    ch_autobuffer frame = CH_BUFFER_INIT;
    add_number(&frame, 1, 2, "");
    ck_assert_int_eq(ch_channel_send_fd(&a, &frame, pipe_ends[0], &err), CH_OK);
    ck_assert_int_eq(ch_channel_receive(&b, &packet, &fd, &err), CH_OK);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq((int)write(pipe_ends[1], "k", 1), 1);
    ck_assert_int_eq((int)read(fd, &byte, 1), 1);
    ck_assert_int_eq(byte, 'k');
    (void)close(fd);
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
    ch_channel_close(&a);
    ch_channel_close(&b);
}
END_TEST

START_TEST(test_two_descriptors_in_a_packet_are_refused_and_closed)
{
    ch_channel a;
    ch_channel b;
    ch_slice packet;
    int fds[2];
    int fd = -1;
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
    ck_assert_int_eq(ch_channel_receive(&b, &packet, &fd, &err), CH_BAD_INPUT);
    ck_assert_int_eq(fd, -1);
    /* Only our own write end is left: with every reader but ours closed, closing ours makes the pipe broken. */
    (void)close(fds[0]);
    (void)signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq((int)write(fds[1], "x", 1), -1);
    (void)close(fds[1]);
    ch_channel_close(&a);
    ch_channel_close(&b);
}
END_TEST

START_TEST(test_a_closed_peer_is_told)
{
    ch_channel a;
    ch_channel b;
    ch_slice packet;
    int fd;
    open_pair(&a, &b);
    ch_channel_close(&a);
    ck_assert_int_eq(ch_channel_receive(&b, &packet, &fd, &err), CH_UNAVAILABLE);
    ch_channel_close(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frame");
    TCase *cases = tcase_create("frame");
    tcase_add_test(cases, test_frames_of_a_packet_come_back_as_written);
    tcase_add_test(cases, test_a_cut_packet_is_never_read_past_its_end);
    tcase_add_test(cases, test_a_length_that_does_not_fit_breaks_the_frame);
    tcase_add_test(cases, test_header_sizes_that_lie_are_refused);
    tcase_add_test(cases, test_a_frame_over_the_limit_is_taken_out_again);
    tcase_add_test(cases, test_an_error_crosses_whole);
    tcase_add_test(cases, test_pending_frames_leave_in_as_few_packets_as_fit);
    tcase_add_test(cases, test_a_full_channel_keeps_what_it_could_not_send);
    tcase_add_test(cases, test_a_descriptor_travels_beside_its_frame);
    tcase_add_test(cases, test_two_descriptors_in_a_packet_are_refused_and_closed);
    tcase_add_test(cases, test_a_closed_peer_is_told);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
