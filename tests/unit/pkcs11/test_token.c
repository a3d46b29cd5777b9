#include "base/memory.h"
#include "tests/support/softhsm.h"

#include "pkcs11/ckr.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static ch_error err;

START_TEST(test_a_token_that_is_made_is_listed)
{
    ch_autofree ch_token_info *list = NULL;
    size_t count = 0;
    size_t seen = 0;
    ck_assert_int_eq(ch_token_list(&softhsm_module, &list, &count, &err), CH_OK);
    for (size_t i = 0; i < count; i++)
        seen += strcmp(list[i].label, "unit") == 0 && list[i].is_initialized && list[i].has_user_pin;
    ck_assert_uint_eq(seen, 1);
}
END_TEST

START_TEST(test_a_second_token_of_the_same_label_is_refused)
{
    ch_autosecret pin = softhsm_secret("12345678", 8);
    ck_assert_int_eq(ch_token_init(&softhsm_module, "unit", &pin, &pin, false, &err), CH_CONFLICT);
}
END_TEST

START_TEST(test_an_erased_token_takes_the_new_pin)
{
    ch_token *token = NULL;
    ch_autosecret so_pin = softhsm_secret(CH_TEST_PIN, strlen(CH_TEST_PIN));
    ch_autosecret pin = softhsm_secret("other-pin", 9);
    ck_assert_msg(ch_token_init(&softhsm_module, "unit", &so_pin, &pin, true, &err) == CH_OK, "%s", err.message);
    ck_assert_int_eq(ch_token_open(&softhsm_module, CH_TEST_URI, &token, &err), CH_OK);
    ck_assert_int_eq(ch_token_login(token, &so_pin, &err), CH_WRONG_PIN);
    ck_assert_int_eq(ch_token_login(token, &pin, &err), CH_OK);
    ch_token_close(token);
}
END_TEST

static CK_RV cannot_make(CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG size, CK_UTF8CHAR *label)
{
    (void)slot;
    (void)pin;
    (void)size;
    (void)label;
    return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV be_a_yubihsm(CK_INFO *info)
{
    memset(info, ' ', sizeof *info);
    memcpy(info->libraryDescription, "YubiHSM PKCS#11 Library", strlen("YubiHSM PKCS#11 Library"));
    return CKR_OK;
}

/* The module stays loaded, and its function list is changed for this process. */
START_TEST(test_a_module_that_makes_no_tokens_names_the_tool_that_does)
{
    ch_token *token = NULL;
    ch_autosecret pin = softhsm_secret(CH_TEST_PIN, strlen(CH_TEST_PIN));
    ck_assert_int_eq(ch_token_open(&softhsm_module, CH_TEST_URI, &token, &err), CH_OK);
    ch_token_functions(token)->C_InitToken = cannot_make;
    ch_token_functions(token)->C_GetInfo = be_a_yubihsm;
    ch_token_close(token);
    ck_assert_int_eq(ch_token_init(&softhsm_module, "unit", &pin, &pin, true, &err), CH_TOKEN);
    ck_assert_ptr_nonnull(strstr(err.message, "makes and erases no tokens"));
    ck_assert_ptr_nonnull(strstr(err.message, "with yubihsm-shell"));
}
END_TEST

START_TEST(test_a_missing_token_names_those_that_are_there)
{
    ch_token *token = NULL;
    ck_assert_int_eq(ch_token_open(&softhsm_module, "pkcs11:token=other", &token, &err), CH_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, "'unit'"));
}
END_TEST

static const struct {
    const char *name;
    const char *module;
    const char *uri;
} refused[] = {
    {"not a URI",               CH_TEST_MODULE,           "token=unit"                                   },
    {"a PIN in the URI",        CH_TEST_MODULE,           "pkcs11:token=unit?pin-value=1234"             },
    {"a PIN source in the URI", CH_TEST_MODULE,           "pkcs11:token=unit?pin-source=file:/etc/passwd"},
    {"an unknown part",         CH_TEST_MODULE,           "pkcs11:tokn=unit"                             },
    {"an unknown p11-kit name", "no-such-module",         CH_TEST_URI                                    },
    {"a missing path",          "/nonexistent/module.so", CH_TEST_URI                                    },
};

START_TEST(test_what_is_not_a_token_is_refused)
{
    ch_token *token = NULL;
    ck_assert_msg(ch_token_open(&(ch_module_name){.name = refused[_i].module}, refused[_i].uri, &token, &err) ==
                      CH_CONFIG,
                  "%s was taken", refused[_i].name);
    ck_assert_ptr_null(token);
}
END_TEST

START_TEST(test_a_file_that_is_no_module_is_unavailable)
{
    ch_token *token = NULL;
    ck_assert_int_eq(ch_token_open(&(ch_module_name){.name = "/etc/passwd"}, CH_TEST_URI, &token, &err),
                     CH_UNAVAILABLE);
}
END_TEST

