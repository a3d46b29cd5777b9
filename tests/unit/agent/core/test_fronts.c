/* The test is the bots, who are all one user, and the fronts. */
#include "agent/core/fronts.h"

#include "agent/spawn.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/stage.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAITING_SHARE 8 /* connections that may wait for one front */

static ch_error err;
static ch_connections *connections;
static ch_fronts *fronts;
static ch_relay_links *relays;
static stage_actor actor;
static ch_caller known = {.name = "known"}; /* whom policy names */
static const ch_policy policy = {.callers = &known, .caller_count = 1};

static void on_sign(void *context, ch_asker asker, const ch_sign_frame *sign)
{
    (void)context;
    ck_assert_ptr_nonnull(ch_connections_peer(connections, asker.intake, sign->connection));
}

static void on_list_keys(void *context, ch_asker asker, const ch_list_keys_frame *list)
{
    (void)context;
    (void)asker;
    (void)list;
}

static void on_get_status(void *context, ch_asker asker, const ch_get_status_frame *get)
{
    (void)get;
    (void)context;
    (void)asker;
}

static void on_get_time(void *context, ch_asker asker)
{
    (void)context;
    (void)asker;
}

static int relay_signs;

static void on_relay_sign(void *context, ch_asker asker, const ch_sign_frame *sign)
{
    on_sign(context, asker, sign);
    relay_signs++;
}

static void on_outcomes(void *context, ch_asker asker, const ch_outcomes_frame *outcomes)
{
    (void)context;
    (void)asker;
    (void)outcomes;
}

static void make_relays(ch_loop *loop)
{
    const ch_relay_owner owner = {.connections = connections,
                                  .policy = &policy,
                                  .callers = ch_callers_new(),
                                  .on_sign = on_relay_sign,
                                  .on_outcomes = on_outcomes};
    relays = ch_relay_links_new(loop, &owner);
}

static void begin_for(uid_t uid, bool is_shared)
{
    const ch_front_owner owner = {
        .on_sign = on_sign, .on_list_keys = on_list_keys, .on_get_status = on_get_status, .on_get_time = on_get_time};
    ch_loop *loop = stage_set_up();
    known.ids = (ch_ids){.uid = uid, .gid = CH_ANY_ID};
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
    make_relays(loop);
    fronts =
        ch_fronts_new(loop, stage_listen("agent.sock", SOCK_STREAM), connections, &policy, relays, &owner, is_shared);
    ch_fronts_start(fronts);
    stage_meet(&actor);
    stage_hear(&actor, CH_FRAME_FRONT_START);
}

static void begin(void)
{
    begin_for(getuid(), false);
}

static void get_ready(void)
{
    ck_assert_int_eq(ch_front_ready_frame_put(ch_channel_out(&actor.channel), 0, &(ch_front_ready_frame){}, &err),
                     CH_OK);
    stage_send(&actor);
    ch_fronts_flush(fronts);
}

static int come(void)
{
    int bot = stage_connect("agent.sock", SOCK_STREAM);
    stage_settle();
    ch_fronts_flush(fronts);
    return bot;
}

/* Takes the next connection that core passes, which must be `bot`'s. */
static void check_passed(int bot)
{
    int fd = -1;
    char byte = 0;
    stage_hear_with(&actor, CH_FRAME_CONNECTION, &fd);
    ck_assert_int_eq((int)write(fd, "x", 1), 1);
    ck_assert_int_eq((int)read(bot, &byte, 1), 1);
    close(fd);
}

/* A process that core has just forked may hold a copy of the connection until it runs its own program. */
static void check_turned_away(int bot)
{
    char byte;
    struct pollfd end = {.fd = bot, .events = POLLIN};
    for (int i = 0; i < 2000 && poll(&end, 1, 10) == 0; i++)
        stage_settle(); /* accepting may rest */
    ck_assert_int_eq((int)read(bot, &byte, 1), 0);
}

START_TEST(test_nobody_is_accepted_before_the_first_front_is_ready)
{
    begin();
    int bot = come();
    ck_assert(!ch_fronts_were_ready(fronts) && !ch_fronts_have_failed(fronts));
    ck_assert(stage_is_silent(&actor));
    get_ready();
    stage_settle();
    ch_fronts_flush(fronts);
    ck_assert(ch_fronts_were_ready(fronts) && !ch_fronts_have_failed(fronts));
    check_passed(bot);
    check_passed(come());
}
END_TEST

START_TEST(test_a_first_front_that_ends_before_it_is_ready_has_failed)
{
    begin();
    stage_hang_up(&actor);
    stage_settle();
    ck_assert(ch_fronts_have_failed(fronts) && !ch_fronts_were_ready(fronts));
}
END_TEST

