/* The child is a token process as far as frames go; the test plays it. */
#include "agent/core/child.h"

#include "agent/spawn.h"
#include "base/clock.h"
#include "base/log.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/stage.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

static ch_error err;
static ch_loop *loop;
static stage_actor actor;

/* Who owns the child. Keys are numbered; what a number stands for is in take_key. */
typedef struct owner {
    ch_child child;
    unsigned state;
    bool is_deaf;
    ch_status up_status;
    int ups;
    int downs;
    int taken;
    char why[160];
} owner;

static owner it;

enum { KEY_PLAIN, KEY_ENDS_CHILD, KEY_ENDS_CHILD_AND_FAILS, KEY_FAILS, KEY_FAILS_AS_AWAY };

static ch_status take_key(void *self, ch_frame *frame, int *fd, ch_error *error)
{
    (void)fd;
    owner *to = self;
    ch_key_state_frame key;
    CH_TRY(ch_key_state_frame_get(frame, &key, error));
    to->taken++;
    if (key.key == KEY_ENDS_CHILD || key.key == KEY_ENDS_CHILD_AND_FAILS)
        ch_child_end(&to->child, "its owner said so");
    if (key.key == KEY_FAILS || key.key == KEY_ENDS_CHILD_AND_FAILS)
        return ch_fail(error, CH_INTERNAL, "it named a bad key");
    return key.key == KEY_FAILS_AS_AWAY ? ch_fail(error, CH_UNAVAILABLE, "its device is away") : CH_OK;
}

static unsigned state_of(const void *self)
{
    const owner *of = self;
    return ch_child_is_up(&of->child) ? of->state : 0;
}

static const ch_handler handlers[] = {
    {CH_FRAME_KEY_STATE, take_key}
};

static const ch_receiver receiver = {
    .direction = CH_TOKEN_TO_CORE, .handlers = handlers, .handler_count = 1, .state = state_of};

static ch_status on_up(void *self, ch_error *error)
{
    owner *of = self;
    of->ups++;
    CH_TRY(ch_logout_frame_put(ch_channel_out(&of->child.channel), (uint64_t)of->ups, &(ch_logout_frame){}, error));
    return of->up_status == CH_OK ? CH_OK : ch_fail(error, of->up_status, "it cannot be greeted");
}

static void on_down(void *self, const char *why)
{
    owner *of = self;
    of->downs++;
    ck_assert(!ch_child_is_up(&of->child));
    snprintf(of->why, sizeof of->why, "%s", why);
}

static bool may_read(void *self)
{
    const owner *of = self;
    return !of->is_deaf;
}

static void set_up_role(const char *role)
{
    loop = stage_set_up();
    it = (owner){.state = CH_WHILE_LOGGING_IN};
    const ch_child_owner child_owner = {.receiver = &receiver,
                                        .self = &it,
                                        .packets_a_turn = 4,
                                        .on_up = on_up,
                                        .on_down = on_down,
                                        .may_read = may_read};
    ch_child_init(&it.child, loop, role, "token 'main'", &child_owner);
}

static void start(void)
{
    set_up_role("token");
    ch_child_start(&it.child);
    stage_meet(&actor);
    ck_assert_uint_eq(stage_hear(&actor, CH_FRAME_LOGOUT).id, 1);
}

static void write_key(unsigned number)
{
    ch_key_state_frame key = {.key = (uint16_t)number};
    ck_assert_int_eq(ch_key_state_frame_put(ch_channel_out(&actor.channel), 0, &key, &err), CH_OK);
}

static void check_ended(const char *why)
{
    ck_assert(!ch_child_is_up(&it.child));
    ck_assert_int_eq(it.downs, 1);
    ck_assert_str_eq(it.why, why);
}

/* ---- life ---- */

START_TEST(test_a_child_is_greeted_and_knows_its_role)
{
    start();
    ck_assert_str_eq(actor.arguments, "chancery-token");
    ck_assert(ch_child_is_up(&it.child));
    ck_assert_int_eq(it.child.pid, actor.pid);
    ck_assert(stage_is_silent(&actor));
}
END_TEST

START_TEST(test_a_child_logs_debug_lines_if_core_does)
{
    ch_log_set_debug(true);
    start();
    ck_assert_str_eq(actor.arguments, "chancery-token --debug");
}
END_TEST

