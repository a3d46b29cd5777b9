#include "relay/address.h"

#include "tests/support/suite.h"

#include <string.h>

#define TOKEN "0123456789abcdef0123456789abcdef"

static ch_secret token = CH_SECRET_INIT;
static ch_error err = CH_ERROR_INIT;

static void set_up(void)
{
    ck_assert_int_eq(ch_secret_alloc(&token, strlen(TOKEN), &err), CH_OK);
    memcpy(token.data, TOKEN, token.size);
}

static void tear_down(void)
{
    ch_secret_wipe(&token);
}

/* clang-format off */
static const struct {
    const char *target;
    const char *key;
    const char *origin;
    const char *url;
} good[] = {
    { "/" TOKEN "/k",                              "k",   "",     "/" },
    { "/" TOKEN "/k/",                             "k",   "",     "/" },
    { "/" TOKEN "/k-1.a_b/api/v3?x=1&y=/a?b",      "k-1.a_b", "", "/api/v3?x=1&y=/a?b" },
    { "/" TOKEN "/k?x=1",                          "k",   "",     "/?x=1" },
    { "/" TOKEN "/k/~usdm/fapi/v1",                "k",   "usdm", "/fapi/v1" },
    { "/" TOKEN "/k/~usdm?a=b",                    "k",   "usdm", "/?a=b" },
    { "/" TOKEN "/k/a/~usdm",                      "k",   "",     "/a/~usdm" },
    { "/" TOKEN "/k/https://h/p?q=1",              "k",   "",     "https://h/p?q=1" },
    { "/" TOKEN "/k/HTTPS://h/p",                  "k",   "",     "HTTPS://h/p" },
    { "/" TOKEN "/k/https%3A%2F%2Fh%2Fp%3Fq%3D%2520", "k", "",    "https://h/p?q=%20" },
    { "/" TOKEN "/k/httpsx/y",                     "k",   "",     "/httpsx/y" },
};

static const struct {
    const char *target;
    ch_status status;
} bad[] = {
    { "/",                                          CH_NOT_FOUND },
    { "/" TOKEN "0/k",                              CH_NOT_FOUND },
    { "/1123456789abcdef0123456789abcdef/k",        CH_NOT_FOUND },
    { "/k/" TOKEN,                                  CH_NOT_FOUND },
    { "/" TOKEN,                                    CH_BAD_INPUT },
    { "/" TOKEN "?k",                               CH_BAD_INPUT },
    { "/" TOKEN "//k",                              CH_BAD_INPUT },
    { "/" TOKEN "/K",                               CH_BAD_INPUT },
    { "/" TOKEN "/..",                              CH_BAD_INPUT },
    { "/" TOKEN "/k/~",                             CH_BAD_INPUT },
    { "/" TOKEN "/k/~US/x",                         CH_BAD_INPUT },
    { "/" TOKEN "/k/http://h/",                     CH_BAD_INPUT },
    { "/" TOKEN "/k/http%3A%2F%2Fh",                CH_BAD_INPUT },
    { "/" TOKEN "/k/https:/h/",                     CH_BAD_INPUT },
    { "/" TOKEN "/k/https%3A%2F%2Fh/p",             CH_BAD_INPUT },
    { "/" TOKEN "/k/https%3A%2F%2Fh?x",             CH_BAD_INPUT },
    { "/" TOKEN "/k/https%3A%2F%2Fh%0A",            CH_BAD_INPUT },
    { "/" TOKEN "/k/https%3A%2F%2Fh%23",            CH_BAD_INPUT },
    { "/" TOKEN "/k/https%3A%2F%2Fh%C3%A4",         CH_BAD_INPUT },
    { "/" TOKEN "/k/https%3A%2F%2Fh%zz",            CH_BAD_INPUT },
};
/* clang-format on */

START_TEST(test_address_is_read)
{
    ch_bot_address address;
    ck_assert_int_eq(ch_bot_address_read(ch_slice_of(good[_i].target), &token, &address, &err), CH_OK);
    ck_assert(ch_slice_is(address.key, good[_i].key));
    ck_assert(ch_slice_is(address.origin, good[_i].origin));
    ck_assert_str_eq(ch_buffer_text(&address.url), good[_i].url);
    ch_buffer_free(&address.url);
}
END_TEST

START_TEST(test_address_is_refused)
{
    ch_bot_address address;
    ck_assert_int_eq(ch_bot_address_read(ch_slice_of(bad[_i].target), &token, &address, &err), bad[_i].status);
    ck_assert_ptr_null(strstr(err.message, TOKEN));
    ch_buffer_free(&address.url);
}
END_TEST

START_TEST(test_address_without_token_begins_with_the_key)
{
    ch_bot_address address;
    ck_assert_int_eq(ch_bot_address_read(ch_slice_of("/k/x"), NULL, &address, &err), CH_OK);
    ck_assert(ch_slice_is(address.key, "k"));
    ch_buffer_free(&address.url);
}
END_TEST

START_TEST(test_tokens_are_long_and_plain)
{
    ck_assert(ch_is_bot_token(ch_slice_of(TOKEN)));
    ck_assert(!ch_is_bot_token(ch_slice_of("0123456789abcdef0123456789abcde")));
    ck_assert(!ch_is_bot_token(ch_slice_of("0123456789abcdef0123456789abcde/")));
    ck_assert(!ch_is_bot_token(ch_slice_of("0123456789abcdef0123456789abcde%")));
}
END_TEST

CH_TESTS_WITH("address", set_up, tear_down, CH_TEST_ROWS(test_address_is_read, good),
              CH_TEST_ROWS(test_address_is_refused, bad), CH_TEST(test_address_without_token_begins_with_the_key),
              CH_TEST(test_tokens_are_long_and_plain))
