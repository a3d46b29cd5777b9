#include "pkcs11/key_attest.h"

#include "base/buffer.h"
#include "pkcs11/attributes.h"
#include "pkcs11/ckr.h"

#include <string.h>

#define ROW(type, for_secret, for_private, must_be, lack)                                                              \
    {                                                                                                                  \
        type, #type, for_secret, for_private, must_be, lack                                                            \
    }
#define FACT CH_ATTEST_FACT
#define HELD CH_ATTEST_HELD
#define BORN CH_ATTEST_BORN

/* A private key that may be derived from gives away shared secrets, and not itself; a secret key its own bytes. */
/* clang-format off */
static const ch_attest_row rows[] = {
    /*  attribute                secret  private  must be  what it means if it is otherwise */
    ROW(CKA_TOKEN,               HELD,   HELD,    true,    "it is no object of the token's, and ends with a session"),
    ROW(CKA_PRIVATE,             HELD,   HELD,    true,    "the token shows and uses it without a PIN"),
    ROW(CKA_SENSITIVE,           HELD,   HELD,    true,    "the token shows its value to whoever is logged in"),
    ROW(CKA_EXTRACTABLE,         HELD,   HELD,    false,   "whoever has the PIN can take it off the token, wrapped by another key"),
    ROW(CKA_ALWAYS_SENSITIVE,    BORN,   BORN,    true,    "there was a time at which its value could be read"),
    ROW(CKA_NEVER_EXTRACTABLE,   BORN,   BORN,    true,    "there was a time at which it could be taken off the token, or it came from outside"),
    ROW(CKA_LOCAL,               BORN,   BORN,    true,    "it was not made on the token, so there may be copies"),
    ROW(CKA_DERIVE,              HELD,   FACT,    false,   "whoever has the PIN can derive keys from it that give its bytes away"),
    ROW(CKA_SIGN,                FACT,   FACT,    true,    ""),
    ROW(CKA_VERIFY,              FACT,   FACT,    false,   ""),
    ROW(CKA_SIGN_RECOVER,        FACT,   FACT,    false,   ""),
    ROW(CKA_ENCRYPT,             FACT,   FACT,    false,   ""),
    ROW(CKA_DECRYPT,             FACT,   FACT,    false,   ""),
    ROW(CKA_WRAP,                FACT,   FACT,    false,   ""),
    ROW(CKA_UNWRAP,              FACT,   FACT,    false,   ""),
    ROW(CKA_WRAP_WITH_TRUSTED,   FACT,   FACT,    false,   ""),
    ROW(CKA_ALWAYS_AUTHENTICATE, FACT,   FACT,    false,   ""),
    ROW(CKA_MODIFIABLE,          FACT,   FACT,    false,   ""),
    ROW(CKA_COPYABLE,            FACT,   FACT,    false,   ""),
};
/* clang-format on */

#define ROW_COUNT (sizeof rows / sizeof *rows)
_Static_assert(ROW_COUNT <= CH_ATTEST_ROWS_MAX, "ch_attestation has an answer for each row");

const ch_attest_row *ch_attest_row_at(size_t index)
{
    return index < ROW_COUNT ? &rows[index] : NULL;
}

ch_attest_use ch_attest_use_of(const ch_attest_row *row, CK_OBJECT_CLASS key_class)
{
    return key_class == CKO_SECRET_KEY ? row->for_secret : row->for_private;
}

bool ch_attestation_lacks(const ch_attestation *attestation, size_t row, ch_attest_use use)
{
    ch_attest_answer good = rows[row].must_be ? CH_ATTEST_SET : CH_ATTEST_UNSET;
    return ch_attest_use_of(&rows[row], attestation->key_class) == use && attestation->answers[row] != good;
}

bool ch_attestation_proves(const ch_attestation *attestation, ch_attest_use use)
{
    bool is_proven = attestation->wrapped != CKR_OK;
    for (size_t i = 0; i < ROW_COUNT; i++)
        is_proven = is_proven && !ch_attestation_lacks(attestation, i, use);
    return is_proven;
}

const char *ch_attestation_wrapped(const ch_attestation *attestation, char *unknown)
{
    return attestation->wrapped == CKR_MECHANISM_INVALID ? "it could not be asked, since it has no AES key wrap"
                                                         : ch_ckr_name(attestation->wrapped, unknown);
}

/* ---- reading ---- */

