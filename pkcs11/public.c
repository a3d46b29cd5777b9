#include "pkcs11/public.h"

#include "pkcs11/attributes.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

static EVP_PKEY *key_from_params(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1)
        (void)EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

static ch_status rsa_key(ch_session *session, CK_OBJECT_HANDLE object, EVP_PKEY **out, ch_error *err)
{
    ch_autobuffer modulus = CH_BUFFER_INIT;
    ch_autobuffer exponent = CH_BUFFER_INIT;
    ch_status st = ch_attribute_bytes(session, object, CKA_MODULUS, &modulus, err);
    if (st == CH_OK)
        st = ch_attribute_bytes(session, object, CKA_PUBLIC_EXPONENT, &exponent, err);
    if (st != CH_OK)
        return st;
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

/* Tokens give the point as a DER OCTET STRING (PKCS#11 2.40) or, some, as it is. */
static ch_slice bare_point(ch_slice point, size_t size)
{
    bool is_wrapped = point.size == size + 2 && point.data[0] == 0x04 && point.data[1] == size;
    return is_wrapped ? (ch_slice){point.data + 2, size} : point;
}

static const char *curve_name(ch_slice params)
{
    for (size_t i = 0; ch_mechanism_at(i) != NULL; i++) {
        const ch_mechanism *row = ch_mechanism_at(i);
        if (row->curve != NULL && ch_slice_equal(params, (ch_slice){row->ec_params, row->ec_params_size}))
            return row->curve;
    }
    return NULL;
}

/* Leaves `*out` NULL where the curve or the point is none that we know. */
static ch_status curve_key(ch_session *session, CK_OBJECT_HANDLE object, bool is_edwards, EVP_PKEY **out, ch_error *err)
{
    ch_autobuffer params = CH_BUFFER_INIT;
    ch_autobuffer encoded = CH_BUFFER_INIT;
    ch_status st = ch_attribute_bytes(session, object, CKA_EC_PARAMS, &params, err);
    if (st == CH_OK)
        st = ch_attribute_bytes(session, object, CKA_EC_POINT, &encoded, err);
    if (st != CH_OK)
        return st;
    ch_slice point = bare_point(ch_buffer_slice(&encoded), is_edwards ? 32 : 65);
    if (is_edwards) {
        *out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point.data, point.size);
        return CH_OK;
    }
    const char *curve = curve_name(ch_buffer_slice(&params));
    if (curve == NULL)
        return CH_OK;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build != NULL && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.size) == 1)
        *out = key_from_params("EC", build);
    OSSL_PARAM_BLD_free(build);
    return CH_OK;
}

ch_status ch_key_public(ch_session *session, const char *uri, EVP_PKEY **out, ch_error *err)
{
    static const CK_OBJECT_CLASS class_ = CKO_PUBLIC_KEY;
    ch_autobuffer storage = CH_BUFFER_INIT;
    ch_attributes wanted = {.count = 0};
    CK_OBJECT_HANDLE found[2];
    size_t count = 0;
    CK_ULONG type = 0;
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &class_);
    ch_status st = ch_attributes_add_uri(&wanted, uri, &storage, err);
    if (st == CH_OK)
        st = ch_objects_find(session, &wanted, found, 2, &count, err);
    if (st == CH_OK && count != 1)
        st = count == 0
                 ? ch_fail(err, CH_NOT_FOUND, "token '%s' has no public key that fits '%s' (HMAC keys have none)",
                           ch_token_label(session->token), uri)
                 : ch_fail(err, CH_CONFLICT, "more than one public key fits '%s'; add id= to the URI", uri);
    if (st == CH_OK)
        st = ch_attribute_ulong(session, found[0], CKA_KEY_TYPE, &type, err);
    if (st != CH_OK)
        return st;
    *out = NULL;
    st = type == CKK_RSA ? rsa_key(session, found[0], out, err)
                         : curve_key(session, found[0], type == CKK_EC_EDWARDS, out, err);
    if (st == CH_OK && *out == NULL)
        st = ch_fail(err, CH_TOKEN, "the public key of '%s' is of a kind that is not known here", uri);
    return st;
}
