/* A file that halts all trading when it appears. */
#include "agent/core/freeze_file.h"

#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ch_loop *loop;
static ch_freeze_file *file;
static ch_error err;
static char said[512];
static size_t count; /* of freezes */

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static void take(void *context, const char *why)
{
    (void)context;
    snprintf(said, sizeof said, "%s", why);
    count++;
}

static void set_up(void)
{
    ch_autofree char *folder = ch_test_path("halt");
    err = (ch_error)CH_ERROR_INIT;
    count = 0;
    MUST(ch_loop_new(&loop, &err));
    ck_assert_int_eq(mkdir(folder, 0755), 0);
}

static void tear_down(void)
{
    ch_freeze_file_free(file);
    file = NULL;
    ch_loop_free(loop);
}

static void watch(void)
{
    const ch_freeze_file_owner owner = {.freeze = take};
    ch_autofree char *path = ch_test_path("halt/now");
    MUST(ch_freeze_file_watch(loop, path, &owner, &file, &err));
}

static void make(const char *name)
{
    ch_autofree char *path = ch_test_path(name);
    FILE *made = fopen(path, "w");
    ck_assert_ptr_nonnull(made);
    fclose(made);
}

static void move(const char *from, const char *to)
{
    ch_autofree char *from_path = ch_test_path(from);
    ch_autofree char *to_path = ch_test_path(to);
    ck_assert_int_eq(rename(from_path, to_path), 0);
}

static void check(size_t freezes, bool is_there)
{
    ch_loop_turn(loop, 0);
    ck_assert_uint_eq(count, freezes);
    ck_assert(ch_freeze_file_is_there(file) == is_there);
}

START_TEST(test_a_file_that_appears_freezes_and_its_end_does_nothing)
{
    ch_autofree char *path = ch_test_path("halt/now");
    watch();
    make("halt/other");
    check(0, false);
    make("halt/now");
    check(1, true);
    ck_assert_ptr_nonnull(strstr(said, "halt/now appeared"));
    ck_assert_int_eq(unlink(path), 0);
    check(1, false);
    move("halt/other", "halt/now");
    check(2, true);
    move("halt/now", "halt/gone");
    check(2, false);
    ck_assert_int_eq(symlink("nowhere", path), 0); /* it is never looked into */
    check(3, true);
}
END_TEST

START_TEST(test_a_file_that_was_there_freezes_at_once)
{
    make("halt/now");
    watch();
    ck_assert_uint_eq(count, 1);
    ck_assert_ptr_nonnull(strstr(said, "was there when the agent started"));
    ck_assert(ch_freeze_file_is_there(file));
}
END_TEST

START_TEST(test_a_folder_that_is_moved_freezes)
{
    watch();
    move("halt", "elsewhere");
    check(1, false);
    ck_assert_ptr_nonnull(strstr(said, "is gone"));
}
END_TEST

START_TEST(test_a_folder_that_is_removed_freezes)
{
    ch_autofree char *path = ch_test_path("halt");
    watch();
    ck_assert_int_eq(rmdir(path), 0);
    ch_loop_turn(loop, 0);
    ck_assert_uint_ge(count, 1);
    ck_assert_ptr_nonnull(strstr(said, "is gone"));
}
END_TEST

START_TEST(test_what_cannot_be_watched_is_refused)
{
    ch_autofree char *missing = ch_test_path("none/now");
    ch_autofree char *path = ch_test_path("halt/now");
    ch_autofree char *folder = ch_test_path("halt");
    ck_assert_int_eq(ch_freeze_file_check(missing, &err), CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "must be a folder"));
    MUST(ch_freeze_file_check(path, &err));
    ck_assert_int_eq(chmod(folder, 0777), 0);
    ck_assert_int_eq(ch_freeze_file_check(path, &err), CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "everybody can make files"));
    ck_assert_int_eq(ch_freeze_file_check("/now", &err), CH_CONFIG);
    ck_assert_int_eq(ch_freeze_file_check("now", &err), CH_CONFIG);
    ck_assert_int_eq(ch_freeze_file_check("halt/..", &err), CH_CONFIG);
}
END_TEST

START_TEST(test_none_is_not_there)
{
    ck_assert(!ch_freeze_file_is_there(NULL));
    ch_freeze_file_free(NULL);
}
END_TEST

CH_TESTS_WITH("freeze_file", set_up, tear_down, CH_TEST(test_a_file_that_appears_freezes_and_its_end_does_nothing),
              CH_TEST(test_a_file_that_was_there_freezes_at_once), CH_TEST(test_a_folder_that_is_moved_freezes),
              CH_TEST(test_a_folder_that_is_removed_freezes), CH_TEST(test_what_cannot_be_watched_is_refused),
              CH_TEST(test_none_is_not_there))
