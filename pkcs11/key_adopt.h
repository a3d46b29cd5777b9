/* Takes a key that another tool made: what is wrong with it as a signing key, and as much of that taken away as the
 * token allows. Single-threaded. */
#ifndef CH_PKCS11_KEY_ADOPT_H
#define CH_PKCS11_KEY_ADOPT_H

#include "pkcs11/key_rule.h"
#include "pkcs11/token.h"

#define CH_ADOPTION_RULES_MAX 32 /* as many as ch_lapses has bits */

typedef struct ch_adoption {
    CK_OBJECT_CLASS key_class;
    ch_lapses before;                     /* the rules that the key broke */
    ch_lapses narrowing;                  /* those of them that this token may mend */
    ch_lapses after;                      /* the rules that it breaks now, as read back */
    CK_RV answers[CH_ADOPTION_RULES_MAX]; /* for each of `narrowing`, the token's answer */
} ch_adoption;

/* Narrows the one secret or private key that `uri` names to signing: each right that it must not have is taken away,
 * and it is made sensitive and not extractable. All of these go one way only (PKCS#11 2.40, sections 4.4 and 4.9), so a
 * key gets no new right. With `is_dry_run`, nothing is changed. What the token does not take back is in `out->after`;
 * that is CH_OK. CH_NOT_FOUND, CH_CONFLICT if more than one key fits. */
CH_CHECKED ch_status ch_key_adopt(ch_session *session, const char *uri, bool is_dry_run, ch_adoption *out,
                                  ch_error *err);

#endif
