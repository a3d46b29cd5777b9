#include "agent/core/units.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* clang-format off */
static const struct { const char *cgroup; const char *unit; } groups[] = {
    { "",                                                                                 "" },
    { "0::/\n",                                                                           "" },
    { "0::/system.slice/dca-bot.service\n",                                               "dca-bot.service" },
    { "0::/system.slice/dca-bot.service",                                                 "dca-bot.service" },
    { "0::/system.slice/system-bot.slice/bot@1.service\n",                                "bot@1.service" },
    /* what a service has below itself is its own */
    { "0::/system.slice/docker.service/evil/dca-bot.service\n",                           "docker.service" },
    /* and what a user's own manager calls its units is the user's */
    { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/dca-bot.service\n",     "user@1000.service" },
    { "0::/user.slice/user-1000.slice/session-2.scope\n",                                 "session-2.scope" },
    { "0::/system.slice\n",                                                               "" },
    { "0::/.service\n",                                                                   "" },
    { "0::/dca-bot.service.d/x\n",                                                        "" },
    /* an older hierarchy */
    { "12:cpu:/evil.service\n1:name=systemd:/system.slice/a.service\n0::/\n",             "a.service" },
    { "12:cpu:/evil.service\n",                                                           "" },
    { "0::/../../system.slice/a.service\n",                                               "a.service" },
};
/* clang-format on */

START_TEST(test_a_unit_is_the_first_from_the_root)
{
    char unit[CH_PEER_UNIT_MAX + 1];
    bool is_found = ch_unit_of_cgroup(ch_slice_of(groups[_i].cgroup), unit);
    ck_assert_str_eq(unit, groups[_i].unit);
    ck_assert(is_found == (groups[_i].unit[0] != '\0'));
}
END_TEST

START_TEST(test_a_name_that_is_too_long_is_none)
{
    char unit[CH_PEER_UNIT_MAX + 1];
    char text[512];
    snprintf(text, sizeof text, "0::/%0*d.service\n", CH_PEER_UNIT_MAX, 7);
    ck_assert(!ch_unit_of_cgroup(ch_slice_of(text), unit));
}
END_TEST

/* The test's own, whatever that is. */
START_TEST(test_a_peer_is_in_the_unit_of_its_process)
{
    int ends[2];
    char own[CH_PEER_UNIT_MAX + 1];
    char text[4096];
    ch_peer peer = {.uid = getuid(), .pid = getpid(), .unit = "of before"};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    FILE *file = fopen("/proc/self/cgroup", "re");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    ch_unit_of_cgroup((ch_slice){(const uint8_t *)text, size}, own);
    ch_unit_find(ends[0], &peer);
    ck_assert_str_eq(peer.unit, own);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(test_a_pid_that_is_another_users_has_no_unit)
{
    int ends[2];
    ch_peer peer = {.uid = getuid() + 1, .pid = getpid(), .unit = "of before"};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ch_unit_find(ends[0], &peer);
    ck_assert_str_eq(peer.unit, "");
    peer.pid = 0;
    ch_unit_find(ends[0], &peer);
    ck_assert_str_eq(peer.unit, "");
    close(ends[0]);
    close(ends[1]);
}
END_TEST

CH_TESTS("units", CH_TEST_ROWS(test_a_unit_is_the_first_from_the_root, groups),
         CH_TEST(test_a_name_that_is_too_long_is_none), CH_TEST(test_a_peer_is_in_the_unit_of_its_process),
         CH_TEST(test_a_pid_that_is_another_users_has_no_unit))
