/* Each attribute is set in a call of its own, so that one that the token refuses leaves the others. What counts is what
 * is read back, whatever the token answered. */
#include "pkcs11/key_adopt.h"

#include "pkcs11/attributes.h"
#include "pkcs11/key.h"
#include "pkcs11/key_rules.h"
#include "pkcs11/vendor.h"

/* A token object stays one, and a public one stays public, unless it is copied. */
static bool is_narrowing(const ch_key_rule *rule)
{
    return rule->type == CKA_SENSITIVE || (!rule->must_be && rule->type != CKA_ALWAYS_AUTHENTICATE);
}

static CK_RV set_attribute(ch_session *session, CK_OBJECT_HANDLE key, const ch_key_rule *rule)
{
    ch_attributes wanted = {.count = 0};
    ch_attributes_add_bool(&wanted, rule->type, rule->must_be);
    return ch_token_functions(session->token)->C_SetAttributeValue(session->handle, key, wanted.items, wanted.count);
}

ch_status ch_key_adopt(ch_session *session, const char *uri, bool is_dry_run, ch_adoption *out, ch_error *err)
{
    const ch_key_rule *rule;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    bool can_narrow = !ch_vendor_only_notes_rights(ch_token_functions(session->token));
    *out = (ch_adoption){.before = 0};
    CH_TRY(ch_key_find_any(session, uri, &key, &out->key_class, err));
    CH_TRY(ch_key_rules_find_lapses(session, key, &out->before, err));
    for (size_t i = 0; (rule = ch_key_rule_at(i)) != NULL; i++) {
        if (!can_narrow || (out->before & 1U << i) == 0 || !is_narrowing(rule))
            continue;
        out->narrowing |= 1U << i;
        if (!is_dry_run)
            out->answers[i] = set_attribute(session, key, rule);
    }
    return ch_key_rules_find_lapses(session, key, &out->after, err);
}
