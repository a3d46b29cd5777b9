/* What a token can be asked to do: one table, by the names that profiles and users write. Thread-safe. */
#ifndef CH_PKCS11_MECHANISM_H
#define CH_PKCS11_MECHANISM_H

#include "base/slice.h"

#include <p11-kit/pkcs11.h>

typedef struct ch_mechanism {
    const char *name;           /* "hmac-sha256" */
    CK_MECHANISM_TYPE sign;     /* used in C_SignInit */
    CK_MECHANISM_TYPE generate; /* C_GenerateKey or C_GenerateKeyPair */
    CK_OBJECT_CLASS key_class;  /* CKO_SECRET_KEY or CKO_PRIVATE_KEY */
    CK_KEY_TYPE key_type;       /* CKK_... */
    CK_KEY_TYPE other_key_type; /* of the same keys on other tokens: TPMs and YubiHSMs have CKK_SHA256_HMAC */
    const char *hash;           /* "sha256"; NULL if the scheme names none */
    bool is_hashed_by_agent;    /* the token takes a digest, not the message */
    size_t hash_size_bytes;     /* HMAC: size of the hash, to which short keys are padded */
    size_t block_size_bytes;    /* HMAC: longer keys are hashed first (RFC 2104) */
    const uint8_t *ec_params;   /* DER of the curve, NULL if not EC */
    size_t ec_params_size;
    const char *curve;           /* OpenSSL's name for the curve; NULL if not ECDSA */
    size_t signature_size_bytes; /* the one size there is; RSA: the largest */
} ch_mechanism;

/* OpenSSL's name for the curve of `ec_params`, a token's CKA_EC_PARAMS for CKK_EC; empty if it knows none. */
#define CH_CURVE_NAME_SIZE 64
void ch_curve_name(ch_slice ec_params, char name[static CH_CURVE_NAME_SIZE]);

/* True if `ec_params`, a token's CKA_EC_PARAMS, is the mechanism's curve, however it is spelt: some tokens give its
 * equation instead of its name. Ed25519 is taken for granted: CKK_EC_EDWARDS has no other curve that anybody signs
 * orders with, and its spellings are many. */
bool ch_mechanism_has_curve(const ch_mechanism *mechanism, ch_slice ec_params);

/* Returns NULL if there is no mechanism of that name. */
const ch_mechanism *ch_mechanism_find(ch_slice name);
/* The table in order, for listings and help. Returns NULL past its end. */
const ch_mechanism *ch_mechanism_at(size_t index);

#endif
