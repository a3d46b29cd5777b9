#include "pkcs11/attributes.h"
#include "pkcs11/key.h"
#include "pkcs11/key_rules.h"

static ch_status find_one(ch_session *session, ch_attributes *wanted, const char *uri, const char *kind,
                          CK_OBJECT_HANDLE *out, ch_error *err)
{
    CK_OBJECT_HANDLE found[2];
    size_t count = 0;
    CH_TRY(ch_objects_find(session, wanted, found, 2, &count, err));
    if (count == 0)
        return ch_fail(err, CH_NOT_FOUND,
                       "token '%s' has no %s key that fits '%s' (keys show only after login; 'chancery key list' shows "
                       "them)",
                       ch_token_label(session->token), kind, uri);
    if (count > 1)
        return ch_fail(err, CH_CONFLICT, "more than one %s key on token '%s' fits '%s'; add id= to the URI", kind,
                       ch_token_label(session->token), uri);
    *out = found[0];
    return CH_OK;
}

ch_status ch_key_find(ch_session *session, const char *uri, const ch_mechanism *mechanism, ch_key_object *out,
                      ch_error *err)
{
    ch_autobuffer storage = CH_BUFFER_INIT;
    ch_attributes wanted = {.count = 0};
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &mechanism->key_class);
    ch_attributes_add_ulong(&wanted, CKA_KEY_TYPE, &mechanism->key_type);
    if (mechanism->curve != NULL) /* Ed25519 is spelt in more than one way, and CKK_EC_EDWARDS says enough */
        ch_attributes_add(&wanted, CKA_EC_PARAMS, mechanism->ec_params, mechanism->ec_params_size);
    out->mechanism = mechanism;
    CH_TRY(ch_attributes_add_uri(&wanted, uri, &storage, err));
    return find_one(session, &wanted, uri, mechanism->name, &out->handle, err);
}

ch_status ch_key_verify(ch_session *session, const ch_key_object *key, ch_error *err)
{
    return ch_key_rules_check(session, key->handle, err);
}
