/* Key material stands in ch_secret (locked, wiped) or in OpenSSL's own objects, which are cleansed when freed;
 * templates only point at it. */
#include "pkcs11/import.h"

#include "base/slice.h"
#include "pkcs11/ckr.h"
#include "pkcs11/create.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#define ID_SIZE 20

/* ---- HMAC ---- */

/* RFC 2104, section 2: a key longer than a block is hashed, and any key is zero-padded to a block. So padding to the
 * smallest size that the token takes changes no HMAC. */
static ch_status equal_key(const ch_mechanism *mechanism, size_t smallest, const ch_secret *secret, ch_secret *out,
                           ch_error *err)
{
    bool is_long = secret->size > mechanism->block_size_bytes;
    size_t size = is_long ? mechanism->hash_size_bytes : secret->size;
    ch_status st = ch_secret_alloc(out, size < smallest ? smallest : size, err);
    if (st == CH_OK && !is_long)
        memcpy(out->data, secret->data, secret->size);
    if (st != CH_OK || !is_long)
        return st;
    EVP_MD *hash = EVP_MD_fetch(NULL, mechanism->hash, NULL);
    int done = hash != NULL && EVP_Digest(secret->data, secret->size, out->data, NULL, hash, NULL) == 1;
    EVP_MD_free(hash);
    return done ? CH_OK : ch_fail(err, CH_INTERNAL, "hashing a long secret with %s failed", mechanism->hash);
}

/* The standard leaves it to the mechanism whether key sizes are in bits or bytes, and tokens differ. What is larger
 * than a block can only be bits; what is smaller may be taken for bytes, since padding too much, up to a block, does no
 * harm. */
static size_t smallest_key(ch_session *session, const ch_mechanism *mechanism)
{
    CK_MECHANISM_INFO info = {.ulMinKeySize = 0};
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    (void)functions->C_GetMechanismInfo(ch_token_slot(session->token), mechanism->sign, &info);
    size_t size = info.ulMinKeySize > mechanism->block_size_bytes ? info.ulMinKeySize / 8 : info.ulMinKeySize;
    if (size < mechanism->hash_size_bytes)
        size = mechanism->hash_size_bytes;
    return size < mechanism->block_size_bytes ? size : mechanism->block_size_bytes;
}

static ch_status create(ch_session *session, ch_attributes *attributes, const char *label, CK_OBJECT_HANDLE *out,
                        ch_error *err)
{
    CK_RV rv =
        ch_token_functions(session->token)->C_CreateObject(session->handle, attributes->items, attributes->count, out);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "importing key '%s'", label);
}

ch_status ch_key_import_hmac(ch_session *session, const char *label, const ch_mechanism *mechanism,
                             const ch_secret *secret, ch_error *err)
{
    ch_autosecret value = CH_SECRET_INIT;
    uint8_t id[ID_SIZE];
    ch_token_key key = {.mechanism = mechanism};
    ch_attributes wanted = {.count = 0};
    if (mechanism->key_class != CKO_SECRET_KEY)
        return ch_fail(err, CH_BAD_INPUT, "%s takes a private key in PEM, not a secret", mechanism->name);
    ch_status st = ch_token_offers(session->token, mechanism, err);
    if (st == CH_OK)
        st = ch_create_check_label(session, label, err);
    if (st == CH_OK)
        st = equal_key(mechanism, smallest_key(session, mechanism), secret, &value, err);
    if (st == CH_OK && RAND_bytes(id, sizeof id) != 1)
        st = ch_fail(err, CH_INTERNAL, "no random bytes for a key's id");
    if (st != CH_OK)
        return st;
    ch_create_signing_key(&wanted, &mechanism->key_class, label, (ch_slice){id, sizeof id});
    ch_attributes_add_ulong(&wanted, CKA_KEY_TYPE, &mechanism->key_type);
    ch_attributes_add(&wanted, CKA_VALUE, value.data, value.size);
    st = create(session, &wanted, label, &key.handle, err);
    return st == CH_OK ? ch_create_settle(session, &key, CK_INVALID_HANDLE, err) : st;
}

/* ---- private keys ---- */

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static int refuse_passphrase(char *buffer, int size, int is_writing, void *data)
{
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)data;
    return -1;
}

