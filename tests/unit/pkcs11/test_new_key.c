/* SoftHSM2, made as choosy as other tokens: its function list is changed in this process. What a YubiHSM refuses is
 * taken from the source of its module, github.com/Yubico/yubihsm-shell. */
#include "pkcs11/new_key.h"

#include "base/memory.h"
#include "pkcs11/key.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static ch_error err;
static const ch_slice message = CH_LITERAL("symbol=LTCBTC&side=BUY");
static CK_FUNCTION_LIST real;
static unsigned creations;
static unsigned deletions;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static const ch_mechanism *mechanism(const char *name)
{
    return ch_mechanism_find(ch_slice_of(name));
}

static CK_ULONG number(const CK_ATTRIBUTE *items, CK_ULONG count, CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG i = 0; i < count; i++) {
        if (items[i].type == type)
            return *(const CK_ULONG *)items[i].pValue;
    }
    return CK_UNAVAILABLE_INFORMATION;
}

static bool has(const CK_ATTRIBUTE *items, CK_ULONG count, CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG i = 0; i < count; i++) {
        if (items[i].type == type)
            return true;
    }
    return false;
}

/* SoftHSM2 lets a key do what nobody mentioned; the others do not. */
static void fill_in(ch_attributes *wanted, const CK_ATTRIBUTE *items, CK_ULONG count)
{
    static const CK_ATTRIBUTE_TYPE rights[] = {CKA_DECRYPT, CKA_UNWRAP, CKA_ENCRYPT,     CKA_WRAP,
                                               CKA_DERIVE,  CKA_VERIFY, CKA_SIGN_RECOVER};
    bool is_secret = number(items, count, CKA_CLASS) == CKO_SECRET_KEY;
    memcpy(wanted->items, items, count * sizeof *items);
    wanted->count = count;
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
        bool is_its = is_secret ? rights[i] != CKA_SIGN_RECOVER : i < 2 || rights[i] == CKA_SIGN_RECOVER;
        if (is_its && !has(items, count, rights[i]))
            ch_attributes_add_bool(wanted, rights[i], false);
    }
}

/* ---- the tokens ---- */

static CK_RV hmac_refusal(const CK_ATTRIBUTE *items, CK_ULONG count)
{
    CK_ULONG type = number(items, count, CKA_KEY_TYPE);
    if (type != CKK_SHA256_HMAC && type != CKK_SHA384_HMAC && type != CKK_SHA512_HMAC)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    return has(items, count, CKA_VALUE_LEN) ? CKR_ATTRIBUTE_TYPE_INVALID : CKR_OK;
}

static CK_RV yubihsm_refusal(const CK_ATTRIBUTE *items, CK_ULONG count)
{
    CK_ULONG class_ = number(items, count, CKA_CLASS);
    bool has_unknown = has(items, count, CKA_DECRYPT) || has(items, count, CKA_SIGN_RECOVER);
    if (class_ == CKO_PUBLIC_KEY)
        return CKR_TEMPLATE_INCOMPLETE;
    if (class_ == CKO_SECRET_KEY)
        return hmac_refusal(items, count);
    return number(items, count, CKA_KEY_TYPE) == CKK_EC_EDWARDS && has_unknown ? CKR_ATTRIBUTE_TYPE_INVALID : CKR_OK;
}

static CK_RV yubihsm_create(CK_SESSION_HANDLE session, CK_ATTRIBUTE *items, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
    ch_attributes wanted;
    CK_RV rv = yubihsm_refusal(items, count);
    if (rv != CKR_OK)
        return rv;
    fill_in(&wanted, items, count);
    return real.C_CreateObject(session, wanted.items, wanted.count, out);
}

/* SoftHSM2 makes secrets of a size and type of its own, so the key is made by hand. */
static CK_RV yubihsm_generate(CK_SESSION_HANDLE session, CK_MECHANISM *how, CK_ATTRIBUTE *items, CK_ULONG count,
                              CK_OBJECT_HANDLE *out)
{
    static uint8_t value[64] = {7};
    ch_attributes wanted = {.count = 0};
    CK_RV rv = hmac_refusal(items, count);
    ck_assert_uint_eq(how->mechanism, CKM_GENERIC_SECRET_KEY_GEN);
    memcpy(wanted.items, items, count * sizeof *items);
    wanted.count = count;
    ch_attributes_add(&wanted, CKA_VALUE, value, sizeof value);
    return rv == CKR_OK ? real.C_CreateObject(session, wanted.items, wanted.count, out) : rv;
}

static ch_token *open_yubihsm(ch_session *session)
{
    ch_token *token = softhsm_open(session);
    CK_FUNCTION_LIST *functions = ch_token_functions(token);
    real = *functions;
    functions->C_CreateObject = yubihsm_create;
    functions->C_GenerateKey = yubihsm_generate;
    return token;
}

