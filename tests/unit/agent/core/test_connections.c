#include "agent/core/connections.h"

#include "base/clock.h"
#include "tests/support/suite.h"

#define BOT 1000 /* callers that policy names, from here on */

static ch_error err;
static ch_connections *connections;
static int fronts[2]; /* two fronts; only their addresses count */
static ch_victim victim;

static ch_status try_add(uid_t uid, bool is_stranger, uint64_t *id)
{
    const ch_peer peer = {
        .uid = uid, .gid = 7, .groups = {8, 9},
                .group_count = 2
    };
    return ch_connections_add(connections, &peer, is_stranger, &fronts[0], id, &victim, &err);
}

static uint64_t add(uid_t uid)
{
    uint64_t id = 0;
    ck_assert_msg(try_add(uid, false, &id) == CH_OK, "%s", err.message);
    ck_assert_uint_ne(id, 0);
    return id;
}

/* Adds connections of the caller for as long as it is admitted without another's loss, and returns how many were. */
static size_t fill(uid_t uid, bool is_stranger)
{
    uint64_t id;
    size_t count = 0;
    for (; try_add(uid, is_stranger, &id) == CH_OK; count++)
        ck_assert_uint_eq(victim.id, 0);
    return count;
}

static const ch_peer *peer_of(uint64_t id)
{
    return ch_connections_peer(connections, &fronts[0], id);
}

START_TEST(test_a_connection_is_who_connected)
{
    connections = ch_connections_new();
    uint64_t a = add(BOT);
    uint64_t b = add(BOT + 1);
    ck_assert_uint_eq(peer_of(a)->uid, BOT);
    ck_assert_uint_eq(peer_of(b)->uid, BOT + 1);
    ck_assert(ch_peer_is_in_group(peer_of(b), 9) && !ch_peer_is_in_group(peer_of(b), 10));
    ch_connections_free(connections);
}
END_TEST

START_TEST(test_an_id_that_is_not_open_is_nobody)
{
    connections = ch_connections_new();
    uint64_t id = add(BOT);
    const uint64_t others[] = {0, id + 1, id - 1, id + 0x10000, id - 0x10000, UINT64_MAX, CH_CONNECTIONS_MAX};
    for (size_t i = 0; i < CH_ROWS(others); i++) {
        ck_assert_ptr_null(peer_of(others[i]));
        ch_connections_serve_begin(connections, &fronts[0], others[i]);
        ch_connections_serve_end(connections, &fronts[0], others[i]);
        ch_connections_remove(connections, &fronts[0], others[i]);
    }
    ck_assert_ptr_nonnull(peer_of(id));
    ch_connections_free(connections);
}
END_TEST

START_TEST(test_a_front_cannot_speak_for_the_connections_of_another)
{
    connections = ch_connections_new();
    uint64_t id = add(BOT);
    ck_assert_ptr_null(ch_connections_peer(connections, &fronts[1], id));
    ch_connections_remove(connections, &fronts[1], id);
    ch_connections_remove_all(connections, &fronts[1]);
    ck_assert_ptr_nonnull(peer_of(id));
    ch_connections_free(connections);
}
END_TEST

START_TEST(test_a_closed_connections_id_is_nobody_even_if_its_place_is_taken_again)
{
    connections = ch_connections_new();
    uint64_t first = add(BOT);
    ch_connections_remove(connections, &fronts[0], first);
    ch_connections_remove(connections, &fronts[0], first);
    ck_assert_ptr_null(peer_of(first));
    uint64_t second = add(BOT + 1);
    ck_assert_uint_ne(first, second);
    ck_assert_ptr_null(peer_of(first));
    ch_connections_remove(connections, &fronts[0], first);
    ck_assert_uint_eq(peer_of(second)->uid, BOT + 1);
    ch_connections_free(connections);
}
END_TEST

