/* Levels: what a reload or a restart leaves of them, and how many there can be. */
#include "policy/levels.h"

#include "tests/support/suite.h"
#include "tests/unit/policy/limits.h"

#include <stdio.h>

/* ---- reloads ---- */

/* Binds the limits again, with another period for one of them. */
static bool reload(size_t limit, ch_period period, uint64_t now_ns)
{
    limits[limit].limit.per = period;
    return ch_levels_set_policy(levels, &limits_policy, now_ns);
}

/* clang-format off */
static const struct {
    const char *name;
    ch_period period;
    uint64_t end_ns; /* until then it counts */
} periods[] = {
    { "longer",       { .kind = CH_PERIOD_SLIDING, .ns = 10 * DAY }, NOW + 10 * DAY + 20 * PART },
    { "shorter",      { .kind = CH_PERIOD_SLIDING, .ns = DAY / 2 },  NOW + 10 * PART + DAY / 2 + PART / 2 },
    { "a little",     { .kind = CH_PERIOD_SLIDING, .ns = DAY + 60 }, 0 },
    { "a day",        { .kind = CH_PERIOD_DAY },                     NOW + DAY },
    { "a week",       { .kind = CH_PERIOD_WEEK },                    NOW + DAY },
    { "a month",      { .kind = CH_PERIOD_MONTH },                   NOW + 31 * DAY },
    { "for ever",     { .kind = CH_PERIOD_EVER },                    0 },
};
/* clang-format on */

START_TEST(test_another_period_gives_nothing_back)
{
    const uint64_t at_ns = NOW + 10 * PART;
    ch_taken first = take_of(VALUE, "400", NOW);
    ch_taken second = take_of(VALUE, "300", NOW + 9 * PART);
    ck_assert(reload(VALUE, periods[_i].period, at_ns));
    assert_used(VALUE, at_ns, "700");
    ch_levels_return(levels, &first); /* its bucket is gone */
    ch_levels_return(levels, &second);
    assert_used(VALUE, at_ns, "700");
    uint64_t end_ns = periods[_i].end_ns;
    if (end_ns == 0)
        return;
    assert_used(VALUE, end_ns - 1, "700");
    assert_used(VALUE, end_ns, "0");
}
END_TEST

START_TEST(test_a_period_that_comes_back_has_all)
{
    take_of(VALUE, "400", NOW);
    ck_assert(reload(VALUE, sliding(HOUR), NOW + PART));
    take_of(VALUE, "300", NOW + PART);
    ck_assert(reload(VALUE, sliding(DAY), NOW + PART));
    take_of(VALUE, "200", NOW + PART);
    assert_used(VALUE, NOW + PART + DAY, "900");
    assert_used(VALUE, NOW + 2 * PART + DAY, "0");
}
END_TEST

START_TEST(test_the_same_period_moves_nothing)
{
    ch_taken taken = take_of(VALUE, "400", NOW);
    take_of(CALENDAR, "1", NOW);
    limits[VALUE].limit.most = number("500");
    ck_assert(!reload(VALUE, sliding(DAY), NOW + PART));
    ch_charge charge = charge_of(VALUE, "101");
    ch_decimal used;
    ck_assert(!ch_levels_fits(levels, &charge, NOW + PART, &used));
    ch_levels_return(levels, &taken);
    assert_used(VALUE, NOW + PART, "0");
}
END_TEST

START_TEST(test_another_unit_or_scope_is_another_limit)
{
    take_of(VALUE, "400", NOW);
    limits[VALUE].limit.asset = "USDC";
    ck_assert(!reload(VALUE, sliding(DAY), NOW));
    assert_used(VALUE, NOW, "0");
    limits[VALUE].limit.by = CH_BY_ACCOUNT;
    ck_assert(!reload(VALUE, sliding(DAY), NOW));
    assert_used(VALUE, NOW, "0");
    limits[VALUE].limit.asset = "USDT";
    limits[VALUE].limit.by = CH_BY_CALLER;
    ck_assert(!reload(VALUE, sliding(DAY), NOW));
    assert_used(VALUE, NOW, "400"); /* and it is still there */
}
END_TEST

