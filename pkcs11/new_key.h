/* What imported and generated keys have in common. For other rooms of pkcs11/ only. */
#ifndef CH_PKCS11_NEW_KEY_H
#define CH_PKCS11_NEW_KEY_H

#include "base/slice.h"
#include "pkcs11/attributes.h"
#include "pkcs11/mechanism.h"

#define CH_KEY_ID_SIZE 20

/* CH_BAD_INPUT for a label that is not text, CH_CONFLICT if there is a key, or half of one, of that label. */
CH_CHECKED ch_status ch_new_key_check_label(ch_session *session, const char *label, ch_error *err);

CH_CHECKED ch_status ch_new_key_draw_id(uint8_t id[static CH_KEY_ID_SIZE], ch_error *err);

/* The attributes of a secret or private key that may sign and nothing else, and of its public half: all but the key's
 * type and value. `label` and `id` must outlive the list. */
void ch_new_key_add_attributes(ch_attributes *attributes, const ch_mechanism *mechanism, const char *label,
                               ch_slice id);
void ch_new_key_add_public_attributes(ch_attributes *attributes, const char *label, ch_slice id);

/* A call that asks the token for a key of these attributes. */
typedef CK_RV ch_new_key_call(ch_session *session, const ch_mechanism *mechanism, ch_attributes *attributes,
                              CK_OBJECT_HANDLE *out);

/* Makes a secret or private key by `call`. A token that refuses it is asked again, without the rights that the key must
 * not have, in case it does not know them (a YubiHSM's Ed25519 keys), and for an HMAC key with the type of its hash, in
 * case it has no other. Check the key: ch_new_key_check. */
CH_CHECKED CK_RV ch_new_key_make(ch_session *session, const ch_mechanism *mechanism, const ch_attributes *attributes,
                                 ch_new_key_call *call, CK_OBJECT_HANDLE *out);

/* A key that was just made, or was to be made. */
typedef struct ch_new_key {
    const char *label;
    uint8_t id[CH_KEY_ID_SIZE];
    CK_OBJECT_HANDLE key;         /* CK_INVALID_HANDLE if the token has returned none */
    CK_OBJECT_HANDLE public_half; /* the same */
} ch_new_key;

/* Checks it. If the token made it otherwise than asked for, destroys it and fails. */
CH_CHECKED ch_status ch_new_key_check(ch_session *session, const ch_new_key *made, ch_error *err);

/* Destroys it, after the failure that `err` holds, whose status is returned; also what the token made before it failed,
 * and did not say so. If something may be left over, `err` says what, and how to delete it. */
ch_status ch_new_key_undo(ch_session *session, const ch_new_key *made, ch_error *err);

#endif