/* Makes each key able to do more than it is asked to. */
static CK_RV lavish_create(CK_SESSION_HANDLE session, CK_ATTRIBUTE *items, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
    static const CK_BBOOL yes = CK_TRUE;
    ch_attributes wanted;
    if (has(items, count, CKA_DERIVE))
        return CKR_ATTRIBUTE_TYPE_INVALID;
    fill_in(&wanted, items, count);
    ch_attributes_remove(&wanted, CKA_DERIVE);
    ch_attributes_add(&wanted, CKA_DERIVE, &yes, sizeof yes);
    creations++;
    return real.C_CreateObject(session, wanted.items, wanted.count, out);
}

static CK_RV no_destroy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    (void)session;
    (void)object;
    deletions++;
    return CKR_DEVICE_ERROR;
}

static CK_RV broken_public(CK_SESSION_HANDLE session, CK_ATTRIBUTE *items, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
    if (number(items, count, CKA_CLASS) == CKO_PUBLIC_KEY)
        return CKR_DEVICE_MEMORY;
    return real.C_CreateObject(session, items, count, out);
}

/* ---- keys of a YubiHSM ---- */

static const struct {
    const char *mechanism;
    const char *hash;
    const char *type;
} hmacs[] = {
    {"hmac-sha256", "sha256", "hmac-sha256"},
    {"hmac-sha384", "sha384", "hmac-sha384"},
    {"hmac-sha512", "sha512", "hmac-sha512"},
};

static ch_key_object find(ch_session *session, const char *name)
{
    ch_key_object key;
    MUST(ch_key_find(session, "pkcs11:object=k", mechanism(name), &key, &err));
    MUST(ch_key_verify(session, &key, 0, &err));
    return key;
}

static void assert_type(ch_session *session, const char *type)
{
    ch_autofree ch_key_info *list = NULL;
    size_t count = 0;
    MUST(ch_key_list(session, &list, &count, &err));
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(list[0].type, type);
}

