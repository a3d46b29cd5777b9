#include "base/slice.h"

#include "base/memory.h"
#include "tests/support/suite.h"

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

START_TEST(test_what_is_visible_is_ascii_without_spaces)
{
    ck_assert(ch_slice_is_visible(CH_LITERAL("")));
    ck_assert(ch_slice_is_visible(CH_LITERAL("!~aZ9%")));
    ck_assert(!ch_slice_is_visible(CH_LITERAL("a b")));
    ck_assert(!ch_slice_is_visible(CH_LITERAL("a\x7f")));
    ck_assert(!ch_slice_is_visible(CH_LITERAL("\x1f"
                                              "a")));
    ck_assert(!ch_slice_is_visible(CH_LITERAL("\xc3\xa9")));
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

START_TEST(test_the_text_at_the_start_is_counted)
{
    ck_assert_uint_eq(ch_slice_count_text(CH_LITERAL("")), 0);
    ck_assert_uint_eq(ch_slice_count_text(CH_LITERAL("ab\xc3\xa9")), 4);
    ck_assert_uint_eq(ch_slice_count_text(CH_LITERAL("ab\xc3")), 2);
    ck_assert_uint_eq(ch_slice_count_text(CH_LITERAL("ab\ncd")), 2);
    ck_assert_uint_eq(ch_slice_count_text(CH_LITERAL("\0cd")), 0);
}
END_TEST

START_TEST(test_digits_at_the_start_are_counted)
{
    ck_assert_uint_eq(ch_slice_count_digits((ch_slice){NULL, 0}), 0);
    ck_assert_uint_eq(ch_slice_count_digits(CH_LITERAL("0123456789")), 10);
    ck_assert_uint_eq(ch_slice_count_digits(CH_LITERAL("12.5")), 2);
    ck_assert_uint_eq(ch_slice_count_digits(CH_LITERAL("-1")), 0);
    ck_assert_uint_eq(ch_slice_count_digits(CH_LITERAL("/1")), 0);
    ck_assert_uint_eq(ch_slice_count_digits(CH_LITERAL(":1")), 0);
}
END_TEST

START_TEST(test_a_byte_is_found_inside_only)
{
    ch_slice part = {(const uint8_t *)"abcab", 3};
    ck_assert_ptr_eq(ch_slice_find(part, 'b'), part.data + 1);
    ck_assert_ptr_null(ch_slice_find((ch_slice){part.data, 2}, 'c'));
    ck_assert_ptr_null(ch_slice_find((ch_slice){NULL, 0}, 0));
}
END_TEST

START_TEST(test_a_copy_is_terminated)
{
    ch_autofree char *some = ch_slice_strdup((ch_slice){(const uint8_t *)"abc", 2});
    ch_autofree char *none = ch_slice_strdup((ch_slice){NULL, 0});
    ck_assert_str_eq(some, "ab");
    ck_assert_str_eq(none, "");
}
END_TEST

START_TEST(test_letters_are_ascii_letters)
{
    const char others[] = "/:@[`{_-\x80\xc3\xff";
    for (const char *at = "azAZ09"; *at != '\0'; at++)
        ck_assert(ch_byte_is_alphanumeric((uint8_t)*at));
    for (size_t i = 0; i < sizeof others; i++)
        ck_assert(!ch_byte_is_alphanumeric((uint8_t)others[i]));
}
END_TEST

START_TEST(test_letters_are_alike_in_any_case)
{
    const ch_slice name = CH_LITERAL("Content-Length");
    ck_assert(ch_slice_equal_case(name, CH_LITERAL("content-LENGTH")));
    ck_assert(ch_slice_equal_case(CH_LITERAL(""), (ch_slice){NULL, 0}));
    ck_assert(!ch_slice_equal_case(name, CH_LITERAL("content-lengths")));
    ck_assert(!ch_slice_equal_case(CH_LITERAL("["), CH_LITERAL("{")));
    ck_assert(!ch_slice_equal_case(CH_LITERAL("a\0b"), CH_LITERAL("A\0c")));
    ck_assert(ch_slice_begins_case(name, CH_LITERAL("CONTENT-")));
    ck_assert(ch_slice_begins_case(name, CH_LITERAL("")));
    ck_assert(!ch_slice_begins_case(name, CH_LITERAL("content_")));
    ck_assert(!ch_slice_begins_case(CH_LITERAL("Con"), CH_LITERAL("content")));
}
END_TEST

CH_TESTS("slice", CH_TEST_ROWS(test_text_is_strict_utf8_without_controls, texts),
         CH_TEST(test_what_is_visible_is_ascii_without_spaces), CH_TEST(test_slices_compare_as_bytes_and_shorter_first),
         CH_TEST(test_the_text_at_the_start_is_counted), CH_TEST(test_digits_at_the_start_are_counted),
         CH_TEST(test_a_byte_is_found_inside_only), CH_TEST(test_a_copy_is_terminated),
         CH_TEST(test_letters_are_ascii_letters), CH_TEST(test_letters_are_alike_in_any_case))
