#include "agent/core/reservations.h"

#include "tests/support/suite.h"

#define BOT 1000 /* users */

static ch_reservations *reservations;

static void set_up(void)
{
    reservations = ch_reservations_new();
}

static void tear_down(void)
{
    ch_reservations_free(reservations);
}

static void add(uint64_t id, uid_t uid)
{
    ch_reservation *made = ch_reservation_new(uid, "maker, dca", 1);
    made->id = id;
    ch_reservations_add(reservations, made);
}

static bool take(uint64_t id, uid_t uid, const char *callers)
{
    ch_reservation *found = ch_reservations_take(reservations, id, uid, ch_slice_of(callers));
    bool is_found = found != NULL && found->id == id;
    ch_reservation_free(found);
    return is_found;
}

START_TEST(test_a_reservation_is_taken_once)
{
    add(7, BOT);
    ck_assert(take(7, BOT, "maker, dca"));
    ck_assert(!take(7, BOT, "maker, dca"));
}
END_TEST

/* clang-format off */
static const struct { uint64_t id; uid_t uid; const char *callers; } others[] = {
    { 6, BOT,     "maker, dca" },
    { 8, BOT,     "maker, dca" },
    { 7, BOT + 1, "maker, dca" },
    { 7, BOT,     "maker" },
    { 7, BOT,     "" },
};
/* clang-format on */

START_TEST(test_who_is_another_does_not_find_it)
{
    add(5, BOT);
    add(7, BOT);
    add(9, BOT);
    ck_assert(!take(others[_i].id, others[_i].uid, others[_i].callers));
    ck_assert(take(7, BOT, "maker, dca"));
}
END_TEST

START_TEST(test_above_its_share_a_user_loses_its_oldest)
{
    for (uint64_t id = 1; id <= CH_RESERVATIONS_SHARE + 1; id++)
        add(id, BOT);
    ck_assert(!take(1, BOT, "maker, dca"));
    ck_assert(take(2, BOT, "maker, dca"));
    ck_assert(take(CH_RESERVATIONS_SHARE + 1, BOT, "maker, dca"));
}
END_TEST

START_TEST(test_if_there_are_too_many_who_has_most_loses_its_oldest)
{
    uint64_t id = 0;
    add(++id, BOT);
    for (uid_t uid = BOT + 1; id < CH_RESERVATIONS_MAX; uid++) {
        for (size_t i = 0; i < CH_RESERVATIONS_SHARE && id < CH_RESERVATIONS_MAX; i++)
            add(++id, uid);
    }
    add(++id, BOT);
    ck_assert(take(1, BOT, "maker, dca"));
    ck_assert(take(id, BOT, "maker, dca"));
    ck_assert(!take(2, BOT + 1, "maker, dca"));
}
END_TEST

START_TEST(test_many_users_have_some)
{
    uint64_t id = 0;
    for (uid_t uid = 0; uid < 2 * CH_RESERVATIONS_CALLERS; uid++)
        add(++id, uid);
    ck_assert(take(id, 2 * CH_RESERVATIONS_CALLERS - 1, "maker, dca"));
}
END_TEST

CH_TESTS_WITH("reservations", set_up, tear_down, CH_TEST(test_a_reservation_is_taken_once),
              CH_TEST_ROWS(test_who_is_another_does_not_find_it, others),
              CH_TEST(test_above_its_share_a_user_loses_its_oldest),
              CH_TEST(test_if_there_are_too_many_who_has_most_loses_its_oldest), CH_TEST(test_many_users_have_some))
