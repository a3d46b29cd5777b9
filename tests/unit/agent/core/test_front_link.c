/* The test is the front process, and the owner of its requests. */
#include "agent/core/front_link.h"

#include "agent/spawn.h"
#include "base/clock.h"
#include "base/memory.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/stage.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ch_error err;
static ch_connections *connections;
static ch_front_link *front;
static stage_actor actor;
static ch_loop *loop;

/* ---- the owner ---- */

static struct {
    int signs;
    int lists;
    int statuses;
    int times;
    ch_asker asker; /* of the last request */
    char path[64];
    int changes;
    size_t answers_each; /* a SIGN is answered at once with so many */
} owner;

/* Answers the last request so many times, each with 60 KB. */
static void answer(size_t count)
{
    ch_autofree uint8_t *text = ch_alloc(60000);
    ch_signature_only_frame signature = {
        .signature = {text, 60000},
          .key = CH_LITERAL("k")
    };
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(ch_signature_only_frame_put(ch_asker_out(owner.asker), owner.asker.request, &signature, &err),
                         CH_OK);
}

static void on_sign(void *context, ch_asker asker, const ch_sign_frame *sign)
{
    ck_assert_ptr_eq(context, &owner);
    owner.signs++;
    owner.asker = asker;
    answer(owner.answers_each);
    snprintf(owner.path, sizeof owner.path, "%.*s", CH_SLICE_ARGS(sign->path));
}

static void on_list_keys(void *context, ch_asker asker, const ch_list_keys_frame *list)
{
    (void)context;
    ck_assert_uint_eq(list->connection, 3);
    owner.lists++;
    owner.asker = asker;
}

static void on_get_status(void *context, ch_asker asker, const ch_get_status_frame *get)
{
    (void)get;
    (void)context;
    owner.statuses++;
    owner.asker = asker;
}

static void on_get_time(void *context, ch_asker asker)
{
    (void)context;
    owner.times++;
    owner.asker = asker;
}

static void on_change(void *context, ch_front_link *changed)
{
    ck_assert_ptr_eq(context, &owner);
    ck_assert_ptr_eq(changed, front);
    owner.changes++;
}

static void begin(void)
{
    const ch_front_owner front_owner = {.context = &owner,
                                        .on_sign = on_sign,
                                        .on_list_keys = on_list_keys,
                                        .on_get_status = on_get_status,
                                        .on_get_time = on_get_time};
    const ch_front_watcher watcher = {.context = &owner, .on_change = on_change};
    loop = stage_set_up();
    connections = ch_connections_new(CH_CONNECTIONS_MAX);
    front = ch_front_link_new(loop, "front 1", connections, &front_owner, watcher);
    ch_front_link_start(front);
    stage_meet(&actor);
}

/* ---- what the front says ---- */

static void write_frame(ch_frame_type type, uint64_t id)
{
    ch_buffer *out = ch_channel_out(&actor.channel);
    ch_sign_frame sign = {.connection = 3, .key = CH_LITERAL("k"), .path = CH_LITERAL("/p")};
    ch_list_keys_frame list = {.connection = 3};
    ch_get_status_frame get = {.connection = 3};
    ch_status st = CH_INTERNAL;
    if (type == CH_FRAME_FRONT_READY)
        st = ch_front_ready_frame_put(out, id, &(ch_front_ready_frame){}, &err);
    else if (type == CH_FRAME_SIGN)
        st = ch_sign_frame_put(out, id, &sign, &err);
    else if (type == CH_FRAME_LIST_KEYS)
        st = ch_list_keys_frame_put(out, id, &list, &err);
    else if (type == CH_FRAME_GET_STATUS)
        st = ch_get_status_frame_put(out, id, &get, &err);
    else if (type == CH_FRAME_GET_TIME)
        st = ch_get_time_frame_put(out, id, &(ch_get_time_frame){}, &err);
    else if (type == CH_FRAME_CLOSED)
        st = ch_closed_frame_put(out, id, &(ch_closed_frame){}, &err);
    else if (type == CH_FRAME_RELAY_START)
        st = ch_relay_start_frame_put(out, id, &(ch_relay_start_frame){.version = CH_FRAMES_VERSION}, &err);
    else if (type == CH_FRAME_OUTCOMES)
        st = ch_outcomes_frame_put(out, id, &(ch_outcomes_frame){.connection = 3}, &err);
    else if (type == CH_FRAME_PONG)
        st = ch_pong_frame_put(out, id, &(ch_pong_frame){}, &err);
    ck_assert_int_eq(st, CH_OK);
}