static ch_status read_pem(const ch_secret *pem, EVP_PKEY **out, ch_error *err)
{
    BIO *memory = BIO_new_mem_buf(pem->data, (int)pem->size);
    *out = memory == NULL ? NULL : PEM_read_bio_PrivateKey(memory, NULL, refuse_passphrase, NULL);
    BIO_free(memory);
    ERR_clear_error(); /* SoftHSM2 shares this process's OpenSSL and would find our errors */
    return *out != NULL ? CH_OK
                        : ch_fail(err, CH_BAD_INPUT,
                                  "this is not an unencrypted private key in PEM; decrypt it first "
                                  "with: openssl pkey");
}

/* One numeric parameter of a key as big-endian bytes; `width` 0: as short as it is. */
static ch_status take_number(const EVP_PKEY *key, const char *name, size_t width, ch_secret *out, ch_error *err)
{
    BIGNUM *number = BN_secure_new();
    if (number == NULL || EVP_PKEY_get_bn_param(key, name, &number) != 1) {
        BN_clear_free(number);
        return ch_fail(err, CH_BAD_INPUT, "the private key lacks its parameter '%s'", name);
    }
    size_t size = width != 0 ? width : (size_t)BN_num_bytes(number);
    ch_status st = ch_secret_alloc(out, size, err);
    if (st == CH_OK && BN_bn2binpad(number, out->data, (int)size) < 0)
        st = ch_fail(err, CH_BAD_INPUT, "the private key's parameter '%s' is out of range", name);
    BN_clear_free(number);
    return st;
}

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

static const struct {
    const char *name;
    CK_ATTRIBUTE_TYPE type;
    bool is_public;
} rsa_parts[RSA_PARTS] = {
    {OSSL_PKEY_PARAM_RSA_N,            CKA_MODULUS,          true },
    {OSSL_PKEY_PARAM_RSA_E,            CKA_PUBLIC_EXPONENT,  true },
    {OSSL_PKEY_PARAM_RSA_D,            CKA_PRIVATE_EXPONENT, false},
    {OSSL_PKEY_PARAM_RSA_FACTOR1,      CKA_PRIME_1,          false},
    {OSSL_PKEY_PARAM_RSA_FACTOR2,      CKA_PRIME_2,          false},
    {OSSL_PKEY_PARAM_RSA_EXPONENT1,    CKA_EXPONENT_1,       false},
    {OSSL_PKEY_PARAM_RSA_EXPONENT2,    CKA_EXPONENT_2,       false},
    {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, CKA_COEFFICIENT,      false},
};

static ch_status add_rsa(const EVP_PKEY *key, key_parts *parts, ch_attributes *private_half, ch_attributes *public_half,
                         ch_error *err)
{
    ch_status st = CH_OK;
    for (size_t i = 0; st == CH_OK && i < RSA_PARTS; i++) {
        st = take_number(key, rsa_parts[i].name, 0, &parts->numbers[i], err);
        if (st != CH_OK)
            return st;
        ch_attributes_add(private_half, rsa_parts[i].type, parts->numbers[i].data, parts->numbers[i].size);
        if (rsa_parts[i].is_public)
            ch_attributes_add(public_half, rsa_parts[i].type, parts->numbers[i].data, parts->numbers[i].size);
    }
    return st;
}

/* PKCS#11 2.40 wants the point as a DER OCTET STRING; 65 and 32 bytes have a one-byte length. */
static ch_status take_point(const EVP_PKEY *key, const char *name, ch_secret *out, ch_error *err)
{
    uint8_t point[128];
    size_t size = 0;
    if (EVP_PKEY_get_octet_string_param(key, name, point, sizeof point, &size) != 1 || size > 127)
        return ch_fail(err, CH_BAD_INPUT, "the private key's public point can't be read");
    ch_status st = ch_secret_alloc(out, size + 2, err);
    if (st != CH_OK)
        return st;
    out->data[0] = 0x04;
    out->data[1] = (uint8_t)size;
    memcpy(out->data + 2, point, size);
    return CH_OK;
}

