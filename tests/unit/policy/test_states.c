/* Trading states of callers and keys, and which of several counts. */
#include "policy/states.h"

#include "base/buffer.h"
#include "base/slice.h"
#include "tests/support/dice.h"
#include "tests/support/suite.h"
#include "tests/unit/policy/policy_rig.h"

#include <stdio.h>
#include <string.h>

#define ACTIVE CH_TRADING_ACTIVE
#define REDUCING CH_TRADING_REDUCING
#define HALTED CH_TRADING_HALTED

static ch_caller callers[70];
static char names[70][8];
static const ch_policy policy = {.callers = callers, .caller_count = 70};
static ch_states *states;

static void set_up(void)
{
    for (size_t i = 0; i < CH_ROWS(callers); i++) {
        snprintf(names[i], sizeof names[i], "c%zu", i);
        callers[i].name = names[i];
    }
    states = ch_states_new();
}

static void tear_down(void)
{
    ch_states_free(states);
}

static ch_state_row row(ch_state_of of, const char *name, ch_trading state, uint64_t until_ns)
{
    return (ch_state_row){of, ch_slice_of(name), state, until_ns, ch_slice_of("why")};
}

static void set(ch_state_of of, const char *name, ch_trading state, uint64_t until_ns)
{
    ch_state_row made = row(of, name, state, until_ns);
    ch_states_set(states, &made);
}

static bool tighten(const char *name, ch_trading state, uint64_t until_ns, uint64_t now_ns)
{
    ch_state_row made = row(CH_STATE_OF_CALLER, name, state, until_ns);
    return ch_states_tighten(states, &made, now_ns);
}

/* The state for the callers at those two positions (they may be one) and the key. */
static ch_trading find(size_t one, size_t other, const char *key_name, uint64_t now_ns)
{
    ch_caller_set set = {{0}};
    set.bits[one / 64] |= (uint64_t)1 << (one % 64);
    set.bits[other / 64] |= (uint64_t)1 << (other % 64);
    char name[16];
    snprintf(name, sizeof name, "%s", key_name);
    const ch_key key = {.name = name};
    ch_state_row why;
    ch_trading found = ch_states_find(states, &policy, &set, &key, now_ns, &why);
    ck_assert_int_eq(why.state, found);
    ck_assert_uint_eq(why.why.size, found == ACTIVE ? 0 : 3);
    return found;
}

START_TEST(test_all_are_active_at_first)
{
    ch_state_row out;
    ck_assert_int_eq(find(0, 69, "k", 1), ACTIVE);
    ck_assert(!ch_states_at(states, 0, &out));
    ch_states_free(NULL);
}
END_TEST

START_TEST(test_the_worst_state_counts)
{
    set(CH_STATE_OF_CALLER, "c3", REDUCING, 0);
    set(CH_STATE_OF_CALLER, "c69", HALTED, 0);
    set(CH_STATE_OF_KEY, "k", REDUCING, 0);
    ck_assert_int_eq(find(2, 2, "other", 1), ACTIVE);
    ck_assert_int_eq(find(3, 3, "other", 1), REDUCING);
    ck_assert_int_eq(find(2, 2, "k", 1), REDUCING);
    ck_assert_int_eq(find(2, 69, "other", 1), HALTED);
    ck_assert_int_eq(find(3, 69, "k", 1), HALTED);
    set(CH_STATE_OF_KEY, "k", HALTED, 0);
    ck_assert_int_eq(find(3, 3, "k", 1), HALTED);
}
END_TEST

START_TEST(test_a_caller_and_a_key_may_have_one_name)
{
    set(CH_STATE_OF_KEY, "c3", HALTED, 0);
    ck_assert_int_eq(find(3, 3, "k", 1), ACTIVE);
    ck_assert_int_eq(find(4, 4, "c3", 1), HALTED);
    set(CH_STATE_OF_CALLER, "c3", REDUCING, 0);
    set(CH_STATE_OF_KEY, "c3", ACTIVE, 0);
    ck_assert_int_eq(find(3, 3, "c3", 1), REDUCING);
}
END_TEST

