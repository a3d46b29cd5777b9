#include "base/encode.h"
#include "base/slice.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static ch_error err;

static ch_secret secret_of(const char *text)
{
    ch_secret secret = CH_SECRET_INIT;
    if (*text != '\0') {
        ck_assert_int_eq(ch_secret_alloc(&secret, strlen(text), &err), CH_OK);
        memcpy(secret.data, text, strlen(text));
    }
    return secret;
}

/* RFC 4648, section 10, and what the two alphabets differ in. */
static const struct {
    ch_encoding encoding;
    const char *bytes;
    const char *text;
} pairs[] = {
    {CH_ENCODE_TEXT,      "plain",        "plain"   },
    {CH_ENCODE_HEX,       "\xab\x01",     "ab01"    },
    {CH_ENCODE_HEX_UPPER, "\xab\x01",     "AB01"    },
    {CH_ENCODE_BASE64,    "f",            "Zg=="    },
    {CH_ENCODE_BASE64,    "fo",           "Zm8="    },
    {CH_ENCODE_BASE64,    "foo",          "Zm9v"    },
    {CH_ENCODE_BASE64,    "foob",         "Zm9vYg=="},
    {CH_ENCODE_BASE64,    "\xfb\xff\xfe", "+//+"    },
    {CH_ENCODE_BASE64URL, "f",            "Zg"      },
    {CH_ENCODE_BASE64URL, "fo",           "Zm8"     },
    {CH_ENCODE_BASE64URL, "\xfb\xff\xfe", "-__-"    },
};

START_TEST(test_encoding_and_decoding_are_each_other_s_inverse)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_autosecret decoded = CH_SECRET_INIT;
    ch_autosecret text = secret_of(pairs[_i].text);
    ch_encode(&out, pairs[_i].encoding, ch_slice_of(pairs[_i].bytes));
    ck_assert_str_eq(ch_buffer_text(&out), pairs[_i].text);
    ck_assert_int_eq(ch_decode_secret(&decoded, pairs[_i].encoding, &text, &err), CH_OK);
    ck_assert(ch_slice_is((ch_slice){decoded.data, decoded.size}, pairs[_i].bytes));
}
END_TEST

START_TEST(test_hex_of_either_case_is_read)
{
    ch_autosecret decoded = CH_SECRET_INIT;
    ch_autosecret text = secret_of("aBCd");
    ck_assert_int_eq(ch_decode_secret(&decoded, CH_ENCODE_HEX, &text, &err), CH_OK);
    ck_assert_int_eq(memcmp(decoded.data, "\xab\xcd", 2), 0);
}
END_TEST

static const struct {
    const char *name;
    ch_encoding encoding;
    const char *text;
} refused[] = {
    {"hex, odd",                          CH_ENCODE_HEX,       "abc"     },
    {"hex, not a digit",                  CH_ENCODE_HEX,       "zz"      },
    {"hex, 0x",                           CH_ENCODE_HEX,       "0xab"    },
    {"hex, blank",                        CH_ENCODE_HEX,       "ab cd "  },
    {"hex, after 9",                      CH_ENCODE_HEX,       "a:"      },
    {"base64, one digit",                 CH_ENCODE_BASE64,    "Z"       },
    {"base64, one digit, padded",         CH_ENCODE_BASE64,    "Z==="    },
    {"base64, no padding",                CH_ENCODE_BASE64,    "Zg"      },
    {"base64, half the padding",          CH_ENCODE_BASE64,    "Zg="     },
    {"base64, too much padding",          CH_ENCODE_BASE64,    "Zm9v===="},
    {"base64, padding only",              CH_ENCODE_BASE64,    "===="    },
    {"base64, padding in the middle",     CH_ENCODE_BASE64,    "Zg==Zg=="},
    {"base64, bits left over, one byte",  CH_ENCODE_BASE64,    "Zh=="    },
    {"base64, bits left over, two bytes", CH_ENCODE_BASE64,    "Zm9="    },
    {"base64, digits of base64url",       CH_ENCODE_BASE64,    "-__-"    },
    {"base64, line end",                  CH_ENCODE_BASE64,    "Zm9v\n"  },
    {"base64, blank",                     CH_ENCODE_BASE64,    "Zm 9vYQ="},
    {"base64url, padding",                CH_ENCODE_BASE64URL, "Zg=="    },
    {"base64url, one digit over",         CH_ENCODE_BASE64URL, "Zm9vY"   },
    {"base64url, bits left over",         CH_ENCODE_BASE64URL, "Zh"      },
    {"base64url, digits of base64",       CH_ENCODE_BASE64URL, "+//+"    },
};