START_TEST(test_a_wrong_pin_is_told_by_its_ckr_name_and_the_right_one_does)
{
    ch_token *token = NULL;
    ch_autosecret wrong = softhsm_secret("wrong-pin", 9);
    ch_autosecret right = softhsm_secret(CH_TEST_PIN, strlen(CH_TEST_PIN));
    ck_assert_int_eq(ch_token_open(&softhsm_module, CH_TEST_URI, &token, &err), CH_OK);
    ck_assert_int_eq(ch_token_login(token, &wrong, &err), CH_WRONG_PIN);
    ck_assert_str_eq(err.rule, "CKR_PIN_INCORRECT");
    ck_assert_ptr_null(strstr(err.message, "wrong-pin"));
    ck_assert_int_eq(ch_token_login(token, &right, &err), CH_OK);
    ck_assert_int_eq(ch_token_login(token, &right, &err), CH_OK);
    ck_assert_int_eq(ch_token_logout(token, &err), CH_OK);
    ck_assert_int_eq(ch_token_logout(token, &err), CH_OK);
    ch_token_close(token);
}
END_TEST

/* As after a logout that failed, or where programs share their login. */
START_TEST(test_while_somebody_is_logged_in_a_wrong_pin_is_wrong)
{
    ch_token *token = NULL;
    ch_autosecret wrong = softhsm_secret("wrong-pin", 9);
    ch_autosecret right = softhsm_secret(CH_TEST_PIN, strlen(CH_TEST_PIN));
    ck_assert_int_eq(ch_token_open(&softhsm_module, CH_TEST_URI, &token, &err), CH_OK);
    ck_assert_int_eq(ch_token_login(token, &right, &err), CH_OK);
    ck_assert_int_eq(ch_token_login(token, &wrong, &err), CH_WRONG_PIN);
    ck_assert_int_eq(ch_token_login(token, &right, &err), CH_OK);
    ch_token_close(token);
}
END_TEST

START_TEST(test_codes_that_say_nothing_are_told_from_others)
{
    ck_assert(ch_ckr_is_vague("CKR_GENERAL_ERROR") && ch_ckr_is_vague("CKR_VENDOR_0x80000001"));
    ck_assert(ch_ckr_is_vague("CKR_0x00000999"));
    ck_assert(!ch_ckr_is_vague("CKR_KEY_FUNCTION_NOT_PERMITTED") && !ch_ckr_is_vague(""));
}
END_TEST

START_TEST(test_a_module_can_be_opened_again_after_a_close)
{
    for (int i = 0; i < 3; i++) {
        ch_session session;
        ch_token *token = softhsm_open(&session);
        ch_session_close(&session);
        ch_token_close(token);
    }
}
END_TEST

START_TEST(test_a_mechanism_that_is_not_offered_is_named)
{
    const ch_mechanism none = {.name = "no-such", .sign = 0x80001234UL, .key_type = CKK_GENERIC_SECRET};
    ch_session session;
    ch_token *token = softhsm_open(&session);
    ck_assert_int_eq(ch_token_offers(token, &none, &err), CH_TOKEN);
    ck_assert_ptr_nonnull(strstr(err.message, "no-such"));
    ck_assert_ptr_nonnull(strstr(err.message, "unit"));
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_ckr_codes_have_names)
{
    char unknown[32];
    ck_assert_str_eq(ch_ckr_name(CKR_PIN_LOCKED, unknown), "CKR_PIN_LOCKED");
    ck_assert_str_eq(ch_ckr_name(0x80000007UL, unknown), "CKR_VENDOR_0x80000007");
    ck_assert_str_eq(ch_ckr_name(0x777UL, unknown), "CKR_0x00000777");
}
END_TEST

CH_TESTS_WITH("token", softhsm_set_up, softhsm_tear_down, CH_TEST(test_a_token_that_is_made_is_listed),
              CH_TEST(test_a_second_token_of_the_same_label_is_refused),
              CH_TEST(test_a_module_that_makes_no_tokens_names_the_tool_that_does),
              CH_TEST(test_an_erased_token_takes_the_new_pin), CH_TEST(test_a_missing_token_names_those_that_are_there),
              CH_TEST_ROWS(test_what_is_not_a_token_is_refused, refused),
              CH_TEST(test_a_file_that_is_no_module_is_unavailable),
              CH_TEST(test_a_wrong_pin_is_told_by_its_ckr_name_and_the_right_one_does),
              CH_TEST(test_while_somebody_is_logged_in_a_wrong_pin_is_wrong),
              CH_TEST(test_codes_that_say_nothing_are_told_from_others),
              CH_TEST(test_a_module_can_be_opened_again_after_a_close),
              CH_TEST(test_a_mechanism_that_is_not_offered_is_named), CH_TEST(test_ckr_codes_have_names))
