#include "cli/secret_text.h"

#include "tests/support/suite.h"

#include <string.h>

/* 16 bytes in base64, and the shape of such a text. */
#define VALUE "AAECAwQFBgcICQoLDA0ODw=="
static const ch_secret_shape of_value = {CH_ALPHABET_BASE64, 24, 24};
static const ch_secret_shape of_text = {CH_ALPHABET_ALPHANUMERIC, 8, 8};

static const ch_secret_form text = {.encoding = CH_ENCODE_TEXT, .exchange = "acme"};
static const ch_secret_form any = {.encoding = CH_ENCODE_TEXT};
static const ch_secret_form as_is = {.encoding = CH_ENCODE_TEXT, .is_as_is = true};
static const ch_secret_form shaped = {CH_ENCODE_TEXT, &of_text, "acme", false};
static const ch_secret_form hex = {.encoding = CH_ENCODE_HEX, .exchange = "acme"};
static const ch_secret_form base64 = {.encoding = CH_ENCODE_BASE64, .exchange = "acme"};
static const ch_secret_form whole = {CH_ENCODE_BASE64, &of_value, "acme", false};

static ch_error err;
static ch_buffer taken;

static ch_status read_text(ch_slice input, const ch_secret_form *form, ch_secret *out)
{
    ch_autosecret given = CH_SECRET_INIT;
    ck_assert_int_eq(ch_secret_alloc(&given, input.size, &err), CH_OK);
    memcpy(given.data, input.data, input.size);
    ch_buffer_clear(&taken);
    return ch_secret_text_read(&given, form, out, &taken, &err);
}

/* clang-format off */
static const struct {
    const ch_secret_form *form;
    const char *input;
    const char *taken;
} good[] = {
    /* form      input                              taken */
    { &text,     "abcDEF0123456789",               "text, 16 bytes" },
    { &text,     "abcDEF0123456789\n",             "text, 16 bytes" },
    { &text,     "abcDEF0123456789\r\n",           "text, 16 bytes" },
    { &text,     "a.b-c_d~e+f/g12==",               "text, 17 bytes" },
    { &shaped,   "abcDEF01\n",                      "text, 8 bytes" },
    { &hex,      "00ff80aa00ff80aa00ff80aa00ff80aa\n", "hex, 16 bytes" },
    { &as_is,    "a:b",                             "text, 3 bytes" },
    { &any,      "secret",                          "text, 6 bytes" },
    { &any,      "aaaaaaaa",                        "text, 8 bytes" },
    { &base64,   VALUE "\n",                        "base64, 16 bytes" },
    { &base64,   "AAECAwQFBgcICQoL\nDA0ODw==\n",    "base64, 16 bytes; 2 wrapped lines joined" },
    { &base64,   "AAECAwQF\r\nBgcICQoL\r\nDA0ODw==", "base64, 16 bytes; 3 wrapped lines joined" },
    { &base64,   "AAECAwQFBgcI\nCQoLDA0ODw==\n",    "base64, 16 bytes; 2 wrapped lines joined" },
    { &base64,   "AAECAwQFBgcICQoLDA0ODw=\n=\n",    "base64, 16 bytes; 2 wrapped lines joined" },
    { &whole,    "AAECA\nwQFBg\ncICQo\nLDA0O\nDw==\n", "base64, 16 bytes; 5 wrapped lines joined" },
    { &whole,    "A\nA\nE\nC\nA\nw\nQ\nF\nB\ng\nc\nI\nC\nQ\no\nL\nD\nA\n0\nO\nD\nw\n=\n=",
                                                    "base64, 16 bytes; 24 wrapped lines joined" },
};

