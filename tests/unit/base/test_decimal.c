/* Tables of single results; and random operations against a slow arithmetic that is written apart, on arrays of digits,
 * as at school. It has room for every exact result, so it also says which of them do not fit. */
#include "base/decimal.h"

#include "base/buffer.h"
#include "base/slice.h"
#include "tests/support/dice.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NINES36 "999999999999999999999999999999999999"
#define NINES "99999999999999999999999999999999999999"
#define ZEROS34 "0000000000000000000000000000000000"
#define ZEROS35 ZEROS34 "0"
#define LARGEST_POWER "1" ZEROS35 "00" /* ten to the 37th */
#define SMALLEST "0." ZEROS35 "1"

static ch_decimal read_text(const char *text)
{
    ch_decimal decimal;
    ck_assert_msg(ch_decimal_read(ch_slice_of(text), &decimal), "%s", text);
    return decimal;
}

/* ---- texts ---- */

/* clang-format off */
static const struct {
    const char *text;
    const char *printed;
} texts[] = {
    { "0",                        "0" },
    { "0.0",                      "0" },
    { "000.000",                  "0" },
    { "5",                        "5" },
    { "5.0",                      "5" },
    { "500",                      "500" },
    { "0.10",                     "0.1" },
    { "00.10",                    "0.1" },
    { "123.456",                  "123.456" },
    { "1.0000000000000000001",    "1.0000000000000000001" },
    { "18446744073709551616",     "18446744073709551616" },
    { "10000000000000000000",     "10000000000000000000" },
    { NINES,                      NINES },
    { "0" NINES ".00",            NINES },
    { "0." ZEROS35 "1",           "0." ZEROS35 "1" },
    { SMALLEST "00",              SMALLEST },
    { "9." ZEROS35 "9",           "9." ZEROS35 "9" },
    { "99." ZEROS35 "9",          "99." ZEROS35 "9" },
    { "1" ZEROS35 "00",           "1" ZEROS35 "00" },
};

static const struct {
    const char *name;
    ch_slice text;
} wrong_texts[] = {
    { "empty",                CH_LITERAL("") },
    { "a point alone",        CH_LITERAL(".") },
    { "no digit before",      CH_LITERAL(".5") },
    { "no digit after",       CH_LITERAL("5.") },
    { "two points",           CH_LITERAL("1.2.3") },
    { "two points in a row",  CH_LITERAL("1..2") },
    { "a comma",              CH_LITERAL("1,5") },
    { "thousands",            CH_LITERAL("1,000.5") },
    { "minus",                CH_LITERAL("-1") },
    { "plus",                 CH_LITERAL("+1") },
    { "a space before",       CH_LITERAL(" 1") },
    { "a space after",        CH_LITERAL("1 ") },
    { "an exponent",          CH_LITERAL("1e5") },
    { "hex",                  CH_LITERAL("0x10") },
    { "NaN",                  CH_LITERAL("NaN") },
    { "a NUL",                CH_LITERAL("1\0") },
    { "another script's",     CH_LITERAL("\xd9\xa1") },
    { "a percent sign",       CH_LITERAL("5%") },
    { "39 digits",            CH_LITERAL("1" ZEROS35 "000") },
    { "39 with a point",      CH_LITERAL("100." ZEROS35 "1") },
    { "37 after the point",   CH_LITERAL("0." ZEROS35 "01") },
    { "far too many",         CH_LITERAL(NINES NINES NINES NINES) },
};
/* clang-format on */

START_TEST(test_a_text_is_read_and_printed)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_decimal_print(read_text(texts[_i].text), &out);
    ck_assert_str_eq(ch_buffer_text(&out), texts[_i].printed);
    ch_decimal again = read_text(texts[_i].printed);
    ck_assert(again.digits == read_text(texts[_i].text).digits && again.scale == read_text(texts[_i].text).scale);
}
END_TEST

START_TEST(test_a_text_that_is_no_decimal_is_refused)
{
    ch_decimal out = ch_decimal_of(7);
    ck_assert_msg(!ch_decimal_read(wrong_texts[_i].text, &out), "%s", wrong_texts[_i].name);
    ck_assert(ch_decimal_compare(out, ch_decimal_of(7)) == 0);
    ck_assert(!ch_decimal_read((ch_slice){NULL, 0}, &out));
}
END_TEST

START_TEST(test_numbers_become_decimals)
{
    char text[CH_DECIMAL_TEXT_MAX];
    ch_decimal_text(ch_decimal_of(UINT64_MAX), text);
    ck_assert_str_eq(text, "18446744073709551615");
    ck_assert(ch_decimal_is_zero(ch_decimal_of(0)) && ch_decimal_is_zero(CH_DECIMAL_ZERO));
    ck_assert(!ch_decimal_is_zero(read_text(SMALLEST)));
}
END_TEST

