/* What a symbol says by its spelling: base, quote, and at some exchanges the market. Thread-safe. */
#ifndef CH_EXCHANGE_SYMBOLS_H
#define CH_EXCHANGE_SYMBOLS_H

#include "exchange/profile.h"

#define CH_SYMBOL_FORM_MAX 64

/* Bits of a set of markets, in the order of the fact's words. */
enum {
    CH_MARKET_SPOT = 1,
    CH_MARKET_MARGIN = 2,
    CH_MARKET_LINEAR = 4,
    CH_MARKET_INVERSE = 8,
    CH_MARKET_OPTION = 16,
};

/* Empty slices: the spelling does not say, or says it in two ways. */
typedef struct ch_symbol_parts {
    ch_slice market;
    ch_slice base;
    ch_slice quote;
} ch_symbol_parts;

/* Reads `symbol` by the forms that fit `market`; by all, if that is empty. The slices are parts of `symbol` and of the
 * profile. */
ch_symbol_parts ch_symbol_read(const ch_profile *profile, ch_slice market, ch_slice symbol);

/* Where the profile has several spellings for a pair of the spot market, as Kraken has XBTUSDT, XBT/USDT and BTC/USDT:
 * the one that stands for them all, "BTC/USDT", if `symbol` is such a spelling in some case. Writes it to `out` and
 * returns its size; 0: it is none, or the profile has one spelling for each pair. */
#define CH_SYMBOL_PAIR_MAX (2 * CH_SYMBOL_FORM_MAX + 1)
bool ch_symbols_have_spellings(const ch_profile *profile);
size_t ch_symbol_pair(const ch_profile *profile, ch_slice symbol, uint8_t out[CH_SYMBOL_PAIR_MAX]);
/* Calls `take` for each pair that `symbol` may be, in some case: two for XXBTZUSD. */
typedef void (*ch_pair_taker)(void *context, ch_slice pair);
void ch_symbol_pairs(const ch_profile *profile, ch_slice symbol, ch_pair_taker take, void *context);
/* True if the profile spells that pair in some way that fits the pattern; all three are in upper case. */
bool ch_symbol_pair_fits(const ch_profile *profile, ch_slice pair, const char *pattern);
/* The usual name of what the exchange calls `asset` in its symbols: BTC for XBT. */
ch_slice ch_symbol_asset(const ch_profile *profile, ch_slice asset);

typedef struct ch_contract ch_contract;
/* What a contract of that symbol stands for; NULL if the profile does not say. */
const ch_contract *ch_symbol_contract(const ch_profile *profile, ch_slice symbol);

/* True if `text` fits the pattern, in which '*' stands for any run of characters. */
bool ch_pattern_fits(const char *pattern, ch_slice text);

#endif
