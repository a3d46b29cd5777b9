/* Unlocks, locks, and the PIN that is kept. */
#include "agent/core/token_link.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <string.h>

static ch_error err;
static play_token token;
static const ch_link_owner nobody; /* no test here has jobs */
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

static const ch_error wrong_pin = {CH_WRONG_PIN, "CKR_PIN_INCORRECT", "the token refused the PIN"};
static const ch_error broken = {CH_TOKEN, "CKR_GENERAL_ERROR", "the module has a bad day"};

/* ---- logins ---- */

START_TEST(test_an_unlock_brings_the_pin_to_the_process)
{
    play_waiter waiter = {0};
    begin();
    play_started(&token, NULL);
    play_ask_unlock(&token, &waiter);
    play_check_state(&token, "locked", "");
    play_hear_login(&token);
    ck_assert(stage_is_silent(&token.actor));
    ck_assert_int_eq(waiter.calls, 0);
    play_login_done(&token, NULL);
    play_check_waiter(&waiter, CH_OK, "");
    play_check_state(&token, "unlocked", "");
    ck_assert(ch_token_link_is_ready(token.link, 0) && ch_token_link_is_ready(token.link, 1));
}
END_TEST

START_TEST(test_a_refused_pin_is_forgotten)
{
    play_waiter waiter = {0};
    begin();
    play_started(&token, NULL);
    play_ask_unlock(&token, &waiter);
    play_hear_login(&token);
    play_login_done(&token, &wrong_pin);
    play_check_waiter(&waiter, CH_WRONG_PIN, "the token refused the PIN");
    ck_assert_str_eq(waiter.outcome.rule, "CKR_PIN_INCORRECT");
    play_check_state(&token, "locked", "");
    play_restart(&token);
    ck_assert(stage_is_silent(&token.actor));
    play_check_state(&token, "locked", "");
}
END_TEST

START_TEST(test_a_process_that_ends_during_a_login_fails_it_and_the_pin_is_forgotten)
{
    bring_to(PLAY_LOGGING_IN);
    play_restart(&token);
    play_check_waiter(&first, CH_UNAVAILABLE, "the process of token 'main' ended (it closed its channel); try again");
    ck_assert(stage_is_silent(&token.actor));
}
END_TEST

/* In each state: what becomes of an unlock, and of a lock. */
/* clang-format off */
static const struct {
    play_state state;
    ch_status unlocked;
    const char *unlock_says;
    bool is_lock_immediate;
} asked[] = {
    /* state        unlock           says                                                lock is done at once */
    { PLAY_ABSENT,       CH_UNAVAILABLE,  "token 'main' is absent: there is no token 'main'",  false },
    { PLAY_STARTING,     CH_OK,           NULL,                                                false },
    { PLAY_LOCKED,       CH_OK,           NULL,                                                true },
    { PLAY_LOGGING_IN,   CH_CONFLICT,     "token 'main' is being unlocked already",            false },
    { PLAY_SERVING,      CH_CONFLICT,     "token 'main' is unlocked already",                  false },
    { PLAY_LOCKING,      CH_CONFLICT,     "token 'main' is being locked; try again",           false },
};
/* clang-format on */

START_TEST(test_an_unlock_is_answered_by_the_state)
{
    play_waiter waiter = {0};
    bring_to(asked[_i].state);
    play_ask_unlock(&token, &waiter);
    if (asked[_i].unlocked == CH_OK)
        ck_assert_int_eq(waiter.calls, 0);
    else
        play_check_waiter(&waiter, asked[_i].unlocked, asked[_i].unlock_says);
    ck_assert_int_eq(first.calls, 0);
}
END_TEST

