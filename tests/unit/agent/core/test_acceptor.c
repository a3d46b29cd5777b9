#include "agent/core/acceptor.h"

#include "base/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/stage.h"

#include <limits.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILES_MAX 64
#define RESERVE 20

static ch_loop *loop;
static ch_acceptor acceptor;
static size_t accepted;
static uint64_t work_ns; /* that each connection costs */

static void take(void *context, int fd)
{
    uint64_t end_ns = ch_clock_ns() + work_ns;
    ck_assert_ptr_eq(context, &accepted);
    while (ch_clock_ns() < end_ns)
        continue;
    accepted++;
    close(fd);
}

static void begin(unsigned share, size_t fd_limit)
{
    loop = stage_set_up();
    ch_acceptor_init(&acceptor, loop, stage_listen("socket", SOCK_STREAM), share, fd_limit, take, &accepted);
}

static void open_it(void)
{
    ch_error err = CH_ERROR_INIT;
    ck_assert_int_eq(ch_acceptor_open(&acceptor, &err), CH_OK);
}

static int come(void)
{
    return stage_connect("socket", SOCK_STREAM);
}

START_TEST(test_connections_are_accepted_once_it_is_open)
{
    begin(50, INT_MAX);
    come();
    stage_settle();
    ck_assert_uint_eq(accepted, 0);
    open_it();
    open_it();
    for (int i = 0; i < 40; i++)
        come();
    while (accepted < 41)
        ch_loop_turn(loop, 0);
    ch_acceptor_close(&acceptor);
}
END_TEST

START_TEST(test_who_comes_too_fast_waits)
{
    begin(1, INT_MAX); /* 10 ms of a second, and no more than half a millisecond is owed: 50 ms */
    open_it();
    work_ns = 5000000;
    come();
    stage_settle();
    uint64_t rested_ms = ch_clock_ms();
    ck_assert_uint_eq(accepted, 1);
    ck_assert(!acceptor.listener.is_watched);
    come();
    while (accepted < 2)
        ch_loop_turn(loop, 0);
    ck_assert_uint_gt(ch_clock_ms() - rested_ms, 30);
    ch_acceptor_close(&acceptor);
}
END_TEST

START_TEST(test_a_larger_share_ends_the_wait_sooner)
{
    begin(1, INT_MAX);
    ch_acceptor_set_share(&acceptor, 100);
    open_it();
    work_ns = 100000;
    for (int i = 0; i < 8; i++)
        come();
    while (accepted < 8)
        ch_loop_turn(loop, 0);
    ch_acceptor_close(&acceptor);
}
END_TEST

START_TEST(test_a_reserve_of_descriptors_is_kept)
{
    const struct rlimit limit = {.rlim_cur = FILES_MAX, .rlim_max = FILES_MAX};
    int fillers[FILES_MAX];
    size_t count = 0;
    char byte;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    begin(100, FILES_MAX - RESERVE);
    open_it();
    int bot = come();
    while ((fillers[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < FILES_MAX - RESERVE - 1)
        count++;
    stage_settle();
    ck_assert_uint_eq(accepted, 0);
    ck_assert_int_eq((int)read(bot, &byte, 1), 0);
    for (size_t i = 0; i <= count; i++)
        close(fillers[i]);
    come();
    while (accepted < 1)
        ch_loop_turn(loop, 0);
    ch_acceptor_close(&acceptor);
}
END_TEST

CH_TESTS("acceptor", CH_TEST(test_connections_are_accepted_once_it_is_open), CH_TEST(test_who_comes_too_fast_waits),
         CH_TEST(test_a_larger_share_ends_the_wait_sooner), CH_TEST(test_a_reserve_of_descriptors_is_kept))
