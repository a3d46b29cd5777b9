#include "pkcs11/key_rules.h"

#include "pkcs11/key.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

static ch_error err;
static CK_C_GetAttributeValue real_get;
static CK_ATTRIBUTE_TYPE claimed;

/* The module says that every key has the attribute `claimed`. */
static CK_RV claim(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_RV rv = real_get(session, object, attributes, count);
    for (CK_ULONG i = 0; i < count; i++) {
        if (attributes[i].type != claimed)
            continue;
        *(CK_BBOOL *)attributes[i].pValue = CK_TRUE;
        attributes[i].ulValueLen = sizeof(CK_BBOOL);
        rv = count == 1 ? CKR_OK : rv;
    }
    return rv;
}

static ch_status check_with_claim(ch_session *session, const char *mechanism, CK_ATTRIBUTE_TYPE attribute,
                                  bool *can_other)
{
    ch_key_object key;
    ch_lapses lapses = 0;
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    const ch_mechanism *row = ch_mechanism_find(ch_slice_of(mechanism));
    ck_assert_msg(ch_key_generate(session, "k", row, 0, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_key_find(session, "pkcs11:object=k", row, &key, &err) == CH_OK, "%s", err.message);
    real_get = functions->C_GetAttributeValue;
    claimed = attribute;
    functions->C_GetAttributeValue = claim;
    ch_status st = ch_key_rules_check(session, key.handle, 0, &lapses, &err);
    *can_other = ch_key_rules_can_other(session, key.handle);
    functions->C_GetAttributeValue = real_get;
    return st;
}

static const struct {
    const char *name;
    CK_ATTRIBUTE_TYPE type;
    const char *mechanism;
    bool is_refused;
} claims[] = {
    {"encrypt with a private key",   CKA_ENCRYPT,      "p256-sha256", false},
    {"wrap with a private key",      CKA_WRAP,         "p256-sha256", false},
    {"verify with a private key",    CKA_VERIFY,       "p256-sha256", false},
    {"decrypt with a private key",   CKA_DECRYPT,      "p256-sha256", true },
    {"unwrap with a private key",    CKA_UNWRAP,       "p256-sha256", true },
    {"derive from a private key",    CKA_DERIVE,       "p256-sha256", true },
    {"recover with a private key",   CKA_SIGN_RECOVER, "p256-sha256", true },
    {"encrypt with a secret key",    CKA_ENCRYPT,      "hmac-sha256", true },
    {"wrap with a secret key",       CKA_WRAP,         "hmac-sha256", true },
    {"verify with a secret key",     CKA_VERIFY,       "hmac-sha256", true },
    {"sign recover by a secret key", CKA_SIGN_RECOVER, "hmac-sha256", true },
};

START_TEST(test_a_right_counts_if_keys_of_the_class_can_have_it)
{
    ch_session session;
    bool can_other = false;
    ch_token *token = softhsm_open(&session);
    ch_status st = check_with_claim(&session, claims[_i].mechanism, claims[_i].type, &can_other);
    ck_assert_msg(st == (claims[_i].is_refused ? CH_REFUSED : CH_OK), "%s: %s", claims[_i].name, err.message);
    ck_assert_msg(can_other == claims[_i].is_refused, "%s", claims[_i].name);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

CH_TESTS_WITH("key_rules", softhsm_set_up, softhsm_tear_down,
              CH_TEST_ROWS(test_a_right_counts_if_keys_of_the_class_can_have_it, claims))
