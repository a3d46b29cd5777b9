/* A decimal is kept in normal form: no zeros stand at its end after the point. What ends an exact operation is
 * `settle`, which brings the result there; so an operation fails only if the result itself does not fit, never for the
 * way there.
 *
 * MAX is below 2^127. Divisions of 128 bits are slow: trailing zeros are found without any, and only quotients and
 * texts need one. */
#include "base/decimal.h"

#include <assert.h>
#include <string.h>

typedef unsigned __int128 u128;

#define TEN19 ((u128)10000000000000000000U)
#define MAX (TEN19 * TEN19 - 1) /* 38 digits */
#define POWERS 39
#define DIGITS_MAX 38

/* clang-format off */
static const u128 powers[POWERS] = {
    1U,
    10U,
    100U,
    1000U,
    10000U,
    100000U,
    1000000U,
    10000000U,
    100000000U,
    1000000000U,
    10000000000U,
    100000000000U,
    1000000000000U,
    10000000000000U,
    100000000000000U,
    1000000000000000U,
    10000000000000000U,
    100000000000000000U,
    1000000000000000000U,
    TEN19,
    TEN19 * 10U,
    TEN19 * 100U,
    TEN19 * 1000U,
    TEN19 * 10000U,
    TEN19 * 100000U,
    TEN19 * 1000000U,
    TEN19 * 10000000U,
    TEN19 * 100000000U,
    TEN19 * 1000000000U,
    TEN19 * 10000000000U,
    TEN19 * 100000000000U,
    TEN19 * 1000000000000U,
    TEN19 * 10000000000000U,
    TEN19 * 100000000000000U,
    TEN19 * 1000000000000000U,
    TEN19 * 10000000000000000U,
    TEN19 * 100000000000000000U,
    TEN19 * 1000000000000000000U,
    TEN19 * TEN19,
};
/* clang-format on */

/* ---- trailing zeros ----
 *
 * An odd number d has an inverse modulo 2^128, and n times that inverse is n/d if d divides n, and above (2^128-1)/d if
 * not (Granlund and Montgomery, "Division by Invariant Integers using Multiplication", 1994, section 9). So 10^k
 * divides n if 2^k does, which the bits show, and 5^k does, which one multiplication shows. */

#define FIFTH ((u128)0xccccccccccccccccU << 64 | 0xcccccccccccccccdU) /* the inverse of 5 */
#define FIFTH2 (FIFTH * FIFTH)
#define FIFTH4 (FIFTH2 * FIFTH2)
#define FIFTH8 (FIFTH4 * FIFTH4)
#define FIFTH16 (FIFTH8 * FIFTH8)
#define FIVE16 ((u128)152587890625U)

typedef struct fives {
    unsigned power;
    u128 inverse;
    u128 most; /* (2^128-1) / 5^power */
} fives;

/* clang-format off */
static const fives steps[] = {
    /* power  inverse            most */
    { 32,     FIFTH16 * FIFTH16, ~(u128)0 / (FIVE16 * FIVE16) },
    { 16,     FIFTH16,           ~(u128)0 / FIVE16 },
    { 8,      FIFTH8,            ~(u128)0 / 390625 },
    { 4,      FIFTH4,            ~(u128)0 / 625 },
    { 2,      FIFTH2,            ~(u128)0 / 25 },
    { 1,      FIFTH,             ~(u128)0 / 5 },
};
#define STEPS (sizeof steps / sizeof *steps)
/* clang-format on */

static unsigned trailing_bits(u128 number)
{
    uint64_t low = (uint64_t)number;
    return low != 0 ? (unsigned)__builtin_ctzll(low) : 64 + (unsigned)__builtin_ctzll((uint64_t)(number >> 64));
}

/* Divides `*number`, which is not 0, by five as often as it goes, `most` times at most (below 64). Returns how often.
 */
static unsigned drop_fives(u128 *number, unsigned most)
{
    unsigned dropped = 0;
    for (size_t i = 0; i < STEPS; i++) {
        if (steps[i].power > most - dropped)
            continue;
        u128 quotient = *number * steps[i].inverse;
        if (quotient <= steps[i].most) {
            *number = quotient;
            dropped += steps[i].power;
        }
    }
    return dropped;
}

