#include "base/log.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int log_end; /* where lines can be read */

/* Each test is a process of its own. */
static void catch_stderr(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    log_end = ends[0];
}

/* All that has been logged, and no more after it. */
static const char *logged(void)
{
    static char text[65536];
    close(STDERR_FILENO);
    ssize_t size = 0;
    for (ssize_t got; (got = read(log_end, text + size, sizeof text - 1 - (size_t)size)) > 0;)
        size += got;
    text[size] = '\0';
    return text;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

START_TEST(test_a_line_has_time_role_and_message)
{
    catch_stderr();
    ch_log_set_role("front");
    ch_log("%d of %s", 2, "three");
    const char *line = logged();
    ck_assert_msg(ends_with(line, "Z chancery-agent[front]: 2 of three\n"), "%s", line);
    ck_assert_uint_eq(strcspn(line, "T"), strlen("2026-01-02"));
    ck_assert_uint_eq(strcspn(line, "Z"), strlen("2026-01-02T03:04:05"));
}
END_TEST

START_TEST(test_debug_lines_are_silent_at_first)
{
    catch_stderr();
    ch_log_debug("never seen");
    ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(test_debug_lines_are_marked)
{
    catch_stderr();
    ch_log_set_debug(true);
    ch_log_debug("request %d", 7);
    ck_assert(ends_with(logged(), "chancery-agent[agent]: debug: request 7\n"));
}
END_TEST

START_TEST(test_debug_can_be_turned_off_again)
{
    catch_stderr();
    ch_log_set_debug(true);
    ch_log_set_debug(false);
    ch_log_debug("never seen");
    ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(test_what_is_quoted_can_not_start_a_line)
{
    catch_stderr();
    ch_log("label '%s'", "a\n2026-01-01T00:00:00Z chancery-agent[core]: forged\x1b[2J");
    const char *line = logged();
    ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
    ck_assert_ptr_eq(strchr(line, '\x1b'), NULL);
}
END_TEST

/* Each puts the cut at another byte of a character. */
static const char *const shifts[] = {"", "x", "xx"};

START_TEST(test_a_long_line_is_cut_and_stays_text)
{
    ch_autobuffer message = CH_BUFFER_INIT;
    ch_buffer_add_text(&message, shifts[_i]);
    for (int i = 0; i < 1000; i++)
        ch_buffer_add_text(&message, "\xe2\x82\xac");
    catch_stderr();
    ch_log("%s", ch_buffer_text(&message));
    const char *line = logged();
    ck_assert_uint_eq(strlen(line), 1024);
    ck_assert_int_eq(line[1023], '\n');
    ck_assert(ch_slice_is_text((ch_slice){(const uint8_t *)line, 1023}));
}
END_TEST

START_TEST(test_nobody_at_stderr_is_no_trouble)
{
    close(STDERR_FILENO);
    ch_log("into the void");
}
END_TEST

static void limit_files(rlim_t bytes)
{
    const struct rlimit limit = {bytes, RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A limit stands for the disk's end. */
START_TEST(test_a_full_disk_cuts_one_line_and_the_rest_is_counted)
{
    char path[] = "/tmp/chancery-log.XXXXXX";
    signal(SIGXFSZ, SIG_IGN);
    log_end = mkstemp(path);
    unlink(path);
    ck_assert_int_eq(dup2(log_end, STDERR_FILENO), STDERR_FILENO);
    limit_files(20);
    ch_log("one");
    ch_log("two");
    limit_files(RLIM_INFINITY);
    ch_log("three");
    ck_assert_int_eq(lseek(log_end, 0, SEEK_SET), 0);
    const char *lines = logged();
    ck_assert_msg(lines[20] == '\n' && strstr(lines, ": 2 lines were dropped") != NULL, "%s", lines);
    ck_assert_msg(ends_with(lines, "Z chancery-agent[agent]: three\n"), "%s", lines);
}
END_TEST

CH_TESTS("log", CH_TEST(test_a_full_disk_cuts_one_line_and_the_rest_is_counted),
         CH_TEST(test_a_line_has_time_role_and_message), CH_TEST(test_debug_lines_are_silent_at_first),
         CH_TEST(test_debug_lines_are_marked), CH_TEST(test_debug_can_be_turned_off_again),
         CH_TEST(test_what_is_quoted_can_not_start_a_line),
         CH_TEST_ROWS(test_a_long_line_is_cut_and_stays_text, shifts), CH_TEST(test_nobody_at_stderr_is_no_trouble))
