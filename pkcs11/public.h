/* The public half of a key on a token. */
#ifndef CH_PKCS11_PUBLIC_H
#define CH_PKCS11_PUBLIC_H

#include "pkcs11/token.h"

#include <openssl/evp.h>

/* The public key that belongs to the private key `uri` names; the caller frees with EVP_PKEY_free. */
CH_CHECKED ch_status ch_key_public(ch_session *session, const char *uri, EVP_PKEY **out, ch_error *err);

#endif
