/* Intent: what a request means, as a list of items with facts for policy to judge.
 *
 * A fact is *none* if the request has it not, *stated* with its value, or *unknown*. What cannot be read is never
 * assumed harmless: if the profile does not say what a parameter means, or two parameters say different things, the
 * fact is unknown. What of a request no fact carries stands among an item's details, so that two requests that mean
 * different things never have the same intent; only what the profile calls neutral is left out.
 *
 * A ch_intent is read again and again; what it held before is then gone. Not thread-safe. */
#ifndef CH_EXCHANGE_INTENT_H
#define CH_EXCHANGE_INTENT_H

#include "base/buffer.h"
#include "exchange/facts.h"
#include "exchange/profile.h"
#include "exchange/request.h"

typedef enum ch_fact_state { CH_FACT_NONE, CH_FACT_STATED, CH_FACT_UNKNOWN } ch_fact_state;

typedef struct ch_fact {
    ch_fact_state state;
    ch_slice text;  /* if stated: a word of the fact, a plain decimal without needless zeros, or the request's text */
    ch_slice param; /* the parameter that says or hides it; empty: the profile, or none */
} ch_fact;

/* A parameter that is part of the meaning, and that no fact carries. */
typedef struct ch_detail {
    ch_slice param;
    ch_slice text;
} ch_detail;

typedef struct ch_item {
    ch_item_kind kind;
    bool is_amendment; /* of the order that its fact `order` names; what it does not say stays, and is unknown here */
    ch_fact facts[CH_FACT_COUNT];
    ch_unit unit;           /* of the quantity, if that is stated */
    ch_slice contract_size; /* of a quantity in contracts: a decimal of `contract_asset`; empty: not known */
    ch_slice contract_asset;
    const ch_detail *details;
    size_t detail_count;
} ch_item;

typedef struct ch_intent ch_intent;

/* Never NULL. Free with ch_intent_free (NULL is fine). */
ch_intent *ch_intent_new(void);
void ch_intent_free(ch_intent *intent);
#define ch_autointent __attribute__((cleanup(ch_intent_autofree_))) ch_intent
void ch_intent_autofree_(ch_intent **intent);

/* Reads what `request` means, which ch_endpoint_check has taken for `endpoint`. There is at least one item. The slices
 * are views into the request, the profile and the intent. */
void ch_intent_read(ch_intent *intent, const ch_endpoint *endpoint, const ch_request *request);

/* Makes an intent of which nothing is known but what kinds of items a request to `endpoint` makes. */
void ch_intent_read_unknown(ch_intent *intent, const ch_endpoint *endpoint);

size_t ch_intent_count(const ch_intent *intent);
const ch_item *ch_intent_item(const ch_intent *intent, size_t index);
/* True if the request has an id that the exchange never takes again, so that one signature can be used once. */
bool ch_intent_is_unique(const ch_intent *intent);

/* True if both say the same: the same facts by the same parameters, the same details (intent_compare.c). */
bool ch_intent_equal(const ch_intent *one, const ch_intent *other);

/* Appends the intent in words, a line for each item and lines for what is not known of it
 * (intent_print.c). */
void ch_intent_print(const ch_intent *intent, ch_buffer *out);

#endif
