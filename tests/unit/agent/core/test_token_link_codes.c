/* One-time codes at a token: with a login, and without one; and a process that lies about them. */
#include "agent/core/token_link.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <string.h>
#include <unistd.h>

#define BOTH "0123-pin\000424242"

static ch_error err;
static play_token token;
static const ch_link_owner nobody; /* no test here has jobs */
static const ch_error kept = CH_ERROR_INIT;
static const uint8_t print_bytes[CH_PRINT_SIZE] = {7};
static const ch_slice print = {print_bytes, sizeof print_bytes};
static const ch_link_code code = {
    "pkcs11:object=seed", "hmac-sha1", 6, 100, {print_bytes, sizeof print_bytes}
};

/* Who waits: for a login, or for a code without one. */
typedef struct waiting {
    int passed;
    uint64_t step;
    int answers;
    ch_error outcome;
} waiting;

static waiting waiter;

static void on_passed(void *context, uint64_t step, ch_slice of)
{
    waiting *self = context;
    ck_assert(ch_slice_equal(of, print));
    self->passed++;
    self->step = step;
}

static void on_answer(void *context, const ch_error *outcome)
{
    waiting *self = context;
    self->answers++;
    self->outcome = *outcome;
}

static void on_checked(void *context, const ch_error *outcome, uint64_t step, ch_slice of)
{
    waiting *self = context;
    (void)of;
    self->answers++;
    self->outcome = *outcome;
    self->step = step;
}

static ch_secret secret_of(const void *bytes, size_t size)
{
    ch_secret secret = CH_SECRET_INIT;
    ck_assert_int_eq(ch_secret_alloc(&secret, size, &err), CH_OK);
    memcpy(secret.data, bytes, size);
    return secret;
}

static void ask(void)
{
    ch_secret both = secret_of(BOTH, sizeof BOTH - 1);
    const ch_link_waiter asked = {.context = &waiter, .passed = on_passed, .answer = on_answer};
    ch_token_link_unlock_by_code(token.link, &both, &code, false, asked);
    ck_assert_ptr_null(both.data);
    stage_settle();
}

/* The process hears PIN and code, and what it is to look for. */
static void hear(void)
{
    char got[64];
    int fd = -1;
    ch_login_code_frame login;
    ch_frame frame = stage_hear_with(&token.actor, CH_FRAME_LOGIN_CODE, &fd);
    ck_assert_int_eq(ch_login_code_frame_get(&frame, &login, &err), CH_OK);
    ck_assert(ch_slice_is(login.seed, code.seed) && ch_slice_is(login.mechanism, code.mechanism));
    ck_assert(ch_slice_equal(login.print, print));
    ck_assert_uint_eq(login.digits, 6);
    ck_assert_uint_eq(login.lowest_step, 100);
    ck_assert_uint_gt(login.now_s, 1700000000);
    ck_assert_int_eq((int)read(fd, got, sizeof got), (int)sizeof BOTH - 1);
    ck_assert_int_eq(memcmp(got, BOTH, sizeof BOTH - 1), 0);
    close(fd);
}

static void meet(void)
{
    waiter = (waiting){0};
    play_configure(&token);
    play_begin(&token, stage_set_up(), &nobody);
}

static void begin(void)
{
    meet();
    play_started(&token, NULL);
}

static void begin_login(void)
{
    begin();
    ask();
    hear();
}

static void say_passed(uint64_t step, ch_slice of)
{
    const ch_code_passed_frame passed = {.step = step, .print = of};
    ck_assert_int_eq(ch_code_passed_frame_put(ch_channel_out(&token.actor.channel), 0, &passed, &err), CH_OK);
    stage_send(&token.actor);
}

static const bool orders[] = {true, false}; /* the login is done before the step is kept */

