/* On the scene of requests: its key 'nonced' is the only one with nonces. */
#include "agent/core/timekeeper.h"

#include "agent/core/operators.h"
#include "base/buffer.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static scene it;
static ch_error err;
static int answers;
static ch_error outcome;

static void on_answer(void *context, const ch_error *why)
{
    ck_assert_ptr_eq(context, &answers);
    answers++;
    outcome = *why;
}

static const ch_time_waiter waiter = {.context = &answers, .answer = on_answer, .name = "user 7"};

static void collect(void)
{
    struct pollfd ready = {.fd = ch_writer_fd(it.writer), .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 20000), 1);
    ch_writer_collect(it.writer);
}

static ch_nonces_are_frame list(const char *after)
{
    static ch_buffer packet;
    ch_nonces_are_frame answer;
    ch_frame frame;
    ch_buffer_clear(&packet);
    MUST(ch_timekeeper_list(&it.timekeeper, &(ch_nonce_list_frame){.after = ch_slice_of(after)}, &packet, &err));
    ch_slice bytes = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&bytes, &frame));
    MUST(ch_nonces_are_frame_get(&frame, &answer, &err));
    return answer;
}

START_TEST(test_keys_with_nonces_are_listed)
{
    ch_listed_nonce_record row;
    scene_begin(&it);
    ch_nonces_are_frame all = list("");
    ck_assert(all.is_last);
    ck_assert_uint_eq(all.rows.count, 1);
    ck_assert(ch_listed_nonce_record_next(&all.rows, &row));
    ck_assert(ch_slice_is(row.key, "nonced"));
    ck_assert(ch_slice_is(row.profile, "bitso"));
    ck_assert(ch_slice_is(row.key_id, SCENE_KEY_ID));
    ck_assert_uint_eq(row.unit_ns, 1000000);
    ck_assert_uint_eq(row.next, 0);
    ck_assert(!row.follows_clock);
}
END_TEST

/* clang-format off */
static const struct {
    const char *after;
    size_t count;
} pages[] = {
    /* after        count */
    { "",           1 },
    { "a",          1 },
    { "nonce",      1 },
    { "nonced",     0 },
    { "nonced-too", 0 },
    { "z",          0 },
};
/* clang-format on */

START_TEST(test_a_page_begins_after_a_name)
{
    scene_begin(&it);
    ck_assert_uint_eq(list(pages[_i].after).rows.count, pages[_i].count);
}
END_TEST

/* clang-format off */
static const struct {
    const char *key;
    uint64_t value;
    bool is_reset;
    const char *reason;
    ch_status status;
    const char *says;
} refused[] = {
    /* key       value           reset   reason    status          says */
    { "no-such", 5,              false,  "",       CH_NOT_FOUND,   "there is no key 'no-such' in the policy" },
    { "bot",     5,              false,  "",       CH_BAD_INPUT,   "profile 'bitvavo' of key 'bot' has no nonces" },
    { "nonced",  5,              true,   "",       CH_BAD_INPUT,   "a reset needs a reason" },
    { "nonced",  5,              true,   "a\nb",   CH_BAD_INPUT,   "a reset needs a reason" },
    { "nonced",  0,              false,  "",       CH_CONFLICT,    "the next nonce is 0 or larger already" },
    { "nonced",  CH_NONCE_END,   false,  "",       CH_BAD_INPUT,   "a nonce must be smaller than" },
};
/* clang-format on */

START_TEST(test_a_change_that_cannot_be_is_refused)
{
    ch_nonce_set_frame set = {.key = ch_slice_of(refused[_i].key),
                              .value = refused[_i].value,
                              .is_reset = refused[_i].is_reset,
                              .reason = ch_slice_of(refused[_i].reason)};
    scene_begin(&it);
    ck_assert_int_eq(ch_timekeeper_set(&it.timekeeper, &set, &waiter, &err), refused[_i].status);
    ck_assert_msg(strstr(err.message, refused[_i].says) != NULL, "%s", err.message);
}
END_TEST

START_TEST(test_changes_are_logged_with_who_and_why)
{
    ch_nonce_set_frame set = {.key = CH_LITERAL("nonced"), .value = 5000};
    scene_begin(&it);
    stage_record_log();
    MUST(ch_timekeeper_set(&it.timekeeper, &set, &waiter, &err));
    while (answers < 1)
        collect();
    ck_assert_int_eq(outcome.status, CH_OK);
    set = (ch_nonce_set_frame){.key = CH_LITERAL("nonced"), .is_reset = true, .reason = CH_LITERAL("a typing error")};
    MUST(ch_timekeeper_set(&it.timekeeper, &set, &waiter, &err));
    while (answers < 2)
        collect();
    const char *log = stage_logged();
    ck_assert_msg(
        strstr(log, "user 7 raises the nonces of key 'nonced' (" SCENE_KEY_ID " at bitso) from 0 to 5000\n") != NULL,
        "%s", log);
    ck_assert_msg(strstr(log, "user 7 resets the nonces of key 'nonced' (" SCENE_KEY_ID
                              " at bitso) from 5000 to 0: a typing error\n") != NULL,
                  "%s", log);
}
END_TEST