/* Ends an operation whose exact result is 10^-scale times `digits`. `scale` is below 128. */
static inline bool settle(u128 digits, unsigned scale, ch_decimal *out)
{
    if (digits == 0) {
        *out = CH_DECIMAL_ZERO;
        return true;
    }
    if (scale > 0 && (digits & 1) == 0) {
        unsigned bits = trailing_bits(digits);
        unsigned most = bits < scale ? bits : scale;
        unsigned zeros = drop_fives(&digits, most < 64 ? most : 63);
        digits >>= zeros;
        scale -= zeros;
    }
    if (digits > MAX || scale > CH_DECIMAL_SCALE_MAX)
        return false;
    *out = (ch_decimal){digits, (uint8_t)scale};
    return true;
}

/* ---- texts ---- */

/* The number that `text`, at most 38 digits, is. */
static u128 read_digits(u128 before, const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        before = before * 10 + (unsigned)(text[i] - '0');
    return before;
}

bool ch_decimal_read(ch_slice text, ch_decimal *out)
{
    size_t whole = ch_slice_count_digits(text);
    if (whole == 0)
        return false;
    ch_slice fraction = ch_slice_after(text, whole);
    if (fraction.size > 0) {
        if (fraction.size == 1 || fraction.data[0] != '.')
            return false;
        fraction = ch_slice_after(fraction, 1);
        if (ch_slice_count_digits(fraction) != fraction.size)
            return false;
    }
    while (fraction.size > 0 && fraction.data[fraction.size - 1] == '0')
        fraction.size--;
    size_t zeros = 0;
    while (zeros < whole && text.data[zeros] == '0')
        zeros++;
    whole -= zeros;
    if (fraction.size > CH_DECIMAL_SCALE_MAX || whole > DIGITS_MAX || whole + fraction.size > DIGITS_MAX)
        return false;
    u128 digits = read_digits(0, text.data + zeros, whole);
    *out = (ch_decimal){read_digits(digits, fraction.data, fraction.size), (uint8_t)fraction.size};
    return true;
}

ch_decimal ch_decimal_of(uint64_t number)
{
    return (ch_decimal){number, 0};
}

/* Writes the digits of `number` so that they end before `end`, at least `count` of them. Returns where they begin. */
static char *write_digits(uint64_t number, size_t count, char *end)
{
    char *least = end - count;
    for (; number > 0; number /= 10)
        *--end = (char)('0' + number % 10);
    while (end > least)
        *--end = '0';
    return end;
}

/* At least one digit stands before the point. */
void ch_decimal_text(ch_decimal decimal, char out[CH_DECIMAL_TEXT_MAX])
{
    char digits[2 * DIGITS_MAX];
    char *end = digits + sizeof digits;
    bool is_long = decimal.digits >= TEN19;
    size_t least = decimal.scale + 1U;
    char *at = is_long ? end - 19 : end;
    if (is_long)
        write_digits((uint64_t)(decimal.digits % TEN19), 19, end);
    size_t written = (size_t)(end - at);
    at = write_digits((uint64_t)(is_long ? decimal.digits / TEN19 : decimal.digits),
                      least > written ? least - written : 0, at);
    size_t whole = (size_t)(end - at) - decimal.scale;
    memcpy(out, at, whole);
    if (decimal.scale > 0) {
        out[whole++] = '.';
        memcpy(out + whole, end - decimal.scale, decimal.scale);
        whole += decimal.scale;
    }
    out[whole] = '\0';
}

void ch_decimal_print(ch_decimal decimal, ch_buffer *out)
{
    char text[CH_DECIMAL_TEXT_MAX];
    ch_decimal_text(decimal, text);
    ch_buffer_add_text(out, text);
}

/* ---- sums and products ---- */

static inline void check_normal(ch_decimal decimal)
{
    (void)decimal; /* unused without assertions */
    assert(decimal.digits <= MAX && decimal.scale <= CH_DECIMAL_SCALE_MAX);
    assert(decimal.scale == 0 || decimal.digits % 10 != 0);
}

/* Brings both to the larger of their scales. Returns 1 or -1 if `a` or `b` is then above 128 bits, and so the larger.
 */
static inline int align(ch_decimal a, ch_decimal b, u128 *a_digits, u128 *b_digits)
{
    check_normal(a);
    check_normal(b);
    *a_digits = a.digits;
    *b_digits = b.digits;
    if (a.scale == b.scale)
        return 0;
    if (a.scale < b.scale)
        return __builtin_mul_overflow(a.digits, powers[b.scale - a.scale], a_digits) ? 1 : 0;
    return __builtin_mul_overflow(b.digits, powers[a.scale - b.scale], b_digits) ? -1 : 0;
}