START_TEST(test_a_login_is_taken_when_the_step_is_kept)
{
    begin_login();
    say_passed(123, print);
    ck_assert_int_eq(waiter.passed, 1);
    ck_assert_uint_eq(waiter.step, 123);
    if (orders[_i]) {
        play_login_done(&token, NULL);
        ck_assert_int_eq(waiter.answers, 0);
        play_check_state(&token, "locked", "");
        ch_token_link_go_on(token.link, &kept, false);
    } else {
        ch_token_link_go_on(token.link, &kept, false);
        ck_assert_int_eq(waiter.answers, 0);
        play_check_state(&token, "locked", "");
        play_login_done(&token, NULL);
    }
    ck_assert_int_eq(waiter.answers, 1);
    ck_assert_int_eq(waiter.outcome.status, CH_OK);
    play_check_state(&token, "unlocked", "");
}
END_TEST

START_TEST(test_the_pin_alone_is_kept_for_the_next_process)
{
    begin_login();
    say_passed(123, print);
    ch_token_link_go_on(token.link, &kept, false);
    play_login_done(&token, NULL);
    play_restart(&token);
    play_hear_login(&token); /* a LOGIN with PLAY_PIN, and no code */
}
END_TEST

START_TEST(test_what_could_not_be_kept_unlocks_nothing)
{
    const ch_error full = {CH_IO, "", "the disk is full"};
    begin_login();
    say_passed(123, print);
    if (orders[_i])
        play_login_done(&token, NULL);
    ch_token_link_go_on(token.link, &full, false);
    ck_assert_int_eq(waiter.answers, 1);
    ck_assert_int_eq(waiter.outcome.status, CH_IO);
    stage_bury(&token.actor);
    ck_assert(!ch_token_link_is_unlocked(token.link));
}
END_TEST

START_TEST(test_a_login_that_was_about_the_code_stays_locked)
{
    begin_login();
    say_passed(123, print);
    play_login_done(&token, NULL);
    ch_token_link_go_on(token.link, &kept, true);
    ck_assert_int_eq(waiter.answers, 1);
    ck_assert_int_eq(waiter.outcome.status, CH_OK);
    stage_bury(&token.actor);
    ck_assert(!ch_token_link_is_unlocked(token.link));
    play_meet(&token);
    play_started(&token, NULL);
    ck_assert(stage_is_silent(&token.actor)); /* no PIN was kept */
}
END_TEST

static const ch_error refusals[] = {
    {CH_WRONG_PIN, "CKR_PIN_INCORRECT", "the token refused the PIN"},
    {CH_REFUSED,   CH_RULE_CODE,        "the code is wrong"        },
    {CH_REFUSED,   CH_RULE_SEED,        "there is no such key"     },
};

START_TEST(test_whatever_was_wrong_is_said_alike)
{
    stage_record_log();
    begin_login();
    play_login_done(&token, &refusals[_i]);
    ck_assert_int_eq(waiter.answers, 1);
    ck_assert_int_eq(waiter.outcome.status, CH_REFUSED);
    ck_assert_str_eq(waiter.outcome.rule, CH_RULE_PIN_AND_CODE);
    ck_assert_ptr_nonnull(strstr(waiter.outcome.message, "the PIN of token 'main' or the code is wrong"));
    ck_assert_ptr_null(strstr(stage_logged(), "refused the PIN"));
    play_check_state(&token, "locked", "");
}
END_TEST

/* clang-format off */
static const struct {
    uint64_t step;
    size_t print_size;
    int times;
} lies[] = {
    /* step   print         times */
    {  99,    CH_PRINT_SIZE, 1 }, /* it was used */
    {  100,   5,             1 },
    {  100,   CH_PRINT_SIZE, 2 },
    {  0,     0,             0 }, /* it says nothing of the code, and that the login has succeeded */
};
/* clang-format on */

