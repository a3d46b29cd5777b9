/* The disk hung, and a request that waited for its record was turned back, which gave back what it had taken. Levels
 * that hold nothing are forgotten every ten seconds, and the row that should have said so on the disk was made of them
 * afterwards: it said nothing. After a restart the order counted, though it was never signed; of a limit on what is
 * open, for ever. */
#include "base/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

#define LATER_NS 11000000000ULL

static void add_row(void *context, const ch_level_row *row)
{
    size_t *count = context;
    *count += !ch_decimal_is_zero(row->amount);
}

static size_t count_used(const ch_ledger *ledger)
{
    size_t count = 0;
    ch_levels_each(ch_ledger_levels(ledger), scene_now_ns(), add_row, &count);
    return count;
}

START_TEST(test_what_is_returned_is_returned_after_a_restart_too)
{
    static scene it;
    scene_ask ask = scene_order;
    ask.key = "limited";
    scene_begin_unlocked(&it);
    scene_ask_for(&it, 7, &ask);
    ch_token_link_dispatch(it.token.link); /* its turn comes, and it is recorded */
    ck_assert_uint_ne(count_used(it.ledger), 0);
    ch_requests_sweep(it.requests, ch_clock_ms() + 5000);
    ch_ledger_turn(it.ledger, scene_now_ns() + LATER_NS); /* levels without anything are forgotten */
    ch_failed_frame failed = scene_hear_failure(&it, 7);
    ck_assert(ch_slice_is(failed.step, "record"));
    ck_assert_uint_eq(count_used(it.ledger), 0);
    scene_restart_ledger(&it);
    ck_assert_uint_eq(count_used(it.ledger), 0);
}
END_TEST

CH_TESTS("what a hung disk returned counted again", CH_TEST(test_what_is_returned_is_returned_after_a_restart_too))
