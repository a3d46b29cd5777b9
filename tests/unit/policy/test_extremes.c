/* Extremes, against all that was seen. */
#include "policy/extremes.h"

#include "tests/support/suite.h"

#define WINDOW 6000
#define PART (WINDOW / 60 + 1)

static ch_extremes extremes;

static void tear_down(void)
{
    ch_extremes_free(&extremes);
}

static void add(uint64_t value, uint64_t now_ns)
{
    ch_extremes_add(&extremes, ch_decimal_of(value), now_ns, WINDOW);
}

static void assert_extremes(uint64_t low, uint64_t high)
{
    ch_decimal is_low;
    ch_decimal is_high;
    ck_assert(ch_extremes_get(&extremes, &is_low, &is_high));
    ck_assert_int_eq(ch_decimal_compare(is_low, ch_decimal_of(low)), 0);
    ck_assert_int_eq(ch_decimal_compare(is_high, ch_decimal_of(high)), 0);
}

START_TEST(test_nothing_was_seen)
{
    ch_decimal low;
    ch_decimal high;
    ck_assert(!ch_extremes_get(&extremes, &low, &high));
    add(5, 0);
    ch_extremes_clear(&extremes);
    ck_assert(!ch_extremes_get(&extremes, &low, &high));
}
END_TEST

START_TEST(test_what_was_seen_lasts_until_its_part_is_outside)
{
    add(5, 0);
    add(9, PART - 1);
    add(7, PART);
    add(7, PART + WINDOW - 1);
    assert_extremes(5, 9);
    add(7, PART + WINDOW);
    assert_extremes(7, 7);
}
END_TEST

START_TEST(test_a_clock_that_is_set_back_ends_nothing_early)
{
    add(5, 100 * WINDOW);
    add(9, 0);
    assert_extremes(5, 9);
    add(7, 50 * WINDOW);
    assert_extremes(5, 9);
    add(4, 51 * WINDOW);
    add(6, 101 * WINDOW - 1);
    assert_extremes(4, 9);
    add(6, 101 * WINDOW + PART);
    assert_extremes(6, 6);
}
END_TEST

START_TEST(test_no_more_is_kept_than_there_are_parts)
{
    for (uint64_t now = 0; now < 20 * WINDOW; now++)
        add(now, now);
    ck_assert_uint_le(extremes.low.count, 62);
    ck_assert_uint_eq(extremes.high.count, 1);
}
END_TEST

START_TEST(test_they_are_those_of_all_that_was_seen)
{
    enum { STEPS = 5000 };
    static uint64_t times[STEPS];
    static uint64_t values[STEPS];
    uint64_t state = 5;
    uint64_t now = 0;
    for (size_t i = 0; i < STEPS; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
        now += (state >> 60) == 0 ? (state >> 45) % (2 * WINDOW) : (state >> 45) % PART;
        times[i] = now;
        values[i] = (state >> 33) % 1000;
        add(values[i], now);
        uint64_t low = values[i];
        uint64_t high = values[i];
        for (size_t back = i; back-- > 0 && (times[back] / PART + 1) * PART + WINDOW > now;) {
            low = values[back] < low ? values[back] : low;
            high = values[back] > high ? values[back] : high;
        }
        assert_extremes(low, high);
    }
}
END_TEST

CH_TESTS_WITH("extremes", NULL, tear_down, CH_TEST(test_nothing_was_seen),
              CH_TEST(test_what_was_seen_lasts_until_its_part_is_outside),
              CH_TEST(test_a_clock_that_is_set_back_ends_nothing_early),
              CH_TEST(test_no_more_is_kept_than_there_are_parts), CH_TEST(test_they_are_those_of_all_that_was_seen))