START_TEST(test_a_process_that_lies_is_ended)
{
    begin_login();
    for (int i = 0; i < lies[_i].times; i++)
        say_passed(lies[_i].step, (ch_slice){print_bytes, lies[_i].print_size});
    if (lies[_i].times == 0)
        play_login_done(&token, NULL);
    stage_bury(&token.actor);
    ck_assert(!ch_token_link_is_unlocked(token.link));
    ck_assert_int_eq(waiter.answers, 1);
    ck_assert_int_eq(waiter.outcome.status, CH_UNAVAILABLE);
    ch_token_link_go_on(token.link, &kept, false); /* comes too late for that login */
    ck_assert(!ch_token_link_is_unlocked(token.link));
}
END_TEST

/* ---- without a login ---- */

static void check(void)
{
    ch_autosecret typed = secret_of("424242", 6);
    ch_token_link_check_code(token.link, &code, &typed, (ch_code_waiter){.context = &waiter, .answer = on_checked});
    stage_settle();
}

static void begin_check(void)
{
    meet();
    play_unlock(&token);
    check();
    ck_assert_int_eq(waiter.answers, 0);
}

static void hear_check(void)
{
    int fd = -1;
    stage_hear_with(&token.actor, CH_FRAME_CODE, &fd);
    close(fd);
}

static void say_done(const ch_error *outcome, uint64_t step, size_t print_size)
{
    const ch_code_done_frame done = {
        .outcome = *outcome, .step = step, .print = {print_bytes, print_size}
    };
    ck_assert_int_eq(ch_code_done_frame_put(ch_channel_out(&token.actor.channel), 0, &done, &err), CH_OK);
    stage_send(&token.actor);
}

START_TEST(test_a_code_is_looked_at_while_the_token_is_unlocked)
{
    begin_check();
    hear_check();
    check(); /* one at a time */
    ck_assert_int_eq(waiter.outcome.status, CH_BUSY);
    say_done(&kept, 130, CH_PRINT_SIZE);
    ck_assert_int_eq(waiter.answers, 2);
    ck_assert_int_eq(waiter.outcome.status, CH_OK);
    ck_assert_uint_eq(waiter.step, 130);
    play_check_state(&token, "unlocked", "");
}
END_TEST

START_TEST(test_a_locked_token_looks_at_none)
{
    begin();
    check();
    ck_assert_int_eq(waiter.answers, 1);
    ck_assert_int_eq(waiter.outcome.status, CH_LOCKED);
    ck_assert(stage_is_silent(&token.actor));
}
END_TEST

START_TEST(test_the_end_of_the_process_fails_it)
{
    begin_check();
    hear_check();
    play_restart(&token);
    ck_assert_int_eq(waiter.answers, 1);
    ck_assert_int_eq(waiter.outcome.status, CH_UNAVAILABLE);
}
END_TEST

START_TEST(test_a_used_step_or_an_answer_to_nothing_ends_the_process)
{
    begin_check();
    hear_check();
    if (_i == 1)
        say_done(&kept, 130, CH_PRINT_SIZE);
    say_done(&kept, _i == 0 ? 99 : 131, CH_PRINT_SIZE);
    stage_bury(&token.actor);
    ck_assert_int_eq(waiter.answers, 1);
    ck_assert_int_eq(waiter.outcome.status, _i == 0 ? CH_UNAVAILABLE : CH_OK);
}
END_TEST

CH_TESTS("token_link_codes", CH_TEST_ROWS(test_a_login_is_taken_when_the_step_is_kept, orders),
         CH_TEST(test_the_pin_alone_is_kept_for_the_next_process),
         CH_TEST_ROWS(test_what_could_not_be_kept_unlocks_nothing, orders),
         CH_TEST(test_a_login_that_was_about_the_code_stays_locked),
         CH_TEST_ROWS(test_whatever_was_wrong_is_said_alike, refusals),
         CH_TEST_ROWS(test_a_process_that_lies_is_ended, lies),
         CH_TEST(test_a_code_is_looked_at_while_the_token_is_unlocked), CH_TEST(test_a_locked_token_looks_at_none),
         CH_TEST(test_the_end_of_the_process_fails_it),
         CH_TEST_ROWS(test_a_used_step_or_an_answer_to_nothing_ends_the_process, orders))