START_TEST(test_a_limit_that_is_taken_out_and_put_back_remembers)
{
    take_of(VALUE, "400", NOW);
    take_of(CALENDAR, "1", NOW);
    const ch_policy without = {.entries = NULL, .entry_count = 0};
    ck_assert(!ch_levels_set_policy(levels, &without, NOW + PART));
    ch_levels_sweep(levels, NOW + PART);
    ck_assert(reload(VALUE, sliding(HOUR), NOW + 2 * PART));
    assert_used(VALUE, NOW + 2 * PART, "400");
    assert_used(CALENDAR, NOW + 2 * PART, "1");
}
END_TEST

static void add_amount(void *context, const ch_level_row *row)
{
    ch_decimal *sum = context;
    ck_assert(ch_decimal_add(*sum, row->amount, sum));
}

/* All that counts. */
static ch_decimal held_at(const ch_levels *of, uint64_t now_ns)
{
    ch_decimal sum = CH_DECIMAL_ZERO;
    ch_levels_each(of, now_ns, add_amount, &sum);
    return sum;
}

START_TEST(test_a_zone_further_west_gives_no_second_day)
{
    ch_zone *zone;
    ch_error err = CH_ERROR_INIT;
    ck_assert_msg(ch_zone_load("America/New_York", &zone, &err) == CH_OK, "%s", err.message);
    take_of(CALENDAR, "2", NOW);
    const ch_period there = {.kind = CH_PERIOD_DAY, .zone = zone};
    ck_assert(!reload(CALENDAR, there, NOW + HOUR)); /* there the day ends sooner: it counts as long as before */
    assert_used(CALENDAR, NOW + DAY - 1, "2");
    assert_used(CALENDAR, NOW + DAY, "0");
    take_of(CALENDAR, "2", NOW + DAY); /* 19:00 there, and the day ends in five hours */
    ck_assert(reload(CALENDAR, (ch_period){.kind = CH_PERIOD_DAY}, NOW + DAY + HOUR));
    assert_used(CALENDAR, NOW + 2 * DAY - 1, "2");
    assert_used(CALENDAR, NOW + 2 * DAY, "0");
    ch_zone_free(zone);
}
END_TEST

/* The snapshot that a reload asks for may not come to the disk before the agent dies. */
START_TEST(test_a_day_that_became_longer_counts_what_it_had_counted)
{
    const uint64_t end = NOW + DAY;
    const char *const shape = "day value-window by-caller USDT";
    ch_level_row row = {.limit = CH_LITERAL("calendar"),
                        .shape = ch_slice_of(shape),
                        .scope = SCOPE,
                        .bucket = end,
                        .amount = number("3"),
                        .at_ns = NOW};
    ch_levels_restore(levels, &row);
    row.bucket = end + 5 * HOUR;
    row.amount = number("2");
    row.at_ns = end - 1;
    ch_levels_restore(levels, &row);
    assert_number(held_at(levels, NOW), "5");
    row.bucket = end + DAY;
    row.at_ns = end + 5 * HOUR;
    ch_levels_restore(levels, &row);
    assert_number(held_at(levels, NOW), "2");
}
END_TEST

/* ---- what survives ---- */

static ch_levels *copy;

static void copy_row(void *context, const ch_level_row *row)
{
    (void)context;
    ch_levels_restore(copy, row);
}

static void count_row(void *context, const ch_level_row *row)
{
    size_t *count = context;
    ck_assert(row->limit.size > 0 && row->shape.size > 0);
    ++*count;
}

static size_t count_rows(const ch_levels *of, uint64_t now_ns)
{
    size_t count = 0;
    ch_levels_each(of, now_ns, count_row, &count);
    return count;
}