START_TEST(test_a_program_that_is_missing_is_tried_again)
{
    set_up_role("nobody");
    stage_record_log();
    ch_child_start(&it.child);
    const char *log = stage_logged();
    ck_assert(!ch_child_is_up(&it.child));
    ck_assert_int_eq(it.ups, 0);
    ck_assert_int_eq(it.downs, 1);
    ck_assert_msg(strstr(it.why, "looking for the program ") != NULL, "%s", it.why);
    ck_assert_msg(strstr(log, "token 'main': its process could not be started (looking for") != NULL, "%s", log);
    while (it.downs < 2)
        ch_loop_turn(loop, 0);
    ck_assert_int_eq(it.ups, 0);
}
END_TEST

START_TEST(test_a_child_that_cannot_be_greeted_is_ended)
{
    set_up_role("token");
    it.up_status = CH_TOO_LARGE;
    ch_child_start(&it.child);
    check_ended("it cannot be greeted");
}
END_TEST

START_TEST(test_a_child_that_ends_is_started_again)
{
    start();
    stage_record_log();
    ch_child_end(&it.child, "it was in the way");
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, "token 'main': process ") != NULL, "%s", log);
    ck_assert_msg(strstr(log, " ended (it was in the way); starting it again\n") != NULL, "%s", log);
    check_ended("it was in the way");
    pid_t first = actor.pid;
    stage_bury(&actor);
    stage_meet(&actor);
    ck_assert_int_ne(actor.pid, first);
    ck_assert_int_eq(it.ups, 2);
    ck_assert_uint_eq(stage_hear(&actor, CH_FRAME_LOGOUT).id, 2);
}
END_TEST

START_TEST(test_a_stopped_child_stays_away)
{
    start();
    ch_child_stop(&it.child);
    ch_child_stop(&it.child);
    stage_bury(&actor);
    ck_assert_int_eq(it.downs, 0);
    ck_assert_uint_eq(it.child.restart.due_ms, 0);
    ch_child_end(&it.child, "nothing");
    ch_child_stop(&it.child);
    ck_assert_uint_eq(it.child.restart.due_ms, 0);
}
END_TEST

START_TEST(test_a_dead_child_is_known_by_its_pid)
{
    int wait_status;
    start();
    stage_kill(&actor);
    pid_t pid = ch_spawn_reap(&wait_status);
    ck_assert_int_eq(pid, actor.pid);
    ck_assert(!ch_child_died(&it.child, pid + 1));
    ck_assert(ch_child_died(&it.child, pid));
    check_ended("it died");
    ck_assert(!ch_child_died(&it.child, pid));
    ck_assert(!ch_child_died(&it.child, 0));
    ck_assert_int_eq(it.downs, 1);
    ck_assert_int_eq(ch_spawn_reap(&wait_status), 0);
}
END_TEST

/* A packet that it sent before is taken; what it was not allowed to say is the reason of its end. */
START_TEST(test_what_a_child_said_before_it_died_counts)
{
    int wait_status;
    start();
    write_key(KEY_PLAIN);
    ck_assert_int_eq(ch_channel_flush(&actor.channel, &err), CH_OK);
    write_key(KEY_FAILS);
    ck_assert_int_eq(ch_channel_flush(&actor.channel, &err), CH_OK);
    stage_kill(&actor);
    ck_assert(ch_child_died(&it.child, ch_spawn_reap(&wait_status)));
    ck_assert_int_eq(it.taken, 2);
    check_ended("it named a bad key");
}
END_TEST

START_TEST(test_a_dead_child_that_has_closed_its_channel_is_no_surprise)
{
    int wait_status;
    start();
    stage_kill(&actor);
    stage_hang_up(&actor);
    ck_assert(ch_child_died(&it.child, ch_spawn_reap(&wait_status)));
    check_ended("it closed its channel");
    stage_meet(&actor);
}
END_TEST

START_TEST(test_a_closed_channel_is_the_end)
{
    start();
    stage_hang_up(&actor);
    stage_settle();
    check_ended("it closed its channel");
    stage_bury(&actor);
}
END_TEST

/* Whoever ends it; the channel is closed, and the process lives on. */
static void end_softly(void (*end)(ch_child *child))
{
    siginfo_t facts = {0};
    start();
    it.child.owner.dying = ch_dying_new(loop);
    end(&it.child);
    ck_assert(!ch_child_is_up(&it.child));
    ck_assert_int_eq(ch_channel_receive(&actor.channel, &actor.packet, &err), CH_UNAVAILABLE);
    ck_assert_int_eq(waitid(P_PID, (id_t)actor.pid, &facts, WEXITED | WNOHANG | WNOWAIT), 0);
    ck_assert_int_eq(facts.si_pid, 0);
    ck_assert(!ch_child_died(&it.child, actor.pid));
    ch_dying_free(it.child.owner.dying);
    it.child.owner.dying = NULL;
    stage_bury(&actor);
}

