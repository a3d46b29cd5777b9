/* The moments are given: seconds after the build, and seconds since the boot. */
#include "agent/core/clockwatch.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <poll.h>
#include <string.h>

#define S 1000000000LL
#define DAY (86400 * S)
#define BOOT_ID "a48ff1d3-7114-4988-a42c-37702017420b"

static ch_error err;

static ch_moment at(int64_t after_build_ns, int64_t boot_ns)
{
    return (ch_moment){.wall_ns = ch_clockwatch_built_ns() + (uint64_t)after_build_ns,
                       .boot_ns = 100 * (uint64_t)DAY + (uint64_t)boot_ns};
}

static ch_clockwatch *watch_after(int64_t seen_ns)
{
    const ch_seen_time seen = {.newest_ns = seen_ns == 0 ? 0 : ch_clockwatch_built_ns() + (uint64_t)seen_ns};
    return ch_clockwatch_new(&seen, BOOT_ID);
}

static ch_status judge(ch_clockwatch *watch, ch_moment now)
{
    return ch_clockwatch_judge(watch, &now, &err);
}

/* ---- at start ---- */

/* clang-format off */
static const struct {
    const char *name;
    int64_t seen_ns; /* 0: none */
    int64_t now_ns;
    const char *doubt; /* NULL: trusted */
} starts[] = {
    /* name                              seen        now               doubt */
    { "the first start",                 0,          30 * DAY,         NULL },
    { "the day of the build",            0,          0,                NULL },
    { "before the build",                0,          -S,               "is before" },
    { "long before the build",           0,          -10000 * DAY,     "when this program was built" },
    { "years after, nothing seen",       0,          1800 * DAY,       NULL },
    { "decades after, nothing seen",     0,          7300 * DAY,       "more than five years after" },
    { "the same moment",                 30 * DAY,   30 * DAY,         NULL },
    { "a clock that lost some seconds",  30 * DAY,   30 * DAY - 9 * S, NULL },
    { "a minute back",                   30 * DAY,   30 * DAY - 60 * S, "which the agent has seen already" },
    { "years back",                      3000 * DAY, 30 * DAY,         "which the agent has seen already" },
    { "off for months",                  30 * DAY,   300 * DAY,        NULL },
    { "off for a year and a half",       30 * DAY,   580 * DAY,        "more than a year after" },
    { "ten years ahead",                 30 * DAY,   3680 * DAY,       "more than a year after" },
};
/* clang-format on */

START_TEST(test_what_is_plausible_at_start)
{
    ch_clockwatch *watch = watch_after(starts[_i].seen_ns);
    ch_status st = judge(watch, at(starts[_i].now_ns, 0));
    ck_assert_msg((st == CH_OK) == (starts[_i].doubt == NULL), "%s: %s", starts[_i].name, err.message);
    if (st != CH_OK) {
        ck_assert_int_eq(st, CH_UNAVAILABLE);
        ck_assert_str_eq(err.rule, "clock");
        ck_assert_msg(strstr(err.message, starts[_i].doubt) != NULL, "%s", err.message);
        ck_assert_ptr_nonnull(strstr(err.message, "chancery clock confirm"));
    }
    ch_clockwatch_free(watch);
}
END_TEST

START_TEST(test_a_clock_that_is_set_right_after_the_start_is_trusted_by_itself)
{
    ch_clockwatch *watch = watch_after(30 * DAY);
    ck_assert_int_eq(judge(watch, at(-20000 * DAY, 0)), CH_UNAVAILABLE);
    ck_assert_int_eq(judge(watch, at(31 * DAY, S)), CH_OK);
    ck_assert_int_eq(judge(watch, at(32 * DAY, 2 * S)), CH_UNAVAILABLE);
    ch_clockwatch_free(watch);
}
END_TEST

START_TEST(test_a_time_that_is_no_time_is_refused)
{
    ch_clockwatch *watch = watch_after(0);
    ck_assert_int_eq(ch_clockwatch_judge(watch, NULL, &err), CH_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "before 1970 or after 2199"));
    ch_clockwatch_free(watch);
}
END_TEST

/* ---- jumps ---- */

/* clang-format off */
static const struct {
    int64_t jump_ns;
    const char *doubt;
} jumps[] = {
    /* jump           doubt */
    { 0,              NULL },
    { 1900000000,     NULL },
    { -1900000000,    NULL },
    { 2100000000,     "was set ahead by 2.1 s" },
    { -2100000000,    "was set back by 2.1 s" },
    { 600 * S,        "was set ahead by 600.0 s" },
    { 3650 * DAY,     "was set ahead by 315360000.0 s" },
    { -10 * DAY,      "was set back by 864000.0 s" },
};
/* clang-format on */