/* ---- single operations ---- */

typedef bool operation(ch_decimal a, ch_decimal b, ch_decimal *out);

/* clang-format off */
static const struct {
    operation *run;
    const char *a;
    const char *b;
    const char *result; /* NULL: it does not fit */
} results[] = {
    /* operation               a                        b                        result */
    { ch_decimal_add,          "0.1",                   "0.2",                   "0.3" },
    { ch_decimal_add,          "0.9",                   "0.1",                   "1" },
    { ch_decimal_add,          "5",                     "0",                     "5" },
    { ch_decimal_add,          "1000",                  "0.001",                 "1000.001" },
    { ch_decimal_add,          NINES,                   "0",                     NINES },
    { ch_decimal_add,          "5" ZEROS35 "00",        "4" ZEROS35 "00",        "9" ZEROS35 "00" },
    { ch_decimal_add,          "99." ZEROS35 "9",       "0." ZEROS35 "1",        "99." ZEROS34 "1" },
    { ch_decimal_add,          NINES,                   "1",                     NULL },
    { ch_decimal_add,          NINES,                   NINES,                   NULL },
    { ch_decimal_add,          NINES,                   "0.1",                   NULL },
    { ch_decimal_add,          "100",                   SMALLEST,                NULL },
    { ch_decimal_add,          NINES,                   SMALLEST,                NULL },
    { ch_decimal_add,          SMALLEST,                NINES,                   NULL },
    { ch_decimal_subtract,     "0.3",                   "0.1",                   "0.2" },
    { ch_decimal_subtract,     "1",                     "0.9",                   "0.1" },
    { ch_decimal_subtract,     "0.5",                   "0.5",                   "0" },
    { ch_decimal_subtract,     "1",                     "2",                     "0" },
    { ch_decimal_subtract,     SMALLEST,                NINES,                   "0" },
    { ch_decimal_subtract,     "0",                     SMALLEST,                "0" },
    { ch_decimal_subtract,     "10.5",                  "0.5",                   "10" },
    { ch_decimal_subtract,     LARGEST_POWER,           "9999999999999999999999999999999999999.9", "0.1" },
    { ch_decimal_subtract,     NINES,                   "0.1",                   NULL },
    { ch_decimal_subtract,     "100",                   SMALLEST,                "99." NINES36 },
    { ch_decimal_subtract,     "1000",                  SMALLEST,                NULL },
    { ch_decimal_subtract,     NINES,                   SMALLEST,                NULL },
    { ch_decimal_multiply,     "0.2",                   "30000",                 "6000" },
    { ch_decimal_multiply,     "0.1",                   "0.1",                   "0.01" },
    { ch_decimal_multiply,     "0",                     NINES,                   "0" },
    { ch_decimal_multiply,     NINES,                   "1",                     NINES },
    { ch_decimal_multiply,     SMALLEST,                "1" ZEROS35 "0",         "1" },
    { ch_decimal_multiply,     "0.000000000000000001",  "0.000000000000000001",  SMALLEST },
    { ch_decimal_multiply,     "9.5367431640625",       "1048576",               "10000000" },
    { ch_decimal_multiply,     "0." ZEROS35 "5",        "0.2",                   SMALLEST },
    { ch_decimal_multiply,     SMALLEST,                SMALLEST,                NULL },
    { ch_decimal_multiply,     NINES,                   NINES,                   NULL },
    { ch_decimal_multiply,     NINES,                   "2",                     NULL },
    { ch_decimal_multiply,     LARGEST_POWER,           "10",                    NULL },
    { ch_decimal_multiply,     "0." ZEROS35 "5",        "0.1",                   NULL },
    { ch_decimal_multiply,     "1.0000000000000000001", "1.0000000000000000001", NULL },
    { ch_decimal_multiply_up,  "0.2",                   "30000",                 "6000" },
    { ch_decimal_multiply_up,  "0.000000001",           "0.000000001",           "0.000000000000000001" },
    { ch_decimal_multiply_up,  "0.000000001",           "0.0000000001",          "0.000000000000000001" },
    { ch_decimal_multiply_up,  "0.000000001",           "0.0000000011",          "0.000000000000000002" },
    { ch_decimal_multiply_up,  SMALLEST,                SMALLEST,                "0.000000000000000001" },
    { ch_decimal_multiply_up,  SMALLEST,                NINES,                   "100" },
    { ch_decimal_multiply_up,  "33.333333333333333334", "29.999999999999999999", "999.999999999999999987" },
    { ch_decimal_multiply_up,  "1.0000000000000000001", "1.0000000000000000001", "1.000000000000000001" },
    { ch_decimal_multiply_up,  "0",                     NINES,                   "0" },
    { ch_decimal_multiply_up,  "1." ZEROS34 "1",        "100",                   "100.000000000000000001" },
    { ch_decimal_multiply_up,  NINES,                   "2",                     NULL },
    { ch_decimal_multiply_up,  NINES,                   "1.000000000000000001",  NULL },
    { ch_decimal_multiply_up,  NINES,                   NINES,                   NULL },
    { ch_decimal_divide_up,    "6",                     "3",                     "2" },
    { ch_decimal_divide_down,  "6",                     "3",                     "2" },
    { ch_decimal_divide_up,    "1",                     "3",                     "0.333333333333333334" },
    { ch_decimal_divide_down,  "1",                     "3",                     "0.333333333333333333" },
    { ch_decimal_divide_up,    "2",                     "3",                     "0.666666666666666667" },
    { ch_decimal_divide_down,  "30000",                 "1.005",                 "29850.746268656716417910" },
    { ch_decimal_divide_up,    "0",                     "7",                     "0" },
    { ch_decimal_divide_up,    SMALLEST,                "1",                     "0.000000000000000001" },
    { ch_decimal_divide_down,  SMALLEST,                "1",                     "0" },
    { ch_decimal_divide_up,    SMALLEST,                NINES,                   "0.000000000000000001" },
    { ch_decimal_divide_down,  SMALLEST,                NINES,                   "0" },
    { ch_decimal_divide_up,    "1",                     NINES,                   "0.000000000000000001" },
    { ch_decimal_divide_up,    SMALLEST,                SMALLEST,                "1" },
    { ch_decimal_divide_up,    NINES,                   "1",                     NINES },
    { ch_decimal_divide_up,    NINES,                   NINES,                   "1" },
    { ch_decimal_divide_up,    "1",                     SMALLEST,                "1" ZEROS35 "0" },
    { ch_decimal_divide_up,    LARGEST_POWER,           "1000",                  "1" ZEROS34 },
    { ch_decimal_divide_up,    "0.0000000000000000015", "1",                     "0.000000000000000002" },
    { ch_decimal_divide_down,  "0.0000000000000000015", "1",                     "0.000000000000000001" },
    { ch_decimal_divide_up,    "1",                     "0",                     NULL },
    { ch_decimal_divide_down,  "0",                     "0",                     NULL },
    { ch_decimal_divide_up,    NINES,                   "0.1",                   NULL },
    { ch_decimal_divide_up,    NINES,                   SMALLEST,                NULL },
    { ch_decimal_divide_up,    LARGEST_POWER,           "3",                     NULL },
    { ch_decimal_divide_down,  LARGEST_POWER,           "3",                     NULL },
};
/* clang-format on */

