/* An intent while it is read. For exchange/intent*.c only.
 *
 * A request is first made flat (intent_entries.c): an entry for each parameter that has a meaning of its own, with the
 * leg and the element that it belongs to. An element is one item of a list, such as one order of a batch; element 0 is
 * the request itself, and each other element lies in another. Then each item takes what entries say of it (intent.c).
 */
#ifndef CH_EXCHANGE_INTENT_IMPL_H
#define CH_EXCHANGE_INTENT_IMPL_H

#include "exchange/intent.h"
#include "exchange/match.h"
#include "exchange/meaning.h"
#include "exchange/param_list.h"

#define CH_ENTRIES_MAX (CH_PARAMS_MAX + CH_PATH_PARTS_MAX)

typedef struct ch_entry {
    const ch_param_def *def;
    ch_slice name;
    ch_slice value; /* of a list or object: all that it holds, written out */
    uint16_t element;
    uint8_t leg;
    bool is_carried; /* a fact says all that it says */
    /* What its value means (intent_values.c). */
    const ch_sense *sense;           /* NULL: nothing */
    const ch_condition *condition;   /* the one that fits; NULL: none */
    const ch_value_meaning *meaning; /* of this value; NULL: none */
    bool is_unmapped;                /* others have a meaning, and this one has not */
    bool is_nothing;
    ch_fact fact; /* that its role is */
    ch_slice side;
} ch_entry;

typedef struct ch_element {
    uint16_t within;
    bool is_whole; /* it makes items of its own: of a list that is no leg */
} ch_element;

/* What made an item. */
typedef struct ch_origin_of_item {
    const ch_item_def *def;
    uint16_t element;
} ch_origin_of_item;

/* Texts that the intent itself owns. */
typedef struct ch_text_block ch_text_block;

struct ch_intent {
    const ch_endpoint *endpoint;
    ch_entry entries[CH_ENTRIES_MAX];
    size_t entry_count;
    ch_element elements[CH_ENTRIES_MAX];
    size_t element_count;
    ch_item *items;
    ch_origin_of_item *origins; /* of each item */
    size_t item_count;
    size_t item_capacity;
    uint16_t item_of[CH_ENTRIES_MAX]; /* the item that has the entry as a detail */
    ch_detail details[CH_ENTRIES_MAX];
    bool is_unique;
    ch_text_block *texts;
    ch_buffer composed;
};

/* A copy of `text` that lives until the intent is read again. */
ch_slice ch_intent_keep(ch_intent *intent, ch_slice text);

/* Fills in the entries and elements. */
void ch_intent_flatten(ch_intent *intent, const ch_request *request);
/* True if `element` is `outer` or lies in it. */
bool ch_intent_is_in(const ch_intent *intent, uint16_t element, uint16_t outer);

/* True if `leg` is `outer` or lies within it; all lie within 0. */
bool ch_intent_is_in_leg(const ch_intent *intent, uint8_t leg, uint8_t outer);

/* Finds out what the value of each entry means. */
void ch_intent_read_values(ch_intent *intent);

#endif
