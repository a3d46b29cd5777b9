#include "tests/support/suite.h"

#include <stdlib.h>

#define TIMEOUT_S 120 /* for one test; sanitizers and a busy machine are slow */

int ch_run_tests(const char *name, SFun set_up, SFun tear_down, const ch_test *tests, size_t count)
{
    Suite *suite = suite_create(name);
    for (size_t i = 0; i < count; i++) {
        TCase *one = tcase_create(tests[i].test->name);
        tcase_set_timeout(one, TIMEOUT_S);
        if (set_up != NULL)
            tcase_add_checked_fixture(one, set_up, tear_down);
        tcase_add_loop_test(one, tests[i].test, 0, (int)tests[i].rows);
        suite_add_tcase(suite, one);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