static const struct {
    const ch_secret_form *form;
    const char *input;
    const char *says;
} bad[] = {
    /* form      input                              says */
    { &text,     "\n",                              "is empty" },
    { &text,     "\nabcDEF01",                      "begins with an empty line" },
    { &text,     "abcDEF01\n\n",                    "an empty line follows" },
    { &text,     "abcDEF01\nxyz\n",                 "has 2 lines" },
    { &text,     "\xef\xbb\xbf" "abcDEF01",         "byte order mark" },
    { &text,     "\xff\xfe" "abcDEF01",             "UTF-16" },
    { &text,     "abcDEF01\r\r\n",                  "CR CR LF" },
    { &text,     "abcDEF01\r",                      "a carriage return that ends no line" },
    { &text,     "abc\rDEF01",                      "a carriage return that ends no line" },
    { &text,     " abcDEF01",                       "begins with a space" },
    { &text,     "abcDEF01 ",                       "ends with a space" },
    { &text,     "abc DEF01",                       "character 4 of the API secret is a space" },
    { &text,     "\tabcDEF01",                      "begins with a tab" },
    { &text,     "abcDEF01\t",                      "ends with a tab" },
    { &text,     "\xc2\xa0" "abcDEF01",             "begins with a no-break space" },
    { &text,     "abcDEF01\xa0",                    "ends with a no-break space" },
    { &text,     "abc\xe2\x80\x8b" "DEF01",         "character 4 of the API secret is a character without width" },
    { &text,     "abcDEF01\xe2\x81\xa0",            "ends with a character without width" },
    { &text,     "abcDEF01\xe3\x80\x80",            "ends with a wide space" },
    { &text,     "abcDEF01\xc2\xad",                "ends with a soft hyphen" },
    { &text,     "abc\xe2\x80\xa9" "DEF01",         "a Unicode line separator" },
    { &text,     "abc\xc3\xa9" "DEF01",             "character 4 of the API secret is not a visible ASCII" },
    { &text,     "abc\x7f" "DEF01",                 "not a visible ASCII" },
    { &text,     "\"abcDEF01\"",                    "in quotes" },
    { &text,     "'abcDEF01'",                      "in quotes" },
    { &text,     "`abcDEF01`",                      "in quotes" },
    { &text,     "\xe2\x80\x9c" "abcDEF01",         "in quotes" },
    { &text,     "abcDEF01\"",                      "a quotation mark" },
    { &text,     "SECRET=abcDEF01",                 "NAME=value" },
    { &text,     "api.secret = abcDEF01",           "NAME=value" },
    { &text,     "export SECRET=abcDEF01",          "NAME=value" },
    { &text,     "secret: abcDEF01",                "NAME=value" },
    { &text,     "# abcDEF01",                      "a comment" },
    { &text,     "// abcDEF01",                     "a comment" },
    { &text,     "; abcDEF01",                      "a comment" },
    { &text,     "{\"secret\":\"abcDEF01\"}",       "is JSON" },
    { &text,     "[\"abcDEF01\"]",                  "is JSON" },
    { &text,     "id:abcDEF01",                     "more than one value" },
    { &text,     "id,abcDEF01",                     "more than one value" },
    { &text,     "1=abcDEF01",                      "more than one value" },
    { &text,     "${SECRET}",                       "a place-holder" },
    { &text,     "<abcDEF01>",                      "a place-holder" },
    { &text,     "abcDEF0123*****",                 "character 11 of the API secret is of a mask" },
    { &text,     "abcDEF012%2F34567",               "percent-encoding" },
    { &text,     "abcDEF01...23456789",             "was shortened" },
    { &text,     "abcDEF01xxxx23456789",            "a mask" },
    { &text,     "1111111111111111",                "one character" },
    { &text,     "/abcDEF0123456789",               "a file" },
    { &text,     "~abcDEF0123456789",               "a file" },
    { &text,     "0x0123456789abcdef",              "without the 0x" },
    { &text,     "yourApi-Secret0123",              "words" },
    { &text,     "LONELY_CAPITALS_",                "words" },
    { &text,     "abcDEF012345678",                 "has 15 bytes" },
    { &hex,      "0123456789",                      "has 5 bytes" },
    { &hex,      "00000000000000000000000000000000", "one character" },
    { &base64,   "AAECAwQFBgcICQoL",                "has 12 bytes" },
    { &base64,   "0123456789abcdef0123456789abcdef", "--encoding hex" },
    { &base64,   "/run/secrets/acme1234567",        "a file" },
    { &text,     "-----BEGIN PRIVATE KEY-----\n",   "a private key in the place" },
    { &text,     "-----BEGIN PUBLIC KEY-----\n",    "a public key" },
    { &shaped,   "abcDEF0",                         "has 7 characters, and those of acme have 8 characters" },
    { &shaped,   "abcDEF012",                       "has 9 characters" },
    { &shaped,   "abcDEF0-",                        "has other characters" },
    { &hex,      "00ff8",                           "not hex" },
    { &hex,      "0x00ff",                          "not hex" },
    { &hex,      "00ff\n80aa\n",                    "has 2 lines" },
    { &base64,   "AAECAwQFBgcICQoLDA0ODw",          "cut short or lacks its padding" },
    { &base64,   "AAECAwQFBgcICQoLDA0OD===",        "not base64" },
    { &base64,   "AAEC-wQFBgcICQoLDA0ODw==",        "character 5 is not a base64 digit" },
    { &base64,   "KEY=AAECAwQFBgcICQoLDA0ODw==",    "NAME=value" },
    { &base64,   VALUE "\n" VALUE "\n",             "2 lines, which may be more than one value" },
    { &base64,   "AAECAwQF\n" VALUE "\n",           "2 lines, which may be more than one value" },
    { &base64,   "AAECAwQF\nBgcI\nCQoLDA0ODw==\n",  "3 lines, which may be more than one value" },
    { &base64,   "AAECAwQFBgcI\nDw==\n",            "2 lines, which may be more than one value" }, /* of 10 bytes */
    { &base64,   "AAECAwQFBgcICQoLDA0ODwAA\nAAECAwQFBgcICQoLDA0ODwAA\nAAECAwQFBgcICQoLDA0ODwAA\n", "3 lines" },
    { &base64,   "AAECAwQFBgcICQoL\n\nDA0ODw==\n",  "3 lines" },
    { &base64,   "AAECAwQFBgcICQoL\n DA0ODw==\n",   "a space" },
    { &whole,    VALUE "\nAAAA\n",                  "2 lines" },
    { &whole,    "AAECAwQFBgcICQoL\n",              "has 16 characters, and those of acme have 24" },
    { &whole,    "AAECAwQFBgcICQoL\nDA0ODw==\nAA==\n", "3 lines" },
};
/* clang-format on */

