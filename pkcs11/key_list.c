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

/* Types of keys that no mechanism of ours is for. */
static const struct {
    CK_KEY_TYPE type;
    const char *name;
} other_types[] = {
  /* clang-format off */
    /* type            name */
    { CKK_AES,         "aes" },
    { CKK_DES3,        "des3" },
    { CKK_SHA_1_HMAC,  "hmac-sha1" },
    { CKK_SHA224_HMAC, "hmac-sha224" },
    { CKK_EC,          "ec" },
    { CKK_EC_EDWARDS,  "edwards" },
    { CKK_RSA,         "rsa" },
    { CKK_DSA,         "dsa" },
    { CKK_DH,          "dh" },
  /* clang-format on */
};

/* Ed448 by name and by OBJECT IDENTIFIER (1.3.101.113); every other spelling is one of Ed25519's. */
static const uint8_t ed448_name[] = {0x13, 0x0a, 'e', 'd', 'w', 'a', 'r', 'd', 's', '4', '4', '8'};
static const uint8_t ed448_oid[] = {0x06, 0x03, 0x2b, 0x65, 0x71};

static void copy_type(ch_key_info *out, const char *name, size_t length)
{
    snprintf(out->type, sizeof out->type, "%.*s", (int)length, name);
}

static void name_edwards(ch_slice params, ch_key_info *out)
{
    bool is_ed448 = ch_slice_equal(params, (ch_slice){ed448_name, sizeof ed448_name}) ||
                    ch_slice_equal(params, (ch_slice){ed448_oid, sizeof ed448_oid});
    snprintf(out->type, sizeof out->type, "%s", is_ed448 ? "ed448" : "ed25519");
}

/* "p256" of "p256-sha256": the type of keys that the mechanism's row is for. */
static void name_curve(ch_slice params, ch_key_info *out)
{
    char curve[CH_CURVE_NAME_SIZE];
    const ch_mechanism *row;
    ch_curve_name(params, curve);
    if (curve[0] != '\0')
        copy_type(out, curve, strlen(curve));
    for (size_t i = 0; (row = ch_mechanism_at(i)) != NULL; i++) {
        if (row->curve != NULL && strcmp(row->curve, curve) == 0)
            copy_type(out, row->name, strcspn(row->name, "-"));
    }
}

/* By the key's type alone. */
static void name_plainly(CK_KEY_TYPE type, ch_key_info *out)
{
    const ch_mechanism *row;
    snprintf(out->type, sizeof out->type, "CKK_0x%lx", type);
    for (size_t i = 0; i < sizeof other_types / sizeof *other_types; i++) {
        if (other_types[i].type == type)
            copy_type(out, other_types[i].name, strlen(other_types[i].name));
    }
    for (size_t i = 0; (row = ch_mechanism_at(i)) != NULL; i++) {
        if (row->key_class == CKO_SECRET_KEY && row->key_type == type)
            copy_type(out, row->name, strcspn(row->name, "-"));
        else if (row->key_class == CKO_SECRET_KEY && row->other_key_type == type)
            copy_type(out, row->name, strlen(row->name));
    }
}

static void name_type(ch_session *session, CK_OBJECT_HANDLE key, ch_key_info *out)
{
    ch_error ignored = CH_ERROR_INIT;
    CK_ULONG type = CK_UNAVAILABLE_INFORMATION;
    ch_autobuffer part = CH_BUFFER_INIT;
    ch_ignore(ch_attribute_ulong(session, key, CKA_KEY_TYPE, &type, &ignored)); /* shows as CKK_0xffffffffffffffff */
    name_plainly(type, out);
    if (type == CKK_RSA && ch_attribute_bytes(session, key, CKA_MODULUS, &part, &ignored) == CH_OK)
        snprintf(out->type, sizeof out->type, "rsa-%zu", part.size * 8);
    else if (type == CKK_EC_EDWARDS && ch_attribute_bytes(session, key, CKA_EC_PARAMS, &part, &ignored) == CH_OK)
        name_edwards(ch_buffer_slice(&part), out);
    else if (type == CKK_EC && ch_attribute_bytes(session, key, CKA_EC_PARAMS, &part, &ignored) == CH_OK)
        name_curve(ch_buffer_slice(&part), out);
}

ch_status ch_key_info_read(ch_session *session, CK_OBJECT_HANDLE key, ch_key_info *out, ch_error *err)
{
    ch_autobuffer label = CH_BUFFER_INIT;
    ch_autobuffer id = CH_BUFFER_INIT;
    ch_autobuffer id_hex = CH_BUFFER_INIT;
    CH_TRY(ch_attribute_bytes_if_any(session, key, CKA_LABEL, &label, err));
    CH_TRY(ch_attribute_bytes_if_any(session, key, CKA_ID, &id, err));
    ch_encode(&id_hex, CH_ENCODE_HEX, ch_buffer_slice(&id));
    *out = (ch_key_info){.is_sensitive = ch_attribute_is_true(session, key, CKA_SENSITIVE),
                         .is_extractable = ch_attribute_is_true(session, key, CKA_EXTRACTABLE),
                         .is_private = ch_attribute_is_true(session, key, CKA_PRIVATE),
                         .can_sign = ch_attribute_is_true(session, key, CKA_SIGN),
                         .can_other = ch_key_rules_can_other(session, key),
                         .takes_pin = ch_attribute_is_true(session, key, CKA_ALWAYS_AUTHENTICATE),
                         .is_local = ch_attribute_is_true(session, key, CKA_LOCAL)};
    snprintf(out->label, sizeof out->label, "%s", ch_buffer_text(&label));
    snprintf(out->id_hex, sizeof out->id_hex, "%s", ch_buffer_text(&id_hex));
    name_type(session, key, out);
    ch_key_dates_read(session, key, out->start_date, out->end_date);
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
        CH_TRY(ch_key_info_read(session, keys[i], &list[i], err));
    *out = list;
    *count = found;
    list = NULL;
    return CH_OK;
}
