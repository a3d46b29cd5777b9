/* Names lie one after the other in one buffer. A chain holds the objects with one hash, of the label or of the id. */
#include "pkcs11/key_index.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>

#define OBJECTS_MAX 65536 /* of a class; more would be searched for one by one */
#define NAME_SIZE 256     /* longer names are read with a call of their own */

enum { LABEL, ID, NAMES };

static const CK_ATTRIBUTE_TYPE name_types[NAMES] = {[LABEL] = CKA_LABEL, [ID] = CKA_ID};

typedef struct name {
    size_t at; /* in `texts` */
    size_t size;
    size_t same_chain; /* the next object with that hash: an index plus one, or 0 */
} name;

typedef struct object {
    CK_OBJECT_HANDLE handle;
    CK_OBJECT_CLASS object_class;
    name names[NAMES];
} object;

struct ch_key_index {
    object *objects;
    size_t count;
    bool is_cut; /* there are more */
    ch_buffer texts;
    size_t *chains[NAMES]; /* each as many as there are objects: an index plus one, or 0 */
};

void ch_key_index_free(ch_key_index *index)
{
    if (index == NULL)
        return;
    free(index->objects);
    ch_buffer_free(&index->texts);
    for (size_t i = 0; i < NAMES; i++)
        free(index->chains[i]);
    free(index);
}

/* ---- objects ---- */

static ch_status add_class(ch_key_index *index, ch_session *session, CK_OBJECT_CLASS object_class, ch_error *err)
{
    ch_autofree CK_OBJECT_HANDLE *found = ch_alloc(OBJECTS_MAX * sizeof *found);
    ch_attributes wanted = {.count = 0};
    size_t count = 0;
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &object_class);
    CH_TRY(ch_objects_find(session, &wanted, found, OBJECTS_MAX, &count, err));
    index->is_cut = index->is_cut || count == OBJECTS_MAX;
    index->objects = ch_realloc_array(index->objects, index->count + count + 1, sizeof *index->objects);
    for (size_t i = 0; i < count; i++)
        index->objects[index->count++] = (object){.handle = found[i], .object_class = object_class};
    return CH_OK;
}

/* ---- names ---- */

static void take_name(ch_key_index *index, size_t at, size_t which, ch_slice text)
{
    object *of = &index->objects[at];
    size_t *chain = &index->chains[which][ch_slice_hash(text) % index->count];
    of->names[which] = (name){.at = index->texts.size, .size = text.size, .same_chain = *chain};
    ch_buffer_add(&index->texts, text.data, text.size);
    *chain = at + 1;
}

/* An object without such a name has an empty one. */
static ch_status read_name(ch_key_index *index, ch_session *session, size_t at, size_t which, ch_error *err)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    CH_TRY(ch_attribute_bytes_if_any(session, index->objects[at].handle, name_types[which], &text, err));
    take_name(index, at, which, ch_buffer_slice(&text));
    return CH_OK;
}

/* One call reads both names, if they are there and short. Tokens differ in what they return otherwise. */
static ch_status read_names(ch_key_index *index, ch_session *session, size_t at, ch_error *err)
{
    uint8_t texts[NAMES][NAME_SIZE] = {{0}};
    CK_ATTRIBUTE wanted[NAMES];
    for (size_t i = 0; i < NAMES; i++)
        wanted[i] = (CK_ATTRIBUTE){name_types[i], texts[i], NAME_SIZE};
    CK_RV rv = ch_token_functions(session->token)
                   ->C_GetAttributeValue(session->handle, index->objects[at].handle, wanted, NAMES);
    for (size_t i = 0; i < NAMES; i++) {
        if (rv == CKR_OK && wanted[i].ulValueLen <= NAME_SIZE)
            take_name(index, at, i, (ch_slice){texts[i], wanted[i].ulValueLen});
        else
            CH_TRY(read_name(index, session, at, i, err));
    }
    return CH_OK;
}

