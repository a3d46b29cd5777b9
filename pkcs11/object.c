#include "pkcs11/object.h"

#include "base/encode.h"
#include "base/memory.h"
#include "base/printable.h"
#include "pkcs11/attributes.h"
#include "pkcs11/ckr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 16384

/* What a signing key must and must not be. A token may leave out a right that a class of key can't have (a private key
 * has no CKA_ENCRYPT); to leave out one of the others counts against the key. */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    bool must_be;
    bool if_untold;
    const char *name;
} rules[] = {
    {CKA_TOKEN,        true,  false, "CKA_TOKEN"       },
    {CKA_PRIVATE,      true,  false, "CKA_PRIVATE"     },
    {CKA_SENSITIVE,    true,  false, "CKA_SENSITIVE"   },
    {CKA_SIGN,         true,  false, "CKA_SIGN"        },
    {CKA_EXTRACTABLE,  false, true,  "CKA_EXTRACTABLE" },
    {CKA_DECRYPT,      false, false, "CKA_DECRYPT"     },
    {CKA_ENCRYPT,      false, false, "CKA_ENCRYPT"     },
    {CKA_UNWRAP,       false, false, "CKA_UNWRAP"      },
    {CKA_WRAP,         false, false, "CKA_WRAP"        },
    {CKA_DERIVE,       false, false, "CKA_DERIVE"      },
    {CKA_VERIFY,       false, false, "CKA_VERIFY"      },
    {CKA_SIGN_RECOVER, false, false, "CKA_SIGN_RECOVER"},
};

ch_status ch_key_verify(ch_session *session, const ch_token_key *key, ch_error *err)
{
    const char *label = ch_token_label(session->token);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        CK_BBOOL value = rules[i].if_untold ? CK_TRUE : CK_FALSE;
        CK_ATTRIBUTE wanted = {rules[i].type, &value, sizeof value};
        CK_RV rv = ch_token_functions(session->token)->C_GetAttributeValue(session->handle, key->handle, &wanted, 1);
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

static ch_status find_one(ch_session *session, ch_attributes *attributes, const char *what, const char *kind,
                          CK_OBJECT_HANDLE *out, ch_error *err)
{
    CK_OBJECT_HANDLE found[2];
    size_t count = 0;
    ch_status st = ch_objects_find(session, attributes, found, 2, &count, err);
    if (st != CH_OK)
        return st;
    if (count == 0)
        return ch_fail(
            err, CH_NOT_FOUND,
            "token '%s' has no %s key that fits '%s' (keys show only after login; 'chancery key list' shows them)",
            ch_token_label(session->token), kind, what);
    if (count > 1)
        return ch_fail(err, CH_CONFLICT, "more than one %s key on token '%s' fits '%s'; add id= to the URI", kind,
                       ch_token_label(session->token), what);
    *out = found[0];
    return CH_OK;
}

ch_status ch_key_find(ch_session *session, const char *uri, const ch_mechanism *mechanism, ch_token_key *out,
                      ch_error *err)
{
    ch_autobuffer storage = CH_BUFFER_INIT;
    ch_attributes wanted = {.count = 0};
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &mechanism->key_class);
    ch_attributes_add_ulong(&wanted, CKA_KEY_TYPE, &mechanism->key_type);
    if (mechanism->curve != NULL) /* Ed25519 is spelt in more than one way, and CKK_EC_EDWARDS says enough */
        ch_attributes_add(&wanted, CKA_EC_PARAMS, mechanism->ec_params, mechanism->ec_params_size);
    ch_status st = ch_attributes_add_uri(&wanted, uri, &storage, err);
    if (st == CH_OK)
        st = find_one(session, &wanted, uri, mechanism->name, &out->handle, err);
    out->mechanism = mechanism;
    return st;
}

/* ---- listing ---- */

static void name_type(ch_session *session, CK_OBJECT_HANDLE key, ch_key_info *out)
{
    ch_error ignored = CH_ERROR_INIT; /* a key that hides its type is listed as such */
    CK_ULONG type = CK_UNAVAILABLE_INFORMATION;
    ch_autobuffer params = CH_BUFFER_INIT;
    (void)!ch_attribute_ulong(session, key, CKA_KEY_TYPE, &type, &ignored);
    (void)snprintf(out->type, sizeof out->type, "CKK_0x%lx", type);
    if (type == CKK_RSA && ch_attribute_bytes(session, key, CKA_MODULUS, &params, &ignored) == CH_OK) {
        (void)snprintf(out->type, sizeof out->type, "rsa-%zu", params.size * 8);
        return;
    }
    (void)!ch_attribute_bytes(session, key, CKA_EC_PARAMS, &params, &ignored);
    for (size_t i = 0; ch_mechanism_at(i) != NULL; i++) {
        const ch_mechanism *row = ch_mechanism_at(i);
        ch_slice curve = {row->ec_params, row->ec_params_size};
        if (row->key_type != type || !ch_slice_equal(curve, ch_buffer_slice(&params)))
            continue;
        size_t length = strcspn(row->name, "-"); /* "hmac", "ed25519", "p256", "secp256k1" */
        (void)snprintf(out->type, sizeof out->type, "%.*s", (int)length, row->name);
        return;
    }
}

