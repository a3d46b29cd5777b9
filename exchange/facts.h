/* Facts: what policy can know of a request. Each kind of item has a fixed list of them, which the table in facts.c
 * shows.
 *
 * Facts that take words (a side, a type of order) take the words of that table and no others, whatever the exchange
 * calls them. Thread-safe. */
#ifndef CH_EXCHANGE_FACTS_H
#define CH_EXCHANGE_FACTS_H

#include "base/slice.h"

/* What a request does, one thing at a time. */
typedef enum ch_item_kind {
    CH_ITEM_ORDER,
    CH_ITEM_CANCEL,
    CH_ITEM_TRANSFER,
    CH_ITEM_WITHDRAWAL,
    CH_ITEM_BORROW,
    CH_ITEM_SETTING,
    CH_ITEM_READ,
    CH_ITEM_KIND_COUNT
} ch_item_kind;

typedef enum ch_fact_name {
    CH_FACT_MARKET,
    CH_FACT_SYMBOL,
    CH_FACT_BASE,
    CH_FACT_QUOTE,
    CH_FACT_SIDE,
    CH_FACT_TYPE,
    CH_FACT_TIME_IN_FORCE,
    CH_FACT_QUANTITY,
    CH_FACT_PRICE,
    CH_FACT_TRIGGER_PRICE,
    CH_FACT_LEVERAGE,
    CH_FACT_REDUCE_ONLY,
    CH_FACT_CLOSE_POSITION,
    CH_FACT_CLIENT_ID,
    CH_FACT_ORDER, /* the order that is amended or cancelled */
    CH_FACT_ASSET,
    CH_FACT_AMOUNT,
    CH_FACT_FROM,
    CH_FACT_TO,
    CH_FACT_NETWORK,
    CH_FACT_ADDRESS,
    CH_FACT_TAG,
    CH_FACT_NAME,  /* of a setting */
    CH_FACT_VALUE, /* likewise */
    CH_FACT_COUNT
} ch_fact_name;

/* What a quantity is counted in. */
typedef enum ch_unit { CH_UNIT_BASE, CH_UNIT_QUOTE, CH_UNIT_CONTRACTS, CH_UNIT_COUNT } ch_unit;

/* A set of facts: bit 1 << ch_fact_name. */
typedef uint32_t ch_facts;
#define CH_FACT_BIT(name) ((ch_facts)1 << (name))

const char *ch_item_kind_name(ch_item_kind kind);
const char *ch_fact_name_text(ch_fact_name name);

/* The facts that items of that kind have. */
ch_facts ch_item_kind_facts(ch_item_kind kind);
/* Those among them without which an item is not known: if a request does not say one, it is unknown. */
ch_facts ch_item_kind_needs(ch_item_kind kind);

/* True if the fact takes words, and not any text. */
bool ch_fact_has_words(ch_fact_name name);
/* Returns the word of the fact that equals `text`, or NULL. It is static memory. */
const char *ch_fact_word(ch_fact_name name, ch_slice text);
/* The same, whatever the case of its letters. */
const char *ch_fact_word_any_case(ch_fact_name name, ch_slice text);
/* The bit of the word that equals `text`, 1 for the first of the fact's; 0: it is none of them. */
unsigned ch_fact_word_bit(ch_fact_name name, ch_slice text);
/* True if the fact is a decimal. */
bool ch_fact_is_number(ch_fact_name name);

/* What an order of that type has besides a quantity. */
bool ch_order_type_has_price(ch_slice type);
bool ch_order_type_lacks_price(ch_slice type); /* it never has one; some types may have one or not */
bool ch_order_type_has_trigger(ch_slice type);

#endif