START_TEST(test_operations_are_exact_or_fail)
{
    ch_decimal out = ch_decimal_of(77);
    bool has_result = results[_i].run(read_text(results[_i].a), read_text(results[_i].b), &out);
    char text[CH_DECIMAL_TEXT_MAX];
    ch_decimal_text(out, text);
    ck_assert_msg(has_result == (results[_i].result != NULL), "row %d: %s", _i, text);
    ch_decimal expected = has_result ? read_text(results[_i].result) : ch_decimal_of(77);
    ck_assert_msg(out.digits == expected.digits && out.scale == expected.scale, "row %d: %s", _i, text);
}
END_TEST

/* From the smallest to the largest. */
static const char *const rising[] = {
    "0", "0.000000000000000000000000000000000001", "0.09", "0.1", "0.11", "1", "1.1", "2", "10", "100", NINES36, NINES,
};

START_TEST(test_decimals_are_in_order)
{
    for (size_t i = 0; i < CH_ROWS(rising); i++) {
        ch_decimal a = read_text(rising[_i]);
        ch_decimal b = read_text(rising[i]);
        int order = ch_decimal_compare(a, b);
        ck_assert_int_eq((order > 0) - (order < 0), ((size_t)_i > i) - ((size_t)_i < i));
        ck_assert(ch_decimal_compare(ch_decimal_larger(a, b), order > 0 ? a : b) == 0);
    }
}
END_TEST

/* ---- the slow arithmetic ---- */

#define PLACES 160 /* digits, the highest first */
#define POINT 80   /* so many of them stand before the point */

typedef struct slow {
    uint8_t at[PLACES];
} slow;

