/* Making a key on a token. What the key may do is in pkcs11/create.h. */
#ifndef CH_PKCS11_GENERATE_H
#define CH_PKCS11_GENERATE_H

#include "pkcs11/mechanism.h"
#include "pkcs11/token.h"

/* Makes a key pair (or an HMAC key) on the token; `rsa_bits` is for RSA only (0: 2048). */
CH_CHECKED ch_status ch_key_generate(ch_session *session, const char *label, const ch_mechanism *mechanism,
                                     unsigned rsa_bits, ch_error *err);

#endif
