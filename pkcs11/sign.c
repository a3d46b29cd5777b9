/* The hot path: C_SignInit and C_Sign, nothing allocated, nothing locked. */
#include "pkcs11/ckr.h"
#include "pkcs11/key.h"

#include <openssl/sha.h>
#include <string.h>

static bool is_session_of_no_use(CK_RV rv)
{
    return rv == CKR_OPERATION_ACTIVE || rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED;
}

/* The PIN for the one operation that has begun (PKCS#11 2.40, section 5.6). If it is refused, the operation stays
 * active, and the session is renewed to end it. */
static CK_RV log_in_once(ch_session *session, const ch_secret *pin)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    CK_RV rv = functions->C_Login(session->handle, CKU_CONTEXT_SPECIFIC, pin->data, pin->size);
    if (rv != CKR_OK)
        ch_session_renew(session); /* if that fails too, so will the next C_SignInit, and say why */
    return rv;
}

/* A session that the token has closed, or that is in the middle of an operation, is renewed. C_Sign ends its operation,
 * save when the buffer is too small (PKCS#11 2.40, section 5.2). C_SignFinal would not end one that has a single part
 * only (ECDSA, EdDSA; seen with SoftHSM2), and 2.40 has no other call to give one up. */
static CK_RV sign(ch_session *session, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, const ch_secret *pin,
                  ch_slice message, uint8_t *signature, CK_ULONG *size)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_RV rv = functions->C_SignInit(session->handle, &mechanism, key);
    if (is_session_of_no_use(rv)) {
        rv = ch_session_renew(session);
        if (rv == CKR_OK && !ch_token_is_same(session->token))
            rv = CKR_DEVICE_REMOVED;
        if (rv == CKR_OK)
            rv = functions->C_SignInit(session->handle, &mechanism, key);
    }
    if (rv == CKR_OK && pin != NULL)
        rv = log_in_once(session, pin);
    if (rv == CKR_OK)
        rv = functions->C_Sign(session->handle, (CK_BYTE *)(uintptr_t)message.data, message.size, signature, size);
    if (rv == CKR_BUFFER_TOO_SMALL)
        ch_session_renew(session); /* if that fails too, so will the next C_SignInit, and say why */
    return rv;
}

/* What goes before a hash that is signed with CKM_RSA_PKCS: the DER of its name (RFC 8017, 9.2, note 1). */
static const uint8_t named_sha256[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                       0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
static const uint8_t named_sha512[] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                       0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40};

#define HASHED_MAX (sizeof named_sha512 + SHA512_DIGEST_LENGTH)

/* Writes to `room`, of HASHED_MAX bytes, what the token gets instead of the message. */
static ch_status hash(const ch_key_object *key, ch_slice message, uint8_t *room, ch_slice *out, ch_error *err)
{
    const ch_mechanism *mechanism = key->mechanism;
    bool is_sha512 = strcmp(mechanism->hash, "sha512") == 0;
    size_t name_size = key->is_hashed_here ? sizeof named_sha256 : 0;
    size_t hash_size = is_sha512 ? SHA512_DIGEST_LENGTH : SHA256_DIGEST_LENGTH;
    memcpy(room, is_sha512 ? named_sha512 : named_sha256, name_size);
    if ((is_sha512 ? SHA512 : SHA256)(message.data, message.size, room + name_size) == NULL)
        return ch_fail(err, CH_INTERNAL, "hashing a message to sign with %s failed", mechanism->name);
    *out = (ch_slice){room, name_size + hash_size};
    return CH_OK;
}

static ch_status sign_message(ch_session *session, const ch_key_object *key, const ch_secret *pin, ch_slice message,
                              uint8_t *signature, size_t capacity, size_t *size, ch_error *err)
{
    const ch_mechanism *mechanism = key->mechanism;
    uint8_t room[HASHED_MAX];
    if (mechanism->is_hashed_by_agent || key->is_hashed_here)
        CH_TRY(hash(key, message, room, &message, err));
    CK_ULONG written = capacity;
    CK_MECHANISM_TYPE how = key->is_hashed_here ? CKM_RSA_PKCS : mechanism->sign;
    CK_RV rv = sign(session, key->handle, how, pin, message, signature, &written);
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "%s on token '%s'", mechanism->name, ch_token_label(session->token));
    bool is_right_size = key->signature_size_bytes == 0 || written == key->signature_size_bytes;
    if (written > capacity || !is_right_size)
        return ch_fail_rule(err, CH_TOKEN, "CKR_SIGNATURE_LEN_RANGE",
                            "token '%s' returned a %s signature of %lu bytes, the wrong size for this key",
                            ch_token_label(session->token), mechanism->name, written);
    *size = written;
    return CH_OK;
}

ch_status ch_key_sign(ch_session *session, const ch_key_object *key, ch_slice message, uint8_t *signature,
                      size_t capacity, size_t *size, ch_error *err)
{
    return sign_message(session, key, NULL, message, signature, capacity, size, err);
}

ch_status ch_key_sign_with_pin(ch_session *session, const ch_key_object *key, const ch_secret *pin, ch_slice message,
                               uint8_t *signature, size_t capacity, size_t *size, ch_error *err)
{
    return sign_message(session, key, pin, message, signature, capacity, size, err);
}
