#include "pkcs11/key_rule.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define RULE(type, must_be, if_unanswered, for_secret, for_private, danger)                                            \
    {                                                                                                                  \
        type, #type, must_be, if_unanswered, for_secret, for_private, danger                                           \
    }

#define NO CH_RULE_NOT
#define CHECK CH_RULE_CHECKED
#define GIVE (CH_RULE_CHECKED | CH_RULE_GIVEN)
#define MAY CH_RULE_TOLERABLE

/* A private key has no CKA_ENCRYPT, CKA_WRAP and CKA_VERIFY: all three are done with the public half, which is no
 * secret. A TPM says that its private keys have CKA_ENCRYPT all the same (tpm2-pkcs11 1.9). A secret key has no
 * CKA_SIGN_RECOVER; it must not have it, but a token refuses a new key for which it is named. An HMAC key that may be
 * derived from gives its bytes away piece by piece (CKM_EXTRACT_KEY_FROM_KEY). */
/* clang-format off */
static const ch_key_rule rules[] = {
    /*   attribute                must be  unanswered  secret key    private key    what it means if it is otherwise */
    RULE(CKA_TOKEN,               true,    false,      GIVE,         GIVE,          "it ends with the session that made it"),
    RULE(CKA_PRIVATE,             true,    false,      GIVE,         GIVE,          "the token signs with it without a PIN, so a lock would lock nothing"),
    RULE(CKA_SENSITIVE,           true,    false,      GIVE,         GIVE,          "the token shows its secret to whoever is logged in"),
    RULE(CKA_SIGN,                true,    false,      GIVE,         GIVE,          "it cannot sign"),
    RULE(CKA_EXTRACTABLE,         false,   true,       GIVE | MAY,   GIVE | MAY,    "whoever has the PIN can take it off the token, wrapped by another key"),
    RULE(CKA_DECRYPT,             false,   false,      GIVE | MAY,   GIVE | MAY,    "whoever has the PIN can decrypt with it, which for RSA is to sign"),
    RULE(CKA_UNWRAP,              false,   false,      GIVE | MAY,   GIVE | MAY,    "whoever has the PIN can bring keys of their own onto the token with it"),
    RULE(CKA_DERIVE,              false,   false,      GIVE,         GIVE | MAY,    "whoever has the PIN can derive other keys from it"),
    RULE(CKA_ENCRYPT,             false,   false,      GIVE | MAY,   NO,            "whoever has the PIN can encrypt with it"),
    RULE(CKA_WRAP,                false,   false,      GIVE,         NO,            "it can take other keys off the token"),
    RULE(CKA_VERIFY,              false,   false,      GIVE | MAY,   NO,            "whoever has the PIN can verify with it"),
    RULE(CKA_SIGN_RECOVER,        false,   false,      CHECK,        GIVE | MAY,    "whoever has the PIN can sign with it in one more way"),
    RULE(CKA_ALWAYS_AUTHENTICATE, false,   false,      NO,           CHECK | MAY,   "the token takes the PIN for each signature, so the agent sends it each time"),
};
/* clang-format on */

const ch_key_rule *ch_key_rule_at(size_t index)
{
    return index < COUNT(rules) ? &rules[index] : NULL;
}

unsigned ch_key_rule_use(const ch_key_rule *rule, CK_OBJECT_CLASS key_class)
{
    return key_class == CKO_SECRET_KEY ? rule->for_secret : rule->for_private;
}

ch_lapses ch_lapse_of_name(ch_slice name)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (ch_slice_is(name, rules[i].name))
            return 1U << i;
    }
    return 0;
}

ch_lapses ch_lapse_of_type(CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (rules[i].type == type)
            return 1U << i;
    }
    return 0;
}

ch_lapses ch_lapses_tolerable(CK_OBJECT_CLASS key_class)
{
    ch_lapses tolerable = 0;
    for (size_t i = 0; i < COUNT(rules); i++) {
        if ((ch_key_rule_use(&rules[i], key_class) & CH_RULE_TOLERABLE) != 0)
            tolerable |= 1U << i;
    }
    return tolerable;
}

void ch_lapses_add_names(ch_lapses lapses, ch_buffer *out)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        if ((lapses & 1U << i) != 0)
            ch_buffer_add_format(out, "%s%s", (lapses & ((1U << i) - 1)) == 0 ? "" : ", ", rules[i].name);
    }
}