START_TEST(test_a_lock_succeeds_in_every_state)
{
    play_waiter waiter = {0};
    bring_to(asked[_i].state);
    play_ask_lock(&token, &waiter);
    ck_assert_int_eq(waiter.calls, asked[_i].is_lock_immediate);
    if (asked[_i].state == PLAY_SERVING) {
        stage_hear(&token.actor, CH_FRAME_LOGOUT);
        play_logout_done(&token, NULL);
    }
    if (!asked[_i].is_lock_immediate) {
        ck_assert_int_eq(waiter.calls, 0);
        if (asked[_i].state != PLAY_STARTING) {
            stage_bury(&token.actor);
            play_meet(&token);
        }
        play_started(&token, NULL);
    }
    play_check_waiter(&waiter, CH_OK, "");
    ck_assert(!ch_token_link_is_unlocked(token.link));
    ck_assert_int_ne(ch_token_link_check_key(token.link, 0, &err), CH_OK);
}
END_TEST

START_TEST(test_a_lock_during_a_login_ends_the_process)
{
    play_waiter waiter = {0};
    bring_to(PLAY_LOGGING_IN);
    play_ask_lock(&token, &waiter);
    play_check_waiter(&first, CH_LOCKED, "token 'main' was locked");
    stage_bury(&token.actor);
    play_meet(&token);
    play_started(&token, NULL);
    play_check_waiter(&waiter, CH_OK, "");
    ck_assert(stage_is_silent(&token.actor));
}
END_TEST

START_TEST(test_a_second_lock_does_not_wait_for_the_first)
{
    play_waiter waiter = {0};
    bring_to(PLAY_LOCKING);
    play_ask_lock(&token, &waiter);
    play_check_waiter(&first, CH_OK, "");
    ck_assert_int_eq(waiter.calls, 0);
    play_check_state(&token, "absent", "the token process is being restarted");
    stage_bury(&token.actor);
    play_meet(&token);
    play_started(&token, NULL);
    play_check_waiter(&waiter, CH_OK, "");
}
END_TEST

/* It may have died because the token is gone, but the login was this process's own. */
START_TEST(test_a_process_that_ends_during_a_logout_is_locked)
{
    bring_to(PLAY_LOCKING);
    play_restart(&token);
    play_check_waiter(&first, CH_OK, "");
}
END_TEST

START_TEST(test_after_a_logout_that_failed_a_fresh_process_says_whether_the_token_is_locked)
{
    bring_to(PLAY_LOCKING);
    stage_record_log();
    play_logout_done(&token, &broken);
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, "the logout failed: the module has a bad day") != NULL, "%s", log);
    ck_assert_int_eq(first.calls, 0);
    stage_bury(&token.actor);
    play_meet(&token);
    play_started(&token, NULL);
    play_check_waiter(&first, CH_OK, "");
}
END_TEST

START_TEST(test_a_token_that_keeps_its_login_is_said_to_be_so_and_signs_nothing)
{
    ch_token_started_frame started = {
        .outcome = CH_ERROR_INIT, .kept = {CH_CONFLICT, "", "the module has a bad day"}
    };
    play_waiter again = {0};
    bring_to(PLAY_LOCKING);
    play_logout_done(&token, NULL);
    stage_bury(&token.actor);
    play_meet(&token);
    ck_assert_int_eq(ch_token_started_frame_put(ch_channel_out(&token.actor.channel), 0, &started, &err), CH_OK);
    stage_send(&token.actor);
    play_check_waiter(&first, CH_TOKEN, "the token itself is still logged in");
    ck_assert_str_eq(ch_token_link_state_name(token.link), "locked");
    ck_assert(strstr(ch_token_link_detail(token.link), "cannot be logged out (the module has a bad day)") != NULL);
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_LOCKED);
    play_ask_lock(&token, &again); /* is tried again, by another process */
    ck_assert_int_eq(again.calls, 0);
    stage_bury(&token.actor);
    play_meet(&token);
    play_started(&token, NULL);
    play_check_waiter(&again, CH_OK, "");
    play_check_state(&token, "locked", "");
}
END_TEST

