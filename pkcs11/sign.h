/* Signing with a key on a token. */
#ifndef CH_PKCS11_SIGN_H
#define CH_PKCS11_SIGN_H

#include "base/slice.h"
#include "pkcs11/object.h"

/* Signs `message`, or its digest where the mechanism's table row says that the agent hashes. ECDSA gives r||s, each
 * 32 bytes. `signature` holds `capacity` bytes (512 fit all); `*size` is what was written. Any thread, one session
 * each. CH_UNAVAILABLE when the session, object or device is gone: reopen. */
CH_CHECKED ch_status ch_key_sign(ch_session *session, const ch_token_key *key, ch_slice message, uint8_t *signature,
                                 size_t capacity, size_t *size, ch_error *err);

#endif