START_TEST(test_what_is_beyond_doubt_is_taken)
{
    ch_autosecret out = CH_SECRET_INIT;
    ch_status st = read_text(ch_slice_of(good[_i].input), good[_i].form, &out);
    ck_assert_msg(st == CH_OK, "%s: %s", good[_i].input, err.message);
    ck_assert_str_eq(ch_buffer_text(&taken), good[_i].taken);
    for (size_t i = 0; good[_i].form->encoding == CH_ENCODE_BASE64 && i < out.size; i++)
        ck_assert_uint_eq(out.data[i], i);
}
END_TEST

START_TEST(test_the_rest_is_refused_with_its_reason)
{
    ch_autosecret out = CH_SECRET_INIT;
    ch_status st = read_text(ch_slice_of(bad[_i].input), bad[_i].form, &out);
    ck_assert_msg(st == CH_BAD_INPUT, "%s: %d", bad[_i].input, st);
    ck_assert_msg(strstr(err.message, bad[_i].says) != NULL, "%s: %s", bad[_i].input, err.message);
    ck_assert_msg(strstr(err.message, "abcDEF") == NULL && strstr(err.message, "AwQF") == NULL, "%s", err.message);
    ck_assert_uint_eq(taken.size, 0);
}
END_TEST

START_TEST(test_utf_16_is_refused)
{
    ch_autosecret out = CH_SECRET_INIT;
    ck_assert_int_eq(read_text(CH_LITERAL("a\0b\0c\0"), &text, &out), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "UTF-16"));
}
END_TEST

CH_TESTS("secret_text", CH_TEST_ROWS(test_what_is_beyond_doubt_is_taken, good),
         CH_TEST_ROWS(test_the_rest_is_refused_with_its_reason, bad), CH_TEST(test_utf_16_is_refused))