/* A transaction that somebody has begun stands for a disk that is full. */
START_TEST(test_what_could_not_be_written_is_logged_as_that)
{
    ch_nonce_set_frame set = {.key = CH_LITERAL("nonced"), .value = 5000};
    scene_begin(&it);
    stage_record_log();
    ch_clockwatch_start(it.clock, it.loop, it.writer);
    collect();
    MUST(ch_store_begin(it.store, &err));
    MUST(ch_timekeeper_set(&it.timekeeper, &set, &waiter, &err));
    MUST(ch_timekeeper_confirm(&it.timekeeper, &waiter, &err));
    while (answers < 2)
        collect();
    ck_assert_int_eq(outcome.status, CH_IO);
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, "user 7 could not raise the nonces of key 'nonced' (" SCENE_KEY_ID
                              " at bitso) from 0 to 5000; writing the state: ") != NULL,
                  "%s", log);
    ck_assert_msg(strstr(log, "user 7 could not confirm that the clock is right: 2") != NULL, "%s", log);
    ck_assert_msg(strstr(log, "raises") == NULL && strstr(log, "confirms") == NULL, "%s", log);
    ch_store_rollback(it.store);
}
END_TEST

START_TEST(test_who_left_is_not_called_and_the_change_is_logged)
{
    ch_nonce_set_frame set = {.key = CH_LITERAL("nonced"), .value = 5000};
    scene_begin(&it);
    stage_record_log();
    MUST(ch_timekeeper_set(&it.timekeeper, &set, &waiter, &err));
    ck_assert_int_eq(ch_timekeeper_set(&it.timekeeper, &set, &waiter, &err), CH_BUSY);
    ch_timekeeper_forget(&it.timekeeper, &answers);
    collect();
    ck_assert_int_eq(answers, 0);
    ck_assert_ptr_nonnull(strstr(stage_logged(), "user 7 raises the nonces of key 'nonced'"));
}
END_TEST

START_TEST(test_the_time_is_told)
{
    ch_time_is_frame answer;
    ch_moment before;
    ch_moment after;
    scene_begin(&it);
    ck_assert(ch_moment_now(&before));
    MUST(ch_get_time_frame_put(ch_channel_out(&it.front_actor.channel), 5, &(ch_get_time_frame){}, &err));
    stage_send(&it.front_actor);
    scene_end_turn(&it);
    ck_assert(ch_moment_now(&after));
    ch_frame frame = stage_hear(&it.front_actor, CH_FRAME_TIME_IS);
    ck_assert_uint_eq(frame.id, 5);
    MUST(ch_time_is_frame_get(&frame, &answer, &err));
    ck_assert_uint_ge(answer.now_ns, before.wall_ns);
    ck_assert_uint_le(answer.now_ns, after.wall_ns);
    ck_assert(ch_slice_is(answer.clock, "trusted"));
}
END_TEST

/* ---- an operator ---- */

typedef struct operator
{
    ch_channel channel;
}
operator;

static void begin(void)
{
    scene_begin(&it);
    ch_clockwatch_start(it.clock, it.loop, it.writer);
    int listener = stage_listen("operator.sock", SOCK_SEQPACKET);
    const ch_operator_context context = {.policy = &it.policy, .links = &it.links, .keeper = &it.timekeeper};
    MUST(ch_operators_start(ch_operators_new(it.loop, listener, &context), &err));
}

static operator come(void)
{
    operator one;
    ch_channel_open(&one.channel, stage_connect("operator.sock", SOCK_SEQPACKET));
    stage_settle();
    return one;
}

static void flush(operator* one)
{
    MUST(ch_channel_flush(&one->channel, &err));
    stage_settle();
}

static bool is_answered(operator* one)
{
    char byte;
    return recv(one->channel.fd, &byte, 1, MSG_PEEK) > 0;
}

static void check_closed(operator* one)
{
    ch_packet packet;
    ck_assert_int_eq(ch_channel_receive(&one->channel, &packet, &err), CH_UNAVAILABLE);
    ch_channel_close(&one->channel);
}

