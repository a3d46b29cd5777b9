/* The print of a key: a digest by which it is known again, and another one under its name is told from it.
 *
 * Of a key pair it is the digest of the public half. Of an HMAC key it is the digest of the MAC of a fixed text, which
 * begins with a zero byte and names this program, so that it is no exchange's and the MAC no signature. Neither says
 * anything of the secret; only a guess at a secret could be tried on it. Thread-safe. */
#ifndef CH_PKCS11_PRINT_H
#define CH_PKCS11_PRINT_H

#include "base/slice.h"

#include <openssl/types.h>

#define CH_KEY_PRINT_SIZE 32

typedef struct ch_key_print {
    uint8_t bytes[CH_KEY_PRINT_SIZE];
    size_t size; /* 0: the key has none, because its public half is not known */
} ch_key_print;

/* `public_half` may be NULL. */
ch_key_print ch_key_print_of_public(const EVP_PKEY *public_half);
/* The text that an HMAC key signs for its print, and the print by its MAC. */
ch_slice ch_key_print_text(void);
ch_key_print ch_key_print_of_mac(ch_slice mac);

#endif
