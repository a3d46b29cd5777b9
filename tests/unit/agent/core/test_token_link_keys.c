/* The keys of a token link: added by policies, told to the process, looked for. */
#include "agent/core/token_link_impl.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <stdio.h>
#include <string.h>

static ch_error err;
static play_token token;
static play_waiter waiter;
static int turns;
static ch_ticket ticket;

static const ch_link_key third = {"c", "pkcs11:object=c", "ed25519", 0, {.for_ns = 0}};

static void on_turn(void *context, ch_ticket *at)
{
    (void)context;
    turns++;
    ch_token_link_leave(token.link, at);
}

static const ch_link_owner owner = {.on_turn = on_turn};

static void begin(play_state state)
{
    play_configure(&token);
    play_begin(&token, stage_set_up(), &owner);
    play_bring_to(&token, &waiter, state);
}

/* A policy with the keys of before and a third one. */
static void add_third(void)
{
    ch_token_link_begin_keys(token.link);
    for (size_t i = 0; i < PLAY_KEYS; i++)
        ck_assert_uint_eq(ch_token_link_add_key(token.link, &token.two[i]), i);
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &third), PLAY_KEYS);
}

/* The end of a turn, in which a search for `count` keys from `first` on is heard. */
static void hear_search(size_t first, size_t count)
{
    ch_key_object_record object;
    ch_find_keys_frame find;
    ch_token_link_dispatch(token.link);
    ch_frame frame = stage_hear(&token.actor, CH_FRAME_FIND_KEYS);
    ck_assert_int_eq(ch_find_keys_frame_get(&frame, &find, &err), CH_OK);
    ck_assert_uint_eq(find.keys.count, count);
    for (size_t i = first; ch_key_object_record_next(&find.keys, &object); i++)
        ck_assert_uint_eq(object.index, i);
}

static void write_state(size_t key, ch_status problem)
{
    ch_key_state_frame state = {.key = (uint16_t)key, .problem = CH_ERROR_INIT};
    if (problem != CH_OK)
        ch_error_set(&state.problem, problem, "", "there is no such object");
    ck_assert_int_eq(ch_key_state_frame_put(ch_channel_out(&token.actor.channel), 0, &state, &err), CH_OK);
}

static void say_found(void)
{
    ck_assert_int_eq(ch_keys_found_frame_put(ch_channel_out(&token.actor.channel), 0, &(ch_keys_found_frame){}, &err),
                     CH_OK);
    stage_send(&token.actor);
}

static void queue_job(void)
{
    ticket = (ch_ticket){.key = 0};
    ck_assert_int_eq(ch_token_link_queue(token.link, &ticket, &err), CH_OK);
    ch_token_link_dispatch(token.link);
}

/* ---- indices ---- */

START_TEST(test_a_key_keeps_its_index_and_no_other_gets_it)
{
    const ch_link_key renamed = {"z", "pkcs11:object=a", "hmac-sha256", 0, {.for_ns = 0}};
    const ch_link_key moved = {"b", "pkcs11:object=elsewhere", "ed25519", 0, {.for_ns = 0}};
    begin(PLAY_SERVING);
    add_third();
    ch_token_link_begin_keys(token.link);
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &moved), 3);
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &third), 2);
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &renamed), 4);
    ch_token_link_begin_keys(token.link);
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &token.two[0]), 0);
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &token.two[1]), 1);
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &moved), 3);
}
END_TEST

/* So no job of before can meet it. */
START_TEST(test_a_key_of_which_something_else_is_tolerated_is_another_one)
{
    begin(PLAY_SERVING);
    ch_link_key tolerated = token.two[0];
    tolerated.tolerated = ch_lapse_of_type(CKA_DECRYPT);
    ch_token_link_begin_keys(token.link);
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &tolerated), PLAY_KEYS);
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &token.two[0]), 0);
}
END_TEST

