#include "pkcs11/ckr.h"
#include "pkcs11/key.h"
#include "pkcs11/new_key.h"
#include "pkcs11/vendor.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

static CK_RV call_generate(ch_session *session, const ch_mechanism *mechanism, ch_attributes *wanted,
                           CK_OBJECT_HANDLE *out)
{
    CK_MECHANISM how = {mechanism->generate, NULL, 0};
    return ch_token_functions(session->token)->C_GenerateKey(session->handle, &how, wanted->items, wanted->count, out);
}

static ch_status generate_secret(ch_session *session, const ch_mechanism *mechanism, ch_new_key *made, ch_error *err)
{
    ch_attributes wanted = {.count = 0};
    CK_ULONG size = mechanism->hash_size_bytes;
    ch_new_key_add_attributes(&wanted, mechanism, made->label, (ch_slice){made->id, sizeof made->id});
    ch_attributes_add_ulong(&wanted, CKA_KEY_TYPE, &mechanism->key_type);
    ch_attributes_add_ulong(&wanted, CKA_VALUE_LEN, &size);
    CK_RV rv = ch_new_key_make(session, mechanism, &wanted, call_generate, &made->key);
    if (rv == CKR_OK)
        return CH_OK;
    made->key = CK_INVALID_HANDLE; /* whatever was written there */
    ch_ignore(ch_ckr_fail(err, rv, "generating key '%s' (%s)", made->label, mechanism->name));
    return ch_vendor_add_key_tool(ch_token_functions(session->token), rv, err);
}

static ch_status generate_pair(ch_session *session, const ch_mechanism *mechanism, CK_ULONG rsa_bits, ch_new_key *made,
                               ch_error *err)
{
    static const uint8_t exponent[] = {1, 0, 1};
    ch_attributes wanted = {.count = 0};
    ch_attributes wanted_public = {.count = 0};
    CK_MECHANISM how = {mechanism->generate, NULL, 0};
    ch_new_key_add_attributes(&wanted, mechanism, made->label, (ch_slice){made->id, sizeof made->id});
    ch_new_key_add_public_attributes(&wanted_public, made->label, (ch_slice){made->id, sizeof made->id});
    if (mechanism->ec_params != NULL) {
        ch_attributes_add(&wanted_public, CKA_EC_PARAMS, mechanism->ec_params, mechanism->ec_params_size);
    } else {
        ch_attributes_add_ulong(&wanted_public, CKA_MODULUS_BITS, &rsa_bits);
        ch_attributes_add(&wanted_public, CKA_PUBLIC_EXPONENT, exponent, sizeof exponent);
    }
    CK_RV rv = ch_token_functions(session->token)
                   ->C_GenerateKeyPair(session->handle, &how, wanted_public.items, wanted_public.count, wanted.items,
                                       wanted.count, &made->public_half, &made->key);
    if (rv == CKR_OK)
        return CH_OK;
    made->key = CK_INVALID_HANDLE;
    made->public_half = CK_INVALID_HANDLE;
    ch_ignore(ch_ckr_fail(err, rv, "generating key '%s' (%s)", made->label, mechanism->name));
    /* A refusal may be of the size or the curve, which another tool can't make on this token either. */
    return rv == CKR_FUNCTION_NOT_SUPPORTED ? ch_vendor_add_key_tool(ch_token_functions(session->token), rv, err)
                                            : err->status;
}

ch_status ch_key_generate(ch_session *session, const char *label, const ch_mechanism *mechanism, unsigned rsa_bits,
                          ch_error *err)
{
    ch_new_key made = {.label = label, .key = CK_INVALID_HANDLE, .public_half = CK_INVALID_HANDLE};
    CK_ULONG bits = rsa_bits == 0 ? RSA_BITS_MIN : rsa_bits;
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || bits % 8 != 0)
        return ch_fail(err, CH_BAD_INPUT, "an RSA key has %d to %d bits, a multiple of 8", RSA_BITS_MIN, RSA_BITS_MAX);
    CH_TRY(ch_token_offers(session->token, mechanism, err));
    CH_TRY(ch_new_key_check_label(session, label, err));
    CH_TRY(ch_new_key_draw_id(made.id, err));
    ch_status st = mechanism->key_class == CKO_SECRET_KEY ? generate_secret(session, mechanism, &made, err)
                                                          : generate_pair(session, mechanism, bits, &made, err);
    return st == CH_OK ? ch_new_key_check(session, &made, err) : ch_new_key_undo(session, &made, err);
}