START_TEST(test_a_front_that_ends_is_replaced_and_bots_connect_again)
{
    int wait_status;
    begin();
    get_ready();
    check_passed(come());
    stage_kill(&actor);
    ck_assert(ch_fronts_died(fronts, ch_spawn_reap(&wait_status)));
    ck_assert(!ch_fronts_died(fronts, actor.pid));
    ck_assert(!ch_fronts_have_failed(fronts));
    stage_hang_up(&actor);
    int bot = come();
    stage_meet(&actor);
    stage_hear(&actor, CH_FRAME_FRONT_START);
    get_ready();
    stage_settle();
    ch_fronts_flush(fronts);
    check_passed(bot);
}
END_TEST

static stage_actor first; /* goes on while `actor` is the next */

/* The first front goes to the first caller, so a second lane must be there for connections to wait: the strangers'. */
static void begin_with_strangers(void)
{
    begin();
    get_ready();
    check_passed(come());
    first = actor;
    known.ids.uid = getuid() + 1; /* from here on, the bots are strangers */
}

START_TEST(test_strangers_have_a_front_of_their_own)
{
    begin_with_strangers();
    int bot = come();
    ck_assert(stage_is_silent(&actor));
    stage_meet(&actor);
    stage_hear(&actor, CH_FRAME_FRONT_START);
    get_ready();
    check_passed(bot);
}
END_TEST

START_TEST(test_a_few_connections_wait_for_a_front_that_is_starting)
{
    int bots[WAITING_SHARE];
    begin_with_strangers();
    for (size_t i = 0; i < WAITING_SHARE; i++)
        bots[i] = come();
    check_turned_away(come());
    stage_meet(&actor);
    stage_hear(&actor, CH_FRAME_FRONT_START);
    get_ready();
    for (size_t i = 0; i < WAITING_SHARE; i++)
        check_passed(bots[i]);
    check_turned_away(come()); /* a stranger's share is used up */
}
END_TEST

START_TEST(test_connections_that_wait_are_closed_if_their_front_ends)
{
    begin_with_strangers();
    int bot = come();
    stage_meet(&actor);
    stage_hang_up(&actor);
    stage_settle();
    check_turned_away(bot);
}
END_TEST

START_TEST(test_a_shared_front_serves_everybody)
{
    begin_for(getuid(), true);
    get_ready();
    check_passed(come());
    known.ids.uid = getuid() + 1;
    check_passed(come());
}
END_TEST

static void say_as_relay(int relay)
{
    ch_channel channel;
    ch_sign_frame sign = {.form = CH_FORM_WIRE, .relay_id = CH_LITERAL("00000000000000000000000000000001")};
    ch_relay_start_frame start = {.version = CH_FRAMES_VERSION};
    ch_channel_open_stream(&channel, dup(relay));
    ck_assert_int_eq(ch_relay_start_frame_put(ch_channel_out(&channel), 0, &start, &err), CH_OK);
    ck_assert_int_eq(ch_sign_frame_put(ch_channel_out(&channel), 1, &sign, &err), CH_OK);
    ck_assert_int_eq(ch_channel_flush(&channel, &err), CH_OK);
    ch_channel_close(&channel);
    stage_settle();
}

START_TEST(test_a_relay_gets_no_front)
{
    known.role = CH_CALLER_RELAY;
    begin();
    get_ready();
    int relay = come();
    say_as_relay(relay);
    for (int i = 0; i < 200 && relay_signs == 0; i++) /* accepting may rest */
        stage_await(relay);
    ck_assert_int_eq(relay_signs, 1);
    ck_assert(stage_is_silent(&actor)); /* the front has not heard of it */
}
END_TEST

START_TEST(test_connections_end_with_the_room)
{
    begin_with_strangers();
    int bot = come();
    ch_fronts_free(fronts);
    check_turned_away(bot);
    stage_bury(&actor);
    ch_fronts_free(NULL);
}
END_TEST

CH_TESTS("fronts", CH_TEST(test_nobody_is_accepted_before_the_first_front_is_ready),
         CH_TEST(test_a_first_front_that_ends_before_it_is_ready_has_failed),
         CH_TEST(test_a_front_that_ends_is_replaced_and_bots_connect_again),
         CH_TEST(test_strangers_have_a_front_of_their_own),
         CH_TEST(test_a_few_connections_wait_for_a_front_that_is_starting),
         CH_TEST(test_connections_that_wait_are_closed_if_their_front_ends),
         CH_TEST(test_a_shared_front_serves_everybody), CH_TEST(test_a_relay_gets_no_front),
         CH_TEST(test_connections_end_with_the_room))
