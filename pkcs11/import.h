/* Importing a secret or a private key into a token. What the key may do is in pkcs11/create.h. */
#ifndef CH_PKCS11_IMPORT_H
#define CH_PKCS11_IMPORT_H

#include "base/secret.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/token.h"

/* Imports an HMAC secret under `label`; `mechanism` says for which digest. Shorter secrets are padded with zeros to
 * the token's smallest key, longer than a block are hashed: the HMAC is the same (RFC 2104). CH_CONFLICT if the label
 * is taken. `secret` is the decoded key and stays the caller's. */
CH_CHECKED ch_status ch_key_import_hmac(ch_session *session, const char *label, const ch_mechanism *mechanism,
                                        const ch_secret *secret, ch_error *err);

/* Imports a private key (PEM, PKCS#8 or traditional) for an RSA, EC or Ed25519 mechanism. */
CH_CHECKED ch_status ch_key_import_pem(ch_session *session, const char *label, const ch_mechanism *mechanism,
                                       const ch_secret *pem, ch_error *err);

#endif