START_TEST(test_who_was_found_is_named)
{
    set(CH_STATE_OF_CALLER, "c1", REDUCING, 77);
    ch_caller_set two = {{1U << 1 | 1U << 2}};
    char name[] = "k";
    const ch_key key = {.name = name};
    ch_state_row why;
    ck_assert_int_eq(ch_states_find(states, &policy, &two, &key, 76, &why), REDUCING);
    ck_assert(why.of == CH_STATE_OF_CALLER && ch_slice_is(why.name, "c1") && why.until_ns == 77);
    ck_assert(ch_slice_is(why.why, "why"));
}
END_TEST

START_TEST(test_a_state_ends_at_its_time)
{
    set(CH_STATE_OF_CALLER, "c1", HALTED, 1000);
    ck_assert_int_eq(find(1, 1, "k", 999), HALTED);
    ck_assert_int_eq(find(1, 1, "k", 1000), ACTIVE);
    set(CH_STATE_OF_CALLER, "c2", REDUCING, 0);
    ck_assert_int_eq(find(1, 2, "k", 1000), REDUCING);
    ck_assert_int_eq(find(2, 2, "k", UINT64_MAX), REDUCING);
}
END_TEST

START_TEST(test_positions_beyond_the_policy_are_nobody)
{
    const ch_policy small = {.callers = callers, .caller_count = 2};
    ch_caller_set all = {
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}
    };
    char name[] = "k";
    const ch_key key = {.name = name};
    ch_state_row why;
    set(CH_STATE_OF_CALLER, "c5", HALTED, 0);
    ck_assert_int_eq(ch_states_find(states, &small, &all, &key, 1, &why), ACTIVE);
    ck_assert_int_eq(ch_states_find(states, &policy, &all, &key, 1, &why), HALTED);
}
END_TEST

/* ---- tighten ---- */

/* clang-format off */
typedef struct stage {
    ch_trading state;
    uint64_t until_ns;
} stage;

static const struct {
    const char *name;
    stage old;
    stage asked;
    stage then; /* the time is 100 */
    bool changes;
} tightened[] = {
    /* name                        old                asked              then */
    { "nothing there",             { ACTIVE, 0 },     { REDUCING, 200 }, { REDUCING, 200 }, true },
    { "worse",                     { REDUCING, 200 }, { HALTED, 200 },   { HALTED, 200 },   true },
    { "worse, for shorter",        { REDUCING, 0 },   { HALTED, 200 },   { HALTED, 0 },     true },
    { "the same, for longer",      { REDUCING, 200 }, { REDUCING, 300 }, { REDUCING, 300 }, true },
    { "the same, until operator",  { REDUCING, 200 }, { REDUCING, 0 },   { REDUCING, 0 },   true },
    { "milder, but for longer",    { HALTED, 200 },   { REDUCING, 0 },   { HALTED, 0 },     true },
    { "of a time that has come",   { HALTED, 100 },   { REDUCING, 200 }, { REDUCING, 200 }, true },
    { "milder",                    { HALTED, 0 },     { REDUCING, 0 },   { HALTED, 0 },     false },
    { "milder, for shorter",       { HALTED, 0 },     { REDUCING, 200 }, { HALTED, 0 },     false },
    { "the same",                  { HALTED, 200 },   { HALTED, 200 },   { HALTED, 200 },   false },
    { "the same, for shorter",     { HALTED, 200 },   { HALTED, 150 },   { HALTED, 200 },   false },
    { "active",                    { HALTED, 200 },   { ACTIVE, 0 },     { HALTED, 200 },   false },
};
/* clang-format on */

START_TEST(test_limits_never_loosen_a_state)
{
    set(CH_STATE_OF_CALLER, "c1", tightened[_i].old.state, tightened[_i].old.until_ns);
    uint64_t before = ch_states_generation(states);
    bool changed = tighten("c1", tightened[_i].asked.state, tightened[_i].asked.until_ns, 100);
    ck_assert_msg(changed == tightened[_i].changes, "%s", tightened[_i].name);
    ck_assert((ch_states_generation(states) != before) == changed);
    ch_state_row out;
    ck_assert(ch_states_at(states, 0, &out));
    ck_assert_msg(out.state == tightened[_i].then.state && out.until_ns == tightened[_i].then.until_ns, "%s",
                  tightened[_i].name);
    ck_assert(!ch_states_at(states, 1, &out));
}
END_TEST

