#include "pkcs11/key_rules.h"

#include "pkcs11/ckr.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What a rule means for the keys of a class.
 *
 * A private key has no CKA_ENCRYPT, CKA_WRAP and CKA_VERIFY: all three are done with the public half, which is no
 * secret. A TPM says that its private keys have CKA_ENCRYPT all the same (tpm2-pkcs11 1.9). A secret key has no
 * CKA_SIGN_RECOVER; it must not have it, but a token refuses a new key for which it is named. */
typedef enum use {
    NO_RIGHT,
    CHECKED,
    GIVEN, /* and checked */
} use;

#define RULE(type, must_be, if_unanswered, of_secret, of_private)                                                      \
    {                                                                                                                  \
        type, #type, must_be, if_unanswered, of_secret, of_private                                                     \
    }

/* Not to answer for a right is good; not to answer for one of the other attributes counts against the key. */
/* clang-format off */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
    bool must_be;
    bool if_unanswered;
    use of_secret;
    use of_private;
} rules[] = {
    /*   attribute         must be  if unanswered  secret key  private key */
    RULE(CKA_TOKEN,        true,    false,         GIVEN,      GIVEN),
    RULE(CKA_PRIVATE,      true,    false,         GIVEN,      GIVEN),
    RULE(CKA_SENSITIVE,    true,    false,         GIVEN,      GIVEN),
    RULE(CKA_SIGN,         true,    false,         GIVEN,      GIVEN),
    RULE(CKA_EXTRACTABLE,  false,   true,          GIVEN,      GIVEN),
    RULE(CKA_DECRYPT,      false,   false,         GIVEN,      GIVEN),
    RULE(CKA_UNWRAP,       false,   false,         GIVEN,      GIVEN),
    RULE(CKA_DERIVE,       false,   false,         GIVEN,      GIVEN),
    RULE(CKA_ENCRYPT,      false,   false,         GIVEN,      NO_RIGHT),
    RULE(CKA_WRAP,         false,   false,         GIVEN,      NO_RIGHT),
    RULE(CKA_VERIFY,       false,   false,         GIVEN,      NO_RIGHT),
    RULE(CKA_SIGN_RECOVER, false,   false,         CHECKED,    GIVEN),
};
/* clang-format on */

static use use_of(size_t rule, CK_OBJECT_CLASS key_class)
{
    return key_class == CKO_SECRET_KEY ? rules[rule].of_secret : rules[rule].of_private;
}

void ch_key_rules_add(ch_attributes *attributes, CK_OBJECT_CLASS key_class)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (use_of(i, key_class) == GIVEN)
            ch_attributes_add_bool(attributes, rules[i].type, rules[i].must_be);
    }
}

/* If the token does not say, the class of which all is checked. */
static CK_OBJECT_CLASS class_of(ch_session *session, CK_OBJECT_HANDLE key)
{
    CK_OBJECT_CLASS key_class = CKO_SECRET_KEY;
    ch_error ignored = CH_ERROR_INIT;
    bool is_said = ch_attribute_ulong(session, key, CKA_CLASS, &key_class, &ignored) == CH_OK;
    return is_said && key_class == CKO_PRIVATE_KEY ? CKO_PRIVATE_KEY : CKO_SECRET_KEY;
}

static bool is_right(size_t i)
{
    return !rules[i].must_be && rules[i].type != CKA_EXTRACTABLE;
}

void ch_key_rules_drop_rights(ch_attributes *attributes)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (is_right(i))
            ch_attributes_remove(attributes, rules[i].type);
    }
}

ch_status ch_key_rules_check(ch_session *session, CK_OBJECT_HANDLE key, ch_error *err)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    CK_OBJECT_CLASS key_class = class_of(session, key);
    const char *label = ch_token_label(session->token);
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (use_of(i, key_class) == NO_RIGHT)
            continue;
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
    CK_OBJECT_CLASS key_class = class_of(session, key);
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (is_right(i) && use_of(i, key_class) != NO_RIGHT && ch_attribute_is_true(session, key, rules[i].type))
            return true;
    }
    return false;
}