START_TEST(test_a_secret_gets_the_type_of_its_hmac)
{
    ch_session session;
    uint8_t expected[64];
    uint8_t signature[64];
    size_t size = 0;
    unsigned expected_size = 0;
    ch_token *token = open_yubihsm(&session);
    ch_autosecret secret = softhsm_secret("secret", 6);
    MUST(ch_key_import_hmac(&session, "k", mechanism(hmacs[_i].mechanism), &secret, &err));
    ch_key_object key = find(&session, hmacs[_i].mechanism);
    MUST(ch_key_sign(&session, &key, message, signature, sizeof signature, &size, &err));
    HMAC(EVP_get_digestbyname(hmacs[_i].hash), "secret", 6, message.data, message.size, expected, &expected_size);
    ck_assert_uint_eq(size, expected_size);
    ck_assert_mem_eq(signature, expected, size);
    assert_type(&session, hmacs[_i].type);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_a_secret_is_generated_without_a_size)
{
    ch_session session;
    ch_token *token = open_yubihsm(&session);
    MUST(ch_key_generate(&session, "k", mechanism(hmacs[_i].mechanism), 0, &err));
    find(&session, hmacs[_i].mechanism);
    assert_type(&session, hmacs[_i].type);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

static const char *const pairs[] = {"rsa-sha256", "ed25519", "p256-sha256", "secp256k1-sha256"};

static EVP_PKEY *software_key(const char *name)
{
    if (strncmp(name, "rsa", 3) == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    if (strcmp(name, "ed25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", strcmp(name, "p256-sha256") == 0 ? "P-256" : "secp256k1");
}

START_TEST(test_a_pair_is_kept_without_its_public_half)
{
    ch_session session;
    uint8_t signature[512];
    size_t size = 0;
    EVP_PKEY *shown = NULL;
    ch_token *token = open_yubihsm(&session);
    EVP_PKEY *software = software_key(pairs[_i]);
    MUST(ch_key_import_pair(&session, "k", mechanism(pairs[_i]), software, &err));
    ch_key_object key = find(&session, pairs[_i]);
    MUST(ch_key_sign(&session, &key, message, signature, sizeof signature, &size, &err));
    ch_status st = ch_key_public(&session, "pkcs11:object=k", &shown, &err);
    if (strncmp(pairs[_i], "rsa", 3) == 0) { /* SoftHSM2 shows the point of no EC key */
        MUST(st);
        ck_assert_int_eq(EVP_PKEY_eq(shown, software), 1);
    } else {
        ck_assert_int_eq(st, CH_NOT_FOUND);
        ck_assert_ptr_nonnull(strstr(err.message, "has no public half"));
    }
    EVP_PKEY_free(shown);
    EVP_PKEY_free(software);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

static CK_ULONG class_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    CK_ULONG class_ = CK_UNAVAILABLE_INFORMATION;
    CK_ATTRIBUTE attribute = {CKA_CLASS, &class_, sizeof class_};
    ck_assert_uint_eq(real.C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
    return class_;
}

/* Both halves are one object, so the second that is destroyed is not there any more. */
static CK_RV destroy_both(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    bool is_second = class_of(session, object) == CKO_PUBLIC_KEY;
    CK_RV rv = real.C_DestroyObject(session, object);
    return rv == CKR_OK && is_second ? CKR_OBJECT_HANDLE_INVALID : rv;
}

START_TEST(test_a_pair_that_is_one_object_is_deleted_once)
{
    ch_session session;
    ch_attributes all = {.count = 0};
    CK_OBJECT_HANDLE found[2];
    size_t count = 0;
    ch_token *token = softhsm_open(&session);
    MUST(ch_key_generate(&session, "k", mechanism("ed25519"), 0, &err));
    real = *ch_token_functions(token);
    ch_token_functions(token)->C_DestroyObject = destroy_both;
    MUST(ch_key_delete(&session, "pkcs11:object=k", &err));
    ch_attributes_add(&all, CKA_LABEL, "k", 1);
    MUST(ch_objects_find(&session, &all, found, 2, &count, &err));
    ck_assert_uint_eq(count, 0);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

/* ---- what goes wrong ---- */

static CK_RV refuse(CK_SESSION_HANDLE session, CK_ATTRIBUTE *items, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
    (void)session;
    (void)out;
    creations++;
    return has(items, count, CKA_DERIVE) ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_TEMPLATE_INCOMPLETE;
}

START_TEST(test_a_token_that_takes_none_is_quoted_with_its_first_answer)
{
    ch_session session;
    ch_token *token = softhsm_open(&session);
    ch_autosecret secret = softhsm_secret("secret", 6);
    real = *ch_token_functions(token);
    ch_token_functions(token)->C_CreateObject = refuse;
    ck_assert_int_eq(ch_key_import_hmac(&session, "k", mechanism("hmac-sha256"), &secret, &err), CH_TOKEN);
    ck_assert_str_eq(err.rule, "CKR_ATTRIBUTE_VALUE_INVALID");
    ck_assert_uint_eq(creations, 5);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

static void count_keys(ch_session *session, size_t expected)
{
    ch_autofree ch_key_info *list = NULL;
    size_t count = 0;
    MUST(ch_key_list(session, &list, &count, &err));
    ck_assert_uint_eq(count, expected);
}

/* Asked with fewer attributes, a token may make more than it was asked for. The check after it decides. */
START_TEST(test_a_key_that_may_do_more_is_not_kept)
{
    ch_session session;
    ch_token *token = softhsm_open(&session);
    ch_autosecret secret = softhsm_secret("secret", 6);
    real = *ch_token_functions(token);
    ch_token_functions(token)->C_CreateObject = lavish_create;
    ck_assert_int_eq(ch_key_import_hmac(&session, "k", mechanism("hmac-sha256"), &secret, &err), CH_REFUSED);
    ck_assert_str_eq(err.rule, "CKA_DERIVE");
    ck_assert_uint_eq(creations, 1);
    count_keys(&session, 0);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_what_cannot_be_destroyed_is_named)
{
    ch_session session;
    ch_token *token = softhsm_open(&session);
    ch_autosecret secret = softhsm_secret("secret", 6);
    real = *ch_token_functions(token);
    ch_token_functions(token)->C_CreateObject = lavish_create;
    ch_token_functions(token)->C_DestroyObject = no_destroy;
    ck_assert_int_eq(ch_key_import_hmac(&session, "k", mechanism("hmac-sha256"), &secret, &err), CH_REFUSED);
    ck_assert_ptr_nonnull(strstr(err.message, "a key labelled 'k' may be left over on token 'unit'"));
    ck_assert_ptr_nonnull(strstr(err.message, "CKR_DEVICE_ERROR"));
    ck_assert_uint_eq(deletions, 1);
    count_keys(&session, 1);
    *ch_token_functions(token) = real;
    ck_assert_int_eq(ch_key_import_hmac(&session, "k", mechanism("hmac-sha256"), &secret, &err), CH_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.message, "'chancery key delete'"));
    MUST(ch_key_delete(&session, "pkcs11:object=k", &err));
    MUST(ch_key_import_hmac(&session, "k", mechanism("hmac-sha256"), &secret, &err));
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_a_token_that_is_full_keeps_no_half)
{
    ch_session session;
    ch_token *token = softhsm_open(&session);
    EVP_PKEY *software = software_key("p256-sha256");
    real = *ch_token_functions(token);
    ch_token_functions(token)->C_CreateObject = broken_public;
    ck_assert_int_eq(ch_key_import_pair(&session, "k", mechanism("p256-sha256"), software, &err), CH_TOKEN);
    ck_assert_str_eq(err.rule, "CKR_DEVICE_MEMORY");
    count_keys(&session, 0);
    EVP_PKEY_free(software);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

/* Says that it failed, and has made the key; so writes no good handle. */
static CK_RV create_and_fail(CK_SESSION_HANDLE session, CK_ATTRIBUTE *items, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
    ck_assert_uint_eq(real.C_CreateObject(session, items, count, out), CKR_OK);
    *out = 4711;
    return CKR_DEVICE_ERROR;
}

static CK_RV generate_and_fail(CK_SESSION_HANDLE session, CK_MECHANISM *how, CK_ATTRIBUTE *public_items,
                               CK_ULONG public_count, CK_ATTRIBUTE *items, CK_ULONG count,
                               CK_OBJECT_HANDLE *public_half, CK_OBJECT_HANDLE *out)
{
    ck_assert_uint_eq(real.C_GenerateKeyPair(session, how, public_items, public_count, items, count, public_half, out),
                      CKR_OK);
    return CKR_DEVICE_ERROR;
}

START_TEST(test_what_was_made_before_a_failure_is_destroyed)
{
    ch_session session;
    ch_token *token = softhsm_open(&session);
    ch_autosecret secret = softhsm_secret("secret", 6);
    EVP_PKEY *software = software_key("p256-sha256");
    MUST(ch_key_generate(&session, "other", mechanism("ed25519"), 0, &err));
    real = *ch_token_functions(token);
    ch_token_functions(token)->C_CreateObject = create_and_fail;
    ch_token_functions(token)->C_GenerateKeyPair = generate_and_fail;
    ck_assert_int_eq(ch_key_import_hmac(&session, "k", mechanism("hmac-sha256"), &secret, &err), CH_UNAVAILABLE);
    ck_assert_ptr_null(strstr(err.message, "left over"));
    ck_assert_int_eq(ch_key_import_pair(&session, "k", mechanism("p256-sha256"), software, &err), CH_UNAVAILABLE);
    ck_assert_int_eq(ch_key_generate(&session, "k", mechanism("p256-sha256"), 0, &err), CH_UNAVAILABLE);
    ck_assert_str_eq(err.rule, "CKR_DEVICE_ERROR");
    count_keys(&session, 1);
    ch_token_functions(token)->C_DestroyObject = no_destroy;
    ck_assert_int_eq(ch_key_generate(&session, "k", mechanism("p256-sha256"), 0, &err), CH_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "'k' may be left over"));
    EVP_PKEY_free(software);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

/* As after a crash between the two. */
START_TEST(test_a_public_half_alone_is_in_the_way_and_is_deleted)
{
    ch_session session;
    CK_OBJECT_HANDLE half = CK_INVALID_HANDLE;
    static const CK_OBJECT_CLASS class_ = CKO_PRIVATE_KEY;
    ch_attributes private_half = {.count = 0};
    size_t found = 0;
    ch_token *token = softhsm_open(&session);
    MUST(ch_key_generate(&session, "k", mechanism("ed25519"), 0, &err));
    ch_attributes_add_ulong(&private_half, CKA_CLASS, &class_);
    MUST(ch_objects_find(&session, &private_half, &half, 1, &found, &err));
    ck_assert_uint_eq(ch_token_functions(token)->C_DestroyObject(session.handle, half), CKR_OK);
    ck_assert_int_eq(ch_key_generate(&session, "k", mechanism("ed25519"), 0, &err), CH_CONFLICT);
    MUST(ch_key_delete(&session, "pkcs11:object=k", &err));
    MUST(ch_key_generate(&session, "k", mechanism("ed25519"), 0, &err));
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

CH_TESTS_WITH("new_key", softhsm_set_up, softhsm_tear_down,
              CH_TEST_ROWS(test_a_secret_gets_the_type_of_its_hmac, hmacs),
              CH_TEST_ROWS(test_a_secret_is_generated_without_a_size, hmacs),
              CH_TEST_ROWS(test_a_pair_is_kept_without_its_public_half, pairs),
              CH_TEST(test_a_token_that_takes_none_is_quoted_with_its_first_answer),
              CH_TEST(test_a_key_that_may_do_more_is_not_kept), CH_TEST(test_what_cannot_be_destroyed_is_named),
              CH_TEST(test_a_token_that_is_full_keeps_no_half), CH_TEST(test_a_pair_that_is_one_object_is_deleted_once),
              CH_TEST(test_what_was_made_before_a_failure_is_destroyed),
              CH_TEST(test_a_public_half_alone_is_in_the_way_and_is_deleted))
