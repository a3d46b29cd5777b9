/* When an unlock ends, by a clock that the tests set. */
#include "policy/unlock.h"

#include "tests/support/suite.h"

#include <stddef.h>

#define S 1000000000LL
#define START (1000 * S)

typedef enum what { END_OF_STEPS, USE, NARROW_FOR, NARROW_IDLE } what;

/* At so many seconds after the unlock: a use, or policy says so many seconds. */
typedef struct change {
    what what;
    uint64_t at_s;
    uint64_t value_s;
} change;

/* clang-format off */
static const struct {
    const char *name;
    uint64_t for_s;
    uint64_t idle_s;
    change steps[4];
    uint64_t end_s; /* after the unlock; 0: never */
    ch_unlock_end by;
} cases[] = {
    /* name                                       for   idle  steps                                                   end    by */
    { "no end",                                   0,    0,    {{0}},                                                  0,     CH_UNLOCK_LASTS },
    { "a use of what has no end",                 0,    0,    {{USE, 5, 0}},                                          0,     CH_UNLOCK_LASTS },
    { "for",                                      60,   0,    {{0}},                                                  60,    CH_UNLOCK_FOR },
    { "a use does not prolong for",               60,   0,    {{USE, 59, 0}},                                         60,    CH_UNLOCK_FOR },
    { "idle",                                     0,    10,   {{0}},                                                  10,    CH_UNLOCK_IDLE },
    { "a use prolongs idle",                      0,    10,   {{USE, 9, 0}},                                          19,    CH_UNLOCK_IDLE },
    { "a use at the end is too late",             0,    10,   {{USE, 10, 0}},                                         10,    CH_UNLOCK_IDLE },
    { "a late use prolongs nothing",              0,    10,   {{USE, 11, 0}},                                         10,    CH_UNLOCK_IDLE },
    { "an earlier use does not shorten",          0,    10,   {{USE, 8, 0}, {USE, 3, 0}},                             18,    CH_UNLOCK_IDLE },
    { "idle before for",                          60,   10,   {{0}},                                                  10,    CH_UNLOCK_IDLE },
    { "three uses prolong idle",                  60,   10,   {{USE, 9, 0}, {USE, 18, 0}, {USE, 27, 0}},              37,    CH_UNLOCK_IDLE },
    { "uses up to for",                           25,   10,   {{USE, 9, 0}, {USE, 18, 0}, {USE, 24, 0}},              25,    CH_UNLOCK_FOR },
    { "both at once are for",                     20,   10,   {{USE, 9, 0}, {USE, 10, 0}},                            20,    CH_UNLOCK_FOR },
    { "policy shortens for",                      60,   0,    {{NARROW_FOR, 5, 30}},                                  30,    CH_UNLOCK_FOR },
    { "policy shortens for to what has passed",   60,   0,    {{NARROW_FOR, 40, 30}},                                 30,    CH_UNLOCK_FOR },
    { "policy lengthens for",                     60,   0,    {{NARROW_FOR, 5, 90}},                                  60,    CH_UNLOCK_FOR },
    { "policy drops for",                         60,   0,    {{NARROW_FOR, 5, 0}},                                   60,    CH_UNLOCK_FOR },
    { "shorter and longer again",                 60,   0,    {{NARROW_FOR, 5, 30}, {NARROW_FOR, 6, 60}},             30,    CH_UNLOCK_FOR },
    { "policy begins to limit",                   0,    0,    {{NARROW_FOR, 5, 30}},                                  30,    CH_UNLOCK_FOR },
    { "policy begins to limit idleness",          0,    0,    {{USE, 4, 0}, {NARROW_IDLE, 5, 30}},                    34,    CH_UNLOCK_IDLE },
    { "policy lengthens idle",                    0,    10,   {{NARROW_IDLE, 5, 30}},                                 10,    CH_UNLOCK_IDLE },
    { "policy shortens idle, and it ends",        0,    10,   {{NARROW_IDLE, 5, 3}, {USE, 6, 0}},                     3,     CH_UNLOCK_IDLE },
};
/* clang-format on */

static void take_step(ch_unlock_time *time, const change *step)
{
    ch_unlock_ends ends = {0};
    if (step->what == USE)
        ch_unlock_use(time, START + step->at_s * S);
    if (step->what == NARROW_FOR)
        ends.for_ns = step->value_s * S;
    if (step->what == NARROW_IDLE)
        ends.idle_ns = step->value_s * S;
    if (step->what != USE)
        ch_unlock_narrow(time, &ends);
}

