/* One-time codes (RFC 6238) of seeds that are HMAC keys on a token: the token computes the HMAC, and the seed never
 * leaves it. A step is 30 s of the time since 1970. Only functions that take a session need a token; they are for one
 * thread. */
#ifndef CH_PKCS11_TOTP_H
#define CH_PKCS11_TOTP_H

#include "pkcs11/key.h"

#define CH_TOTP_STEP_S 30
#define CH_TOTP_DRIFT 1 /* steps that a clock may be off, either way */
#define CH_TOTP_DIGITS_MAX 8
#define CH_TOTP_CODE_SIZE (CH_TOTP_DIGITS_MAX + 1)

/* The code that a MAC stands for (RFC 4226, 5.3), as `digits` decimal digits. `mac` has 20 bytes at least. */
void ch_totp_of_mac(ch_slice mac, unsigned digits, char out[static CH_TOTP_CODE_SIZE]);

/* What is asked of a code. */
typedef struct ch_totp_question {
    unsigned digits;      /* 6 to 8 */
    uint64_t now_s;       /* since 1970 */
    uint64_t lowest_step; /* that may be used: no code works twice */
    ch_slice code;        /* as it was typed */
} ch_totp_question;

/* Returns CH_OK and the step whose code it is, or CH_REFUSED with the rule CH_TOTP_REFUSED, whatever is wrong with it.
 * All steps, of now and of the drift around it, are computed and compared, so that the time taken gives nothing away.
 */
#define CH_TOTP_REFUSED "code"
CH_CHECKED ch_status ch_totp_check(ch_session *session, const ch_key_object *seed, const ch_totp_question *question,
                                   uint64_t *step, ch_error *err);

#endif