/* As after a restart from a snapshot at `now_ns`. */
static void restart(uint64_t now_ns)
{
    copy = ch_levels_new();
    ch_levels_each(levels, now_ns, copy_row, NULL);
    ch_levels_free(levels);
    levels = copy;
}

START_TEST(test_levels_survive_a_restart)
{
    ch_charge closing = charge_of(VALUE, "30");
    closing.is_closing = true;
    for (uint64_t i = 0; i < 90; i++)
        take_of(VALUE, "1.5", NOW + i * PART);
    const uint64_t at_ns = NOW + 89 * PART;
    ch_taken closed = take(&closing, at_ns);
    take_of(OPEN, "7", at_ns);
    take_of(CALENDAR, "0.5", at_ns);
    ch_levels_release(levels, &closed, &limits[VALUE], CH_REPORTER_BOT, at_ns);
    ck_assert_uint_eq(count_rows(levels, at_ns), 61 + 4);
    restart(at_ns);
    ck_assert(!ch_levels_set_policy(levels, &limits_policy, at_ns));
    assert_used(VALUE, at_ns, "91.5");
    assert_used(VALUE, at_ns + PART, "90");
    assert_used(OPEN, at_ns, "7");
    assert_used(CALENDAR, at_ns, "0.5");
    assert_number(ch_levels_used(levels, &closing, at_ns), "25");
    closed = take(&closing, at_ns);
    assert_released(&closed, VALUE, at_ns, "0"); /* what was released is remembered too */
}
END_TEST

START_TEST(test_a_restart_with_another_period_gives_nothing_back)
{
    take_of(VALUE, "400", NOW);
    take_of(CALENDAR, "2", NOW);
    restart(NOW);
    limits[CALENDAR].limit.per = sliding(DAY);
    ck_assert(reload(VALUE, sliding(10 * DAY), NOW + HOUR));
    assert_used(VALUE, NOW + 9 * DAY, "400");
    assert_used(CALENDAR, NOW + DAY, "2");
}
END_TEST

START_TEST(test_rows_that_were_over_when_later_ones_came_do_not_count)
{
    copy = ch_levels_new();
    for (uint64_t i = 0; i < 500; i++) {
        ch_taken taken = take_of(VALUE, "1", NOW + i * PART);
        ch_level_row row = ch_levels_row(levels, &taken);
        ch_levels_restore(copy, &row);
    }
    ch_levels_free(levels);
    levels = copy;
    ch_levels_set_policy(levels, &limits_policy, NOW + 499 * PART);
    assert_used(VALUE, NOW + 499 * PART, "61");
}
END_TEST

START_TEST(test_a_row_that_waited_until_it_was_over_does_not_count)
{
    ch_taken late = take_of(VALUE, "400", NOW);
    ch_taken soon = take_of(VALUE, "5", NOW + 60 * PART);
    ch_level_row rows[] = {ch_levels_row(levels, &late), ch_levels_row(levels, &soon)};
    copy = ch_levels_new();
    ch_levels_restore(copy, &rows[1]);
    ch_levels_restore(copy, &rows[0]); /* its window is just not over */
    rows[1].bucket++;
    ch_levels_restore(copy, &rows[1]);
    ch_levels_restore(copy, &rows[0]); /* and now it is */
    ch_levels_free(levels);
    levels = copy;
    ch_levels_set_policy(levels, &limits_policy, NOW + 60 * PART);
    assert_used(VALUE, NOW + 60 * PART, "10");
}
END_TEST

