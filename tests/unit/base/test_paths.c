#include "base/memory.h"
#include "base/paths.h"

#include "tests/support/suite.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ORDINARY_UID 65534

/* clang-format off */
static const struct {
    const char *what;
    const char *runtime; /* NULL: not set */
    bool is_root;
    const char *agent;
    const char *operators;
} cases[] = {
    /* what                            runtime     is_root agent                           operators */
    { "a user's session",              "/tmp/rt",  false, "/tmp/rt/chancery/agent.sock",  "/tmp/rt/chancery/people/operator.sock" },
    { "no session",                    NULL,       false, "/run/chancery/agent.sock",     "/run/chancery/people/operator.sock" },
    { "an empty variable",             "",         false, "/run/chancery/agent.sock",     "/run/chancery/people/operator.sock" },
    { "root never uses its session's", "/tmp/rt",  true,  "/run/chancery/agent.sock",     "/run/chancery/people/operator.sock" },
    { "root without a session",        NULL,       true,  "/run/chancery/agent.sock",     "/run/chancery/people/operator.sock" },
};
/* clang-format on */

/* False if the test can't run as that user. Each test is a process of its own, so nothing is put back. */
static bool become(bool is_root)
{
    if (is_root || geteuid() != 0)
        return is_root == (geteuid() == 0);
    /* The leak checker of a build with ASan traces its process, which must allow it again. */
    return setresuid(ORDINARY_UID, ORDINARY_UID, ORDINARY_UID) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

START_TEST(test_sockets_are_in_the_runtime_folder)
{
    if (!become(cases[_i].is_root))
        return;
    if (cases[_i].runtime == NULL)
        unsetenv("XDG_RUNTIME_DIR");
    else
        setenv("XDG_RUNTIME_DIR", cases[_i].runtime, 1);
    ch_autofree char *agent = ch_path_agent_socket();
    ch_autofree char *operators = ch_path_operator_socket();
    ck_assert_str_eq(agent, cases[_i].agent);
    ck_assert_str_eq(operators, cases[_i].operators);
}
END_TEST

/* clang-format off */
static const struct {
    const char *file;
    const char *path;
    const char *whole;
} beside[] = {
    /* file               path             whole */
    { "/etc/agent.yaml",  "policy.yaml",   "/etc/policy.yaml" },
    { "/etc/agent.yaml",  "run/a.sock",    "/etc/run/a.sock" },
    { "/etc/agent.yaml",  "../x",          "/etc/../x" },
    { "/etc/agent.yaml",  "/run/a.sock",   "/run/a.sock" },
    { "conf/agent.yaml",  "policy.yaml",   "conf/policy.yaml" },
    { "agent.yaml",       "policy.yaml",   "policy.yaml" },
    { "/agent.yaml",      "policy.yaml",   "/policy.yaml" },
};
/* clang-format on */

START_TEST(test_a_path_is_taken_from_the_folder_of_its_file)
{
    ch_autofree char *whole = ch_path_beside(beside[_i].file, beside[_i].path);
    ck_assert_str_eq(whole, beside[_i].whole);
}
END_TEST

/* clang-format off */
static const struct {
    const char *path;
    const char *folder;
    const char *name;
} splits[] = {
    /* path            folder        name */
    { "/run/a/x.sock", "/run/a",     "x.sock" },
    { "/x",            "/",          "x" },
    { "/",             "/",          "" },
    { "a/x",           "a",          "x" },
    { "a//x",          "a/",         "x" },
    { "a/",            "a",          "" },
    { "x",             ".",          "x" },
    { "",              ".",          "" },
};
/* clang-format on */

START_TEST(test_a_path_is_split_at_its_last_slash)
{
    ch_autofree char *folder = NULL;
    ch_autofree char *name = NULL;
    ch_path_split(splits[_i].path, &folder, &name);
    ck_assert_str_eq(folder, splits[_i].folder);
    ck_assert_str_eq(name, splits[_i].name);
}
END_TEST

CH_TESTS("paths", CH_TEST_ROWS(test_sockets_are_in_the_runtime_folder, cases),
         CH_TEST_ROWS(test_a_path_is_taken_from_the_folder_of_its_file, beside),
         CH_TEST_ROWS(test_a_path_is_split_at_its_last_slash, splits))
