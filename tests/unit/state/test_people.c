/* What is kept of people survives, and counts before it is used. */
#include "state/people.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <poll.h>
#include <string.h>

#define NOW_NS 1800000000000000000ULL
#define S 1000000000ULL

static ch_store *store;
static ch_people *people;
static ch_writer *writer;
static ch_kept_person *alice;
static ch_error err;
static int answers;
static ch_error outcome;

static const ch_print_name object = {"main", "pkcs11:object=alice-totp", "hmac-sha1"};
static const uint8_t print_bytes[CH_PRINT_SIZE] = {1, 2, 3};
static const ch_slice print = {print_bytes, sizeof print_bytes};

static void on_answer(void *context, const ch_error *answer)
{
    (void)context;
    answers++;
    outcome = *answer;
}

static const ch_person_waiter waiter = {.answer = on_answer};

static void load(void)
{
    ck_assert_msg(ch_store_open(ch_test_folder(), &store, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_people_open(store, &people, &err) == CH_OK, "%s", err.message);
    alice = ch_people_of(people, "alice");
    writer = NULL;
}

static void begin(void)
{
    load();
    ck_assert_msg(ch_writer_start(store, &writer, &err) == CH_OK, "%s", err.message);
    ch_people_start(people, writer);
}

static void end(void)
{
    ch_writer_stop(writer);
    ch_people_close(people);
    ch_store_close(store);
}

/* The disk is waited for: nobody is answered before. */
static void await(int before)
{
    ck_assert_int_eq(answers, before);
    while (answers == before) {
        struct pollfd ready = {.fd = ch_writer_fd(writer), .events = POLLIN};
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        ch_writer_collect(writer);
    }
    ck_assert_msg(outcome.status == CH_OK, "%s", outcome.message);
}

static void fail_once(const char *token, uint64_t now_ns)
{
    int before = answers;
    ch_person_begin(alice, token, now_ns, waiter);
    await(before);
}

static void restart(void)
{
    end();
    begin();
}

START_TEST(test_a_seed_is_pinned_for_one_object_and_survives)
{
    const ch_print_name others[] = {
        {"other", object.object,           object.mechanism},
        {"main",  "pkcs11:object=another", object.mechanism},
        {"main",  object.object,           "hmac-sha256"   },
    };
    begin();
    ck_assert_uint_eq(ch_person_seed(alice, &object).size, 0);
    ch_person_pin(alice, &object, print, 1000, waiter);
    await(answers);
    for (int i = 0; i < 2; i++) {
        ck_assert(ch_slice_equal(ch_person_seed(alice, &object), print));
        for (size_t k = 0; k < CH_ROWS(others); k++)
            ck_assert_uint_eq(ch_person_seed(alice, &others[k]).size, 0);
        ck_assert_uint_eq(ch_person_lowest_step(alice), 1001);
        ck_assert_uint_eq(ch_person_seed(ch_people_of(people, "bob"), &object).size, 0);
        restart();
    }
    ch_person_unpin(alice, waiter);
    await(answers);
    restart();
    ck_assert_uint_eq(ch_person_seed(alice, &object).size, 0);
    end();
}
END_TEST

START_TEST(test_waits_double_up_to_a_quarter_of_an_hour_and_survive)
{
    static const uint64_t waits_s[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900};
    begin();
    for (size_t i = 0; i < CH_ROWS(waits_s); i++) {
        ck_assert_uint_eq(ch_person_waits_s(alice, NOW_NS + i * 1000 * S), 0);
        fail_once(NULL, NOW_NS + i * 1000 * S);
        restart();
        ck_assert_uint_eq(ch_person_waits_s(alice, NOW_NS + i * 1000 * S), waits_s[i]);
        ck_assert_uint_eq(ch_person_waits_s(alice, NOW_NS + (i * 1000 + waits_s[i] - 1) * S), 1);
        ck_assert_uint_eq(ch_person_waits_s(alice, NOW_NS + (i * 1000 + waits_s[i]) * S), 0);
        ck_assert_uint_eq(ch_person_waits_s(ch_people_of(people, "bob"), NOW_NS), 0);
    }
    ck_assert_uint_eq(ch_person_waits_s(alice, 0), CH_WAIT_MAX_S); /* the clock was set back */
    end();
}
END_TEST

START_TEST(test_a_success_ends_the_wait_and_uses_the_step)
{
    begin();
    fail_once("main", NOW_NS);
    fail_once("main", NOW_NS);
    ch_person_pass(alice, "main", 2000, waiter);
    await(answers);
    restart();
    ck_assert_uint_eq(ch_person_waits_s(alice, NOW_NS), 0);
    ck_assert_uint_eq(ch_person_tries(alice, "main"), 0);
    ck_assert_uint_eq(ch_person_lowest_step(alice), 2001);
    ch_person_pass(alice, NULL, 1500, waiter); /* never back */
    await(answers);
    ck_assert_uint_eq(ch_person_lowest_step(alice), 2001);
    end();
}
END_TEST

START_TEST(test_tries_are_counted_for_each_token_and_anybodys_success_ends_them)
{
    begin();
    ch_kept_person *bob = ch_people_of(people, "bob");
    fail_once("main", NOW_NS);
    fail_once("other", NOW_NS);
    ck_assert_uint_eq(ch_person_tries(alice, "main"), 1);
    ck_assert_uint_eq(ch_person_tries(alice, "other"), 1);
    ck_assert_uint_eq(ch_person_tries(bob, "main"), 0);
    ch_person_pass(bob, "main", 1, waiter);
    await(answers);
    restart();
    ck_assert_uint_eq(ch_person_tries(alice, "main"), 0);
    ck_assert_uint_eq(ch_person_tries(alice, "other"), 1);
    ck_assert_uint_gt(ch_person_waits_s(alice, NOW_NS), 0); /* that is her own */
    end();
}
END_TEST

START_TEST(test_a_try_that_was_not_made_counts_for_nothing)
{
    begin();
    fail_once("main", NOW_NS);
    fail_once("main", NOW_NS + 10 * S);
    ch_person_take_back(alice, "main");
    restart();
    ck_assert_uint_eq(ch_person_tries(alice, "main"), 1);
    ck_assert_uint_eq(ch_person_waits_s(alice, NOW_NS), 1);
    end();
}
END_TEST

START_TEST(test_a_try_is_on_disk_before_it_is_made)
{
    begin();
    fail_once("main", NOW_NS);
    end(); /* which writes nothing more */
    load();
    ck_assert_uint_eq(ch_person_tries(alice, "main"), 1);
    ck_assert_uint_eq(ch_person_waits_s(alice, NOW_NS), 1);
    end();
}
END_TEST

CH_TESTS_WITH("people", NULL, NULL, CH_TEST(test_a_seed_is_pinned_for_one_object_and_survives),
              CH_TEST(test_waits_double_up_to_a_quarter_of_an_hour_and_survive),
              CH_TEST(test_a_success_ends_the_wait_and_uses_the_step),
              CH_TEST(test_tries_are_counted_for_each_token_and_anybodys_success_ends_them),
              CH_TEST(test_a_try_that_was_not_made_counts_for_nothing),
              CH_TEST(test_a_try_is_on_disk_before_it_is_made))
