#include "cli/key_choice.h"

#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static ch_error err;

/* clang-format off */
static const struct {
    const char *what;
    const char *profile;
    const char *scheme;
    const char *mechanism;
    const char *encoding;
    const char *default_scheme;
    ch_status status;
    const char *chosen; /* or what the error says */
    ch_encoding chosen_encoding;
} cases[] = {
    /* what                          profile     scheme     mechanism      encoding  default  status         mechanism, or error   encoding */
    { "a mechanism",                 NULL,       NULL,      "hmac-sha256", NULL,     "hmac",  CH_OK,         "hmac-sha256",        CH_ENCODE_TEXT },
    { "a mechanism, encoded",        NULL,       NULL,      "hmac-sha256", "hex",    "hmac",  CH_OK,         "hmac-sha256",        CH_ENCODE_HEX },
    { "a profile's usual scheme",    "kraken",   NULL,      NULL,          NULL,     "hmac",  CH_OK,         "hmac-sha512",        CH_ENCODE_BASE64 },
    { "another encoding than its",   "kraken",   NULL,      NULL,          "text",   "hmac",  CH_OK,         "hmac-sha512",        CH_ENCODE_TEXT },
    { "a profile's other scheme",    "binance",  "ed25519", NULL,          NULL,     "hmac",  CH_OK,         "ed25519",            CH_ENCODE_TEXT },
    { "nothing",                     NULL,       NULL,      NULL,          NULL,     "hmac",  CH_BAD_INPUT,  "what is the key for", 0 },
    { "profile and mechanism",       "kraken",   NULL,      "hmac-sha512", NULL,     "hmac",  CH_BAD_INPUT,  "either --profile",   0 },
    { "a scheme of no profile",      NULL,       "hmac",    "hmac-sha512", NULL,     "hmac",  CH_BAD_INPUT,  "either --profile",   0 },
    { "an unknown mechanism",        NULL,       NULL,      "rot13",       NULL,     "hmac",  CH_BAD_INPUT,  "use one of hmac-",   0 },
    { "an unknown encoding",         NULL,       NULL,      "hmac-sha256", "rot13",  "hmac",  CH_BAD_INPUT,  "text, hex or base64", 0 },
    { "no usual scheme",             "binance",  NULL,      NULL,          NULL,     NULL,    CH_BAD_INPUT,  "Give --scheme",      0 },
    { "an unknown scheme",           "kraken",   "rsa",     NULL,          NULL,     "hmac",  CH_NOT_FOUND,  "no scheme 'rsa'",    0 },
    { "a path",                      "../x",     NULL,      NULL,          NULL,     "hmac",  CH_BAD_INPUT,  "takes a name",       0 },
    { "an empty name",               "",         NULL,      NULL,          NULL,     "hmac",  CH_BAD_INPUT,  "takes a name",       0 },
};
/* clang-format on */

START_TEST(test_a_key_is_for_a_mechanism_or_a_scheme)
{
    ch_arguments arguments = {0};
    ch_choice choice;
    arguments.option[CH_OPT_PROFILES] = "profiles";
    arguments.option[CH_OPT_PROFILE] = cases[_i].profile;
    arguments.option[CH_OPT_SCHEME] = cases[_i].scheme;
    arguments.option[CH_OPT_MECHANISM] = cases[_i].mechanism;
    arguments.option[CH_OPT_ENCODING] = cases[_i].encoding;
    ch_status st = ch_choice_read(&arguments, cases[_i].default_scheme, &choice, &err);
    ck_assert_msg(st == cases[_i].status, "%s: %d %s", cases[_i].what, st, err.message);
    if (st != CH_OK) {
        ck_assert_msg(strstr(err.message, cases[_i].chosen) != NULL, "%s: %s", cases[_i].what, err.message);
        return;
    }
    ck_assert_str_eq(choice.mechanism->name, cases[_i].chosen);
    ck_assert_int_eq(choice.encoding, cases[_i].chosen_encoding);
}
END_TEST

START_TEST(test_a_missing_profile_says_where_profiles_are_looked_for)
{
    ch_arguments arguments = {0};
    ch_choice choice;
    arguments.option[CH_OPT_PROFILES] = "/nonexistent";
    arguments.option[CH_OPT_PROFILE] = "kraken";
    ck_assert_int_ne(ch_choice_read(&arguments, "hmac", &choice, &err), CH_OK);
    ck_assert_ptr_nonnull(strstr(err.message, "/nonexistent/kraken.yaml"));
    ck_assert_ptr_nonnull(strstr(err.message, "--profiles"));
}
END_TEST

CH_TESTS("key_choice", CH_TEST_ROWS(test_a_key_is_for_a_mechanism_or_a_scheme, cases),
         CH_TEST(test_a_missing_profile_says_where_profiles_are_looked_for))
