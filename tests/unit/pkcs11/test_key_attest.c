#include "pkcs11/key_attest.h"

#include "pkcs11/attributes.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <string.h>

static ch_error err;
static CK_FUNCTION_LIST real;
static CK_ATTRIBUTE_TYPE hidden; /* what the module does not answer for */

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static ch_session session;
static ch_token *token;

static void set_up(void)
{
    softhsm_set_up();
    token = softhsm_open(&session);
    real = *ch_token_functions(token);
}

static void tear_down(void)
{
    ch_session_close(&session);
    ch_token_close(token);
    softhsm_tear_down();
}

static const ch_mechanism *mechanism(const char *name)
{
    return ch_mechanism_find(ch_slice_of(name));
}

static ch_attestation attest(const char *uri)
{
    ch_attestation key;
    MUST(ch_key_attest(&session, uri, &key, &err));
    return key;
}

static size_t row_of(CK_ATTRIBUTE_TYPE type)
{
    size_t row = 0;
    while (ch_attest_row_at(row)->type != type)
        row++;
    return row;
}

START_TEST(test_a_generated_key_was_never_outside)
{
    MUST(ch_key_generate(&session, "k", mechanism("ed25519"), 0, &err));
    const ch_attestation key = attest("pkcs11:object=k");
    ck_assert(ch_attestation_proves(&key, CH_ATTEST_HELD) && ch_attestation_proves(&key, CH_ATTEST_BORN));
    ck_assert_uint_eq(key.wrapped, CKR_KEY_UNEXTRACTABLE);
    ck_assert_str_eq(key.info.type, "ed25519");
}
END_TEST

START_TEST(test_an_imported_key_was_outside_and_stays_now)
{
    ch_autosecret secret = softhsm_secret("0123456789abcdef0123456789abcdef", 32);
    MUST(ch_key_import_hmac(&session, "k", mechanism("hmac-sha256"), &secret, &err));
    const ch_attestation key = attest("pkcs11:object=k");
    ck_assert(ch_attestation_proves(&key, CH_ATTEST_HELD) && !ch_attestation_proves(&key, CH_ATTEST_BORN));
    ck_assert(ch_attestation_lacks(&key, row_of(CKA_LOCAL), CH_ATTEST_BORN));
    ck_assert_uint_eq(key.size_bits, 256);
}
END_TEST

/* A secret key that may leave, made as another tool might. */
static void make_key(bool is_extractable, bool is_derived)
{
    static const CK_OBJECT_CLASS class_ = CKO_SECRET_KEY;
    static const CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    static const uint8_t value[32] = {1};
    ch_attributes wanted = {.count = 0};
    CK_OBJECT_HANDLE made;
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &class_);
    ch_attributes_add_ulong(&wanted, CKA_KEY_TYPE, &type);
    ch_attributes_add(&wanted, CKA_LABEL, "k", 1);
    ch_attributes_add(&wanted, CKA_VALUE, value, sizeof value);
    ch_attributes_add_bool(&wanted, CKA_TOKEN, true);
    ch_attributes_add_bool(&wanted, CKA_PRIVATE, true);
    ch_attributes_add_bool(&wanted, CKA_SIGN, true);
    ch_attributes_add_bool(&wanted, CKA_SENSITIVE, true);
    ch_attributes_add_bool(&wanted, CKA_EXTRACTABLE, is_extractable);
    ch_attributes_add_bool(&wanted, CKA_DERIVE, is_derived);
    ck_assert_uint_eq(ch_token_functions(token)->C_CreateObject(session.handle, wanted.items, wanted.count, &made),
                      CKR_OK);
}

START_TEST(test_a_key_that_the_token_wraps_can_leave)
{
    make_key(true, false);
    ch_attestation key = attest("pkcs11:object=k");
    ck_assert_uint_eq(key.wrapped, CKR_OK);
    ck_assert(!ch_attestation_proves(&key, CH_ATTEST_HELD));
    key.answers[row_of(CKA_EXTRACTABLE)] = CH_ATTEST_UNSET; /* and if it said otherwise */
    ck_assert(!ch_attestation_proves(&key, CH_ATTEST_HELD));
}
END_TEST

START_TEST(test_a_secret_key_that_may_be_derived_from_gives_itself_away)
{
    make_key(false, true);
    const ch_attestation key = attest("pkcs11:object=k");
    ck_assert(ch_attestation_lacks(&key, row_of(CKA_DERIVE), CH_ATTEST_HELD));
    ck_assert(!ch_attestation_proves(&key, CH_ATTEST_HELD));
}
END_TEST

static CK_RV hide(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *items, CK_ULONG count)
{
    if (items[0].type == hidden)
        return CKR_ATTRIBUTE_TYPE_INVALID;
    return real.C_GetAttributeValue(handle, object, items, count);
}

