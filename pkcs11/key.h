/* Key objects on a token: found and checked (key_find.c), signed with (sign.c), listed (key_list.c), deleted
 * (key_delete.c), imported (key_import.c), generated (key_generate.c), their public halves (key_public.c), and their
 * dates (key_dates.c).
 *
 * A signing key is CKA_PRIVATE, CKA_SENSITIVE, not CKA_EXTRACTABLE, and may sign and nothing else. A key that is made
 * here is made so, is read back, and is destroyed again if the token made it otherwise. ch_key_verify checks the same
 * at every start of the agent.
 *
 * `uri` is an RFC 7512 URI with object=, id= or both; CH_CONFIG if it is malformed or names no object. Only ch_key_sign
 * may be called from several threads, each with its own session. */
#ifndef CH_PKCS11_KEY_H
#define CH_PKCS11_KEY_H

#include "base/buffer.h"
#include "base/secret.h"
#include "base/slice.h"
#include "pkcs11/key_index.h"
#include "pkcs11/key_rule.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/token.h"

#include <openssl/types.h>

typedef struct ch_key_object {
    CK_OBJECT_HANDLE handle; /* valid in this process while the token is open; find it again after a reopen */
    const ch_mechanism *mechanism;
    bool is_hashed_here;         /* the token has only CKM_RSA_PKCS, which takes a hash with its name (RFC 8017, 9.2) */
    size_t signature_size_bytes; /* the one size there is; 0: an RSA key that does not show its modulus */
    ch_lapses lapses;            /* the rules that it breaks, once it has been verified */
} ch_key_object;

#define CH_DATE_SIZE 11 /* "2027-01-31" */

typedef struct ch_key_info {
    char label[129]; /* as it is on the token: not to be shown without ch_make_printable */
    char id_hex[129];
    char type[24]; /* "hmac", "hmac-sha256", "rsa-2048", "ed25519", "p256", ...; "CKK_0x..." if it has no name */
    bool is_sensitive;
    bool is_extractable;
    bool is_private;
    bool can_sign;
    bool can_other;                /* decrypt, unwrap, derive, ...: more than signing */
    bool takes_pin;                /* for each signature */
    bool is_local;                 /* made on the token */
    char start_date[CH_DATE_SIZE]; /* "2027-01-31"; empty: the token keeps none */
    char end_date[CH_DATE_SIZE];
} ch_key_info;

/* Finds the one secret or private key that `uri` names and that fits `mechanism`. CH_NOT_FOUND (also if logged out:
 * private objects can't be seen), CH_CONFLICT if more than one fits. */
CH_CHECKED ch_status ch_key_find(ch_session *session, const char *uri, const ch_mechanism *mechanism,
                                 ch_key_object *out, ch_error *err);

/* The same among the objects of `index`; NULL: the token is searched. */
CH_CHECKED ch_status ch_key_find_in(ch_session *session, const ch_key_index *index, const char *uri,
                                    const ch_mechanism *mechanism, ch_key_object *out, ch_error *err);

/* Finds the one key, secret or private, that `uri` names, whatever its mechanism. CH_NOT_FOUND, CH_CONFLICT. For other
 * rooms of pkcs11/ only. */
CH_CHECKED ch_status ch_key_find_any(ch_session *session, const char *uri, CK_OBJECT_HANDLE *out,
                                     CK_OBJECT_CLASS *key_class, ch_error *err);

/* True if both URIs name the same key of the token. CH_NOT_FOUND, CH_CONFLICT of the first; the second may name none.
 */
CH_CHECKED ch_status ch_key_is_same(ch_session *session, const char *uri, const char *other, bool *out, ch_error *err);

/* CH_REFUSED, naming the attribute, unless the key is private, sensitive, not extractable and may only sign, save for
 * what is tolerated. What the token does not say counts against the key; if the token does not answer at all,
 * CH_UNAVAILABLE or CH_TOKEN. */
CH_CHECKED ch_status ch_key_verify(ch_session *session, ch_key_object *key, ch_lapses tolerated, ch_error *err);

/* Signs `message`, or its digest if the mechanism's table row says that the agent hashes. An ECDSA signature is r||s,
 * each 32 bytes. `signature` has room for `capacity` bytes (512 are enough for all); `*size` is what was written.
 * CH_UNAVAILABLE if the session, object or device is gone: reopen. */
