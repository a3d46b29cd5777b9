/* What a token, its slot and its module say of themselves, and the names of PKCS#11 for it: for people, and for reports
 * of what does not work. Needs no login. */
#ifndef CH_PKCS11_TOKEN_FACTS_H
#define CH_PKCS11_TOKEN_FACTS_H

#include "pkcs11/token.h"

typedef struct ch_token_facts {
    ch_token_info info;
    CK_TOKEN_INFO token;
    CK_SLOT_INFO slot;
    CK_INFO module;
} ch_token_facts;

CH_CHECKED ch_status ch_token_facts_read(ch_token *token, ch_token_facts *out, ch_error *err);

/* A mechanism that the token offers, whether or not we use it. */
typedef struct ch_token_mechanism {
    CK_MECHANISM_TYPE type;
    CK_MECHANISM_INFO info;
} ch_token_mechanism;

/* All that the token offers. The caller frees `*out` with free(). */
CH_CHECKED ch_status ch_token_mechanisms(ch_token *token, ch_token_mechanism **out, size_t *count, ch_error *err);

/* "CKM_SHA256_HMAC"; NULL for those that neither sign nor are widely used to wrap keys. */
const char *ch_mechanism_type_name(CK_MECHANISM_TYPE type);

/* The name of the flag that is bit `bit` of a token's or a mechanism's flags; NULL if it has none. */
const char *ch_token_flag_name(unsigned bit);
const char *ch_mechanism_flag_name(unsigned bit);

#endif
