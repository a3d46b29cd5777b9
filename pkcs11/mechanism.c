#include "pkcs11/mechanism.h"

/* OBJECT IDENTIFIERs of the curves: prime256v1 (1.2.840.10045.3.1.7), secp256k1 (1.3.132.0.10); Ed25519 as the
 * PrintableString that PKCS#11 2.40 tokens take. */
static const uint8_t p256_params[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t secp256k1_params[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a};
static const uint8_t ed25519_params[] = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'};

#define HMAC(name, mechanism, hash, hash_size, block_size)                                                             \
    {                                                                                                                  \
        name, mechanism, CKM_GENERIC_SECRET_KEY_GEN, CKO_SECRET_KEY, CKK_GENERIC_SECRET, hash, false, hash_size,       \
            block_size, NULL, 0, NULL, hash_size                                                                       \
    }
#define RSA(name, mechanism, hash)                                                                                     \
    {                                                                                                                  \
        name, mechanism, CKM_RSA_PKCS_KEY_PAIR_GEN, CKO_PRIVATE_KEY, CKK_RSA, hash, false, 0, 0, NULL, 0, NULL, 512    \
    }
#define ECDSA(name, params, curve)                                                                                     \
    {                                                                                                                  \
        name, CKM_ECDSA, CKM_EC_KEY_PAIR_GEN, CKO_PRIVATE_KEY, CKK_EC, "sha256", true, 0, 0, (params), sizeof(params), \
            curve, 64                                                                                                  \
    }

static const ch_mechanism mechanisms[] = {
    HMAC("hmac-sha256", CKM_SHA256_HMAC, "sha256", 32, 64),
    HMAC("hmac-sha384", CKM_SHA384_HMAC, "sha384", 48, 128),
    HMAC("hmac-sha512", CKM_SHA512_HMAC, "sha512", 64, 128),
    RSA("rsa-sha256", CKM_SHA256_RSA_PKCS, "sha256"),
    RSA("rsa-sha512", CKM_SHA512_RSA_PKCS, "sha512"),
    {"ed25519", CKM_EDDSA, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKO_PRIVATE_KEY, CKK_EC_EDWARDS, NULL, false, 0, 0,
                                                   ed25519_params, sizeof ed25519_params, NULL, 64},
    ECDSA("p256-sha256", p256_params, "prime256v1"),
    ECDSA("secp256k1-sha256", secp256k1_params, "secp256k1"),
};

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
