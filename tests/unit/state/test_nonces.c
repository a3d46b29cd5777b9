#include "state/nonces.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS 1000000ULL
#define NOW (1764000000123ULL * MS)

static ch_store *store;
static ch_error err;

static ch_nonces *open_nonces(void)
{
    ch_nonces *nonces = NULL;
    ck_assert_msg(ch_store_open(ch_test_folder(), &store, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_nonces_open(store, &nonces, &err) == CH_OK, "%s", err.message);
    return nonces;
}

static void close_nonces(ch_nonces *nonces)
{
    ch_nonces_close(nonces);
    ch_store_close(store);
}

static uint64_t next(ch_nonces *nonces, const char *name, uint64_t now_ns)
{
    uint64_t nonce = 0;
    size_t counter = ch_nonces_counter(nonces, name);
    ck_assert_msg(ch_nonces_next(nonces, counter, MS, now_ns, &nonce, &err) == CH_OK, "%s", err.message);
    return nonce;
}

START_TEST(test_a_nonce_is_the_clock_and_goes_up_when_the_clock_stands)
{
    ch_nonces *nonces = open_nonces();
    ck_assert_uint_eq(next(nonces, "a", NOW), 1764000000123ULL);
    ck_assert_uint_eq(next(nonces, "a", NOW), 1764000000124ULL);
    ck_assert_uint_eq(next(nonces, "b", NOW), 1764000000123ULL);
    ck_assert_uint_eq(next(nonces, "a", NOW + 500 * MS), 1764000000623ULL);
    close_nonces(nonces);
}
END_TEST

START_TEST(test_a_clock_that_steps_back_does_not_take_nonces_back)
{
    ch_nonces *nonces = open_nonces();
    uint64_t first = next(nonces, "a", NOW);
    ck_assert_uint_eq(next(nonces, "a", NOW - 3600000 * MS), first + 1);
    close_nonces(nonces);
}
END_TEST

START_TEST(test_nonces_go_on_after_a_clean_restart)
{
    ch_nonces *nonces = open_nonces();
    uint64_t last = next(nonces, "a", NOW);
    close_nonces(nonces);
    nonces = open_nonces();
    ck_assert_uint_eq(next(nonces, "a", NOW), last + 1);
    close_nonces(nonces);
}
END_TEST

/* The child draws nonces and is killed without a chance to write anything down. */
START_TEST(test_no_nonce_comes_twice_after_a_kill)
{
    int ends[2];
    uint64_t last = 0;
    ch_test_folder();
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        ch_nonces *nonces = open_nonces();
        for (int i = 0; i < 50; i++)
            last = next(nonces, "a", NOW);
        ch_ignore(write(ends[1], &last, sizeof last) == 0);
        kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq((int)read(ends[0], &last, sizeof last), (int)sizeof last);
    waitpid(pid, NULL, 0);
    ch_nonces *nonces = open_nonces();
    ck_assert_uint_gt(next(nonces, "a", NOW), last);
    close_nonces(nonces);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(test_a_key_that_comes_later_starts_with_the_clock)
{
    ch_nonces *nonces = open_nonces();
    next(nonces, "a", NOW);
    close_nonces(nonces);
    nonces = open_nonces();
    ck_assert_uint_eq(next(nonces, "b", NOW), 1764000000123ULL);
    close_nonces(nonces);
}
END_TEST

/* A unit that is longer than the stretch reserves one nonce at a time. */
START_TEST(test_a_nonce_in_seconds_is_reserved_too)
{
    ch_nonces *nonces = open_nonces();
    uint64_t nonce = 0;
    size_t counter = ch_nonces_counter(nonces, "a");
    for (uint64_t i = 0; i < 30; i++) {
        ck_assert_int_eq(ch_nonces_next(nonces, counter, 60000 * MS, NOW, &nonce, &err), CH_OK);
        ck_assert_uint_eq(nonce, 29400000 + i);
    }
    close_nonces(nonces);
}
END_TEST

START_TEST(test_nonces_that_are_used_up_are_refused)
{
    ch_nonces *nonces = open_nonces();
    uint64_t nonce = 0;
    size_t counter = ch_nonces_counter(nonces, "a");
    ck_assert_int_eq(ch_nonces_next(nonces, counter, 1, UINT64_MAX, &nonce, &err), CH_INTERNAL);
    ck_assert_str_eq(err.message, "the nonces of key 'a' are used up");
    close_nonces(nonces);
}
END_TEST

CH_TESTS("nonces", CH_TEST(test_a_nonce_is_the_clock_and_goes_up_when_the_clock_stands),
         CH_TEST(test_a_clock_that_steps_back_does_not_take_nonces_back),
         CH_TEST(test_nonces_go_on_after_a_clean_restart), CH_TEST(test_no_nonce_comes_twice_after_a_kill),
         CH_TEST(test_a_key_that_comes_later_starts_with_the_clock), CH_TEST(test_a_nonce_in_seconds_is_reserved_too),
         CH_TEST(test_nonces_that_are_used_up_are_refused))