START_TEST(test_odd_spellings_are_refused_and_leave_nothing)
{
    ch_autosecret decoded = CH_SECRET_INIT;
    ch_autosecret text = secret_of(refused[_i].text);
    ck_assert_msg(ch_decode_secret(&decoded, refused[_i].encoding, &text, &err) == CH_BAD_INPUT, "%s was taken",
                  refused[_i].name);
    ck_assert_ptr_null(decoded.data);
    ck_assert_msg(strstr(err.message, refused[_i].text) == NULL, "%s: the message quotes the secret", refused[_i].name);
}
END_TEST

static const struct {
    const char *bytes;
    const char *also_plain;
    const char *text;
} percents[] = {
    {"AZaz09-._~", "",   "AZaz09-._~"   },
    {"a b+c/d",    "",   "a%20b%2Bc%2Fd"},
    {"a b+c/d",    "/+", "a%20b+c/d"    },
    {"\xc3\xa9%",  "",   "%C3%A9%25"    },
    {"a=b&c\n",    "",   "a%3Db%26c%0A" },
};

START_TEST(test_all_but_the_unreserved_is_percent_encoded)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_encode_percent(&out, ch_slice_of(percents[_i].bytes), percents[_i].also_plain);
    ck_assert_str_eq(ch_buffer_text(&out), percents[_i].text);
    ch_autobuffer again = CH_BUFFER_INIT;
    ck_assert(ch_decode_percent(&again, ch_buffer_slice(&out), false));
    ck_assert_str_eq(ch_buffer_text(&again), percents[_i].bytes);
}
END_TEST

START_TEST(test_a_plus_is_a_space_where_it_is_said_to_be)
{
    ch_autobuffer form = CH_BUFFER_INIT;
    ch_autobuffer url = CH_BUFFER_INIT;
    ck_assert(ch_decode_percent(&form, CH_LITERAL("a+b%2B"), true));
    ck_assert(ch_decode_percent(&url, CH_LITERAL("a+b%2B"), false));
    ck_assert_str_eq(ch_buffer_text(&form), "a b+");
    ck_assert_str_eq(ch_buffer_text(&url), "a+b+");
}
END_TEST

static const char *const bad_percents[] = {"%", "a%2", "%2f", "%g0", "%0g", "%%41", "% 1"};

START_TEST(test_an_escape_of_another_spelling_is_not_decoded)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ck_assert_msg(!ch_decode_percent(&out, ch_slice_of(bad_percents[_i]), false), "%s was taken", bad_percents[_i]);
}
END_TEST

START_TEST(test_a_nul_byte_is_percent_encoded)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_encode_percent(&out, (ch_slice){(const uint8_t *)"a\0", 2}, "/");
    ck_assert_str_eq(ch_buffer_text(&out), "a%00");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encode");
    TCase *cases = tcase_create("encode");
    tcase_add_loop_test(cases, test_encoding_and_decoding_are_each_other_s_inverse, 0,
                        (int)(sizeof pairs / sizeof *pairs));
    tcase_add_test(cases, test_hex_of_either_case_is_read);
    tcase_add_loop_test(cases, test_odd_spellings_are_refused_and_leave_nothing, 0,
                        (int)(sizeof refused / sizeof *refused));
    tcase_add_loop_test(cases, test_all_but_the_unreserved_is_percent_encoded, 0,
                        (int)(sizeof percents / sizeof *percents));
    tcase_add_test(cases, test_a_nul_byte_is_percent_encoded);
    tcase_add_test(cases, test_a_plus_is_a_space_where_it_is_said_to_be);
    tcase_add_loop_test(cases, test_an_escape_of_another_spelling_is_not_decoded, 0,
                        sizeof bad_percents / sizeof bad_percents[0]);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
