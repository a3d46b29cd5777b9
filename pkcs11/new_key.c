#include "pkcs11/new_key.h"

#include "pkcs11/ckr.h"
#include "pkcs11/key_rules.h"

#include <openssl/rand.h>
#include <string.h>

#define LABEL_MAX_BYTES 128

ch_status ch_new_key_check_label(ch_session *session, const char *label, ch_error *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_SECRET_KEY, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    if (*label == '\0' || strlen(label) > LABEL_MAX_BYTES || !ch_slice_is_text(ch_slice_of(label)))
        return ch_fail(err, CH_BAD_INPUT, "a key's label is 1 to %d bytes of text", LABEL_MAX_BYTES);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        ch_attributes wanted = {.count = 0};
        CK_OBJECT_HANDLE found[1];
        size_t count = 0;
        ch_attributes_add_ulong(&wanted, CKA_CLASS, &classes[i]);
        ch_attributes_add(&wanted, CKA_LABEL, label, strlen(label));
        CH_TRY(ch_objects_find(session, &wanted, found, 1, &count, err));
        if (count > 0)
            return ch_fail(
                err, CH_CONFLICT,
                "token '%s' has a key labelled '%s' already; choose another label, or, if that key is left over "
                "from a try that failed, look at it with 'chancery key list' and delete it with 'chancery key "
                "delete'",
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

/* ---- making one ---- */

/* In this order, so that what is asked for is as near as can be to what is meant. */
static const struct {
    bool is_other_type;
    bool has_rights;
    bool has_size;
} ways[] = {
  /* clang-format off */
    /* type of the hash  rights it must not have  CKA_VALUE_LEN */
    { false,             true,                    true },
    { false,             false,                   true },
    { true,              true,                    true },
    { true,              true,                    false },
    { true,              false,                   false },
  /* clang-format on */
};

static CK_RV make_in_way(size_t way, ch_session *session, const ch_mechanism *mechanism,
                         const ch_attributes *attributes, ch_new_key_call *call, CK_OBJECT_HANDLE *out)
{
    ch_attributes wanted = *attributes;
    if (ways[way].is_other_type)
        ch_attributes_set_ulong(&wanted, CKA_KEY_TYPE, &mechanism->other_key_type);
    if (!ways[way].has_rights)
        ch_key_rules_drop_rights(&wanted);
    if (!ways[way].has_size)
        ch_attributes_remove(&wanted, CKA_VALUE_LEN);
    return call(session, mechanism, &wanted, out);
}

CK_RV ch_new_key_make(ch_session *session, const ch_mechanism *mechanism, const ch_attributes *attributes,
                      ch_new_key_call *call, CK_OBJECT_HANDLE *out)
{
    bool has_other_type = mechanism->key_type != mechanism->other_key_type;
    CK_RV first = make_in_way(0, session, mechanism, attributes, call, out);
    CK_RV rv = first;
    for (size_t way = 1; ch_ckr_is_refusal(rv) && way < sizeof ways / sizeof *ways; way++) {
        if (has_other_type || !ways[way].is_other_type)
            rv = make_in_way(way, session, mechanism, attributes, call, out);
    }
    return ch_ckr_is_refusal(rv) ? first : rv;
}

/* ---- after it was made ---- */

/* One that is not there is as good as destroyed: a YubiHSM has one object for both halves. */
static ch_status destroy(ch_session *session, CK_OBJECT_HANDLE object, ch_error *err)
{
    CK_RV rv = ch_token_functions(session->token)->C_DestroyObject(session->handle, object);
    return rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID ? CH_OK : ch_ckr_fail(err, rv, "destroying an object");
}

/* Label and id together are this key's alone. */
static ch_status destroy_unnoticed(ch_session *session, const ch_new_key *made, ch_error *err)
{
    ch_attributes wanted = {.count = 0};
    CK_OBJECT_HANDLE found[2];
    size_t count = 0;
    ch_attributes_add(&wanted, CKA_LABEL, made->label, strlen(made->label));
    ch_attributes_add(&wanted, CKA_ID, made->id, sizeof made->id);
    CH_TRY(ch_objects_find(session, &wanted, found, 2, &count, err));
    for (size_t i = 0; i < count; i++)
        CH_TRY(destroy(session, found[i], err));
    return CH_OK;
}

static ch_status destroy_all(ch_session *session, const ch_new_key *made, ch_error *err)
{
    if (made->key != CK_INVALID_HANDLE)
        CH_TRY(destroy(session, made->key, err));
    if (made->public_half != CK_INVALID_HANDLE)
        CH_TRY(destroy(session, made->public_half, err));
    return destroy_unnoticed(session, made, err);
}

ch_status ch_new_key_undo(ch_session *session, const ch_new_key *made, ch_error *err)
{
    ch_error failure = CH_ERROR_INIT;
    if (destroy_all(session, made, &failure) == CH_OK)
        return err->status;
    return ch_error_wrap(err,
                         "a key labelled '%s' may be left over on token '%s' (%s); 'chancery key list' shows it, "
                         "'chancery key delete' deletes it",
                         made->label, ch_token_label(session->token), failure.rule);
}

ch_status ch_new_key_check(ch_session *session, const ch_new_key *made, ch_error *err)
{
    ch_lapses lapses = 0;
    if (ch_key_rules_check(session, made->key, 0, &lapses, err) == CH_OK)
        return CH_OK;
    ch_error_wrap(err, "the token made another key than it was asked for, so it cannot be kept");
    return ch_new_key_undo(session, made, err);
}
