#include "pkcs11/new_key.h"

#include "pkcs11/key_rules.h"

#include <openssl/rand.h>
#include <string.h>

#define LABEL_MAX_BYTES 128

ch_status ch_new_key_check_label(ch_session *session, const char *label, ch_error *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_SECRET_KEY, CKO_PRIVATE_KEY};
    if (*label == '\0' || strlen(label) > LABEL_MAX_BYTES || !ch_slice_is_text(ch_slice_of(label)))
        return ch_fail(err, CH_BAD_INPUT, "a key's label is 1 to %d bytes of text", LABEL_MAX_BYTES);
    for (size_t i = 0; i < 2; i++) {
        ch_attributes wanted = {.count = 0};
        CK_OBJECT_HANDLE found[1];
        size_t count = 0;
        ch_attributes_add_ulong(&wanted, CKA_CLASS, &classes[i]);
        ch_attributes_add(&wanted, CKA_LABEL, label, strlen(label));
        CH_TRY(ch_objects_find(session, &wanted, found, 1, &count, err));
        if (count > 0)
            return ch_fail(err, CH_CONFLICT,
                           "token '%s' has a key labelled '%s' already; delete that key or choose another label",
                           ch_token_label(session->token), label);
    }
    return CH_OK;
}

ch_status ch_new_key_draw_id(uint8_t id[static CH_KEY_ID_SIZE], ch_error *err)
{
    return RAND_bytes(id, CH_KEY_ID_SIZE) == 1 ? CH_OK : ch_fail(err, CH_INTERNAL, "no random bytes for a key's id");
}

void ch_new_key_add_attributes(ch_attributes *attributes, const ch_mechanism *mechanism, const char *label, ch_slice id)
{
    ch_key_rules_add(attributes, mechanism->key_class);
    ch_attributes_add_ulong(attributes, CKA_CLASS, &mechanism->key_class);
    ch_attributes_add(attributes, CKA_LABEL, label, strlen(label));
    ch_attributes_add(attributes, CKA_ID, id.data, id.size);
}

/* Whether it may encrypt and verify is left to the token: a public half is no secret, so anybody can do both with it,
 * and a TPM refuses what it would not have chosen itself (tpm2-pkcs11 1.9). */
void ch_new_key_add_public_attributes(ch_attributes *attributes, const char *label, ch_slice id)
{
    static const CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
    ch_attributes_add_ulong(attributes, CKA_CLASS, &public_class);
    ch_attributes_add_bool(attributes, CKA_TOKEN, true);
    ch_attributes_add_bool(attributes, CKA_PRIVATE, false);
    ch_attributes_add_bool(attributes, CKA_WRAP, false);
    ch_attributes_add(attributes, CKA_LABEL, label, strlen(label));
    ch_attributes_add(attributes, CKA_ID, id.data, id.size);
}

ch_status ch_new_key_check(ch_session *session, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE public_half, ch_error *err)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    if (ch_key_rules_check(session, key, err) == CH_OK)
        return CH_OK;
    functions->C_DestroyObject(session->handle, key);
    if (public_half != CK_INVALID_HANDLE)
        functions->C_DestroyObject(session->handle, public_half);
    return ch_error_wrap(err, "the token made another key than it was asked for, so it was destroyed again");
}
