/* What a row of the table must be for the code that reads it. */
#include "pkcs11/mechanism.h"

#include "tests/support/suite.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

static size_t count_rows(void)
{
    size_t count = 0;
    while (ch_mechanism_at(count) != NULL)
        count++;
    return count;
}

START_TEST(test_every_row_is_found_by_its_name_and_no_name_is_twice)
{
    ck_assert_uint_ge(count_rows(), 8);
    for (size_t i = 0; i < count_rows(); i++)
        ck_assert_ptr_eq(ch_mechanism_find(ch_slice_of(ch_mechanism_at(i)->name)), ch_mechanism_at(i));
}
END_TEST

static const ch_slice unknown[] = {
    CH_LITERAL(""),         CH_LITERAL("hmac"),          CH_LITERAL("HMAC-SHA256"), CH_LITERAL("hmac-sha256 "),
    CH_LITERAL("hmac-md5"), CH_LITERAL("hmac-sha256\0"), CH_LITERAL("rsa-sha1"),    CH_LITERAL("none"),
};

START_TEST(test_another_name_finds_nothing)
{
    ck_assert_ptr_null(ch_mechanism_find(unknown[_i]));
}
END_TEST

START_TEST(test_nothing_is_past_the_end)
{
    ck_assert_ptr_null(ch_mechanism_at(count_rows()));
    ck_assert_ptr_null(ch_mechanism_at(SIZE_MAX));
}
END_TEST

START_TEST(test_rows_are_whole)
{
    for (size_t i = 0; i < count_rows(); i++) {
        const ch_mechanism *row = ch_mechanism_at(i);
        bool is_secret = row->key_class == CKO_SECRET_KEY;
        ck_assert_msg(is_secret || row->key_class == CKO_PRIVATE_KEY, "%s", row->name);
        ck_assert_msg(row->signature_size_bytes > 0 && row->signature_size_bytes <= 512, "%s", row->name);
        ck_assert_msg(is_secret == (row->hash_size_bytes > 0), "%s", row->name);
        ck_assert_msg(row->block_size_bytes >= row->hash_size_bytes, "%s", row->name);
        ck_assert_msg((row->ec_params == NULL) == (row->ec_params_size == 0), "%s", row->name);
        ck_assert_msg((row->curve != NULL) == (row->key_type == CKK_EC), "%s", row->name);
        ck_assert_msg(!row->is_hashed_by_agent || strcmp(row->hash, "sha256") == 0, "%s", row->name);
    }
}
END_TEST

/* The DER of a curve, by its name or by its equation. The caller frees it with OPENSSL_free. */
static ch_slice spell(const char *curve, const char *how)
{
    uint8_t *der = NULL;
    EVP_PKEY *params = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM wanted[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)curve, 0),
                           OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, (char *)(uintptr_t)how, 0),
                           OSSL_PARAM_construct_end()};
    ck_assert_int_eq(EVP_PKEY_fromdata_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(context, &params, EVP_PKEY_KEY_PARAMETERS, wanted), 1);
    int size = i2d_KeyParams(params, &der);
    ck_assert_int_gt(size, 0);
    EVP_PKEY_free(params);
    EVP_PKEY_CTX_free(context);
    return (ch_slice){der, (size_t)size};
}

static bool has_curve(const char *mechanism, ch_slice ec_params)
{
    return ch_mechanism_has_curve(ch_mechanism_find(ch_slice_of(mechanism)), ec_params);
}

static const char *const spellings[] = {"named_curve", "explicit"};

START_TEST(test_a_curve_is_known_however_it_is_spelt)
{
    ch_slice p256 = spell("prime256v1", spellings[_i]);
    ch_slice k1 = spell("secp256k1", spellings[_i]);
    ch_slice p384 = spell("secp384r1", spellings[_i]);
    ck_assert(has_curve("p256-sha256", p256) && !has_curve("p256-sha256", k1) && !has_curve("p256-sha256", p384));
    ck_assert(has_curve("secp256k1-sha256", k1) && !has_curve("secp256k1-sha256", p256));
    ck_assert(!has_curve("p256-sha256", (ch_slice){p256.data, p256.size - 1}));
    ck_assert(!has_curve("p256-sha256", (ch_slice){NULL, 0}));
    OPENSSL_free((void *)(uintptr_t)p256.data);
    OPENSSL_free((void *)(uintptr_t)k1.data);
    OPENSSL_free((void *)(uintptr_t)p384.data);
}
END_TEST

CH_TESTS("mechanism", CH_TEST_ROWS(test_a_curve_is_known_however_it_is_spelt, spellings),
         CH_TEST(test_every_row_is_found_by_its_name_and_no_name_is_twice),
         CH_TEST_ROWS(test_another_name_finds_nothing, unknown), CH_TEST(test_nothing_is_past_the_end),
         CH_TEST(test_rows_are_whole))
