/* Walking over a request's entries. */
#include "exchange/request.h"

#include "tests/support/suite.h"

static const ch_param entries[] = {
    {.kind = CH_PARAM_TEXT},   {.kind = CH_PARAM_LIST},                                                   /* 1 */
    {.kind = CH_PARAM_OBJECT}, {.kind = CH_PARAM_TEXT}, {.kind = CH_PARAM_END},  {.kind = CH_PARAM_LIST}, /* 5 */
    {.kind = CH_PARAM_END},    {.kind = CH_PARAM_END},  {.kind = CH_PARAM_TEXT},
};

static const struct {
    size_t at;
    size_t after;
} steps[] = {
    {0, 1},
    {1, 8},
    {2, 5},
    {3, 4},
    {5, 7},
    {8, 9},
};

START_TEST(test_a_list_is_passed_with_all_that_it_holds)
{
    size_t count = sizeof entries / sizeof entries[0];
    ck_assert_uint_eq(ch_param_after(entries, count, steps[_i].at), steps[_i].after);
}
END_TEST

START_TEST(test_a_list_that_does_not_end_ends_with_the_request)
{
    ck_assert_uint_eq(ch_param_after(entries, 7, 1), 7);
    ck_assert_uint_eq(ch_param_after(entries, 2, 1), 2);
}
END_TEST

CH_TESTS("request", CH_TEST_ROWS(test_a_list_is_passed_with_all_that_it_holds, steps),
         CH_TEST(test_a_list_that_does_not_end_ends_with_the_request))