START_TEST(test_all_covers_everybody)
{
    ch_state_row out;
    set(CH_STATE_OF_ALL, "", REDUCING, 0);
    ck_assert_int_eq(find(0, 69, "k", 1), REDUCING);
    ck_assert_int_eq(find(1, 1, "of a later policy", 1), REDUCING);
    set(CH_STATE_OF_CALLER, "c1", HALTED, 0);
    ck_assert_int_eq(find(1, 1, "k", 1), HALTED);
    set(CH_STATE_OF_ALL, "", ACTIVE, 0);
    ck_assert_int_eq(find(1, 1, "k", 1), HALTED);
    ck_assert_int_eq(find(2, 2, "k", 1), ACTIVE);
    ck_assert(!ch_states_get(states, CH_STATE_OF_ALL, ch_slice_of(""), 1, &out) && out.state == ACTIVE);
}
END_TEST

START_TEST(test_a_row_is_got_by_its_name_while_it_counts)
{
    ch_state_row out;
    set(CH_STATE_OF_KEY, "c1", HALTED, 1000);
    ck_assert(ch_states_get(states, CH_STATE_OF_KEY, ch_slice_of("c1"), 999, &out) && out.state == HALTED);
    ck_assert(!ch_states_get(states, CH_STATE_OF_KEY, ch_slice_of("c1"), 1000, &out) && out.state == ACTIVE);
    ck_assert(!ch_states_get(states, CH_STATE_OF_CALLER, ch_slice_of("c1"), 999, &out));
    ck_assert(ch_slice_is(out.name, "c1") && out.of == CH_STATE_OF_CALLER);
}
END_TEST

/* clang-format off */
static const struct { ch_state_of of; const char *name; const char *says; } whose[] = {
    { CH_STATE_OF_CALLER, "maker", "caller 'maker'" },
    { CH_STATE_OF_KEY,    "k",     "key 'k'" },
    { CH_STATE_OF_ALL,    "",      "all trading" },
};
/* clang-format on */

START_TEST(test_whose_a_state_is)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    const ch_state_row of = row(whose[_i].of, whose[_i].name, HALTED, 0);
    ch_state_row_whose(&of, &text);
    ck_assert_str_eq(ch_buffer_text(&text), whose[_i].says);
}
END_TEST

START_TEST(test_what_is_set_may_loosen_a_state)
{
    ck_assert(tighten("c1", HALTED, 0, 100));
    set(CH_STATE_OF_CALLER, "c1", REDUCING, 200);
    ck_assert_int_eq(find(1, 1, "k", 100), REDUCING);
    set(CH_STATE_OF_CALLER, "c1", ACTIVE, 0);
    ck_assert_int_eq(find(1, 1, "k", 100), ACTIVE);
    ck_assert(!tighten("c2", ACTIVE, 0, 100));
}
END_TEST

/* ---- rows ---- */

START_TEST(test_a_row_may_be_set_from_a_view_of_itself)
{
    ch_state_row out;
    set(CH_STATE_OF_CALLER, "c1", HALTED, 5);
    ck_assert(ch_states_at(states, 0, &out));
    out.until_ns = 0;
    ch_states_set(states, &out);
    ck_assert(ch_states_at(states, 0, &out));
    ck_assert(ch_slice_is(out.name, "c1") && ch_slice_is(out.why, "why") && out.until_ns == 0);
    out.state = ACTIVE;
    ch_states_set(states, &out);
    ck_assert(!ch_states_at(states, 0, &out));
}
END_TEST

START_TEST(test_each_change_changes_the_generation)
{
    uint64_t last = ch_states_generation(states);
    set(CH_STATE_OF_CALLER, "c1", ACTIVE, 0); /* no change */
    ck_assert_uint_eq(ch_states_generation(states), last);
    const ch_trading steps[] = {REDUCING, HALTED, ACTIVE};
    for (size_t i = 0; i < CH_ROWS(steps); i++) {
        set(CH_STATE_OF_CALLER, "c1", steps[i], 0);
        ck_assert_uint_ne(ch_states_generation(states), last);
        last = ch_states_generation(states);
    }
}
END_TEST

