#include "base/nodump.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each test is a process of its own. */
static void forbid(void)
{
    ch_error err = CH_ERROR_INIT;
    ck_assert_msg(ch_forbid_dumps(&err) == CH_OK, "%s", err.message);
}

START_TEST(test_the_process_is_not_dumpable)
{
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    forbid();
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}
END_TEST

START_TEST(test_no_core_file_may_be_written_nor_the_limit_raised)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    forbid();
    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    ck_assert_uint_eq(limit.rlim_cur, 0);
    ck_assert_uint_eq(limit.rlim_max, 0);
}
END_TEST

static unsigned long core_filter(void)
{
    char text[32] = "";
    FILE *file = fopen("/proc/self/coredump_filter", "re");
    if (file == NULL)
        return 0;
    ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
    fclose(file);
    return strtoul(text, NULL, 16);
}

START_TEST(test_a_dump_that_is_made_anyway_has_no_pages)
{
    ck_assert_uint_ne(core_filter(), 0);
    forbid();
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else the file is root's */
    ck_assert_uint_eq(core_filter(), 0);
}
END_TEST

START_TEST(test_a_process_that_aborts_leaves_no_core)
{
    pid_t child = fork();
    if (child == 0) {
        forbid();
        abort();
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert(!WCOREDUMP(status));
}
END_TEST

START_TEST(test_forbidding_twice_is_fine)
{
    forbid();
    forbid();
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}
END_TEST

START_TEST(test_a_child_inherits_the_limit)
{
    forbid();
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit;
        _exit(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0 ? 0 : 1);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

CH_TESTS("nodump", CH_TEST(test_the_process_is_not_dumpable),
         CH_TEST(test_no_core_file_may_be_written_nor_the_limit_raised),
         CH_TEST(test_a_dump_that_is_made_anyway_has_no_pages), CH_TEST(test_a_process_that_aborts_leaves_no_core),
         CH_TEST(test_forbidding_twice_is_fine), CH_TEST(test_a_child_inherits_the_limit))