START_TEST(test_an_unlock_ends)
{
    ch_unlock_time time;
    ch_unlock_end by;
    const ch_unlock_ends ends = {.for_ns = cases[_i].for_s * S, .idle_ns = cases[_i].idle_s * S};
    uint64_t end_ns = cases[_i].end_s == 0 ? CH_UNLOCK_NEVER : START + cases[_i].end_s * S;
    ch_unlock_begin(&time, &ends, START);
    for (size_t i = 0; i < 4 && cases[_i].steps[i].what != END_OF_STEPS; i++)
        take_step(&time, &cases[_i].steps[i]);
    ck_assert_msg(ch_unlock_end_ns(&time, &by) == end_ns && by == cases[_i].by, "%s: %llu", cases[_i].name,
                  (unsigned long long)(ch_unlock_end_ns(&time, &by) - START));
    ck_assert_int_eq(ch_unlock_ended(&time, end_ns - 1), CH_UNLOCK_LASTS);
    ck_assert(cases[_i].end_s == 0 || ch_unlock_ended(&time, end_ns) == cases[_i].by);
}
END_TEST

/* clang-format off */
static const struct {
    int64_t before_ns;
    int64_t now_ns;
    bool was;
} sleeps[] = {
    /* before       now            was */
    { 0,            0,             false },
    { 5 * S,        5 * S,         false },
    { 5 * S,        4 * S,         false },
    { 5 * S,        8 * S,         false },
    { 5 * S,        8 * S + 1,     true },
    { 0,            3600 * S,      true },
    { 7200 * S,     7200 * S + 1,  false },
    { -9 * S,       -9 * S,        false },
    { -9 * S,       -5 * S,        true },
};
/* clang-format on */

START_TEST(test_a_machine_that_slept_is_seen)
{
    ck_assert(ch_unlock_was_suspended(sleeps[_i].before_ns, sleeps[_i].now_ns) == sleeps[_i].was);
}
END_TEST

START_TEST(test_a_freeze_ends_what_does_not_survive_one)
{
    ch_unlock_time time;
    ch_unlock_end by;
    const ch_unlock_ends survives = {.for_ns = 60 * S};
    const ch_unlock_ends does_not = {.for_ns = 90 * S, .by_freeze = true};
    ch_unlock_begin(&time, &survives, START);
    ch_unlock_freeze(&time);
    ck_assert_int_eq(ch_unlock_ended(&time, START + 59 * S), CH_UNLOCK_LASTS);
    ch_unlock_narrow(&time, &does_not); /* a freeze of before does not count */
    ck_assert_int_eq(ch_unlock_ended(&time, START + 59 * S), CH_UNLOCK_LASTS);
    ch_unlock_narrow(&time, &survives); /* what is longer holds from the next unlock on */
    ch_unlock_freeze(&time);
    ck_assert_int_eq(ch_unlock_ended(&time, START + S), CH_UNLOCK_FREEZE);
    ck_assert_uint_eq(ch_unlock_end_ns(&time, &by), 0);
    ck_assert_int_eq(by, CH_UNLOCK_FREEZE);
    ch_unlock_begin(&time, &does_not, START + S);
    ck_assert_int_eq(ch_unlock_ended(&time, START + 2 * S), CH_UNLOCK_LASTS);
}
END_TEST

START_TEST(test_ends_have_the_names_of_the_policys_fields)
{
    ck_assert_str_eq(ch_unlock_end_name(CH_UNLOCK_FOR), "for");
    ck_assert_str_eq(ch_unlock_end_name(CH_UNLOCK_IDLE), "idle");
    ck_assert_str_eq(ch_unlock_end_name(CH_UNLOCK_SUSPEND), "suspend");
    ck_assert_str_eq(ch_unlock_end_name(CH_UNLOCK_REMOVAL), "removal");
    ck_assert_str_eq(ch_unlock_end_name(CH_UNLOCK_FREEZE), "freeze");
    ck_assert_str_eq(ch_unlock_end_name(CH_UNLOCK_LASTS), "");
}
END_TEST

CH_TESTS("unlock", CH_TEST_ROWS(test_an_unlock_ends, cases), CH_TEST_ROWS(test_a_machine_that_slept_is_seen, sleeps),
         CH_TEST(test_a_freeze_ends_what_does_not_survive_one), CH_TEST(test_ends_have_the_names_of_the_policys_fields))
