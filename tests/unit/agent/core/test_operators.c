/* The test is the operators, and the token processes. */
#include "agent/core/operators.h"

#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ch_error err;
static ch_operators *operators;
static play_token tokens[2]; /* 'main' and 'other' */
static ch_links links;
static ch_person person = {.name = "one", .roles = CH_ROLE_OPERATOR};
static ch_policy policy = {.people = &person, .person_count = 1};

/* ---- an operator ---- */

typedef struct operator
{
    ch_channel channel;
}
operator;

static operator come(void)
{
    operator one;
    ch_channel_open(&one.channel, stage_connect("operator.sock", SOCK_SEQPACKET));
    stage_settle();
    return one;
}

static void leave(operator* one)
{
    ch_channel_close(&one->channel);
    stage_settle();
}

static void flush(operator* one)
{
    ck_assert_msg(ch_channel_flush(&one->channel, &err) == CH_OK, "%s", err.message);
    stage_settle();
}

static int pipe_with(const char *text)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq((int)write(ends[1], text, strlen(text)), (int)strlen(text));
    close(ends[1]);
    return ends[0];
}

static void ask_unlock(operator* one, uint32_t version, const char *token, int pin_fd)
{
    ch_unlock_frame unlock = {.version = version, .token = ch_slice_of(token)};
    if (pin_fd >= 0)
        ch_channel_attach(&one->channel, pin_fd);
    ck_assert_int_eq(ch_unlock_frame_put(ch_channel_out(&one->channel), 0, &unlock, &err), CH_OK);
    flush(one);
}

static void ask_lock(operator* one, uint32_t version, const char *token)
{
    ch_lock_frame lock = {.version = version, .token = ch_slice_of(token)};
    ck_assert_int_eq(ch_lock_frame_put(ch_channel_out(&one->channel), 0, &lock, &err), CH_OK);
    flush(one);
}

static ch_frame hear(operator* one)
{
    ch_packet packet;
    ch_frame frame;
    stage_await(one->channel.fd);
    ck_assert_msg(ch_channel_receive(&one->channel, &packet, &err) == CH_OK, "%s", err.message);
    ck_assert(ch_frame_next(&packet.bytes, &frame));
    ck_assert_int_eq(ch_frame_admit(frame.type, CH_CORE_TO_OPERATOR, CH_WHILE_WAITING, false, &err), CH_OK);
    return frame;
}

static bool is_answered(operator* one)
{
    char byte;
    return recv(one->channel.fd, &byte, 1, MSG_PEEK) > 0;
}

static void check_closed(operator* one)
{
    ch_packet packet;
    stage_await(one->channel.fd);
    ck_assert_int_eq(ch_channel_receive(&one->channel, &packet, &err), CH_UNAVAILABLE);
    ch_channel_close(&one->channel);
}

/* The answer, after which the session is closed. */
static void check_answer(operator* one, ch_status status, const char *says)
{
    ch_operator_done_frame done;
    ch_frame frame = hear(one);
    ck_assert_int_eq(ch_operator_done_frame_get(&frame, &done, &err), CH_OK);
    ck_assert_msg(done.outcome.status == status, "%s", done.outcome.message);
    ck_assert_msg(strstr(done.outcome.message, says) != NULL, "%s", done.outcome.message);
    check_closed(one);
}

/* ---- the room ---- */

/* Nobody asks for nonces or the time. */
static ch_timekeeper *keep_time(void)
{
    static ch_timekeeper keeper;
    ch_store *store = NULL;
    ch_autofree char *folder = ch_test_path("state");
    ck_assert_msg(ch_store_open(folder, &store, &err) == CH_OK, "%s", err.message);
    ck_assert_int_eq(ch_nonces_open(store, &keeper.nonces, &err), CH_OK);
    keeper.clock = ch_clockwatch_new(&(ch_seen_time){0}, "");
    return &keeper;
}

static ch_reload *no_reload(ch_loop *loop)
{
    static ch_reload *reload; /* where the leak checker looks */
    ck_assert_int_eq(ch_reload_new(loop, "/nowhere/agent.yaml", &reload, &err), CH_OK);
    return reload;
}

static void begin_for(uid_t uid, size_t token_count)
{
    static const ch_link_owner nobody;
    person.ids = (ch_ids){.uid = uid, .gid = CH_ANY_ID};
    ch_loop *loop = stage_set_up();
    for (size_t i = 0; i < token_count; i++) {
        play_configure(&tokens[i]);
        if (i == 1)
            tokens[i].config.name = "other";
        play_begin(&tokens[i], loop, &nobody);
        links.links[i] = tokens[i].link;
    }
    links.count = token_count;
    const ch_operator_context context = {
        .policy = &policy, .links = &links, .keeper = keep_time(), .reload = no_reload(loop)};
    operators = ch_operators_new(loop, stage_listen("operator.sock", SOCK_SEQPACKET), &context);
    ck_assert_int_eq(ch_operators_start(operators, &err), CH_OK);
}

