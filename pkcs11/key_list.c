/* A key that hides an attribute is listed all the same: people look at the list to see what is wrong with a key. */
#include "base/encode.h"
#include "base/memory.h"
#include "pkcs11/attributes.h"
#include "pkcs11/key.h"
#include "pkcs11/key_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 16384

/* ---- one key ---- */

/* "p256" of "p256-sha256": the type of keys that the mechanism's row is for. */
static void copy_type(const ch_mechanism *mechanism, ch_key_info *out)
{
    int length = (int)strcspn(mechanism->name, "-");
    snprintf(out->type, sizeof out->type, "%.*s", length, mechanism->name);
}

static const ch_mechanism *find_mechanism(CK_KEY_TYPE type, ch_slice ec_params)
{
    const ch_mechanism *row;
    for (size_t i = 0; (row = ch_mechanism_at(i)) != NULL; i++) {
        if (row->key_type == type && ch_slice_equal(ec_params, (ch_slice){row->ec_params, row->ec_params_size}))
            break;
    }
    return row;
}

static void name_type(ch_session *session, CK_OBJECT_HANDLE key, ch_key_info *out)
{
    ch_error ignored = CH_ERROR_INIT;
    CK_ULONG type = CK_UNAVAILABLE_INFORMATION;
    ch_autobuffer params = CH_BUFFER_INIT;
    ch_ignore(ch_attribute_ulong(session, key, CKA_KEY_TYPE, &type, &ignored)); /* shows as CKK_0xffffffffffffffff */
    if (type == CKK_RSA && ch_attribute_bytes(session, key, CKA_MODULUS, &params, &ignored) == CH_OK) {
        snprintf(out->type, sizeof out->type, "rsa-%zu", params.size * 8);
        return;
    }
    ch_ignore(ch_attribute_bytes(session, key, CKA_EC_PARAMS, &params, &ignored)); /* other keys have none */
    const ch_mechanism *mechanism = find_mechanism(type, ch_buffer_slice(&params));
    if (mechanism != NULL)
        copy_type(mechanism, out);
    else
        snprintf(out->type, sizeof out->type, "CKK_0x%lx", type);
}

/* Appends nothing if the object has no such attribute. */
static ch_status read_optional(ch_session *session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, ch_buffer *out,
                               ch_error *err)
{
    ch_error reason = CH_ERROR_INIT;
    ch_status st = ch_attribute_bytes(session, key, type, out, &reason);
    if (st == CH_OK || strcmp(reason.rule, "CKR_ATTRIBUTE_TYPE_INVALID") == 0)
        return CH_OK;
    *err = reason;
    return st;
}

static ch_status describe(ch_session *session, CK_OBJECT_HANDLE key, ch_key_info *out, ch_error *err)
{
    ch_autobuffer label = CH_BUFFER_INIT;
    ch_autobuffer id = CH_BUFFER_INIT;
    ch_autobuffer id_hex = CH_BUFFER_INIT;
    CH_TRY(read_optional(session, key, CKA_LABEL, &label, err));
    CH_TRY(read_optional(session, key, CKA_ID, &id, err));
    ch_encode(&id_hex, CH_ENCODE_HEX, ch_buffer_slice(&id));
    *out = (ch_key_info){.is_sensitive = ch_attribute_is_true(session, key, CKA_SENSITIVE),
                         .is_extractable = ch_attribute_is_true(session, key, CKA_EXTRACTABLE),
                         .is_private = ch_attribute_is_true(session, key, CKA_PRIVATE),
                         .can_sign = ch_attribute_is_true(session, key, CKA_SIGN),
                         .can_other = ch_key_rules_can_other(session, key),
                         .is_local = ch_attribute_is_true(session, key, CKA_LOCAL)};
    snprintf(out->label, sizeof out->label, "%s", ch_buffer_text(&label));
    snprintf(out->id_hex, sizeof out->id_hex, "%s", ch_buffer_text(&id_hex));
    name_type(session, key, out);
    return CH_OK;
}

/* ---- all keys ---- */

static ch_status find_class(ch_session *session, CK_OBJECT_CLASS object_class, CK_OBJECT_HANDLE *keys, size_t *count,
                            ch_error *err)
{
    ch_attributes wanted = {.count = 0};
    size_t found = 0;
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &object_class);
    ch_attributes_add_bool(&wanted, CKA_TOKEN, true);
    CH_TRY(ch_objects_find(session, &wanted, keys + *count, KEYS_MAX - *count, &found, err));
    *count += found;
    return CH_OK;
}

ch_status ch_key_list(ch_session *session, ch_key_info **out, size_t *count, ch_error *err)
{
    ch_autofree CK_OBJECT_HANDLE *keys = ch_alloc(KEYS_MAX * sizeof *keys);
    size_t found = 0;
    CH_TRY(find_class(session, CKO_SECRET_KEY, keys, &found, err));
    CH_TRY(find_class(session, CKO_PRIVATE_KEY, keys, &found, err));
    ch_autofree ch_key_info *list = ch_alloc(found * sizeof *list);
    for (size_t i = 0; i < found; i++)
        CH_TRY(describe(session, keys[i], &list[i], err));
    *out = list;
    *count = found;
    list = NULL;
    return CH_OK;
}