START_TEST(test_a_jump_is_doubted_until_it_is_undone)
{
    ch_clockwatch *watch = watch_after(0);
    ck_assert_int_eq(judge(watch, at(30 * DAY, 0)), CH_OK);
    ch_status st = judge(watch, at(30 * DAY + S + jumps[_i].jump_ns, S));
    ck_assert_int_eq(st, jumps[_i].doubt == NULL ? CH_OK : CH_UNAVAILABLE);
    if (st != CH_OK) {
        ck_assert_msg(strstr(err.message, jumps[_i].doubt) != NULL, "%s", err.message);
        ck_assert_int_eq(judge(watch, at(30 * DAY + 60 * S + jumps[_i].jump_ns, 60 * S)), CH_UNAVAILABLE);
    }
    ck_assert_int_eq(judge(watch, at(30 * DAY + 61 * S, 61 * S)), CH_OK);
    ch_clockwatch_free(watch);
}
END_TEST

/* A time service that corrects a little every minute, in one direction. */
START_TEST(test_small_steps_are_followed)
{
    ch_clockwatch *watch = watch_after(0);
    int64_t error_ns = 0;
    for (int64_t t = 0; t < 2 * DAY; t += 60 * S) {
        error_ns += 50000000;
        ck_assert_msg(judge(watch, at(30 * DAY + t + error_ns, t)) == CH_OK, "%s", err.message);
    }
    ch_clockwatch_free(watch);
}
END_TEST

START_TEST(test_small_steps_in_a_short_time_add_up)
{
    ch_clockwatch *watch = watch_after(0);
    ck_assert_int_eq(judge(watch, at(30 * DAY, 0)), CH_OK);
    ck_assert_int_eq(judge(watch, at(30 * DAY + 2500000000, S)), CH_OK);
    ck_assert_int_eq(judge(watch, at(30 * DAY + 5 * S, 2 * S)), CH_UNAVAILABLE);
    ch_clockwatch_free(watch);
}
END_TEST

/* ---- what is kept ---- */

static ch_store *store;
static ch_writer *writer;
static ch_loop *loop;

static ch_clockwatch *start(const ch_seen_time *seen, const char *boot_id)
{
    ck_assert_msg(ch_store_open(ch_test_folder(), &store, &err) == CH_OK, "%s", err.message);
    ck_assert_int_eq(ch_writer_start(store, &writer, &err), CH_OK);
    ck_assert_int_eq(ch_loop_new(&loop, &err), CH_OK);
    ch_clockwatch *watch = ch_clockwatch_new(seen, boot_id);
    ch_clockwatch_start(watch, loop, writer);
    return watch;
}

/* Without a last word of the watch's, as after a crash; returns what was kept. */
static ch_seen_time end(ch_clockwatch *watch)
{
    ch_seen_time seen;
    ch_writer_stop(writer);
    ch_clockwatch_free(watch);
    ck_assert_int_eq(ch_seen_time_load(store, &seen, &err), CH_OK);
    ch_store_close(store);
    ch_loop_free(loop);
    return seen;
}

static void collect(void)
{
    struct pollfd ready = {.fd = ch_writer_fd(writer), .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 20000), 1);
    ch_writer_collect(writer);
}

static int answered;
static ch_error outcome;

static void on_answer(void *context, const ch_error *why)
{
    ck_assert_ptr_eq(context, &answered);
    answered++;
    outcome = *why;
}

static void wait_for_answer(void)
{
    while (answered == 0)
        collect();
}

/* The next look of the clock in this test: the real one, moved. */
static ch_moment moved(int64_t by_ns)
{
    ch_moment now;
    ck_assert(ch_moment_now(&now));
    now.wall_ns += (uint64_t)by_ns;
    return now;
}

START_TEST(test_a_jump_is_remembered_across_restarts_until_the_machine_is_started_again)
{
    const ch_seen_time none = {0};
    ch_clockwatch *watch = start(&none, BOOT_ID);
    ck_assert_int_eq(judge(watch, moved(600 * S)), CH_UNAVAILABLE);
    collect(); /* the first look is kept; then the jump */
    collect();
    ch_seen_time seen = end(watch);
    ck_assert_str_eq(seen.boot_id, BOOT_ID);
    watch = ch_clockwatch_new(&seen, BOOT_ID);
    ck_assert_int_eq(judge(watch, moved(600 * S)), CH_UNAVAILABLE);
    ck_assert_int_eq(judge(watch, moved(0)), CH_OK);
    ch_clockwatch_free(watch);
    watch = ch_clockwatch_new(&seen, "4f7d1dfc-3bd4-4b8e-9b02-5f4d1f0f5d6a");
    ck_assert_int_eq(judge(watch, moved(600 * S)), CH_OK);
    ch_clockwatch_free(watch);
}
END_TEST

START_TEST(test_the_time_is_kept_at_the_first_look)
{
    const ch_seen_time none = {0};
    ch_moment before = moved(0);
    ch_seen_time seen = end(start(&none, BOOT_ID));
    ck_assert_uint_ge(seen.newest_ns, before.wall_ns);
    ck_assert_str_eq(seen.boot_id, BOOT_ID);
}
END_TEST