static unsigned larger_scale(ch_decimal a, ch_decimal b)
{
    return a.scale > b.scale ? a.scale : b.scale;
}

int ch_decimal_compare(ch_decimal a, ch_decimal b)
{
    u128 left;
    u128 right;
    int beyond = align(a, b, &left, &right);
    return beyond != 0 ? beyond : (left > right) - (left < right);
}

ch_decimal ch_decimal_larger(ch_decimal a, ch_decimal b)
{
    return ch_decimal_compare(a, b) >= 0 ? a : b;
}

bool ch_decimal_add(ch_decimal a, ch_decimal b, ch_decimal *out)
{
    u128 left;
    u128 right;
    u128 sum;
    /* If the scales differ, the last digit of the sum is that of one of them, so nothing could be dropped again. */
    if (align(a, b, &left, &right) != 0 || __builtin_add_overflow(left, right, &sum))
        return false;
    return settle(sum, larger_scale(a, b), out);
}

bool ch_decimal_subtract(ch_decimal a, ch_decimal b, ch_decimal *out)
{
    u128 left;
    u128 right;
    int beyond = align(a, b, &left, &right);
    if (beyond > 0)
        return false; /* above 2^128 - MAX, with a last digit that cannot be dropped */
    if (beyond < 0 || left <= right) {
        *out = CH_DECIMAL_ZERO;
        return true;
    }
    return settle(left - right, larger_scale(a, b), out);
}

/* A product above 128 bits may still fit, once the zeros at its end are dropped. They are dropped from the factors: of
 * the twos and fives in both, as many pairs as there are, and as stand after the point. */
static bool multiply_large(ch_decimal a, ch_decimal b, ch_decimal *out)
{
    unsigned scale = (unsigned)a.scale + b.scale;
    unsigned a_twos = trailing_bits(a.digits);
    unsigned twos = a_twos + trailing_bits(b.digits);
    unsigned most = twos < scale ? twos : scale;
    u128 left = a.digits;
    u128 right = b.digits;
    unsigned zeros = drop_fives(&left, most < 64 ? most : 63);
    zeros += drop_fives(&right, most - zeros < 64 ? most - zeros : 63);
    unsigned from_left = a_twos < zeros ? a_twos : zeros;
    u128 product;
    if (__builtin_mul_overflow(left >> from_left, right >> (zeros - from_left), &product))
        return false;
    return settle(product, scale - zeros, out);
}

bool ch_decimal_multiply(ch_decimal a, ch_decimal b, ch_decimal *out)
{
    check_normal(a);
    check_normal(b);
    u128 product;
    if (__builtin_mul_overflow(a.digits, b.digits, &product))
        return multiply_large(a, b, out);
    return settle(product, (unsigned)a.scale + b.scale, out);
}

/* ---- quotients, and what is rounded ---- */

/* A number of 320 bits, its lowest first: room for the 92 digits of MAX times 10^54. */
#define LIMBS 5

typedef struct wide {
    uint64_t limbs[LIMBS];
} wide;

static void wide_multiply(wide *number, uint64_t by)
{
    u128 carry = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        carry += (u128)number->limbs[i] * by;
        number->limbs[i] = (uint64_t)carry;
        carry >>= 64;
    }
    assert(carry == 0);
}

static uint64_t wide_divide_by_ten(wide *number)
{
    u128 rest = 0;
    for (size_t i = LIMBS; i-- > 0;) {
        rest = rest << 64 | number->limbs[i];
        number->limbs[i] = (uint64_t)(rest / 10);
        rest %= 10;
    }
    return (uint64_t)rest;
}

/* Bit by bit; `by` is at most MAX, so that twice the rest fits. Returns the rest. */
static u128 wide_divide(wide *number, u128 by)
{
    u128 rest = 0;
    for (size_t i = LIMBS * 64; i-- > 0;) {
        uint64_t *limb = &number->limbs[i / 64];
        uint64_t bit = (uint64_t)1 << (i % 64);
        rest = rest << 1 | ((*limb & bit) != 0);
        *limb &= ~bit;
        if (rest >= by) {
            rest -= by;
            *limb |= bit;
        }
    }
    return rest;
}

