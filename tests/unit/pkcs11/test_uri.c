/* URIs and token making: nothing quotes a PIN, and nothing is half done. */
#include "pkcs11/uri.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "pkcs11/key.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static ch_error err;

static const char *const with_pin[] = {
    "pkcs11:token=a?pin-value=73519",
    "pkcs11:token=a?pin-value=73519&x=%zz", /* malformed as well */
    "pin-value=73519",
    "pkcs11:token=a?pin-source=/run/73519",
    "PKCS11:token=a?PIN-VALUE=73519",
    "pkcs11:token=a?pin-val ue=73519", /* the parser skips white space */
    "pkcs11:token=a;pin-value=73519",
    "pkcs11:token=a;pinfile=/run/73519", /* an old name for pin-source that the parser knows */
};

START_TEST(test_a_uri_with_a_pin_is_refused_and_not_quoted)
{
    P11KitUri *uri = NULL;
    ck_assert_int_eq(ch_uri_parse(with_pin[_i], &uri, &err), CH_CONFIG);
    ck_assert_ptr_null(uri);
    ck_assert_ptr_null(strstr(err.message, "73519"));
}
END_TEST

/* clang-format off */
static const struct {
    const char *uri;
    const char *label;
} labels[] = {
    { "pkcs11:object=alice-totp",       "alice-totp" },
    { "pkcs11:id=%01;object=my%20key",  "my key" },
    { "pkcs11:id=%01",                  NULL },
    { "object=alice-totp",              NULL },
    { "pkcs11:object=a?pin-value=1",    NULL },
};
/* clang-format on */

START_TEST(test_the_label_of_a_uri)
{
    ch_autofree char *label = ch_uri_label(labels[_i].uri);
    ck_assert_pstr_eq(label, labels[_i].label);
}
END_TEST

/* It may hold a PIN that the parser did not get to. */
START_TEST(test_a_malformed_uri_is_refused_and_not_quoted)
{
    P11KitUri *uri = NULL;
    ck_assert_int_eq(ch_uri_parse("pkcs11:token=a?pin-val ue=73519&x=%zz", &uri, &err), CH_CONFIG);
    ck_assert_ptr_null(strstr(err.message, "73519"));
}
END_TEST

START_TEST(test_a_slot_id_picks_the_slot)
{
    ch_token *token = NULL;
    ch_autobuffer uri = CH_BUFFER_INIT;
    ck_assert_int_eq(ch_token_open(&softhsm_module, CH_TEST_URI, &token, &err), CH_OK);
    CK_SLOT_ID slot = ch_token_slot(token);
    ch_token_close(token);
    token = NULL;
    ch_buffer_add_format(&uri, "pkcs11:slot-id=%lu", slot);
    ck_assert_int_eq(ch_token_open(&softhsm_module, ch_buffer_text(&uri), &token, &err), CH_OK);
    ck_assert_str_eq(ch_token_label(token), "unit");
    ch_token_close(token);
    token = NULL;
    ck_assert_int_eq(ch_token_open(&softhsm_module, "pkcs11:slot-id=99", &token, &err), CH_NOT_FOUND);
}
END_TEST

static const struct {
    const char *name;
    const char *label;
    const char *so_pin;
    const char *user_pin;
} refused[] = {
    {"short user PIN",             "new",                               "12345678", "1"       },
    {"short PIN of the officer",   "new",                               "1",        "12345678"},
    {"empty label",                "",                                  "12345678", "12345678"},
    {"label of 33 bytes",          "abcdefghijklmnopqrstuvwxyz0123456", "12345678", "12345678"},
    {"label that ends in a space", "new ",                              "12345678", "12345678"},
    {"control character in it",    "n\tew",                             "12345678", "12345678"},
};

START_TEST(test_a_token_that_can_not_be_finished_is_not_begun)
{
    ch_autofree ch_token_info *list = NULL;
    size_t count = 0;
    ch_autosecret so_pin = softhsm_secret(refused[_i].so_pin, strlen(refused[_i].so_pin));
    ch_autosecret user_pin = softhsm_secret(refused[_i].user_pin, strlen(refused[_i].user_pin));
    ck_assert_msg(ch_token_init(&softhsm_module, refused[_i].label, &so_pin, &user_pin, false, &err) == CH_BAD_INPUT,
                  "%s was taken", refused[_i].name);
    ck_assert_int_eq(ch_token_list(&softhsm_module, &list, &count, &err), CH_OK);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(!list[i].is_initialized || strcmp(list[i].label, "unit") == 0, "%s made '%s'", refused[_i].name,
                      list[i].label);
}
END_TEST

START_TEST(test_erasing_with_a_short_pin_keeps_the_token_and_its_keys)
{
    ch_session session;
    ch_key_object key;
    ch_token *token = softhsm_open(&session);
    const ch_mechanism *hmac = ch_mechanism_find(CH_LITERAL("hmac-sha256"));
    ck_assert_int_eq(ch_key_generate(&session, "k", hmac, 0, &err), CH_OK);
    ch_session_close(&session);
    ch_token_close(token);
    ch_autosecret so_pin = softhsm_secret(CH_TEST_PIN, strlen(CH_TEST_PIN));
    ch_autosecret user_pin = softhsm_secret("1", 1);
    ck_assert_int_eq(ch_token_init(&softhsm_module, "unit", &so_pin, &user_pin, true, &err), CH_BAD_INPUT);
    token = softhsm_open(&session);
    ck_assert_msg(ch_key_find(&session, "pkcs11:object=k", hmac, &key, &err) == CH_OK, "%s", err.message);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

CH_TESTS_WITH("uri", softhsm_set_up, softhsm_tear_down,
              CH_TEST_ROWS(test_a_uri_with_a_pin_is_refused_and_not_quoted, with_pin),
              CH_TEST(test_a_malformed_uri_is_refused_and_not_quoted), CH_TEST(test_a_slot_id_picks_the_slot),
              CH_TEST_ROWS(test_the_label_of_a_uri, labels),
              CH_TEST_ROWS(test_a_token_that_can_not_be_finished_is_not_begun, refused),
              CH_TEST(test_erasing_with_a_short_pin_keeps_the_token_and_its_keys))
