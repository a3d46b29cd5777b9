/* The life of a token process, its keys, and its frames. test_token_link_logins.c and test_token_link_jobs.c have the
 * rest. */
#include "agent/core/token_link.h"

#include "agent/spawn.h"
#include "base/buffer.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <string.h>

static ch_error err;
static play_token token;
static const ch_link_owner nobody; /* no test here has jobs that are sent */
static play_waiter first;          /* of the login or lock that is under way */

static void begin(void)
{
    play_configure(&token);
    play_begin(&token, stage_set_up(), &nobody);
}

static void bring_to(play_state state)
{
    begin();
    play_bring_to(&token, &first, state);
}

static const ch_error no_token = {CH_NOT_FOUND, "", "there is no token 'main'"};

/* ---- start ---- */

START_TEST(test_a_token_is_absent_until_its_process_has_opened_it)
{
    begin();
    play_check_state(&token, "absent", "");
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_UNAVAILABLE);
    ck_assert_str_eq(err.message, "token 'main' is absent: its process is starting; try again");
    play_started(&token, NULL);
    play_check_state(&token, "locked", "");
    ck_assert_str_eq(ch_token_link_name(token.link), "main");
    ck_assert(stage_is_silent(&token.actor));
}
END_TEST

START_TEST(test_a_token_that_cannot_be_opened_is_absent_and_tried_again)
{
    begin();
    stage_record_log();
    play_started(&token, &no_token);
    const char *log = stage_logged();
    play_check_state(&token, "absent", "there is no token 'main'");
    ck_assert_msg(strstr(log, " ended (there is no token 'main'); starting it again\n") != NULL, "%s", log);
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_UNAVAILABLE);
    ck_assert_str_eq(err.message, "token 'main' is absent: there is no token 'main'");
    stage_bury(&token.actor);
    play_meet(&token);
    play_check_state(&token, "absent", "there is no token 'main'");
    play_started(&token, NULL);
    play_check_state(&token, "locked", "");
}
END_TEST

#define MANY 3000

START_TEST(test_many_keys_are_named_in_several_frames)
{
    static ch_link_key keys[MANY];
    static ch_buffer uris[MANY];
    for (size_t i = 0; i < MANY; i++) {
        ch_buffer_add_format(&uris[i], "pkcs11:object=%0100zu", i);
        keys[i] = (ch_link_key){"k", ch_buffer_text(&uris[i]), "hmac-sha256", 0, {.for_ns = 0}};
    }
    play_configure(&token);
    token.keys = keys;
    token.key_count = MANY;
    play_begin(&token, stage_set_up(), &nobody); /* hears them all */
    play_unlock(&token);
    ck_assert(ch_token_link_is_ready(token.link, MANY - 1));
}
END_TEST

START_TEST(test_a_token_without_keys_is_served_too)
{
    play_configure(&token);
    token.key_count = 0;
    play_begin(&token, stage_set_up(), &nobody);
    play_unlock(&token);
}
END_TEST

START_TEST(test_a_dead_process_is_known_by_its_pid)
{
    int wait_status;
    begin();
    play_unlock(&token);
    stage_kill(&token.actor);
    pid_t pid = ch_spawn_reap(&wait_status);
    ck_assert(!ch_token_link_died(token.link, pid + 1));
    ck_assert(ch_token_link_died(token.link, pid));
    play_check_state(&token, "absent", "the token process is being restarted");
    stage_hang_up(&token.actor);
    play_meet(&token);
}
END_TEST

/* ---- keys ---- */

static void write_key_state(size_t key, const ch_error *problem)
{
    ch_key_state_frame key_state = {.key = (uint16_t)key, .problem = *problem};
    ck_assert_int_eq(ch_key_state_frame_put(ch_channel_out(&token.actor.channel), 0, &key_state, &err), CH_OK);
}

START_TEST(test_a_key_that_is_not_as_it_should_be_says_so)
{
    const ch_error missing = {CH_NOT_FOUND, "", "there is no such object"};
    const ch_error success = CH_ERROR_INIT;
    bring_to(PLAY_LOGGING_IN);
    ch_login_done_frame done = {.outcome = CH_ERROR_INIT};
    write_key_state(0, &success);
    write_key_state(1, &missing);
    ck_assert_int_eq(ch_login_done_frame_put(ch_channel_out(&token.actor.channel), 0, &done, &err), CH_OK);
    stage_send(&token.actor);
    ck_assert(ch_token_link_is_ready(token.link, 0));
    ck_assert(!ch_token_link_is_ready(token.link, 1));
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_OK);
    ck_assert_int_eq(ch_token_link_check_key(token.link, 1, &err), CH_NOT_FOUND);
    ck_assert_str_eq(err.message, "key 'b': there is no such object");
    play_restart(&token);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    ck_assert(ch_token_link_is_ready(token.link, 1));
}
END_TEST

