/* The trace alone, and what the journal tells by it of a state that was restored, lost or replaced. */
#include "state/trace.h"

#include "base/memory.h"
#include "state/journal.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"
#include "tests/unit/state/journal_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define A "0123456789abcdef0123456789abcdef"

static ch_error err;

/* ---- the file ---- */

START_TEST(test_a_mark_is_read_as_it_was_written)
{
    ch_trace *trace = NULL;
    ch_trace_kind kind;
    struct stat status;
    const ch_trace_mark written = {A, UINT64_MAX >> 1};
    ch_trace_mark mark;
    ch_autofree char *path = ch_test_path("made/trace");
    ch_autofree char *folder = ch_test_path("made");
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(ch_trace_open(path, &trace, &kind, &mark, &err) == CH_OK, "%s", err.message);
        ck_assert_int_eq(kind, i == 0 ? CH_TRACE_NONE : CH_TRACE_READ);
        ck_assert_msg(ch_trace_write(trace, &written, i == 0, &err) == CH_OK, "%s", err.message);
        ch_trace_close(trace);
    }
    ck_assert_str_eq(mark.identity, A);
    ck_assert_uint_eq(mark.id, written.id);
    ck_assert_int_eq(stat(folder, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0700);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
}
END_TEST

/* clang-format off */
static const char *const strange[] = {
    "",
    "\n",
    "chancery trace 1",
    "chancery trace 1\n",
    "chancery trace 1\n" A "\n",
    "chancery trace 1\n" A " \n",
    "chancery trace 1\n" A " 5",
    "chancery trace 1\n" A " 5 \n",
    "chancery trace 1\n" A " 5\nmore",
    "chancery trace 1\n" A "  5\n",
    "chancery trace 1\n" A " +5\n",
    "chancery trace 1\n" A " -5\n",
    "chancery trace 1\n" A " 05\n",
    "chancery trace 1\n" A " 99999999999999999999999\n",
    "chancery trace 1\n0123 5\n",
    "chancery trace 1\n" A "0 5\n",
    "chancery trace 1\n0123456789ABCDEF0123456789ABCDEF 5\n",
    "chancery trace 2\n" A " 5\n",
};
/* clang-format on */

START_TEST(test_a_file_that_is_not_wholly_a_trace_is_strange)
{
    ch_trace *trace = NULL;
    ch_trace_kind kind;
    ch_trace_mark mark;
    ch_autofree char *path = ch_test_file("trace", strange[_i], strlen(strange[_i]));
    ck_assert_int_eq(ch_trace_open(path, &trace, &kind, &mark, &err), CH_OK);
    ck_assert_int_eq(kind, CH_TRACE_STRANGE);
    ch_trace_close(trace);
}
END_TEST

/* clang-format off */
static const struct {
    const char *made_by; /* a shell, in the folder */
    const char *path;
    const char *says;
} untrusted[] = {
    /* made by                               path              says */
    { "true",                                "trace",          "the trace must be a file with an absolute path, and 'trace' is none" },
    { "true",                                "/tmp/",          "the trace must be a file with an absolute path, and '/tmp/' is none" },
    { "true",                                "/nonexistent/folder/trace", "cannot open /nonexistent: No such file or directory" },
    { "ln -s elsewhere trace",               NULL,             "/trace is a symbolic link" },
    { "echo > trace; ln trace another",      NULL,             "/trace has 2 names" },
    { "echo > trace; chmod 666 trace",       NULL,             "/trace can be written to by its group and others" },
    { "chmod 777 .",                         NULL,             " can be written to by its group and others (mode 0777)" },
    { "mkdir trace",                         NULL,             "/trace" },
};
/* clang-format on */

START_TEST(test_a_trace_that_others_could_change_is_refused)
{
    ch_trace *trace = NULL;
    ch_trace_kind kind;
    ch_trace_mark mark;
    rig_shell(untrusted[_i].made_by);
    const char *path = untrusted[_i].path == NULL ? rig_trace_path() : untrusted[_i].path;
    ck_assert_int_eq(ch_trace_open(path, &trace, &kind, &mark, &err), CH_CONFIG);
    ck_assert_msg(strstr(err.message, untrusted[_i].says) != NULL, "%s", err.message);
}
END_TEST

/* ---- the journal's ---- */

static void add_rows(int count)
{
    rig_start();
    for (int i = 0; i < count; i++)
        rig_settle("{}");
    rig_close();
}

static bool is_older(void)
{
    rig_open();
    bool answer = rig.is_older;
    rig_close();
    return answer;
}

/* The row that the trace names; -1: none. */
static long long traced(void)
{
    char text[128] = "";
    FILE *file = fopen(rig_trace_path(), "re");
    if (file == NULL)
        return -1;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    const char *space = size < 40 ? NULL : strrchr(text, ' ');
    return space == NULL ? -1 : strtoll(space, NULL, 10);
}

/* clang-format off */
static const struct {
    const char *name;
    const char *done_by; /* a shell; state.5 and trace.5 are copies with five rows, the state has eight */
    bool is_older;
} histories[] = {
    /* name                       done by                                                older */
    { "nothing happened",         "true",                                                 false },
    { "a backup was restored",    "rm -r state; mv state.5 state",                        true },
    { "with its trace",           "rm -r state; mv state.5 state; mv trace.5 trace",      false },
    { "the state was lost",       "rm -r state",                                          true },
    { "the trace was lost",       "rm trace",                                             false },
    { "both were lost",           "rm -r state trace",                                    false },
    { "an older trace was left",  "mv trace.5 trace",                                     false },
    { "the trace is empty",       "> trace",                                              true },
    { "the trace is cut off",     "head -c 40 trace > t; mv t trace",                     true },
    { "another state's trace",    "sed -i 's/^[0-9a-f]* 8$/" A " 1/' trace",              true },
    { "one row is missing",       "sed -i 's/ 8$/ 9/' trace",                             true },
    { "one row is more",          "sed -i 's/ 8$/ 7/' trace",                             false },
    { "a crash left a new trace", "echo > trace.new",                                     false },
};
/* clang-format on */

