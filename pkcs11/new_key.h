/* What imported and generated keys have in common. For other rooms of pkcs11/ only. */
#ifndef CH_PKCS11_NEW_KEY_H
#define CH_PKCS11_NEW_KEY_H

#include "base/slice.h"
#include "pkcs11/attributes.h"
#include "pkcs11/mechanism.h"

#define CH_KEY_ID_SIZE 20

/* CH_BAD_INPUT for a label that is not text, CH_CONFLICT if there is a key of that label. */
CH_CHECKED ch_status ch_new_key_check_label(ch_session *session, const char *label, ch_error *err);

CH_CHECKED ch_status ch_new_key_draw_id(uint8_t id[static CH_KEY_ID_SIZE], ch_error *err);

/* The attributes of a secret or private key that may sign and nothing else, and of its public half: all but the key's
 * type and value. `label` and `id` must outlive the list. */
void ch_new_key_add_attributes(ch_attributes *attributes, const ch_mechanism *mechanism, const char *label,
                               ch_slice id);
void ch_new_key_add_public_attributes(ch_attributes *attributes, const char *label, ch_slice id);

/* Checks a key that was just made. If the token made it otherwise than asked for, destroys it, and `public_half` unless
 * that is CK_INVALID_HANDLE, and fails. */
CH_CHECKED ch_status ch_new_key_check(ch_session *session, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE public_half,
                                      ch_error *err);

#endif
