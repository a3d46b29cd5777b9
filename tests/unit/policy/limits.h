/* What tests of levels stand on: a policy of a few limits, one for each way to count, and levels that are bound to it.
 * Every function ends the test if it cannot do what it says. */
#ifndef CH_TESTS_UNIT_POLICY_LIMITS_H
#define CH_TESTS_UNIT_POLICY_LIMITS_H

#include "policy/levels.h"

#define SECOND 1000000000ULL
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define PART (DAY / 60)           /* of a day's window */
#define NOW (1772323200 * SECOND) /* 2026-03-01T00:00:00Z, a Sunday: a bucket of each period begins */
#define SCOPE CH_LITERAL("caller=maker")

enum {
    VALUE,    /* 1000 USDT a day, closing 50 USDT, and a tenth may be released */
    MESSAGES, /* 100 a minute, of which 20 are for cancels */
    LOSS,     /* 10 USDT an hour */
    OPEN,     /* 1000 USDT */
    CALENDAR, /* 2 BTC a day of the calendar, and all may be released */
    LIMITS
};

extern ch_entry_rule limits[LIMITS];
extern ch_policy limits_policy;
extern ch_levels *levels;

void limits_set_up(void);
void limits_tear_down(void);

ch_decimal number(const char *text);
void assert_number(ch_decimal is, const char *text);
ch_period sliding(uint64_t ns);

/* Of SCOPE. */
ch_charge charge_of(size_t limit, const char *amount);
ch_taken take(const ch_charge *charge, uint64_t now_ns);
ch_taken take_of(size_t limit, const char *amount, uint64_t now_ns);
void assert_used(size_t limit, uint64_t now_ns, const char *text);
/* Releases, and looks how much that was. */
void assert_released(const ch_taken *taken, size_t limit, uint64_t now_ns, const char *text);

#endif
