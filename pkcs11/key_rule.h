/* The rules for a signing key, as a table: what it must be, what policy may tolerate, and why not the rest. Needs no
 * token; pkcs11/key_rules.h makes and checks keys by it.
 *
 * Some keys break a rule for good: a card decides what its slots are for, and a tool may have made a key that nobody
 * can narrow. The policy may name the rules that such a key may break. What would let others sign with the key, or read
 * it, cannot be tolerated. */
#ifndef CH_PKCS11_KEY_RULE_H
#define CH_PKCS11_KEY_RULE_H

#include "base/buffer.h"
#include "base/slice.h"

#include <p11-kit/pkcs11.h>

/* Broken rules: bit 1 << index in the table. All processes are of one build, so they agree about it. */
typedef uint32_t ch_lapses;

/* How a rule is for a class of keys. */
typedef enum ch_rule_use {
    CH_RULE_NOT = 0,       /* the class has no such attribute */
    CH_RULE_CHECKED = 1,   /* keys are checked for it */
    CH_RULE_GIVEN = 2,     /* new keys are given it: tokens refuse an attribute that the class can't have */
    CH_RULE_TOLERABLE = 4, /* the policy may tolerate that a key breaks it */
} ch_rule_use;

typedef struct ch_key_rule {
    CK_ATTRIBUTE_TYPE type;
    const char *name; /* "CKA_DECRYPT" */
    bool must_be;
    bool if_unanswered;  /* what it counts as if the token does not say */
    unsigned for_secret; /* ch_rule_use */
    unsigned for_private;
    const char *danger; /* what it means if a key breaks it: follows a colon */
} ch_key_rule;

/* NULL after the last one. */
const ch_key_rule *ch_key_rule_at(size_t index);
/* How a rule is for keys of that class: CKO_SECRET_KEY or CKO_PRIVATE_KEY. */
unsigned ch_key_rule_use(const ch_key_rule *rule, CK_OBJECT_CLASS key_class);

/* The bit of the rule of that name, 0 if there is none. */
ch_lapses ch_lapse_of_name(ch_slice name);
/* The bit of the rule for that attribute, 0 if there is none. */
ch_lapses ch_lapse_of_type(CK_ATTRIBUTE_TYPE type);
/* Those that can be tolerated of a key of that class. */
ch_lapses ch_lapses_tolerable(CK_OBJECT_CLASS key_class);
/* Appends their names: "CKA_DECRYPT, CKA_UNWRAP". */
void ch_lapses_add_names(ch_lapses lapses, ch_buffer *out);

#endif