START_TEST(test_a_returned_row_does_not_count)
{
    ch_taken kept = take_of(VALUE, "400", NOW);
    ch_taken given = take_of(VALUE, "300", NOW + PART);
    ch_level_row rows[] = {ch_levels_row(levels, &kept), ch_levels_row(levels, &given)};
    copy = ch_levels_new();
    ch_levels_restore_return(copy, &rows[1]); /* nothing is there yet */
    ch_levels_restore(copy, &rows[0]);
    ch_levels_restore(copy, &rows[1]);
    ch_levels_restore_return(copy, &rows[1]);
    ch_taken found;
    ck_assert(ch_levels_find_row(copy, &rows[0], &found));
    ck_assert(!ch_levels_find_row(copy, &rows[1], &found));
    ch_levels_free(levels);
    levels = copy;
    ch_levels_set_policy(levels, &limits_policy, NOW + PART);
    assert_used(VALUE, NOW + PART, "400");
}
END_TEST

START_TEST(test_what_was_taken_before_a_restart_can_be_given_back)
{
    ch_taken taken = take_of(VALUE, "60", NOW);
    ch_level_row row = ch_levels_row(levels, &taken);
    char texts[3][100];
    snprintf(texts[0], sizeof texts[0], "%.*s", CH_SLICE_ARGS(row.limit));
    snprintf(texts[1], sizeof texts[1], "%.*s", CH_SLICE_ARGS(row.shape));
    snprintf(texts[2], sizeof texts[2], "%.*s", CH_SLICE_ARGS(row.scope));
    row.limit = ch_slice_of(texts[0]);
    row.shape = ch_slice_of(texts[1]);
    row.scope = ch_slice_of(texts[2]);
    restart(NOW);
    ch_levels_set_policy(levels, &limits_policy, NOW);
    ck_assert(ch_levels_find_row(levels, &row, &taken));
    assert_released(&taken, VALUE, NOW, "60");
    ch_level_row released = ch_levels_released_row(levels, &taken, number("60"), NOW);
    ck_assert(released.is_released && ch_slice_equal(released.scope, SCOPE));
    assert_used(VALUE, NOW, "0");
    ck_assert(!ch_levels_find_row(levels, &row, &taken));
}
END_TEST

/* clang-format off */
static const char *const shapes[] = {
    "", " ", "day", "sliding", "sliding- value-window by-caller USDT", "sliding-0 value-window by-caller USDT",
    "sliding-99999999999999999999999 value-window by-caller USDT", "sliding--5 value-window by-caller USDT",
    "yesterday value-window by-caller USDT",
};
/* clang-format on */

START_TEST(test_a_row_that_is_not_understood_counts_for_itself)
{
    const ch_level_row row = {CH_LITERAL("value"), ch_slice_of(shapes[_i]), SCOPE, false, false, 5, number("3"), 0};
    const ch_level_row beyond = {
        CH_LITERAL("value"), ch_slice_of(shapes[_i]), SCOPE, false, false, UINT64_MAX, number("3"), 0};
    ch_levels_restore(levels, &row);
    ch_levels_restore(levels, &beyond);
    ch_levels_restore(levels, &(ch_level_row){0});
    ch_levels_set_policy(levels, &limits_policy, NOW);
    assert_used(VALUE, NOW, "0");
}
END_TEST

/* ---- how many ---- */

START_TEST(test_scopes_that_are_made_up_use_up_one_limit_only)
{
    ch_charge charge = charge_of(LOSS, "1");
    ch_error err = CH_ERROR_INIT;
    ch_taken taken;
    for (size_t i = 0; i <= CH_LEVELS_OF_LIMIT_MAX; i++) {
        char scope[40];
        snprintf(scope, sizeof scope, "symbol=%zu", i);
        charge.scope = ch_slice_of(scope);
        ck_assert_int_eq(ch_levels_take(levels, &charge, NOW, &taken, &err),
                         i < CH_LEVELS_OF_LIMIT_MAX ? CH_OK : CH_REFUSED);
    }
    ck_assert_str_eq(err.rule, "loss");
    charge.scope = CH_LITERAL("symbol=7");
    take(&charge, NOW); /* what is counted already goes on being counted */
    assert_number(ch_levels_used(levels, &charge, NOW), "2");
    take_of(VALUE, "1", NOW);
    charge.scope = CH_LITERAL("symbol=new");
    take(&charge, NOW + 2 * HOUR); /* they make room by themselves */
    ck_assert_uint_eq(count_rows(levels, NOW + 2 * HOUR), 2);
}
END_TEST

