/* What cannot be asked of a module, and depends on whose it is. Some make no tokens, or take no keys: their vendors
 * have tools for that, which errors should name. For other rooms of pkcs11/ only. */
#ifndef CH_PKCS11_VENDOR_H
#define CH_PKCS11_VENDOR_H

#include "base/error.h"

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

/* The tool that makes tokens for this module. */
const char *ch_vendor_token_tool(CK_FUNCTION_LIST *functions);

/* `err` says that the module did not make a key, or take one: `rv`. If that means that it can't, and its vendor has a
 * tool that can, adds which. Returns the status of `err`. */
ch_status ch_vendor_add_key_tool(CK_FUNCTION_LIST *functions, CK_RV rv, ch_error *err);

/* True if the module changes the rights of a key when asked to, and yet lets the key do what it could before:
 * tpm2-pkcs11 1.9 decrypts with a key whose CKA_DECRYPT is unset, because neither it nor the TPM looks. */
bool ch_vendor_only_notes_rights(CK_FUNCTION_LIST *functions);

#endif
