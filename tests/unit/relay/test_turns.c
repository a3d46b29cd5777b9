#include "relay/turns.h"

#include "tests/support/suite.h"

#include <string.h>

typedef struct one {
    ch_turn turn;
    char name;
    bool leaves; /* as soon as its turn comes */
} one;

static ch_turns *turns;
static char order[32];

static void set_up(void)
{
    turns = ch_turns_new();
    memset(order, 0, sizeof order);
}

static void tear_down(void)
{
    ch_turns_free(turns);
}

static void on_turn(void *context)
{
    one *self = context;
    order[strlen(order)] = self->name;
    if (self->leaves)
        ch_turns_leave(turns, &self->turn);
}

static bool take(one *self, char name, size_t caller, bool is_cancel)
{
    *self = (one){
        .turn = {.on_turn = on_turn, .context = self, .caller = caller, .is_cancel = is_cancel},
          .name = name
    };
    return ch_turns_take(turns, ch_slice_of("k"), &self->turn);
}

START_TEST(test_unknown_key_has_one_at_a_time)
{
    one a, b, c;
    ck_assert(take(&a, 'a', 0, false));
    ck_assert(!take(&b, 'b', 0, false));
    ck_assert(!take(&c, 'c', 0, false));
    ch_turns_leave(turns, &a.turn);
    ck_assert_str_eq(order, "b");
    ch_turns_leave(turns, &c.turn);
    ch_turns_leave(turns, &b.turn);
    ck_assert_str_eq(order, "b");
    ch_turns_leave(turns, &b.turn);
}
END_TEST

START_TEST(test_free_key_lets_all_go)
{
    one a, b, c;
    ck_assert(take(&a, 'a', 0, false));
    ck_assert(!take(&b, 'b', 0, false));
    ch_turns_learn(turns, &a.turn, false, (ch_key_errors){0});
    ck_assert_str_eq(order, "b");
    ck_assert(take(&c, 'c', 0, false));
    ch_turns_leave(turns, &c.turn);
    ch_turns_leave(turns, &b.turn);
    ch_turns_leave(turns, &a.turn);
}
END_TEST

START_TEST(test_cancels_go_first_and_callers_alternate)
{
    one a, b, c, d, e;
    take(&a, 'a', 0, false);
    ch_turns_learn(turns, &a.turn, true, (ch_key_errors){0});
    take(&b, 'b', 0, false);
    take(&c, 'c', 0, false);
    take(&d, 'd', 1, false);
    take(&e, 'e', 0, true);
    ch_turns_leave(turns, &a.turn);
    ch_turns_leave(turns, &e.turn);
    ch_turns_leave(turns, &d.turn);
    ch_turns_leave(turns, &b.turn);
    ch_turns_leave(turns, &c.turn);
    ck_assert_str_eq(order, "edbc");
}
END_TEST

START_TEST(test_passing_lets_the_next_go)
{
    one a, b;
    take(&a, 'a', 0, false);
    take(&b, 'b', 0, false);
    ch_turns_pass(turns, &a.turn);
    ck_assert_str_eq(order, "b");
    ch_turns_pass(turns, &a.turn);
    ch_turns_leave(turns, &a.turn);
    ch_turns_leave(turns, &b.turn);
}
END_TEST

START_TEST(test_many_that_leave_at_once)
{
    one all[8];
    take(&all[0], 'a', 0, false);
    for (size_t i = 1; i < 8; i++) {
        take(&all[i], (char)('a' + i), 0, false);
        all[i].leaves = true;
    }
    ch_turns_leave(turns, &all[0].turn);
    ck_assert_str_eq(order, "bcdefgh");
}
END_TEST

START_TEST(test_shapes_are_copied_and_remembered)
{
    char bytes[] = "shapes";
    const ch_slice key = CH_LITERAL("k");
    const ch_key_errors errors = {
        .tag = 7, .shapes = {2, {(const uint8_t *)bytes, 6}}
    };
    one a;
    ck_assert_uint_eq(ch_turns_errors(turns, key, 0).tag, 0);
    take(&a, 'a', 0, false);
    ch_turns_learn(turns, &a.turn, true, errors);
    memset(bytes, 'x', 6);
    ch_turns_learn(turns, &a.turn, true, (ch_key_errors){.tag = 7}); /* it has them already */
    ch_turns_leave(turns, &a.turn);
    ck_assert_uint_eq(ch_turns_errors(turns, key, 0).tag, 7);
    ck_assert_uint_eq(ch_turns_errors(turns, key, 0).shapes.count, 2);
    ck_assert(ch_slice_is(ch_turns_errors(turns, key, 0).shapes.records, "shapes"));
    ck_assert_uint_eq(ch_turns_errors(turns, key, 1).tag, 0); /* who may not see the key, for all we know */
    ck_assert_uint_eq(ch_turns_errors(turns, key, 1).shapes.count, 0);
}
END_TEST

START_TEST(test_public_calls_are_remembered)
{
    const ch_slice key = CH_LITERAL("k");
    const ch_slice get = CH_LITERAL("GET");
    one a;
    ch_turns_note_public(turns, key, get, CH_LITERAL("/t"), true);
    ck_assert(!ch_turns_is_public(turns, key, get, CH_LITERAL("/t"))); /* nobody has such a key */
    take(&a, 'a', 0, false);
    ch_turns_note_public(turns, key, get, CH_LITERAL("/t?a"), true);
    ck_assert(ch_turns_is_public(turns, key, get, CH_LITERAL("/t?b")));
    ck_assert(!ch_turns_is_public(turns, key, CH_LITERAL("POST"), CH_LITERAL("/t")));
    ck_assert(!ch_turns_is_public(turns, key, get, CH_LITERAL("/u")));
    ch_turns_note_public(turns, key, get, CH_LITERAL("/t"), false);
    ck_assert(!ch_turns_is_public(turns, key, get, CH_LITERAL("/t")));
    ch_turns_note_public(turns, key, get, CH_LITERAL("/t"), true);
    ck_assert(!ch_turns_is_public(turns, key, get, CH_LITERAL("/t")));
    ch_turns_leave(turns, &a.turn);
}
END_TEST

START_TEST(test_what_looks_like_a_cancel)
{
    ck_assert(ch_looks_like_cancel(CH_LITERAL("DELETE"), CH_LITERAL("/api")));
    ck_assert(ch_looks_like_cancel(CH_LITERAL("POST"), CH_LITERAL("/0/private/CancelOrder")));
    ck_assert(!ch_looks_like_cancel(CH_LITERAL("POST"), CH_LITERAL("/order?type=cancel")));
    ck_assert(!ch_looks_like_cancel(CH_LITERAL("POST"), CH_LITERAL("/ance")));
}
END_TEST

CH_TESTS_WITH("turns", set_up, tear_down, CH_TEST(test_unknown_key_has_one_at_a_time),
              CH_TEST(test_free_key_lets_all_go), CH_TEST(test_cancels_go_first_and_callers_alternate),
              CH_TEST(test_passing_lets_the_next_go), CH_TEST(test_many_that_leave_at_once),
              CH_TEST(test_shapes_are_copied_and_remembered), CH_TEST(test_public_calls_are_remembered),
              CH_TEST(test_what_looks_like_a_cancel))