static slow slow_of(const char *text)
{
    slow number = {{0}};
    size_t whole = strcspn(text, ".");
    for (size_t i = 0; i < whole; i++)
        number.at[POINT - whole + i] = (uint8_t)(text[i] - '0');
    for (size_t i = 0; text[whole] != '\0' && text[whole + 1 + i] != '\0'; i++)
        number.at[POINT + i] = (uint8_t)(text[whole + 1 + i] - '0');
    return number;
}

static slow slow_add(const slow *a, const slow *b)
{
    slow sum;
    unsigned carry = 0;
    for (size_t i = PLACES; i-- > 0; carry /= 10) {
        carry += (unsigned)a->at[i] + b->at[i];
        sum.at[i] = (uint8_t)(carry % 10);
    }
    return sum;
}

/* `a` is not smaller. */
static slow slow_subtract(const slow *a, const slow *b)
{
    slow rest;
    int borrowed = 0;
    for (size_t i = PLACES; i-- > 0;) {
        int digit = a->at[i] - b->at[i] - borrowed;
        borrowed = digit < 0;
        rest.at[i] = (uint8_t)(digit + (borrowed ? 10 : 0));
    }
    return rest;
}

static slow slow_shift(const slow *number, size_t places)
{
    slow out = {{0}};
    memcpy(out.at, number->at + places, PLACES - places);
    return out;
}

static slow slow_multiply(const slow *a, const slow *b)
{
    uint8_t product[2 * PLACES] = {0};
    for (size_t i = PLACES; i-- > 0;) {
        unsigned carry = 0;
        for (size_t k = PLACES; k-- > 0 && (a->at[i] > 0); carry /= 10) {
            carry += product[i + k + 1] + (unsigned)a->at[i] * b->at[k];
            product[i + k + 1] = (uint8_t)(carry % 10);
        }
        product[i] = (uint8_t)(product[i] + carry);
    }
    slow out;
    memcpy(out.at, product + POINT, PLACES);
    return out;
}

/* The quotient, cut after 18 places; `*is_exact` if nothing was cut. */
static slow slow_divide(const slow *a, const slow *b, bool *is_exact)
{
    slow rest = {{0}};
    slow quotient = {{0}};
    /* The digits of a * 10^18 come down one by one; those of `a` end at place 36. */
    for (size_t i = 0; i < PLACES + 18; i++) {
        rest = slow_shift(&rest, 1);
        rest.at[PLACES - 1] = i < PLACES ? a->at[i] : 0;
        uint8_t digit = 0;
        for (; memcmp(&rest, b, sizeof rest) >= 0; digit++)
            rest = slow_subtract(&rest, b);
        if (digit > 0)
            quotient.at[i - (PLACES - POINT)] = digit;
    }
    *is_exact = memcmp(&rest, &(slow){{0}}, sizeof rest) == 0;
    return quotient;
}

/* As ch_decimal_text writes it. False if it does not fit a decimal. */
static bool slow_text(const slow *number, char out[PLACES + 2])
{
    size_t first = 0;
    size_t end = PLACES;
    while (first < POINT - 1 && number->at[first] == 0)
        first++;
    while (end > POINT && number->at[end - 1] == 0)
        end--;
    char *next = out;
    for (size_t i = first; i < end; i++) {
        if (i == POINT)
            *next++ = '.';
        *next++ = (char)('0' + number->at[i]);
    }
    *next = '\0';
    while (first < end && number->at[first] == 0)
        first++;
    return end - POINT <= CH_DECIMAL_SCALE_MAX && end - first <= 38;
}

/* ---- random operations ---- */

/* Puts a random integer of `size` digits into `out`: of a kind that is hard to get right. */
static void make_digits(dice *d, size_t size, char *out)
{
    size_t kind = dice_below(d, 6);
    size_t part = dice_below(d, size + 1);
    for (size_t i = 0; i < size; i++) {
        char any = (char)('0' + dice_below(d, 10));
        const char kinds[] = {any, '9', '0', i < part ? '9' : any, i < part ? any : '0', i < part ? '0' : any};
        out[i] = kinds[kind];
    }
    if (out[0] == '0' || kind == 2)
        out[0] = (char)('1' + dice_below(d, 9));
    out[size] = '\0';
}

/* A power of two or five: what products get their zeros from. */
static void make_power(dice *d, char *out)
{
    unsigned base = dice_chance(d, 50) ? 2 : 5;
    unsigned __int128 number = 1;
    for (size_t left = dice_below(d, base == 2 ? 126 : 54); left > 0; left--)
        number *= base;
    ch_decimal_text((ch_decimal){number, 0}, out);
}

