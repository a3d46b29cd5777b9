#include "pkcs11/mechanism.h"

#include <openssl/evp.h>
#include <string.h>

/* OBJECT IDENTIFIERs of the curves: prime256v1 (1.2.840.10045.3.1.7), secp256k1 (1.3.132.0.10); Ed25519 as the
 * PrintableString that PKCS#11 2.40 tokens take. */
static const uint8_t p256_params[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t secp256k1_params[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a};
static const uint8_t ed25519_params[] = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'};

#define HMAC(its_name, its_sign, its_key_type, its_hash, its_hash_size, its_block_size)                                \
    {                                                                                                                  \
        .name = (its_name), .sign = (its_sign), .generate = CKM_GENERIC_SECRET_KEY_GEN, .key_class = CKO_SECRET_KEY,   \
        .key_type = CKK_GENERIC_SECRET, .other_key_type = (its_key_type), .hash = (its_hash),                          \
        .hash_size_bytes = (its_hash_size), .block_size_bytes = (its_block_size),                                      \
        .signature_size_bytes = (its_hash_size)                                                                        \
    }
#define RSA(its_name, its_sign, its_hash)                                                                              \
    {                                                                                                                  \
        .name = (its_name), .sign = (its_sign), .generate = CKM_RSA_PKCS_KEY_PAIR_GEN, .key_class = CKO_PRIVATE_KEY,   \
        .key_type = CKK_RSA, .other_key_type = CKK_RSA, .hash = (its_hash), .signature_size_bytes = 512                \
    }
#define EDDSA(its_name, its_params)                                                                                    \
    {                                                                                                                  \
        .name = (its_name), .sign = CKM_EDDSA, .generate = CKM_EC_EDWARDS_KEY_PAIR_GEN, .key_class = CKO_PRIVATE_KEY,  \
        .key_type = CKK_EC_EDWARDS, .other_key_type = CKK_EC_EDWARDS, .ec_params = (its_params),                       \
        .ec_params_size = sizeof(its_params), .signature_size_bytes = 64                                               \
    }
#define ECDSA(its_name, its_params, its_curve)                                                                         \
    {                                                                                                                  \
        .name = (its_name), .sign = CKM_ECDSA, .generate = CKM_EC_KEY_PAIR_GEN, .key_class = CKO_PRIVATE_KEY,          \
        .key_type = CKK_EC, .other_key_type = CKK_EC, .hash = "sha256", .is_hashed_by_agent = true,                    \
        .ec_params = (its_params), .ec_params_size = sizeof(its_params), .curve = (its_curve),                         \
        .signature_size_bytes = 64                                                                                     \
    }

/* clang-format off */
static const ch_mechanism mechanisms[] = {
    /*    name                C_SignInit           other key type   hash      its size  its block */
    HMAC( "hmac-sha256",      CKM_SHA256_HMAC,     CKK_SHA256_HMAC, "sha256", 32,       64 ),
    HMAC( "hmac-sha384",      CKM_SHA384_HMAC,     CKK_SHA384_HMAC, "sha384", 48,       128 ),
    HMAC( "hmac-sha512",      CKM_SHA512_HMAC,     CKK_SHA512_HMAC, "sha512", 64,       128 ),
    HMAC( "hmac-sha1",        CKM_SHA_1_HMAC,      CKK_SHA_1_HMAC,  "sha1",   20,       64 ), /* what authenticator apps know */
    /*    name                C_SignInit           hash */
    RSA(  "rsa-sha256",       CKM_SHA256_RSA_PKCS, "sha256" ),
    RSA(  "rsa-sha512",       CKM_SHA512_RSA_PKCS, "sha512" ),
    /*    name                its curve            OpenSSL's name for the curve */
    EDDSA("ed25519",          ed25519_params ),
    ECDSA("p256-sha256",      p256_params,         "prime256v1" ),
    ECDSA("secp256k1-sha256", secp256k1_params,    "secp256k1" ),
};
/* clang-format on */

#define MECHANISM_COUNT (sizeof mechanisms / sizeof *mechanisms)

const ch_mechanism *ch_mechanism_find(ch_slice name)
{
    for (size_t i = 0; i < MECHANISM_COUNT; i++) {
        if (ch_slice_is(name, mechanisms[i].name))
            return &mechanisms[i];
    }
    return NULL;
}

const ch_mechanism *ch_mechanism_at(size_t index)
{
    return index < MECHANISM_COUNT ? &mechanisms[index] : NULL;
}

void ch_curve_name(ch_slice ec_params, char name[static CH_CURVE_NAME_SIZE])
{
    const uint8_t *at = ec_params.data;
    EVP_PKEY *curve = ec_params.size == 0 ? NULL : d2i_KeyParams(EVP_PKEY_EC, NULL, &at, (long)ec_params.size);
    bool is_known = curve != NULL && at == ec_params.data + ec_params.size &&
                    EVP_PKEY_get_group_name(curve, name, CH_CURVE_NAME_SIZE, NULL) == 1;
    EVP_PKEY_free(curve);
    if (!is_known)
        name[0] = '\0';
}

bool ch_mechanism_has_curve(const ch_mechanism *mechanism, ch_slice ec_params)
{
    char name[CH_CURVE_NAME_SIZE];
    if (mechanism->curve == NULL ||
        ch_slice_equal(ec_params, (ch_slice){mechanism->ec_params, mechanism->ec_params_size}))
        return true;
    ch_curve_name(ec_params, name);
    return strcmp(name, mechanism->curve) == 0;
}
