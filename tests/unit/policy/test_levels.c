/* Levels: what fits, until when it counts, and what gives it back. */
#include "policy/levels.h"

#include "tests/support/suite.h"
#include "tests/unit/policy/limits.h"

#include <stdio.h>
#include <string.h>

#define NEVER UINT64_MAX

/* ---- what fits ---- */

/* clang-format off */
static const struct {
    const char *name;
    size_t limit;
    bool is_closing, may_use_reserve;
    const char *used, *amount;
    bool fits;
} fits[] = {
    /* name                                      limit     closing reserve used     amount                  fits */
    { "all of it",                               VALUE,    false,  false,  "0",     "1000",                 true },
    { "a trace more",                            VALUE,    false,  false,  "0",     "1000.000000000000001", false },
    { "the rest",                                VALUE,    false,  false,  "999.9", "0.1",                  true },
    { "more than the rest",                      VALUE,    false,  false,  "999.9", "0.2",                  false },
    { "nothing, of what is used up",             VALUE,    false,  false,  "1000",  "0",                    true },
    { "nothing, of what is more than used up",   VALUE,    false,  false,  "1001",  "0",                    false },
    { "more digits than a sum can have",         VALUE,    false,  false,  "999",   "0.000000000000000000000000000000000001", false },
    { "closing has a budget of its own",         VALUE,    true,   false,  "0",     "50",                   true },
    { "which is smaller",                        VALUE,    true,   false,  "0",     "51",                   false },
    { "and is used up by itself",                VALUE,    true,   false,  "40",    "11",                   false },
    { "the last message before the reserve",     MESSAGES, false,  false,  "79",    "1",                    true },
    { "no message from the reserve",             MESSAGES, false,  false,  "80",    "1",                    false },
    { "a cancel from the reserve",               MESSAGES, false,  true,   "80",    "1",                    true },
    { "the last cancel",                         MESSAGES, false,  true,   "99",    "1",                    true },
    { "no cancel beyond the reserve",            MESSAGES, false,  true,   "100",   "1",                    false },
    { "a reserve is nothing for other limits",   LOSS,     false,  true,   "10",    "1",                    false },
    { "a total",                                 OPEN,     false,  false,  "999",   "2",                    false },
    { "a day",                                   CALENDAR, false,  false,  "1.5",   "0.6",                  false },
};
/* clang-format on */

START_TEST(test_what_fits)
{
    ch_charge charge = charge_of(fits[_i].limit, fits[_i].used);
    charge.is_closing = fits[_i].is_closing;
    charge.may_use_reserve = fits[_i].may_use_reserve;
    take(&charge, NOW);
    charge.amount = number(fits[_i].amount);
    ch_decimal used;
    ck_assert_msg(ch_levels_fits(levels, &charge, NOW, &used) == fits[_i].fits, "%s", fits[_i].name);
    assert_number(used, fits[_i].used);
    ck_assert_msg((ch_levels_wait(levels, &charge, NOW) == 0) == fits[_i].fits, "%s", fits[_i].name);
}
END_TEST

START_TEST(test_a_reserve_above_the_limit_leaves_nothing)
{
    ch_charge charge = charge_of(MESSAGES, "1");
    ch_decimal used;
    limits[MESSAGES].limit.reserve_cancels = 101;
    ck_assert(!ch_levels_fits(levels, &charge, NOW, &used));
    ck_assert_uint_eq(ch_levels_wait(levels, &charge, NOW), NEVER);
}
END_TEST

START_TEST(test_scopes_limits_and_closing_count_apart)
{
    ch_charge charge = charge_of(VALUE, "7");
    take(&charge, NOW);
    charge.is_closing = true;
    assert_number(ch_levels_used(levels, &charge, NOW), "0");
    charge.is_closing = false;
    charge.scope = CH_LITERAL("caller=make");
    assert_number(ch_levels_used(levels, &charge, NOW), "0");
    charge.scope = CH_LITERAL("");
    assert_number(ch_levels_used(levels, &charge, NOW), "0");
    charge.scope = SCOPE;
    assert_number(ch_levels_used(levels, &charge, NOW), "7");
    assert_used(LOSS, NOW, "0");
}
END_TEST

