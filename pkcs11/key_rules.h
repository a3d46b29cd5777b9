/* Keys on a token, made and checked by the table of pkcs11/key_rule.h. For other rooms of pkcs11/ only. */
#ifndef CH_PKCS11_KEY_RULES_H
#define CH_PKCS11_KEY_RULES_H

#include "pkcs11/attributes.h"
#include "pkcs11/key_rule.h"

/* Adds what a new key of this class (CKO_SECRET_KEY, CKO_PRIVATE_KEY) is asked to be. */
void ch_key_rules_add(ch_attributes *attributes, CK_OBJECT_CLASS key_class);

/* Takes away again what says only which rights the key must not have: some tokens refuse rights that they do not know.
 * The key that comes of it must be checked all the more. */
void ch_key_rules_drop_rights(ch_attributes *attributes);

/* The rules that a key breaks. */
CH_CHECKED ch_status ch_key_rules_find_lapses(ch_session *session, CK_OBJECT_HANDLE key, ch_lapses *out, ch_error *err);

/* CH_REFUSED, with an attribute as rule, if the key breaks a rule that is not tolerated; the error says which, and
 * whether policy could tolerate them. On CH_OK, `found` is what it breaks, all of it tolerated. */
CH_CHECKED ch_status ch_key_rules_check(ch_session *session, CK_OBJECT_HANDLE key, ch_lapses tolerated,
                                        ch_lapses *found, ch_error *err);

/* True if the key may do more than sign. */
bool ch_key_rules_can_other(ch_session *session, CK_OBJECT_HANDLE key);

#endif