START_TEST(test_an_unlock_waits_for_a_process_that_starts)
{
    play_waiter locking = {0};
    play_waiter waiter = {0};
    bring_to(PLAY_LOGGING_IN);
    play_ask_lock(&token, &locking);
    ch_token_link_forget_waiter(token.link, &locking);
    play_ask_unlock(&token, &waiter);
    ck_assert_int_eq(waiter.calls, 0);
    stage_bury(&token.actor);
    play_meet(&token);
    play_started(&token, NULL);
    ck_assert_int_eq(waiter.calls, 0);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    play_check_waiter(&waiter, CH_OK, "");
    play_check_state(&token, "unlocked", "");
}
END_TEST

START_TEST(test_an_unlock_that_waits_for_a_process_hears_that_it_could_not_start)
{
    play_waiter waiter = {0};
    const ch_error no_token = {CH_NOT_FOUND, "", "there is no token 'main'"};
    bring_to(PLAY_STARTING);
    play_ask_unlock(&token, &waiter);
    play_started(&token, &no_token);
    play_check_waiter(&waiter, CH_UNAVAILABLE, "token 'main' is absent: there is no token 'main'");
}
END_TEST

START_TEST(test_a_waiter_that_has_left_gets_no_answer)
{
    play_waiter other = {0};
    bring_to(PLAY_LOGGING_IN);
    ch_token_link_forget_waiter(token.link, &other);
    ch_token_link_forget_waiter(token.link, &first);
    play_login_done(&token, NULL);
    ck_assert_int_eq(first.calls, 0);
    play_check_state(&token, "unlocked", "");
}
END_TEST

/* ---- the PIN that is kept ---- */

START_TEST(test_a_new_process_is_logged_in_with_the_pin_that_was_kept)
{
    bring_to(PLAY_SERVING);
    play_restart(&token);
    play_hear_login(&token);
    play_check_state(&token, "locked", "");
    play_login_done(&token, NULL);
    play_check_state(&token, "unlocked", "");
    play_restart(&token);
    play_hear_login(&token);
}
END_TEST

START_TEST(test_a_pin_is_not_kept_if_the_configuration_says_so)
{
    play_configure(&token);
    token.config.may_relogin = false;
    play_begin(&token, stage_set_up(), &nobody);
    play_unlock(&token);
    play_restart(&token);
    ck_assert(stage_is_silent(&token.actor));
    play_check_state(&token, "locked", "");
}
END_TEST

START_TEST(test_a_lock_forgets_the_pin)
{
    play_waiter waiter = {0};
    bring_to(PLAY_SERVING);
    play_ask_lock(&token, &waiter);
    play_restart(&token);
    ck_assert(stage_is_silent(&token.actor));
}
END_TEST

START_TEST(test_a_lock_while_the_process_is_away_forgets_the_pin)
{
    play_waiter waiter = {0};
    bring_to(PLAY_SERVING);
    stage_hang_up(&token.actor);
    stage_settle();
    play_ask_lock(&token, &waiter);
    stage_bury(&token.actor);
    play_meet(&token);
    play_started(&token, NULL);
    play_check_waiter(&waiter, CH_OK, "");
    ck_assert(stage_is_silent(&token.actor));
}
END_TEST

START_TEST(test_a_pin_that_was_not_sent_yet_leaves_with_its_operator)
{
    play_waiter gone = {0};
    play_waiter waiter = {0};
    bring_to(PLAY_STARTING);
    play_ask_unlock(&token, &gone);
    play_ask_unlock(&token, &waiter);
    play_check_waiter(&waiter, CH_CONFLICT, "is being unlocked already");
    ch_token_link_forget_waiter(token.link, &gone);
    play_started(&token, NULL);
    ck_assert(stage_is_silent(&token.actor));
    play_check_state(&token, "locked", "");
}
END_TEST