START_TEST(test_a_sum_that_does_not_fit_is_refused)
{
    ch_charge charge = charge_of(VALUE, "99999999999999999999999999999999999999");
    ch_error err = CH_ERROR_INIT;
    ch_taken taken;
    take(&charge, NOW);
    charge.amount = number("1");
    ck_assert(ch_levels_take(levels, &charge, NOW + PART, &taken, &err) == CH_REFUSED);
    ck_assert_str_eq(err.rule, "value");
    ck_assert_ptr_nonnull(strstr(err.message, "too large a number"));
    assert_used(VALUE, NOW + PART, "99999999999999999999999999999999999999");
}
END_TEST

/* ---- until when it counts ---- */

START_TEST(test_a_bucket_counts_until_it_is_wholly_outside)
{
    take_of(VALUE, "400", NOW);            /* the bucket's first ns */
    take_of(VALUE, "300", NOW + PART - 1); /* and its last */
    take_of(VALUE, "200", NOW + PART);
    assert_used(VALUE, NOW + PART, "900");
    assert_used(VALUE, NOW + DAY + PART - 1, "900");
    assert_used(VALUE, NOW + DAY + PART, "200");
    assert_used(VALUE, NOW + DAY + 2 * PART - 1, "200");
    assert_used(VALUE, NOW + DAY + 2 * PART, "0");
}
END_TEST

/* clang-format off */
static const struct {
    const char *name;
    size_t limit;
    const char *amount;
    uint64_t at_ns, wait_ns;
} waits[] = {
    /* of 1000 a day 400 are taken at NOW, 300 a part later, 200 two parts later */
    { "it fits",                    VALUE,    "100",  NOW + 2 * PART,     0 },
    { "one bucket must go",         VALUE,    "101",  NOW + 2 * PART,     DAY - PART },
    { "one is just enough",         VALUE,    "500",  NOW + 2 * PART,     DAY - PART },
    { "two must go",                VALUE,    "501",  NOW + 2 * PART + 7, DAY - 7 },
    { "all must go",                VALUE,    "1000", NOW + 2 * PART,     DAY + PART },
    { "more than there ever is",    VALUE,    "1001", NOW + 2 * PART,     NEVER },
    { "a total comes never back",   OPEN,     "1",    NOW,                NEVER },
    { "a day ends at midnight",     CALENDAR, "2",    NOW + HOUR,         23 * HOUR },
};
/* clang-format on */

START_TEST(test_the_wait_is_exact)
{
    take_of(VALUE, "400", NOW);
    take_of(VALUE, "300", NOW + PART);
    take_of(VALUE, "200", NOW + 2 * PART);
    take_of(OPEN, "1000", NOW);
    take_of(CALENDAR, "1", NOW);
    ch_charge charge = charge_of(waits[_i].limit, waits[_i].amount);
    uint64_t wait_ns = ch_levels_wait(levels, &charge, waits[_i].at_ns);
    ch_decimal used;
    ck_assert_msg(wait_ns == waits[_i].wait_ns, "%s: %llu", waits[_i].name, (unsigned long long)wait_ns);
    if (wait_ns == 0 || wait_ns == NEVER)
        return;
    ck_assert(!ch_levels_fits(levels, &charge, waits[_i].at_ns + wait_ns - 1, &used));
    ck_assert(ch_levels_fits(levels, &charge, waits[_i].at_ns + wait_ns, &used));
}
END_TEST

static uint64_t random_below(uint64_t end)
{
    static uint64_t state = 7;
    state = state * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
    return (state >> 33) * 1000003 % end;
}

/* What was taken at random times, added up the slow way: never less than is in the window, never more than a sixtieth
 * more. */
START_TEST(test_a_window_has_what_was_taken_in_it)
{
    enum { STEPS = 20000 };
    static struct {
        uint64_t at_ns;
        unsigned amount;
    } taken[STEPS];
    uint64_t now_ns = NOW;
    for (size_t i = 0; i < STEPS; i++) {
        char text[16];
        now_ns += random_below(random_below(50) == 0 ? 30 * PART : PART / 3);
        taken[i].at_ns = now_ns;
        taken[i].amount = (unsigned)random_below(1000);
        snprintf(text, sizeof text, "%u.%02u", taken[i].amount / 100, taken[i].amount % 100);
        take_of(VALUE, text, now_ns);
        unsigned least = 0;
        unsigned most = 0;
        for (size_t back = i + 1; back-- > 0 && taken[back].at_ns + DAY + PART > now_ns;) {
            most += taken[back].amount;
            least += taken[back].at_ns + DAY > now_ns ? taken[back].amount : 0;
        }
        ch_charge charge = charge_of(VALUE, "0");
        ch_decimal used;
        ck_assert(ch_decimal_multiply(ch_levels_used(levels, &charge, now_ns), number("100"), &used));
        ck_assert(used.scale == 0 && used.digits >= least && used.digits <= most);
    }
}
END_TEST