static void end_for_a_reason(ch_child *child)
{
    ch_child_end(child, "it was in the way");
}

START_TEST(test_a_child_that_ends_may_finish_if_its_owner_says_so)
{
    end_softly(end_for_a_reason);
    check_ended("it was in the way");
}
END_TEST

START_TEST(test_a_stopped_child_may_finish_if_its_owner_says_so)
{
    end_softly(ch_child_stop);
    ck_assert_int_eq(it.downs, 0);
}
END_TEST

/* So it is not among those that are killed once their time is up: the kernel may have given its pid away. */
START_TEST(test_a_dead_child_has_nothing_to_finish)
{
    start();
    it.child.owner.dying = ch_dying_new(loop);
    stage_kill(&actor);
    ck_assert(ch_child_died(&it.child, ch_spawn_reap(&(int){0})));
    ck_assert(!ch_dying_died(it.child.owner.dying, actor.pid));
    ch_dying_free(it.child.owner.dying);
}
END_TEST

static void end_and_check_pause(uint64_t pause_ms)
{
    uint64_t before_ms = ch_clock_ms();
    ch_child_end(&it.child, "it fell");
    ck_assert_uint_ge(it.child.restart.due_ms, before_ms + pause_ms);
    ck_assert_uint_le(it.child.restart.due_ms, ch_clock_ms() + pause_ms);
    ch_child_start(&it.child);
}

