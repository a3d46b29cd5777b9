#include "base/peer.h"
#include "base/users.h"

#include "tests/support/suite.h"

#include <sys/socket.h>
#include <unistd.h>

START_TEST(test_the_kernel_says_who_is_at_the_other_end)
{
    int ends[2];
    ch_peer peer;
    ch_error err = CH_ERROR_INIT;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(ch_peer_identify(ends[0], &peer, &err), CH_OK);
    ck_assert_uint_eq(peer.uid, geteuid());
    ck_assert_uint_eq(peer.gid, getegid());
    ck_assert_int_eq(peer.pid, getpid());
    ck_assert(ch_peer_is_in_group(&peer, getegid()));
}
END_TEST

START_TEST(test_what_is_no_unix_socket_has_no_peer)
{
    int ends[2];
    ch_peer peer;
    ch_error err = CH_ERROR_INIT;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(ch_peer_identify(ends[0], &peer, &err), CH_IO);
    ck_assert_int_eq(ch_peer_identify(-1, &peer, &err), CH_IO);
}
END_TEST

START_TEST(test_a_peer_is_in_its_own_groups_only)
{
    const ch_peer peer = {
        .uid = 1, .gid = 10, .groups = {20, 30},
                .group_count = 2
    };
    ck_assert(ch_peer_is_in_group(&peer, 10));
    ck_assert(ch_peer_is_in_group(&peer, 30));
    ck_assert(!ch_peer_is_in_group(&peer, 0));
    ck_assert(!ch_peer_is_in_group(&peer, 1));
    ck_assert(!ch_peer_is_in_group(&peer, 40));
}
END_TEST

START_TEST(test_the_overflow_user_is_nobody_in_particular)
{
    ch_error err = CH_ERROR_INIT;
    const ch_peer everybody = {.uid = ch_overflow_uid()};
    const ch_peer in_nogroup = {.uid = 1000, .gid = ch_overflow_gid()};
    const ch_peer root = {.uid = 0};
    ck_assert_int_eq(ch_peer_check_user(&root, &err), CH_OK);
    ck_assert_int_eq(ch_peer_check_user(&in_nogroup, &err), CH_OK); /* whom no policy can mean by that group */
    ck_assert_int_eq(ch_peer_check_user(&everybody, &err), CH_REFUSED);
    ck_assert_str_eq(err.rule, "user");
}
END_TEST

CH_TESTS("peer", CH_TEST(test_the_overflow_user_is_nobody_in_particular),
         CH_TEST(test_the_kernel_says_who_is_at_the_other_end), CH_TEST(test_what_is_no_unix_socket_has_no_peer),
         CH_TEST(test_a_peer_is_in_its_own_groups_only))