static void wide_add_one(wide *number)
{
    for (size_t i = 0; i < LIMBS && ++number->limbs[i] == 0; i++)
        continue;
}

static bool wide_settle(wide number, unsigned scale, ch_decimal *out)
{
    for (wide shorter = number; scale > 0 && wide_divide_by_ten(&shorter) == 0; scale--)
        number = shorter;
    if ((number.limbs[2] | number.limbs[3] | number.limbs[4]) != 0)
        return false;
    return settle((u128)number.limbs[1] << 64 | number.limbs[0], scale, out);
}

/* Divides 10^power times `a` by `b`, where that is above 128 bits. */
static bool divide_large(u128 a, u128 b, unsigned power, bool is_up, ch_decimal *out)
{
    wide number = {
        {(uint64_t)a, (uint64_t)(a >> 64)}
    };
    for (; power > 19; power -= 19)
        wide_multiply(&number, (uint64_t)TEN19);
    wide_multiply(&number, (uint64_t)powers[power]);
    if (wide_divide(&number, b) != 0 && is_up)
        wide_add_one(&number);
    return wide_settle(number, CH_DECIMAL_QUOTIENT, out);
}

/* The product of any two digits: 254 bits. */
static wide wide_product(u128 a, u128 b)
{
    wide low = {
        {(uint64_t)a, (uint64_t)(a >> 64)}
    };
    wide high = low;
    u128 carry = 0;
    wide_multiply(&low, (uint64_t)b);
    wide_multiply(&high, (uint64_t)(b >> 64));
    for (size_t i = 1; i < LIMBS; i++) {
        carry += (u128)low.limbs[i] + high.limbs[i - 1];
        low.limbs[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return low;
}

/* Multiplies where the exact product does not fit. */
static bool multiply_up_large(ch_decimal a, ch_decimal b, ch_decimal *out)
{
    unsigned scale = (unsigned)a.scale + b.scale;
    bool is_exact = true;
    if (scale <= CH_DECIMAL_QUOTIENT)
        return false;
    wide number = wide_product(a.digits, b.digits);
    for (unsigned drop = scale - CH_DECIMAL_QUOTIENT, step; drop > 0; drop -= step) {
        step = drop < POWERS ? drop : POWERS - 1;
        is_exact = wide_divide(&number, powers[step]) == 0 && is_exact;
    }
    if (!is_exact)
        wide_add_one(&number);
    return wide_settle(number, CH_DECIMAL_QUOTIENT, out);
}

bool ch_decimal_multiply_up(ch_decimal a, ch_decimal b, ch_decimal *out)
{
    ch_decimal product;
    if (!ch_decimal_multiply(a, b, &product))
        return multiply_up_large(a, b, out);
    if (product.scale <= CH_DECIMAL_QUOTIENT) {
        *out = product;
        return true;
    }
    u128 power = powers[product.scale - CH_DECIMAL_QUOTIENT];
    u128 digits = product.digits / power;
    return settle(digits + (digits * power != product.digits), CH_DECIMAL_QUOTIENT, out);
}

static bool divide(ch_decimal a, ch_decimal b, bool is_up, ch_decimal *out)
{
    check_normal(a);
    check_normal(b);
    if (b.digits == 0)
        return false;
    u128 number = a.digits;
    bool is_exact = true;
    if (a.scale > CH_DECIMAL_QUOTIENT + b.scale) {
        u128 power = powers[a.scale - CH_DECIMAL_QUOTIENT - b.scale];
        number = a.digits / power;
        is_exact = number * power == a.digits;
    } else {
        unsigned power = CH_DECIMAL_QUOTIENT + (unsigned)b.scale - a.scale;
        if (power >= POWERS || __builtin_mul_overflow(a.digits, powers[power], &number))
            return divide_large(a.digits, b.digits, power, is_up, out);
    }
    u128 quotient = number / b.digits;
    is_exact = is_exact && quotient * b.digits == number;
    return settle(quotient + (is_up && !is_exact), CH_DECIMAL_QUOTIENT, out);
}

bool ch_decimal_divide_up(ch_decimal a, ch_decimal b, ch_decimal *out)
{
    return divide(a, b, true, out);
}

bool ch_decimal_divide_down(ch_decimal a, ch_decimal b, ch_decimal *out)
{
    return divide(a, b, false, out);
}
