#include "pkcs11/key_rules.h"

#include "pkcs11/ckr.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A new key is given the attributes of its class only: tokens refuse one that the class can't have (a private key has
 * no CKA_ENCRYPT). A key is checked for them all. Not to answer for a right that the class can't have is good; not to
 * answer for one of the others counts against the key. */
#define RULE(type, must_be, if_unanswered, is_for_secret, is_for_private)                                              \
    {                                                                                                                  \
        type, #type, must_be, if_unanswered, is_for_secret, is_for_private                                             \
    }

/* clang-format off */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
    bool must_be;
    bool if_unanswered;
    bool is_for_secret;
    bool is_for_private;
} rules[] = {
    /*   attribute         must be  if unanswered  given to a secret key  to a private key */
    RULE(CKA_TOKEN,        true,    false,         true,                  true),
    RULE(CKA_PRIVATE,      true,    false,         true,                  true),
    RULE(CKA_SENSITIVE,    true,    false,         true,                  true),
    RULE(CKA_SIGN,         true,    false,         true,                  true),
    RULE(CKA_EXTRACTABLE,  false,   true,          true,                  true),
    RULE(CKA_DECRYPT,      false,   false,         true,                  true),
    RULE(CKA_UNWRAP,       false,   false,         true,                  true),
    RULE(CKA_DERIVE,       false,   false,         true,                  true),
    RULE(CKA_ENCRYPT,      false,   false,         true,                  false),
    RULE(CKA_WRAP,         false,   false,         true,                  false),
    RULE(CKA_VERIFY,       false,   false,         true,                  false),
    RULE(CKA_SIGN_RECOVER, false,   false,         false,                 true),
};
/* clang-format on */

void ch_key_rules_add(ch_attributes *attributes, CK_OBJECT_CLASS key_class)
{
    bool is_secret = key_class == CKO_SECRET_KEY;
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (is_secret ? rules[i].is_for_secret : rules[i].is_for_private)
            ch_attributes_add_bool(attributes, rules[i].type, rules[i].must_be);
    }
}

ch_status ch_key_rules_check(ch_session *session, CK_OBJECT_HANDLE key, ch_error *err)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    const char *label = ch_token_label(session->token);
    for (size_t i = 0; i < COUNT(rules); i++) {
        CK_BBOOL value = rules[i].if_unanswered ? CK_TRUE : CK_FALSE;
        CK_ATTRIBUTE attribute = {rules[i].type, &value, sizeof value};
        CK_RV rv = functions->C_GetAttributeValue(session->handle, key, &attribute, 1);
        if (rv != CKR_OK && rv != CKR_ATTRIBUTE_TYPE_INVALID)
            return ch_ckr_fail(err, rv, "reading %s of a key on token '%s'", rules[i].name, label);
        if ((value != CK_FALSE) != rules[i].must_be)
            return ch_fail_rule(err, CH_REFUSED, rules[i].name,
                                "the key on token '%s' has %s %s; a signing key must be private, sensitive, not "
                                "extractable, and good for signing only: import or generate it with chancery key",
                                label, rules[i].name, rules[i].must_be ? "unset" : "set");
    }
    return CH_OK;
}

bool ch_key_rules_can_other(ch_session *session, CK_OBJECT_HANDLE key)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        bool is_right = !rules[i].must_be && rules[i].type != CKA_EXTRACTABLE;
        if (is_right && ch_attribute_is_true(session, key, rules[i].type))
            return true;
    }
    return false;
}