/* The answer, after which the session is closed. */
static void check_answer(operator* one, ch_status status, const char *says)
{
    ch_packet packet;
    ch_frame frame;
    ch_operator_done_frame done;
    MUST(ch_channel_receive(&one->channel, &packet, &err));
    ck_assert(ch_frame_next(&packet.bytes, &frame));
    MUST(ch_operator_done_frame_get(&frame, &done, &err));
    ck_assert_msg(done.outcome.status == status, "%s", done.outcome.message);
    ck_assert_msg(strstr(done.outcome.message, says) != NULL, "%s", done.outcome.message);
    check_closed(one);
}

/* The clock is doubted, for it has jumped ahead since an hour ago. */
START_TEST(test_a_confirmation_is_answered_when_it_is_on_disk)
{
    ch_moment now;
    begin();
    ck_assert(ch_moment_now(&now));
    now.wall_ns += 3600000000000;
    ck_assert_int_eq(ch_clockwatch_judge(it.clock, &now, &err), CH_UNAVAILABLE);
    operator one = come();
    ch_clock_confirm_frame confirm = {.version = CH_FRAMES_VERSION};
    ck_assert_int_eq(ch_clock_confirm_frame_put(ch_channel_out(&one.channel), 0, &confirm, &err), CH_OK);
    flush(&one);
    while (!is_answered(&one))
        collect();
    check_answer(&one, CH_OK, "");
    ck_assert_int_eq(ch_clockwatch_read(it.clock, &now, &err), CH_OK);
}
END_TEST

START_TEST(test_a_nonce_of_an_unknown_key_is_answered)
{
    begin();
    operator one = come();
    ch_nonce_set_frame set = {.version = CH_FRAMES_VERSION, .key = CH_LITERAL("no-such"), .value = 5};
    ck_assert_int_eq(ch_nonce_set_frame_put(ch_channel_out(&one.channel), 0, &set, &err), CH_OK);
    flush(&one);
    check_answer(&one, CH_NOT_FOUND, "there is no key 'no-such' in the policy");
}
END_TEST

START_TEST(test_a_list_comes_before_its_outcome)
{
    ch_packet packet;
    ch_frame frame;
    ch_nonces_are_frame answer;
    begin();
    operator one = come();
    ch_nonce_list_frame list = {.version = CH_FRAMES_VERSION};
    ck_assert_int_eq(ch_nonce_list_frame_put(ch_channel_out(&one.channel), 0, &list, &err), CH_OK);
    flush(&one);
    ck_assert_int_eq(ch_channel_receive(&one.channel, &packet, &err), CH_OK);
    ck_assert(ch_frame_next(&packet.bytes, &frame));
    ck_assert_int_eq(ch_nonces_are_frame_get(&frame, &answer, &err), CH_OK);
    ck_assert(answer.is_last);
    ck_assert_uint_eq(answer.rows.count, 1);
    ck_assert(ch_frame_next(&packet.bytes, &frame));
    ck_assert_int_eq(frame.type, CH_FRAME_OPERATOR_DONE);
    check_closed(&one);
}
END_TEST

/* clang-format off */
static const ch_frame_type versioned[] = { CH_FRAME_NONCE_LIST, CH_FRAME_NONCE_SET, CH_FRAME_CLOCK_CONFIRM };
/* clang-format on */

START_TEST(test_another_version_is_answered)
{
    begin();
    operator one = come();
    ch_buffer *out = ch_channel_out(&one.channel);
    uint32_t version = CH_FRAMES_VERSION + 1;
    ch_status st = CH_INTERNAL;
    if (versioned[_i] == CH_FRAME_NONCE_LIST)
        st = ch_nonce_list_frame_put(out, 0, &(ch_nonce_list_frame){.version = version}, &err);
    else if (versioned[_i] == CH_FRAME_NONCE_SET)
        st = ch_nonce_set_frame_put(out, 0, &(ch_nonce_set_frame){.version = version}, &err);
    else
        st = ch_clock_confirm_frame_put(out, 0, &(ch_clock_confirm_frame){.version = version}, &err);
    ck_assert_int_eq(st, CH_OK);
    flush(&one);
    check_answer(&one, CH_BAD_INPUT, "of different versions");
}
END_TEST

CH_TESTS("timekeeper", CH_TEST(test_keys_with_nonces_are_listed), CH_TEST_ROWS(test_a_page_begins_after_a_name, pages),
         CH_TEST_ROWS(test_a_change_that_cannot_be_is_refused, refused),
         CH_TEST(test_changes_are_logged_with_who_and_why), CH_TEST(test_what_could_not_be_written_is_logged_as_that),
         CH_TEST(test_who_left_is_not_called_and_the_change_is_logged), CH_TEST(test_the_time_is_told),
         CH_TEST(test_a_confirmation_is_answered_when_it_is_on_disk),
         CH_TEST(test_a_nonce_of_an_unknown_key_is_answered), CH_TEST(test_a_list_comes_before_its_outcome),
         CH_TEST_ROWS(test_another_version_is_answered, versioned))
