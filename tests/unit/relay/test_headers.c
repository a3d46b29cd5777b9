#include "relay/headers.h"

#include "tests/support/suite.h"

/* clang-format off */
static const struct {
    const char *list;
    const char *word;
    bool has;
} lists[] = {
    { "close",                  "close",   true },
    { "Keep-Alive, CLOSE",      "close",   true },
    { "\t close \t,x",          "close",   true },
    { "x,,close",               "close",   true },
    { "closed",                 "close",   false },
    { "x close",                "close",   false },
    { "clos, e",                "close",   false },
    { "",                       "close",   false },
};
static const struct {
    const char *text;
    bool is_word;
} words[] = {
    { "X-MBX-APIKEY",           true },
    { "!#$%&'*+-.^_`|~09azAZ",  true },
    { "",                       false },
    { "X Y",                    false },
    { "X:",                     false },
    { "X\t",                    false },
    { "(x)",                    false },
    { "\xc3\xa9",               false },
};
/* clang-format on */

START_TEST(test_lists_have_words)
{
    ck_assert_int_eq(ch_header_list_has(ch_slice_of(lists[_i].list), ch_slice_of(lists[_i].word)), lists[_i].has);
}
END_TEST

START_TEST(test_words_are_tokens_of_http)
{
    ck_assert_int_eq(ch_is_http_word(ch_slice_of(words[_i].text)), words[_i].is_word);
    ck_assert(!ch_is_http_word(CH_LITERAL("x\0y")));
}
END_TEST

START_TEST(test_blanks_go_at_both_ends)
{
    ck_assert(ch_slice_is(ch_trim_blanks(CH_LITERAL("\t a b \t")), "a b"));
    ck_assert_uint_eq(ch_trim_blanks(CH_LITERAL(" \t ")).size, 0);
    ck_assert_uint_eq(ch_trim_blanks(CH_LITERAL("")).size, 0);
}
END_TEST

START_TEST(test_headers_of_a_connection_are_known)
{
    ck_assert(ch_is_hop_header(CH_LITERAL("transfer-ENCODING")));
    ck_assert(ch_is_hop_header(CH_LITERAL("Content-Length")));
    ck_assert(!ch_is_hop_header(CH_LITERAL("Content-Type")));
    ck_assert(!ch_is_hop_header(CH_LITERAL("")));
}
END_TEST

CH_TESTS("headers", CH_TEST_ROWS(test_lists_have_words, lists), CH_TEST_ROWS(test_words_are_tokens_of_http, words),
         CH_TEST(test_blanks_go_at_both_ends), CH_TEST(test_headers_of_a_connection_are_known))
