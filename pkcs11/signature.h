/* Signatures checked in software, by the public key. Thread-safe. */
#ifndef CH_PKCS11_SIGNATURE_H
#define CH_PKCS11_SIGNATURE_H

#include "base/slice.h"
#include "pkcs11/mechanism.h"

#include <openssl/types.h>
#include <stdbool.h>

/* True if `signature`, as ch_key_sign makes it, is one of `payload` by the private key that belongs to `key`. */
bool ch_signature_is_good(EVP_PKEY *key, const ch_mechanism *mechanism, ch_slice payload, ch_slice signature);

#endif
