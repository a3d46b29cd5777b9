/* Keys on a token: found, imported, generated, listed, deleted, signed with.
 *
 * Every key made here is CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, not CKA_EXTRACTABLE, and may sign and nothing else;
 * that is read back from the token after creation (a key that is not so is destroyed again) and checked with
 * ch_key_verify at every start of the agent. */
#ifndef CH_PKCS11_OBJECT_H
#define CH_PKCS11_OBJECT_H

#include "base/encode.h"
#include "base/slice.h"
#include "pkcs11/token.h"

#include <openssl/evp.h>

typedef struct ch_token_key {
    CK_OBJECT_HANDLE handle; /* valid in this process while the token is open; find again after a reopen */
    const ch_mechanism *mechanism;
} ch_token_key;

typedef struct ch_key_info {
    char label[129];
    char id_hex[129];
    char type[24]; /* "hmac", "rsa-2048", "ed25519", "p256", "secp256k1", or "CKK_0x..." for others */
    bool is_sensitive;
    bool is_extractable;
    bool is_private;
    bool can_sign;
    bool can_other; /* decrypt, unwrap, derive, ... : more than signing */
    bool is_local;  /* made on the token */
} ch_key_info;

/* Finds the one secret or private key that `uri` (RFC 7512: object, id) names and that fits `mechanism`.
 * CH_NOT_FOUND (also when logged out: private objects can't be seen), CH_CONFLICT when more than one fits. */
CH_CHECKED ch_status ch_key_find(ch_session *session, const char *uri, const ch_mechanism *mechanism, ch_token_key *out,
                                 ch_error *err);

/* CH_REFUSED, naming the attribute, unless the key is private, sensitive, not extractable and may only sign. What the
 * token does not tell counts against the key; a token that does not answer at all gives CH_UNAVAILABLE or CH_TOKEN. */
CH_CHECKED ch_status ch_key_verify(ch_session *session, const ch_token_key *key, ch_error *err);

/* Imports an HMAC secret under `label`; `mechanism` says for which digest. Shorter secrets are padded with zeros to
 * the token's smallest key, longer than a block are hashed: the HMAC is the same (RFC 2104). CH_CONFLICT if the label
 * is taken. `secret` is the decoded key and stays the caller's. */
CH_CHECKED ch_status ch_key_import_hmac(ch_session *session, const char *label, const ch_mechanism *mechanism,
                                        const ch_secret *secret, ch_error *err);

/* Imports a private key (PEM, PKCS#8 or traditional) for an RSA, EC or Ed25519 mechanism. */
CH_CHECKED ch_status ch_key_import_pem(ch_session *session, const char *label, const ch_mechanism *mechanism,
                                       const ch_secret *pem, ch_error *err);

/* Makes a key pair (or an HMAC key) on the token; `rsa_bits` is for RSA only (0: 2048). */
CH_CHECKED ch_status ch_key_generate(ch_session *session, const char *label, const ch_mechanism *mechanism,
                                     unsigned rsa_bits, ch_error *err);

/* The public key that belongs to the private key `uri` names; the caller frees with EVP_PKEY_free. */
CH_CHECKED ch_status ch_key_public(ch_session *session, const char *uri, EVP_PKEY **out, ch_error *err);

/* All secret and private keys on the token; the caller frees `*out`. */
CH_CHECKED ch_status ch_key_list(ch_session *session, ch_key_info **out, size_t *count, ch_error *err);

/* Deletes the key that `uri` names, and its public half. */
CH_CHECKED ch_status ch_key_delete(ch_session *session, const char *uri, ch_error *err);

/* Signs `message`, or its digest where the mechanism's table row says that the agent hashes. ECDSA gives r||s, each
 * 32 bytes. `signature` holds `capacity` bytes (512 fit all); `*size` is what was written. Any thread, one session
 * each. CH_UNAVAILABLE when the session, object or device is gone: reopen. */
CH_CHECKED ch_status ch_key_sign(ch_session *session, const ch_token_key *key, ch_slice message, uint8_t *signature,
                                 size_t capacity, size_t *size, ch_error *err);

#endif
