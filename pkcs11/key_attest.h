/* What a token says of a key at this moment, and what of it proves that the key cannot leave the token. It is the
 * module's word: nobody outside the token can look. Single-threaded. */
#ifndef CH_PKCS11_KEY_ATTEST_H
#define CH_PKCS11_KEY_ATTEST_H

#include "pkcs11/key.h"

#define CH_ATTEST_ROWS_MAX 24
#define CH_ATTEST_MECHANISMS_MAX 64

typedef enum ch_attest_use {
    CH_ATTEST_FACT, /* is shown, and proves nothing */
    CH_ATTEST_HELD, /* without it the key can leave the token */
    CH_ATTEST_BORN, /* without it the key has been outside, or may have been */
} ch_attest_use;

typedef struct ch_attest_row {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
    ch_attest_use for_secret;
    ch_attest_use for_private;
    bool must_be;
    const char *lack; /* what it means if it is otherwise */
} ch_attest_row;

/* Returns NULL after the last one. */
const ch_attest_row *ch_attest_row_at(size_t index);

/* What is not answered counts against the key. */
typedef enum ch_attest_answer { CH_ATTEST_UNSET, CH_ATTEST_SET, CH_ATTEST_UNANSWERED } ch_attest_answer;

typedef struct ch_attestation {
    CK_OBJECT_CLASS key_class;
    ch_key_info info;
    size_t size_bits; /* of a secret or an RSA key; 0: the type says it, or the token does not */
    ch_attest_answer answers[CH_ATTEST_ROWS_MAX];
    bool has_mechanisms; /* the key says with which mechanisms alone it works */
    CK_MECHANISM_TYPE mechanisms[CH_ATTEST_MECHANISMS_MAX];
    size_t mechanism_count;
    CK_RV wrapped; /* how the token answered when it was asked to wrap the key: CKR_OK says that the key can leave it,
                    * whatever its attributes say; CKR_MECHANISM_INVALID, that nothing could be asked */
} ch_attestation;

/* Reads the attributes of the one key that `uri` names, and asks the token to wrap it, with a key that is gone at once;
 * the result is dropped. CH_NOT_FOUND, CH_CONFLICT. */
CH_CHECKED ch_status ch_key_attest(ch_session *session, const char *uri, ch_attestation *out, ch_error *err);

/* Returns what the row is for in keys of that class. */
ch_attest_use ch_attest_use_of(const ch_attest_row *row, CK_OBJECT_CLASS key_class);
/* True if the row proves something and is not as it must be. */
bool ch_attestation_lacks(const ch_attestation *attestation, size_t row, ch_attest_use use);
/* True if nothing is lacking for that use, and the token has not wrapped the key. */
bool ch_attestation_proves(const ch_attestation *attestation, ch_attest_use use);
/* Returns in words how the token answered when it was asked to wrap the key. `unknown` has 32 bytes, for a code without
 * a name. */
const char *ch_attestation_wrapped(const ch_attestation *attestation, char *unknown);

#endif
