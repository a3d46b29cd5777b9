/* CKR_ codes by name, and what each means for us. */
#ifndef CH_PKCS11_CKR_H
#define CH_PKCS11_CKR_H

#include "base/error.h"

#include <p11-kit/pkcs11.h>

/* "CKR_PIN_INCORRECT"; "CKR_VENDOR_0x80000001" or "CKR_0x..." for what the table lacks. Thread-safe: the text of an
 * unknown code stands in `unknown`, at least 32 bytes, the caller's. */
const char *ch_ckr_name(CK_RV rv, char *unknown);

/* Fills `err` for a failed Cryptoki call: the status from the table, the CKR name as rule, and a sentence with `what`
 * ("C_Login on token 'main'") and, where the table has one, what to do. */
ch_status ch_ckr_fail(ch_error *err, CK_RV rv, const char *format, ...) CH_PRINTF(3, 4);

#endif