static void say(ch_frame_type type, uint64_t id)
{
    write_frame(type, id);
    stage_send(&actor);
}

static void get_ready(void)
{
    ch_front_start_frame start;
    ch_frame frame = stage_hear(&actor, CH_FRAME_FRONT_START);
    ck_assert_int_eq(ch_front_start_frame_get(&frame, &start, &err), CH_OK);
    ck_assert_uint_eq(start.version, CH_FRAMES_VERSION);
    say(CH_FRAME_FRONT_READY, 0);
}

static void begin_ready(void)
{
    begin();
    get_ready();
    ck_assert(ch_front_link_is_ready(front));
}

static uint64_t add_connection(void)
{
    uint64_t id = 0;
    const ch_peer peer = {.uid = 1000};
    ck_assert_int_eq(ch_connections_add(connections, &peer, false, ch_front_link_intake(front), &id, &err), CH_OK);
    return id;
}

/* ---- life ---- */

START_TEST(test_a_front_is_ready_when_it_says_so)
{
    begin();
    ck_assert(!ch_front_link_is_ready(front));
    get_ready();
    ck_assert(ch_front_link_is_ready(front));
    ck_assert_int_eq(owner.changes, 1);
    ck_assert(stage_is_silent(&actor));
}
END_TEST

START_TEST(test_a_front_that_ends_loses_its_connections_and_is_started_again)
{
    begin_ready();
    uint64_t id = add_connection();
    stage_hang_up(&actor);
    stage_settle();
    ck_assert(!ch_front_link_is_ready(front));
    ck_assert_int_eq(owner.changes, 2);
    ck_assert_ptr_null(ch_connections_peer(connections, ch_front_link_intake(front), id));
    stage_bury(&actor);
    stage_meet(&actor);
    get_ready();
    ck_assert(ch_front_link_is_ready(front));
}
END_TEST

START_TEST(test_a_dead_front_is_known_by_its_pid)
{
    int wait_status;
    begin_ready();
    stage_kill(&actor);
    pid_t pid = ch_spawn_reap(&wait_status);
    ck_assert(!ch_front_link_died(front, pid + 1));
    ck_assert(ch_front_link_died(front, pid));
    ck_assert(!ch_front_link_is_ready(front));
}
END_TEST

START_TEST(test_a_freed_front_is_ended_and_watched_no_more)
{
    begin_ready();
    ch_front_link_free(front);
    stage_bury(&actor);
    stage_settle();
    ck_assert_int_eq(owner.changes, 1);
    ch_front_link_free(NULL);
}
END_TEST

/* ---- frames that end it ---- */

/* clang-format off */
static const struct {
    bool is_ready;
    ch_frame_type type;
    const char *why;
} refused[] = {
    /* ready  frame                   the front is ended because */
    { false,  CH_FRAME_SIGN,          "frame SIGN is not accepted while starting" },
    { false,  CH_FRAME_CLOSED,        "frame CLOSED is not accepted while starting" },
    { false,  CH_FRAME_LIST_KEYS,     "frame LIST_KEYS is not accepted while starting" },
    { false,  CH_FRAME_GET_STATUS,    "frame GET_STATUS is not accepted while starting" },
    { false,  CH_FRAME_PONG,          "frame PONG is not accepted while starting" },
    { false,  CH_FRAME_RELAY_START,   "frame RELAY_START has no handler here" },
    { true,   CH_FRAME_FRONT_READY,   "frame FRONT_READY is not accepted while serving" },
    { true,   CH_FRAME_PONG,          "it answered a ping that it was not sent" },
    { true,   CH_FRAME_RELAY_START,   "frame RELAY_START is not accepted while serving" },
    { true,   CH_FRAME_OUTCOMES,      "frame OUTCOMES has no handler here" },
};
/* clang-format on */

