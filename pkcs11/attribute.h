/* Reading and writing object attributes: the few shapes we need. Not thread-safe beyond Cryptoki's own rules. */
#ifndef CH_PKCS11_ATTRIBUTE_H
#define CH_PKCS11_ATTRIBUTE_H

#include "base/buffer.h"
#include "pkcs11/token.h"

#define CH_TEMPLATE_MAX 24

/* A template under construction. Values are views: they must outlive the call that uses it. */
typedef struct ch_template {
    CK_ATTRIBUTE items[CH_TEMPLATE_MAX];
    CK_ULONG count;
} ch_template;

void ch_template_add(ch_template *template_, CK_ATTRIBUTE_TYPE type, const void *value, size_t size);
void ch_template_add_bool(ch_template *template_, CK_ATTRIBUTE_TYPE type, bool value);
void ch_template_add_ulong(ch_template *template_, CK_ATTRIBUTE_TYPE type, const CK_ULONG *value);

/* False also when the token does not tell. */
bool ch_attribute_is_true(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
/* CH_TOKEN when the token does not tell. */
CH_CHECKED ch_status ch_attribute_ulong(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                                        CK_ULONG *out, ch_error *err);
CH_CHECKED ch_status ch_attribute_bytes(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                                        ch_buffer *out, ch_error *err);

/* Finds at most `max` objects that fit the template. */
CH_CHECKED ch_status ch_objects_find(ch_session *session, ch_template *template_, CK_OBJECT_HANDLE *out, size_t max,
                                     size_t *count, ch_error *err);

/* Adds the object= and id= parts of an RFC 7512 URI. The buffer holds what they point to. CH_CONFIG for a URI that is
 * malformed, holds a PIN, or names no object. */
CH_CHECKED ch_status ch_template_add_uri(ch_template *template_, const char *uri, ch_buffer *storage, ch_error *err);

#endif
