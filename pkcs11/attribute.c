#include "pkcs11/attribute.h"

#include "pkcs11/ckr.h"
#include "pkcs11/uri.h"

#include <p11-kit/uri.h>
#include <stdlib.h>

static const CK_BBOOL yes = CK_TRUE;
static const CK_BBOOL no = CK_FALSE;

void ch_template_add(ch_template *template_, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
    if (template_->count == CH_TEMPLATE_MAX)
        abort();
    template_->items[template_->count++] = (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, size};
}

void ch_template_add_bool(ch_template *template_, CK_ATTRIBUTE_TYPE type, bool value)
{
    ch_template_add(template_, type, value ? &yes : &no, sizeof yes);
}

void ch_template_add_ulong(ch_template *template_, CK_ATTRIBUTE_TYPE type, const CK_ULONG *value)
{
    ch_template_add(template_, type, value, sizeof *value);
}

bool ch_attribute_is_true(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE wanted = {type, &value, sizeof value};
    CK_RV rv = ch_token_functions(session->token)->C_GetAttributeValue(session->handle, object, &wanted, 1);
    return rv == CKR_OK && wanted.ulValueLen == sizeof value && value != CK_FALSE;
}

ch_status ch_attribute_ulong(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG *out,
                             ch_error *err)
{
    CK_ATTRIBUTE wanted = {type, out, sizeof *out};
    CK_RV rv = ch_token_functions(session->token)->C_GetAttributeValue(session->handle, object, &wanted, 1);
    if (rv == CKR_OK && wanted.ulValueLen == sizeof *out)
        return CH_OK;
    return ch_ckr_fail(err, rv == CKR_OK ? CKR_ATTRIBUTE_TYPE_INVALID : rv, "reading attribute 0x%lx", type);
}

ch_status ch_attribute_bytes(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, ch_buffer *out,
                             ch_error *err)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    CK_ATTRIBUTE wanted = {type, NULL, 0};
    CK_RV rv = functions->C_GetAttributeValue(session->handle, object, &wanted, 1);
    if (rv == CKR_OK && wanted.ulValueLen > 65536)
        rv = CKR_ATTRIBUTE_TYPE_INVALID;
    if (rv == CKR_OK && wanted.ulValueLen > 0) {
        wanted.pValue = ch_buffer_reserve(out, wanted.ulValueLen);
        rv = functions->C_GetAttributeValue(session->handle, object, &wanted, 1);
    }
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "reading attribute 0x%lx", type);
    ch_buffer_commit(out, wanted.ulValueLen);
    return CH_OK;
}

ch_status ch_objects_find(ch_session *session, ch_template *template_, CK_OBJECT_HANDLE *out, size_t max, size_t *count,
                          ch_error *err)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    CK_ULONG found = 1;
    *count = 0;
    CK_RV rv = functions->C_FindObjectsInit(session->handle, template_->items, template_->count);
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "searching token '%s'", ch_token_label(session->token));
    while (rv == CKR_OK && found > 0 && *count < max) {
        rv = functions->C_FindObjects(session->handle, out + *count, max - *count, &found);
        if (rv == CKR_OK)
            *count += found;
    }
    (void)functions->C_FindObjectsFinal(session->handle);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "searching token '%s'", ch_token_label(session->token));
}

static ch_status copy_uri_parts(const P11KitUri *uri, const char *text, ch_template *template_, ch_buffer *storage,
                                ch_error *err)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_LABEL, CKA_ID};
    size_t sizes[2] = {0, 0};
    bool has[2] = {false, false};
    for (size_t i = 0; i < 2; i++) {
        const CK_ATTRIBUTE *part = p11_kit_uri_get_attribute((P11KitUri *)(uintptr_t)uri, types[i]);
        if (part == NULL)
            continue;
        has[i] = true;
        sizes[i] = part->ulValueLen;
        ch_buffer_add(storage, part->pValue, part->ulValueLen);
    }
    if (!has[0] && !has[1])
        return ch_fail(err, CH_CONFIG, "'%s' names no object; add object=LABEL or id=ID", text);
    size_t at = 0;
    for (size_t i = 0; i < 2; i++) {
        if (has[i])
            ch_template_add(template_, types[i], sizes[i] == 0 ? NULL : storage->data + at, sizes[i]);
        at += sizes[i];
    }
    return CH_OK;
}

ch_status ch_template_add_uri(ch_template *template_, const char *text, ch_buffer *storage, ch_error *err)
{
    P11KitUri *uri = NULL;
    ch_status st = ch_uri_parse(text, &uri, err);
    if (st != CH_OK)
        return st;
    st = copy_uri_parts(uri, text, template_, storage, err);
    p11_kit_uri_free(uri);
    return st;
}
