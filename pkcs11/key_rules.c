/* Not to answer for a right is good; not to answer for one of the other attributes counts against the key. */
#include "pkcs11/key_rules.h"

#include "pkcs11/ckr.h"

static bool is_given(const ch_key_rule *rule, CK_OBJECT_CLASS key_class)
{
    return (ch_key_rule_use(rule, key_class) & CH_RULE_GIVEN) != 0;
}

void ch_key_rules_add(ch_attributes *attributes, CK_OBJECT_CLASS key_class)
{
    const ch_key_rule *rule;
    for (size_t i = 0; (rule = ch_key_rule_at(i)) != NULL; i++) {
        if (is_given(rule, key_class))
            ch_attributes_add_bool(attributes, rule->type, rule->must_be);
    }
}

static bool is_right(const ch_key_rule *rule)
{
    return !rule->must_be && rule->type != CKA_EXTRACTABLE && rule->type != CKA_ALWAYS_AUTHENTICATE;
}

void ch_key_rules_drop_rights(ch_attributes *attributes)
{
    const ch_key_rule *rule;
    for (size_t i = 0; (rule = ch_key_rule_at(i)) != NULL; i++) {
        if (is_right(rule))
            ch_attributes_remove(attributes, rule->type);
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

static ch_status is_broken(ch_session *session, CK_OBJECT_HANDLE key, const ch_key_rule *rule, bool *out, ch_error *err)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    CK_BBOOL value = rule->if_unanswered ? CK_TRUE : CK_FALSE;
    CK_ATTRIBUTE attribute = {rule->type, &value, sizeof value};
    CK_RV rv = functions->C_GetAttributeValue(session->handle, key, &attribute, 1);
    if (rv != CKR_OK && rv != CKR_ATTRIBUTE_TYPE_INVALID)
        return ch_ckr_fail(err, rv, "reading %s of a key on token '%s'", rule->name, ch_token_label(session->token));
    *out = (value != CK_FALSE) != rule->must_be;
    return CH_OK;
}

/* Those that every key of the class should have, in one call: a thousand keys are many calls, and some tokens are slow.
 * Unless the token returned them all, nothing is taken of it, for tokens differ in what they return then. */
static bool read_given(ch_session *session, CK_OBJECT_HANDLE key, CK_OBJECT_CLASS key_class, ch_lapses *found)
{
    CK_ATTRIBUTE wanted[CH_ATTRIBUTES_MAX];
    CK_BBOOL values[CH_ATTRIBUTES_MAX] = {CK_FALSE};
    const ch_key_rule *rule;
    CK_ULONG count = 0;
    for (size_t i = 0; (rule = ch_key_rule_at(i)) != NULL; i++) {
        if (is_given(rule, key_class))
            wanted[count++] = (CK_ATTRIBUTE){rule->type, &values[i], sizeof values[i]};
    }
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    bool is_whole = functions->C_GetAttributeValue(session->handle, key, wanted, count) == CKR_OK;
    for (CK_ULONG i = 0; i < count; i++)
        is_whole = is_whole && wanted[i].ulValueLen == sizeof *values;
    for (size_t i = 0; is_whole && (rule = ch_key_rule_at(i)) != NULL; i++)
        *found |= (ch_lapses)(is_given(rule, key_class) && (values[i] != CK_FALSE) != rule->must_be) << i;
    return is_whole;
}

static ch_status find_lapses(ch_session *session, CK_OBJECT_HANDLE key, CK_OBJECT_CLASS key_class, ch_lapses *out,
                             ch_error *err)
{
    const ch_key_rule *rule;
    *out = 0;
    bool is_given_read = read_given(session, key, key_class, out);
    for (size_t i = 0; (rule = ch_key_rule_at(i)) != NULL; i++) {
        bool is_lapse = false;
        if (is_given_read && is_given(rule, key_class))
            continue;
        if ((ch_key_rule_use(rule, key_class) & CH_RULE_CHECKED) != 0)
            CH_TRY(is_broken(session, key, rule, &is_lapse, err));
        *out |= (ch_lapses)is_lapse << i;
    }
    return CH_OK;
}

static const ch_key_rule *first_of(ch_lapses lapses)
{
    size_t i = 0;
    while ((lapses & 1U << i) == 0)
        i++;
    return ch_key_rule_at(i);
}

static ch_status refuse_for_good(const char *label, const ch_key_rule *rule, ch_error *err)
{
    return ch_fail_rule(err, CH_REFUSED, rule->name,
                        "the key on token '%s' has %s %s: %s; import or generate it with chancery key", label,
                        rule->name, rule->must_be ? "unset" : "set", rule->danger);
}

/* All that can be tolerated is set where it must not be. The advice is the whole list, as policy must have it. */
static ch_status refuse(const char *label, ch_lapses found, ch_lapses tolerated, ch_error *err)
{
    ch_autobuffer lacking = CH_BUFFER_INIT;
    ch_autobuffer all = CH_BUFFER_INIT;
    ch_lapses_add_names(found & ~tolerated, &lacking);
    ch_lapses_add_names(found, &all);
    return ch_fail_rule(
        err, CH_REFUSED, first_of(found & ~tolerated)->name,
        "the key on token '%s' has %s set; a signing key may do nothing but sign, and stays where it is: "
        "narrow it with 'chancery key adopt'; if the token does not let it, the key's policy may accept it "
        "with tolerate: [%s]",
        label, ch_buffer_text(&lacking), ch_buffer_text(&all));
}

ch_status ch_key_rules_check(ch_session *session, CK_OBJECT_HANDLE key, ch_lapses tolerated, ch_lapses *found,
                             ch_error *err)
{
    const char *label = ch_token_label(session->token);
    CK_OBJECT_CLASS key_class = class_of(session, key);
    ch_lapses tolerable = ch_lapses_tolerable(key_class);
    CH_TRY(find_lapses(session, key, key_class, found, err));
    if ((*found & ~tolerable) != 0)
        return refuse_for_good(label, first_of(*found & ~tolerable), err);
    return (*found & ~tolerated) == 0 ? CH_OK : refuse(label, *found, tolerated, err);
}

ch_status ch_key_rules_find_lapses(ch_session *session, CK_OBJECT_HANDLE key, ch_lapses *out, ch_error *err)
{
    return find_lapses(session, key, class_of(session, key), out, err);
}

bool ch_key_rules_can_other(ch_session *session, CK_OBJECT_HANDLE key)
{
    CK_OBJECT_CLASS key_class = class_of(session, key);
    const ch_key_rule *rule;
    for (size_t i = 0; (rule = ch_key_rule_at(i)) != NULL; i++) {
        bool is_for_it = (ch_key_rule_use(rule, key_class) & CH_RULE_CHECKED) != 0;
        if (is_for_it && is_right(rule) && ch_attribute_is_true(session, key, rule->type))
            return true;
    }
    return false;
}