CH_CHECKED ch_status ch_key_sign(ch_session *session, const ch_key_object *key, ch_slice message, uint8_t *signature,
                                 size_t capacity, size_t *size, ch_error *err);

/* The same for a key with CKA_ALWAYS_AUTHENTICATE, which takes the PIN for each signature. CH_WRONG_PIN counts as a
 * failure on the token: do not try the same PIN again. One thread at a time. */
CH_CHECKED ch_status ch_key_sign_with_pin(ch_session *session, const ch_key_object *key, const ch_secret *pin,
                                          ch_slice message, uint8_t *signature, size_t capacity, size_t *size,
                                          ch_error *err);

/* All secret and private keys on the token; the caller frees `*out` with free(). */
CH_CHECKED ch_status ch_key_list(ch_session *session, ch_key_info **out, size_t *count, ch_error *err);

/* Reads what ch_key_list says of one key. For other rooms of pkcs11/ only. */
CH_CHECKED ch_status ch_key_info_read(ch_session *session, CK_OBJECT_HANDLE key, ch_key_info *out, ch_error *err);

/* Deletes the key that `uri` names, and its public half, or a public half that is left over. Nothing is deleted if
 * there is none (CH_NOT_FOUND), or more than one (CH_CONFLICT). */
CH_CHECKED ch_status ch_key_delete(ch_session *session, const char *uri, ch_error *err);

/* Imports an HMAC secret under `label`; `mechanism` says for which digest. A secret shorter than the token's smallest
 * key is padded with zeros, one longer than a block is hashed: the HMAC is the same (RFC 2104). CH_CONFLICT if the
 * label is taken. `secret` is the decoded key and stays the caller's. */
CH_CHECKED ch_status ch_key_import_hmac(ch_session *session, const char *label, const ch_mechanism *mechanism,
                                        const ch_secret *secret, ch_error *err);

/* Imports a private key for an RSA, EC or Ed25519 mechanism, with its public half. CH_BAD_INPUT if it does not fit the
 * mechanism, CH_CONFLICT if the label is taken. `key` stays the caller's. */
CH_CHECKED ch_status ch_key_import_pair(ch_session *session, const char *label, const ch_mechanism *mechanism,
                                        EVP_PKEY *key, ch_error *err);

/* CH_BAD_INPUT, saying what `key` is and what is needed, unless it is a key that `mechanism` signs with. Needs no
 * token.
 */
CH_CHECKED ch_status ch_key_check_fit(const EVP_PKEY *key, const ch_mechanism *mechanism, ch_error *err);

/* Appends what kind of key it is: "Ed25519", "RSA with 2048 bits", "EC on prime256v1". */
void ch_key_describe(const EVP_PKEY *key, ch_buffer *out);

/* Makes a key pair, or an HMAC key, on the token. `rsa_bits` is for RSA only, 2048 to 4096 (0: 2048). CH_CONFLICT if
 * the label is taken. */
CH_CHECKED ch_status ch_key_generate(ch_session *session, const char *label, const ch_mechanism *mechanism,
                                     unsigned rsa_bits, ch_error *err);

/* The public key with the private key that `uri` names: its public half, or, on a token that keeps none, what the
 * private key shows. The caller frees it with EVP_PKEY_free. CH_NOT_FOUND if there is none, CH_TOKEN if it is of an
 * unknown kind. */
CH_CHECKED ch_status ch_key_public(ch_session *session, const char *uri, EVP_PKEY **out, ch_error *err);
/* The public key that an object's own attributes show; `*out` is NULL if it is of an unknown kind. For other rooms of
 * pkcs11/ only. */
CH_CHECKED ch_status ch_key_public_read(ch_session *session, CK_OBJECT_HANDLE object, EVP_PKEY **out, ch_error *err);

/* The days on which a key begins and ends, as the token notes them (CKA_START_DATE, CKA_END_DATE): for people, since no
 * token acts by them. Both are empty if the token keeps none, or something that is no date. */
void ch_key_dates_read(ch_session *session, CK_OBJECT_HANDLE key, char start[static CH_DATE_SIZE],
                       char end[static CH_DATE_SIZE]);

/* Notes both days, "2027-01-31", with the key that `uri` names. `*are_kept` is false if the token does not show them
 * afterwards, whatever it has answered: many tokens keep none. CH_NOT_FOUND, CH_CONFLICT. */
CH_CHECKED ch_status ch_key_dates_set(ch_session *session, const char *uri, const char *start, const char *end,
                                      bool *are_kept, ch_error *err);

#endif
