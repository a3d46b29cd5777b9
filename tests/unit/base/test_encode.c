#include "base/encode.h"
#include "base/slice.h"
#include "tests/support/suite.h"

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
    ch_autobuffer encoded = CH_BUFFER_INIT;
    ch_autobuffer decoded = CH_BUFFER_INIT;
    ch_encode(&encoded, pairs[_i].encoding, ch_slice_of(pairs[_i].bytes));
    ck_assert_str_eq(ch_buffer_text(&encoded), pairs[_i].text);
    ck_assert_int_eq(ch_decode(&decoded, pairs[_i].encoding, ch_slice_of(pairs[_i].text), &err), CH_OK);
    ck_assert_str_eq(ch_buffer_text(&decoded), pairs[_i].bytes);
}
END_TEST

START_TEST(test_a_secret_is_decoded_as_other_bytes_are)
{
    ch_autosecret decoded = CH_SECRET_INIT;
    ch_autosecret text = secret_of(pairs[_i].text);
    ck_assert_int_eq(ch_decode_secret(&decoded, pairs[_i].encoding, &text, &err), CH_OK);
    ck_assert(ch_slice_is((ch_slice){decoded.data, decoded.size}, pairs[_i].bytes));
}
END_TEST

static const ch_encoding encodings[] = {CH_ENCODE_TEXT, CH_ENCODE_HEX, CH_ENCODE_HEX_UPPER, CH_ENCODE_BASE64,
                                        CH_ENCODE_BASE64URL};

/* Every length up to three groups, and every byte somewhere. */
START_TEST(test_all_bytes_survive)
{
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167 + 13);
    for (size_t size = 0; size <= sizeof bytes; size += size < 10 ? 1 : 41) {
        ch_autobuffer encoded = CH_BUFFER_INIT;
        ch_autobuffer decoded = CH_BUFFER_INIT;
        ch_encode(&encoded, encodings[_i], (ch_slice){bytes, size});
        ck_assert_int_eq(ch_decode(&decoded, encodings[_i], ch_buffer_slice(&encoded), &err), CH_OK);
        ck_assert(ch_slice_equal(ch_buffer_slice(&decoded), (ch_slice){bytes, size}));
    }
}
END_TEST

START_TEST(test_nothing_decodes_to_nothing_and_is_not_a_secret)
{
    ch_autobuffer decoded = CH_BUFFER_INIT;
    ch_autosecret secret = CH_SECRET_INIT;
    const ch_secret empty = CH_SECRET_INIT;
    ck_assert_int_eq(ch_decode(&decoded, encodings[_i], (ch_slice){NULL, 0}, &err), CH_OK);
    ck_assert_uint_eq(decoded.size, 0);
    ck_assert_int_eq(ch_decode_secret(&secret, encodings[_i], &empty, &err), CH_BAD_INPUT);
    ck_assert_ptr_null(secret.data);
}
END_TEST

START_TEST(test_what_is_decoded_is_appended)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ck_assert_int_eq(ch_decode(&out, CH_ENCODE_BASE64, CH_LITERAL("Zm8="), &err), CH_OK);
    ck_assert_int_eq(ch_decode(&out, CH_ENCODE_HEX, CH_LITERAL("6f"), &err), CH_OK);
    ck_assert_str_eq(ch_buffer_text(&out), "foo");
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
    {"hex, space",                        CH_ENCODE_HEX,       "ab cd "  },
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
    {"base64, space",                     CH_ENCODE_BASE64,    "Zm 9vYQ="},
    {"base64url, padding",                CH_ENCODE_BASE64URL, "Zg=="    },
    {"base64url, one digit over",         CH_ENCODE_BASE64URL, "Zm9vY"   },
    {"base64url, bits left over",         CH_ENCODE_BASE64URL, "Zh"      },
    {"base64url, digits of base64",       CH_ENCODE_BASE64URL, "+//+"    },
};

START_TEST(test_odd_spellings_are_refused)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_buffer_add_text(&out, "before");
    ck_assert_msg(ch_decode(&out, refused[_i].encoding, ch_slice_of(refused[_i].text), &err) == CH_BAD_INPUT,
                  "%s was taken", refused[_i].name);
    ck_assert_str_eq(ch_buffer_text(&out), "before");
}
END_TEST

START_TEST(test_odd_spellings_of_secrets_are_refused_and_leave_nothing)
{
    ch_autosecret decoded = CH_SECRET_INIT;
    ch_autosecret text = secret_of(refused[_i].text);
    ck_assert_msg(ch_decode_secret(&decoded, refused[_i].encoding, &text, &err) == CH_BAD_INPUT, "%s was taken",
                  refused[_i].name);
    ck_assert_ptr_null(decoded.data);
    ck_assert_msg(strstr(err.message, refused[_i].text) == NULL, "%s: the message quotes the secret", refused[_i].name);
}
END_TEST

START_TEST(test_nul_is_not_a_digit)
{
    static const char zeros[4];
    const ch_encoding digits[] = {CH_ENCODE_HEX, CH_ENCODE_BASE64, CH_ENCODE_BASE64URL};
    for (size_t i = 0; i < CH_ROWS(digits); i++) {
        ch_autobuffer out = CH_BUFFER_INIT;
        ck_assert_int_eq(ch_decode(&out, digits[i], (ch_slice){(const uint8_t *)zeros, 4}, &err), CH_BAD_INPUT);
    }
}
END_TEST

/* A view ends where it ends, whatever follows in memory. */
START_TEST(test_nothing_after_the_end_is_read)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ck_assert_int_eq(ch_decode(&out, CH_ENCODE_HEX, (ch_slice){(const uint8_t *)"abc", 1}, &err), CH_BAD_INPUT);
    ck_assert_int_eq(ch_decode(&out, CH_ENCODE_BASE64, (ch_slice){(const uint8_t *)"Zg==", 3}, &err), CH_BAD_INPUT);
    ck_assert(!ch_decode_percent(&out, (ch_slice){(const uint8_t *)"%41", 2}, false));
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

static const char *const bad_percents[] = {"%",   "a%2",    "%2f", "%g0", "%0g", "%%41",
                                           "% 1", "%2F%2f", "%:0", "%G0", "%@0"};

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

CH_TESTS("encode", CH_TEST_ROWS(test_encoding_and_decoding_are_each_other_s_inverse, pairs),
         CH_TEST_ROWS(test_a_secret_is_decoded_as_other_bytes_are, pairs),
         CH_TEST_ROWS(test_all_bytes_survive, encodings),
         CH_TEST_ROWS(test_nothing_decodes_to_nothing_and_is_not_a_secret, encodings),
         CH_TEST(test_what_is_decoded_is_appended), CH_TEST(test_hex_of_either_case_is_read),
         CH_TEST_ROWS(test_odd_spellings_are_refused, refused),
         CH_TEST_ROWS(test_odd_spellings_of_secrets_are_refused_and_leave_nothing, refused),
         CH_TEST(test_nul_is_not_a_digit), CH_TEST(test_nothing_after_the_end_is_read),
         CH_TEST_ROWS(test_all_but_the_unreserved_is_percent_encoded, percents),
         CH_TEST(test_a_nul_byte_is_percent_encoded), CH_TEST(test_a_plus_is_a_space_where_it_is_said_to_be),
         CH_TEST_ROWS(test_an_escape_of_another_spelling_is_not_decoded, bad_percents))
