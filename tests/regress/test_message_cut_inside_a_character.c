/* A message longer than an error has room for was cut inside a character. The problem document of such an error was not
 * UTF-8, so no JSON parser read it. */
#include "base/buffer.h"
#include "base/error.h"
#include "tests/support/suite.h"

/* Each puts the cut at another byte of a character. */
static const char *const shifts[] = {"", "x", "xx"};

START_TEST(test_the_end_of_a_long_message_is_text)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer value = CH_BUFFER_INIT;
    ch_buffer_add_text(&value, shifts[_i]);
    for (size_t i = 0; i < sizeof err.message; i++)
        ch_buffer_add_text(&value, "\xe2\x82\xac");
    ck_assert_int_eq(ch_fail(&err, CH_BAD_INPUT, "'%s' is not a number", ch_buffer_text(&value)), CH_BAD_INPUT);
    ck_assert(ch_slice_is_text(ch_slice_of(err.message)));
}
END_TEST

CH_TESTS("a message cut inside a character", CH_TEST_ROWS(test_the_end_of_a_long_message_is_text, shifts))
