#include "pkcs11/generate.h"

#include "base/slice.h"
#include "pkcs11/ckr.h"
#include "pkcs11/create.h"

#include <openssl/rand.h>

#define ID_SIZE 20

static ch_status new_id(uint8_t *id, ch_error *err)
{
    return RAND_bytes(id, ID_SIZE) == 1 ? CH_OK : ch_fail(err, CH_INTERNAL, "no random bytes for a key's id");
}

static ch_status generate_secret(ch_session *session, const char *label, const ch_mechanism *mechanism, ch_slice id,
                                 ch_token_key *key, ch_error *err)
{
    ch_attributes wanted = {.count = 0};
    CK_MECHANISM how = {mechanism->generate, NULL, 0};
    CK_ULONG size = mechanism->hash_size_bytes;
    ch_create_signing_key(&wanted, &mechanism->key_class, label, id);
    ch_attributes_add_ulong(&wanted, CKA_KEY_TYPE, &mechanism->key_type);
    ch_attributes_add_ulong(&wanted, CKA_VALUE_LEN, &size);
    CK_RV rv = ch_token_functions(session->token)
                   ->C_GenerateKey(session->handle, &how, wanted.items, wanted.count, &key->handle);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "generating key '%s' (%s)", label, mechanism->name);
}

static ch_status generate_pair(ch_session *session, const char *label, const ch_mechanism *mechanism, CK_ULONG rsa_bits,
                               ch_slice id, ch_token_key *key, CK_OBJECT_HANDLE *public_half, ch_error *err)
{
    static const uint8_t exponent[] = {1, 0, 1};
    ch_attributes private_half = {.count = 0};
    ch_attributes wanted = {.count = 0};
    CK_MECHANISM how = {mechanism->generate, NULL, 0};
    ch_create_signing_key(&private_half, &mechanism->key_class, label, id);
    ch_create_public_key(&wanted, label, id);
    if (mechanism->ec_params != NULL) {
        ch_attributes_add(&wanted, CKA_EC_PARAMS, mechanism->ec_params, mechanism->ec_params_size);
    } else {
        ch_attributes_add_ulong(&wanted, CKA_MODULUS_BITS, &rsa_bits);
        ch_attributes_add(&wanted, CKA_PUBLIC_EXPONENT, exponent, sizeof exponent);
    }
    CK_RV rv = ch_token_functions(session->token)
                   ->C_GenerateKeyPair(session->handle, &how, wanted.items, wanted.count, private_half.items,
                                       private_half.count, public_half, &key->handle);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "generating key '%s' (%s)", label, mechanism->name);
}

ch_status ch_key_generate(ch_session *session, const char *label, const ch_mechanism *mechanism, unsigned rsa_bits,
                          ch_error *err)
{
    uint8_t id_bytes[ID_SIZE];
    ch_slice id = {id_bytes, ID_SIZE};
    ch_token_key key = {.mechanism = mechanism};
    CK_OBJECT_HANDLE public_half = CK_INVALID_HANDLE;
    if (rsa_bits != 0 && (rsa_bits < 2048 || rsa_bits > 4096 || rsa_bits % 8 != 0))
        return ch_fail(err, CH_BAD_INPUT, "an RSA key has 2048 to 4096 bits");
    ch_status st = ch_token_offers(session->token, mechanism, err);
    if (st == CH_OK)
        st = ch_create_check_label(session, label, err);
    if (st == CH_OK)
        st = new_id(id_bytes, err);
    if (st != CH_OK)
        return st;
    if (mechanism->key_class == CKO_SECRET_KEY)
        st = generate_secret(session, label, mechanism, id, &key, err);
    else
        st = generate_pair(session, label, mechanism, rsa_bits == 0 ? 2048 : rsa_bits, id, &key, &public_half, err);
    return st == CH_OK ? ch_create_settle(session, &key, public_half, err) : st;
}
