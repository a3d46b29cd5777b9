/* Key material is only ever in ch_secret (locked, wiped) or in OpenSSL's own objects, which are cleansed when freed;
 * lists of attributes point at it. */
#include "pkcs11/ckr.h"
#include "pkcs11/key.h"
#include "pkcs11/new_key.h"
#include "pkcs11/vendor.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

static CK_RV call_create(ch_session *session, const ch_mechanism *mechanism, ch_attributes *attributes,
                         CK_OBJECT_HANDLE *out)
{
    (void)mechanism;
    return ch_token_functions(session->token)
        ->C_CreateObject(session->handle, attributes->items, attributes->count, out);
}

/* Makes the secret or private key, and checks it. */
static ch_status create(ch_session *session, const ch_mechanism *mechanism, ch_attributes *attributes, ch_new_key *made,
                        ch_error *err)
{
    CK_RV rv = ch_new_key_make(session, mechanism, attributes, call_create, &made->key);
    if (rv == CKR_OK)
        return ch_new_key_check(session, made, err);
    made->key = CK_INVALID_HANDLE; /* whatever was written there */
    ch_ignore(ch_ckr_fail(err, rv, "importing key '%s'", made->label));
    ch_ignore(ch_vendor_add_key_tool(ch_token_functions(session->token), rv, err));
    return ch_new_key_undo(session, made, err);
}

/* ---- HMAC ---- */

static ch_status hash_secret(const ch_mechanism *mechanism, const ch_secret *secret, ch_secret *out, ch_error *err)
{
    EVP_MD *hash = EVP_MD_fetch(NULL, mechanism->hash, NULL);
    bool is_done = hash != NULL && EVP_Digest(secret->data, secret->size, out->data, NULL, hash, NULL) == 1;
    EVP_MD_free(hash);
    return is_done ? CH_OK : ch_fail(err, CH_INTERNAL, "hashing a long secret with %s failed", mechanism->hash);
}

/* RFC 2104, section 2: a key longer than a block is hashed, and any key is zero-padded to a block. So padding to the
 * smallest size that the token takes changes no HMAC. */
static ch_status make_equal_key(const ch_mechanism *mechanism, size_t smallest, const ch_secret *secret, ch_secret *out,
                                ch_error *err)
{
    bool is_long = secret->size > mechanism->block_size_bytes;
    size_t size = is_long ? mechanism->hash_size_bytes : secret->size;
    CH_TRY(ch_secret_alloc(out, size < smallest ? smallest : size, err));
    if (is_long)
        return hash_secret(mechanism, secret, out, err);
    memcpy(out->data, secret->data, secret->size);
    return CH_OK;
}

/* The standard leaves it to the mechanism whether key sizes are in bits or bytes, and tokens differ. What is larger
 * than a block can only be bits; what is smaller may be taken for bytes, since padding too much, up to a block, does no
 * harm. */
static size_t smallest_key(ch_session *session, const ch_mechanism *mechanism)
{
    CK_MECHANISM_INFO info = {.ulMinKeySize = 0};
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    functions->C_GetMechanismInfo(ch_token_slot(session->token), mechanism->sign, &info); /* no answer: no minimum */
    size_t size = info.ulMinKeySize > mechanism->block_size_bytes ? info.ulMinKeySize / 8 : info.ulMinKeySize;
    if (size < mechanism->hash_size_bytes)
        size = mechanism->hash_size_bytes;
    return size < mechanism->block_size_bytes ? size : mechanism->block_size_bytes;
}

