/* The hot path: C_SignInit and C_Sign, nothing allocated, nothing locked. */
#include "pkcs11/ckr.h"
#include "pkcs11/key.h"

#include <openssl/sha.h>

/* For a session that the token has closed, and for one in the middle of an operation. C_Sign ends its operation, save
 * when the buffer is too small (PKCS#11 2.40, section 5.2). C_SignFinal would not end one that has a single part only
 * (ECDSA, EdDSA; seen with SoftHSM2), and 2.40 has no other call to give one up. The login is the keeper's and stays,
 * and with it the handles of token objects. */
static CK_RV renew_session(ch_session *session)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    CK_FLAGS flags = CKF_SERIAL_SESSION | (session->is_writable ? CKF_RW_SESSION : 0);
    ch_session_close(session);
    return functions->C_OpenSession(ch_token_slot(session->token), flags, NULL, NULL, &session->handle);
}

static bool is_session_of_no_use(CK_RV rv)
{
    return rv == CKR_OPERATION_ACTIVE || rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED;
}

static CK_RV sign(ch_session *session, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, ch_slice message,
                  uint8_t *signature, CK_ULONG *size)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_RV rv = functions->C_SignInit(session->handle, &mechanism, key);
    if (is_session_of_no_use(rv)) {
        rv = renew_session(session);
        if (rv == CKR_OK)
            rv = functions->C_SignInit(session->handle, &mechanism, key);
    }
    if (rv == CKR_OK)
        rv = functions->C_Sign(session->handle, (CK_BYTE *)(uintptr_t)message.data, message.size, signature, size);
    if (rv == CKR_BUFFER_TOO_SMALL)
        renew_session(session); /* if that fails too, so will the next C_SignInit, and say why */
    return rv;
}

ch_status ch_key_sign(ch_session *session, const ch_key_object *key, ch_slice message, uint8_t *signature,
                      size_t capacity, size_t *size, ch_error *err)
{
    const ch_mechanism *mechanism = key->mechanism;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    if (mechanism->is_hashed_by_agent) {
        if (SHA256(message.data, message.size, digest) == NULL)
            return ch_fail(err, CH_INTERNAL, "hashing a message to sign with %s failed", mechanism->name);
        message = (ch_slice){digest, sizeof digest};
    }
    CK_ULONG written = capacity;
    CK_RV rv = sign(session, key->handle, mechanism->sign, message, signature, &written);
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "%s on token '%s'", mechanism->name, ch_token_label(session->token));
    bool is_right_size =
        mechanism->key_type == CKK_RSA ? written <= capacity : written == mechanism->signature_size_bytes;
    if (!is_right_size)
        return ch_fail(err, CH_TOKEN, "token '%s' returned a %s signature of %lu bytes; %zu are right",
                       ch_token_label(session->token), mechanism->name, written, mechanism->signature_size_bytes);
    *size = written;
    return CH_OK;
}