START_TEST(test_a_key_is_ready_only_while_the_token_is_unlocked)
{
    play_waiter waiter = {0};
    bring_to(PLAY_SERVING);
    ck_assert(ch_token_link_is_ready(token.link, 0));
    play_ask_lock(&token, &waiter);
    ck_assert(!ch_token_link_is_ready(token.link, 0));
}
END_TEST

/* ---- frames in the wrong state ---- */

static void write_frame(ch_frame_type type)
{
    ch_buffer *out = ch_channel_out(&token.actor.channel);
    const ch_error success = CH_ERROR_INIT;
    ch_token_started_frame started = {.outcome = success};
    ch_login_done_frame login_done = {.outcome = success};
    ch_logout_done_frame logout_done = {.outcome = success};
    if (type == CH_FRAME_TOKEN_STARTED)
        ck_assert_int_eq(ch_token_started_frame_put(out, 0, &started, &err), CH_OK);
    else if (type == CH_FRAME_KEY_STATE)
        write_key_state(0, &success);
    else if (type == CH_FRAME_LOGIN_DONE)
        ck_assert_int_eq(ch_login_done_frame_put(out, 0, &login_done, &err), CH_OK);
    else if (type == CH_FRAME_LOGOUT_DONE)
        ck_assert_int_eq(ch_logout_done_frame_put(out, 0, &logout_done, &err), CH_OK);
    else if (type == CH_FRAME_SIGNATURE)
        play_write_signatures(&token, 1, 1, "s");
    else
        play_write_failure(&token, 1, CH_TOKEN, "broken");
}

/* Everything that a state does not accept. */
/* clang-format off */
static const struct {
    play_state state;
    ch_frame_type type;
    const char *why;
} refused[] = {
    /* state        frame                    the process is ended because */
    { PLAY_STARTING,     CH_FRAME_KEY_STATE,      "frame KEY_STATE is not accepted while starting" },
    { PLAY_STARTING,     CH_FRAME_LOGIN_DONE,     "frame LOGIN_DONE is not accepted while starting" },
    { PLAY_STARTING,     CH_FRAME_LOGOUT_DONE,    "frame LOGOUT_DONE is not accepted while starting" },
    { PLAY_STARTING,     CH_FRAME_SIGNATURE,      "frame SIGNATURE is not accepted while starting" },
    { PLAY_STARTING,     CH_FRAME_JOB_FAILED,     "frame JOB_FAILED is not accepted while starting" },
    { PLAY_LOCKED,       CH_FRAME_TOKEN_STARTED,  "frame TOKEN_STARTED is not accepted while locked" },
    { PLAY_LOCKED,       CH_FRAME_KEY_STATE,      "frame KEY_STATE is not accepted while locked" },
    { PLAY_LOCKED,       CH_FRAME_LOGIN_DONE,     "frame LOGIN_DONE is not accepted while locked" },
    { PLAY_LOCKED,       CH_FRAME_LOGOUT_DONE,    "frame LOGOUT_DONE is not accepted while locked" },
    { PLAY_LOCKED,       CH_FRAME_SIGNATURE,      "it answered a job that it was not given" },
    { PLAY_LOGGING_IN,   CH_FRAME_TOKEN_STARTED,  "frame TOKEN_STARTED is not accepted while logging in" },
    { PLAY_LOGGING_IN,   CH_FRAME_LOGOUT_DONE,    "frame LOGOUT_DONE is not accepted while logging in" },
    { PLAY_SERVING,      CH_FRAME_TOKEN_STARTED,  "frame TOKEN_STARTED is not accepted while serving" },
    { PLAY_SERVING,      CH_FRAME_KEY_STATE,      "frame KEY_STATE is not accepted while serving" },
    { PLAY_SERVING,      CH_FRAME_LOGIN_DONE,     "frame LOGIN_DONE is not accepted while serving" },
    { PLAY_SERVING,      CH_FRAME_LOGOUT_DONE,    "frame LOGOUT_DONE is not accepted while serving" },
    { PLAY_SERVING,      CH_FRAME_SIGNATURE,      "it answered a job that it was not given" },
    { PLAY_SERVING,      CH_FRAME_JOB_FAILED,     "it answered a job that it was not given" },
    { PLAY_LOCKING,      CH_FRAME_TOKEN_STARTED,  "frame TOKEN_STARTED is not accepted while locking" },
    { PLAY_LOCKING,      CH_FRAME_KEY_STATE,      "frame KEY_STATE is not accepted while locking" },
    { PLAY_LOCKING,      CH_FRAME_LOGIN_DONE,     "frame LOGIN_DONE is not accepted while locking" },
};
/* clang-format on */