/* ---- a clock that is set back ---- */

/* clang-format off */
static const uint64_t backs[] = { 1, PART, 30 * PART, 59 * PART, 60 * PART, 61 * PART, 200 * PART, 20000 * DAY };
/* clang-format on */

START_TEST(test_what_the_clock_before_counted_goes_on_counting)
{
    const uint64_t end_ns = NOW + DAY + PART;
    uint64_t back_ns = NOW - backs[_i];
    take_of(VALUE, "600", NOW);
    assert_used(VALUE, back_ns, "600");
    ch_taken taken = take_of(VALUE, "300", back_ns);
    assert_used(VALUE, back_ns, "900");
    ch_charge charge = charge_of(VALUE, "401");
    ck_assert_uint_eq(ch_levels_wait(levels, &charge, back_ns), end_ns - back_ns);
    ch_levels_return(levels, &taken);
    assert_used(VALUE, back_ns, "600");
    take_of(VALUE, "300", back_ns);
    assert_used(VALUE, back_ns + DAY, "900"); /* its own window at least */
    assert_used(VALUE, NOW, "900");
    assert_used(VALUE, end_ns - 1, "600");
    assert_used(VALUE, end_ns, "0");
}
END_TEST

START_TEST(test_a_day_that_comes_again_is_the_same_day)
{
    take_of(CALENDAR, "1", NOW);
    take_of(CALENDAR, "0.5", NOW - 1); /* of the day before, and counted with the later one */
    assert_used(CALENDAR, NOW - 1, "1.5");
    assert_used(CALENDAR, NOW + DAY - 1, "1.5");
    assert_used(CALENDAR, NOW + DAY, "0");
}
END_TEST

/* ---- giving back ---- */

START_TEST(test_what_is_returned_does_not_count)
{
    ch_taken first = take_of(VALUE, "400", NOW);
    ch_taken second = take_of(VALUE, "300", NOW + PART);
    ch_levels_return(levels, &first);
    assert_used(VALUE, NOW + PART, "300");
    ch_levels_return(levels, &second);
    assert_used(VALUE, NOW + PART, "0");
}
END_TEST

START_TEST(test_no_more_returns_than_its_bucket_has)
{
    ch_taken taken = take_of(VALUE, "400", NOW);
    take_of(VALUE, "300", NOW + PART);
    taken.amount = number("1000");
    ch_levels_return(levels, &taken);
    assert_used(VALUE, NOW + PART, "300");
    ch_levels_return(levels, &taken);
    assert_used(VALUE, NOW + PART, "300");
}
END_TEST

START_TEST(test_a_return_after_its_bucket_is_harmless)
{
    ch_taken taken = take_of(VALUE, "400", NOW);
    take_of(VALUE, "300", NOW + 64 * PART); /* in the same place as the first, if there are 64 */
    ch_levels_return(levels, &taken);
    assert_used(VALUE, NOW + 64 * PART, "300");
}
END_TEST

START_TEST(test_a_return_after_its_level_is_harmless)
{
    ch_taken taken = take_of(VALUE, "400", NOW);
    uint64_t later_ns = NOW + 2 * DAY;
    ch_levels_sweep(levels, later_ns);
    ck_assert_uint_eq(ch_levels_row(levels, &taken).limit.size, 0);
    ch_charge other = charge_of(VALUE, "300");
    other.scope = CH_LITERAL("caller=other");
    ch_taken again = take(&other, later_ns);
    ck_assert_uint_ne(again.level, taken.level);
    taken.bucket = again.bucket;
    ch_levels_return(levels, &taken);
    assert_number(ch_levels_used(levels, &other, later_ns), "300");
    ch_levels_return(levels, &(ch_taken){.level = 0, .bucket = again.bucket, .amount = again.amount});
    ch_levels_return(levels, &(ch_taken){.level = UINT64_MAX, .bucket = again.bucket, .amount = again.amount});
    assert_number(ch_levels_used(levels, &other, later_ns), "300");
}
END_TEST