START_TEST(test_a_frame_in_the_wrong_state_ends_the_front)
{
    begin();
    if (refused[_i].is_ready)
        get_ready();
    write_frame(refused[_i].type, 1);
    stage_record_log();
    stage_send(&actor);
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, "front 1: process ") != NULL && strstr(log, refused[_i].why) != NULL, "%s", log);
    ck_assert(!ch_front_link_is_ready(front));
    stage_bury(&actor);
}
END_TEST

START_TEST(test_a_malformed_request_ends_the_front)
{
    begin_ready();
    ch_buffer *out = ch_channel_out(&actor.channel);
    size_t begin_at = ch_frame_begin(out, CH_FRAME_SIGN, 1);
    ch_put_u64(out, 3);
    ch_put_u32(out, 1000); /* the length of a key that does not follow */
    ck_assert_int_eq(ch_frame_end(out, begin_at, &err), CH_OK);
    stage_record_log();
    stage_send(&actor);
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, "a malformed SIGN frame came") != NULL, "%s", log);
    ck_assert_int_eq(owner.signs, 0);
}
END_TEST

START_TEST(test_a_relays_request_by_a_front_ends_the_front)
{
    begin_ready();
    ch_sign_frame sign = {.form = CH_FORM_WIRE, .relay_id = CH_LITERAL("x")};
    ck_assert_int_eq(ch_sign_frame_put(ch_channel_out(&actor.channel), 1, &sign, &err), CH_OK);
    stage_send(&actor);
    ck_assert(!ch_front_link_is_ready(front) && owner.signs == 0);
}
END_TEST

START_TEST(test_a_frame_of_core_ends_the_front)
{
    begin_ready();
    ch_front_start_frame start = {.version = CH_FRAMES_VERSION};
    ck_assert_int_eq(ch_front_start_frame_put(ch_channel_out(&actor.channel), 0, &start, &err), CH_OK);
    stage_send(&actor);
    ck_assert(!ch_front_link_is_ready(front));
}
END_TEST

/* ---- connections ---- */

START_TEST(test_a_connection_is_passed_with_its_descriptor)
{
    int ends[2];
    int passed = -1;
    char byte = 0;
    begin_ready();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ch_front_link_pass(front, ends[0], 42);
    ch_front_link_flush(front);
    ck_assert_uint_eq(stage_hear_with(&actor, CH_FRAME_CONNECTION, &passed).id, 42);
    ck_assert_int_eq((int)write(ends[1], "x", 1), 1);
    ck_assert_int_eq((int)read(passed, &byte, 1), 1);
    close(passed);
    ck_assert_int_eq((int)read(ends[1], &byte, 1), 0); /* core has kept no copy */
}
END_TEST

/* Each is a descriptor of core's, whatever the front says of it. */
START_TEST(test_a_front_that_takes_no_connections_has_no_room_for_more)
{
    size_t passed = 0;
    begin_ready();
    while (passed < 2000 && ch_front_link_has_room(front)) {
        ch_front_link_pass(front, dup(STDIN_FILENO), ++passed);
        ch_front_link_flush(front);
        say(CH_FRAME_CLOSED, passed);
    }
    ck_assert_uint_lt(passed, 2000);
    for (int fd = -1; passed > 0; passed--) {
        if (stage_is_silent(&actor))
            ch_front_link_flush(front);
        stage_hear_with(&actor, CH_FRAME_CONNECTION, &fd);
        close(fd);
    }
    ck_assert(ch_front_link_has_room(front));
}
END_TEST

