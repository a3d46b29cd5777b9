/* What tests of prices stand on: prices of four sources that may move by 10 % in ten minutes. Every function ends the
 * test if it cannot do what it says. */
#ifndef CH_TESTS_UNIT_POLICY_FEEDS_H
#define CH_TESTS_UNIT_POLICY_FEEDS_H

#include "policy/prices.h"
#include "tests/unit/policy/limits.h"

#define SOURCES 4
#define MINUTE (60 * SECOND)
#define MOVE_WINDOW (10 * MINUTE)
#define MOVE_PART (MOVE_WINDOW / 60)
#define AGE (5 * SECOND) /* that a reference may have */

extern ch_prices *prices;
extern char *sources[SOURCES];
extern ch_price_rules rules;

void feeds_set_up(void);
void feeds_tear_down(void);
/* Puts a price, which must be well formed. */
ch_quote_outcome put_of(const char *source, const char *pair, ch_decimal price, uint64_t quoted_ns, uint64_t now_ns);
/* The same by binance, of BTC/USDT, quoted now. */
ch_quote_outcome put(const char *price, uint64_t now_ns);

/* The reference of BTC/USDT. */
ch_reference_state look(uint64_t now_ns, ch_reference *out);
void assert_reference(uint64_t now_ns, const char *price);
void assert_no_reference(uint64_t now_ns, ch_reference_state state);
/* Confirms what binance said of BTC/USDT. */
void confirm(uint64_t now_ns);

#endif
