#include "pkcs11/create.h"

#include <string.h>

ch_status ch_create_check_label(ch_session *session, const char *label, ch_error *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_SECRET_KEY, CKO_PRIVATE_KEY};
    if (*label == '\0' || strlen(label) > 128 || !ch_slice_is_text(ch_slice_of(label)))
        return ch_fail(err, CH_BAD_INPUT, "a key's label is 1 to 128 bytes of text");
    for (size_t i = 0; i < 2; i++) {
        ch_attributes wanted = {.count = 0};
        CK_OBJECT_HANDLE found[1];
        size_t count = 0;
        ch_attributes_add_ulong(&wanted, CKA_CLASS, &classes[i]);
        ch_attributes_add(&wanted, CKA_LABEL, label, strlen(label));
        ch_status st = ch_objects_find(session, &wanted, found, 1, &count, err);
        if (st != CH_OK)
            return st;
        if (count > 0)
            return ch_fail(err, CH_CONFLICT, "token '%s' has a key labelled '%s' already; delete it or choose another",
                           ch_token_label(session->token), label);
    }
    return CH_OK;
}

void ch_create_signing_key(ch_attributes *attributes, const CK_OBJECT_CLASS *class_, const char *label, ch_slice id)
{
    static const CK_ATTRIBUTE_TYPE set[] = {CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN};
    static const CK_ATTRIBUTE_TYPE cleared[] = {CKA_EXTRACTABLE, CKA_DECRYPT, CKA_UNWRAP, CKA_DERIVE};
    static const CK_ATTRIBUTE_TYPE cleared_secret[] = {CKA_ENCRYPT, CKA_WRAP, CKA_VERIFY};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        ch_attributes_add_bool(attributes, set[i], true);
    for (size_t i = 0; i < sizeof cleared / sizeof *cleared; i++)
        ch_attributes_add_bool(attributes, cleared[i], false);
    for (size_t i = 0; *class_ == CKO_SECRET_KEY && i < sizeof cleared_secret / sizeof *cleared_secret; i++)
        ch_attributes_add_bool(attributes, cleared_secret[i], false);
    if (*class_ == CKO_PRIVATE_KEY)
        ch_attributes_add_bool(attributes, CKA_SIGN_RECOVER, false);
    ch_attributes_add_ulong(attributes, CKA_CLASS, class_);
    ch_attributes_add(attributes, CKA_LABEL, label, strlen(label));
    ch_attributes_add(attributes, CKA_ID, id.data, id.size);
}

void ch_create_public_key(ch_attributes *attributes, const char *label, ch_slice id)
{
    static const CK_OBJECT_CLASS class_ = CKO_PUBLIC_KEY;
    ch_attributes_add_ulong(attributes, CKA_CLASS, &class_);
    ch_attributes_add_bool(attributes, CKA_TOKEN, true);
    ch_attributes_add_bool(attributes, CKA_PRIVATE, false);
    ch_attributes_add_bool(attributes, CKA_VERIFY, true);
    ch_attributes_add_bool(attributes, CKA_ENCRYPT, false);
    ch_attributes_add_bool(attributes, CKA_WRAP, false);
    ch_attributes_add(attributes, CKA_LABEL, label, strlen(label));
    ch_attributes_add(attributes, CKA_ID, id.data, id.size);
}

ch_status ch_create_settle(ch_session *session, const ch_token_key *key, CK_OBJECT_HANDLE other, ch_error *err)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    ch_status st = ch_key_verify(session, key, err);
    if (st == CH_OK)
        return CH_OK;
    (void)functions->C_DestroyObject(session->handle, key->handle);
    if (other != CK_INVALID_HANDLE)
        (void)functions->C_DestroyObject(session->handle, other);
    return ch_error_wrap(err, "the token made a key other than asked for, and it was destroyed again");
}