ch_status ch_key_import_hmac(ch_session *session, const char *label, const ch_mechanism *mechanism,
                             const ch_secret *secret, ch_error *err)
{
    ch_autosecret value = CH_SECRET_INIT;
    ch_attributes wanted = {.count = 0};
    ch_new_key made = {.label = label, .key = CK_INVALID_HANDLE, .public_half = CK_INVALID_HANDLE};
    if (mechanism->key_class != CKO_SECRET_KEY)
        return ch_fail(err, CH_BAD_INPUT, "%s takes a private key, not a secret", mechanism->name);
    CH_TRY(ch_token_offers(session->token, mechanism, err));
    CH_TRY(ch_new_key_check_label(session, label, err));
    CH_TRY(make_equal_key(mechanism, smallest_key(session, mechanism), secret, &value, err));
    CH_TRY(ch_new_key_draw_id(made.id, err));
    ch_new_key_add_attributes(&wanted, mechanism, label, (ch_slice){made.id, sizeof made.id});
    ch_attributes_add_ulong(&wanted, CKA_KEY_TYPE, &mechanism->key_type);
    ch_attributes_add(&wanted, CKA_VALUE, value.data, value.size);
    return create(session, mechanism, &wanted, &made, err);
}

/* ---- private keys: what they are ---- */

static bool is_rsa(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "RSA") == 1;
}

static bool is_ed25519(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519") == 1;
}

static void find_curve(const EVP_PKEY *key, char group[static 64])
{
    group[0] = '\0';
    if (EVP_PKEY_is_a(key, "EC") == 1)
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, 64, NULL);
}

static bool is_of_kind(const EVP_PKEY *key, const ch_mechanism *mechanism)
{
    char group[64];
    switch (mechanism->key_type) {
    case CKK_RSA:
        return is_rsa(key);
    case CKK_EC_EDWARDS:
        return is_ed25519(key);
    case CKK_EC:
        find_curve(key, group);
        return strcmp(group, mechanism->curve) == 0;
    default:
        return false;
    }
}

void ch_key_describe(const EVP_PKEY *key, ch_buffer *out)
{
    char group[64];
    find_curve(key, group);
    if (is_rsa(key))
        ch_buffer_add_format(out, "RSA with %d bits", EVP_PKEY_get_bits(key));
    else if (is_ed25519(key))
        ch_buffer_add_text(out, "Ed25519");
    else if (group[0] != '\0')
        ch_buffer_add_format(out, "EC on %s", group);
    else
        ch_buffer_add_text(out, "of another kind");
}

static const char *needed_kind(const ch_mechanism *mechanism)
{
    if (mechanism->key_type == CKK_RSA)
        return "RSA";
    return mechanism->key_type == CKK_EC_EDWARDS ? "Ed25519" : mechanism->curve;
}

ch_status ch_key_check_fit(const EVP_PKEY *key, const ch_mechanism *mechanism, ch_error *err)
{
    int bits = EVP_PKEY_get_bits(key);
    if (!is_of_kind(key, mechanism)) {
        ch_autobuffer kind = CH_BUFFER_INIT;
        ch_key_describe(key, &kind);
        return ch_fail(
            err, CH_BAD_INPUT,
            "this private key is %s, and %s signs with %s; pass the key of that kind, or name the scheme that "
            "this key is for",
            ch_buffer_text(&kind), mechanism->name, needed_kind(mechanism));
    }
    if (is_rsa(key) && (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX))
        return ch_fail(
            err, CH_BAD_INPUT,
            "this RSA key has %d bits, and %d to %d are taken; make a new one with 'chancery key generate' and "
            "register its public key at the exchange",
            bits, RSA_BITS_MIN, RSA_BITS_MAX);
    return CH_OK;
}

/* ---- private keys: into numbers ---- */

#define RSA_PARTS 8

typedef struct key_parts {
    ch_secret numbers[RSA_PARTS]; /* RSA; else [0] is the private value */
    ch_secret point;              /* EC: the public point as DER OCTET STRING */
} key_parts;

static void wipe_parts(key_parts *parts)
{
    for (size_t i = 0; i < RSA_PARTS; i++)
        ch_secret_wipe(&parts->numbers[i]);
    ch_secret_wipe(&parts->point);
}