START_TEST(test_keys_that_no_policy_names_are_not_looked_for)
{
    begin(PLAY_SERVING);
    ch_token_link_begin_keys(token.link);
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &token.two[1]), 1);
    ch_token_link_find_keys(token.link);
    hear_search(1, 1);
    say_found();
    ck_assert(!ch_token_link_is_finding(token.link));
}
END_TEST

START_TEST(test_a_process_that_is_started_anew_is_not_told_of_them)
{
    begin(PLAY_SERVING);
    ch_token_link_begin_keys(token.link);
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &third), 2);
    token.keys = &third;
    token.key_count = 1;
    play_restart(&token);
    play_hear_login(&token);
    write_state(2, CH_OK);
    token.key_count = 0;
    play_login_done(&token, NULL);
    ck_assert(ch_token_link_is_ready(token.link, 2));
}
END_TEST

START_TEST(test_indices_run_out_before_they_are_used_again)
{
    begin(PLAY_LOCKED);
    ck_assert(ch_token_link_has_room(token.link, UINT16_MAX - PLAY_KEYS));
    ck_assert(!ch_token_link_has_room(token.link, UINT16_MAX - PLAY_KEYS + 1));
}
END_TEST

/* ---- searches ---- */

START_TEST(test_jobs_wait_while_keys_are_looked_for)
{
    begin(PLAY_SERVING);
    ch_token_link_find_keys(token.link);
    hear_search(0, 2);
    ck_assert(ch_token_link_is_unlocked(token.link) && ch_token_link_is_finding(token.link));
    ck_assert(ch_token_link_is_ready(token.link, 0));
    queue_job();
    ck_assert_int_eq(turns, 0);
    say_found();
    ck_assert(!ch_token_link_is_finding(token.link));
    ch_token_link_dispatch(token.link);
    ck_assert_int_eq(turns, 1);
}
END_TEST

START_TEST(test_a_new_key_is_named_and_found)
{
    begin(PLAY_SERVING);
    add_third();
    ck_assert(!ch_token_link_is_ready(token.link, 2));
    ch_token_link_find_keys(token.link);
    hear_search(0, 3);
    write_state(2, CH_OK);
    say_found();
    ck_assert(ch_token_link_is_ready(token.link, 2));
}
END_TEST

START_TEST(test_a_key_that_is_gone_is_known_to_be)
{
    begin(PLAY_SERVING);
    ch_token_link_find_keys(token.link);
    hear_search(0, 2);
    write_state(1, CH_NOT_FOUND);
    say_found();
    ck_assert(ch_token_link_is_ready(token.link, 0));
    ck_assert_int_eq(ch_token_link_check_key(token.link, 1, &err), CH_NOT_FOUND);
}
END_TEST

START_TEST(test_a_search_that_is_asked_for_during_another_comes_after_it)
{
    begin(PLAY_SERVING);
    ch_token_link_find_keys(token.link);
    hear_search(0, 2);
    ch_token_link_find_keys(token.link);
    ch_token_link_dispatch(token.link);
    ck_assert(stage_is_silent(&token.actor));
    say_found();
    hear_search(0, 2);
    say_found();
    ck_assert(!ch_token_link_is_finding(token.link));
}
END_TEST

START_TEST(test_a_search_during_a_login_comes_after_it)
{
    begin(PLAY_LOGGING_IN);
    ch_token_link_find_keys(token.link);
    ck_assert(stage_is_silent(&token.actor));
    play_login_done(&token, NULL);
    hear_search(0, 2);
    play_check_waiter(&waiter, CH_OK, "");
    say_found();
    ck_assert(!ch_token_link_is_finding(token.link));
}
END_TEST

