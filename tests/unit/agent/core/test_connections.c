#include "agent/core/connections.h"

#include "base/clock.h"
#include "tests/support/suite.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BOT 1000 /* callers that policy names, from here on */

static ch_error err;
static ch_connections *connections;
static uint64_t closed;    /* what had to make room; 0: nothing */
static const void *closer; /* the intake that closed it */

static void on_close(void *self, uint64_t connection);

static ch_intake fronts[] = {
    {.self = &fronts[0], .close = on_close},
    {.self = &fronts[1], .close = on_close},
};

/* Removes it, as a relay's link does, though it is in the table no more. */
static void on_close(void *self, uint64_t connection)
{
    closed = connection;
    closer = self;
    ck_assert_ptr_null(ch_connections_peer(connections, self, connection));
    ch_connections_remove(connections, self, connection);
}

static ch_status try_add(uid_t uid, bool is_stranger, uint64_t *id)
{
    const ch_peer peer = {
        .uid = uid, .gid = 7, .groups = {8, 9},
                .group_count = 2
    };
    return ch_connections_add(connections, &peer, is_stranger, &fronts[0], id, &err);
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
        ck_assert_uint_eq(closed, 0);
    return count;
}

static const ch_peer *peer_of(uint64_t id)
{
    return ch_connections_peer(connections, &fronts[0], id);
}

START_TEST(test_a_connection_is_who_connected)
{
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
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
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
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
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
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
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
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
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
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

/* ---- callers that hang up ---- */

/* A connection of BOT with a socket; the front has closed nothing. Returns the caller's end. */
static int connect_bot(uint64_t *id)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
    *id = add(BOT);
    ck_assert_int_eq(ch_connections_keep(connections, *id, ends[0], &err), CH_OK);
    ch_connections_serve_begin(connections, &fronts[0], *id); /* otherwise nobody looks */
    close(ends[0]);
    return ends[1];
}

static bool is_there(uint64_t id)
{
    ch_connections_look(connections);
    return ch_connections_is_there(connections, &fronts[0], id);
}

START_TEST(test_a_caller_that_has_hung_up_is_not_there)
{
    uint64_t id;
    int bot = connect_bot(&id);
    ck_assert(is_there(id));
    ck_assert_int_eq((int)write(bot, "x", 1), 1);
    ck_assert(is_there(id));
    ck_assert(!ch_connections_is_there(connections, &fronts[1], id));
    close(bot);
    ck_assert(!is_there(id));
    ch_connections_free(connections);
}
END_TEST

START_TEST(test_a_caller_that_only_stops_writing_is_there)
{
    uint64_t id;
    int bot = connect_bot(&id);
    ck_assert_int_eq(shutdown(bot, SHUT_WR), 0);
    ck_assert(is_there(id));
    ch_connections_free(connections);
    close(bot);
}
END_TEST

START_TEST(test_a_caller_sees_the_end_of_its_connection)
{
    char byte;
    uint64_t id;
    int bot = connect_bot(&id);
    ch_connections_remove(connections, &fronts[0], id);
    ck_assert_int_eq((int)read(bot, &byte, 1), 0);
    ck_assert(!is_there(id));
    ch_connections_free(connections);
    close(bot);
}
END_TEST

/* Operators, and processes that are started anew, need descriptors too. */
START_TEST(test_the_last_descriptors_are_not_for_callers)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const struct rlimit limit = {.rlim_cur = 128, .rlim_max = 128};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
    ch_status st = CH_OK;
    size_t kept = 0;
    while (kept < 128 && (st = ch_connections_keep(connections, add(BOT + (uid_t)kept), ends[0], &err)) == CH_OK)
        kept++;
    ck_assert_int_eq(st, CH_BUSY);
    ck_assert_uint_eq(ch_connections_of(connections, &fronts[0]), kept); /* the last one was removed again */
    int next = dup(ends[0]);
    ck_assert_int_ge(next, 0);
    ck_assert_int_le(next, 128 - 31);
    ch_connections_free(connections);
    close(next);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* ---- shares ---- */

START_TEST(test_a_greedy_caller_leaves_every_other_its_share)
{
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
    ck_assert_uint_eq(fill(BOT, false), CH_CONNECTIONS_MAX - CH_CONNECTIONS_RESERVE);
    ck_assert_int_eq(err.status, CH_BUSY);
    ck_assert_str_eq(
        err.message,
        "user 1000 already has 768 connections, and the last 256 are reserved for other users; close some");
    ck_assert_uint_eq(fill(BOT + 1, false), CH_CONNECTIONS_SHARE);
    ck_assert_uint_eq(fill(BOT, false), 0);
    ch_connections_free(connections);
}
END_TEST

START_TEST(test_strangers_share_a_small_pool)
{
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
    ck_assert_uint_eq(fill(1, true), CH_STRANGER_SHARE);
    ck_assert_str_eq(err.message, "user 1, whom policy does not name, has 8 connections, and strangers share 32");
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
    const ch_peer peer = {.uid = BOT + 9};
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
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
    while (ch_connections_add(connections, &peer, false, &fronts[1], &id, &err) != CH_OK)
        ck_assert_str_eq(err.message, "all 1024 connections are open and in use");
    ck_assert_uint_eq(closed, ids[333]);
    ck_assert_ptr_eq(closer, &fronts[0]); /* by which it came, and not the other */
    ck_assert_ptr_null(peer_of(closed));
    ck_assert_uint_eq(ch_connections_of(connections, &fronts[0]), CH_CONNECTIONS_MAX - 1);
    ck_assert_uint_eq(ch_connections_peer(connections, &fronts[1], id)->uid, BOT + 9);
    ch_connections_free(connections);
}
END_TEST

START_TEST(test_with_few_descriptors_everything_is_smaller_in_proportion)
{
    connections = ch_connections_new(CH_CONNECTIONS_MAX / 8);
    size_t greedy = fill(BOT, false);
    ck_assert_uint_lt(greedy, CH_CONNECTIONS_MAX / 8);
    ck_assert_uint_gt(fill(BOT + 1, false), CH_CONNECTIONS_SHARE / 8 - 1);
    ck_assert_uint_lt(fill(1, true), CH_STRANGER_SHARE);
    ch_connections_free(connections);
}
END_TEST

CH_TESTS("connections", CH_TEST(test_with_few_descriptors_everything_is_smaller_in_proportion),
         CH_TEST(test_a_connection_is_who_connected), CH_TEST(test_an_id_that_is_not_open_is_nobody),
         CH_TEST(test_a_front_cannot_speak_for_the_connections_of_another),
         CH_TEST(test_a_closed_connections_id_is_nobody_even_if_its_place_is_taken_again),
         CH_TEST(test_all_of_a_front_can_be_removed_at_once), CH_TEST(test_a_caller_that_has_hung_up_is_not_there),
         CH_TEST(test_a_caller_that_only_stops_writing_is_there), CH_TEST(test_a_caller_sees_the_end_of_its_connection),
         CH_TEST(test_the_last_descriptors_are_not_for_callers),
         CH_TEST(test_a_greedy_caller_leaves_every_other_its_share), CH_TEST(test_strangers_share_a_small_pool),
         CH_TEST(test_the_longest_idle_connection_of_the_greediest_makes_room))