START_TEST(test_a_lock_of_a_token_that_cannot_be_opened_says_what_is_not_known)
{
    const ch_error no_token = {CH_NOT_FOUND, "", "there is no token 'main'"};
    play_waiter waiter = {0};
    bring_to(PLAY_STARTING);
    play_ask_lock(&token, &waiter);
    ck_assert_int_eq(waiter.calls, 0);
    play_started(&token, &no_token);
    play_check_waiter(&waiter, CH_OK, "whether the token itself is locked is not known yet");
}
END_TEST

START_TEST(test_a_kept_pin_that_is_refused_is_never_tried_again)
{
    bring_to(PLAY_SERVING);
    play_restart(&token);
    play_hear_login(&token);
    play_login_done(&token, &wrong_pin);
    play_check_state(&token, "locked", "the token refused the PIN");
    ck_assert(stage_is_silent(&token.actor));
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_LOCKED);
    ck_assert_str_eq(err.message, "token 'main' is locked: the token refused the PIN; an operator unlocks it with: "
                                  "chancery unlock main");
    play_restart(&token);
    ck_assert(stage_is_silent(&token.actor));
}
END_TEST

START_TEST(test_a_token_without_a_pin_is_unlocked_by_an_operator_all_the_same)
{
    play_waiter waiter = {0};
    play_configure(&token);
    token.config.login = CH_LOGIN_NONE;
    play_begin(&token, stage_set_up(), &nobody);
    play_started(&token, NULL);
    ck_assert(stage_is_silent(&token.actor));
    play_check_state(&token, "locked", "");
    play_ask_unlock(&token, &waiter);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    play_check_waiter(&waiter, CH_OK, "");
    play_restart(&token); /* what an operator has unlocked stays so */
    play_hear_login(&token);
    play_login_done(&token, NULL);
    play_check_state(&token, "unlocked", "");
    play_ask_lock(&token, &waiter);
    stage_hear(&token.actor, CH_FRAME_LOGOUT);
    play_locked(&token);
    play_check_state(&token, "locked", "");
    ck_assert(stage_is_silent(&token.actor));
}
END_TEST

CH_TESTS("token_link_logins", CH_TEST(test_an_unlock_brings_the_pin_to_the_process),
         CH_TEST(test_a_refused_pin_is_forgotten),
         CH_TEST(test_a_token_without_a_pin_is_unlocked_by_an_operator_all_the_same),
         CH_TEST(test_a_process_that_ends_during_a_login_fails_it_and_the_pin_is_forgotten),
         CH_TEST_ROWS(test_an_unlock_is_answered_by_the_state, asked),
         CH_TEST_ROWS(test_a_lock_succeeds_in_every_state, asked), CH_TEST(test_a_lock_during_a_login_ends_the_process),
         CH_TEST(test_a_second_lock_does_not_wait_for_the_first),
         CH_TEST(test_a_process_that_ends_during_a_logout_is_locked),
         CH_TEST(test_after_a_logout_that_failed_a_fresh_process_says_whether_the_token_is_locked),
         CH_TEST(test_a_token_that_keeps_its_login_is_said_to_be_so_and_signs_nothing),
         CH_TEST(test_an_unlock_waits_for_a_process_that_starts),
         CH_TEST(test_an_unlock_that_waits_for_a_process_hears_that_it_could_not_start),
         CH_TEST(test_a_waiter_that_has_left_gets_no_answer),
         CH_TEST(test_a_new_process_is_logged_in_with_the_pin_that_was_kept),
         CH_TEST(test_a_pin_is_not_kept_if_the_configuration_says_so), CH_TEST(test_a_lock_forgets_the_pin),
         CH_TEST(test_a_lock_while_the_process_is_away_forgets_the_pin),
         CH_TEST(test_a_pin_that_was_not_sent_yet_leaves_with_its_operator),
         CH_TEST(test_a_lock_of_a_token_that_cannot_be_opened_says_what_is_not_known),
         CH_TEST(test_a_kept_pin_that_is_refused_is_never_tried_again))
