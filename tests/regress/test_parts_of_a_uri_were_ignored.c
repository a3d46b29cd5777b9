/* A token's URI with a part that nobody looked at, or with one part twice, chose a token all the same: p11-kit passes
 * over empty parts and unknown names after '?', takes the last of two, and takes a text that begins with a zero byte,
 * and the largest number of a slot, for none. */
#include "pkcs11/uri.h"
#include "tests/support/suite.h"

#include <string.h>

static ch_error err;

/* clang-format off */
static const struct {
    const char *uri;
    const char *named; /* in the message */
} tokens[] = {
    { "pkcs11:token=x;token=main",                "'token' twice" },
    { "pkcs11:serial=1;token=main;serial=1",      "'serial' twice" },
    { "pkcs11:slot-id=1;slot-id=2",               "'slot-id' twice" },
    { "pkcs11:token=main;slot-description=x",     "'slot-description'" },
    { "pkcs11:token=main;slot-manufacturer=x",    "'slot-manufacturer'" },
    { "pkcs11:token=main;library-version=9.9",    "'library-version'" },
    { "pkcs11:token=main;library-description=x",  "'library-description'" },
    { "pkcs11:token=main;library-manufacturer=x", "'library-manufacturer'" },
    { "pkcs11:token=main;object=x",               "'object'" },
    { "pkcs11:token=main;object-type=private",    "'object-type'" },
    { "pkcs11:token=main;TOKEN=x",                "'TOKEN'" },
    { "pkcs11:tok%65n=main",                      "token, manufacturer" },
    { "pkcs11:token=main?x-q=1",                  "'x-q'" },
    { "pkcs11:token=main?bogus=1",                "'bogus'" },
    { "pkcs11:token=main?token=main",             "'token'" },
    { "pkcs11:token=main?module-name=x",          "'module-name'" },
    { "pkcs11:token=main?",                       "token, manufacturer" },
    { "pkcs11:token=main?&",                      "not a PKCS#11 URI" },
    { "pkcs11:;token=main",                       "empty part" },
    { "pkcs11:token=main;",                       "empty part" },
    { "pkcs11:token=main;;serial=1",              "empty part" },
    { "pkcs11:;?",                                "not a PKCS#11 URI" },
    { "pkcs11:token=",                            "'token'" },
    { "pkcs11:token=main;serial=",                "'serial'" },
    { "pkcs11:token=%20%20",                      "'token'" },
    { "pkcs11:token=%00main",                     "'token'" },
    { "pkcs11:slot-id=",                          "'slot-id'" },
    { "pkcs11:slot-id=18446744073709551615",      "'slot-id'" },
    { "pkcs11:slot-id=99999999999999999999",      "'slot-id'" },
    { "pkcs11:token=main#x",                      "'#'" },
};

static const struct {
    const char *uri;
    const char *named;
} objects[] = {
    { "pkcs11:object=x;object=main",              "'object' twice" },
    { "pkcs11:object=main;id=%01;id=%01",         "'id' twice" },
    { "pkcs11:object=main;type=private;type=private", "'type' twice" },
    { "pkcs11:object=main;token=x",               "'token'" },
    { "pkcs11:object=main;slot-description=x",    "'slot-description'" },
    { "pkcs11:object=main;library-version=1.1",   "'library-version'" },
    { "pkcs11:object=main;object-type=private",   "'object-type'" },
    { "pkcs11:object=main?x-q=1",                 "'x-q'" },
    { "pkcs11:object=main?bogus=1",               "'bogus'" },
    { "pkcs11:object=main?object=main",           "'object'" },
    { "pkcs11:object=main;id=",                   "'id'" },
    { "pkcs11:object=;id=%01",                    "'object'" },
    { "pkcs11:object=main;",                      "empty part" },
};

static const char *const tokens_that_can_be[] = {
    "pkcs11:", "pkcs11:token=a%20b", "PKCS11:token=a", "pkcs11:token=a;manufacturer=b;model=c;serial=d;slot-id=0",
    "pkcs11:token=a=b", "pkcs11:token=a&b",
};
static const char *const objects_that_can_be[] = {
    "pkcs11:object=a", "pkcs11:id=%00;object=%20;type=private", "pkcs11:type=secret-key;object=a",
};
/* clang-format on */

START_TEST(test_what_is_not_looked_at_in_a_tokens_uri_is_refused)
{
    ck_assert_msg(ch_uri_check_token(tokens[_i].uri, &err) == CH_CONFIG, "%s was taken", tokens[_i].uri);
    ck_assert_msg(strstr(err.message, tokens[_i].named) != NULL, "%s: %s", tokens[_i].uri, err.message);
}
END_TEST

START_TEST(test_what_is_not_looked_at_in_an_objects_uri_is_refused)
{
    ck_assert_msg(ch_uri_check_object(objects[_i].uri, &err) == CH_CONFIG, "%s was taken", objects[_i].uri);
    ck_assert_msg(strstr(err.message, objects[_i].named) != NULL, "%s: %s", objects[_i].uri, err.message);
}
END_TEST

START_TEST(test_tokens_can_be_named)
{
    ck_assert_msg(ch_uri_check_token(tokens_that_can_be[_i], &err) == CH_OK, "%s", err.message);
}
END_TEST

START_TEST(test_objects_can_be_named)
{
    ck_assert_msg(ch_uri_check_object(objects_that_can_be[_i], &err) == CH_OK, "%s", err.message);
}
END_TEST

/* What opens a token or finds an object does not trust that somebody has checked. */
START_TEST(test_no_uri_is_used_that_is_half_read)
{
    P11KitUri *uri = NULL;
    ck_assert_int_eq(ch_uri_parse("pkcs11:token=x;token=main", &uri, &err), CH_CONFIG);
    ck_assert_int_eq(ch_uri_parse("pkcs11:token=main;slot-description=x", &uri, &err), CH_CONFIG);
    ck_assert_int_eq(ch_uri_parse("pkcs11:token=main?bogus=1", &uri, &err), CH_CONFIG);
}
END_TEST

CH_TESTS("parts of a URI", CH_TEST_ROWS(test_what_is_not_looked_at_in_a_tokens_uri_is_refused, tokens),
         CH_TEST_ROWS(test_what_is_not_looked_at_in_an_objects_uri_is_refused, objects),
         CH_TEST_ROWS(test_tokens_can_be_named, tokens_that_can_be),
         CH_TEST_ROWS(test_objects_can_be_named, objects_that_can_be), CH_TEST(test_no_uri_is_used_that_is_half_read))
