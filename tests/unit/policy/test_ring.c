/* Rings, against an array of all buckets. */
#include "policy/ring.h"

#include "tests/support/suite.h"

#define BUCKETS 4096

static ch_ring ring;

static void tear_down(void)
{
    ch_ring_free(&ring);
}

static void add(uint64_t bucket, uint64_t amount)
{
    ck_assert(ch_ring_add(&ring, bucket, ch_decimal_of(amount)));
}

static void assert_sum(uint64_t sum)
{
    ck_assert_int_eq(ch_decimal_compare(ring.sum, ch_decimal_of(sum)), 0);
}

START_TEST(test_an_empty_ring_holds_nothing)
{
    uint64_t bucket = 0;
    ck_assert(ch_ring_is_empty(&ring) && !ch_ring_find(&ring, &bucket));
    ck_assert(ch_decimal_is_zero(ch_ring_held(&ring, 0)));
    ck_assert(ch_decimal_is_zero(ch_ring_subtract(&ring, 0, ch_decimal_of(1))));
    ch_ring_drop(&ring, 100);
    ch_ring_move(&ring, 100);
    assert_sum(0);
}
END_TEST

START_TEST(test_a_bucket_in_the_same_place_is_another)
{
    add(5, 7);
    ck_assert(ch_decimal_is_zero(ch_ring_held(&ring, 6)));
    ck_assert(ch_decimal_is_zero(ch_ring_held(&ring, 4)));
    ck_assert(ch_decimal_is_zero(ch_ring_held(&ring, 5 + 64)));
    ck_assert(ch_decimal_is_zero(ch_ring_subtract(&ring, 5 + 64, ch_decimal_of(7))));
    assert_sum(7);
}
END_TEST

START_TEST(test_places_are_found_again_however_far_apart)
{
    add(1000, 1);
    add(1001, 2);
    add(1063, 4);
    add(1010, 8);
    add(1000, 16);
    uint64_t expected[] = {1000, 1001, 1010, 1063};
    uint64_t bucket = 0;
    for (size_t i = 0; i < CH_ROWS(expected); i++, bucket++) {
        ck_assert(ch_ring_find(&ring, &bucket));
        ck_assert_uint_eq(bucket, expected[i]);
    }
    ck_assert(!ch_ring_find(&ring, &bucket));
    ch_ring_subtract(&ring, 1063, ch_decimal_of(4)); /* the newest is gone, too */
    bucket = 1011;
    ck_assert(!ch_ring_find(&ring, &bucket));
    assert_sum(27);
}
END_TEST

START_TEST(test_a_bucket_gives_no_more_than_it_holds)
{
    add(1, 5);
    add(2, 10);
    ck_assert_int_eq(ch_decimal_compare(ch_ring_subtract(&ring, 1, ch_decimal_of(8)), ch_decimal_of(5)), 0);
    assert_sum(10);
    ck_assert_int_eq(ch_decimal_compare(ch_ring_subtract(&ring, 2, ch_decimal_of(3)), ch_decimal_of(3)), 0);
    assert_sum(7);
}
END_TEST

START_TEST(test_a_sum_that_does_not_fit_changes_nothing)
{
    add(1, 5);
    ck_assert(!ch_ring_add(&ring, 2, CH_RING_BEYOND));
    assert_sum(5);
    ch_ring_add_anyway(&ring, 2, CH_RING_BEYOND);
    ck_assert_int_eq(ch_decimal_compare(ring.sum, CH_RING_BEYOND), 0);
    ch_ring_drop(&ring, 3);
    assert_sum(0);
}
END_TEST

/* 0.25 + 0.75 + 2^126 fits, without digits after the point. Less 0.25, it would need two, for which there is no room.
 */
START_TEST(test_a_difference_that_does_not_fit_counts_until_all_is_gone)
{
    const ch_decimal quarter = {25, 2};
    const ch_decimal rest = {75, 2};
    ch_decimal large = {(unsigned __int128)1 << 126, 0};
    ck_assert(ch_ring_add(&ring, 1, quarter));
    ck_assert(ch_ring_add(&ring, 2, rest));
    ck_assert(ch_ring_add(&ring, 3, large));
    ch_ring_drop(&ring, 2);
    ck_assert_int_eq(ch_decimal_compare(ring.sum, large), 1);
    ch_ring_drop(&ring, 4);
    assert_sum(0);
}
END_TEST

START_TEST(test_the_one_bucket_moves)
{
    add(5, 7);
    ch_ring_move(&ring, 9);
    ck_assert_int_eq(ch_decimal_compare(ch_ring_held(&ring, 9), ch_decimal_of(7)), 0);
    ck_assert(ch_decimal_is_zero(ch_ring_held(&ring, 5)));
    assert_sum(7);
}
END_TEST

START_TEST(test_a_ring_is_what_an_array_would_be)
{
    static uint64_t all[BUCKETS];
    uint64_t state = 3;
    uint64_t oldest = 0;
    for (uint64_t now = 0; now < BUCKETS - 64;) {
        state = state * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
        uint64_t bucket = oldest + (state >> 40) % 61;
        uint64_t amount = (state >> 33) % 100;
        if ((state >> 62) != 0) {
            add(bucket, amount);
            all[bucket] += amount;
        } else {
            ch_ring_subtract(&ring, bucket, ch_decimal_of(amount));
            all[bucket] -= amount < all[bucket] ? amount : all[bucket];
        }
        uint64_t sum = 0;
        for (uint64_t i = oldest; i < oldest + 61; i++) {
            sum += all[i];
            ck_assert_int_eq(ch_decimal_compare(ch_ring_held(&ring, i), ch_decimal_of(all[i])), 0);
        }
        assert_sum(sum);
        now = oldest += (state >> 50) % 16 == 0 ? (state >> 54) % 70 : (state >> 54) % 2;
        ch_ring_drop(&ring, oldest);
    }
}
END_TEST

CH_TESTS_WITH("ring", NULL, tear_down, CH_TEST(test_an_empty_ring_holds_nothing),
              CH_TEST(test_a_bucket_in_the_same_place_is_another),
              CH_TEST(test_places_are_found_again_however_far_apart),
              CH_TEST(test_a_bucket_gives_no_more_than_it_holds), CH_TEST(test_a_sum_that_does_not_fit_changes_nothing),
              CH_TEST(test_a_difference_that_does_not_fit_counts_until_all_is_gone), CH_TEST(test_the_one_bucket_moves),
              CH_TEST(test_a_ring_is_what_an_array_would_be))
