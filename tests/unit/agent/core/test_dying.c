/* The processes are the test's own children, which do not end by themselves. */
#include "agent/core/dying.h"

#include "agent/spawn.h"
#include "base/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/stage.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLENTY_MS 60000

static ch_loop *loop;
static ch_dying *dying;

static void begin(void)
{
    loop = stage_set_up();
    dying = ch_dying_new(loop);
}

static pid_t start(void)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* so that none outlives a test that fails */
    while (pid == 0)
        pause();
    return pid;
}

static pid_t add(void)
{
    pid_t pid = start();
    ch_dying_add(dying, pid);
    return pid;
}

/* Waits until it is dead, and leaves it a zombie. */
static void kill_it(pid_t pid)
{
    siginfo_t facts;
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitid(P_PID, (id_t)pid, &facts, WEXITED | WNOWAIT), 0);
}

static bool is_alive(pid_t pid)
{
    siginfo_t facts = {0};
    return waitid(P_PID, (id_t)pid, &facts, WEXITED | WNOWAIT | WNOHANG) == 0 && facts.si_pid == 0;
}

/* Nothing in the loop says so. */
static void turn_until_dead(pid_t pid)
{
    while (is_alive(pid)) {
        stage_settle();
        usleep(1000);
    }
}

/* It is dead, or about to be, and reaped in the end. */
static void check_killed(pid_t pid)
{
    int wait_status = 0;
    pid_t reaped = waitpid(pid, &wait_status, 0);
    ck_assert(reaped < 0 || (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL));
}

static void end(pid_t pid)
{
    kill_it(pid);
    ck_assert_int_eq(ch_spawn_reap(&(int){0}), pid);
}

START_TEST(test_a_process_has_time_to_end)
{
    begin();
    pid_t pid = add();
    stage_settle();
    ck_assert(is_alive(pid));
    end(pid);
    ck_assert(ch_dying_died(dying, pid));
    ck_assert(!ch_dying_died(dying, pid));
    ch_dying_free(dying);
}
END_TEST

START_TEST(test_one_that_lives_on_is_killed)
{
    begin();
    uint64_t began_ms = ch_clock_ms();
    pid_t pid = add();
    stage_record_log();
    turn_until_dead(pid);
    const char *log = stage_logged();
    char line[80];
    snprintf(line, sizeof line, "process %d did not end by itself; it is killed\n", (int)pid);
    ck_assert_msg(strstr(log, line) != NULL, "%s", log);
    ck_assert_uint_ge(ch_clock_ms() - began_ms, CH_DYING_MS);
    ck_assert(!ch_dying_died(dying, pid));
    check_killed(pid);
    ch_dying_free(dying);
}
END_TEST

/* Its id may be another's then. */
START_TEST(test_one_that_was_reaped_is_never_killed)
{
    begin();
    pid_t other = start();
    ch_dying_add(dying, other);
    ck_assert(ch_dying_died(dying, other));
    pid_t last = add();
    turn_until_dead(last);
    ck_assert(is_alive(other));
    check_killed(last);
    ch_dying_free(dying);
    ck_assert(is_alive(other));
    end(other);
}
END_TEST

START_TEST(test_another_process_is_none_of_these)
{
    begin();
    pid_t pid = add();
    ck_assert(!ch_dying_died(dying, getpid()));
    ck_assert(!ch_dying_died(dying, pid + 1));
    ck_assert(!ch_dying_died(dying, 0));
    ch_dying_free(dying);
    check_killed(pid);
}
END_TEST

START_TEST(test_with_too_many_the_oldest_is_killed)
{
    pid_t pids[CH_DYING_MAX + 1];
    begin();
    for (size_t i = 0; i < CH_DYING_MAX; i++)
        pids[i] = add();
    ck_assert(is_alive(pids[0]));
    pids[CH_DYING_MAX] = add();
    ck_assert(!ch_dying_died(dying, pids[0]));
    check_killed(pids[0]);
    for (size_t i = 1; i <= CH_DYING_MAX; i++)
        ck_assert(is_alive(pids[i]));
    ch_dying_free(dying);
    for (size_t i = 1; i <= CH_DYING_MAX; i++)
        check_killed(pids[i]);
}
END_TEST

START_TEST(test_the_end_of_all_is_awaited)
{
    begin();
    ch_dying_await(dying, PLENTY_MS);
    pid_t pids[] = {add(), add(), start()};
    for (size_t i = 0; i < CH_ROWS(pids); i++)
        kill_it(pids[i]);
    uint64_t began_ms = ch_clock_ms();
    ch_dying_await(dying, PLENTY_MS);
    ck_assert_uint_lt(ch_clock_ms() - began_ms, PLENTY_MS);
    ck_assert(!ch_dying_died(dying, pids[0]));
    ck_assert(!ch_dying_died(dying, pids[1]));
    ch_dying_free(dying);
}
END_TEST

START_TEST(test_what_does_not_end_is_not_awaited_for_long)
{
    begin();
    pid_t pid = add();
    ch_dying_await(dying, 20);
    ck_assert(is_alive(pid));
    ch_dying_free(dying);
    check_killed(pid);
    ch_dying_free(NULL);
}
END_TEST

CH_TESTS("dying", CH_TEST(test_a_process_has_time_to_end), CH_TEST(test_one_that_lives_on_is_killed),
         CH_TEST(test_one_that_was_reaped_is_never_killed), CH_TEST(test_another_process_is_none_of_these),
         CH_TEST(test_with_too_many_the_oldest_is_killed), CH_TEST(test_the_end_of_all_is_awaited),
         CH_TEST(test_what_does_not_end_is_not_awaited_for_long))