START_TEST(test_many_are_kept_apart)
{
    ch_trading kept[70] = {ACTIVE};
    dice d = {3};
    for (int i = 0; i < 2000; i++) {
        size_t who = dice_below(&d, CH_ROWS(kept));
        kept[who] = (ch_trading)dice_below(&d, 3);
        set(CH_STATE_OF_CALLER, names[who], kept[who], 0);
        size_t other = dice_below(&d, CH_ROWS(kept));
        ck_assert_int_eq(find(other, other, "k", 1), kept[other]);
    }
    size_t count = 0;
    for (size_t i = 0; i < CH_ROWS(kept); i++)
        count += kept[i] != ACTIVE;
    ch_state_row last = {0};
    ch_state_row out;
    for (size_t i = 0; ch_states_at(states, i, &out); i++, count--, last = out)
        ck_assert(i == 0 || ch_slice_compare(last.name, out.name) < 0);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(test_a_revoked_version_is_no_other_ones_state)
{
    ch_state_row why;
    ch_policy own;
    ch_autobuffer text = CH_BUFFER_INIT;
    rig_load_sound(&own);
    const ch_key *key = &own.keys[0];
    set(CH_STATE_OF_KEY, key->name, REDUCING, 0);
    ck_assert(!ch_states_is_revoked(states, key, &why));
    ch_states_name_version(key, &text);
    set(CH_STATE_OF_VERSION, ch_buffer_text(&text), HALTED, 0);
    ck_assert(ch_states_is_revoked(states, key, &why));
    ck_assert(ch_slice_is(why.why, "why"));
    ck_assert_int_eq(find(0, 0, key->name, 1), REDUCING);
    ck_assert(!ch_states_is_revoked(states, &own.keys[1], &why));
    ch_policy_free(&own);
}
END_TEST

START_TEST(test_a_token_is_covered_when_nothing_on_it_is_active)
{
    ch_policy own;
    rig_load_sound(&own);
    ck_assert_uint_gt(own.key_count, 1);
    for (size_t i = 0; i < own.key_count; i++)
        own.keys[i].token = i == 0 ? 1 : 0;
    ck_assert(!ch_states_cover_token(states, &own, 0, 1) && !ch_states_cover_token(states, &own, 1, 1));
    set(CH_STATE_OF_KEY, own.keys[0].name, REDUCING, 5);
    ck_assert(ch_states_cover_token(states, &own, 1, 1));
    ck_assert(!ch_states_cover_token(states, &own, 1, 6));
    for (size_t i = 1; i < own.key_count; i++) {
        ck_assert(!ch_states_cover_token(states, &own, 0, 1));
        set(CH_STATE_OF_KEY, own.keys[i].name, HALTED, 0);
    }
    ck_assert(ch_states_cover_token(states, &own, 0, 1));
    ck_assert(!ch_states_cover_token(states, &own, 2, 1)); /* no key is there */
    set(CH_STATE_OF_ALL, "", REDUCING, 0);
    ck_assert(ch_states_cover_token(states, &own, 2, 1));
    ch_policy_free(&own);
}
END_TEST

CH_TESTS_WITH("states", set_up, tear_down, CH_TEST(test_all_are_active_at_first), CH_TEST(test_the_worst_state_counts),
              CH_TEST(test_a_caller_and_a_key_may_have_one_name), CH_TEST(test_who_was_found_is_named),
              CH_TEST(test_a_state_ends_at_its_time), CH_TEST(test_positions_beyond_the_policy_are_nobody),
              CH_TEST_ROWS(test_limits_never_loosen_a_state, tightened), CH_TEST(test_what_is_set_may_loosen_a_state),
              CH_TEST(test_all_covers_everybody), CH_TEST(test_a_row_is_got_by_its_name_while_it_counts),
              CH_TEST_ROWS(test_whose_a_state_is, whose), CH_TEST(test_a_row_may_be_set_from_a_view_of_itself),
              CH_TEST(test_each_change_changes_the_generation), CH_TEST(test_many_are_kept_apart),
              CH_TEST(test_a_revoked_version_is_no_other_ones_state),
              CH_TEST(test_a_token_is_covered_when_nothing_on_it_is_active))
