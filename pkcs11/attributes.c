#include "pkcs11/attributes.h"

#include "pkcs11/ckr.h"
#include "pkcs11/uri.h"

#include <assert.h>
#include <p11-kit/uri.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX_BYTES 65536

static const CK_BBOOL yes = CK_TRUE;
static const CK_BBOOL no = CK_FALSE;

/* ---- a list of attributes ---- */

void ch_attributes_add(ch_attributes *attributes, CK_ATTRIBUTE_TYPE type, const void *value, size_t size_bytes)
{
    if (attributes->count == CH_ATTRIBUTES_MAX)
        abort();
    /* Cryptoki takes no const pointers, and does not write to what it only searches for or copies. */
    attributes->items[attributes->count++] = (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, size_bytes};
}

void ch_attributes_add_bool(ch_attributes *attributes, CK_ATTRIBUTE_TYPE type, bool value)
{
    ch_attributes_add(attributes, type, value ? &yes : &no, sizeof yes);
}

void ch_attributes_add_ulong(ch_attributes *attributes, CK_ATTRIBUTE_TYPE type, const CK_ULONG *value)
{
    ch_attributes_add(attributes, type, value, sizeof *value);
}

void ch_attributes_remove(ch_attributes *attributes, CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG kept = 0;
    for (CK_ULONG i = 0; i < attributes->count; i++) {
        if (attributes->items[i].type != type)
            attributes->items[kept++] = attributes->items[i];
    }
    attributes->count = kept;
}

void ch_attributes_set_ulong(ch_attributes *attributes, CK_ATTRIBUTE_TYPE type, const CK_ULONG *value)
{
    ch_attributes_remove(attributes, type);
    ch_attributes_add_ulong(attributes, type, value);
}

/* ---- a URI's attributes ---- */

static size_t size_of(const CK_ATTRIBUTE *part)
{
    return part == NULL ? 0 : part->ulValueLen;
}

static void add_part(ch_attributes *attributes, const CK_ATTRIBUTE *part, ch_buffer *storage)
{
    if (part == NULL)
        return;
    const uint8_t *value = ch_buffer_reserve(storage, part->ulValueLen);
    ch_buffer_add(storage, part->pValue, part->ulValueLen);
    ch_attributes_add(attributes, part->type, value, part->ulValueLen);
}

static ch_status add_parts(ch_attributes *attributes, P11KitUri *uri, const char *text, ch_buffer *storage,
                           ch_error *err)
{
    const CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri, CKA_LABEL);
    const CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(uri, CKA_ID);
    if (label == NULL && id == NULL)
        return ch_fail(err, CH_CONFIG, "'%s' names no object; add object=LABEL or id=ID", text);
    /* Room for both, so that the first does not move when the second is added. */
    ch_buffer_reserve(storage, size_of(label) + size_of(id));
    add_part(attributes, label, storage);
    add_part(attributes, id, storage);
    return CH_OK;
}

ch_status ch_attributes_add_uri(ch_attributes *attributes, const char *text, ch_buffer *storage, ch_error *err)
{
    P11KitUri *uri = NULL;
    assert(storage->size == 0);
    CH_TRY(ch_uri_parse(text, &uri, err));
    ch_status st = add_parts(attributes, uri, text, storage, err);
    p11_kit_uri_free(uri);
    return st;
}

/* ---- objects ---- */

ch_status ch_objects_find(ch_session *session, ch_attributes *attributes, CK_OBJECT_HANDLE *out, size_t max,
                          size_t *count, ch_error *err)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    CK_ULONG found = 1;
    *count = 0;
    CK_RV rv = functions->C_FindObjectsInit(session->handle, attributes->items, attributes->count);
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "searching token '%s'", ch_token_label(session->token));
    while (rv == CKR_OK && found > 0 && *count < max) {
        rv = functions->C_FindObjects(session->handle, out + *count, max - *count, &found);
        if (rv == CKR_OK && found > max - *count)
            rv = CKR_GENERAL_ERROR;
        if (rv == CKR_OK)
            *count += found;
    }
    functions->C_FindObjectsFinal(session->handle);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "searching token '%s'", ch_token_label(session->token));
}

static CK_RV read_attribute(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attribute)
{
    return ch_token_functions(session->token)->C_GetAttributeValue(session->handle, object, attribute, 1);
}

bool ch_attribute_is_true(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    CK_RV rv = read_attribute(session, object, &attribute);
    return rv == CKR_OK && attribute.ulValueLen == sizeof value && value != CK_FALSE;
}

ch_status ch_attribute_ulong(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG *out,
                             ch_error *err)
{
    CK_ATTRIBUTE attribute = {type, out, sizeof *out};
    CK_RV rv = read_attribute(session, object, &attribute);
    if (rv == CKR_OK && attribute.ulValueLen != sizeof *out)
        rv = CKR_ATTRIBUTE_TYPE_INVALID;
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "reading attribute 0x%lx", type);
}

ch_status ch_attribute_bytes(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, ch_buffer *out,
                             ch_error *err)
{
    CK_ATTRIBUTE attribute = {type, NULL, 0};
    CK_RV rv = read_attribute(session, object, &attribute);
    CK_ULONG size = attribute.ulValueLen;
    if (rv == CKR_OK && size > VALUE_MAX_BYTES)
        rv = CKR_ATTRIBUTE_TYPE_INVALID;
    if (rv == CKR_OK && size > 0) {
        attribute.pValue = ch_buffer_reserve(out, size);
        rv = read_attribute(session, object, &attribute);
    }
    if (rv == CKR_OK && attribute.ulValueLen > size) /* it grew between the two calls, or the token is confused */
        rv = CKR_ATTRIBUTE_TYPE_INVALID;
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "reading attribute 0x%lx", type);
    ch_buffer_commit(out, attribute.ulValueLen);
    return CH_OK;
}

ch_status ch_attribute_bytes_if_any(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                                    ch_buffer *out, ch_error *err)
{
    ch_error lack = CH_ERROR_INIT;
    ch_status st = ch_attribute_bytes(session, object, type, out, &lack);
    if (st == CH_OK || strcmp(lack.rule, "CKR_ATTRIBUTE_TYPE_INVALID") == 0)
        return CH_OK;
    *err = lack;
    return st;
}
