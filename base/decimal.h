/* Decimals, exact: amounts of money, quantities and prices, none of them negative. No float is near them.
 *
 * A decimal is an integer of up to 38 digits and the number of digits after its point. Sums, differences and products
 * are exact; a result that does not fit is a failure, never a rounded number. Only quotients are rounded, the way that
 * the caller says, and products where the caller says so. Thread-safe. */
#ifndef CH_BASE_DECIMAL_H
#define CH_BASE_DECIMAL_H

#include "base/buffer.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define CH_DECIMAL_SCALE_MAX 36 /* digits after the point */
#define CH_DECIMAL_QUOTIENT 18  /* of a quotient that is not exact */
#define CH_DECIMAL_TEXT_MAX 48  /* bytes of the longest, with its NUL */

/* 10^-scale times `digits`. No zeros stand at the end after the point, so that equal decimals have equal members. */
typedef struct ch_decimal {
    unsigned __int128 digits;
    uint8_t scale;
} ch_decimal;

#define CH_DECIMAL_ZERO ((ch_decimal){0})

/* Reads digits with at most one point among them ("0.10", "5"); no sign, no exponent, no space. Returns false if it is
 * none, or does not fit. */
bool ch_decimal_read(ch_slice text, ch_decimal *out);
ch_decimal ch_decimal_of(uint64_t number);
/* Appends it as plain digits: "0.1". */
void ch_decimal_print(ch_decimal decimal, ch_buffer *out);
/* The same, as text that ends with NUL. */
void ch_decimal_text(ch_decimal decimal, char out[CH_DECIMAL_TEXT_MAX]);

/* Negative, 0 or positive, as `a` is smaller, equal or larger. */
int ch_decimal_compare(ch_decimal a, ch_decimal b);
static inline bool ch_decimal_is_zero(ch_decimal decimal)
{
    return decimal.digits == 0;
}
ch_decimal ch_decimal_larger(ch_decimal a, ch_decimal b);

/* These return false, and leave `*out` as it was, if the result does not fit. */
CH_CHECKED bool ch_decimal_add(ch_decimal a, ch_decimal b, ch_decimal *out);
CH_CHECKED bool ch_decimal_multiply(ch_decimal a, ch_decimal b, ch_decimal *out);
/* Exact if the product has at most CH_DECIMAL_QUOTIENT digits after its point, else rounded up to so many. For sums of
 * money: exact products of quotients have twice as many, and then there is no room for what stands before the point. */
CH_CHECKED bool ch_decimal_multiply_up(ch_decimal a, ch_decimal b, ch_decimal *out);
/* Also false if `b` is zero. Exact if the quotient has at most CH_DECIMAL_QUOTIENT digits after its point. */
CH_CHECKED bool ch_decimal_divide_up(ch_decimal a, ch_decimal b, ch_decimal *out);
CH_CHECKED bool ch_decimal_divide_down(ch_decimal a, ch_decimal b, ch_decimal *out);
/* a - b, or zero if `b` is larger. False only if the two do not fit one scale. */
CH_CHECKED bool ch_decimal_subtract(ch_decimal a, ch_decimal b, ch_decimal *out);

#endif
