/* While the file that freezes was there, all could be thawed, if more had happened in its folder than could be watched;
 * and if the folder had been moved away with the file, nothing could be thawed, because of a file that was nowhere. */
#include "agent/core/freeze_file.h"

#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static ch_loop *loop;
static ch_freeze_file *file;
static ch_error err;
static size_t freezes;

static void take(void *context, const char *why)
{
    (void)context;
    (void)why;
    freezes++;
}

static void make(const char *name)
{
    ch_autofree char *path = ch_test_path(name);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void take_away(const char *name)
{
    ch_autofree char *path = ch_test_path(name);
    ck_assert_int_eq(unlink(path), 0);
}

static void begin(void)
{
    const ch_freeze_file_owner owner = {.freeze = take};
    ch_autofree char *folder = ch_test_path("halt");
    ch_autofree char *path = ch_test_path("halt/now");
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    ck_assert_int_eq(ch_loop_new(&loop, &err), CH_OK);
    ck_assert_msg(ch_freeze_file_watch(loop, path, &owner, &file, &err) == CH_OK, "%s", err.message);
}

static void end(void)
{
    ch_freeze_file_free(file);
    ch_loop_free(loop);
}

/* More events than the kernel keeps for one who does not read. */
static void flood(void)
{
    size_t most = 0;
    FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    ck_assert_ptr_nonnull(limit);
    ck_assert_int_eq(fscanf(limit, "%zu", &most), 1);
    fclose(limit);
    for (size_t i = 0; i <= most / 2; i++) {
        make("halt/other");
        take_away("halt/other");
    }
}

START_TEST(test_a_file_is_there_also_if_its_event_was_lost)
{
    begin();
    flood();
    make("halt/now");
    ch_loop_turn(loop, 0);
    ck_assert_uint_eq(freezes, 1);
    ck_assert(ch_freeze_file_is_there(file));
    flood();
    take_away("halt/now");
    ch_loop_turn(loop, 0);
    ck_assert_uint_eq(freezes, 2);
    ck_assert(!ch_freeze_file_is_there(file));
    end();
}
END_TEST

START_TEST(test_a_file_that_went_with_its_folder_is_not_there)
{
    ch_autofree char *folder = ch_test_path("halt");
    ch_autofree char *away = ch_test_path("elsewhere");
    begin();
    make("halt/now");
    ch_loop_turn(loop, 0);
    ck_assert(ch_freeze_file_is_there(file));
    ck_assert_int_eq(rename(folder, away), 0);
    ch_loop_turn(loop, 0);
    ck_assert_uint_eq(freezes, 2);
    ck_assert(!ch_freeze_file_is_there(file));
    end();
}
END_TEST

CH_TESTS("a freeze file that was there was not seen", CH_TEST(test_a_file_is_there_also_if_its_event_was_lost),
         CH_TEST(test_a_file_that_went_with_its_folder_is_not_there))