START_TEST(test_quick_deaths_lengthen_the_pause)
{
    start();
    const uint64_t pauses_ms[] = {50, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
    for (size_t i = 0; i < CH_ROWS(pauses_ms); i++)
        end_and_check_pause(pauses_ms[i]);
    it.child.started_ms -= CH_QUICK_DEATH_MS;
    end_and_check_pause(50);
    end_and_check_pause(100);
}
END_TEST

START_TEST(test_a_child_that_is_up_is_not_started_by_its_timer)
{
    start();
    ch_child_end(&it.child, "it fell");
    stage_bury(&actor);
    ch_child_start(&it.child);
    while (it.child.restart.due_ms != 0)
        ch_loop_turn(loop, 0);
    ck_assert_int_eq(it.ups, 2);
}
END_TEST

/* ---- frames ---- */

/* What ends a child: the frames of one packet, how many of them are taken, and the reason. */
/* clang-format off */
static const struct {
    const char *name;
    unsigned state;
    unsigned keys[2];
    int taken;
    const char *why;
} ends[] = {
    /* name                                  state                 frames                                  taken  why */
    { "a frame in the wrong state",          CH_WHILE_LOCKED,      { KEY_PLAIN, KEY_PLAIN },                0,    "frame KEY_STATE is not accepted while locked" },
    { "a handler that fails",                CH_WHILE_LOGGING_IN,  { KEY_PLAIN, KEY_FAILS },                2,    "it named a bad key" },
    { "no frame after one that failed",      CH_WHILE_LOGGING_IN,  { KEY_FAILS, KEY_PLAIN },                1,    "it named a bad key" },
    { "a handler's reason, whatever status", CH_WHILE_LOGGING_IN,  { KEY_FAILS_AS_AWAY, KEY_PLAIN },        1,    "its device is away" },
    { "a handler that ends the child",       CH_WHILE_LOGGING_IN,  { KEY_ENDS_CHILD, KEY_PLAIN },           1,    "its owner said so" },
    { "a handler that does both",            CH_WHILE_LOGGING_IN,  { KEY_ENDS_CHILD_AND_FAILS, KEY_PLAIN }, 1,    "its owner said so" },
};
/* clang-format on */

START_TEST(test_what_a_child_may_not_say_ends_it)
{
    start();
    it.state = ends[_i].state;
    write_key(ends[_i].keys[0]);
    write_key(ends[_i].keys[1]);
    stage_record_log();
    stage_send(&actor);
    const char *log = stage_logged();
    ck_assert_msg(it.taken == ends[_i].taken, "%s: %d taken", ends[_i].name, it.taken);
    ck_assert_msg(strstr(log, ends[_i].why) != NULL, "%s: %s", ends[_i].name, log);
    check_ended(ends[_i].why);
    stage_bury(&actor);
}
END_TEST

START_TEST(test_a_frame_of_another_direction_ends_the_child)
{
    start();
    ck_assert_int_eq(ch_logout_frame_put(ch_channel_out(&actor.channel), 0, &(ch_logout_frame){}, &err), CH_OK);
    stage_send(&actor);
    check_ended("frame LOGOUT is not its to send");
}
END_TEST

START_TEST(test_bytes_that_are_no_frame_end_the_child)
{
    start();
    write_key(KEY_PLAIN);
    ch_buffer_add_text(ch_channel_out(&actor.channel), "rest");
    ck_assert_int_gt((int)write(actor.channel.fd, actor.channel.pending.data, actor.channel.pending.size), 0);
    stage_settle();
    ck_assert_int_eq(it.taken, 1);
    check_ended("a malformed packet came");
}
END_TEST

static void send_keys(size_t packets)
{
    for (size_t i = 0; i < packets; i++) {
        write_key(KEY_PLAIN);
        ck_assert_int_eq(ch_channel_flush(&actor.channel, &err), CH_OK);
    }
}

START_TEST(test_a_turn_takes_a_few_packets_of_a_child)
{
    start();
    send_keys(9);
    ch_loop_turn(loop, 0);
    ck_assert_int_gt(it.taken, 0);
    ck_assert_int_lt(it.taken, 9);
    stage_settle();
    ck_assert_int_eq(it.taken, 9);
}
END_TEST

START_TEST(test_nothing_is_read_while_the_owner_may_not)
{
    start();
    send_keys(1);
    it.is_deaf = true;
    stage_settle();
    ck_assert_int_eq(it.taken, 0);
    ch_child_flush(&it.child);
    stage_settle();
    ck_assert_int_eq(it.taken, 0);
    it.is_deaf = false;
    ch_child_flush(&it.child);
    stage_settle();
    ck_assert_int_eq(it.taken, 1);
}
END_TEST

static void write_logout(uint64_t id)
{
    ck_assert_int_eq(ch_logout_frame_put(ch_channel_out(&it.child.channel), id, &(ch_logout_frame){}, &err), CH_OK);
}

START_TEST(test_what_the_socket_does_not_take_follows_when_it_can)
{
    uint64_t written = 1;
    start();
    while (ch_channel_pending(&it.child.channel) == 0) {
        for (size_t i = 0; i < 1000; i++)
            write_logout(++written);
        ch_child_flush(&it.child);
    }
    for (uint64_t id = 2; id <= written; id++) {
        if (stage_is_silent(&actor))
            stage_settle();
        ck_assert_uint_eq(stage_hear(&actor, CH_FRAME_LOGOUT).id, id);
    }
    stage_settle();
    ck_assert_uint_eq(ch_channel_pending(&it.child.channel), 0);
    ck_assert_uint_eq(it.child.source.events & EPOLLOUT, 0);
}
END_TEST

START_TEST(test_writing_to_a_child_that_is_gone_ends_it)
{
    start();
    stage_hang_up(&actor);
    write_logout(2);
    ch_child_flush(&it.child);
    ck_assert_int_eq(it.downs, 1);
    ck_assert_msg(strstr(it.why, "sending 16 bytes of frames: ") != NULL, "%s", it.why);
    ch_child_flush(&it.child);
    ck_assert_int_eq(it.downs, 1);
}
END_TEST

CH_TESTS("child", CH_TEST(test_a_child_is_greeted_and_knows_its_role),
         CH_TEST(test_a_child_logs_debug_lines_if_core_does), CH_TEST(test_a_program_that_is_missing_is_tried_again),
         CH_TEST(test_a_child_that_cannot_be_greeted_is_ended), CH_TEST(test_a_child_that_ends_is_started_again),
         CH_TEST(test_a_stopped_child_stays_away), CH_TEST(test_a_dead_child_is_known_by_its_pid),
         CH_TEST(test_what_a_child_said_before_it_died_counts),
         CH_TEST(test_a_dead_child_that_has_closed_its_channel_is_no_surprise),
         CH_TEST(test_a_closed_channel_is_the_end), CH_TEST(test_a_child_that_ends_may_finish_if_its_owner_says_so),
         CH_TEST(test_a_stopped_child_may_finish_if_its_owner_says_so),
         CH_TEST(test_a_dead_child_has_nothing_to_finish), CH_TEST(test_quick_deaths_lengthen_the_pause),
         CH_TEST(test_a_child_that_is_up_is_not_started_by_its_timer),
         CH_TEST_ROWS(test_what_a_child_may_not_say_ends_it, ends),
         CH_TEST(test_a_frame_of_another_direction_ends_the_child), CH_TEST(test_bytes_that_are_no_frame_end_the_child),
         CH_TEST(test_a_turn_takes_a_few_packets_of_a_child), CH_TEST(test_nothing_is_read_while_the_owner_may_not),
         CH_TEST(test_what_the_socket_does_not_take_follows_when_it_can),
         CH_TEST(test_writing_to_a_child_that_is_gone_ends_it))
