/* What a profile says that its parameters, endpoints and symbols mean. For exchange/ only: load_meanings.c and
 * load_intents.c read it, intent.c goes by it. Immutable once the profile is loaded. docs/profiles.md describes the
 * language. */
#ifndef CH_EXCHANGE_MEANING_H
#define CH_EXCHANGE_MEANING_H

#include "exchange/facts.h"

#define CH_LEGS_MAX 64

/* That a fact is so. */
typedef struct ch_saying {
    ch_fact_name fact;
    char *word; /* NULL: it cannot be read */
} ch_saying;

typedef struct ch_sayings {
    ch_saying *items;
    size_t count;
} ch_sayings;

/* How a parameter's value is read. */
typedef struct ch_sense {
    bool has_role;
    ch_fact_name role; /* the fact that the value is */
    ch_unit unit;      /* of a quantity */
    uint8_t scale;     /* the value is in units of 10^-scale */
    bool is_unscaled;  /* in units of a power of ten that is not known */
    bool has_side;     /* a minus sells */
    ch_sayings says;   /* besides, if the parameter is given */
} ch_sense;

/* What one value of an enum, a boolean or an integer means. */
typedef struct ch_value_meaning {
    char *value;
    char *word; /* of the role; NULL: see `says` */
    ch_sayings says;
    bool is_nothing; /* as if the parameter were not given */
} ch_value_meaning;

/* The sense that counts if another parameter of that name has one of the values. */
typedef struct ch_condition {
    char *param;
    char **values; /* '*' stands for any run of characters; none: any value */
    size_t value_count;
    ch_sense sense;
} ch_condition;

typedef struct ch_meaning {
    ch_sense sense;
    ch_value_meaning *values;
    size_t value_count;
    ch_condition *conditions;
    size_t condition_count;
    uint8_t leg;    /* of the profile's; 0: of the request itself */
    bool is_detail; /* part of the meaning, though no fact stands for it */
    bool is_unique; /* the exchange takes no value twice */
    char *neutral;  /* why it does not matter; NULL: it does */
} ch_meaning;

/* A name for the parameters of one item among several: a leg of an order. "a.b" is a leg within the leg "a". */
typedef struct ch_leg {
    char *name;
    uint8_t within; /* 0: within none */
} ch_leg;

/* An item that a request to an endpoint makes. */
typedef struct ch_item_def {
    ch_item_kind kind;
    uint8_t leg;
    bool is_amendment;
    bool is_opposite; /* its side is the other one than that of the request */
    ch_facts shares;  /* what a leg has from the request itself */
    ch_sayings constants;
} ch_item_def;

/* What every leg has from the request itself, whether it says so or not. */
#define CH_SHARED_ALWAYS                                                                                               \
    (CH_FACT_BIT(CH_FACT_MARKET) | CH_FACT_BIT(CH_FACT_SYMBOL) | CH_FACT_BIT(CH_FACT_BASE) | CH_FACT_BIT(CH_FACT_QUOTE))

static inline ch_facts ch_item_shares(const ch_item_def *item)
{
    return item->leg == 0 ? 0 : item->shares | CH_SHARED_ALWAYS | (item->is_opposite ? CH_FACT_BIT(CH_FACT_SIDE) : 0);
}

/* What the exchange calls an asset in its symbols, and what everybody else calls it. */
typedef struct ch_asset_name {
    char *there;
    char *usual;
} ch_asset_name;

/* How a symbol is spelled in some markets. */
typedef struct ch_symbol_form {
    unsigned markets; /* set of positions among the words of a market; 0: any */
    char *form;       /* "{base}-{quote}" */
    char **bases;     /* what {base} may be; none: letters and digits */
    size_t base_count;
    char **quotes;
    size_t quote_count;
    char *base; /* what it is, if the form has no {base} */
    char *quote;
} ch_symbol_form;

#endif
