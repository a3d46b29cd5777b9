#include "exchange/secret_shape.h"

#include "tests/support/suite.h"

/* clang-format off */
static const struct {
    const char *text;
    size_t min; /* 0: refused */
    size_t max;
} lengths[] = {
    /* text       min   max */
    { "1",        1,    1 },
    { "64",       64,   64 },
    { "27-28",    27,   28 },
    { "4096",     4096, 4096 },
    { "",         0,    0 },
    { "0",        0,    0 },
    { "064",      0,    0 },
    { "4097",     0,    0 },
    { "99999999999999999999999", 0, 0 },
    { "28-27",    0,    0 },
    { "27-",      0,    0 },
    { "-28",      0,    0 },
    { "0-28",     0,    0 },
    { "27-28-29", 0,    0 },
    { "27 - 28",  0,    0 },
    { "+64",      0,    0 },
    { "64 ",      0,    0 },
    { "0x40",     0,    0 },
};
/* clang-format on */

START_TEST(test_a_length_is_a_number_or_two)
{
    ch_secret_shape shape = {CH_ALPHABET_BASE64, 7, 8};
    bool is_one = ch_secret_shape_read_length(&shape, lengths[_i].text);
    ck_assert_msg(is_one == (lengths[_i].min != 0), "%s", lengths[_i].text);
    ck_assert_uint_eq(shape.min, is_one ? lengths[_i].min : 7);
    ck_assert_uint_eq(shape.max, is_one ? lengths[_i].max : 8);
}
END_TEST

/* clang-format off */
static const struct {
    ch_alphabet alphabet;
    const char *text;
    bool fits; /* 4 to 6 characters */
} texts[] = {
    /* alphabet                  text        fits */
    { CH_ALPHABET_LOWER_HEX,     "09af",     true },
    { CH_ALPHABET_LOWER_HEX,     "09AF",     false },
    { CH_ALPHABET_LOWER_HEX,     "09ag",     false },
    { CH_ALPHABET_UPPER_HEX,     "09AFFF",   true },
    { CH_ALPHABET_UPPER_HEX,     "09af",     false },
    { CH_ALPHABET_HEX_DASHES,    "0-9a-f",   true },
    { CH_ALPHABET_HEX_DASHES,    "0_9af",    false },
    { CH_ALPHABET_ALPHANUMERIC,  "azAZ09",   true },
    { CH_ALPHABET_ALPHANUMERIC,  "azAZ-",    false },
    { CH_ALPHABET_ALPHANUMERIC,  "azAZ ",    false },
    { CH_ALPHABET_BASE64,        "aZ0+/=",   true },
    { CH_ALPHABET_BASE64,        "aZ0-_",    false },
    { CH_ALPHABET_BASE64URL,     "aZ0-_",    true },
    { CH_ALPHABET_BASE64URL,     "aZ0+/",    false },
    { CH_ALPHABET_LOWER_HEX,     "09a",      false },
    { CH_ALPHABET_LOWER_HEX,     "09afaff",  false },
    { CH_ALPHABET_LOWER_HEX,     "",         false },
};
/* clang-format on */

START_TEST(test_a_text_fits_by_its_length_and_its_characters)
{
    const ch_secret_shape shape = {texts[_i].alphabet, 4, 6};
    bool fits = ch_secret_shape_fits(&shape, ch_slice_of(texts[_i].text));
    ck_assert_msg(fits == texts[_i].fits, "%s: %s", ch_alphabet_name(texts[_i].alphabet), texts[_i].text);
}
END_TEST

START_TEST(test_a_nul_byte_is_in_no_alphabet)
{
    const ch_secret_shape shape = {CH_ALPHABET_BASE64, 4, 4};
    ck_assert(!ch_secret_shape_fits(&shape, CH_LITERAL("abc\0")));
}
END_TEST

START_TEST(test_a_shape_is_described)
{
    const ch_secret_shape one = {CH_ALPHABET_UPPER_HEX, 32, 32};
    const ch_secret_shape range = {CH_ALPHABET_ALPHANUMERIC, 27, 28};
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_secret_shape_describe(&one, &text);
    ck_assert_str_eq(ch_buffer_text(&text), "32 characters (0-9, A-F)");
    ch_buffer_clear(&text);
    ch_secret_shape_describe(&range, &text);
    ck_assert_str_eq(ch_buffer_text(&text), "27 to 28 characters (A-Z, a-z, 0-9)");
}
END_TEST

CH_TESTS("secret_shape", CH_TEST_ROWS(test_a_length_is_a_number_or_two, lengths),
         CH_TEST_ROWS(test_a_text_fits_by_its_length_and_its_characters, texts),
         CH_TEST(test_a_nul_byte_is_in_no_alphabet), CH_TEST(test_a_shape_is_described))
