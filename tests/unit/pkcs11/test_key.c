#include "pkcs11/key.h"

#include "base/memory.h"
#include "pkcs11/attributes.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ch_error err;
static const ch_slice message = CH_LITERAL("symbol=LTCBTC&side=BUY");

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static const ch_mechanism *mechanism(const char *name)
{
    const ch_mechanism *row = ch_mechanism_find(ch_slice_of(name));
    ck_assert_ptr_nonnull(row);
    return row;
}

static ch_key_object find(ch_session *session, const char *uri, const char *name)
{
    ch_key_object key;
    MUST(ch_key_find(session, uri, mechanism(name), &key, &err));
    return key;
}

/* ---- HMAC ---- */

static const struct {
    const char *mechanism;
    const char *hash;
} hmacs[] = {
    {"hmac-sha1",   "sha1"  },
    {"hmac-sha256", "sha256"},
    {"hmac-sha384", "sha384"},
    {"hmac-sha512", "sha512"}
};

START_TEST(test_every_secret_length_gives_the_hmac_of_the_secret_itself)
{
    ch_session session;
    ch_token *token = softhsm_open(&session);
    for (size_t size = 1; size <= 200; size++) {
        uint8_t secret_bytes[200];
        uint8_t expected[64];
        uint8_t signature[512];
        unsigned expected_size = 0;
        size_t signature_size = 0;
        for (size_t i = 0; i < size; i++)
            secret_bytes[i] = (uint8_t)(i * 7 + size);
        ch_autosecret secret = softhsm_secret(secret_bytes, size);
        MUST(ch_key_import_hmac(&session, "k", mechanism(hmacs[_i].mechanism), &secret, &err));
        ch_key_object key = find(&session, "pkcs11:object=k", hmacs[_i].mechanism);
        MUST(ch_key_sign(&session, &key, message, signature, sizeof signature, &signature_size, &err));
        ck_assert_ptr_nonnull(HMAC(EVP_get_digestbyname(hmacs[_i].hash), secret_bytes, (int)size, message.data,
                                   message.size, expected, &expected_size));
        ck_assert_uint_eq(signature_size, expected_size);
        ck_assert_msg(memcmp(signature, expected, expected_size) == 0, "%s of a %zu-byte secret differs",
                      hmacs[_i].mechanism, size);
        MUST(ch_key_delete(&session, "pkcs11:object=k", &err));
    }
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

/* ---- key pairs ---- */

static const char *const pairs[] = {"rsa-sha256", "rsa-sha512", "ed25519", "p256-sha256", "secp256k1-sha256"};

/* r||s as DER, which OpenSSL verifies. */
static size_t ecdsa_to_der(const uint8_t *signature, uint8_t *der)
{
    ECDSA_SIG *parts = ECDSA_SIG_new();
    ck_assert_int_eq(ECDSA_SIG_set0(parts, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL)), 1);
    uint8_t *end = der;
    int size = i2d_ECDSA_SIG(parts, &end);
    ECDSA_SIG_free(parts);
    return (size_t)size;
}

static void verify(EVP_PKEY *public_key, const char *name, const uint8_t *signature, size_t size)
{
    uint8_t der[128];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const char *hash = strcmp(name, "ed25519") == 0 ? NULL : strcmp(name, "rsa-sha512") == 0 ? "SHA512" : "SHA256";
    ck_assert_int_eq(EVP_DigestVerifyInit_ex(context, NULL, hash, NULL, NULL, public_key, NULL), 1);
    if (strstr(name, "256-sha256") != NULL || strstr(name, "secp256k1") != NULL) {
        ck_assert_uint_eq(size, 64);
        size = ecdsa_to_der(signature, der);
        signature = der;
    }
    ck_assert_msg(EVP_DigestVerify(context, signature, size, message.data, message.size) == 1, "%s does not verify",
                  name);
    EVP_MD_CTX_free(context);
}