/* ---- releases ---- */

START_TEST(test_releases_are_bounded_within_a_period)
{
    ch_taken taken[4];
    for (size_t i = 0; i < 4; i++)
        taken[i] = take_of(VALUE, "60", NOW + i * PART);
    assert_released(&taken[0], VALUE, NOW + 4 * PART, "60");
    assert_released(&taken[1], VALUE, NOW + 4 * PART, "40"); /* 100 of 1000 in a day */
    assert_released(&taken[2], VALUE, NOW + 4 * PART, "0");
    assert_used(VALUE, NOW + 4 * PART, "140");
    assert_released(&taken[3], VALUE, NOW + DAY + 4 * PART - 1, "0");
    ch_taken next = take_of(VALUE, "500", NOW + DAY + 4 * PART);
    assert_released(&next, VALUE, NOW + DAY + 5 * PART - 1, "0");
    assert_released(&next, VALUE, NOW + DAY + 5 * PART, "100");
    assert_used(VALUE, NOW + DAY + 5 * PART, "400");
}
END_TEST

START_TEST(test_no_more_is_released_than_was_taken)
{
    ch_taken taken = take_of(VALUE, "5", NOW);
    take_of(VALUE, "500", NOW + PART);
    taken.amount = number("50");
    assert_released(&taken, VALUE, NOW + PART, "5");
    assert_released(&taken, VALUE, NOW + PART, "0");
    assert_used(VALUE, NOW + PART, "500");
    ch_taken next = take_of(VALUE, "400", NOW + PART);
    assert_released(&next, VALUE, NOW + PART, "95"); /* 5 of 100 were released before */
}
END_TEST

START_TEST(test_what_no_longer_counts_is_not_released)
{
    ch_taken taken = take_of(VALUE, "5", NOW);
    assert_released(&taken, VALUE, NOW + DAY + PART, "0");
    ch_levels_sweep(levels, NOW + DAY + PART);
    assert_released(&taken, VALUE, NOW + DAY + PART, "0");
}
END_TEST

START_TEST(test_nothing_is_released_unless_policy_says_so)
{
    ch_taken taken = take_of(LOSS, "5", NOW);
    assert_released(&taken, LOSS, NOW, "0");
    assert_used(LOSS, NOW, "5");
}
END_TEST

START_TEST(test_closing_and_open_value_are_released_by_what_they_are)
{
    ch_charge closing = charge_of(VALUE, "40");
    closing.is_closing = true;
    ch_taken closed = take(&closing, NOW);
    assert_released(&closed, VALUE, NOW, "5"); /* a tenth of 50 */
    ch_taken open = take_of(OPEN, "900", NOW);
    assert_released(&open, OPEN, NOW + 400 * DAY, "900");
    assert_used(OPEN, NOW + 400 * DAY, "0");
}
END_TEST

CH_TESTS_WITH("levels", limits_set_up, limits_tear_down, CH_TEST_ROWS(test_what_fits, fits),
              CH_TEST(test_a_reserve_above_the_limit_leaves_nothing),
              CH_TEST(test_scopes_limits_and_closing_count_apart), CH_TEST(test_a_sum_that_does_not_fit_is_refused),
              CH_TEST(test_a_bucket_counts_until_it_is_wholly_outside), CH_TEST_ROWS(test_the_wait_is_exact, waits),
              CH_TEST(test_a_window_has_what_was_taken_in_it),
              CH_TEST_ROWS(test_what_the_clock_before_counted_goes_on_counting, backs),
              CH_TEST(test_a_day_that_comes_again_is_the_same_day), CH_TEST(test_what_is_returned_does_not_count),
              CH_TEST(test_no_more_returns_than_its_bucket_has), CH_TEST(test_a_return_after_its_bucket_is_harmless),
              CH_TEST(test_a_return_after_its_level_is_harmless), CH_TEST(test_releases_are_bounded_within_a_period),
              CH_TEST(test_no_more_is_released_than_was_taken), CH_TEST(test_what_no_longer_counts_is_not_released),
              CH_TEST(test_nothing_is_released_unless_policy_says_so),
              CH_TEST(test_closing_and_open_value_are_released_by_what_they_are))