/* Leaves `*is_whole` as it is if it would take too long. */
static ch_status read_all(ch_key_index *index, ch_session *session, uint64_t worth_ns,
                          const ch_key_index_watcher *watcher, bool *is_whole, ch_error *err)
{
    uint64_t began_ns = ch_clock_ns();
    for (size_t i = 0; i < index->count; i++) {
        CH_TRY(read_names(index, session, i, err));
        if (i == 0 && (ch_clock_ns() - began_ns) * index->count > worth_ns)
            return CH_OK;
        if (watcher->tell != NULL)
            watcher->tell(watcher->context, i + 1, index->count);
    }
    *is_whole = true;
    return CH_OK;
}

static ch_status fill(ch_key_index *index, ch_session *session, const CK_OBJECT_CLASS *classes, size_t class_count,
                      ch_error *err)
{
    for (size_t i = 0; i < class_count; i++)
        CH_TRY(add_class(index, session, classes[i], err));
    for (size_t i = 0; i < NAMES; i++)
        index->chains[i] = ch_alloc((index->count + 1) * sizeof *index->chains[i]);
    return CH_OK;
}

ch_status ch_key_index_make(ch_session *session, const CK_OBJECT_CLASS *classes, size_t class_count, uint64_t worth_ns,
                            const ch_key_index_watcher *watcher, ch_key_index **out, ch_error *err)
{
    ch_key_index *index = ch_alloc(sizeof *index);
    bool is_whole = false;
    *out = NULL;
    ch_status st = fill(index, session, classes, class_count, err);
    if (st == CH_OK && !index->is_cut)
        st = read_all(index, session, worth_ns, watcher, &is_whole, err);
    if (st == CH_OK && is_whole)
        *out = index;
    else
        ch_key_index_free(index);
    return st;
}

/* ---- finding ---- */

static ch_slice name_of(const ch_key_index *index, const object *of, size_t which)
{
    return (ch_slice){index->texts.data + of->names[which].at, of->names[which].size};
}

/* What is wanted in `type`; data is NULL if anything will do. */
static ch_slice wanted_of(const ch_attributes *wanted, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < wanted->count; i++) {
        if (wanted->items[i].type == type)
            return (ch_slice){wanted->items[i].pValue, wanted->items[i].ulValueLen};
    }
    return (ch_slice){NULL, 0};
}

static bool fits(const ch_key_index *index, const object *of, const ch_attributes *wanted)
{
    ch_slice object_class = {(const uint8_t *)&of->object_class, sizeof of->object_class};
    if (!ch_slice_equal(wanted_of(wanted, CKA_CLASS), object_class))
        return false;
    for (size_t i = 0; i < NAMES; i++) {
        ch_slice text = wanted_of(wanted, name_types[i]);
        if (text.data != NULL && !ch_slice_equal(text, name_of(index, of, i)))
            return false;
    }
    return true;
}

size_t ch_key_index_find(const ch_key_index *index, const ch_attributes *wanted, CK_OBJECT_HANDLE *out, size_t max)
{
    size_t which = wanted_of(wanted, CKA_LABEL).data != NULL ? LABEL : ID;
    size_t found = 0;
    size_t at = index->count == 0
                    ? 0
                    : index->chains[which][ch_slice_hash(wanted_of(wanted, name_types[which])) % index->count];
    for (; at != 0 && found < max; at = index->objects[at - 1].names[which].same_chain) {
        if (fits(index, &index->objects[at - 1], wanted))
            out[found++] = index->objects[at - 1].handle;
    }
    return found;
}

ch_status ch_key_index_search(ch_session *session, const ch_key_index *index, ch_attributes *wanted,
                              CK_OBJECT_HANDLE *out, size_t max, size_t *count, ch_error *err)
{
    if (index == NULL)
        return ch_objects_find(session, wanted, out, max, count, err);
    *count = ch_key_index_find(index, wanted, out, max);
    return CH_OK;
}
