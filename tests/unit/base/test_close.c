#include "base/close.h"

#include "base/clock.h"
#include "tests/support/suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_S 30
#define SOON_MS 10000

/* A socket of which a plain close waits LINGER_S: its peer reads nothing of what was sent. */
static int make_lingering(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, size), 0);
    static char bytes[65536];
    while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
    struct linger linger = {.l_onoff = 1, .l_linger = LINGER_S};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    return fd;
}

static void send_fd(int socket_fd, int fd)
{
    char byte = 'x';
    struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
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
    ck_assert_int_eq(sendmsg(socket_fd, &message, 0), 1);
    close(fd);
}

static void check_closed_soon(void (*close_it)(int fd), int fd)
{
    uint64_t begun_ms = ch_clock_ms();
    close_it(fd);
    ck_assert_uint_lt(ch_clock_ms() - begun_ms, SOON_MS);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_int_eq(errno, EBADF);
}

START_TEST(test_a_lingering_socket_is_closed_soon)
{
    ch_close_prepare();
    check_closed_soon(ch_close_quickly, make_lingering());
}
END_TEST

START_TEST(test_so_is_a_connection_over_which_some_were_passed)
{
    int ends[2];
    ch_close_prepare();
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        send_fd(ends[0], make_lingering());
        send_fd(ends[0], make_lingering());
        check_closed_soon(i == 0 ? ch_close_quickly : ch_close_stream, ends[1]);
    }
}
END_TEST

START_TEST(test_the_peer_sees_the_end)
{
    int ends[2];
    char byte;
    ch_close_prepare();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    check_closed_soon(ch_close_stream, ends[1]);
    ck_assert_int_eq((int)read(ends[0], &byte, 1), 0);
}
END_TEST

START_TEST(test_without_preparation_it_closes_all_the_same)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    check_closed_soon(ch_close_quickly, ends[0]);
    check_closed_soon(ch_close_stream, ends[1]);
}
END_TEST

CH_TESTS("close", CH_TEST(test_a_lingering_socket_is_closed_soon),
         CH_TEST(test_so_is_a_connection_over_which_some_were_passed), CH_TEST(test_the_peer_sees_the_end),
         CH_TEST(test_without_preparation_it_closes_all_the_same))
