/* What prices are made of. Pairs are sorted by name, so that they can be listed a page at a time and found by halving.
 * A pair has a place for each source, in the order in which prices got to know the sources. */
#ifndef CH_POLICY_PRICES_IMPL_H
#define CH_POLICY_PRICES_IMPL_H

#include "policy/extremes.h"
#include "policy/prices.h"

/* What is known of one source's pair. */
typedef struct ch_price_known {
    bool is_believed; /* `price` was, at least until the source was held */
    ch_decimal price;
    uint64_t quoted_ns;
    bool is_held;
    ch_decimal asked; /* the price in question */
    uint64_t asked_ns;
    ch_extremes seen; /* believed within the window; not kept if any move is allowed */
} ch_price_known;

typedef struct ch_price_pair {
    ch_price_known *by_source[CH_SOURCES_MAX]; /* NULL: it has not quoted the pair */
    size_t name_size;
    uint8_t name[CH_PAIR_MAX];
} ch_price_pair;

struct ch_prices {
    ch_price_pair **pairs;
    size_t pair_count;
    size_t pair_capacity;
    char *sources[CH_SOURCES_MAX];
    size_t source_count;
    uint32_t at_least;
    bool has_max_move;
    ch_decimal most_up;   /* 1 + the largest move */
    ch_decimal most_down; /* 1 - the largest move */
    uint64_t window_ns;
    uint64_t generation;
};

/* ---- prices_keep.c ---- */

ch_slice ch_price_pair_name(const ch_price_pair *pair);
/* NULL if there is none of that name. */
ch_price_pair *ch_price_pair_find(const ch_prices *prices, ch_slice name);
/* `source_count` if there is none of that name. */
size_t ch_price_source_find(const ch_prices *prices, ch_slice name);
/* What is known of that source's pair; NULL: nothing. */
ch_price_known *ch_price_known_find(const ch_prices *prices, ch_slice source, ch_slice pair);
/* The same, but made if there is nothing; NULL if there are too many pairs. */
ch_price_known *ch_price_known_make(ch_prices *prices, size_t source, ch_slice pair);

/* ---- prices.c ---- */

/* Is it what feeds may quote? */
bool ch_price_pair_is_good(ch_slice pair);
bool ch_price_is_good(ch_decimal price);

#endif