static ch_decimal make_decimal(dice *d)
{
    char digits[CH_DECIMAL_TEXT_MAX];
    if (dice_chance(d, 20))
        make_power(d, digits);
    else if (dice_chance(d, 4))
        memcpy(digits, "0", 2);
    else
        make_digits(d, 1 + dice_below(d, 38), digits);
    size_t size = strlen(digits);
    size_t scale = dice_below(d, dice_chance(d, 50) ? size : CH_DECIMAL_SCALE_MAX + 1);
    char text[2 * CH_DECIMAL_TEXT_MAX];
    if (scale >= size)
        snprintf(text, sizeof text, "0.%0*d%s", (int)(scale - size) + 1, 0, digits);
    else
        snprintf(text, sizeof text, "%.*s%s%s", (int)(size - scale), digits, scale > 0 ? "." : "",
                 digits + size - scale);
    ch_decimal out;
    return ch_decimal_read(ch_slice_of(text), &out) ? out : make_decimal(d);
}

typedef enum kind { ADD, SUBTRACT, MULTIPLY, DIVIDE_UP, DIVIDE_DOWN, KINDS } kind;

static operation *const operations[KINDS] = {ch_decimal_add, ch_decimal_subtract, ch_decimal_multiply,
                                             ch_decimal_divide_up, ch_decimal_divide_down};

static slow slow_result(kind which, const slow *a, const slow *b)
{
    static const slow zero = {{0}};
    if (which == ADD)
        return slow_add(a, b);
    if (which == SUBTRACT)
        return memcmp(a, b, sizeof *a) <= 0 ? zero : slow_subtract(a, b);
    if (which == MULTIPLY)
        return slow_multiply(a, b);
    bool is_exact;
    slow quotient = slow_divide(a, b, &is_exact);
    slow last = zero;
    last.at[POINT + CH_DECIMAL_QUOTIENT - 1] = which == DIVIDE_UP && !is_exact;
    return slow_add(&quotient, &last);
}

/* Returns whether the result fits. */
static bool check_operation(kind which, ch_decimal a, ch_decimal b)
{
    char texts_of[2][CH_DECIMAL_TEXT_MAX];
    char expected[PLACES + 2];
    char got[CH_DECIMAL_TEXT_MAX];
    ch_decimal_text(a, texts_of[0]);
    ch_decimal_text(b, texts_of[1]);
    slow left = slow_of(texts_of[0]);
    slow right = slow_of(texts_of[1]);
    int order = memcmp(&left, &right, sizeof left);
    ck_assert_int_eq((order > 0) - (order < 0), ch_decimal_compare(a, b));
    if (which >= DIVIDE_UP && ch_decimal_is_zero(b))
        return false;
    slow exact = slow_result(which, &left, &right);
    bool fits = slow_text(&exact, expected);
    ch_decimal out = ch_decimal_of(77);
    ck_assert_msg(operations[which](a, b, &out) == fits, "operation %d of %s and %s", which, texts_of[0], texts_of[1]);
    ch_decimal_text(out, got);
    ck_assert_msg(strcmp(got, fits ? expected : "77") == 0, "operation %d of %s and %s: %s", which, texts_of[0],
                  texts_of[1], got);
    ch_decimal again = read_text(got); /* is it in normal form? */
    ck_assert(again.digits == out.digits && again.scale == out.scale);
    return fits;
}

START_TEST(test_random_operations_end_as_those_at_school)
{
    const char *seed = getenv("CHANCERY_DECIMALS_SEED");
    dice d = {seed != NULL ? strtoull(seed, NULL, 0) : 12};
    const unsigned cases = _i >= DIVIDE_UP ? 3000 : 20000;
    unsigned fitting = 0;
    for (unsigned i = 0; i < cases; i++) {
        ch_decimal a = make_decimal(&d);
        ch_decimal b = make_decimal(&d);
        fitting += check_operation((kind)_i, a, b);
    }
    ck_assert_uint_gt(fitting, cases / 10);
    ck_assert_uint_gt(cases - fitting, cases / 50);
}
END_TEST

CH_TESTS("decimal", CH_TEST_ROWS(test_a_text_is_read_and_printed, texts),
         CH_TEST_ROWS(test_a_text_that_is_no_decimal_is_refused, wrong_texts), CH_TEST(test_numbers_become_decimals),
         CH_TEST_ROWS(test_operations_are_exact_or_fail, results), CH_TEST_ROWS(test_decimals_are_in_order, rising),
         CH_TEST_ROWS(test_random_operations_end_as_those_at_school, operations))
