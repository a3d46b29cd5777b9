#include "base/buffer.h"
#include "state/nonces.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS 1000000ULL
#define NOW (1764000000123ULL * MS)

static char folder[] = "/tmp/chancery-nonce-XXXXXX";
static ch_error err;

static void set_up(void)
{
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
    static const char *const files[] = {"lock", "state.db", "state.db-wal", "state.db-shm"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ch_autobuffer path = CH_BUFFER_INIT;
        ch_buffer_add_format(&path, "%s/%s", folder, files[i]);
        (void)unlink(ch_buffer_text(&path));
    }
    (void)rmdir(folder);
}

static ch_nonces *open_nonces(void)
{
    ch_nonces *nonces = NULL;
    ck_assert_msg(ch_nonces_open(folder, &nonces, &err) == CH_OK, "%s", err.message);
    return nonces;
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
    ch_nonces_close(nonces);
}
END_TEST

START_TEST(test_a_clock_that_steps_back_does_not_take_nonces_back)
{
    ch_nonces *nonces = open_nonces();
    uint64_t first = next(nonces, "a", NOW);
    ck_assert_uint_eq(next(nonces, "a", NOW - 3600000 * MS), first + 1);
    ch_nonces_close(nonces);
}
END_TEST

START_TEST(test_nonces_go_on_after_a_clean_restart)
{
    ch_nonces *nonces = open_nonces();
    uint64_t last = next(nonces, "a", NOW);
    ch_nonces_close(nonces);
    nonces = open_nonces();
    ck_assert_uint_eq(next(nonces, "a", NOW), last + 1);
    ch_nonces_close(nonces);
}
END_TEST

/* The child draws nonces and is killed without a chance to write anything down. */
START_TEST(test_no_nonce_comes_twice_after_a_kill)
{
    int ends[2];
    uint64_t last = 0;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        ch_nonces *nonces = open_nonces();
        for (int i = 0; i < 50; i++)
            last = next(nonces, "a", NOW);
        ssize_t written = write(ends[1], &last, sizeof last);
        (void)written;
        (void)kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq((int)read(ends[0], &last, sizeof last), (int)sizeof last);
    (void)waitpid(pid, NULL, 0);
    ch_nonces *nonces = open_nonces();
    ck_assert_uint_gt(next(nonces, "a", NOW), last);
    ch_nonces_close(nonces);
    (void)close(ends[0]);
    (void)close(ends[1]);
}
END_TEST

START_TEST(test_a_second_agent_on_the_same_state_is_refused)
{
    ch_nonces *second = NULL;
    ch_nonces *first = open_nonces();
    ck_assert_int_eq(ch_nonces_open(folder, &second, &err), CH_CONFLICT);
    ch_nonces_close(first);
    second = open_nonces();
    ch_nonces_close(second);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nonce");
    TCase *cases = tcase_create("nonce");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, test_a_nonce_is_the_clock_and_goes_up_when_the_clock_stands);
    tcase_add_test(cases, test_a_clock_that_steps_back_does_not_take_nonces_back);
    tcase_add_test(cases, test_nonces_go_on_after_a_clean_restart);
    tcase_add_test(cases, test_no_nonce_comes_twice_after_a_kill);
    tcase_add_test(cases, test_a_second_agent_on_the_same_state_is_refused);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
