#include "exchange/json_tokens.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static ch_json_token tokens[CH_JSON_TOKENS_MAX];

/* clang-format off */
static const struct {
    const char *text;
    size_t count; /* 0: refused */
} texts[] = {
    /* text                               count */
    { "{}",                               1 },
    { " [ ] \r\n\t",                      1 },
    { "{\"a\":1,\"b\":[true,null]}",      7 },
    { "[-0.5e+10,0,12,-3,1E5,2.50]",      7 },
    { "\"a\\u00e9\\n\\\"\"",              1 },
    { "\"\xc3\xa9\"",                     1 },
    { "false",                            1 },
    { "[[],{},[{}]]",                     5 },
    { "{\"a\":{\"a\":1},\"b\":{\"a\":2}}", 9 },
    { "",                                 0 },
    { " ",                                0 },
    { "{",                                0 },
    { "{\"a\":1",                         0 },
    { "{\"a\"",                           0 },
    { "{\"a\":}",                         0 },
    { "{\"a\" 1}",                        0 },
    { "{\"a\":1,}",                       0 },
    { "{,\"a\":1}",                       0 },
    { "{\"a\":1 \"b\":2}",                0 },
    { "{a:1}",                            0 },
    { "{'a':1}",                          0 },
    { "{1:1}",                            0 },
    { "[1,]",                             0 },
    { "[,1]",                             0 },
    { "[1 2]",                            0 },
    { "[1}",                              0 },
    { "{\"a\":1]",                        0 },
    { "[1]]",                             0 },
    { "{}{}",                             0 },
    { "1 2",                              0 },
    { "{\"a\":1,\"a\":1}",                0 },
    { "{\"a\":1,\"b\":{},\"a\":2}",       0 },
    { "{\"\\u0061\":1}",                  0 },
    { "01",                               0 },
    { "+1",                               0 },
    { "1.",                               0 },
    { ".5",                               0 },
    { "-",                                0 },
    { "1e",                               0 },
    { "1e+",                              0 },
    { "0x10",                             0 },
    { "NaN",                              0 },
    { "Infinity",                         0 },
    { "True",                             0 },
    { "nul",                              0 },
    { "truely",                           0 },
    { "\"",                               0 },
    { "\"\\\"",                           0 },
    { "\"\\x41\"",                        0 },
    { "\"\\u12g4\"",                      0 },
    { "\"\\u12\"",                        0 },
    { "\"a\tb\"",                         0 },
    { "\"\xc3\"",                         0 },
    { "\"\xed\xa0\x80\"",                 0 },
    { "\"\xc0\xaf\"",                     0 },
    { "\xef\xbb\xbf{}",                   0 },
    { "// c\n{}",                         0 },
    { "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", 17 },
    { "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", 0 },
};
/* clang-format on */

START_TEST(test_json_is_read_strictly)
{
    size_t count = ch_json_read(ch_slice_of(texts[_i].text), tokens);
    ck_assert_msg(count == texts[_i].count, "'%s' has %zu tokens", texts[_i].text, count);
}
END_TEST

START_TEST(test_a_nul_byte_is_no_end)
{
    ck_assert_uint_eq(ch_json_read(CH_LITERAL("{}\0"), tokens), 0);
    ck_assert_uint_eq(ch_json_read(CH_LITERAL("\"a\0b\""), tokens), 0);
    ck_assert_uint_eq(ch_json_read(CH_LITERAL("\"\\\0\""), tokens), 0);
    ck_assert_uint_eq(ch_json_read((ch_slice){NULL, 0}, tokens), 0);
}
END_TEST

START_TEST(test_too_many_tokens_are_refused)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_text(&text, "[0");
    for (size_t i = 2; i < CH_JSON_TOKENS_MAX; i++)
        ch_buffer_add_text(&text, ",0");
    size_t size = text.size;
    ch_buffer_add_text(&text, "]");
    ck_assert_uint_eq(ch_json_read(ch_buffer_slice(&text), tokens), CH_JSON_TOKENS_MAX);
    text.size = size;
    ch_buffer_add_text(&text, ",0]");
    ck_assert_uint_eq(ch_json_read(ch_buffer_slice(&text), tokens), 0);
}
END_TEST

/* Whatever is cut off is no text, wherever it is cut. */
START_TEST(test_a_text_that_was_cut_off_is_refused)
{
    const char *whole =
        "{\"code\":-2010,\"data\":[{\"a\":\"x\\u00e9\\\\\",\"b\":[true,false,null,1.5e3]},{}],\"msg\":\"m\"}";
    ck_assert_uint_gt(ch_json_read(ch_slice_of(whole), tokens), 0);
    for (size_t size = 0; size < strlen(whole); size++)
        ck_assert_uint_eq(ch_json_read((ch_slice){(const uint8_t *)whole, size}, tokens), 0);
}
END_TEST

/* clang-format off */
static const struct {
    const char *pointer;
    const char *text; /* NULL: it is not there */
} pointers[] = {
    /* pointer        text */
    { "/code",        "-2010" },
    { "/data/0/s",    "51008" },
    { "/data/1/s",    "0" },
    { "/data/2",      "last" },
    { "/data",        "[" },
    { "",             "{" },
    { "/data/3",      NULL },
    { "/data/00",     "{" },
    { "/data/x",      NULL },
    { "/data/",       NULL },
    { "/data/99999",  NULL },
    { "/code/0",      NULL },
    { "/cod",         NULL },
    { "/s",           NULL },
    { "/empty/0",     NULL },
    { "/none/a",      NULL },
};
/* clang-format on */

START_TEST(test_a_pointer_names_a_value)
{
    ch_slice text = CH_LITERAL(
        "{\"none\":{},\"empty\":[],\"data\":[{\"t\":[1],\"s\":\"51008\"},{\"s\":\"0\"},\"last\"],\"code\":-2010}");
    ck_assert_uint_gt(ch_json_read(text, tokens), 0);
    size_t found = ch_json_find(tokens, 0, ch_slice_of(pointers[_i].pointer));
    if (pointers[_i].text == NULL)
        ck_assert_uint_eq(found, 0);
    else
        ck_assert_msg(ch_slice_is(tokens[found].text, pointers[_i].text), "%s is %.*s", pointers[_i].pointer,
                      CH_SLICE_ARGS(tokens[found].text));
}
END_TEST

CH_TESTS("json_tokens", CH_TEST_ROWS(test_json_is_read_strictly, texts), CH_TEST(test_a_nul_byte_is_no_end),
         CH_TEST(test_too_many_tokens_are_refused), CH_TEST(test_a_text_that_was_cut_off_is_refused),
         CH_TEST_ROWS(test_a_pointer_names_a_value, pointers))
