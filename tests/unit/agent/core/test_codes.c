/* Codes of people: what is on the disk when, and what happens if the disk does not answer. The rest is shown by real
 * agents, in tests/e2e/test_codes.py. */
#include "agent/core/codes.h"

#include "base/clock.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

static ch_error err;
static play_token token;
static const ch_link_owner nobody; /* no test here has jobs */
static ch_person person = {
    .name = "alice", .roles = CH_ROLE_ADMIN, .seed = {"pkcs11:object=seed", "hmac-sha1", 6}
};
static const ch_policy policy = {.people = &person, .person_count = 1};
static const ch_print_name object = {"main", "pkcs11:object=seed", "hmac-sha1"};
static const uint8_t print_bytes[CH_PRINT_SIZE] = {7};
static const ch_slice print = {print_bytes, sizeof print_bytes};
static ch_store *store;
static ch_people *people;
static ch_writer *writer;
static ch_links links;
static ch_codes *codes;
static int answers;
static ch_error outcome;

static void on_answer(void *context, const ch_error *answer)
{
    (void)context;
    answers++;
    outcome = *answer;
}

static void on_kept(void *context, const ch_error *kept)
{
    (void)context;
    ck_assert_int_eq(kept->status, CH_OK);
}

/* What was submitted is on the disk, and core hears of it. */
static void let_disk_answer(void)
{
    struct pollfd ready = {.fd = ch_writer_fd(writer), .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 20000), 1);
    ch_writer_collect(writer);
    stage_settle();
}

/* Core lets time pass until it has answered so often. */
static void await_answers(int count)
{
    for (int i = 0; answers < count; i++) {
        ck_assert_int_lt(i, 2000);
        usleep(10000);
        stage_settle();
    }
    ck_assert_int_eq(answers, count);
}

static void begin(void)
{
    play_configure(&token);
    ch_loop *loop = stage_set_up();
    play_begin(&token, loop, &nobody);
    play_unlock(&token);
    ck_assert_msg(ch_store_open(ch_test_folder(), &store, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_people_open(store, &people, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_writer_start(store, &writer, &err) == CH_OK, "%s", err.message);
    ch_people_start(people, writer);
    links.links[0] = token.link;
    links.count = 1;
    const ch_codes_context context = {.loop = loop, .policy = &policy, .links = &links, .people = people};
    codes = ch_codes_new(&context);
    ch_person_pin(ch_people_of(people, "alice"), &object, print, 100, (ch_person_waiter){.answer = on_kept});
    let_disk_answer();
    ck_assert(ch_codes_is_enrolled(codes, &person));
}

static void ask(void)
{
    ch_secret typed = CH_SECRET_INIT;
    const ch_codes_waiter waiter = {.answer = on_answer};
    ck_assert_int_eq(ch_secret_alloc(&typed, 6, &err), CH_OK);
    memcpy(typed.data, "424242", 6);
    ch_codes_verify(codes, &person, &typed, &waiter);
    ck_assert_ptr_null(typed.data);
    stage_settle();
}

static void say(const ch_error *said, uint64_t step)
{
    int fd = -1;
    const ch_code_done_frame done = {.outcome = *said, .step = step, .print = print};
    stage_hear_with(&token.actor, CH_FRAME_CODE, &fd);
    close(fd);
    ck_assert_int_eq(ch_code_done_frame_put(ch_channel_out(&token.actor.channel), 0, &done, &err), CH_OK);
    stage_send(&token.actor);
}

static const ch_error success = CH_ERROR_INIT;
static const ch_error wrong = {CH_REFUSED, CH_RULE_CODE, "the code is wrong"};

START_TEST(test_a_try_is_written_before_it_is_made_and_a_step_before_it_counts)
{
    begin();
    ask();
    ck_assert(stage_is_silent(&token.actor)); /* the try is not on the disk yet */
    let_disk_answer();
    say(&success, 120);
    ck_assert_int_eq(answers, 0); /* the step is not either */
    let_disk_answer();
    ck_assert_int_eq(answers, 1);
    ck_assert_int_eq(outcome.status, CH_OK);
    ck_assert_uint_eq(ch_person_lowest_step(ch_people_of(people, "alice")), 121);
    ck_assert_uint_eq(ch_person_waits_s(ch_people_of(people, "alice"), 0), 0);
}
END_TEST

START_TEST(test_who_was_refused_waits_and_one_at_a_time)
{
    ch_moment now;
    begin();
    ask();
    ask();
    ck_assert_int_eq(answers, 1);
    ck_assert_msg(outcome.status == CH_TOO_OFTEN || outcome.status == CH_BUSY, "%s", outcome.message);
    let_disk_answer();
    say(&wrong, 0);
    ck_assert_int_eq(answers, 1); /* a refusal takes its time */
    await_answers(2);
    ck_assert_int_eq(outcome.status, CH_REFUSED);
    ck_assert(ch_moment_now(&now));
    ck_assert_uint_gt(ch_person_waits_s(ch_people_of(people, "alice"), now.wall_ns - 1000000000), 0);
}
END_TEST

START_TEST(test_a_disk_that_does_not_answer_is_said_and_nothing_is_tried)
{
    begin();
    ask();
    await_answers(1);
    ck_assert_int_eq(outcome.status, CH_IO);
    ck_assert(stage_is_silent(&token.actor));
    let_disk_answer(); /* too late */
    ck_assert(stage_is_silent(&token.actor));
    ck_assert_int_eq(answers, 1);
    ck_assert_uint_eq(ch_person_waits_s(ch_people_of(people, "alice"), 0), 0); /* it was taken back */
    let_disk_answer();
    ask();
    let_disk_answer();
    say(&success, 120);
    let_disk_answer();
    ck_assert_int_eq(answers, 2);
    ck_assert_int_eq(outcome.status, CH_OK);
}
END_TEST

START_TEST(test_who_has_left_is_not_answered_and_the_code_is_used_all_the_same)
{
    begin();
    ask();
    ch_codes_forget(codes, NULL);
    let_disk_answer();
    say(&success, 120);
    let_disk_answer();
    ck_assert_int_eq(answers, 0);
    ck_assert_uint_eq(ch_person_lowest_step(ch_people_of(people, "alice")), 121);
}
END_TEST

START_TEST(test_the_end_of_the_process_is_no_failure_of_the_persons)
{
    begin();
    ask();
    let_disk_answer();
    play_restart(&token);
    ck_assert_int_eq(answers, 1);
    ck_assert_int_eq(outcome.status, CH_UNAVAILABLE);
    ck_assert_uint_eq(ch_person_waits_s(ch_people_of(people, "alice"), 0), 0);
}
END_TEST

static void tear_down(void)
{
    ch_writer_stop(writer);
    ch_codes_free(codes);
    ch_people_close(people);
    ch_store_close(store);
}

CH_TESTS_WITH("codes", NULL, tear_down, CH_TEST(test_a_try_is_written_before_it_is_made_and_a_step_before_it_counts),
              CH_TEST(test_who_was_refused_waits_and_one_at_a_time),
              CH_TEST(test_a_disk_that_does_not_answer_is_said_and_nothing_is_tried),
              CH_TEST(test_who_has_left_is_not_answered_and_the_code_is_used_all_the_same),
              CH_TEST(test_the_end_of_the_process_is_no_failure_of_the_persons))
