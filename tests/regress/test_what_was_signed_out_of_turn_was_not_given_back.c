/* Core looks for a reservation as in a list that is in order; but of two requests the one that was begun later may be
 * signed first. What the other one had taken then was not found, or neither was, and stayed counted, though it was
 * reported that nothing was sent. */
#include "agent/core/reservations.h"

#include "tests/support/suite.h"

#define BOT 1000

/* clang-format off */
static const struct { uint64_t ids[8]; } rows[] = {
    { {2, 1, 3, 4, 5, 6, 7, 8} },
    { {1, 2, 3, 4, 5, 6, 8, 7} },
    { {8, 7, 6, 5, 4, 3, 2, 1} },
    { {4, 2, 6, 1, 8, 3, 7, 5} },
};
/* clang-format on */

static bool take(ch_reservations *all, uint64_t id)
{
    ch_reservation *found = ch_reservations_take(all, id, BOT, CH_LITERAL("maker"));
    bool is_it = found != NULL && found->id == id;
    ch_reservation_free(found);
    return is_it;
}

static void add(ch_reservations *all, uint64_t id)
{
    ch_reservation *made = ch_reservation_new(BOT, "maker", 1);
    made->id = id;
    ch_reservations_add(all, made);
}

START_TEST(test_each_is_found)
{
    ch_reservations *all = ch_reservations_new();
    for (size_t i = 0; i < CH_RESERVATIONS_SHARE - 4; i++) /* the ring has come around within what follows */
        add(all, i + 1);
    for (size_t i = 0; i < 8; i++)
        add(all, 10000 + rows[_i].ids[i]);
    for (size_t i = 0; i < 8; i++)
        ck_assert_msg(take(all, 10000 + rows[_i].ids[i]), "%zu", i);
    ck_assert(!take(all, 4) && take(all, 5));
    ch_reservations_free(all);
}
END_TEST

CH_TESTS("what_was_signed_out_of_turn", CH_TEST_ROWS(test_each_is_found, rows))
