#include "agent/core/orders.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

static ch_orders *orders;

static void set_up(void)
{
    orders = ch_orders_new();
}

static void tear_down(void)
{
    ch_orders_free(orders);
}

static ch_fact stated(const char *text, const char *param)
{
    return (ch_fact){CH_FACT_STATED, ch_slice_of(text), ch_slice_of(param)};
}

static ch_item order(const char *id, const char *quantity)
{
    ch_item item = {.kind = CH_ITEM_ORDER};
    item.facts[CH_FACT_CLIENT_ID] = stated(id, "clOrdId");
    item.facts[CH_FACT_QUANTITY] = stated(quantity, "sz");
    item.facts[CH_FACT_PRICE] = stated("30000", "px");
    return item;
}

static ch_item amendment(const char *id, ch_fact_name fact, ch_fact to)
{
    ch_item item = {.kind = CH_ITEM_ORDER, .is_amendment = true};
    for (ch_fact_name i = 0; i < CH_FACT_COUNT; i++)
        item.facts[i].state = CH_FACT_UNKNOWN;
    item.facts[CH_FACT_ORDER] = stated(id, "clOrdId");
    item.facts[fact] = to;
    return item;
}

static void note(const char *account, ch_item item)
{
    ch_orders_note(orders, ch_slice_of(account), 1000, &item);
}

static const ch_item *find(const char *account, const char *id)
{
    return ch_orders_find(orders, ch_slice_of(account), ch_slice_of(id));
}

static void check_quantity(const char *id, ch_fact_state state, const char *quantity)
{
    const ch_item *found = find("desk", id);
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(found->facts[CH_FACT_QUANTITY].state, state);
    if (state == CH_FACT_STATED)
        ck_assert(ch_slice_is(found->facts[CH_FACT_QUANTITY].text, quantity));
}

START_TEST(test_an_order_is_found_as_it_was_asked)
{
    note("desk", order("a", "0.5"));
    const ch_item *found = find("desk", "a");
    ck_assert_ptr_nonnull(found);
    check_quantity("a", CH_FACT_STATED, "0.5");
    ck_assert(ch_slice_is(found->facts[CH_FACT_CLIENT_ID].text, "a"));
    ck_assert(ch_slice_is(found->facts[CH_FACT_CLIENT_ID].param, "clOrdId"));
    ck_assert_int_eq(found->facts[CH_FACT_SIDE].state, CH_FACT_NONE);
}
END_TEST

START_TEST(test_an_order_of_another_account_or_id_is_not_found)
{
    note("desk", order("a", "0.5"));
    ck_assert_ptr_null(find("other", "a"));
    ck_assert_ptr_null(find("desk", "b"));
    ck_assert_ptr_null(find("desk", ""));
}
END_TEST

START_TEST(test_what_has_no_id_is_not_noted)
{
    ch_item item = order("a", "1");
    item.facts[CH_FACT_CLIENT_ID].state = CH_FACT_UNKNOWN;
    note("desk", item);
    item = order("a", "1");
    item.kind = CH_ITEM_CANCEL;
    note("desk", item);
    ck_assert_uint_eq(ch_orders_count(orders), 0);
}
END_TEST

START_TEST(test_the_same_order_again_is_the_same)
{
    note("desk", order("a", "0.5"));
    note("desk", order("a", "0.5"));
    check_quantity("a", CH_FACT_STATED, "0.5");
}
END_TEST

START_TEST(test_a_second_order_with_that_id_makes_what_differs_unknown)
{
    note("desk", order("a", "0.5"));
    note("desk", order("a", "5"));
    check_quantity("a", CH_FACT_UNKNOWN, "");
    ck_assert_int_eq(find("desk", "a")->facts[CH_FACT_PRICE].state, CH_FACT_STATED);
    note("desk", order("a", "0.5"));
    check_quantity("a", CH_FACT_UNKNOWN, "");
}
END_TEST

START_TEST(test_the_same_quantity_of_another_unit_is_another)
{
    ch_item item = order("a", "0.5");
    note("desk", item);
    item.unit = CH_UNIT_QUOTE;
    note("desk", item);
    check_quantity("a", CH_FACT_UNKNOWN, "");
}
END_TEST

START_TEST(test_an_id_in_another_parameter_makes_all_unknown)
{
    ch_item item = order("a", "0.5");
    note("desk", item);
    item.facts[CH_FACT_CLIENT_ID].param = CH_LITERAL("label");
    note("desk", item);
    check_quantity("a", CH_FACT_UNKNOWN, "");
    ck_assert_int_eq(find("desk", "a")->facts[CH_FACT_PRICE].state, CH_FACT_UNKNOWN);
}
END_TEST

