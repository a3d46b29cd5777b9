/* What signing and verifying do when the token or the session is not as hoped. */

#include "base/memory.h"
#include "pkcs11/attributes.h"
#include "pkcs11/key.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)
#define URI "pkcs11:object=k"

static const ch_slice message = CH_LITERAL("nonce=1&pair=XBTUSD");
static ch_error err;
static ch_token *token;
static ch_session session;
static ch_key_object key;

/* Single-part operations (ECDSA, EdDSA) and those that could have several parts end in different ways. */
static const char *const names[] = {"hmac-sha256", "rsa-sha256", "ed25519", "p256-sha256"};

static void set_up(void)
{
    err = (ch_error)CH_ERROR_INIT;
    softhsm_set_up();
    token = softhsm_open(&session);
}

static void tear_down(void)
{
    ch_session_close(&session);
    ch_token_close(token);
    softhsm_tear_down();
}

static void make_key(const char *name)
{
    const ch_mechanism *mechanism = ch_mechanism_find(ch_slice_of(name));
    ck_assert_ptr_nonnull(mechanism);
    MUST(ch_key_generate(&session, "k", mechanism, 0, &err));
    MUST(ch_key_find(&session, URI, mechanism, &key, &err));
}

static ch_status sign(size_t capacity)
{
    uint8_t signature[512];
    size_t size = 0;
    return ch_key_sign(&session, &key, message, signature, capacity, &size, &err);
}

START_TEST(test_a_buffer_too_small_is_refused_and_the_session_signs_on)
{
    make_key(names[_i]);
    ck_assert_int_eq(sign(5), CH_TOKEN);
    ck_assert_str_eq(err.rule, "CKR_BUFFER_TOO_SMALL");
    MUST(sign(512));
}
END_TEST

START_TEST(test_an_operation_left_open_is_given_up_and_the_session_signs_on)
{
    make_key(names[_i]);
    CK_MECHANISM how = {key.mechanism->sign, NULL, 0};
    ck_assert_uint_eq(ch_token_functions(token)->C_SignInit(session.handle, &how, key.handle), CKR_OK);
    MUST(sign(512));
    MUST(sign(512));
}
END_TEST

/* Tokens close sessions that are idle. */
START_TEST(test_a_session_that_the_token_closed_is_opened_again)
{
    make_key(names[_i]);
    ck_assert_uint_eq(ch_token_functions(token)->C_CloseSession(session.handle), CKR_OK);
    MUST(sign(512));
    ck_assert_uint_eq(ch_token_functions(token)->C_CloseSession(session.handle), CKR_OK);
    MUST(ch_session_keep(&session, &err));
    MUST(ch_session_keep(&session, &err));
    MUST(sign(512));
}
END_TEST

START_TEST(test_with_all_sessions_the_login_is_lost)
{
    make_key("hmac-sha256");
    ck_assert_uint_eq(ch_token_functions(token)->C_CloseAllSessions(ch_token_slot(token)), CKR_OK);
    ck_assert_int_ne(sign(512), CH_OK);
    ch_autosecret pin = softhsm_secret(CH_TEST_PIN, strlen(CH_TEST_PIN));
    MUST(ch_token_login(token, &pin, &err));
    MUST(ch_key_find(&session, URI, key.mechanism, &key, &err));
    MUST(sign(512));
}
END_TEST

START_TEST(test_a_key_deleted_meanwhile_is_unavailable)
{
    make_key("hmac-sha256");
    MUST(ch_key_delete(&session, URI, &err));
    ck_assert_int_eq(sign(512), CH_UNAVAILABLE);
}
END_TEST

START_TEST(test_verify_never_takes_silence_for_a_good_key)
{
    make_key("hmac-sha256");
    ch_key_object gone = {.handle = key.handle + 1000, .mechanism = key.mechanism};
    ck_assert_int_eq(ch_key_verify(&session, &gone, 0, &err), CH_UNAVAILABLE);
    ck_assert_str_eq(err.rule, "CKR_OBJECT_HANDLE_INVALID");
}
END_TEST

