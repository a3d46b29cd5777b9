/* Key objects on a token: finding, verifying, listing and deleting them.
 *
 * A signing key is CKA_PRIVATE, CKA_SENSITIVE, not CKA_EXTRACTABLE, and may sign and nothing else. ch_key_verify checks
 * that at every start of the agent, and after a key was made (pkcs11/create.h). */
#ifndef CH_PKCS11_OBJECT_H
#define CH_PKCS11_OBJECT_H

#include "pkcs11/mechanism.h"
#include "pkcs11/token.h"

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

/* All secret and private keys on the token; the caller frees `*out`. */
CH_CHECKED ch_status ch_key_list(ch_session *session, ch_key_info **out, size_t *count, ch_error *err);

/* Deletes the key that `uri` names, and its public half. */
CH_CHECKED ch_status ch_key_delete(ch_session *session, const char *uri, ch_error *err);

#endif
