#include "pkcs11/attributes.h"
#include "pkcs11/key.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#define ED25519_POINT_SIZE 32
#define EC_POINT_SIZE 65 /* of 256 bits, uncompressed */

static EVP_PKEY *key_from_params(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1)
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

/* Each of the three leaves `*out` NULL if the key is of a kind that we do not know. */

static ch_status read_rsa(ch_session *session, CK_OBJECT_HANDLE object, EVP_PKEY **out, ch_error *err)
{
    ch_autobuffer modulus = CH_BUFFER_INIT;
    ch_autobuffer exponent = CH_BUFFER_INIT;
    CH_TRY(ch_attribute_bytes(session, object, CKA_MODULUS, &modulus, err));
    CH_TRY(ch_attribute_bytes(session, object, CKA_PUBLIC_EXPONENT, &exponent, err));
    BIGNUM *n = BN_bin2bn(modulus.data, (int)modulus.size, NULL);
    BIGNUM *e = BN_bin2bn(exponent.data, (int)exponent.size, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (n != NULL && e != NULL && build != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        *out = key_from_params("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return CH_OK;
}

/* Tokens return the point as a DER OCTET STRING (PKCS#11 2.40) or, some of them, as it is. */
static ch_slice bare_point(ch_slice point, size_t size)
{
    bool is_wrapped = point.size == size + 2 && point.data[0] == 0x04 && point.data[1] == size;
    return is_wrapped ? (ch_slice){point.data + 2, size} : point;
}

static ch_status read_edwards(ch_session *session, CK_OBJECT_HANDLE object, EVP_PKEY **out, ch_error *err)
{
    ch_autobuffer encoded = CH_BUFFER_INIT;
    CH_TRY(ch_attribute_bytes(session, object, CKA_EC_POINT, &encoded, err));
    ch_slice point = bare_point(ch_buffer_slice(&encoded), ED25519_POINT_SIZE);
    *out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point.data, point.size);
    return CH_OK;
}

static ch_status read_ec(ch_session *session, CK_OBJECT_HANDLE object, EVP_PKEY **out, ch_error *err)
{
    ch_autobuffer params = CH_BUFFER_INIT;
    ch_autobuffer encoded = CH_BUFFER_INIT;
    CH_TRY(ch_attribute_bytes(session, object, CKA_EC_PARAMS, &params, err));
    CH_TRY(ch_attribute_bytes(session, object, CKA_EC_POINT, &encoded, err));
    ch_slice point = bare_point(ch_buffer_slice(&encoded), EC_POINT_SIZE);
    char curve[CH_CURVE_NAME_SIZE];
    ch_curve_name(ch_buffer_slice(&params), curve);
    if (curve[0] == '\0')
        return CH_OK;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build != NULL && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.size) == 1)
        *out = key_from_params("EC", build);
    OSSL_PARAM_BLD_free(build);
    return CH_OK;
}

static ch_status find_class(ch_session *session, const char *uri, CK_OBJECT_CLASS object_class, CK_OBJECT_HANDLE *out,
                            size_t *count, ch_error *err)
{
    ch_autobuffer storage = CH_BUFFER_INIT;
    ch_attributes wanted = {.count = 0};
    CK_OBJECT_HANDLE found[2];
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &object_class);
    CH_TRY(ch_attributes_add_uri(&wanted, uri, &storage, err));
    CH_TRY(ch_objects_find(session, &wanted, found, 2, count, err));
    if (*count > 1)
        return ch_fail(err, CH_CONFLICT, "more than one public key fits '%s'; add id= to the URI", uri);
    if (*count == 1)
        *out = found[0];
    return CH_OK;
}

static ch_status find_public(ch_session *session, const char *uri, CK_OBJECT_HANDLE *out, bool *is_private,
                             ch_error *err)
{
    size_t count = 0;
    CH_TRY(find_class(session, uri, CKO_PUBLIC_KEY, out, &count, err));
    *is_private = count == 0;
    if (count == 0)
        CH_TRY(find_class(session, uri, CKO_PRIVATE_KEY, out, &count, err));
    if (count == 0)
        return ch_fail(err, CH_NOT_FOUND, "token '%s' has no public key that fits '%s' (HMAC keys have none)",
                       ch_token_label(session->token), uri);
    return CH_OK;
}

ch_status ch_key_public_read(ch_session *session, CK_OBJECT_HANDLE object, EVP_PKEY **out, ch_error *err)
{
    CK_ULONG type = 0;
    *out = NULL;
    CH_TRY(ch_attribute_ulong(session, object, CKA_KEY_TYPE, &type, err));
    if (type == CKK_RSA)
        return read_rsa(session, object, out, err);
    return type == CKK_EC_EDWARDS ? read_edwards(session, object, out, err) : read_ec(session, object, out, err);
}

ch_status ch_key_public(ch_session *session, const char *uri, EVP_PKEY **out, ch_error *err)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    bool is_private = false;
    *out = NULL;
    CH_TRY(find_public(session, uri, &object, &is_private, err));
    ch_status st = ch_key_public_read(session, object, out, err);
    if (st != CH_OK && is_private && strcmp(err->rule, "CKR_ATTRIBUTE_TYPE_INVALID") == 0)
        return ch_fail(
            err, CH_NOT_FOUND,
            "token '%s' has no public half for '%s', and does not show it with the private key; take it from "
            "where the key was made ('openssl pkey -pubout')",
            ch_token_label(session->token), uri);
    CH_TRY(st);
    return *out != NULL ? CH_OK : ch_fail(err, CH_TOKEN, "the public key of '%s' is of an unknown kind", uri);
}