/* With locked tokens. */
static void begin(size_t token_count)
{
    begin_for(getuid(), token_count);
    for (size_t i = 0; i < token_count; i++)
        play_started(&tokens[i], NULL);
}

static void begin_unlocked(size_t token_count)
{
    begin_for(getuid(), token_count);
    for (size_t i = 0; i < token_count; i++)
        play_unlock(&tokens[i]);
}

/* ---- who ---- */

START_TEST(test_who_is_not_an_operator_is_turned_away)
{
    begin_for(getuid() + 1, 1);
    stage_record_log();
    operator one = come();
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, "is not an operator in the policy") != NULL, "%s", log);
    check_answer(&one, CH_REFUSED, "is not an operator in the policy");
}
END_TEST

START_TEST(test_an_operator_has_a_share_of_the_sessions_and_the_oldest_makes_room)
{
    operator some[CH_OPERATOR_SHARE];
    begin(1);
    for (size_t i = 0; i < CH_OPERATOR_SHARE; i++)
        some[i] = come();
    operator more = come();
    check_closed(&some[0]);
    ask_lock(&more, CH_FRAMES_VERSION, "main");
    check_answer(&more, CH_OK, "");
    for (size_t i = 1; i < CH_OPERATOR_SHARE; i++)
        leave(&some[i]);
}
END_TEST

START_TEST(test_who_waits_for_an_answer_makes_room_last)
{
    operator some[CH_OPERATOR_SHARE - 1];
    begin(1);
    operator waiting = come();
    ask_unlock(&waiting, CH_FRAMES_VERSION, "main", pipe_with(PLAY_PIN "\n"));
    play_hear_login(&tokens[0]);
    for (size_t i = 0; i < CH_OPERATOR_SHARE - 1; i++)
        some[i] = come();
    operator more = come();
    check_closed(&some[0]);
    play_login_done(&tokens[0], NULL);
    check_answer(&waiting, CH_OK, "");
    leave(&more);
    for (size_t i = 1; i < CH_OPERATOR_SHARE - 1; i++)
        leave(&some[i]);
}
END_TEST

/* ---- unlock ---- */

START_TEST(test_an_unlock_is_answered_when_the_token_is_unlocked)
{
    ch_unlock_progress_frame progress = {0};
    begin(1);
    operator one = come();
    ask_unlock(&one, CH_FRAMES_VERSION, "main", pipe_with(PLAY_PIN "\n"));
    play_hear_login(&tokens[0]);
    ck_assert(!is_answered(&one));
    play_progress(&tokens[0], 1, 2);
    ch_frame frame = hear(&one);
    ck_assert_int_eq(ch_unlock_progress_frame_get(&frame, &progress, &err), CH_OK);
    ck_assert(progress.done == 1 && progress.total == 2);
    play_login_done(&tokens[0], NULL);
    check_answer(&one, CH_OK, "");
    ck_assert(ch_token_link_is_unlocked(links.links[0]));
}
END_TEST

START_TEST(test_a_refused_pin_is_answered)
{
    const ch_error wrong_pin = {CH_WRONG_PIN, "CKR_PIN_INCORRECT", "the token refused the PIN"};
    begin(1);
    operator one = come();
    ask_unlock(&one, CH_FRAMES_VERSION, "", pipe_with(PLAY_PIN)); /* the only token needs no name */
    play_hear_login(&tokens[0]);
    play_login_done(&tokens[0], &wrong_pin);
    check_answer(&one, CH_WRONG_PIN, "the token refused the PIN");
}
END_TEST

static int open_pipe_with(const char *text)
{
    static int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq((int)write(ends[1], text, strlen(text)), (int)strlen(text));
    return ends[0];
}

static int no_pipe(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int socket_with(const char *text)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq((int)write(ends[1], text, strlen(text)), (int)strlen(text));
    return ends[0];
}

#define LONG_PIN                                                                                                       \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "0123456789012345678901234567890123456789"

