#include "base/names.h"
#include "base/slice.h"

#include "tests/support/suite.h"

#define LONGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define CASE(what, bytes, is_name)                                                                                     \
    {                                                                                                                  \
        what, CH_LITERAL(bytes), is_name                                                                               \
    }

static const struct {
    const char *what;
    ch_slice text;
    bool is_name;
} cases[] = {
    CASE("one letter", "a", true),
    CASE("one digit", "0", true),
    CASE("every kind of character", "az09._-", true),
    CASE("64 characters", LONGEST, true),
    CASE("65 characters", LONGEST "a", false),
    CASE("nothing", "", false),
    CASE("a hidden file", ".a", false),
    CASE("this folder", ".", false),
    CASE("the folder above", "..", false),
    CASE("an option", "-a", false),
    CASE("an underscore first", "_a", false),
    CASE("upper case", "aB", false),
    CASE("upper case first", "Ab", false),
    CASE("a slash", "a/b", false),
    CASE("a space", "a b", false),
    CASE("a line end", "a\n", false),
    CASE("NUL", "a\0", false),
    CASE("a percent sign", "a%2f", false),
    CASE("a colon", "a:b", false),
    CASE("delete", "a\x7f", false),
    CASE("a letter with an accent", "caf\xc3\xa9", false),
    CASE("the byte before a", "a`", false),
    CASE("the byte after z", "a{", false),
    CASE("the byte after 9", "9;", false),
};

START_TEST(test_a_name_is_lower_case_letters_digits_and_separators)
{
    ck_assert_msg(ch_is_name(cases[_i].text) == cases[_i].is_name, "%s", cases[_i].what);
}
END_TEST

START_TEST(test_no_memory_is_no_name)
{
    ck_assert(!ch_is_name((ch_slice){NULL, 0}));
}
END_TEST

CH_TESTS("names", CH_TEST_ROWS(test_a_name_is_lower_case_letters_digits_and_separators, cases),
         CH_TEST(test_no_memory_is_no_name))