/* Each by itself: what a token refuses to say must not hide the rest. */
static ch_attest_answer ask(ch_session *session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    CK_RV rv = ch_token_functions(session->token)->C_GetAttributeValue(session->handle, key, &attribute, 1);
    if (rv != CKR_OK || attribute.ulValueLen != sizeof value)
        return CH_ATTEST_UNANSWERED;
    return value != CK_FALSE ? CH_ATTEST_SET : CH_ATTEST_UNSET;
}

static size_t size_of(ch_session *session, CK_OBJECT_HANDLE key, CK_OBJECT_CLASS key_class)
{
    CK_ULONG bytes = 0;
    ch_autobuffer modulus = CH_BUFFER_INIT;
    ch_error ignored = CH_ERROR_INIT;
    if (key_class == CKO_SECRET_KEY)
        return ch_attribute_ulong(session, key, CKA_VALUE_LEN, &bytes, &ignored) == CH_OK ? 8 * bytes : 0;
    return ch_attribute_bytes(session, key, CKA_MODULUS, &modulus, &ignored) == CH_OK ? 8 * modulus.size : 0;
}

/* An empty list is what most tokens have for keys that work with every mechanism of their type. */
static void read_mechanisms(ch_session *session, CK_OBJECT_HANDLE key, ch_attestation *out)
{
    ch_autobuffer list = CH_BUFFER_INIT;
    ch_error ignored = CH_ERROR_INIT;
    if (ch_attribute_bytes(session, key, CKA_ALLOWED_MECHANISMS, &list, &ignored) != CH_OK || list.size == 0 ||
        list.size % sizeof *out->mechanisms != 0)
        return;
    size_t count = list.size / sizeof *out->mechanisms;
    out->has_mechanisms = true;
    out->mechanism_count = count < CH_ATTEST_MECHANISMS_MAX ? count : CH_ATTEST_MECHANISMS_MAX;
    memcpy(out->mechanisms, list.data, out->mechanism_count * sizeof *out->mechanisms);
}

/* ---- trying: softokn of NSS wraps private keys that it calls not extractable (3.87) ---- */

static CK_RV make_wrapping_key(ch_session *session, CK_OBJECT_HANDLE *out)
{
    static const CK_ULONG size = 32;
    CK_MECHANISM how = {CKM_AES_KEY_GEN, NULL, 0};
    ch_attributes wanted = {.count = 0};
    ch_attributes_add_bool(&wanted, CKA_TOKEN, false);
    ch_attributes_add_bool(&wanted, CKA_SENSITIVE, true);
    ch_attributes_add_bool(&wanted, CKA_EXTRACTABLE, false);
    ch_attributes_add_bool(&wanted, CKA_WRAP, true);
    ch_attributes_add_ulong(&wanted, CKA_VALUE_LEN, &size);
    return ch_token_functions(session->token)->C_GenerateKey(session->handle, &how, wanted.items, wanted.count, out);
}

/* The bytes, if there are any, could be opened only with a key that is about to go, and are dropped. */
static CK_RV wrap(ch_session *session, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP};
    CK_RV rv = CKR_MECHANISM_INVALID;
    for (size_t i = 0; rv == CKR_MECHANISM_INVALID && i < sizeof types / sizeof *types; i++) {
        uint8_t wrapped[8192];
        CK_ULONG size = sizeof wrapped;
        CK_MECHANISM how = {types[i], NULL, 0};
        rv = ch_token_functions(session->token)->C_WrapKey(session->handle, &how, with, key, wrapped, &size);
        explicit_bzero(wrapped, sizeof wrapped);
    }
    return rv;
}

static CK_RV try_to_wrap(ch_session *session, CK_OBJECT_HANDLE key)
{
    CK_OBJECT_HANDLE with = CK_INVALID_HANDLE;
    if (make_wrapping_key(session, &with) != CKR_OK)
        return CKR_MECHANISM_INVALID;
    CK_RV rv = wrap(session, with, key);
    ch_token_functions(session->token)->C_DestroyObject(session->handle, with);
    return rv;
}

/* ---- all of it ---- */

ch_status ch_key_attest(ch_session *session, const char *uri, ch_attestation *out, ch_error *err)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    *out = (ch_attestation){.has_mechanisms = false};
    CH_TRY(ch_key_find_any(session, uri, &key, &out->key_class, err));
    CH_TRY(ch_key_info_read(session, key, &out->info, err));
    for (size_t i = 0; i < ROW_COUNT; i++)
        out->answers[i] = ask(session, key, rows[i].type);
    out->size_bits = size_of(session, key, out->key_class);
    read_mechanisms(session, key, out);
    out->wrapped = try_to_wrap(session, key);
    return CH_OK;
}