START_TEST(test_a_closed_connection_leaves_the_table)
{
    begin_ready();
    uint64_t closed = add_connection();
    uint64_t open = add_connection();
    say(CH_FRAME_CLOSED, closed);
    say(CH_FRAME_CLOSED, closed);
    say(CH_FRAME_CLOSED, 0);
    ck_assert_ptr_null(ch_connections_peer(connections, ch_front_link_intake(front), closed));
    ck_assert_ptr_nonnull(ch_connections_peer(connections, ch_front_link_intake(front), open));
    ck_assert(ch_front_link_is_ready(front));
}
END_TEST

static void close_connection(uint64_t connection)
{
    const ch_intake *intake = ch_front_link_intake(front);
    intake->close(intake->self, connection);
}

START_TEST(test_a_front_is_asked_to_close_a_connection)
{
    begin_ready();
    close_connection(42);
    ch_front_link_flush(front);
    ck_assert_uint_eq(stage_hear(&actor, CH_FRAME_CLOSE).id, 42);
    stage_hang_up(&actor);
    stage_settle();
    close_connection(43); /* it has none any more */
}
END_TEST

/* ---- requests and answers ---- */

START_TEST(test_requests_go_to_the_owner)
{
    begin_ready();
    say(CH_FRAME_SIGN, 7);
    ck_assert_int_eq(owner.signs, 1);
    ck_assert_str_eq(owner.path, "/p");
    ck_assert_uint_eq(owner.asker.request, 7);
    ck_assert_ptr_eq(owner.asker.intake, ch_front_link_intake(front));
    say(CH_FRAME_LIST_KEYS, 8);
    ck_assert_int_eq(owner.lists, 1);
    ck_assert_uint_eq(owner.asker.request, 8);
    say(CH_FRAME_GET_STATUS, 9);
    ck_assert_int_eq(owner.statuses, 1);
    ck_assert_uint_eq(owner.asker.request, 9);
    say(CH_FRAME_GET_TIME, 10);
    ck_assert_int_eq(owner.times, 1);
    ck_assert_uint_eq(owner.asker.request, 10);
}
END_TEST

/* clang-format off */
static const struct {
    ch_status status;
    uint32_t retry_after_s;
} failures[] = {
    /* status           retry after, in seconds */
    { CH_REFUSED,       0 },
    { CH_LOCKED,        0 },
    { CH_BUSY,          1 },
    { CH_UNAVAILABLE,   1 },
    { CH_INTERNAL,      0 },
};
/* clang-format on */

START_TEST(test_a_failure_says_where_and_whether_to_try_again)
{
    ch_error why = CH_ERROR_INIT;
    ch_failed_frame failed;
    begin_ready();
    say(CH_FRAME_SIGN, 7);
    ch_error_set(&why, failures[_i].status, "rule", "because");
    ch_asker_failed(owner.asker, "policy", &why);
    ck_assert(stage_is_silent(&actor)); /* until the turn's end */
    ch_front_link_flush(front);
    ch_frame frame = stage_hear(&actor, CH_FRAME_FAILED);
    ck_assert_uint_eq(frame.id, 7);
    ck_assert_int_eq(ch_failed_frame_get(&frame, &failed, &err), CH_OK);
    ck_assert_int_eq(failed.why.status, failures[_i].status);
    ck_assert_str_eq(failed.why.rule, "rule");
    ck_assert_str_eq(failed.why.message, "because");
    ck_assert(ch_slice_is(failed.step, "policy"));
    ck_assert_uint_eq(failed.retry_after_s, failures[_i].retry_after_s);
}
END_TEST