START_TEST(test_a_locked_token_is_told_its_new_keys_after_the_login)
{
    begin(PLAY_LOCKED);
    add_third();
    ch_token_link_find_keys(token.link);
    ck_assert(stage_is_silent(&token.actor));
    play_ask_unlock(&token, &waiter);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    hear_search(2, 1); /* the login has looked for the others */
    write_state(2, CH_OK);
    say_found();
    ck_assert(ch_token_link_is_ready(token.link, 2));
}
END_TEST

START_TEST(test_a_process_that_is_started_anew_is_told_all_keys)
{
    static ch_link_key three[3];
    begin(PLAY_SERVING);
    add_third();
    memcpy(three, token.two, sizeof token.two);
    three[2] = third;
    token.keys = three;
    token.key_count = 3;
    play_restart(&token);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    ck_assert(stage_is_silent(&token.actor));
    ck_assert(ch_token_link_is_ready(token.link, 2));
}
END_TEST

START_TEST(test_a_lock_during_a_search_ends_the_process)
{
    begin(PLAY_SERVING);
    ch_token_link_find_keys(token.link);
    hear_search(0, 2);
    play_ask_lock(&token, &waiter);
    play_check_state(&token, "absent", "the token process is being restarted");
    play_next(&token);
    play_check_waiter(&waiter, CH_OK, "");
}
END_TEST

START_TEST(test_a_state_of_a_key_that_was_not_told_ends_the_process)
{
    begin(PLAY_SERVING);
    ch_token_link_find_keys(token.link);
    hear_search(0, 2);
    add_third();
    write_state(2, CH_OK);
    stage_send(&token.actor);
    play_check_state(&token, "absent", "the token process is being restarted");
}
END_TEST

START_TEST(test_a_key_that_is_accepted_with_what_is_not_tolerated_ends_the_process)
{
    ch_key_state_frame state = {.key = 0, .lapses = ch_lapse_of_type(CKA_DECRYPT)};
    begin(PLAY_SERVING);
    ch_token_link_find_keys(token.link);
    hear_search(0, 2);
    ck_assert_int_eq(ch_key_state_frame_put(ch_channel_out(&token.actor.channel), 0, &state, &err), CH_OK);
    stage_send(&token.actor);
    play_check_state(&token, "absent", "the token process is being restarted");
}
END_TEST

START_TEST(test_a_login_lasts_as_long_as_it_comes_further)
{
    begin(PLAY_LOGGING_IN);
    token.link->since_ms = 0; /* long ago */
    play_progress(&token, 1, 2);
    ck_assert_uint_gt(token.link->since_ms, 0);
    play_progress(&token, 2, 2);
    play_login_done(&token, NULL);
    play_check_state(&token, "unlocked", "");
}
END_TEST

/* clang-format off */
static const struct {
    uint32_t done;
    uint32_t total;
} standing[] = {
    /* after 3 of 5 */
    { 3, 5 },
    { 2, 5 },
    { 6, 5 },
    { 0, 0 },
};
/* clang-format on */

START_TEST(test_progress_that_is_none_ends_the_process)
{
    begin(PLAY_LOGGING_IN);
    play_progress(&token, 3, 5);
    play_progress(&token, standing[_i].done, standing[_i].total);
    play_check_state(&token, "absent", "the token process is being restarted");
}
END_TEST

START_TEST(test_an_end_of_a_search_that_was_not_asked_for_ends_the_process)
{
    begin(PLAY_SERVING);
    say_found();
    play_check_state(&token, "absent", "the token process is being restarted");
}
END_TEST

#define MANY 100

START_TEST(test_many_keys_are_looked_for_with_jobs_in_between)
{
    static ch_link_key keys[MANY];
    static char names[MANY][8];
    size_t pages = 0;
    play_configure(&token);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "k%zu", i);
        keys[i] = (ch_link_key){names[i], "pkcs11:object=a", "ed25519", 0, {.for_ns = 0}};
    }
    token.keys = keys;
    token.key_count = MANY;
    play_begin(&token, stage_set_up(), &owner);
    play_unlock(&token);
    ch_token_link_find_keys(token.link);
    for (size_t found = 0; found < MANY; pages++) {
        size_t count = MANY - found < 32 ? MANY - found : 32;
        queue_job();
        ck_assert_int_eq(turns, (int)pages + 1);
        hear_search(found, count);
        say_found();
        found += count;
    }
    ck_assert_uint_eq(pages, 4);
    ck_assert(!ch_token_link_is_finding(token.link));
}
END_TEST

