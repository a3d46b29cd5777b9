/* Whether what a token signs is right: checked with the key's public half, by OpenSSL.
 *
 * The first signature after each search is checked. How many of those that follow are depends on what a check costs
 * beside a signature, as it is measured: all of them (of RSA in any case), or one in so many that checks cost a small
 * part of the time. An HMAC key has no public half, and not every token shows one: then nothing is checked here. */
#ifndef CH_PKCS11_PROOF_H
#define CH_PKCS11_PROOF_H

#include "pkcs11/key.h"

#include <stdatomic.h>

/* Zero it. */
typedef struct ch_proof {
    EVP_PKEY *public_half;     /* NULL: none is known */
    _Atomic uint32_t left;     /* signatures that pass before the next check */
    _Atomic uint32_t check_ns; /* what a check takes, when nothing interrupts it; 0: none was done yet */
    _Atomic uint32_t sign_ns;  /* likewise, a signature */
} ch_proof;

/* Begins anew with the public half of `key`, from the private key's own attributes or from the public key with its id
 * or, if it has none, its label; `index` may be NULL. CH_UNAVAILABLE if the token does not answer. Not while signatures
 * are checked. */
CH_CHECKED ch_status ch_proof_begin(ch_proof *proof, ch_session *session, const ch_key_index *index,
                                    const ch_key_object *key, ch_error *err);

/* Checks the signature if it is to be checked; making it took `spent_ns`. CH_TOKEN, with the rule
 * CKR_SIGNATURE_INVALID, if it is wrong. Thread-safe. */
CH_CHECKED ch_status ch_proof_check(ch_proof *proof, const ch_key_object *key, ch_slice message, ch_slice signature,
                                    uint64_t spent_ns, ch_error *err);

#endif
