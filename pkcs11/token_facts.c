/* What the module returns is kept as it is: its texts are padded, not ended. */
#include "pkcs11/token_facts.h"

#include "base/memory.h"
#include "pkcs11/ckr.h"

#define MECHANISMS_MAX 4096
#define COUNT(array) (sizeof(array) / sizeof *(array))

ch_status ch_token_facts_read(ch_token *token, ch_token_facts *out, ch_error *err)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(token);
    CK_SLOT_ID slot = ch_token_slot(token);
    CH_TRY(ch_token_info_read(functions, slot, &out->token, &out->info, err));
    CK_RV rv = functions->C_GetSlotInfo(slot, &out->slot);
    if (rv == CKR_OK)
        rv = functions->C_GetInfo(&out->module);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "asking for slot and module of token '%s'", out->info.label);
}

static CK_RV list_types(ch_token *token, CK_MECHANISM_TYPE **out, CK_ULONG *count)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(token);
    CK_RV rv = functions->C_GetMechanismList(ch_token_slot(token), NULL, count);
    if (rv == CKR_OK && *count > MECHANISMS_MAX)
        rv = CKR_GENERAL_ERROR;
    if (rv != CKR_OK)
        return rv;
    *out = ch_alloc((*count + 1) * sizeof **out);
    return functions->C_GetMechanismList(ch_token_slot(token), *out, count);
}

ch_status ch_token_mechanisms(ch_token *token, ch_token_mechanism **out, size_t *count, ch_error *err)
{
    ch_autofree CK_MECHANISM_TYPE *types = NULL;
    CK_ULONG type_count = 0;
    CK_RV rv = list_types(token, &types, &type_count);
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "listing the mechanisms of token '%s'", ch_token_label(token));
    *out = ch_alloc((type_count + 1) * sizeof **out);
    *count = 0;
    for (CK_ULONG i = 0; i < type_count; i++) {
        ch_token_mechanism *row = &(*out)[*count];
        row->type = types[i];
        /* One that is listed and not known after all is left out, as it is when it is asked for. */
        if (ch_token_functions(token)->C_GetMechanismInfo(ch_token_slot(token), types[i], &row->info) == CKR_OK)
            ++*count;
    }
    return CH_OK;
}

/* ---- names ---- */

#define NAMED(code)                                                                                                    \
    {                                                                                                                  \
        code, #code                                                                                                    \
    }

typedef struct named {
    unsigned long code;
    const char *name;
} named;

static const char *name_of(const named *rows, size_t count, unsigned long code)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].code == code)
            return rows[i].name;
    }
    return NULL;
}

const char *ch_mechanism_type_name(CK_MECHANISM_TYPE type)
{
    static const named types[] = {
        NAMED(CKM_RSA_PKCS_KEY_PAIR_GEN),
        NAMED(CKM_RSA_PKCS),
        NAMED(CKM_RSA_X_509),
        NAMED(CKM_SHA1_RSA_PKCS),
        NAMED(CKM_SHA256_RSA_PKCS),
        NAMED(CKM_SHA384_RSA_PKCS),
        NAMED(CKM_SHA512_RSA_PKCS),
        NAMED(CKM_RSA_PKCS_PSS),
        NAMED(CKM_SHA256_RSA_PKCS_PSS),
        NAMED(CKM_SHA512_RSA_PKCS_PSS),
        NAMED(CKM_SHA_1_HMAC),
        NAMED(CKM_SHA256_HMAC),
        NAMED(CKM_SHA384_HMAC),
        NAMED(CKM_SHA512_HMAC),
        NAMED(CKM_GENERIC_SECRET_KEY_GEN),
        NAMED(CKM_EC_KEY_PAIR_GEN),
        NAMED(CKM_ECDSA),
        NAMED(CKM_ECDSA_SHA1),
        NAMED(CKM_ECDSA_SHA256),
        NAMED(CKM_ECDSA_SHA384),
        NAMED(CKM_ECDSA_SHA512),
        NAMED(CKM_EC_EDWARDS_KEY_PAIR_GEN),
        NAMED(CKM_EDDSA),
        NAMED(CKM_RSA_PKCS_OAEP),
        NAMED(CKM_DES_ECB),
        NAMED(CKM_DES_CBC),
        NAMED(CKM_DES_CBC_PAD),
        NAMED(CKM_DES3_ECB),
        NAMED(CKM_DES3_CBC),
        NAMED(CKM_DES3_CBC_PAD),
        NAMED(CKM_AES_ECB),
        NAMED(CKM_AES_CBC),
        NAMED(CKM_AES_CBC_PAD),
        NAMED(CKM_AES_KEY_WRAP),
        NAMED(CKM_AES_KEY_WRAP_PAD),
    };
    return name_of(types, COUNT(types), type);
}

const char *ch_token_flag_name(unsigned bit)
{
    static const named flags[] = {
        NAMED(CKF_RNG),
        NAMED(CKF_WRITE_PROTECTED),
        NAMED(CKF_LOGIN_REQUIRED),
        NAMED(CKF_USER_PIN_INITIALIZED),
        NAMED(CKF_RESTORE_KEY_NOT_NEEDED),
        NAMED(CKF_CLOCK_ON_TOKEN),
        NAMED(CKF_PROTECTED_AUTHENTICATION_PATH),
        NAMED(CKF_DUAL_CRYPTO_OPERATIONS),
        NAMED(CKF_TOKEN_INITIALIZED),
        NAMED(CKF_SECONDARY_AUTHENTICATION),
        NAMED(CKF_USER_PIN_COUNT_LOW),
        NAMED(CKF_USER_PIN_FINAL_TRY),
        NAMED(CKF_USER_PIN_LOCKED),
        NAMED(CKF_USER_PIN_TO_BE_CHANGED),
        NAMED(CKF_SO_PIN_COUNT_LOW),
        NAMED(CKF_SO_PIN_FINAL_TRY),
        NAMED(CKF_SO_PIN_LOCKED),
        NAMED(CKF_SO_PIN_TO_BE_CHANGED),
    };
    return name_of(flags, COUNT(flags), 1UL << bit);
}

const char *ch_mechanism_flag_name(unsigned bit)
{
    static const named flags[] = {
        NAMED(CKF_HW),
        NAMED(CKF_ENCRYPT),
        NAMED(CKF_DECRYPT),
        NAMED(CKF_DIGEST),
        NAMED(CKF_SIGN),
        NAMED(CKF_SIGN_RECOVER),
        NAMED(CKF_VERIFY),
        NAMED(CKF_VERIFY_RECOVER),
        NAMED(CKF_GENERATE),
        NAMED(CKF_GENERATE_KEY_PAIR),
        NAMED(CKF_WRAP),
        NAMED(CKF_UNWRAP),
        NAMED(CKF_DERIVE),
        NAMED(CKF_EC_F_P),
        NAMED(CKF_EC_NAMEDCURVE),
        NAMED(CKF_EC_UNCOMPRESS),
        NAMED(CKF_EC_COMPRESS),
    };
    return name_of(flags, COUNT(flags), 1UL << bit);
}