/* clang-format off */
static const struct {
    const char *name;
    uint32_t version;
    const char *token;
    int (*make_fd)(const char *text);
    const char *text;
    ch_status status;
    const char *says;
} bad_unlocks[] = {
    /* name                       version                token    descriptor      content       status         says */
    { "another version",          CH_FRAMES_VERSION + 1, "main",  pipe_with,      PLAY_PIN,     CH_BAD_INPUT,  "of different versions" },
    { "no such token",            CH_FRAMES_VERSION,     "third", pipe_with,      PLAY_PIN,     CH_NOT_FOUND,  "there is no token 'third' in agent.yaml" },
    { "no token, and there are two", CH_FRAMES_VERSION,  "",      pipe_with,      PLAY_PIN,     CH_NOT_FOUND,  "name one of its tokens" },
    { "a file",                   CH_FRAMES_VERSION,     "main",  no_pipe,        "/dev/zero",  CH_BAD_INPUT,  "PINs and codes must come in a pipe" },
    { "a socket",                 CH_FRAMES_VERSION,     "main",  socket_with,    PLAY_PIN,     CH_BAD_INPUT,  "PINs and codes must come in a pipe" },
    { "a pipe that has not ended", CH_FRAMES_VERSION,    "main",  open_pipe_with, PLAY_PIN,     CH_IO,         "reading a secret" },
    { "an empty pipe",            CH_FRAMES_VERSION,     "main",  pipe_with,      "",           CH_BAD_INPUT,  "the secret is empty" },
    { "too long a PIN",           CH_FRAMES_VERSION,     "main",  pipe_with,      LONG_PIN,     CH_TOO_LARGE,  "longer than 256 bytes" },
};
/* clang-format on */

START_TEST(test_an_unlock_that_cannot_be_done_is_answered)
{
    begin(2);
    operator one = come();
    ask_unlock(&one, bad_unlocks[_i].version, bad_unlocks[_i].token, bad_unlocks[_i].make_fd(bad_unlocks[_i].text));
    check_answer(&one, bad_unlocks[_i].status, bad_unlocks[_i].says);
    ck_assert(stage_is_silent(&tokens[0].actor) && stage_is_silent(&tokens[1].actor));
}
END_TEST

START_TEST(test_a_second_operators_unlock_does_not_disturb_the_first)
{
    begin(1);
    operator one = come();
    operator other = come();
    ask_unlock(&one, CH_FRAMES_VERSION, "main", pipe_with(PLAY_PIN));
    ask_unlock(&other, CH_FRAMES_VERSION, "main", pipe_with("guess"));
    check_answer(&other, CH_CONFLICT, "is being unlocked already");
    play_hear_login(&tokens[0]);
    play_login_done(&tokens[0], NULL);
    check_answer(&one, CH_OK, "");
}
END_TEST

START_TEST(test_an_operator_who_leaves_during_a_login_is_forgotten)
{
    begin(1);
    operator one = come();
    ask_unlock(&one, CH_FRAMES_VERSION, "main", pipe_with(PLAY_PIN));
    play_hear_login(&tokens[0]);
    leave(&one);
    operator other = come(); /* in the place of the first */
    play_login_done(&tokens[0], NULL);
    ck_assert(ch_token_link_is_unlocked(links.links[0]));
    ck_assert(!is_answered(&other));
    ask_unlock(&other, CH_FRAMES_VERSION, "main", pipe_with(PLAY_PIN));
    check_answer(&other, CH_CONFLICT, "is unlocked already");
}
END_TEST

START_TEST(test_a_process_that_ends_during_a_login_is_answered)
{
    begin(1);
    operator one = come();
    ask_unlock(&one, CH_FRAMES_VERSION, "main", pipe_with(PLAY_PIN));
    stage_hang_up(&tokens[0].actor);
    stage_settle();
    check_answer(&one, CH_UNAVAILABLE, "the process of token 'main' ended");
}
END_TEST

/* ---- lock ---- */

START_TEST(test_a_lock_is_answered_when_the_token_is_locked)
{
    begin_unlocked(2);
    operator one = come();
    ask_lock(&one, CH_FRAMES_VERSION, "other");
    stage_hear(&tokens[1].actor, CH_FRAME_LOGOUT);
    ck_assert(!is_answered(&one));
    play_locked(&tokens[1]);
    check_answer(&one, CH_OK, "");
    ck_assert(ch_token_link_is_unlocked(links.links[0]));
    ck_assert(stage_is_silent(&tokens[0].actor));
}
END_TEST

START_TEST(test_a_lock_of_all_waits_for_each_of_them)
{
    begin_unlocked(2);
    operator one = come();
    ask_lock(&one, CH_FRAMES_VERSION, "");
    stage_hear(&tokens[0].actor, CH_FRAME_LOGOUT);
    stage_hear(&tokens[1].actor, CH_FRAME_LOGOUT);
    play_locked(&tokens[1]);
    ck_assert(!is_answered(&one));
    play_locked(&tokens[0]);
    check_answer(&one, CH_OK, "");
}
END_TEST

START_TEST(test_a_lock_of_all_that_are_locked_is_answered_at_once)
{
    begin(2);
    operator one = come();
    ask_lock(&one, CH_FRAMES_VERSION, "");
    check_answer(&one, CH_OK, "");
}
END_TEST

