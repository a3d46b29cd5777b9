#include "relay/refusal.h"

#include "tests/support/suite.h"

#include <string.h>

/* clang-format off */
static const struct {
    const char *document;
    const char *header;
} headers[] = {
    { "{\"a\":\"b\"}",                      "{\"a\":\"b\"}" },
    { "\"caf\xc3\xa9 \xe2\x82\xac\"",       "\"caf\\u00e9 \\u20ac\"" },
    { "\"\xf0\x9f\x98\x80\"",               "\"\\ud83d\\ude00\"" },
    { "\"\xff\x01\x7f\xc3\"",               "\"????\"" },
};
/* clang-format on */

START_TEST(test_the_header_is_one_line_of_ascii)
{
    ch_autobuffer lines = CH_BUFFER_INIT;
    ch_autobuffer expected = CH_BUFFER_INIT;
    ch_buffer_add_format(&expected, "Chancery-Problem: %s\r\n", headers[_i].header);
    ch_problem_header_add(&lines, ch_slice_of(headers[_i].document));
    ck_assert_str_eq(ch_buffer_text(&lines), ch_buffer_text(&expected));
}
END_TEST

START_TEST(test_a_document_that_is_too_long_has_no_header)
{
    static const uint8_t spaces[5000] = {' '};
    ch_autobuffer lines = CH_BUFFER_INIT;
    ch_buffer_add_text(&lines, "A: b\r\n");
    ch_problem_header_add(&lines, (ch_slice){spaces, sizeof spaces});
    ck_assert_str_eq(ch_buffer_text(&lines), "A: b\r\n");
}
END_TEST

START_TEST(test_the_last_line_is_the_problem)
{
    ch_error err = CH_ERROR_INIT;
    (void)ch_fail(&err, CH_BUSY, "later");
    ch_autorefusal refusal = ch_refusal_of(&err, 0);
    ck_assert_uint_eq(refusal.status, 503);
    ck_assert_str_eq(ch_buffer_text(&refusal.body), "{\"type\":\"urn:chancery:problem:busy\",\"title\":\"Too many "
                                                    "requests at once\",\"status\":503,\"detail\":\"later\"}");
    ck_assert_ptr_eq(strstr(ch_buffer_text(&refusal.lines), "Chancery-Problem: {"),
                     refusal.lines.data + refusal.problem_at);
}
END_TEST

CH_TESTS("refusal", CH_TEST_ROWS(test_the_header_is_one_line_of_ascii, headers),
         CH_TEST(test_a_document_that_is_too_long_has_no_header), CH_TEST(test_the_last_line_is_the_problem))