START_TEST(test_all_of_a_front_can_be_removed_at_once)
{
    connections = ch_connections_new();
    uint64_t ids[] = {add(BOT), add(BOT + 1), add(BOT)};
    ch_connections_remove_all(connections, &fronts[0]);
    ch_connections_remove_all(connections, &fronts[0]);
    for (size_t i = 0; i < CH_ROWS(ids); i++)
        ck_assert_ptr_null(peer_of(ids[i]));
    add(BOT);
    ch_connections_free(connections);
    ch_connections_free(NULL);
}
END_TEST

/* ---- shares ---- */

START_TEST(test_a_greedy_caller_leaves_every_other_its_share)
{
    connections = ch_connections_new();
    ck_assert_uint_eq(fill(BOT, false), CH_CONNECTIONS_MAX - CH_CONNECTIONS_RESERVE);
    ck_assert_int_eq(err.status, CH_BUSY);
    ck_assert_str_eq(err.message, "user 1000 has 768 connections, and no more than 256 are kept free for others");
    ck_assert_uint_eq(fill(BOT + 1, false), CH_CONNECTIONS_SHARE);
    ck_assert_uint_eq(fill(BOT, false), 0);
    ch_connections_free(connections);
}
END_TEST

START_TEST(test_strangers_share_a_small_pool)
{
    connections = ch_connections_new();
    ck_assert_uint_eq(fill(1, true), CH_STRANGER_SHARE);
    ck_assert_str_eq(err.message, "user 1, whom no grant names, has 8 connections, and strangers share 32");
    for (uid_t uid = 2; uid < 5; uid++)
        ck_assert_uint_eq(fill(uid, true), CH_STRANGER_SHARE);
    ck_assert_uint_eq(fill(5, true), 0);
    add(BOT);
    ch_connections_free(connections);
}
END_TEST

/* All places are taken. A caller that has none gets one as soon as a connection of whoever holds most is idle. */
START_TEST(test_the_longest_idle_connection_of_the_greediest_makes_room)
{
    uint64_t ids[CH_CONNECTIONS_MAX];
    uint64_t id = 0;
    connections = ch_connections_new();
    for (size_t i = 0; i < CH_CONNECTIONS_MAX; i++)
        ids[i] = add(i < 700 ? BOT : BOT + 1 + (uid_t)(i - 700) / 100);
    ch_connections_serve_begin(connections, &fronts[0], ids[222]); /* and does not end: it is not idle */
    uint64_t opened_ms = ch_clock_ms();
    while (ch_clock_ms() == opened_ms) {
    }
    for (size_t i = 0; i < 700; i++) {
        if (i == 222 || i == 333)
            continue;
        ch_connections_serve_begin(connections, &fronts[0], ids[i]);
        ch_connections_serve_end(connections, &fronts[0], ids[i]);
    }
    while (try_add(BOT + 9, false, &id) != CH_OK)
        ck_assert_str_eq(err.message, "all 1024 connections are open and in use");
    ck_assert_uint_eq(victim.id, ids[333]);
    ck_assert_ptr_eq(victim.front, &fronts[0]);
    ck_assert_ptr_null(peer_of(victim.id));
    ck_assert_uint_eq(peer_of(id)->uid, BOT + 9);
    ch_connections_free(connections);
}
END_TEST

CH_TESTS("connections", CH_TEST(test_a_connection_is_who_connected), CH_TEST(test_an_id_that_is_not_open_is_nobody),
         CH_TEST(test_a_front_cannot_speak_for_the_connections_of_another),
         CH_TEST(test_a_closed_connections_id_is_nobody_even_if_its_place_is_taken_again),
         CH_TEST(test_all_of_a_front_can_be_removed_at_once),
         CH_TEST(test_a_greedy_caller_leaves_every_other_its_share), CH_TEST(test_strangers_share_a_small_pool),
         CH_TEST(test_the_longest_idle_connection_of_the_greediest_makes_room))