START_TEST(test_a_state_that_is_older_than_its_trace_is_noticed)
{
    add_rows(5);
    rig_shell("cp -a state state.5; cp -a trace trace.5");
    add_rows(3);
    rig_shell(histories[_i].done_by);
    ck_assert_int_eq(is_older(), histories[_i].is_older);
    ck_assert_int_eq(is_older(), histories[_i].is_older); /* looking changes nothing */
}
END_TEST

/* Though rows are added meanwhile. */
START_TEST(test_an_older_state_stays_so_until_it_is_accepted)
{
    add_rows(5);
    rig_shell("cp -a state state.5");
    add_rows(3);
    rig_shell("mv state state.8; cp -a state.5 state");
    add_rows(20);
    ck_assert_int_eq(traced(), 8);
    ck_assert(is_older());
    rig_shell("rm -r state; mv state.8 state"); /* the newest is still known */
    ck_assert(!is_older());
}
END_TEST

static bool is_accepted(void)
{
    return traced() == 6;
}

START_TEST(test_what_is_accepted_is_the_newest_from_there_on)
{
    add_rows(5);
    rig_shell("cp -a state state.5");
    add_rows(3);
    rig_shell("mv state state.8; cp -a state.5 state");
    rig_start();
    ck_assert(rig.is_older);
    rig_settle("{}");
    ch_journal_accept(rig.journal);
    rig_wait(is_accepted);
    rig_settle("{}");
    rig_close();
    ck_assert_int_eq(traced(), 7);
    ck_assert(!is_older());
    rig_shell("mv state state.7; mv state.8 state"); /* it has more rows, and is not what was accepted */
    ck_assert(is_older());
    rig_shell("rm -r state; mv state.7 state");
    ck_assert(!is_older());
}
END_TEST

START_TEST(test_what_cannot_be_accepted_now_is_accepted_later)
{
    add_rows(6);
    rig_shell("echo > trace");
    rig_start();
    rig_shell("mkdir trace.new");
    ch_journal_accept(rig.journal);
    rig_wait_ms(50);
    ck_assert_int_eq(traced(), -1);
    rig_shell("rmdir trace.new");
    ch_journal_try_again(rig.journal);
    rig_wait(is_accepted);
    rig_close();
    ck_assert(!is_older());
}
END_TEST

static long long wanted;

static bool is_traced(void)
{
    return traced() == wanted;
}

START_TEST(test_the_trace_is_written_at_the_start_and_once_a_second_after_rows)
{
    rig_start();
    wanted = 0;
    rig_wait(is_traced);
    for (int i = 0; i < 30; i++)
        rig_settle("{}");
    rig_wait_ms(20);
    ck_assert_int_eq(traced(), 0); /* a second has not passed */
    wanted = 30;
    rig_wait(is_traced);
    rig_settle("{}");
    rig_close();
    ck_assert_int_eq(traced(), 31); /* at the end it is */
}
END_TEST

START_TEST(test_a_trace_that_cannot_be_written_stops_nothing)
{
    rig_start();
    wanted = 0;
    rig_wait(is_traced);
    rig_shell("mkdir trace.new");
    uint64_t id = rig_settle("{}");
    rig_wait_ms(1200);
    ck_assert_int_eq(traced(), 0);
    ck_assert(ch_journal_is_recorded(rig.journal, id));
    ck_assert_ptr_null(ch_journal_trouble(rig.journal));
    rig_shell("rmdir trace.new");
    wanted = (long long)rig_settle("{}");
    rig_wait(is_traced);
    rig_close();
}
END_TEST

START_TEST(test_there_may_be_no_trace)
{
    bool older = true;
    ch_store *store = NULL;
    ch_journal *journal = NULL;
    ck_assert_int_eq(ch_store_open(rig_state_folder(), &store, &err), CH_OK);
    ck_assert_int_eq(ch_journal_open(store, NULL, &journal, &older, &err), CH_OK);
    ck_assert(!older);
    ch_journal_close(journal);
    ch_store_close(store);
}
END_TEST

CH_TESTS("trace", CH_TEST(test_a_mark_is_read_as_it_was_written),
         CH_TEST_ROWS(test_a_file_that_is_not_wholly_a_trace_is_strange, strange),
         CH_TEST_ROWS(test_a_trace_that_others_could_change_is_refused, untrusted),
         CH_TEST_ROWS(test_a_state_that_is_older_than_its_trace_is_noticed, histories),
         CH_TEST(test_an_older_state_stays_so_until_it_is_accepted),
         CH_TEST(test_what_is_accepted_is_the_newest_from_there_on),
         CH_TEST(test_what_cannot_be_accepted_now_is_accepted_later),
         CH_TEST(test_the_trace_is_written_at_the_start_and_once_a_second_after_rows),
         CH_TEST(test_a_trace_that_cannot_be_written_stops_nothing), CH_TEST(test_there_may_be_no_trace))