START_TEST(test_a_key_of_the_session_only_is_refused)
{
    static const CK_OBJECT_CLASS class_ = CKO_SECRET_KEY;
    static const CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    static const uint8_t value[32] = {1};
    static const CK_ATTRIBUTE_TYPE set[] = {CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN};
    static const CK_ATTRIBUTE_TYPE cleared[] = {CKA_TOKEN, CKA_EXTRACTABLE, CKA_ENCRYPT, CKA_DECRYPT,
                                                CKA_WRAP,  CKA_UNWRAP,      CKA_DERIVE,  CKA_VERIFY};
    ch_attributes wanted = {.count = 0};
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &class_);
    ch_attributes_add_ulong(&wanted, CKA_KEY_TYPE, &type);
    ch_attributes_add(&wanted, CKA_VALUE, value, sizeof value);
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        ch_attributes_add_bool(&wanted, set[i], true);
    for (size_t i = 0; i < sizeof cleared / sizeof *cleared; i++)
        ch_attributes_add_bool(&wanted, cleared[i], false);
    CK_FUNCTION_LIST *functions = ch_token_functions(token);
    key.mechanism = ch_mechanism_find(CH_LITERAL("hmac-sha256"));
    ck_assert_uint_eq(functions->C_CreateObject(session.handle, wanted.items, wanted.count, &key.handle), CKR_OK);
    ck_assert_int_eq(ch_key_verify(&session, &key, 0, &err), CH_REFUSED);
    ck_assert_str_eq(err.rule, "CKA_TOKEN");
}
END_TEST

/* The label is checked before a key is made, so the second one is renamed to get there. */
START_TEST(test_a_uri_that_fits_two_keys_deletes_none)
{
    static char label[] = "k";
    CK_ATTRIBUTE renamed = {CKA_LABEL, label, 1};
    const ch_mechanism *hmac = ch_mechanism_find(CH_LITERAL("hmac-sha256"));
    ch_key_object other;
    ch_autofree ch_key_info *list = NULL;
    size_t count = 0;
    MUST(ch_key_generate(&session, "other", hmac, 0, &err));
    MUST(ch_key_find(&session, "pkcs11:object=other", hmac, &other, &err));
    make_key("ed25519");
    CK_FUNCTION_LIST *functions = ch_token_functions(token);
    ck_assert_uint_eq(functions->C_SetAttributeValue(session.handle, other.handle, &renamed, 1), CKR_OK);
    ck_assert_int_eq(ch_key_delete(&session, URI, &err), CH_CONFLICT);
    MUST(ch_key_list(&session, &list, &count, &err));
    ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(test_a_label_is_listed_as_it_is)
{
    static char label[] = "a\x1b[2J";
    CK_ATTRIBUTE renamed = {CKA_LABEL, label, 5};
    ch_autofree ch_key_info *list = NULL;
    size_t count = 0;
    make_key("hmac-sha256");
    CK_FUNCTION_LIST *functions = ch_token_functions(token);
    ck_assert_uint_eq(functions->C_SetAttributeValue(session.handle, key.handle, &renamed, 1), CKR_OK);
    MUST(ch_key_list(&session, &list, &count, &err));
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(list[0].label, label);
}
END_TEST

START_TEST(test_nothing_is_made_while_logged_out)
{
    ch_autosecret secret = softhsm_secret("secret", 6);
    const ch_mechanism *hmac = ch_mechanism_find(CH_LITERAL("hmac-sha256"));
    MUST(ch_token_logout(token, &err));
    ck_assert_int_eq(ch_key_import_hmac(&session, "k", hmac, &secret, &err), CH_LOCKED);
    ck_assert_str_eq(err.rule, "CKR_USER_NOT_LOGGED_IN");
    ck_assert_int_eq(ch_key_generate(&session, "k", hmac, 0, &err), CH_LOCKED);
}
END_TEST

CH_TESTS_WITH("sign", set_up, tear_down,
              CH_TEST_ROWS(test_a_buffer_too_small_is_refused_and_the_session_signs_on, names),
              CH_TEST_ROWS(test_an_operation_left_open_is_given_up_and_the_session_signs_on, names),
              CH_TEST_ROWS(test_a_session_that_the_token_closed_is_opened_again, names),
              CH_TEST(test_with_all_sessions_the_login_is_lost), CH_TEST(test_a_key_deleted_meanwhile_is_unavailable),
              CH_TEST(test_verify_never_takes_silence_for_a_good_key),
              CH_TEST(test_a_key_of_the_session_only_is_refused), CH_TEST(test_a_uri_that_fits_two_keys_deletes_none),
              CH_TEST(test_a_label_is_listed_as_it_is), CH_TEST(test_nothing_is_made_while_logged_out))
