#include "base/bits.h"

#include "tests/support/suite.h"

START_TEST(test_a_set_has_what_was_added_and_nothing_else)
{
    uint64_t set[2] = {0, 0};
    const size_t members[] = {0, 63, 64, 127};
    for (size_t i = 0; i < CH_ROWS(members); i++)
        ch_set_add(set, members[i]);
    for (size_t i = 0; i < 128; i++)
        ck_assert(ch_set_has(set, i) == (i == 0 || i == 63 || i == 64 || i == 127));
}
END_TEST

START_TEST(test_sets_meet_in_a_common_member_only)
{
    uint64_t one[2] = {0, 0};
    uint64_t other[2] = {0, 0};
    ck_assert(!ch_set_meets(one, other, 2));
    ch_set_add(one, 5);
    ch_set_add(other, 69);
    ck_assert(!ch_set_meets(one, other, 2));
    ch_set_add(one, 69);
    ck_assert(ch_set_meets(one, other, 2));
    ck_assert(!ch_set_meets(one, other, 1));
}
END_TEST

START_TEST(test_a_subset_has_no_member_of_its_own)
{
    uint64_t part[2] = {0, 0};
    uint64_t whole[2] = {0, 0};
    ck_assert(ch_set_is_subset(part, whole, 2));
    ch_set_add(whole, 64);
    ck_assert(ch_set_is_subset(part, whole, 2));
    ch_set_add(part, 64);
    ck_assert(ch_set_is_subset(part, whole, 2));
    ch_set_add(part, 1);
    ck_assert(!ch_set_is_subset(part, whole, 2));
}
END_TEST

CH_TESTS("bits", CH_TEST(test_a_set_has_what_was_added_and_nothing_else),
         CH_TEST(test_sets_meet_in_a_common_member_only), CH_TEST(test_a_subset_has_no_member_of_its_own))
