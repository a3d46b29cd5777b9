/* Attributes of a token's objects: a list of them to search or make objects with, and reading them from an object.
 *
 * No more thread-safe than a session: one thread at a time. */
#ifndef CH_PKCS11_ATTRIBUTES_H
#define CH_PKCS11_ATTRIBUTES_H

#include "base/buffer.h"
#include "pkcs11/token.h"

#define CH_ATTRIBUTES_MAX 24

/* What Cryptoki calls a template. Start with {.count = 0}. Values are views: they must outlive every use of the list.
 */
typedef struct ch_attributes {
    CK_ATTRIBUTE items[CH_ATTRIBUTES_MAX];
    CK_ULONG count;
} ch_attributes;

/* A list that is full ends the process: every list has a fixed size. */
void ch_attributes_add(ch_attributes *attributes, CK_ATTRIBUTE_TYPE type, const void *value, size_t size_bytes);
void ch_attributes_add_bool(ch_attributes *attributes, CK_ATTRIBUTE_TYPE type, bool value);
void ch_attributes_add_ulong(ch_attributes *attributes, CK_ATTRIBUTE_TYPE type, const CK_ULONG *value);

/* The first drops the attribute of this type; the second replaces it. */
void ch_attributes_remove(ch_attributes *attributes, CK_ATTRIBUTE_TYPE type);
void ch_attributes_set_ulong(ch_attributes *attributes, CK_ATTRIBUTE_TYPE type, const CK_ULONG *value);

/* Adds the object= and id= parts of an RFC 7512 URI, whose bytes are kept in `storage`, which must be empty. CH_CONFIG
 * for a URI that is malformed, holds a PIN, or names no object. */
CH_CHECKED ch_status ch_attributes_add_uri(ch_attributes *attributes, const char *uri, ch_buffer *storage,
                                           ch_error *err);

/* Finds objects with all these attributes, and returns at most `max` of them in `out`. */
CH_CHECKED ch_status ch_objects_find(ch_session *session, ch_attributes *attributes, CK_OBJECT_HANDLE *out, size_t max,
                                     size_t *count, ch_error *err);

/* False also if the token does not say. */
bool ch_attribute_is_true(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
/* Both fail with what the token answered: CKR_ATTRIBUTE_TYPE_INVALID, as rule, if the object has no such attribute.
 * Bytes are appended to `out`; more than 64 KiB count as no attribute. */
CH_CHECKED ch_status ch_attribute_ulong(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                                        CK_ULONG *out, ch_error *err);
CH_CHECKED ch_status ch_attribute_bytes(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                                        ch_buffer *out, ch_error *err);
/* As ch_attribute_bytes, but CH_OK, and nothing is appended, if the object has no such attribute. */
CH_CHECKED ch_status ch_attribute_bytes_if_any(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                                               ch_buffer *out, ch_error *err);

#endif