START_TEST(test_an_amendment_makes_what_it_changes_unknown)
{
    const ch_fact hidden = {.state = CH_FACT_UNKNOWN, .param = CH_LITERAL("newPx")};
    note("desk", order("a", "0.5"));
    note("desk", amendment("a", CH_FACT_PRICE, stated("30000", "px")));
    ck_assert_int_eq(find("desk", "a")->facts[CH_FACT_PRICE].state, CH_FACT_STATED);
    note("desk", amendment("a", CH_FACT_PRICE, stated("31000", "px")));
    ck_assert_int_eq(find("desk", "a")->facts[CH_FACT_PRICE].state, CH_FACT_UNKNOWN);
    check_quantity("a", CH_FACT_STATED, "0.5");
    note("desk", amendment("a", CH_FACT_QUANTITY, hidden));
    check_quantity("a", CH_FACT_UNKNOWN, "");
}
END_TEST

START_TEST(test_an_amendment_of_an_order_that_is_not_known_is_none)
{
    note("desk", amendment("a", CH_FACT_PRICE, stated("31000", "px")));
    ck_assert_uint_eq(ch_orders_count(orders), 0);
}
END_TEST

static void note_number(const char *account, size_t number)
{
    ch_autobuffer id = CH_BUFFER_INIT;
    ch_buffer_add_format(&id, "number-%zu", number);
    note(account, order(ch_buffer_text(&id), "1"));
}

/* Else a bot could have a large order forgotten, and its id stand for a small one. */
START_TEST(test_an_id_that_was_forgotten_is_never_trusted_again)
{
    note("desk", order("large", "500"));
    for (size_t i = 0; i < CH_ORDERS_SHARE; i++)
        note_number("desk", i);
    ck_assert_uint_eq(ch_orders_count(orders), CH_ORDERS_SHARE);
    ck_assert_ptr_null(find("desk", "large"));
    note("desk", order("large", "0.001"));
    check_quantity("large", CH_FACT_UNKNOWN, "");
}
END_TEST

START_TEST(test_an_account_loses_none_to_another_within_its_share)
{
    note("quiet", order("a", "1"));
    for (size_t i = 0; i < 2 * CH_ORDERS_SHARE; i++)
        note_number("loud", i);
    ck_assert_ptr_nonnull(find("quiet", "a"));
}
END_TEST

START_TEST(test_a_user_loses_none_to_others_of_its_account)
{
    for (uid_t by = 1; by <= 5; by++) {
        for (size_t i = 0; i < 2 * CH_ORDERS_SHARE; i++) {
            ch_autobuffer id = CH_BUFFER_INIT;
            ch_buffer_add_format(&id, "of-%u-%zu", (unsigned)by, i);
            ch_item item = order(ch_buffer_text(&id), "1");
            if (by == 1 && i == 0)
                note("desk", order("mine", "1"));
            ch_orders_note(orders, CH_LITERAL("desk"), by, &item);
        }
    }
    ck_assert_uint_eq(ch_orders_count(orders), CH_ORDERS_MAX);
    check_quantity("mine", CH_FACT_STATED, "1");
}
END_TEST

static void restore(void *context, uint32_t hash)
{
    ch_forgotten_restore(ch_orders_forgotten(context), hash);
}

static void restart(void)
{
    ch_orders *next = ch_orders_new();
    ch_forgotten_row row;
    ch_orders_each(orders, restore, next);
    for (size_t i = 0; i < CH_FORGOTTEN_GENERATIONS; i++) {
        if (ch_forgotten_row_of(ch_orders_forgotten(orders), i, &row))
            ck_assert(ch_forgotten_restore_row(ch_orders_forgotten(next), i, &row));
    }
    ch_orders_free(orders);
    orders = next;
}

START_TEST(test_an_id_from_before_a_restart_is_not_trusted)
{
    note("desk", order("a", "500"));
    restart();
    restart(); /* also if nobody has asked for it in between */
    ck_assert_ptr_null(find("desk", "a"));
    note("desk", order("a", "0.001"));
    check_quantity("a", CH_FACT_UNKNOWN, "");
    note("desk", order("b", "1"));
    check_quantity("b", CH_FACT_STATED, "1");
}
END_TEST

CH_TESTS_WITH("orders", set_up, tear_down, CH_TEST(test_an_order_is_found_as_it_was_asked),
              CH_TEST(test_an_order_of_another_account_or_id_is_not_found), CH_TEST(test_what_has_no_id_is_not_noted),
              CH_TEST(test_the_same_order_again_is_the_same),
              CH_TEST(test_a_second_order_with_that_id_makes_what_differs_unknown),
              CH_TEST(test_the_same_quantity_of_another_unit_is_another),
              CH_TEST(test_an_id_in_another_parameter_makes_all_unknown),
              CH_TEST(test_an_amendment_makes_what_it_changes_unknown),
              CH_TEST(test_an_amendment_of_an_order_that_is_not_known_is_none),
              CH_TEST(test_an_id_that_was_forgotten_is_never_trusted_again),
              CH_TEST(test_an_account_loses_none_to_another_within_its_share),
              CH_TEST(test_a_user_loses_none_to_others_of_its_account),
              CH_TEST(test_an_id_from_before_a_restart_is_not_trusted))
