#include "agent/core/child_output.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/stage.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static ch_child_output output;
static int child_end;

static void set_up(void)
{
    ch_error err = CH_ERROR_INIT;
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    ch_child_output_init(&output, stage_set_up(), "front 1");
    ck_assert_int_eq(ch_child_output_open(&output, ends[0], &err), CH_OK);
    child_end = ends[1];
    stage_record_log();
}

static void tear_down(void)
{
    ch_child_output_close(&output);
    close(child_end);
}

static void write_text(const char *text)
{
    ck_assert_int_eq(write(child_end, text, strlen(text)), (ssize_t)strlen(text));
    stage_settle();
}

static size_t count_lines(const char *log)
{
    size_t count = 0;
    for (; (log = strchr(log, '\n')) != NULL; log++)
        count++;
    return count;
}

START_TEST(test_a_line_is_logged_under_the_childs_name)
{
    write_text("half a ");
    write_text("line\nand another\n");
    const char *log = stage_logged();
    ck_assert_ptr_nonnull(strstr(log, "chancery-agent[front 1]: half a line\n"));
    ck_assert_ptr_nonnull(strstr(log, "chancery-agent[front 1]: and another\n"));
}
END_TEST

START_TEST(test_last_words_without_an_end_are_logged)
{
    ck_assert_int_eq(write(child_end, "aborted", 7), 7);
    ch_child_output_close(&output);
    ck_assert_ptr_nonnull(strstr(stage_logged(), "[front 1]: aborted\n"));
}
END_TEST

START_TEST(test_a_child_cannot_write_as_core)
{
    write_text("x\r2026-01-01T00:00:00Z chancery-agent[core]: forged\x1b[2J\n");
    const char *log = stage_logged();
    ck_assert_ptr_nonnull(strstr(log, "chancery-agent[front 1]: x"));
    ck_assert_ptr_null(strchr(log, '\r'));
    ck_assert_ptr_null(strchr(log, '\x1b'));
    ck_assert_uint_eq(count_lines(log), 1);
}
END_TEST

START_TEST(test_a_line_without_end_is_logged_in_pieces)
{
    char text[2 * CH_OUTPUT_LINE_MAX + 1];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    write_text(text);
    ck_assert_uint_eq(count_lines(stage_logged()), 2);
}
END_TEST

START_TEST(test_a_flood_is_read_and_not_all_logged)
{
    for (int i = 0; i < 20; i++) {
        char text[4 * CH_OUTPUT_LINES_A_SECOND + 1];
        for (size_t k = 0; k < sizeof text - 1; k++)
            text[k] = k % 2 == 0 ? 'x' : '\n';
        text[sizeof text - 1] = '\0';
        write_text(text); /* fails if nobody reads */
    }
    /* In how many seconds they came, nobody knows; two at most if the machine is not standing still. */
    ck_assert_uint_lt(count_lines(stage_logged()), 20UL * 2 * CH_OUTPUT_LINES_A_SECOND);
}
END_TEST

CH_TESTS_WITH("child output", set_up, tear_down, CH_TEST(test_a_line_is_logged_under_the_childs_name),
              CH_TEST(test_last_words_without_an_end_are_logged), CH_TEST(test_a_child_cannot_write_as_core),
              CH_TEST(test_a_line_without_end_is_logged_in_pieces), CH_TEST(test_a_flood_is_read_and_not_all_logged))
