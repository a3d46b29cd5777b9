/* What every key has that is made here, imported or generated.
 *
 * It is CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, not CKA_EXTRACTABLE, and may sign and nothing else. That is read back
 * from the token after creation, and a key that is not so is destroyed again. */
#ifndef CH_PKCS11_CREATE_H
#define CH_PKCS11_CREATE_H

#include "base/slice.h"
#include "pkcs11/attributes.h"
#include "pkcs11/object.h"

/* CH_CONFLICT if a key of that label is there already. */
CH_CHECKED ch_status ch_create_check_label(ch_session *session, const char *label, ch_error *err);

/* Attributes of a secret or private key that may sign and nothing else; and of its public half. `class_` must outlive
 * the template. */
void ch_create_signing_key(ch_attributes *attributes, const CK_OBJECT_CLASS *class_, const char *label, ch_slice id);
void ch_create_public_key(ch_attributes *attributes, const char *label, ch_slice id);

/* Verifies a key that was just made; destroys it, and `other` unless that is CK_INVALID_HANDLE, if it is not as it
 * should be. */
CH_CHECKED ch_status ch_create_settle(ch_session *session, const ch_token_key *key, CK_OBJECT_HANDLE other,
                                      ch_error *err);

#endif