START_TEST(test_what_is_not_answered_is_not_proven)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_PRIVATE, CKA_SENSITIVE, CKA_EXTRACTABLE};
    MUST(ch_key_generate(&session, "k", mechanism("ed25519"), 0, &err));
    ch_token_functions(token)->C_GetAttributeValue = hide;
    for (size_t i = 0; i < CH_ROWS(types); i++) {
        hidden = types[i];
        const ch_attestation key = attest("pkcs11:object=k");
        ck_assert_int_eq(key.answers[row_of(hidden)], CH_ATTEST_UNANSWERED);
        ck_assert(!ch_attestation_proves(&key, CH_ATTEST_HELD));
    }
    hidden = CKA_NEVER_EXTRACTABLE;
    const ch_attestation key = attest("pkcs11:object=k");
    ck_assert(ch_attestation_proves(&key, CH_ATTEST_HELD) && !ch_attestation_proves(&key, CH_ATTEST_BORN));
}
END_TEST

START_TEST(test_no_key_and_two_keys_are_not_attested)
{
    ch_attestation key;
    ck_assert_int_eq(ch_key_attest(&session, "pkcs11:object=k", &key, &err), CH_NOT_FOUND);
    make_key(false, false);
    make_key(false, false);
    ck_assert_int_eq(ch_key_attest(&session, "pkcs11:object=k", &key, &err), CH_CONFLICT);
}
END_TEST

/* ---- dates ---- */

static char kept[2][8]; /* what a module that keeps dates has */

static CK_RV keep_dates(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *items, CK_ULONG count)
{
    (void)handle;
    (void)object;
    ck_assert_uint_eq(count, 2);
    for (CK_ULONG i = 0; i < count; i++)
        memcpy(kept[i], items[i].pValue, items[i].ulValueLen);
    return CKR_OK;
}

static CK_RV show_dates(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *items, CK_ULONG count)
{
    if (items[0].type != CKA_START_DATE && items[0].type != CKA_END_DATE)
        return real.C_GetAttributeValue(handle, object, items, count);
    if (items[0].pValue != NULL)
        memcpy(items[0].pValue, kept[items[0].type == CKA_END_DATE], 8);
    items[0].ulValueLen = 8;
    return CKR_OK;
}

START_TEST(test_dates_are_noted_and_read_back)
{
    bool are_kept = false;
    MUST(ch_key_generate(&session, "k", mechanism("ed25519"), 0, &err));
    ch_token_functions(token)->C_SetAttributeValue = keep_dates;
    ch_token_functions(token)->C_GetAttributeValue = show_dates;
    MUST(ch_key_dates_set(&session, "pkcs11:object=k", "2026-11-26", "2027-01-31", &are_kept, &err));
    ck_assert(are_kept);
    ck_assert_int_eq(memcmp(kept[1], "20270131", 8), 0);
    const ch_attestation key = attest("pkcs11:object=k");
    ck_assert_str_eq(key.info.start_date, "2026-11-26");
    ck_assert_str_eq(key.info.end_date, "2027-01-31");
    memcpy(kept[1], "2027013x", 8);
    ck_assert_str_eq(attest("pkcs11:object=k").info.end_date, "");
}
END_TEST

/* SoftHSM2 takes the dates of a private object and cannot read them afterwards. */
START_TEST(test_dates_that_cannot_be_read_are_taken_back)
{
    bool are_kept = true;
    CK_OBJECT_HANDLE object;
    CK_OBJECT_CLASS key_class;
    CK_ATTRIBUTE end = {CKA_END_DATE, NULL, 0};
    MUST(ch_key_generate(&session, "k", mechanism("ed25519"), 0, &err));
    MUST(ch_key_dates_set(&session, "pkcs11:object=k", "2026-11-26", "2027-01-31", &are_kept, &err));
    ck_assert(!are_kept);
    MUST(ch_key_find_any(&session, "pkcs11:object=k", &object, &key_class, &err));
    ck_assert_uint_eq(real.C_GetAttributeValue(session.handle, object, &end, 1), CKR_OK);
    ck_assert_uint_eq(end.ulValueLen, 0);
}
END_TEST

CH_TESTS_WITH("key_attest", set_up, tear_down, CH_TEST(test_a_generated_key_was_never_outside),
              CH_TEST(test_an_imported_key_was_outside_and_stays_now),
              CH_TEST(test_a_key_that_the_token_wraps_can_leave),
              CH_TEST(test_a_secret_key_that_may_be_derived_from_gives_itself_away),
              CH_TEST(test_what_is_not_answered_is_not_proven), CH_TEST(test_no_key_and_two_keys_are_not_attested),
              CH_TEST(test_dates_are_noted_and_read_back), CH_TEST(test_dates_that_cannot_be_read_are_taken_back))
