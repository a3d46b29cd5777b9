/* The keys of a token by their names, for who looks for many of them: each object is looked at once. A search of the
 * token for each key takes SoftHSM2 a look at each object every time.
 *
 * An index is of the moment when it was made, and its handles are good as long as others are. Not thread-safe. */
#ifndef CH_PKCS11_KEY_INDEX_H
#define CH_PKCS11_KEY_INDEX_H

#include "pkcs11/attributes.h"
#include "pkcs11/token.h"

typedef struct ch_key_index ch_key_index;

/* Who hears how far it is; `tell` may be NULL. */
typedef struct ch_key_index_watcher {
    void *context;
    void (*tell)(void *context, size_t done, size_t total); /* of the objects */
} ch_key_index_watcher;

/* Makes an index of the token's objects of these classes, unless that would take longer than `worth_ns`, as far as the
 * first object shows, or there are too many: then `*out` is NULL. Fails with what the token answered. Free it with
 * ch_key_index_free. */
CH_CHECKED ch_status ch_key_index_make(ch_session *session, const CK_OBJECT_CLASS *classes, size_t class_count,
                                       uint64_t worth_ns, const ch_key_index_watcher *watcher, ch_key_index **out,
                                       ch_error *err);
/* NULL is fine. */
void ch_key_index_free(ch_key_index *index);

/* Finds what a search for `wanted` would: a class of the index's, and a label, an id or both. Returns at most `max`
 * objects in `out`. */
size_t ch_key_index_find(const ch_key_index *index, const ch_attributes *wanted, CK_OBJECT_HANDLE *out, size_t max);
/* The same if there is an index; searches the token if it is NULL. */
CH_CHECKED ch_status ch_key_index_search(ch_session *session, const ch_key_index *index, ch_attributes *wanted,
                                         CK_OBJECT_HANDLE *out, size_t max, size_t *count, ch_error *err);

#endif