/* clang-format off */
static const struct {
    const char *name;
    CK_ATTRIBUTE_TYPE type;
    bool is_public;
} rsa_parts[RSA_PARTS] = {
    /* OpenSSL's name                  attribute             in the public half */
    { OSSL_PKEY_PARAM_RSA_N,            CKA_MODULUS,          true },
    { OSSL_PKEY_PARAM_RSA_E,            CKA_PUBLIC_EXPONENT,  true },
    { OSSL_PKEY_PARAM_RSA_D,            CKA_PRIVATE_EXPONENT, false },
    { OSSL_PKEY_PARAM_RSA_FACTOR1,      CKA_PRIME_1,          false },
    { OSSL_PKEY_PARAM_RSA_FACTOR2,      CKA_PRIME_2,          false },
    { OSSL_PKEY_PARAM_RSA_EXPONENT1,    CKA_EXPONENT_1,       false },
    { OSSL_PKEY_PARAM_RSA_EXPONENT2,    CKA_EXPONENT_2,       false },
    { OSSL_PKEY_PARAM_RSA_COEFFICIENT1, CKA_COEFFICIENT,      false },
};
/* clang-format on */

static ch_status copy_number(const BIGNUM *number, const char *name, size_t size, ch_secret *out, ch_error *err)
{
    CH_TRY(ch_secret_alloc(out, size, err));
    if (BN_bn2binpad(number, out->data, (int)size) < 0)
        return ch_fail(err, CH_BAD_INPUT, "the private key's parameter '%s' is out of range", name);
    return CH_OK;
}

/* One numeric parameter of a key as big-endian bytes; `width` 0: as short as it is. */
static ch_status take_number(const EVP_PKEY *key, const char *name, size_t width, ch_secret *out, ch_error *err)
{
    BIGNUM *number = BN_secure_new();
    ch_status st;
    if (number != NULL && EVP_PKEY_get_bn_param(key, name, &number) == 1)
        st = copy_number(number, name, width != 0 ? width : (size_t)BN_num_bytes(number), out, err);
    else
        st = ch_fail(err, CH_BAD_INPUT, "the private key lacks its parameter '%s'", name);
    BN_clear_free(number);
    return st;
}

static ch_status add_rsa(const EVP_PKEY *key, key_parts *parts, ch_attributes *private_half, ch_attributes *public_half,
                         ch_error *err)
{
    for (size_t i = 0; i < RSA_PARTS; i++) {
        ch_secret *number = &parts->numbers[i];
        CH_TRY(take_number(key, rsa_parts[i].name, 0, number, err));
        ch_attributes_add(private_half, rsa_parts[i].type, number->data, number->size);
        if (rsa_parts[i].is_public)
            ch_attributes_add(public_half, rsa_parts[i].type, number->data, number->size);
    }
    return CH_OK;
}

/* In PKCS#11 2.40 the point is a DER OCTET STRING; 65 and 32 bytes have a one-byte length. */
static ch_status take_point(const EVP_PKEY *key, const char *name, ch_secret *out, ch_error *err)
{
    uint8_t point[128];
    size_t size = 0;
    if (EVP_PKEY_get_octet_string_param(key, name, point, sizeof point, &size) != 1 || size > 127)
        return ch_fail(err, CH_BAD_INPUT, "the private key's public point can't be read");
    CH_TRY(ch_secret_alloc(out, size + 2, err));
    out->data[0] = 0x04;
    out->data[1] = (uint8_t)size;
    memcpy(out->data + 2, point, size);
    return CH_OK;
}

static ch_status take_edwards(const EVP_PKEY *key, key_parts *parts, ch_error *err)
{
    size_t size = 32;
    CH_TRY(ch_secret_alloc(&parts->numbers[0], size, err));
    if (EVP_PKEY_get_raw_private_key(key, parts->numbers[0].data, &size) != 1)
        return ch_fail(err, CH_BAD_INPUT, "the Ed25519 private key can't be read");
    return take_point(key, OSSL_PKEY_PARAM_PUB_KEY, &parts->point, err);
}

static ch_status take_ec(EVP_PKEY *key, key_parts *parts, ch_error *err)
{
    EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
    CH_TRY(take_number(key, OSSL_PKEY_PARAM_PRIV_KEY, 32, &parts->numbers[0], err));
    return take_point(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, &parts->point, err);
}

