#include "base/utc.h"

#include "tests/support/suite.h"

#include <string.h>

/* clang-format off */
static const struct {
    const char *text;
    uint64_t seconds;
    bool is_bad;
} cases[] = {
    { "1970-01-01",                0,           false },
    { "2027-01-31",                1801353600,  false },
    { "2027-01-31T00:00:00Z",      1801353600,  false },
    { "2027-01-31T09:30:01Z",      1801387801,  false },
    { "2028-02-29",                1835395200,  false },
    { "2027-02-29",                0,           true },
    { "2027-02-30T00:00:00Z",      0,           true },
    { "2027-13-01",                0,           true },
    { "2027-1-31",                 0,           true },
    { "27-01-31",                  0,           true },
    { "2027-01-31T09:30Z",         0,           true },
    { "2027-01-31T24:00:00Z",      0,           true },
    { "2027-01-31T09:30:00",       0,           true },
    { "2027-01-31T09:30:00+00:00", 0,           true },
    { " 2027-01-3",                0,           true },
    { "2027-01-31 ",               0,           true },
    { "1969-12-31",                0,           true },
    { "9999-12-31",                0,           true },
    { "",                          0,           true },
};
/* clang-format on */

START_TEST(test_a_day_and_a_time_are_read_and_nothing_else)
{
    uint64_t seconds = 0;
    ck_assert_msg(ch_utc_read(cases[_i].text, &seconds) == !cases[_i].is_bad, "%s", cases[_i].text);
    if (!cases[_i].is_bad)
        ck_assert_uint_eq(seconds, cases[_i].seconds);
}
END_TEST

START_TEST(test_what_is_written_can_be_read)
{
    static const uint64_t moments[] = {0, 1, 951782400, 1801387801, 18446744072};
    char text[CH_UTC_TEXT_SIZE];
    for (size_t i = 0; i < CH_ROWS(moments); i++) {
        uint64_t seconds = 0;
        ch_utc_text(moments[i], text);
        ck_assert_msg(ch_utc_read(text, &seconds), "%s", text);
        ck_assert_uint_eq(seconds, moments[i]);
    }
    ch_utc_text(1801387801, text);
    ck_assert_str_eq(text, "2027-01-31T09:30:01Z");
}
END_TEST

CH_TESTS("utc", CH_TEST_ROWS(test_a_day_and_a_time_are_read_and_nothing_else, cases),
         CH_TEST(test_what_is_written_can_be_read))
