#include "base/slots.h"

#include "tests/support/suite.h"

START_TEST(test_every_place_can_be_taken_and_no_more)
{
    ch_slots *slots = ch_slots_new(3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_ne(ch_slots_take(slots), 0);
    ck_assert_uint_eq(ch_slots_take(slots), 0);
    ck_assert_uint_eq(ch_slots_count(slots), 3);
    ch_slots_free(slots);
}
END_TEST

START_TEST(test_an_id_of_an_earlier_life_finds_nothing)
{
    ch_slots *slots = ch_slots_new(1);
    size_t index = 9;
    uint64_t first = ch_slots_take(slots);
    ck_assert(ch_slots_find(slots, first, &index));
    ck_assert_uint_eq(index, 0);
    ch_slots_release(slots, first);
    ck_assert(!ch_slots_find(slots, first, &index));
    uint64_t second = ch_slots_take(slots);
    ck_assert_uint_ne(first, second);
    ck_assert(!ch_slots_find(slots, first, &index));
    ck_assert(ch_slots_find(slots, second, &index));
    ck_assert_uint_eq(ch_slots_id(slots, 0), second);
    ch_slots_free(slots);
}
END_TEST

START_TEST(test_ids_out_of_nowhere_find_nothing)
{
    ch_slots *slots = ch_slots_new(2);
    uint64_t id = ch_slots_take(slots);
    size_t index;
    const uint64_t foreign[] = {0, 1, id + 1, id ^ 1ULL << 16, id | 0xffff, UINT64_MAX};
    for (size_t i = 0; i < CH_ROWS(foreign); i++)
        ck_assert(!ch_slots_find(slots, foreign[i], &index));
    ch_slots_free(slots);
}
END_TEST

CH_TESTS("slots", CH_TEST(test_every_place_can_be_taken_and_no_more),
         CH_TEST(test_an_id_of_an_earlier_life_finds_nothing), CH_TEST(test_ids_out_of_nowhere_find_nothing))