static ch_status add_curve(EVP_PKEY *key, const ch_mechanism *mechanism, key_parts *parts, ch_attributes *private_half,
                           ch_attributes *public_half, ch_error *err)
{
    if (mechanism->key_type == CKK_EC_EDWARDS)
        CH_TRY(take_edwards(key, parts, err));
    else
        CH_TRY(take_ec(key, parts, err));
    ch_attributes_add(private_half, CKA_EC_PARAMS, mechanism->ec_params, mechanism->ec_params_size);
    ch_attributes_add(private_half, CKA_VALUE, parts->numbers[0].data, parts->numbers[0].size);
    ch_attributes_add(public_half, CKA_EC_PARAMS, mechanism->ec_params, mechanism->ec_params_size);
    ch_attributes_add(public_half, CKA_EC_POINT, parts->point.data, parts->point.size);
    return CH_OK;
}

/* ---- private keys: onto the token ---- */

/* The id is the start of the public key's hash, so that both halves, and a second import, have the same. */
static ch_status find_id(const EVP_PKEY *key, uint8_t id[static CH_KEY_ID_SIZE], ch_error *err)
{
    uint8_t *der = NULL;
    uint8_t hash[SHA256_DIGEST_LENGTH];
    int size = i2d_PUBKEY(key, &der);
    if (size <= 0)
        return ch_fail(err, CH_BAD_INPUT, "the private key's public half can't be read");
    SHA256(der, (size_t)size, hash);
    OPENSSL_free(der);
    memcpy(id, hash, CH_KEY_ID_SIZE);
    return CH_OK;
}

/* A token that keeps no public halves refuses it, and the key is as good without: a YubiHSM shows its public key with
 * the private one. */
static ch_status create_pair(ch_session *session, const ch_mechanism *mechanism, ch_attributes *private_half,
                             ch_attributes *public_half, ch_new_key *made, ch_error *err)
{
    CH_TRY(create(session, mechanism, private_half, made, err));
    CK_RV rv = call_create(session, mechanism, public_half, &made->public_half);
    if (rv == CKR_OK || ch_ckr_is_refusal(rv))
        return CH_OK;
    made->public_half = CK_INVALID_HANDLE;
    ch_ckr_fail(err, rv, "importing the public half of key '%s'", made->label);
    return ch_new_key_undo(session, made, err);
}

static ch_status import_pair(ch_session *session, const char *label, const ch_mechanism *mechanism, EVP_PKEY *key,
                             ch_error *err)
{
    __attribute__((cleanup(wipe_parts))) key_parts parts = {.point = CH_SECRET_INIT};
    ch_attributes private_half = {.count = 0};
    ch_attributes public_half = {.count = 0};
    ch_new_key made = {.label = label, .key = CK_INVALID_HANDLE, .public_half = CK_INVALID_HANDLE};
    ch_slice id = {made.id, sizeof made.id};
    CH_TRY(find_id(key, made.id, err));
    ch_new_key_add_attributes(&private_half, mechanism, label, id);
    ch_new_key_add_public_attributes(&public_half, label, id);
    ch_attributes_add_ulong(&private_half, CKA_KEY_TYPE, &mechanism->key_type);
    ch_attributes_add_ulong(&public_half, CKA_KEY_TYPE, &mechanism->key_type);
    if (mechanism->key_type == CKK_RSA)
        CH_TRY(add_rsa(key, &parts, &private_half, &public_half, err));
    else
        CH_TRY(add_curve(key, mechanism, &parts, &private_half, &public_half, err));
    return create_pair(session, mechanism, &private_half, &public_half, &made, err);
}

ch_status ch_key_import_pair(ch_session *session, const char *label, const ch_mechanism *mechanism, EVP_PKEY *key,
                             ch_error *err)
{
    CH_TRY(ch_key_check_fit(key, mechanism, err));
    CH_TRY(ch_token_offers(session->token, mechanism, err));
    CH_TRY(ch_new_key_check_label(session, label, err));
    return import_pair(session, label, mechanism, key, err);
}
