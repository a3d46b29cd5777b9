#include "state/tries.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <poll.h>

static ch_store *store;
static ch_tries *tries;
static ch_writer *writer;
static ch_token_tries *main_token;
static ch_error err;
static int answers;
static ch_error outcome;

static void on_answer(void *context, const ch_error *answer)
{
    (void)context;
    answers++;
    outcome = *answer;
}

static void load(void)
{
    ck_assert_msg(ch_store_open(ch_test_folder(), &store, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_tries_open(store, &tries, &err) == CH_OK, "%s", err.message);
    main_token = ch_tries_of(tries, "main");
}

static void begin(void)
{
    load();
    ck_assert_msg(ch_writer_start(store, &writer, &err) == CH_OK, "%s", err.message);
    ch_tries_start(tries, writer);
}

static void end(void)
{
    ch_writer_stop(writer);
    ch_tries_close(tries);
    ch_store_close(store);
    writer = NULL;
}

static void try_once(void)
{
    int before = answers;
    ch_tries_begin(main_token, (ch_try_waiter){.answer = on_answer});
    ck_assert_int_eq(answers, before); /* the disk is waited for */
    while (answers == before) {
        struct pollfd ready = {.fd = ch_writer_fd(writer), .events = POLLIN};
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        ch_writer_collect(writer);
    }
}

START_TEST(test_a_try_is_on_disk_before_it_is_made)
{
    begin();
    try_once();
    ck_assert_int_eq(outcome.status, CH_OK);
    ck_assert_uint_eq(ch_tries_count(main_token), 1);
    end();
    load();
    ck_assert_uint_eq(ch_tries_count(main_token), 1);
    ck_assert_uint_eq(ch_tries_count(ch_tries_of(tries, "other")), 0);
    end();
}
END_TEST

START_TEST(test_only_a_login_begins_the_count_anew)
{
    begin();
    try_once();
    try_once();
    ck_assert_uint_eq(ch_tries_count(main_token), 2);
    end();
    begin();
    try_once();
    ck_assert_uint_eq(ch_tries_count(main_token), 3);
    ch_tries_reset(main_token);
    ck_assert_uint_eq(ch_tries_count(main_token), 0);
    end();
    load();
    ck_assert_uint_eq(ch_tries_count(main_token), 0);
    end();
}
END_TEST

START_TEST(test_what_changes_while_the_disk_is_at_work_is_written_after_it)
{
    begin();
    ch_tries_begin(main_token, (ch_try_waiter){.answer = on_answer});
    ch_tries_add(main_token);
    ch_tries_take_back(main_token);
    ch_tries_add(main_token);
    while (answers == 0) {
        struct pollfd ready = {.fd = ch_writer_fd(writer), .events = POLLIN};
        ck_assert_int_eq(poll(&ready, 1, 5000), 1);
        ch_writer_collect(writer);
    }
    end();
    load();
    ck_assert_uint_eq(ch_tries_count(main_token), 2);
    end();
}
END_TEST

START_TEST(test_who_has_left_is_not_answered)
{
    begin();
    ch_tries_begin(main_token, (ch_try_waiter){.answer = on_answer});
    ch_tries_forget_waiter(main_token);
    end();
    ck_assert_int_eq(answers, 0);
    load();
    ck_assert_uint_eq(ch_tries_count(main_token), 1);
    end();
}
END_TEST

CH_TESTS("tries", CH_TEST(test_a_try_is_on_disk_before_it_is_made), CH_TEST(test_only_a_login_begins_the_count_anew),
         CH_TEST(test_what_changes_while_the_disk_is_at_work_is_written_after_it),
         CH_TEST(test_who_has_left_is_not_answered))