/* Text from a token goes to people's terminals; a token may leave the attribute out. */
static ch_status read_text(ch_session *session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, ch_buffer *out,
                           ch_error *err)
{
    ch_error reason = CH_ERROR_INIT;
    ch_status st = ch_attribute_bytes(session, key, type, out, &reason);
    if (st != CH_OK && strcmp(reason.rule, "CKR_ATTRIBUTE_TYPE_INVALID") != 0) {
        *err = reason;
        return st;
    }
    return CH_OK;
}

static ch_status describe(ch_session *session, CK_OBJECT_HANDLE key, ch_key_info *out, ch_error *err)
{
    ch_autobuffer label = CH_BUFFER_INIT;
    ch_autobuffer id = CH_BUFFER_INIT;
    ch_autobuffer id_hex = CH_BUFFER_INIT;
    ch_status st = read_text(session, key, CKA_LABEL, &label, err);
    if (st == CH_OK)
        st = read_text(session, key, CKA_ID, &id, err);
    if (st != CH_OK)
        return st;
    ch_encode(&id_hex, CH_ENCODE_HEX, ch_buffer_slice(&id));
    *out = (ch_key_info){.is_sensitive = ch_attribute_is_true(session, key, CKA_SENSITIVE),
                         .is_extractable = ch_attribute_is_true(session, key, CKA_EXTRACTABLE),
                         .is_private = ch_attribute_is_true(session, key, CKA_PRIVATE),
                         .can_sign = ch_attribute_is_true(session, key, CKA_SIGN),
                         .is_local = ch_attribute_is_true(session, key, CKA_LOCAL)};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i].must_be && rules[i].type != CKA_EXTRACTABLE)
            out->can_other = out->can_other || ch_attribute_is_true(session, key, rules[i].type);
    }
    (void)snprintf(out->label, sizeof out->label, "%s", ch_buffer_text(&label));
    ch_make_printable(out->label);
    (void)snprintf(out->id_hex, sizeof out->id_hex, "%s", ch_buffer_text(&id_hex));
    name_type(session, key, out);
    return CH_OK;
}

ch_status ch_key_list(ch_session *session, ch_key_info **out, size_t *count, ch_error *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_SECRET_KEY, CKO_PRIVATE_KEY};
    ch_autofree CK_OBJECT_HANDLE *keys = ch_alloc(KEYS_MAX * sizeof *keys);
    size_t found = 0;
    ch_status st = CH_OK;
    for (size_t i = 0; st == CH_OK && i < 2; i++) {
        ch_attributes wanted = {.count = 0};
        size_t here = 0;
        ch_attributes_add_ulong(&wanted, CKA_CLASS, &classes[i]);
        ch_attributes_add_bool(&wanted, CKA_TOKEN, true);
        st = ch_objects_find(session, &wanted, keys + found, KEYS_MAX - found, &here, err);
        found += here;
    }
    ch_key_info *list = ch_alloc(found * sizeof *list);
    for (size_t i = 0; st == CH_OK && i < found; i++)
        st = describe(session, keys[i], &list[i], err);
    if (st != CH_OK) {
        free(list);
        return st;
    }
    *out = list;
    *count = found;
    return CH_OK;
}

/* ---- deleting ---- */

static ch_status find_class(ch_session *session, const char *uri, CK_OBJECT_CLASS object_class, CK_OBJECT_HANDLE *out,
                            size_t *count, ch_error *err)
{
    ch_autobuffer storage = CH_BUFFER_INIT;
    ch_attributes wanted = {.count = 0};
    CK_OBJECT_HANDLE found[2];
    size_t here = 0;
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &object_class);
    ch_attributes_add_bool(&wanted, CKA_TOKEN, true);
    ch_status st = ch_attributes_add_uri(&wanted, uri, &storage, err);
    if (st == CH_OK)
        st = ch_objects_find(session, &wanted, found, 2, &here, err);
    if (st == CH_OK && here > 0)
        *out = found[0];
    *count += here;
    return st;
}

static ch_status destroy(ch_session *session, const char *uri, CK_OBJECT_HANDLE object, ch_error *err)
{
    CK_RV rv = ch_token_functions(session->token)->C_DestroyObject(session->handle, object);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "deleting '%s'", uri);
}

/* All is found and known to be one key before anything is destroyed. The public half goes last: alone it does no harm.
 */
ch_status ch_key_delete(ch_session *session, const char *uri, ch_error *err)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE public_half = CK_INVALID_HANDLE;
    size_t keys = 0;
    size_t public_halves = 0;
    ch_status st = find_class(session, uri, CKO_SECRET_KEY, &key, &keys, err);
    if (st == CH_OK)
        st = find_class(session, uri, CKO_PRIVATE_KEY, &key, &keys, err);
    if (st == CH_OK)
        st = find_class(session, uri, CKO_PUBLIC_KEY, &public_half, &public_halves, err);
    if (st == CH_OK && keys == 0)
        st = ch_fail(err, CH_NOT_FOUND, "token '%s' has no key that fits '%s' (keys show only after login)",
                     ch_token_label(session->token), uri);
    if (st == CH_OK && (keys > 1 || public_halves > 1))
        st = ch_fail(err, CH_CONFLICT, "more than one key fits '%s', and none was deleted; add id= to the URI", uri);
    if (st == CH_OK)
        st = destroy(session, uri, key, err);
    if (st == CH_OK && public_halves == 1)
        st = destroy(session, uri, public_half, err);
    return st;
}
