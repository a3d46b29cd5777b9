/* The main of a unit test:
 *
 *     CH_TESTS("slots", CH_TEST(test_a), CH_TEST_ROWS(test_b, table))
 *
 * runs test_a once, and test_b once for each row of `table`, with the row's index in _i; each in a process of its own.
 * CH_TESTS_WITH runs set_up before each of them and tear_down after it, in that process. With CK_RUN_CASE=test_b in the
 * environment, only test_b runs. */
#ifndef CH_TESTS_SUPPORT_SUITE_H
#define CH_TESTS_SUPPORT_SUITE_H

#include <check.h>
#include <stddef.h>

typedef struct ch_test {
    const TTest *test;
    size_t rows;
} ch_test;

/* `set_up` and `tear_down` may be NULL. Returns the exit status. */
int ch_run_tests(const char *name, SFun set_up, SFun tear_down, const ch_test *tests, size_t count);

#define CH_ROWS(table) (sizeof(table) / sizeof *(table))

#define CH_TEST(test)                                                                                                  \
    {                                                                                                                  \
        test, 1                                                                                                        \
    }
#define CH_TEST_ROWS(test, table)                                                                                      \
    {                                                                                                                  \
        test, CH_ROWS(table)                                                                                           \
    }

#define CH_TESTS_WITH(name, set_up, tear_down, ...)                                                                    \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        const ch_test tests[] = {__VA_ARGS__};                                                                         \
        return ch_run_tests(name, set_up, tear_down, tests, CH_ROWS(tests));                                           \
    }

#define CH_TESTS(name, ...) CH_TESTS_WITH(name, NULL, NULL, __VA_ARGS__)

#endif
