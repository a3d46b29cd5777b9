/* Times that requests named ahead of the clock: of whom they are, what a start makes of them, and when they go. */
#include "agent/core/own_times.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

#include <stdio.h>

#define NOW_NS UINT64_C(1764000000000000000)
#define SECOND UINT64_C(1000000000)

static ch_own_times *table;
static ch_buffer lines;

static void set_up(void)
{
    table = ch_own_times_new();
}

static void tear_down(void)
{
    ch_own_times_free(table);
    ch_buffer_free(&lines);
}

static void note(const char *caller, const char *key, uint64_t own_ns)
{
    ch_own_times_note(table, ch_slice_of(caller), ch_slice_of(key), own_ns, &lines);
}

static uint64_t before(const char *caller, const char *key)
{
    return ch_own_times_before(table, ch_slice_of(caller), ch_slice_of(key));
}

static bool read_line(const char *text)
{
    ch_line line = {.count = 0};
    ch_line_split(ch_slice_of(text), &line);
    bool is_read = ch_own_times_read(table, &line);
    ch_line_free(&line);
    return is_read;
}

static void check_all(uint64_t now_ns, const char *expected)
{
    ch_autobuffer all = CH_BUFFER_INIT;
    ch_own_times_add_all(table, now_ns, &all);
    ck_assert_str_eq(ch_buffer_text(&all), expected);
}

START_TEST(test_what_is_noted_forbids_nothing_before_the_next_start)
{
    note("maker", "main", NOW_NS + 5);
    ck_assert_uint_eq(before("maker", "main"), 0);
    ck_assert(read_line("W\tmaker\tmain\t1764000000000000003"));
    note("maker", "main", NOW_NS + 9);
    ck_assert_uint_eq(before("maker", "main"), NOW_NS + 3);
    check_all(NOW_NS, "W\tmaker\tmain\t1764000000000000009\n");
}
END_TEST

START_TEST(test_every_row_says_its_own_time)
{
    note("maker", "main", NOW_NS + 9);
    note("maker", "main", NOW_NS + 5);
    ck_assert_str_eq(ch_buffer_text(&lines),
                     "W\tmaker\tmain\t1764000000000000009\nW\tmaker\tmain\t1764000000000000005\n");
    check_all(NOW_NS, "W\tmaker\tmain\t1764000000000000009\n");
}
END_TEST

START_TEST(test_the_newest_of_before_counts_in_whatever_order)
{
    ck_assert(read_line("W\tmaker\tmain\t7"));
    ck_assert(read_line("W\tmaker\tmain\t9"));
    ck_assert(read_line("W\tmaker\tmain\t8"));
    ck_assert_uint_eq(before("maker", "main"), 9);
    ck_assert_uint_eq(ch_own_times_count(table), 1);
}
END_TEST

START_TEST(test_no_other_caller_or_key_has_it)
{
    static const char *const names[] = {"b", "", "a", "bb", "c", "b c"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "W\t%s\tk\t%zu", i == 5 ? "b%20c" : names[i], i + 1);
        ck_assert_msg(read_line(line), "%s", line);
    }
    ck_assert(read_line("W\tb\tj\t70"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_uint_eq(before(names[i], "k"), i + 1);
    ck_assert_uint_eq(before("b", "j"), 70);
    ck_assert_uint_eq(before("a", "j"), 0);
    ck_assert_uint_eq(before("d", "k"), 0);
}
END_TEST

START_TEST(test_the_last_decision_of_before_counts_for_everybody)
{
    ck_assert(read_line("W\tmaker\tmain\t7"));
    ch_own_times_note_decision(table, 9);
    ck_assert_uint_eq(before("maker", "main"), 7);
    ck_assert_uint_eq(before("other", "main"), 0);
    ch_own_times_restore_decision(table, 8);
    ch_own_times_restore_decision(table, 6);
    ck_assert_uint_eq(before("maker", "main"), 8);
    ck_assert_uint_eq(before("other", "main"), 8);
    check_all(0, "W\t\t\t9\nW\tmaker\tmain\t7\n");
}
END_TEST

/* clang-format off */
static const struct {
    const char *name;
    int64_t from_now_s;
    bool is_kept;
} ages[] = {
    { "still to come",                    30,          true  },
    { "just past",                        -1,          true  },
    { "past, but the clock may go back",  -24 * 3600,  true  },
    { "long past",                        -49 * 3600,  false },
    { "a nonce of a day ahead",           24 * 3600,   true  },
    { "of a clock that was set back",     49 * 3600,   false },
};
/* clang-format on */

START_TEST(test_what_can_matter_no_more_is_forgotten)
{
    note("maker", "main", (uint64_t)((int64_t)NOW_NS + ages[_i].from_now_s * (int64_t)SECOND));
    note("other", "main", NOW_NS);
    ch_autobuffer all = CH_BUFFER_INIT;
    ch_own_times_add_all(table, NOW_NS, &all);
    ck_assert_msg((ch_buffer_text(&all)[2] == 'm') == ages[_i].is_kept, "%s", ages[_i].name);
    ch_own_times_sweep(table, NOW_NS);
    ck_assert_msg(ch_own_times_count(table) == 1U + ages[_i].is_kept, "%s", ages[_i].name);
    check_all(NOW_NS, ch_buffer_text(&all));
    ch_own_times_sweep(table, NOW_NS + 100 * 3600 * SECOND);
    ck_assert_uint_eq(ch_own_times_count(table), 0);
}
END_TEST

START_TEST(test_what_was_noted_is_of_before_if_the_clock_was_set_back)
{
    note("maker", "main", NOW_NS + SECOND);
    ch_own_times_note_decision(table, NOW_NS);
    ch_own_times_begin_anew(table);
    ck_assert_uint_eq(before("maker", "main"), NOW_NS + SECOND);
    ck_assert_uint_eq(before("taker", "main"), NOW_NS);
    note("maker", "main", NOW_NS + 2 * SECOND);
    ck_assert_uint_eq(before("maker", "main"), NOW_NS + SECOND);
}
END_TEST

static const char *const bad[] = {"W",
                                  "W\tmaker\tmain",
                                  "W\tmaker\tmain\t1\t1",
                                  "W\tmaker\tmain\t",
                                  "W\tmaker\tmain\t-1",
                                  "W\tmaker\tmain\t1.5",
                                  "W\tmaker\tmain\t18446744073709551616",
                                  "W\tmaker%00\tmain\t1",
                                  "W\tmaker\tmain%0\t1"};

START_TEST(test_a_damaged_line_is_not_read)
{
    ck_assert_msg(!read_line(bad[_i]), "%s", bad[_i]);
    ck_assert_uint_eq(ch_own_times_count(table), 0);
}
END_TEST

CH_TESTS_WITH("own times", set_up, tear_down, CH_TEST(test_what_is_noted_forbids_nothing_before_the_next_start),
              CH_TEST(test_every_row_says_its_own_time), CH_TEST(test_the_newest_of_before_counts_in_whatever_order),
              CH_TEST(test_no_other_caller_or_key_has_it),
              CH_TEST(test_the_last_decision_of_before_counts_for_everybody),
              CH_TEST(test_what_was_noted_is_of_before_if_the_clock_was_set_back),
              CH_TEST_ROWS(test_what_can_matter_no_more_is_forgotten, ages),
              CH_TEST_ROWS(test_a_damaged_line_is_not_read, bad))