START_TEST(test_an_operator_who_leaves_during_a_lock_is_forgotten)
{
    begin_unlocked(2);
    operator one = come();
    ask_lock(&one, CH_FRAMES_VERSION, "");
    stage_hear(&tokens[0].actor, CH_FRAME_LOGOUT);
    play_locked(&tokens[0]);
    leave(&one);
    operator other = come();
    stage_hear(&tokens[1].actor, CH_FRAME_LOGOUT);
    play_locked(&tokens[1]);
    ck_assert(!is_answered(&other));
    ask_lock(&other, CH_FRAMES_VERSION + 1, "");
    check_answer(&other, CH_BAD_INPUT, "of different versions");
}
END_TEST

START_TEST(test_a_lock_of_an_unknown_token_is_answered)
{
    begin_unlocked(1);
    operator one = come();
    ask_lock(&one, CH_FRAMES_VERSION, "third");
    check_answer(&one, CH_NOT_FOUND, "there is no token 'third' in agent.yaml");
    ck_assert(ch_token_link_is_unlocked(links.links[0]));
}
END_TEST

/* ---- sessions that break the protocol ---- */

static void check_ended(operator* one, const char *why)
{
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, "an operator's session ended: ") != NULL && strstr(log, why) != NULL, "%s", log);
    check_closed(one);
}

START_TEST(test_a_second_request_in_a_session_ends_it_and_nothing_else)
{
    begin(1);
    operator one = come();
    ask_unlock(&one, CH_FRAMES_VERSION, "main", pipe_with(PLAY_PIN));
    stage_record_log();
    ask_lock(&one, CH_FRAMES_VERSION, "main");
    check_ended(&one, "frame LOCK is not accepted while waiting for an answer");
    play_hear_login(&tokens[0]);
    play_login_done(&tokens[0], NULL);
    ck_assert(ch_token_link_is_unlocked(links.links[0]));
}
END_TEST

START_TEST(test_an_unlock_without_a_descriptor_ends_the_session)
{
    begin(1);
    operator one = come();
    stage_record_log();
    ask_unlock(&one, CH_FRAMES_VERSION, "main", -1);
    check_ended(&one, "frame UNLOCK came without a descriptor");
}
END_TEST

START_TEST(test_a_frame_of_another_direction_ends_the_session)
{
    begin(1);
    operator one = come();
    stage_record_log();
    ck_assert_int_eq(ch_logout_frame_put(ch_channel_out(&one.channel), 0, &(ch_logout_frame){}, &err), CH_OK);
    flush(&one);
    check_ended(&one, "frame LOGOUT is not its to send");
}
END_TEST

START_TEST(test_bytes_that_are_no_frame_end_the_session)
{
    begin(1);
    operator one = come();
    stage_record_log();
    ck_assert_int_eq((int)send(one.channel.fd, "what is this?", 13, 0), 13);
    stage_settle();
    check_ended(&one, "a malformed packet came");
}
END_TEST

START_TEST(test_open_sessions_end_with_the_room)
{
    begin(1);
    operator silent = come();
    operator waiting = come();
    ask_unlock(&waiting, CH_FRAMES_VERSION, "main", pipe_with(PLAY_PIN));
    ch_operators_free(operators);
    check_closed(&silent);
    check_closed(&waiting);
    play_hear_login(&tokens[0]);
    play_login_done(&tokens[0], NULL);
    ck_assert(ch_token_link_is_unlocked(links.links[0]));
    ch_operators_free(NULL);
}
END_TEST

CH_TESTS("operators", CH_TEST(test_who_is_not_an_operator_is_turned_away),
         CH_TEST(test_an_operator_has_a_share_of_the_sessions_and_the_oldest_makes_room),
         CH_TEST(test_who_waits_for_an_answer_makes_room_last),
         CH_TEST(test_an_unlock_is_answered_when_the_token_is_unlocked), CH_TEST(test_a_refused_pin_is_answered),
         CH_TEST_ROWS(test_an_unlock_that_cannot_be_done_is_answered, bad_unlocks),
         CH_TEST(test_a_second_operators_unlock_does_not_disturb_the_first),
         CH_TEST(test_an_operator_who_leaves_during_a_login_is_forgotten),
         CH_TEST(test_a_process_that_ends_during_a_login_is_answered),
         CH_TEST(test_a_lock_is_answered_when_the_token_is_locked), CH_TEST(test_a_lock_of_all_waits_for_each_of_them),
         CH_TEST(test_a_lock_of_all_that_are_locked_is_answered_at_once),
         CH_TEST(test_an_operator_who_leaves_during_a_lock_is_forgotten),
         CH_TEST(test_a_lock_of_an_unknown_token_is_answered),
         CH_TEST(test_a_second_request_in_a_session_ends_it_and_nothing_else),
         CH_TEST(test_an_unlock_without_a_descriptor_ends_the_session),
         CH_TEST(test_a_frame_of_another_direction_ends_the_session),
         CH_TEST(test_bytes_that_are_no_frame_end_the_session), CH_TEST(test_open_sessions_end_with_the_room))
