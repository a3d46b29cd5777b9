#include "agent/core/callers.h"

#include "tests/support/suite.h"

#include <string.h>

/* clang-format off */
static ch_caller list[] = {
    { .name = "maker", .ids = { 1000, CH_ANY_ID }, .socket = "maker" },
    { .name = "group", .ids = { CH_ANY_ID, 50 } },
    { .name = "feed",  .ids = { 1001, CH_ANY_ID }, .unit = "feed.service", .role = CH_CALLER_FEED },
};
static const ch_policy policy = { .callers = list, .caller_count = CH_ROWS(list) };

static const struct { uid_t uid; gid_t gid; const char *socket; const char *unit; const char *names; bool is_feed; } peers[] = {
    { 1000, 1,  "maker", "",             "maker",         false },
    { 1000, 1,  "",      "",             "",              false },
    { 1000, 1,  "dca",   "",             "",              false },
    { 1000, 50, "maker", "",             "maker",         false }, /* the others come by the common socket */
    { 1001, 1,  "",      "",             "",              false },
    { 1001, 1,  "",      "feed.service", "feed",          true },
    { 1001, 50, "",      "feed.service", "group, feed",   true },
    { 1001, 50, "",      "other.service", "group",        false },
};
/* clang-format on */

static void check(ch_callers *callers, size_t row)
{
    ch_autobuffer names = CH_BUFFER_INIT;
    ch_peer peer = {.uid = peers[row].uid, .gid = peers[row].gid};
    strcpy(peer.socket, peers[row].socket);
    strcpy(peer.unit, peers[row].unit);
    const ch_caller_set *set = ch_callers_find(callers, &policy, &peer);
    ch_callers_print(&policy, set, &names);
    ck_assert_str_eq(ch_buffer_text(&names), peers[row].names);
    ck_assert(ch_callers_have_role(&policy, set, CH_CALLER_FEED) == peers[row].is_feed);
}

START_TEST(test_a_peer_is_what_holds_for_it)
{
    ch_callers *callers = ch_callers_new();
    check(callers, (size_t)_i);
    check(callers, (size_t)_i);
    ch_callers_free(callers);
}
END_TEST

/* Each is the same user as one before. */
START_TEST(test_peers_do_not_stand_for_each_other)
{
    ch_callers *callers = ch_callers_new();
    for (size_t i = 0; i < 3 * CH_ROWS(peers); i++)
        check(callers, i % CH_ROWS(peers));
    ch_callers_free(callers);
}
END_TEST

START_TEST(test_another_policy_is_asked_anew)
{
    const ch_policy nobody = {.callers = NULL};
    ch_callers *callers = ch_callers_new();
    const ch_peer peer = {.uid = 1, .gid = 50};
    ck_assert(ch_caller_set_has(ch_callers_find(callers, &policy, &peer), 1));
    ch_callers_forget(callers);
    ck_assert(!ch_caller_set_has(ch_callers_find(callers, &nobody, &peer), 1));
    ch_callers_free(callers);
}
END_TEST

CH_TESTS("callers", CH_TEST_ROWS(test_a_peer_is_what_holds_for_it, peers),
         CH_TEST(test_peers_do_not_stand_for_each_other), CH_TEST(test_another_policy_is_asked_anew))