START_TEST(test_a_key_that_the_process_was_not_told_is_not_asked_for)
{
    begin(PLAY_SERVING);
    add_third();
    ck_assert_int_eq(ch_token_link_check_key(token.link, 2, &err), CH_UNAVAILABLE);
    ck_assert_int_eq(ch_token_link_check_key(token.link, 1, &err), CH_OK);
}
END_TEST

/* ---- what else may change ---- */

START_TEST(test_without_relogin_the_pin_is_not_kept)
{
    begin(PLAY_SERVING);
    ck_assert_ptr_nonnull(token.link->pin.data);
    ch_token_link_set_relogin(token.link, false);
    ck_assert_ptr_null(token.link->pin.data);
    ch_link_check(token.link);
}
END_TEST

START_TEST(test_a_token_is_another_one_if_anything_but_relogin_differs)
{
    begin(PLAY_LOCKED);
    ch_link_config same = token.config;
    same.may_relogin = false;
    ck_assert(ch_token_link_is_of(token.link, &same));
    char *variables[] = {"A=1", NULL};
    ch_link_config others[] = {token.config, token.config, token.config, token.config,
                               token.config, token.config, token.config};
    others[0].name = "x";
    others[1].module = "x";
    others[2].uri = "x";
    others[3].workers++;
    others[4].init_args = "x";
    others[5].login = CH_LOGIN_NONE;
    others[6].variables = (ch_variables){variables, 1};
    for (size_t i = 0; i < CH_ROWS(others); i++)
        ck_assert(!ch_token_link_is_of(token.link, &others[i]));
}
END_TEST

CH_TESTS("token_link_keys", CH_TEST(test_a_key_keeps_its_index_and_no_other_gets_it),
         CH_TEST(test_a_key_of_which_something_else_is_tolerated_is_another_one),
         CH_TEST(test_keys_that_no_policy_names_are_not_looked_for),
         CH_TEST(test_a_process_that_is_started_anew_is_not_told_of_them),
         CH_TEST(test_indices_run_out_before_they_are_used_again), CH_TEST(test_jobs_wait_while_keys_are_looked_for),
         CH_TEST(test_a_new_key_is_named_and_found), CH_TEST(test_a_key_that_is_gone_is_known_to_be),
         CH_TEST(test_a_search_that_is_asked_for_during_another_comes_after_it),
         CH_TEST(test_a_search_during_a_login_comes_after_it),
         CH_TEST(test_a_locked_token_is_told_its_new_keys_after_the_login),
         CH_TEST(test_a_process_that_is_started_anew_is_told_all_keys),
         CH_TEST(test_a_lock_during_a_search_ends_the_process),
         CH_TEST(test_a_state_of_a_key_that_was_not_told_ends_the_process),
         CH_TEST(test_a_key_that_is_accepted_with_what_is_not_tolerated_ends_the_process),
         CH_TEST(test_a_login_lasts_as_long_as_it_comes_further),
         CH_TEST_ROWS(test_progress_that_is_none_ends_the_process, standing),
         CH_TEST(test_an_end_of_a_search_that_was_not_asked_for_ends_the_process),
         CH_TEST(test_many_keys_are_looked_for_with_jobs_in_between),
         CH_TEST(test_a_key_that_the_process_was_not_told_is_not_asked_for),
         CH_TEST(test_without_relogin_the_pin_is_not_kept),
         CH_TEST(test_a_token_is_another_one_if_anything_but_relogin_differs))
