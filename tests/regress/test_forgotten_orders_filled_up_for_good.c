/* The ids of orders that the record had forgotten were never forgotten themselves: after some million orders of one bot
 * most new orders were unknown to amendments, for everybody and for good. (And a snapshot of all those ids held core
 * for hundreds of milliseconds: tests/unit/agent/core/test_ledger_rows.c.) */
#include "agent/core/orders.h"
#include "tests/support/suite.h"

#include <stdio.h>

#define MANY 1500000
#define DAY_NS (86400 * 1000000000ULL)
#define NOW_NS 1764000000000000000U

static ch_orders *orders;

static void set_up(void)
{
    orders = ch_orders_new();
    ch_forgotten_turn(ch_orders_forgotten(orders), NOW_NS);
}

static void tear_down(void)
{
    ch_orders_free(orders);
}

static void note(const char *book, uid_t by, const char *id)
{
    ch_item item = {.kind = CH_ITEM_ORDER};
    item.facts[CH_FACT_CLIENT_ID] = (ch_fact){CH_FACT_STATED, ch_slice_of(id), CH_LITERAL("id")};
    item.facts[CH_FACT_PRICE] = (ch_fact){CH_FACT_STATED, CH_LITERAL("1"), CH_LITERAL("px")};
    ch_orders_note(orders, ch_slice_of(book), by, &item);
}

static bool is_known(const char *book, const char *id)
{
    const ch_item *found = ch_orders_find(orders, ch_slice_of(book), ch_slice_of(id));
    return found != NULL && found->facts[CH_FACT_PRICE].state == CH_FACT_STATED;
}

static void flood(const char *book, uid_t by, size_t count)
{
    static size_t number;
    for (size_t i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "f%zu", number++);
        note(book, by, id);
    }
}

static size_t count_known(const char *book, uid_t by)
{
    size_t count = 0;
    for (size_t i = 0; i < 1000; i++) {
        char id[32];
        snprintf(id, sizeof id, "own-%u-%zu", (unsigned)by, i);
        note(book, by, id);
        count += is_known(book, id);
    }
    return count;
}

/* Beyond a user's share, its whole book counts as forgotten, so nothing that was forgotten is known. */
START_TEST(test_a_flood_is_at_the_cost_of_its_own_book)
{
    note("loud", 1, "first");
    flood("loud", 1, MANY);
    char last[32];
    snprintf(last, sizeof last, "f%zu", (size_t)MANY - CH_ORDERS_SHARE - 1); /* forgotten when all was full */
    note("loud", 1, "first");
    note("loud", 2, last);
    ck_assert(!is_known("loud", "first"));
    ck_assert(!is_known("loud", last));
    ck_assert_uint_ge(count_known("quiet", 2), 950);
}
END_TEST

START_TEST(test_what_is_forgotten_ages)
{
    ch_forgotten *set = ch_orders_forgotten(orders);
    note("loud", 1, "early");
    flood("loud", 1, MANY);
    ch_forgotten_turn(set, NOW_NS + 8 * DAY_NS); /* an age has gone by: of the younger generation */
    ch_forgotten_turn(set, NOW_NS + 14 * DAY_NS);
    ck_assert_uint_eq(count_known("loud", 1), 0);
    flood("loud", 1, CH_ORDERS_SHARE);
    ch_forgotten_turn(set, NOW_NS + 16 * DAY_NS);
    note("loud", 1, "early");
    ck_assert(is_known("loud", "early"));
    note("loud", 1, "own-1-1"); /* forgotten a day or two ago */
    ck_assert(!is_known("loud", "own-1-1"));
}
END_TEST

START_TEST(test_a_clock_far_ahead_drops_one_generation)
{
    ch_forgotten *set = ch_orders_forgotten(orders);
    note("loud", 1, "early");
    flood("loud", 1, CH_ORDERS_SHARE);
    ch_forgotten_turn(set, NOW_NS + 1000 * DAY_NS);
    ch_forgotten_turn(set, NOW_NS);
    ch_forgotten_turn(set, NOW_NS + 6 * DAY_NS);
    note("loud", 1, "early");
    ck_assert(!is_known("loud", "early"));
}
END_TEST

CH_TESTS_WITH("forgotten orders filled up for good", set_up, tear_down,
              CH_TEST(test_a_flood_is_at_the_cost_of_its_own_book), CH_TEST(test_what_is_forgotten_ages),
              CH_TEST(test_a_clock_far_ahead_drops_one_generation))
