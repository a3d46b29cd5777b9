#include "pkcs11/attributes.h"
#include "pkcs11/key.h"
#include "pkcs11/key_rules.h"

#include <string.h>

#define SAME_NAME_MAX 64 /* objects of one class that a URI may fit */

/* True if the object is a key for `mechanism`. An attribute that it does not have makes it none. */
static ch_status is_key_for(ch_session *session, CK_OBJECT_HANDLE object, const ch_mechanism *mechanism, bool *out,
                            ch_error *err)
{
    CK_ULONG type = CK_UNAVAILABLE_INFORMATION;
    ch_autobuffer params = CH_BUFFER_INIT;
    ch_error lack = CH_ERROR_INIT;
    ch_status st = ch_attribute_ulong(session, object, CKA_KEY_TYPE, &type, &lack);
    bool is_type = type == mechanism->key_type || type == mechanism->other_key_type;
    if (st == CH_OK && is_type && mechanism->curve != NULL)
        st = ch_attribute_bytes(session, object, CKA_EC_PARAMS, &params, &lack);
    *out = st == CH_OK && is_type && ch_mechanism_has_curve(mechanism, ch_buffer_slice(&params));
    if (st == CH_OK || strcmp(lack.rule, "CKR_ATTRIBUTE_TYPE_INVALID") == 0)
        return CH_OK;
    *err = lack;
    return st;
}

static ch_status keep_keys_for(ch_session *session, const ch_mechanism *mechanism, CK_OBJECT_HANDLE *objects,
                               size_t *count, ch_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        bool is_one = false;
        CH_TRY(is_key_for(session, objects[i], mechanism, &is_one, err));
        if (is_one)
            objects[kept++] = objects[i];
    }
    *count = kept;
    return CH_OK;
}

/* 0 if it cannot be known. */
static size_t signature_size(ch_session *session, CK_OBJECT_HANDLE key, const ch_mechanism *mechanism)
{
    ch_autobuffer modulus = CH_BUFFER_INIT;
    ch_error ignored = CH_ERROR_INIT;
    if (mechanism->key_type != CKK_RSA)
        return mechanism->signature_size_bytes;
    return ch_attribute_bytes(session, key, CKA_MODULUS, &modulus, &ignored) == CH_OK ? modulus.size : 0;
}

/* Class and name are searched for, and the rest is read: a YubiHSM finds nothing if a search has an attribute or a type
 * that it does not know, and a curve has several spellings. */
ch_status ch_key_find_in(ch_session *session, const ch_key_index *index, const char *uri, const ch_mechanism *mechanism,
                         ch_key_object *out, ch_error *err)
{
    ch_autobuffer storage = CH_BUFFER_INIT;
    ch_attributes wanted = {.count = 0};
    CK_OBJECT_HANDLE found[SAME_NAME_MAX];
    size_t count = 0;
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &mechanism->key_class);
    CH_TRY(ch_attributes_add_uri(&wanted, uri, &storage, err));
    CH_TRY(ch_key_index_search(session, index, &wanted, found, SAME_NAME_MAX, &count, err));
    CH_TRY(keep_keys_for(session, mechanism, found, &count, err));
    if (count == 0)
        return ch_fail(err, CH_NOT_FOUND,
                       "token '%s' has no %s key that fits '%s' (keys show only after login; 'chancery key list' shows "
                       "them)",
                       ch_token_label(session->token), mechanism->name, uri);
    if (count > 1)
        return ch_fail(err, CH_CONFLICT, "more than one %s key on token '%s' fits '%s'; add id= to the URI",
                       mechanism->name, ch_token_label(session->token), uri);
    *out = (ch_key_object){.handle = found[0],
                           .mechanism = mechanism,
                           .is_hashed_here = ch_token_needs_hash(session->token, mechanism),
                           .signature_size_bytes = signature_size(session, found[0], mechanism)};
    return CH_OK;
}

ch_status ch_key_find(ch_session *session, const char *uri, const ch_mechanism *mechanism, ch_key_object *out,
                      ch_error *err)
{
    return ch_key_find_in(session, NULL, uri, mechanism, out, err);
}

ch_status ch_key_verify(ch_session *session, ch_key_object *key, ch_lapses tolerated, ch_error *err)
{
    return ch_key_rules_check(session, key->handle, tolerated, &key->lapses, err);
}

/* One for both classes: a name that fits a secret and a private key is not clear enough. */
ch_status ch_key_find_any(ch_session *session, const char *uri, CK_OBJECT_HANDLE *out, CK_OBJECT_CLASS *key_class,
                          ch_error *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_SECRET_KEY, CKO_PRIVATE_KEY};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        ch_autobuffer storage = CH_BUFFER_INIT;
        ch_attributes wanted = {.count = 0};
        CK_OBJECT_HANDLE found[2];
        size_t here = 0;
        ch_attributes_add_ulong(&wanted, CKA_CLASS, &classes[i]);
        CH_TRY(ch_attributes_add_uri(&wanted, uri, &storage, err));
        CH_TRY(ch_objects_find(session, &wanted, found, 2, &here, err));
        if (here > 0) {
            *out = found[0];
            *key_class = classes[i];
        }
        count += here;
    }
    if (count == 0)
        return ch_fail(err, CH_NOT_FOUND, "token '%s' has no key that fits '%s' ('chancery key list' shows them)",
                       ch_token_label(session->token), uri);
    return count == 1 ? CH_OK
                      : ch_fail(err, CH_CONFLICT, "more than one key on token '%s' fits '%s'; add id= to the URI",
                                ch_token_label(session->token), uri);
}

ch_status ch_key_is_same(ch_session *session, const char *uri, const char *other, bool *out, ch_error *err)
{
    CK_OBJECT_HANDLE one = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE second = CK_INVALID_HANDLE;
    CK_OBJECT_CLASS key_class;
    ch_error lack = CH_ERROR_INIT;
    CH_TRY(ch_key_find_any(session, uri, &one, &key_class, err));
    ch_status st = ch_key_find_any(session, other, &second, &key_class, &lack);
    *out = st == CH_OK && one == second;
    if (st == CH_OK || st == CH_NOT_FOUND)
        return CH_OK;
    *err = lack;
    return st;
}
