#include "base/buffer.h"
#include "base/memory.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define CASE(name, bytes, is_text)                                                                                     \
    {                                                                                                                  \
        name, CH_LITERAL(bytes), is_text                                                                               \
    }

static const struct {
    const char *name;
    ch_slice bytes;
    bool is_text;
} texts[] = {
    CASE("empty", "", true),
    CASE("ASCII", "BTC-USD ~", true),
    CASE("two bytes", "\xc3\xa9", true),
    CASE("first after the C1 controls", "\xc2\xa0", true),
    CASE("three bytes", "\xe2\x82\xac", true),
    CASE("last before the surrogates", "\xed\x9f\xbf", true),
    CASE("first after the surrogates", "\xee\x80\x80", true),
    CASE("four bytes", "\xf0\x9f\x98\x80", true),
    CASE("last code point", "\xf4\x8f\xbf\xbf", true),
    CASE("NUL", "a\0b", false),
    CASE("line feed", "a\n", false),
    CASE("unit separator", "\x1f", false),
    CASE("delete", "\x7f", false),
    CASE("first C1 control", "\xc2\x80", false),
    CASE("last C1 control", "\xc2\x9f", false),
    CASE("lone continuation", "\x80", false),
    CASE("overlong slash, two bytes", "\xc0\xaf", false),
    CASE("overlong slash, three bytes", "\xe0\x80\xaf", false),
    CASE("overlong slash, four bytes", "\xf0\x80\x80\xaf", false),
    CASE("overlong two-byte lead C1", "\xc1\xbf", false),
    CASE("longest overlong of three", "\xe0\x9f\xbf", false),
    CASE("longest overlong of four", "\xf0\x8f\xbf\xbf", false),
    CASE("first surrogate", "\xed\xa0\x80", false),
    CASE("last surrogate", "\xed\xbf\xbf", false),
    CASE("past the last code point", "\xf4\x90\x80\x80", false),
    CASE("lead F5", "\xf5\x80\x80\x80", false),
    CASE("lead FF", "\xff", false),
    CASE("two bytes cut short", "\xc3", false),
    CASE("three bytes cut short", "\xe2\x82", false),
    CASE("four bytes cut short", "\xf0\x9f\x98", false),
    CASE("no continuation", "\xc3(", false),
    CASE("bad third byte", "\xe2\x82(", false),
};

START_TEST(test_text_is_strict_utf8_without_controls)
{
    /* A copy of exactly this size, so that a sanitizer sees a read past its end. */
    uint8_t *exact = ch_alloc(texts[_i].bytes.size);
    if (texts[_i].bytes.size > 0)
        memcpy(exact, texts[_i].bytes.data, texts[_i].bytes.size);
    bool is_text = ch_slice_is_text((ch_slice){exact, texts[_i].bytes.size});
    free(exact);
    ck_assert_msg(is_text == texts[_i].is_text, "%s", texts[_i].name);
}
END_TEST

START_TEST(test_slices_compare_as_bytes_and_shorter_first)
{
    ck_assert(ch_slice_equal((ch_slice){NULL, 0}, CH_LITERAL("")));
    ck_assert(ch_slice_equal(CH_LITERAL("a\0b"), CH_LITERAL("a\0b")));
    ck_assert(!ch_slice_equal(CH_LITERAL("a\0b"), CH_LITERAL("a\0c")));
    ck_assert(!ch_slice_is(CH_LITERAL("a\0b"), "a"));
    ck_assert_int_lt(ch_slice_compare(CH_LITERAL("a"), CH_LITERAL("ab")), 0);
    ck_assert_int_gt(ch_slice_compare(CH_LITERAL("b"), CH_LITERAL("ab")), 0);
    ck_assert_int_lt(ch_slice_compare(CH_LITERAL("a"), CH_LITERAL("\xff")), 0);
    ck_assert_int_eq(ch_slice_compare(CH_LITERAL("ab"), CH_LITERAL("ab")), 0);
}
END_TEST

START_TEST(test_a_buffer_grows_and_is_terminated_on_demand)
{
    ch_autobuffer buffer = CH_BUFFER_INIT;
    ck_assert_str_eq(ch_buffer_text(&buffer), "");
    for (int i = 0; i < 1000; i++)
        ch_buffer_add_format(&buffer, "%03d,", i);
    ck_assert_uint_eq(buffer.size, 4000);
    ck_assert_uint_eq(strlen(ch_buffer_text(&buffer)), 4000);
    ck_assert_uint_eq(buffer.size, 4000);
    ck_assert_int_eq(memcmp(buffer.data + 3996, "999,", 4), 0);
    ch_buffer_clear(&buffer);
    ch_buffer_add(&buffer, NULL, 0);
    ch_buffer_add_byte(&buffer, 'x');
    ck_assert_str_eq(ch_buffer_text(&buffer), "x");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("buffer");
    TCase *cases = tcase_create("buffer");
    tcase_add_loop_test(cases, test_text_is_strict_utf8_without_controls, 0, (int)(sizeof texts / sizeof *texts));
    tcase_add_test(cases, test_slices_compare_as_bytes_and_shorter_first);
    tcase_add_test(cases, test_a_buffer_grows_and_is_terminated_on_demand);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
