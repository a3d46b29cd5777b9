#include "base/error.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

#include <errno.h>
#include <string.h>

START_TEST(test_a_failure_fills_the_error_and_is_its_status)
{
    ch_error err = CH_ERROR_INIT;
    ck_assert_int_eq(ch_fail_rule(&err, CH_REFUSED, "grant", "key '%s'", "k"), CH_REFUSED);
    ck_assert_int_eq(err.status, CH_REFUSED);
    ck_assert_str_eq(err.rule, "grant");
    ck_assert_str_eq(err.message, "key 'k'");
}
END_TEST

START_TEST(test_a_failure_without_a_rule_forgets_the_last_one)
{
    ch_error err = CH_ERROR_INIT;
    ch_ignore(ch_fail_rule(&err, CH_REFUSED, "grant", "first"));
    ck_assert_int_eq(ch_fail(&err, CH_BUSY, "second"), CH_BUSY);
    ck_assert_str_eq(err.rule, "");
    errno = ENOENT;
    ck_assert_int_eq(ch_fail_errno(&err, "reading %s", "x"), CH_IO);
    ck_assert_str_eq(err.message, "reading x: No such file or directory");
}
END_TEST

START_TEST(test_wrapping_puts_context_first_and_keeps_the_rest)
{
    ch_error err = CH_ERROR_INIT;
    ch_ignore(ch_fail_rule(&err, CH_TOKEN, "CKR_X", "inner"));
    ck_assert_int_eq(ch_error_wrap(&err, "outer %d", 1), CH_TOKEN);
    ck_assert_str_eq(err.message, "outer 1: inner");
    ck_assert_str_eq(err.rule, "CKR_X");
}
END_TEST

static ch_status try(ch_status status, bool *went_on)
{
    CH_TRY(status);
    *went_on = true;
    return CH_OK;
}

START_TEST(test_try_leaves_with_the_failure_only)
{
    bool went_on = false;
    ck_assert_int_eq(try(CH_LOCKED, &went_on), CH_LOCKED);
    ck_assert(!went_on);
    ck_assert_int_eq(try(CH_OK, &went_on), CH_OK);
    ck_assert(went_on);
}
END_TEST

START_TEST(test_what_is_quoted_is_made_printable)
{
    ch_error err = CH_ERROR_INIT;
    ch_ignore(ch_fail_rule(&err, CH_BAD_INPUT, "a\nb", "'%s'", "\x1b[2J\x9b"));
    ck_assert_str_eq(err.rule, "a?b");
    ck_assert_str_eq(err.message, "'?[2J?'");
}
END_TEST

/* Each puts the cut at another byte of a character. */
static const char *const shifts[] = {"", "x", "xx", "xxx"};

START_TEST(test_a_long_message_is_cut_and_stays_text)
{
    ch_autobuffer quoted = CH_BUFFER_INIT;
    ch_buffer_add_text(&quoted, shifts[_i]);
    for (int i = 0; i < 400; i++)
        ch_buffer_add_text(&quoted, "\xf0\x9f\x98\x80");
    ch_error err = CH_ERROR_INIT;
    ch_ignore(ch_fail(&err, CH_BAD_INPUT, "%s", ch_buffer_text(&quoted)));
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
    ck_assert(ch_slice_is_text(ch_slice_of(err.message)));
    ch_ignore(ch_error_wrap(&err, "%s", "context"));
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
    ck_assert(ch_slice_is_text(ch_slice_of(err.message)));
}
END_TEST

START_TEST(test_a_status_that_is_none_of_ours_is_a_defect)
{
    const unsigned foreign[] = {CH_STATUS_COUNT, 255, 1U << 31};
    for (size_t i = 0; i < CH_ROWS(foreign); i++) {
        ck_assert_str_eq(ch_status_name((ch_status)foreign[i]), "internal");
        ck_assert_int_eq(ch_status_http((ch_status)foreign[i]), 500);
        ck_assert_int_eq(ch_status_exit((ch_status)foreign[i]), 12);
    }
}
END_TEST

CH_TESTS("error", CH_TEST(test_a_failure_fills_the_error_and_is_its_status),
         CH_TEST(test_a_failure_without_a_rule_forgets_the_last_one),
         CH_TEST(test_wrapping_puts_context_first_and_keeps_the_rest), CH_TEST(test_try_leaves_with_the_failure_only),
         CH_TEST(test_what_is_quoted_is_made_printable),
         CH_TEST_ROWS(test_a_long_message_is_cut_and_stays_text, shifts),
         CH_TEST(test_a_status_that_is_none_of_ours_is_a_defect))