static ch_status add_curve(EVP_PKEY *key, const ch_mechanism *mechanism, key_parts *parts, ch_attributes *private_half,
                           ch_attributes *public_half, ch_error *err)
{
    ch_status st;
    bool is_edwards = mechanism->key_type == CKK_EC_EDWARDS;
    if (is_edwards) {
        size_t size = 32;
        st = ch_secret_alloc(&parts->numbers[0], size, err);
        if (st == CH_OK && EVP_PKEY_get_raw_private_key(key, parts->numbers[0].data, &size) != 1)
            st = ch_fail(err, CH_BAD_INPUT, "the Ed25519 private key can't be read");
    } else {
        (void)EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
        st = take_number(key, OSSL_PKEY_PARAM_PRIV_KEY, 32, &parts->numbers[0], err);
    }
    if (st == CH_OK)
        st = take_point(key, is_edwards ? OSSL_PKEY_PARAM_PUB_KEY : OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, &parts->point,
                        err);
    if (st != CH_OK)
        return st;
    ch_attributes_add(private_half, CKA_EC_PARAMS, mechanism->ec_params, mechanism->ec_params_size);
    ch_attributes_add(private_half, CKA_VALUE, parts->numbers[0].data, parts->numbers[0].size);
    ch_attributes_add(public_half, CKA_EC_PARAMS, mechanism->ec_params, mechanism->ec_params_size);
    ch_attributes_add(public_half, CKA_EC_POINT, parts->point.data, parts->point.size);
    return CH_OK;
}

static bool fits(const EVP_PKEY *key, const ch_mechanism *mechanism)
{
    char group[64] = "";
    switch (mechanism->key_type) {
    case CKK_RSA:
        return EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 4096;
    case CKK_EC_EDWARDS:
        return EVP_PKEY_is_a(key, "ED25519") == 1;
    case CKK_EC:
        (void)EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL);
        return EVP_PKEY_is_a(key, "EC") == 1 && strcmp(group, mechanism->curve) == 0;
    default:
        return false;
    }
}

/* The id is the start of the public key's hash, so that both halves, and a second import, have the same. */
static ch_status id_of(const EVP_PKEY *key, uint8_t *id, ch_error *err)
{
    uint8_t *der = NULL;
    uint8_t hash[SHA256_DIGEST_LENGTH];
    int size = i2d_PUBKEY(key, &der);
    if (size <= 0)
        return ch_fail(err, CH_BAD_INPUT, "the private key's public half can't be read");
    (void)SHA256(der, (size_t)size, hash);
    OPENSSL_free(der);
    memcpy(id, hash, ID_SIZE);
    return CH_OK;
}

static ch_status import_pair(ch_session *session, const char *label, EVP_PKEY *key, key_parts *parts,
                             ch_token_key *made, CK_OBJECT_HANDLE *public_made, ch_error *err)
{
    const ch_mechanism *mechanism = made->mechanism;
    ch_attributes private_half = {.count = 0};
    ch_attributes public_half = {.count = 0};
    uint8_t id[ID_SIZE];
    ch_status st = id_of(key, id, err);
    if (st != CH_OK)
        return st;
    ch_create_signing_key(&private_half, &mechanism->key_class, label, (ch_slice){id, sizeof id});
    ch_create_public_key(&public_half, label, (ch_slice){id, sizeof id});
    ch_attributes_add_ulong(&private_half, CKA_KEY_TYPE, &mechanism->key_type);
    ch_attributes_add_ulong(&public_half, CKA_KEY_TYPE, &mechanism->key_type);
    if (mechanism->key_type == CKK_RSA)
        st = add_rsa(key, parts, &private_half, &public_half, err);
    else
        st = add_curve(key, mechanism, parts, &private_half, &public_half, err);
    if (st == CH_OK)
        st = create(session, &private_half, label, &made->handle, err);
    if (st != CH_OK)
        return st;
    st = create(session, &public_half, label, public_made, err);
    if (st != CH_OK)
        (void)ch_token_functions(session->token)->C_DestroyObject(session->handle, made->handle);
    return st;
}

ch_status ch_key_import_pem(ch_session *session, const char *label, const ch_mechanism *mechanism, const ch_secret *pem,
                            ch_error *err)
{
    __attribute__((cleanup(free_key))) EVP_PKEY *key = NULL;
    ch_token_key made = {.mechanism = mechanism};
    CK_OBJECT_HANDLE public_made = CK_INVALID_HANDLE;
    key_parts parts = {.point = CH_SECRET_INIT};
    ch_status st = ch_token_offers(session->token, mechanism, err);
    if (st == CH_OK)
        st = ch_create_check_label(session, label, err);
    if (st == CH_OK)
        st = read_pem(pem, &key, err);
    if (st == CH_OK && !fits(key, mechanism))
        st = ch_fail(err, CH_BAD_INPUT, "this private key is not one for %s", mechanism->name);
    if (st != CH_OK)
        return st;
    st = import_pair(session, label, key, &parts, &made, &public_made, err);
    wipe_parts(&parts);
    return st == CH_OK ? ch_create_settle(session, &made, public_made, err) : st;
}
