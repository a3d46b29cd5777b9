/* CKR_ codes by name, and what each means for us. Thread-safe. */
#ifndef CH_PKCS11_CKR_H
#define CH_PKCS11_CKR_H

#include "base/error.h"

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

/* "CKR_PIN_INCORRECT"; for a code that the table lacks, "CKR_VENDOR_0x80000001" or "CKR_0x...", which is written to
 * `unknown`, the caller's, at least 32 bytes. */
const char *ch_ckr_name(CK_RV rv, char *unknown);

/* Fills `err` for a failed Cryptoki call: the status from the table, the CKR name as rule, and a sentence with `what`
 * ("C_Login on token 'main'") and, if the table has one, what to do. */
ch_status ch_ckr_fail(ch_error *err, CK_RV rv, const char *format, ...) CH_PRINTF(3, 4);

/* True if the code of that name says nothing of what was asked, so that the module itself may be at fault. */
bool ch_ckr_is_vague(const char *name);

/* True if the token refuses to make an object with the attributes that were asked for. */
bool ch_ckr_is_refusal(CK_RV rv);

#endif
