#include "base/users.h"

#include "tests/support/suite.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static ch_error err;

static unsigned kernel_says(const char *path)
{
    unsigned id = 65534;
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        ck_assert_int_eq(fscanf(file, "%u", &id), 1);
        fclose(file);
    }
    return id;
}

START_TEST(test_the_overflow_ids_are_the_kernels)
{
    ck_assert_uint_eq(ch_overflow_uid(), kernel_says("/proc/sys/kernel/overflowuid"));
    ck_assert_uint_eq(ch_overflow_gid(), kernel_says("/proc/sys/kernel/overflowgid"));
}
END_TEST

static void write_map(const char *text, size_t size)
{
    int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
    close(fd);
}

static const bool is_mapped[] = {false, true};

START_TEST(test_a_user_namespace_is_noticed)
{
    char map[64];
    int size = snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
    if (unshare(CLONE_NEWUSER) != 0) {
        printf("skipped: no user namespace can be made here\n");
        return;
    }
    if (is_mapped[_i])
        write_map(map, (size_t)size);
    ck_assert(ch_is_in_user_namespace());
}
END_TEST

/* clang-format off */
static const struct {
    const char *text;
    uid_t uid;
} found[] = {
    /* text          uid */
    { "root",        0 },
    { "0",           0 },
    { "4242",        4242 },
    { "4294967294",  4294967294U },
};

static const char *const unknown[] = {
    "", "-1", "+1", " 1", "1x", "4294967295", "4294967296", "99999999999999999999", "no-such-user-7461",
};
/* clang-format on */

START_TEST(test_a_user_is_a_name_or_a_number)
{
    uid_t uid = 1;
    ck_assert_int_eq(ch_user_find(found[_i].text, &uid, &err), CH_OK);
    ck_assert_uint_eq(uid, found[_i].uid);
}
END_TEST

/* Root's group has the same name and number. */
START_TEST(test_a_group_is_a_name_or_a_number)
{
    gid_t gid = 1;
    ck_assert_int_eq(ch_group_find(found[_i].text, &gid, &err), CH_OK);
    ck_assert_uint_eq(gid, found[_i].uid);
}
END_TEST

START_TEST(test_what_is_neither_is_no_user)
{
    uid_t uid = 1;
    ck_assert_int_eq(ch_user_find(unknown[_i], &uid, &err), CH_NOT_FOUND);
}
END_TEST

START_TEST(test_what_is_neither_is_no_group)
{
    gid_t gid = 1;
    ck_assert_int_eq(ch_group_find(unknown[_i], &gid, &err), CH_NOT_FOUND);
}
END_TEST

CH_TESTS("users", CH_TEST(test_the_overflow_ids_are_the_kernels),
         CH_TEST_ROWS(test_a_user_namespace_is_noticed, is_mapped),
         CH_TEST_ROWS(test_a_user_is_a_name_or_a_number, found), CH_TEST_ROWS(test_what_is_neither_is_no_user, unknown),
         CH_TEST_ROWS(test_a_group_is_a_name_or_a_number, found),
         CH_TEST_ROWS(test_what_is_neither_is_no_group, unknown))