START_TEST(test_a_frame_in_the_wrong_state_ends_the_process)
{
    bring_to(refused[_i].state);
    write_frame(refused[_i].type);
    stage_record_log();
    stage_send(&token.actor);
    const char *log = stage_logged();
    ck_assert_str_eq(ch_token_link_state_name(token.link), "absent");
    ck_assert_msg(strstr(log, refused[_i].why) != NULL, "%s", log);
    stage_bury(&token.actor);
}
END_TEST

START_TEST(test_a_state_of_a_key_that_the_process_was_not_given_ends_it)
{
    const ch_error success = CH_ERROR_INIT;
    bring_to(PLAY_LOGGING_IN);
    write_key_state(PLAY_KEYS, &success);
    stage_send(&token.actor);
    play_check_waiter(&first, CH_UNAVAILABLE, "it spoke of a key that it was not given");
}
END_TEST

/* Each is a line in the log, so a process could fill a disk with them. */
START_TEST(test_a_key_is_spoken_of_once_a_login)
{
    play_waiter locking = {0};
    const ch_error success = CH_ERROR_INIT;
    bring_to(PLAY_SERVING);
    play_ask_lock(&token, &locking);
    ck_assert_uint_eq(stage_hear(&token.actor, CH_FRAME_LOGOUT).type, CH_FRAME_LOGOUT);
    play_locked(&token);
    first = (play_waiter){0};
    play_ask_unlock(&token, &first);
    play_hear_login(&token);
    write_key_state(1, &success);
    stage_send(&token.actor);
    ck_assert_int_eq(first.calls, 0);
    write_key_state(1, &success);
    stage_send(&token.actor);
    play_check_waiter(&first, CH_UNAVAILABLE, "it spoke of a key twice");
}
END_TEST

/* ---- the end ---- */

static const play_state states[] = {PLAY_ABSENT,     PLAY_STARTING, PLAY_LOCKED,
                                    PLAY_LOGGING_IN, PLAY_SERVING,  PLAY_LOCKING};

START_TEST(test_a_freed_link_ends_its_process_and_calls_nobody)
{
    bring_to(states[_i]);
    ch_token_link_free(token.link);
    stage_bury(&token.actor);
    stage_settle();
    ck_assert_int_eq(first.calls, 0);
    ch_token_link_free(NULL);
}
END_TEST

/* ---- places ---- */

static const struct {
    bool is_urgent;
    const char *says;
} kinds[] = {
    {false, "all places for requests at token 'main' are taken; try again in a moment"},
    {true,  "all places for cancels at token 'main' are taken; try again in a moment" }
};

/* Each caller has one, so none has too many. */
START_TEST(test_who_is_refused_because_of_others_is_told_so)
{
    static ch_ticket tickets[CH_TOKEN_TICKETS_MAX + 1];
    size_t count = 0;
    begin();
    tickets[0] = (ch_ticket){.is_urgent = kinds[_i].is_urgent};
    while (ch_token_link_admit(token.link, &tickets[count], &err) == CH_OK) {
        count++;
        tickets[count] = (ch_ticket){.caller = (uid_t)count, .is_urgent = kinds[_i].is_urgent};
    }
    ck_assert_str_eq(err.message, kinds[_i].says);
    while (count > 0)
        ch_token_link_leave(token.link, &tickets[--count]);
}
END_TEST

CH_TESTS("token_link", CH_TEST(test_a_token_is_absent_until_its_process_has_opened_it),
         CH_TEST(test_a_token_that_cannot_be_opened_is_absent_and_tried_again),
         CH_TEST(test_many_keys_are_named_in_several_frames), CH_TEST(test_a_token_without_keys_is_served_too),
         CH_TEST(test_a_dead_process_is_known_by_its_pid), CH_TEST(test_a_key_that_is_not_as_it_should_be_says_so),
         CH_TEST(test_a_key_is_ready_only_while_the_token_is_unlocked),
         CH_TEST_ROWS(test_a_frame_in_the_wrong_state_ends_the_process, refused),
         CH_TEST(test_a_state_of_a_key_that_the_process_was_not_given_ends_it),
         CH_TEST(test_a_key_is_spoken_of_once_a_login),
         CH_TEST_ROWS(test_a_freed_link_ends_its_process_and_calls_nobody, states),
         CH_TEST_ROWS(test_who_is_refused_because_of_others_is_told_so, kinds))
