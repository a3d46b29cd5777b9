#include "agent/core/width.h"

#include "tests/support/suite.h"

#include <string.h>

#define NS_A_MS 1000000ULL
#define LANES_MAX 4

static ch_width width;
static uint64_t now_ns;
static uint64_t free_ns[LANES_MAX]; /* when each lane of the device has done all that it was given */
static uint64_t done_ns[LANES_MAX]; /* of the jobs at the device, the oldest first */
static size_t count;

/* A device that does `lanes` jobs at a time, `cost_ns` each; what more it has waits inside it. */
static void give(uint64_t cost_ns, size_t lanes)
{
    size_t lane = 0;
    for (size_t i = 1; i < lanes; i++)
        lane = free_ns[i] < free_ns[lane] ? i : lane;
    free_ns[lane] = (free_ns[lane] > now_ns ? free_ns[lane] : now_ns) + cost_ns;
    done_ns[count++] = free_ns[lane];
}

/* Has so many jobs done, while more wait all the time. Returns how often there were as many at the device as at most.
 */
static size_t work(uint64_t cost_ms, size_t lanes, size_t answers, unsigned most)
{
    size_t times = 0;
    while (answers-- > 0) {
        while (count < ch_width_now(&width))
            give(cost_ms * NS_A_MS, lanes);
        times += count == most;
        now_ns = done_ns[0];
        ch_width_note(&width, now_ns, cost_ms * NS_A_MS, true);
        memmove(done_ns, done_ns + 1, --count * sizeof *done_ns);
    }
    return times;
}

static void begin(void)
{
    ch_width_init(&width, LANES_MAX);
    now_ns = NS_A_MS;
}

START_TEST(test_it_begins_with_one)
{
    begin();
    ck_assert_uint_eq(ch_width_now(&width), 1);
}
END_TEST

START_TEST(test_a_device_that_gains_from_all_gets_all)
{
    begin();
    work(30, LANES_MAX, 200, LANES_MAX);
    ck_assert_uint_eq(work(30, LANES_MAX, 100, LANES_MAX), 100);
}
END_TEST

START_TEST(test_a_device_that_gains_from_two_gets_two)
{
    begin();
    work(30, 2, 200, 2);
    ck_assert_uint_ge(work(30, 2, 400, 2), 300); /* now and then three are tried */
}
END_TEST

START_TEST(test_a_device_that_does_one_after_the_other_gets_one)
{
    begin();
    work(30, 1, 400, 1);
    ck_assert_uint_ge(work(30, 1, 400, 1), 350);
}
END_TEST

START_TEST(test_nothing_is_tried_with_a_device_that_is_very_slow)
{
    begin();
    ck_assert_uint_eq(work(1000, 1, 300, 1), 300);
}
END_TEST

START_TEST(test_a_rate_without_pressure_tells_nothing)
{
    begin();
    for (size_t i = 0; i < 1000; i++)
        ch_width_note(&width, now_ns += 30 * NS_A_MS, 30 * NS_A_MS, i % 4 != 0);
    ck_assert_uint_eq(ch_width_now(&width), 1);
}
END_TEST

START_TEST(test_a_device_that_is_another_begins_with_one)
{
    begin();
    work(30, LANES_MAX, 200, LANES_MAX);
    ck_assert_uint_eq(ch_width_now(&width), LANES_MAX);
    ch_width_reset(&width);
    ck_assert_uint_eq(ch_width_now(&width), 1);
}
END_TEST

CH_TESTS("width", CH_TEST(test_it_begins_with_one), CH_TEST(test_a_device_that_gains_from_all_gets_all),
         CH_TEST(test_a_device_that_gains_from_two_gets_two),
         CH_TEST(test_a_device_that_does_one_after_the_other_gets_one),
         CH_TEST(test_nothing_is_tried_with_a_device_that_is_very_slow),
         CH_TEST(test_a_rate_without_pressure_tells_nothing), CH_TEST(test_a_device_that_is_another_begins_with_one))
