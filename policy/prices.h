/* Reference prices: what feeds report, which of it is believed, and the median of it. Pure: the time is an argument.
 *
 * A price belongs to a pair of assets, "BTC/USDT", and to the source that quoted it. A source that moves further than
 * policy allows within a window, in one step or many, is held for that pair until an operator confirms it: the price in
 * question does not count, nor does what comes after it, nor does what that source said before.
 *
 * A move is measured against the lowest and the highest price that was believed at any time within the window. A price
 * is believed until the next one replaces it, so the last one always counts: who is silent for a window may then move
 * as far as anybody, and no further. The window is measured by the agent's clock, since a feed says what it likes of
 * its own; it ends up to a sixtieth late, and never early. The first price of a source's pair is believed, and so is
 * the first after the agent has lost what was before; ch_prices_restore is there so that it does not.
 *
 * prices.c has what feeds say and the reference, prices_keep.c the sources and the rows. Core owns the one struct; not
 * thread-safe. */
#ifndef CH_POLICY_PRICES_H
#define CH_POLICY_PRICES_H

#include "policy/policy.h"

#define CH_PAIR_MAX 40         /* bytes of "BASE/QUOTE" */
#define CH_PAIRS_MAX 8192      /* of all feeds */
#define CH_SOURCES_MAX 8       /* of a policy */
#define CH_PRICE_DIGITS_MAX 18 /* of a price, before the point, and after it */

typedef struct ch_prices ch_prices;

ch_prices *ch_prices_new(void);
void ch_prices_free(ch_prices *prices);
/* Goes by the sources and the largest move of `rules` from here on. What is known of sources that are still there is
 * kept, also that they are held; the rest is forgotten. `rules` may go afterwards. */
void ch_prices_set_rules(ch_prices *prices, const ch_price_rules *rules);

/* One price of a report. */
typedef struct ch_quote {
    ch_slice source;
    ch_slice pair; /* BASE/QUOTE, upper case letters and digits */
    ch_decimal price;
    uint64_t quoted_ns; /* wall clock, when the source had it */
} ch_quote;

typedef enum ch_quote_outcome {
    CH_QUOTE_TAKEN,
    CH_QUOTE_OLDER, /* than what is known, or from the future by more than 2 s: nothing changes */
    CH_QUOTE_HELD,  /* the source is held for that pair: by this price, or since before; it is the one in question */
} ch_quote_outcome;

/* CH_BAD_INPUT: the pair is malformed, the price is zero or has too many digits, policy has no such source.
 * CH_TOO_LARGE: too many pairs. If the clock was set back, what is known may be from the future; then it is not newer
 * than anything. */
CH_CHECKED ch_status ch_prices_put(ch_prices *prices, const ch_quote *quote, uint64_t now_ns, ch_quote_outcome *outcome,
                                   ch_error *err);

typedef struct ch_reference {
    ch_decimal price;
    uint64_t age_ns;  /* of the oldest quote in the median */
    unsigned sources; /* in the median */
} ch_reference;

typedef enum ch_reference_state {
    CH_REFERENCE_GOOD,
    CH_REFERENCE_NONE,  /* nobody has quoted the pair */
    CH_REFERENCE_STALE, /* too few fresh quotes */
    CH_REFERENCE_HELD,  /* too few are left, because sources are held whose quotes are fresh */
} ch_reference_state;

/* The median of the quotes of `base`/`quote` that are at most `max_age_ns` old; of an even number, the middle of the
 * two in the middle. `*out` is filled in for the message also if it is not good: then price and age are those of the
 * quote that is the least old and not held, with no sources; all zero if there is none. A quote from the future by more
 * than 2 s is not fresh. */
ch_reference_state ch_prices_reference(const ch_prices *prices, ch_slice base, ch_slice quote, uint64_t now_ns,
                                       uint64_t max_age_ns, ch_reference *out);

/* What is known of one source's pair; views. */
typedef struct ch_price_row {
    ch_slice source;
    ch_slice pair;
    ch_decimal price; /* the last that counts; of a held one, the price that is in question: the last that was quoted */
    uint64_t quoted_ns;
    bool is_held;
    ch_decimal low; /* what was believed within the window, as of the last quote */
    ch_decimal high;
} ch_price_row;

/* The row after that of `pair` and `source`, in their order; false at the end. Empty slices: the first. */
bool ch_prices_next(const ch_prices *prices, ch_slice pair, ch_slice source, ch_price_row *out);
/* Believes the price in question, as an operator wishes who has `seen` it: from then on it counts, and moves are
 * measured from it. CH_NOT_FOUND; CH_CONFLICT if none is held, or another one than was seen. */
CH_CHECKED ch_status ch_prices_confirm(ch_prices *prices, ch_slice source, ch_slice pair, ch_decimal seen,
                                       uint64_t now_ns, ch_error *err);
/* Changes with each change, so that who decided by a price sees that it may be another now. */
uint64_t ch_prices_generation(const ch_prices *prices);

/* For what survives a restart: puts a row back as it was, before or after ch_prices_set_rules. Its low and high count
 * as of `now_ns`. A row that is malformed, or of a source too many, is left out. */
void ch_prices_restore(ch_prices *prices, const ch_price_row *row, uint64_t now_ns);

#endif
