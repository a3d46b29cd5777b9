/* A private key as people have it: PEM, also with "\n" written out or on one line; Coinbase's key file; Coinbase's
 * Ed25519 keys, 64 bytes in base64.
 *
 * A PEM is taken if it is one unencrypted private key and nothing else. Whatever its lines look like, its content
 * proves itself: it must be a key of the kind that it says, whole, and with halves that belong together. Messages never
 * quote the text. Single-threaded. */
#ifndef CH_CLI_PRIVATE_KEY_H
#define CH_CLI_PRIVATE_KEY_H

#include "base/buffer.h"
#include "base/secret.h"
#include "pkcs11/mechanism.h"

#include <openssl/types.h>

/* Reads a private key for `mechanism` from `text` into `*out`, which the caller frees with EVP_PKEY_free, and appends
 * to `taken` what was taken, for people: "PEM, 48 bytes: Ed25519; written on one line". CH_BAD_INPUT says what is wrong
 * and what to do; then `*out` is NULL. `text` stays the caller's. */
CH_CHECKED ch_status ch_private_key_read(const ch_secret *text, const ch_mechanism *mechanism, EVP_PKEY **out,
                                         ch_buffer *taken, ch_error *err);

#endif