static void verify_signature_of(ch_session *session, const ch_key_object *key, const char *name)
{
    uint8_t signature[512];
    size_t size = 0;
    EVP_PKEY *public_key = NULL;
    MUST(ch_key_sign(session, key, message, signature, sizeof signature, &size, &err));
    MUST(ch_key_public(session, "pkcs11:object=k", &public_key, &err));
    verify(public_key, name, signature, size);
    EVP_PKEY_free(public_key);
}

static void sign_and_verify(ch_session *session, const char *name)
{
    ch_key_object key = find(session, "pkcs11:object=k", name);
    MUST(ch_key_verify(session, &key, 0, &err));
    verify_signature_of(session, &key, name);
}

START_TEST(test_a_generated_pair_signs_and_its_public_key_verifies)
{
    ch_session session;
    ch_token *token = softhsm_open(&session);
    MUST(ch_key_generate(&session, "k", mechanism(pairs[_i]), 0, &err));
    sign_and_verify(&session, pairs[_i]);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

static const char *const rsa[] = {"rsa-sha256", "rsa-sha512"};

/* opencryptoki and many cards have only CKM_RSA_PKCS. */
START_TEST(test_a_token_that_does_not_hash_signs_the_same)
{
    ch_session session;
    ch_token *token = softhsm_open(&session);
    MUST(ch_key_generate(&session, "k", mechanism(rsa[_i]), 0, &err));
    ch_key_object key = find(&session, "pkcs11:object=k", rsa[_i]);
    ck_assert(!key.is_hashed_here);
    key.is_hashed_here = true;
    verify_signature_of(&session, &key, rsa[_i]);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_a_signature_of_another_size_is_not_taken)
{
    ch_session session;
    uint8_t signature[512];
    size_t size = 0;
    ch_token *token = softhsm_open(&session);
    MUST(ch_key_generate(&session, "k", mechanism(pairs[_i]), 0, &err));
    ch_key_object key = find(&session, "pkcs11:object=k", pairs[_i]);
    ck_assert_uint_eq(key.signature_size_bytes, strncmp(pairs[_i], "rsa", 3) == 0 ? 256 : 64);
    key.signature_size_bytes++;
    ck_assert_int_eq(ch_key_sign(&session, &key, message, signature, sizeof signature, &size, &err), CH_TOKEN);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

static EVP_PKEY *software_key(const char *name)
{
    if (strncmp(name, "rsa", 3) == 0)
        return EVP_RSA_gen(2048);
    if (strcmp(name, "ed25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_EC_gen(strcmp(name, "p256-sha256") == 0 ? "P-256" : "secp256k1");
}

START_TEST(test_an_imported_pair_signs_as_the_software_key)
{
    ch_session session;
    uint8_t signature[512];
    size_t size = 0;
    ch_token *token = softhsm_open(&session);
    EVP_PKEY *software = software_key(pairs[_i]);
    MUST(ch_key_import_pair(&session, "k", mechanism(pairs[_i]), software, &err));
    sign_and_verify(&session, pairs[_i]);
    ch_key_object key = find(&session, "pkcs11:object=k", pairs[_i]);
    MUST(ch_key_sign(&session, &key, message, signature, sizeof signature, &size, &err));
    verify(software, pairs[_i], signature, size);
    EVP_PKEY_free(software);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_a_key_of_another_kind_is_not_imported)
{
    ch_session session;
    ch_token *token = softhsm_open(&session);
    EVP_PKEY *software = software_key("ed25519");
    EVP_PKEY *curve = software_key("secp256k1-sha256");
    EVP_PKEY *small = EVP_RSA_gen(1024);
    ch_autosecret secret = softhsm_secret("secret", 6);
    ck_assert_int_eq(ch_key_import_pair(&session, "k", mechanism("rsa-sha256"), software, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "is Ed25519, and rsa-sha256 signs with RSA"));
    ck_assert_int_eq(ch_key_import_pair(&session, "k", mechanism("p256-sha256"), curve, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "is EC on secp256k1, and p256-sha256 signs with prime256v1"));
    ck_assert_int_eq(ch_key_import_pair(&session, "k", mechanism("rsa-sha256"), small, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "has 1024 bits, and 2048 to 4096"));
    ck_assert_int_eq(ch_key_import_hmac(&session, "k", mechanism("ed25519"), &secret, &err), CH_BAD_INPUT);
    EVP_PKEY_free(software);
    EVP_PKEY_free(curve);
    EVP_PKEY_free(small);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

/* ---- what keys are ---- */

START_TEST(test_keys_made_here_are_private_sensitive_not_extractable_and_only_sign)
{
    ch_session session;
    ch_autofree ch_key_info *list = NULL;
    size_t count = 0;
    ch_token *token = softhsm_open(&session);
    ch_autosecret secret = softhsm_secret("secret", 6);
    MUST(ch_key_import_hmac(&session, "hmac", mechanism("hmac-sha256"), &secret, &err));
    MUST(ch_key_generate(&session, "generated", mechanism("hmac-sha512"), 0, &err));
    MUST(ch_key_generate(&session, "edwards", mechanism("ed25519"), 0, &err));
    MUST(ch_key_generate(&session, "rsa", mechanism("rsa-sha256"), 2048, &err));
    MUST(ch_key_list(&session, &list, &count, &err));
    ck_assert_uint_eq(count, 4);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(list[i].is_private && list[i].is_sensitive && !list[i].is_extractable && list[i].can_sign &&
                          !list[i].can_other,
                      "%s (%s) is not as it should be", list[i].label, list[i].type);
        if (strcmp(list[i].label, "rsa") == 0)
            ck_assert_str_eq(list[i].type, "rsa-2048");
        if (strcmp(list[i].label, "edwards") == 0)
            ck_assert_str_eq(list[i].type, "ed25519");
    }
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

static const struct {
    const char *name;
    CK_ATTRIBUTE_TYPE type;
    bool value;
} lapses[] = {
    {"extractable",   CKA_EXTRACTABLE, true },
    {"not sensitive", CKA_SENSITIVE,   false},
    {"not private",   CKA_PRIVATE,     false},
    {"may encrypt",   CKA_ENCRYPT,     true },
    {"may derive",    CKA_DERIVE,      true },
    {"may wrap",      CKA_WRAP,        true },
    {"may verify",    CKA_VERIFY,      true },
    {"may not sign",  CKA_SIGN,        false},
};

/* A secret key with all attributes as they should be, but for one; CKA_VENDOR_DEFINED: for none. */
static CK_OBJECT_HANDLE make_secret_key(ch_session *session, CK_KEY_TYPE type, CK_ATTRIBUTE_TYPE lapse,
                                        bool lapse_value)
{
    static const CK_OBJECT_CLASS class_ = CKO_SECRET_KEY;
    static const uint8_t value[32] = {1};
    static const CK_ATTRIBUTE_TYPE set[] = {CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN};
    static const CK_ATTRIBUTE_TYPE cleared[] = {CKA_EXTRACTABLE, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP,
                                                CKA_UNWRAP,      CKA_DERIVE,  CKA_VERIFY};
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    ch_attributes wanted = {.count = 0};
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &class_);
    ch_attributes_add_ulong(&wanted, CKA_KEY_TYPE, &type);
    ch_attributes_add(&wanted, CKA_LABEL, "k", 1);
    ch_attributes_add(&wanted, CKA_VALUE, value, sizeof value);
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        ch_attributes_add_bool(&wanted, set[i], set[i] != lapse || lapse_value);
    for (size_t i = 0; i < sizeof cleared / sizeof *cleared; i++)
        ch_attributes_add_bool(&wanted, cleared[i], cleared[i] == lapse && lapse_value);
    ck_assert_uint_eq(
        ch_token_functions(session->token)->C_CreateObject(session->handle, wanted.items, wanted.count, &made), CKR_OK);
    return made;
}

START_TEST(test_a_key_that_is_not_as_it_should_be_is_refused)
{
    ch_session session;
    ch_token *token = softhsm_open(&session);
    ch_key_object key = {.mechanism = mechanism("hmac-sha256")};
    key.handle = make_secret_key(&session, CKK_GENERIC_SECRET, lapses[_i].type, lapses[_i].value);
    ck_assert_msg(ch_key_verify(&session, &key, 0, &err) == CH_REFUSED, "a key that is %s was taken", lapses[_i].name);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

/* What can't be tolerated, and what is not, is refused all the same. */
START_TEST(test_only_what_is_tolerated_is_accepted)
{
    ch_session session;
    ch_token *token = softhsm_open(&session);
    ch_key_object key = {.mechanism = mechanism("hmac-sha256")};
    ch_lapses lapse = ch_lapse_of_type(lapses[_i].type);
    bool is_tolerable = (ch_lapses_tolerable(CKO_SECRET_KEY) & lapse) != 0;
    key.handle = make_secret_key(&session, CKK_GENERIC_SECRET, lapses[_i].type, lapses[_i].value);
    ck_assert_int_eq(ch_key_verify(&session, &key, ~lapse, &err), CH_REFUSED);
    ck_assert_int_eq(strstr(err.message, "tolerate: [") != NULL, is_tolerable);
    ck_assert_int_eq(ch_key_verify(&session, &key, ~0U, &err), is_tolerable ? CH_OK : CH_REFUSED);
    ck_assert_uint_eq(key.lapses, lapse);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

/* ---- finding ---- */

/* TPMs and YubiHSMs have a type for each hash. */
START_TEST(test_a_key_of_the_type_of_its_hmac_is_found_and_signs)
{
    ch_session session;
    ch_key_object other;
    uint8_t signature[512];
    size_t size = 0;
    ch_token *token = softhsm_open(&session);
    make_secret_key(&session, CKK_SHA256_HMAC, CKA_VENDOR_DEFINED, false);
    ch_key_object key = find(&session, "pkcs11:object=k", "hmac-sha256");
    MUST(ch_key_verify(&session, &key, 0, &err));
    MUST(ch_key_sign(&session, &key, message, signature, sizeof signature, &size, &err));
    ck_assert_uint_eq(size, 32);
    ck_assert_int_eq(ch_key_find(&session, "pkcs11:object=k", mechanism("hmac-sha512"), &other, &err), CH_NOT_FOUND);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_labels_are_unique_and_a_key_is_found_only_when_logged_in)
{
    ch_session session;
    ch_key_object key;
    ch_token *token = softhsm_open(&session);
    ch_autosecret secret = softhsm_secret("secret", 6);
    MUST(ch_key_import_hmac(&session, "k", mechanism("hmac-sha256"), &secret, &err));
    ck_assert_int_eq(ch_key_import_hmac(&session, "k", mechanism("hmac-sha256"), &secret, &err), CH_CONFLICT);
    ck_assert_int_eq(ch_key_generate(&session, "k", mechanism("ed25519"), 0, &err), CH_CONFLICT);
    ck_assert_int_eq(ch_key_find(&session, "pkcs11:object=other", mechanism("hmac-sha256"), &key, &err), CH_NOT_FOUND);
    ck_assert_int_eq(ch_key_find(&session, "pkcs11:", mechanism("hmac-sha256"), &key, &err), CH_CONFIG);
    ck_assert_int_eq(ch_key_find(&session, "pkcs11:object=k", mechanism("ed25519"), &key, &err), CH_NOT_FOUND);
    MUST(ch_token_logout(token, &err));
    ck_assert_int_eq(ch_key_find(&session, "pkcs11:object=k", mechanism("hmac-sha256"), &key, &err), CH_NOT_FOUND);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_a_deleted_pair_leaves_nothing)
{
    ch_session session;
    EVP_PKEY *public_key = NULL;
    ch_token *token = softhsm_open(&session);
    MUST(ch_key_generate(&session, "k", mechanism("p256-sha256"), 0, &err));
    MUST(ch_key_delete(&session, "pkcs11:object=k", &err));
    ck_assert_int_eq(ch_key_public(&session, "pkcs11:object=k", &public_key, &err), CH_NOT_FOUND);
    ck_assert_int_eq(ch_key_delete(&session, "pkcs11:object=k", &err), CH_NOT_FOUND);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_signing_after_logout_fails_and_the_session_stays_usable)
{
    ch_session session;
    uint8_t signature[512];
    size_t size = 0;
    ch_token *token = softhsm_open(&session);
    ch_autosecret secret = softhsm_secret("secret", 6);
    ch_autosecret pin = softhsm_secret(CH_TEST_PIN, strlen(CH_TEST_PIN));
    MUST(ch_key_import_hmac(&session, "k", mechanism("hmac-sha256"), &secret, &err));
    ch_key_object key = find(&session, "pkcs11:object=k", "hmac-sha256");
    ck_assert_int_eq(ch_key_sign(&session, &key, message, signature, 5, &size, &err), CH_TOKEN);
    MUST(ch_key_sign(&session, &key, message, signature, sizeof signature, &size, &err));
    MUST(ch_token_logout(token, &err));
    ck_assert_int_ne(ch_key_sign(&session, &key, message, signature, sizeof signature, &size, &err), CH_OK);
    MUST(ch_token_login(token, &pin, &err));
    key = find(&session, "pkcs11:object=k", "hmac-sha256");
    MUST(ch_key_sign(&session, &key, message, signature, sizeof signature, &size, &err));
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

/* ---- threads ---- */

typedef struct signer {
    ch_session session;
    ch_key_object key;
    uint8_t expected[64];
    size_t failures;
} signer;

static void *sign_often(void *argument)
{
    signer *self = argument;
    for (int i = 0; i < 500; i++) {
        ch_error own = CH_ERROR_INIT;
        uint8_t signature[64];
        size_t size = 0;
        ch_status st = ch_key_sign(&self->session, &self->key, message, signature, sizeof signature, &size, &own);
        self->failures += st != CH_OK || memcmp(signature, self->expected, size) != 0;
    }
    return NULL;
}

START_TEST(test_two_threads_sign_at_once_each_with_its_session)
{
    ch_session session;
    signer signers[2];
    pthread_t threads[2];
    ch_token *token = softhsm_open(&session);
    for (size_t i = 0; i < 2; i++) {
        const char *label = i == 0 ? "a" : "b";
        const char *uri = i == 0 ? "pkcs11:object=a" : "pkcs11:object=b";
        size_t size = 0;
        MUST(ch_key_generate(&session, label, mechanism("ed25519"), 0, &err));
        signers[i] = (signer){.key = find(&session, uri, "ed25519")};
        MUST(ch_session_open(token, false, &signers[i].session, &err));
        MUST(ch_key_sign(&signers[i].session, &signers[i].key, message, signers[i].expected, 64, &size, &err));
    }
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, sign_often, &signers[i]), 0);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_uint_eq(signers[i].failures, 0);
        ch_session_close(&signers[i].session);
    }
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

CH_TESTS_WITH("key", softhsm_set_up, softhsm_tear_down,
              CH_TEST_ROWS(test_every_secret_length_gives_the_hmac_of_the_secret_itself, hmacs),
              CH_TEST_ROWS(test_a_generated_pair_signs_and_its_public_key_verifies, pairs),
              CH_TEST_ROWS(test_a_token_that_does_not_hash_signs_the_same, rsa),
              CH_TEST_ROWS(test_a_signature_of_another_size_is_not_taken, pairs),
              CH_TEST_ROWS(test_an_imported_pair_signs_as_the_software_key, pairs),
              CH_TEST(test_a_key_of_another_kind_is_not_imported),
              CH_TEST(test_keys_made_here_are_private_sensitive_not_extractable_and_only_sign),
              CH_TEST_ROWS(test_a_key_that_is_not_as_it_should_be_is_refused, lapses),
              CH_TEST_ROWS(test_only_what_is_tolerated_is_accepted, lapses),
              CH_TEST(test_a_key_of_the_type_of_its_hmac_is_found_and_signs),
              CH_TEST(test_labels_are_unique_and_a_key_is_found_only_when_logged_in),
              CH_TEST(test_a_deleted_pair_leaves_nothing),
              CH_TEST(test_signing_after_logout_fails_and_the_session_stays_usable),
              CH_TEST(test_two_threads_sign_at_once_each_with_its_session))
