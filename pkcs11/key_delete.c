/* All is found, and known to be one key, before anything is destroyed. The public half goes last: left alone it does no
 * harm. */
#include "pkcs11/attributes.h"
#include "pkcs11/ckr.h"
#include "pkcs11/key.h"

/* Adds what fits to `*count`, and leaves one of them in `*out`. */
static ch_status find_class(ch_session *session, const char *uri, CK_OBJECT_CLASS object_class, CK_OBJECT_HANDLE *out,
                            size_t *count, ch_error *err)
{
    ch_autobuffer storage = CH_BUFFER_INIT;
    ch_attributes wanted = {.count = 0};
    CK_OBJECT_HANDLE found[2];
    size_t here = 0;
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &object_class);
    ch_attributes_add_bool(&wanted, CKA_TOKEN, true);
    CH_TRY(ch_attributes_add_uri(&wanted, uri, &storage, err));
    CH_TRY(ch_objects_find(session, &wanted, found, 2, &here, err));
    if (here > 0)
        *out = found[0];
    *count += here;
    return CH_OK;
}

static ch_status destroy(ch_session *session, const char *uri, CK_OBJECT_HANDLE object, ch_error *err)
{
    CK_RV rv = ch_token_functions(session->token)->C_DestroyObject(session->handle, object);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "deleting '%s'", uri);
}

/* It may be gone with the private half: a YubiHSM has one object for both. */
static ch_status destroy_public(ch_session *session, const char *uri, CK_OBJECT_HANDLE object, ch_error *err)
{
    CK_RV rv = ch_token_functions(session->token)->C_DestroyObject(session->handle, object);
    bool is_gone = rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID;
    return is_gone ? CH_OK : ch_ckr_fail(err, rv, "deleting '%s'", uri);
}

ch_status ch_key_delete(ch_session *session, const char *uri, ch_error *err)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE public_half = CK_INVALID_HANDLE;
    size_t keys = 0;
    size_t public_halves = 0;
    CH_TRY(find_class(session, uri, CKO_SECRET_KEY, &key, &keys, err));
    CH_TRY(find_class(session, uri, CKO_PRIVATE_KEY, &key, &keys, err));
    CH_TRY(find_class(session, uri, CKO_PUBLIC_KEY, &public_half, &public_halves, err));
    if (keys + public_halves == 0)
        return ch_fail(err, CH_NOT_FOUND, "token '%s' has no key that fits '%s' (keys show only after login)",
                       ch_token_label(session->token), uri);
    if (keys > 1 || public_halves > 1)
        return ch_fail(err, CH_CONFLICT, "more than one key fits '%s', so none was deleted; add id= to the URI", uri);
    if (keys == 1)
        CH_TRY(destroy(session, uri, key, err));
    return public_halves == 0 ? CH_OK : destroy_public(session, uri, public_half, err);
}