/* How many scopes that are made up the caller gets. */
static size_t take_all(const char *caller, uint64_t now_ns)
{
    ch_charge charge = charge_of(LOSS, "1");
    ch_error err = CH_ERROR_INIT;
    ch_taken taken;
    for (size_t i = 0;; i++) {
        char scope[40];
        snprintf(scope, sizeof scope, "caller=%s;quantity=%zu", caller, i);
        charge.scope = ch_slice_of(scope);
        if (ch_levels_take(levels, &charge, now_ns, &taken, &err) != CH_OK)
            return i;
    }
}

START_TEST(test_a_caller_leaves_scopes_to_others)
{
    ck_assert_uint_eq(take_all("greedy", NOW), CH_LEVELS_OF_LIMIT_MAX / 4 * 3);
    ck_assert_uint_eq(take_all("maker", NOW), CH_LEVELS_OF_LIMIT_MAX / 8);
    ck_assert_uint_eq(take_all("taker", NOW), CH_LEVELS_OF_LIMIT_MAX / 8);
    ck_assert_uint_eq(take_all("late", NOW), 16); /* its first few are besides */
    ck_assert_uint_eq(take_all("late", NOW + 2 * HOUR), CH_LEVELS_OF_LIMIT_MAX / 4 * 3);
}
END_TEST

START_TEST(test_a_limit_of_no_policy_is_found_by_its_name)
{
    ch_entry_rule entry = limits[VALUE];
    ch_charge charge = {.entry = &entry, .scope = SCOPE, .amount = number("1")};
    take_of(VALUE, "5", NOW);
    assert_number(ch_levels_used(levels, &charge, NOW), "5");
    entry.name = "another";
    assert_number(ch_levels_used(levels, &charge, NOW), "0");
    take(&charge, NOW);
    assert_number(ch_levels_used(levels, &charge, NOW), "1");
    ch_levels_sweep(levels, NOW + 2 * DAY);
    assert_number(ch_levels_used(levels, &charge, NOW + 2 * DAY), "0");
    ck_assert_uint_eq(count_rows(levels, NOW + 2 * DAY), 0);
}
END_TEST

CH_TESTS_WITH("levels_keep", limits_set_up, limits_tear_down,
              CH_TEST_ROWS(test_another_period_gives_nothing_back, periods),
              CH_TEST(test_a_period_that_comes_back_has_all), CH_TEST(test_the_same_period_moves_nothing),
              CH_TEST(test_another_unit_or_scope_is_another_limit),
              CH_TEST(test_a_limit_that_is_taken_out_and_put_back_remembers),
              CH_TEST(test_a_zone_further_west_gives_no_second_day),
              CH_TEST(test_a_day_that_became_longer_counts_what_it_had_counted), CH_TEST(test_levels_survive_a_restart),
              CH_TEST(test_a_restart_with_another_period_gives_nothing_back),
              CH_TEST(test_rows_that_were_over_when_later_ones_came_do_not_count),
              CH_TEST(test_a_row_that_waited_until_it_was_over_does_not_count),
              CH_TEST(test_a_returned_row_does_not_count),
              CH_TEST(test_what_was_taken_before_a_restart_can_be_given_back),
              CH_TEST_ROWS(test_a_row_that_is_not_understood_counts_for_itself, shapes),
              CH_TEST(test_scopes_that_are_made_up_use_up_one_limit_only),
              CH_TEST(test_a_caller_leaves_scopes_to_others), CH_TEST(test_a_limit_of_no_policy_is_found_by_its_name))
