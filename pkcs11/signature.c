/* Errors of OpenSSL are cleared: a module that shares this process's OpenSSL would find them. */
#include "pkcs11/signature.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

/* ECDSA signatures are r||s; OpenSSL verifies DER. */
static int make_der(ch_slice signature, uint8_t **der)
{
    size_t half = signature.size / 2;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.data, (int)half, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + half, (int)half, NULL);
    int size = -1;
    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1)
        size = i2d_ECDSA_SIG(pair, der);
    else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    return size;
}

static bool verify(EVP_PKEY *key, const char *hash, ch_slice payload, ch_slice signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good = context != NULL && EVP_DigestVerifyInit_ex(context, NULL, hash, NULL, NULL, key, NULL) == 1 &&
                   EVP_DigestVerify(context, signature.data, signature.size, payload.data, payload.size) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error(); /* SoftHSM2 shares this process's OpenSSL and would find our errors */
    return is_good;
}

bool ch_signature_is_good(EVP_PKEY *key, const ch_mechanism *mechanism, ch_slice payload, ch_slice signature)
{
    if (mechanism->key_type != CKK_EC)
        return verify(key, mechanism->hash, payload, signature);
    uint8_t *der = NULL;
    int size = make_der(signature, &der);
    bool is_good = size > 0 && verify(key, mechanism->hash, payload, (ch_slice){der, (size_t)size});
    OPENSSL_free(der);
    return is_good;
}
