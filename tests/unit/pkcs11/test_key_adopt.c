#include "pkcs11/key_adopt.h"

#include "pkcs11/attributes.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <string.h>

static ch_error err;
static CK_FUNCTION_LIST real;
static unsigned changes;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

/* A secret key that may do these things besides, all of which a signing key must not. */
static void make_key(ch_session *session, const char *label, const CK_ATTRIBUTE_TYPE *rights, size_t count)
{
    static const CK_OBJECT_CLASS class_ = CKO_SECRET_KEY;
    static const CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    static const uint8_t value[32] = {1};
    static const CK_ATTRIBUTE_TYPE all[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP,       CKA_UNWRAP,
                                            CKA_DERIVE,  CKA_VERIFY,  CKA_EXTRACTABLE};
    ch_attributes wanted = {.count = 0};
    CK_OBJECT_HANDLE made;
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &class_);
    ch_attributes_add_ulong(&wanted, CKA_KEY_TYPE, &type);
    ch_attributes_add(&wanted, CKA_LABEL, label, strlen(label));
    ch_attributes_add(&wanted, CKA_VALUE, value, sizeof value);
    ch_attributes_add_bool(&wanted, CKA_TOKEN, true);
    ch_attributes_add_bool(&wanted, CKA_PRIVATE, true);
    ch_attributes_add_bool(&wanted, CKA_SIGN, true);
    ch_attributes_add_bool(&wanted, CKA_SENSITIVE, false);
    for (size_t i = 0; i < CH_ROWS(all); i++) {
        bool is_set = false;
        for (size_t j = 0; j < count; j++)
            is_set = is_set || rights[j] == all[i];
        ch_attributes_add_bool(&wanted, all[i], is_set);
    }
    ck_assert_uint_eq(
        ch_token_functions(session->token)->C_CreateObject(session->handle, wanted.items, wanted.count, &made), CKR_OK);
}

static ch_lapses lapse(CK_ATTRIBUTE_TYPE type)
{
    return ch_lapse_of_type(type);
}

static const CK_ATTRIBUTE_TYPE many[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP,       CKA_UNWRAP,
                                         CKA_DERIVE,  CKA_VERIFY,  CKA_EXTRACTABLE};

START_TEST(test_every_right_but_signing_is_taken_away)
{
    ch_session session;
    ch_adoption adoption;
    ch_lapses all = lapse(CKA_SENSITIVE);
    ch_token *token = softhsm_open(&session);
    make_key(&session, "k", many, CH_ROWS(many));
    for (size_t i = 0; i < CH_ROWS(many); i++)
        all |= lapse(many[i]);
    MUST(ch_key_adopt(&session, "pkcs11:object=k", false, &adoption, &err));
    ck_assert_uint_eq(adoption.before, all);
    ck_assert_uint_eq(adoption.narrowing, all);
    ck_assert_uint_eq(adoption.after, 0);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

static CK_RV set_little(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *items, CK_ULONG count)
{
    changes++;
    if (items[0].type == CKA_DECRYPT)
        return CKR_ATTRIBUTE_READ_ONLY;
    if (items[0].type == CKA_VERIFY) /* says that it did, and did not */
        return CKR_OK;
    return real.C_SetAttributeValue(session, object, items, count);
}

static unsigned index_of(ch_lapses one)
{
    unsigned index = 0;
    while ((one & 1U << index) == 0)
        index++;
    return index;
}

START_TEST(test_what_is_read_back_counts)
{
    ch_session session;
    ch_adoption adoption;
    ch_token *token = softhsm_open(&session);
    make_key(&session, "k", many, CH_ROWS(many));
    real = *ch_token_functions(token);
    ch_token_functions(token)->C_SetAttributeValue = set_little;
    MUST(ch_key_adopt(&session, "pkcs11:object=k", false, &adoption, &err));
    ck_assert_uint_eq(adoption.after, lapse(CKA_DECRYPT) | lapse(CKA_VERIFY));
    ck_assert_uint_eq(adoption.answers[index_of(lapse(CKA_DECRYPT))], CKR_ATTRIBUTE_READ_ONLY);
    ck_assert_uint_eq(adoption.answers[index_of(lapse(CKA_VERIFY))], CKR_OK);
    ck_assert_uint_eq(changes, CH_ROWS(many) + 1);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_a_dry_run_changes_nothing)
{
    ch_session session;
    ch_adoption adoption;
    ch_token *token = softhsm_open(&session);
    make_key(&session, "k", many, 2);
    real = *ch_token_functions(token);
    ch_token_functions(token)->C_SetAttributeValue = set_little;
    MUST(ch_key_adopt(&session, "pkcs11:object=k", true, &adoption, &err));
    ck_assert_uint_eq(adoption.before, adoption.after);
    ck_assert_uint_eq(adoption.narrowing, lapse(CKA_ENCRYPT) | lapse(CKA_DECRYPT) | lapse(CKA_SENSITIVE));
    ck_assert_uint_eq(changes, 0);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_only_one_key_is_adopted)
{
    ch_session session;
    ch_adoption adoption;
    ch_token *token = softhsm_open(&session);
    make_key(&session, "k", many, 2);
    ck_assert_int_eq(ch_key_adopt(&session, "pkcs11:object=other", false, &adoption, &err), CH_NOT_FOUND);
    ck_assert_int_eq(ch_key_adopt(&session, "pkcs11:", false, &adoption, &err), CH_CONFIG);
    make_key(&session, "k", many, 2);
    ck_assert_int_eq(ch_key_adopt(&session, "pkcs11:object=k", false, &adoption, &err), CH_CONFLICT);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

CH_TESTS_WITH("key_adopt", softhsm_set_up, softhsm_tear_down, CH_TEST(test_every_right_but_signing_is_taken_away),
              CH_TEST(test_what_is_read_back_counts), CH_TEST(test_a_dry_run_changes_nothing),
              CH_TEST(test_only_one_key_is_adopted))