START_TEST(test_an_answer_to_a_front_that_has_ended_is_dropped)
{
    ch_error why = CH_ERROR_INIT;
    ch_error_set(&why, CH_REFUSED, "", "because");
    begin_ready();
    say(CH_FRAME_SIGN, 7);
    ch_asker asker = owner.asker;
    ck_assert_ptr_nonnull(ch_asker_out(asker));
    stage_hang_up(&actor);
    stage_settle();
    ck_assert_ptr_null(ch_asker_out(asker));
    ch_asker_failed(asker, "policy", &why);
    stage_bury(&actor);
    stage_meet(&actor);
    get_ready();
    ck_assert_ptr_null(ch_asker_out(asker));
    ch_asker_failed(asker, "policy", &why);
    ch_front_link_flush(front);
    ck_assert(stage_is_silent(&actor));
}
END_TEST

START_TEST(test_a_front_that_does_not_read_its_answers_is_not_listened_to)
{
    begin_ready();
    say(CH_FRAME_SIGN, 7);
    answer(40);
    ch_front_link_flush(front);
    say(CH_FRAME_SIGN, 8);
    ck_assert_int_eq(owner.signs, 1);
    for (size_t i = 0; i < 40; i++) {
        if (stage_is_silent(&actor))
            stage_settle();
        stage_hear(&actor, CH_FRAME_SIGNATURE_ONLY);
    }
    stage_settle();
    ck_assert_int_eq(owner.signs, 2);
}
END_TEST

static void on_alarm(void *context)
{
    (void)context;
}

/* What has come with the packet, and is not taken yet, must not keep core awake. */
START_TEST(test_core_sleeps_while_a_front_does_not_read)
{
    unsigned turns = 0;
    ch_timer alarm = {.on_due = on_alarm};
    begin_ready();
    owner.answers_each = 40;
    for (uint64_t id = 1; id <= 3; id++)
        write_frame(CH_FRAME_SIGN, id);
    stage_send(&actor);
    ch_front_link_flush(front);
    ch_loop_set_timer(loop, &alarm, ch_clock_ms() + 50);
    while (alarm.due_ms != 0) {
        ch_loop_turn(loop, 0);
        turns++;
    }
    ck_assert_int_eq(owner.signs, 1);
    ck_assert_uint_lt(turns, 10);
    for (uint64_t i = 0; i < 120; i++) {
        for (int tries = 0; tries < 100 && stage_is_silent(&actor); tries++, ch_front_link_flush(front))
            stage_settle();
        ck_assert_uint_eq(stage_hear(&actor, CH_FRAME_SIGNATURE_ONLY).id, 1 + i / 40);
    }
}
END_TEST

CH_TESTS("front_link", CH_TEST(test_a_front_is_ready_when_it_says_so),
         CH_TEST(test_a_front_that_ends_loses_its_connections_and_is_started_again),
         CH_TEST(test_a_dead_front_is_known_by_its_pid), CH_TEST(test_a_freed_front_is_ended_and_watched_no_more),
         CH_TEST_ROWS(test_a_frame_in_the_wrong_state_ends_the_front, refused),
         CH_TEST(test_a_malformed_request_ends_the_front), CH_TEST(test_a_relays_request_by_a_front_ends_the_front),
         CH_TEST(test_a_frame_of_core_ends_the_front), CH_TEST(test_a_connection_is_passed_with_its_descriptor),
         CH_TEST(test_a_front_that_takes_no_connections_has_no_room_for_more),
         CH_TEST(test_a_closed_connection_leaves_the_table), CH_TEST(test_a_front_is_asked_to_close_a_connection),
         CH_TEST(test_requests_go_to_the_owner),
         CH_TEST_ROWS(test_a_failure_says_where_and_whether_to_try_again, failures),
         CH_TEST(test_an_answer_to_a_front_that_has_ended_is_dropped),
         CH_TEST(test_a_front_that_does_not_read_its_answers_is_not_listened_to),
         CH_TEST(test_core_sleeps_while_a_front_does_not_read))