/* The agent was stopped meanwhile. */
START_TEST(test_a_jump_while_nobody_looked_is_one)
{
    const ch_seen_time none = {0};
    ch_seen_time seen = end(start(&none, BOOT_ID));
    ch_clockwatch *watch = ch_clockwatch_new(&seen, BOOT_ID);
    ck_assert_int_eq(judge(watch, moved(30 * DAY)), CH_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "was set ahead by"));
    ck_assert_int_eq(judge(watch, moved(0)), CH_OK);
    ch_clockwatch_free(watch);
    watch = ch_clockwatch_new(&seen, "4f7d1dfc-3bd4-4b8e-9b02-5f4d1f0f5d6a");
    ck_assert_int_eq(judge(watch, moved(30 * DAY)), CH_OK);
    ch_clockwatch_free(watch);
}
END_TEST

START_TEST(test_a_confirmed_time_is_trusted_and_kept)
{
    const ch_seen_time none = {0};
    ch_clockwatch *watch = start(&none, BOOT_ID);
    ch_moment early = moved(-3 * DAY);
    ck_assert_int_eq(judge(watch, early), CH_UNAVAILABLE);
    ck_assert_int_eq(ch_clockwatch_confirm(watch, &early, &answered, on_answer, &err), CH_OK);
    ck_assert_int_eq(ch_clockwatch_confirm(watch, &early, &answered, on_answer, &err), CH_BUSY);
    wait_for_answer();
    ck_assert_int_eq(outcome.status, CH_OK);
    ck_assert_int_eq(judge(watch, moved(-3 * DAY)), CH_OK);
    ck_assert_int_eq(judge(watch, moved(0)), CH_UNAVAILABLE);
    ch_seen_time seen = end(watch);
    ck_assert_uint_eq(seen.newest_ns, early.wall_ns);
}
END_TEST

START_TEST(test_a_time_that_is_no_time_cannot_be_confirmed)
{
    const ch_seen_time none = {0};
    ch_clockwatch *watch = start(&none, BOOT_ID);
    ck_assert_int_eq(ch_clockwatch_confirm(watch, NULL, &answered, on_answer, &err), CH_CONFLICT);
    end(watch);
    ck_assert_int_eq(answered, 0);
}
END_TEST

/* A transaction that somebody has begun stands for a disk that is full. */
START_TEST(test_a_confirmation_that_cannot_be_written_changes_nothing)
{
    const ch_seen_time none = {0};
    ch_clockwatch *watch = start(&none, BOOT_ID);
    ch_moment early = moved(-3 * DAY);
    ck_assert_int_eq(judge(watch, early), CH_UNAVAILABLE);
    collect(); /* the first look is kept; then the jump */
    collect();
    ck_assert_int_eq(ch_store_begin(store, &err), CH_OK);
    ck_assert_int_eq(ch_clockwatch_confirm(watch, &early, &answered, on_answer, &err), CH_OK);
    ck_assert_int_eq(judge(watch, moved(-3 * DAY)), CH_UNAVAILABLE);
    wait_for_answer();
    ck_assert_int_eq(outcome.status, CH_IO);
    ck_assert_int_eq(judge(watch, moved(-3 * DAY)), CH_UNAVAILABLE);
    ck_assert_int_eq(judge(watch, moved(0)), CH_OK);
    ch_store_rollback(store);
    ch_seen_time seen = end(watch);
    ck_assert_uint_gt(seen.newest_ns, early.wall_ns);
}
END_TEST

START_TEST(test_the_boot_id_is_the_kernels)
{
    char id[CH_BOOT_ID_SIZE];
    ch_clockwatch_read_boot_id(id);
    ck_assert_uint_eq(strlen(id), 36);
    ck_assert_ptr_null(strchr(id, '\n'));
}
END_TEST

CH_TESTS("clockwatch", CH_TEST_ROWS(test_what_is_plausible_at_start, starts),
         CH_TEST(test_a_clock_that_is_set_right_after_the_start_is_trusted_by_itself),
         CH_TEST(test_a_time_that_is_no_time_is_refused),
         CH_TEST_ROWS(test_a_jump_is_doubted_until_it_is_undone, jumps), CH_TEST(test_small_steps_are_followed),
         CH_TEST(test_small_steps_in_a_short_time_add_up),
         CH_TEST(test_a_jump_is_remembered_across_restarts_until_the_machine_is_started_again),
         CH_TEST(test_the_time_is_kept_at_the_first_look), CH_TEST(test_a_confirmed_time_is_trusted_and_kept),
         CH_TEST(test_a_time_that_is_no_time_cannot_be_confirmed),
         CH_TEST(test_a_confirmation_that_cannot_be_written_changes_nothing),
         CH_TEST(test_a_jump_while_nobody_looked_is_one), CH_TEST(test_the_boot_id_is_the_kernels))
